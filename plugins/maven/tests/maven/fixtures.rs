//! Invented listings, and jobs over them.

use weir_core::{
    Cx, Doc, Docs, Ecosystem, Edit, Edits, FactSet, Found, Job, Need, Request, Target, Timestamp,
};
use weir_maven::Maven;

pub(crate) const DEMO: &str = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<metadata modelVersion=\"1.1.0\">
  <groupId>org.acme</groupId>
  <artifactId>demo</artifactId>
  <version>2.0</version>
  <versioning>
    <latest>2.1-SNAPSHOT</latest>
    <release>2.0</release>
    <versions>
      <version>1.0</version>
      <version>1.1</version>
      <version>2.0-rc1</version>
      <version>2.0</version>
      <version>2.1-SNAPSHOT</version>
    </versions>
    <lastUpdated>20250610120000</lastUpdated>
  </versioning>
</metadata>
";

pub(crate) const SNAPSHOT: &str = "\
<metadata modelVersion=\"1.1.0\">
  <groupId>org.acme</groupId>
  <artifactId>demo</artifactId>
  <version>2.1-SNAPSHOT</version>
  <versioning>
    <snapshot><timestamp>20250610.120000</timestamp><buildNumber>3</buildNumber></snapshot>
    <lastUpdated>20250610120000</lastUpdated>
    <snapshotVersions>
      <snapshotVersion>
        <extension>jar</extension>
        <value>2.1-20250610.120000-3</value>
        <updated>20250610120000</updated>
      </snapshotVersion>
    </snapshotVersions>
  </versioning>
</metadata>
";

pub(crate) const PLUGINS: &str = "\
<metadata>
  <plugins>
    <plugin><name>Demo</name><prefix>demo</prefix><artifactId>demo-maven-plugin</artifactId></plugin>
  </plugins>
</metadata>
";

pub(crate) fn route(raw: &str) -> Target {
    Maven.route(&Request::get(raw).unwrap()).unwrap()
}

/// What is asked for, in the order of the questions, when upstream answers the documents and the
/// dates of files.
pub(crate) struct Play {
    pub(crate) target: Target,
    pub(crate) docs: Docs,
    pub(crate) cx: Cx,
    pub(crate) asked: Vec<String>,
}

impl Play {
    pub(crate) fn new(raw: &str, horizon: Option<&str>) -> Self {
        let horizon = horizon.map(|text| Timestamp::parse_rfc3339(text).unwrap());
        let cx = Cx { wants: FactSet::DATES, horizon, ..Cx::default() };
        Self { target: route(raw), docs: Docs::new(), cx, asked: Vec::new() }
    }

    pub(crate) fn job(&self) -> Job<'_> {
        Job { target: &self.target, docs: &self.docs, cx: &self.cx }
    }

    /// Gathers: `answer` gives each path its document, or the date of its file.
    pub(crate) fn gather(mut self, answer: impl Fn(&str) -> Option<Doc>) -> Self {
        for _ in 0..4 {
            let needs = Maven.need(&self.job());
            for need in needs {
                let Need::Fetch(fetch) = &need else { panic!("{need:?}") };
                let weir_core::Place::Origin { path, .. } = &fetch.place else { panic!() };
                let head = fetch.via == weir_core::Via::Head;
                let path = path.to_string();
                let found = answer(&path).map_or(Found::Absent, Found::Doc);
                self.asked.push(if head { format!("HEAD {path}") } else { path });
                self.docs.insert(need, found);
            }
        }
        assert!(Maven.need(&self.job()).is_empty());
        self
    }

    /// Version and date of each release.
    pub(crate) fn dates(&self) -> Vec<(String, Option<String>)> {
        let mut rows = Vec::new();
        let day = |at: Timestamp| at.to_string()[..10].to_owned();
        Maven
            .read(&self.job(), &mut |r| rows.push((r.version.to_string(), r.available.map(day))))
            .unwrap();
        rows
    }

    pub(crate) fn written(&self, edits: Vec<Edit>) -> String {
        let mut out = Vec::new();
        Maven.write(&self.job(), &Edits::new(edits), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

/// The listing of `demo`, and POMs of that date.
pub(crate) fn demo(path: &str, date: &str) -> Option<Doc> {
    let dated = || Doc::new("", "").modified(Timestamp::parse_rfc3339(date));
    match path {
        "org/acme/demo/maven-metadata.xml" => Some(Doc::new(DEMO, "text/xml")),
        _ => (!date.is_empty()).then(dated),
    }
}
