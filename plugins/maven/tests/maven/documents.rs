//! Listings as they are edited, dated and joined; refusals.

use weir_core::{Code, Denial, Doc, Ecosystem, Edit};
use weir_maven::Maven;

use crate::fixtures::{DEMO, PLUGINS, Play, SNAPSHOT, demo, route};

const LISTING: &str = "org/acme/demo/maven-metadata.xml";
const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2025-06-10T12:00:00Z";

fn listing() -> Play {
    Play::new(LISTING, None).gather(|path| demo(path, ""))
}

#[test]
fn what_names_a_withheld_version_names_the_best_that_is_left() {
    let mut edits = vec![Edit::Keep; 5];
    edits[3] = Edit::Drop;
    edits[4] = Edit::Drop;
    insta::assert_snapshot!(listing().written(edits), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <metadata modelVersion="1.1.0">
      <groupId>org.acme</groupId>
      <artifactId>demo</artifactId>
      <version>1.1</version>
      <versioning>
        <latest>1.1</latest>
        <release>1.1</release>
        <versions>
          <version>1.0</version>
          <version>1.1</version>
          <version>2.0-rc1</version>
        </versions>
        <lastUpdated>20250610120000</lastUpdated>
      </versioning>
    </metadata>
    "#);
}

#[test]
fn nothing_left_is_an_empty_list() {
    insta::assert_snapshot!(listing().written(vec![Edit::Drop; 5]), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <metadata modelVersion="1.1.0">
      <groupId>org.acme</groupId>
      <artifactId>demo</artifactId>
      
      <versioning>
        
        
        <versions>
          
        </versions>
        <lastUpdated>20250610120000</lastUpdated>
      </versioning>
    </metadata>
    "#);
}

#[test]
fn a_version_that_is_not_listed_is_not_named_either() {
    let text = DEMO.replace("<release>2.0<", "<release>3.0<");
    let play = Play::new(LISTING, None)
        .gather(|path| (path == LISTING).then(|| Doc::new(text.clone(), "text/xml")));
    assert!(play.written(Vec::new()).contains("<release>2.0</release>"));
}

#[test]
fn a_list_that_has_not_changed_for_long_asks_for_no_dates() {
    let play = Play::new(LISTING, Some("2025-07-01T00:00:00Z")).gather(|path| demo(path, NEW));
    assert_eq!(play.asked, [LISTING]);
    assert!(play.dates().iter().all(|(_, date)| date.as_deref() == Some("2025-06-10")));
}

#[test]
fn the_newest_versions_are_asked_for_their_dates() {
    let play = Play::new(LISTING, Some("2025-06-01T00:00:00Z")).gather(|path| demo(path, OLD));
    assert_eq!(
        play.asked,
        [
            LISTING,
            "HEAD org/acme/demo/2.0/demo-2.0.pom",
            "HEAD org/acme/demo/2.0-rc1/demo-2.0-rc1.pom",
            "HEAD org/acme/demo/1.1/demo-1.1.pom",
        ]
    );
    let first = play.dates().into_iter().next();
    assert_eq!(first, Some(("1.0".to_owned(), None)));

    let play = Play::new(LISTING, Some("2025-06-01T00:00:00Z")).gather(|path| demo(path, NEW));
    assert_eq!(play.asked.len(), 5, "{:?}", play.asked);
    assert_eq!(play.dates()[0].1.as_deref(), Some("2025-06-10"));
}

#[test]
fn a_registry_without_dates_is_asked_for_few() {
    let bare = |path: &str| demo(path, "").or_else(|| Some(Doc::new("", "")));
    let play = Play::new(LISTING, Some("2025-06-01T00:00:00Z")).gather(bare);
    assert_eq!(play.asked.len(), 4, "{:?}", play.asked);
    assert!(play.dates().iter().all(|(_, date)| date.is_none()));
}

#[test]
fn a_file_has_the_date_that_its_listing_gives_it() {
    let horizon = Some("2025-06-01T00:00:00Z");
    let jar = "org/acme/demo/2.0/demo-2.0.jar";
    let play = Play::new(jar, horizon).gather(|path| demo(path, NEW));
    assert_eq!(play.dates(), [("2.0".to_owned(), Some("2025-06-10".to_owned()))]);
    assert!(!play.asked.iter().any(|path| path.contains("demo-2.0.jar")), "{:?}", play.asked);

    let pom = Play::new("org/acme/demo/2.0/demo-2.0.pom", horizon).gather(|_| None);
    assert!(pom.asked.is_empty(), "{:?}", pom.asked);
}

#[test]
fn a_file_that_no_listing_names_is_asked_for_its_own_date() {
    let jar = "org/acme/demo/9/demo-9.jar";
    let play = Play::new(jar, None).gather(|path| demo(path, NEW));
    assert_eq!(play.asked, [LISTING.to_owned(), format!("HEAD {jar}")]);
    assert_eq!(play.dates(), [("9".to_owned(), Some("2025-06-10".to_owned()))]);
    assert!(Maven.locate(&play.job()).unwrap().is_some());

    let play = Play::new(jar, None).gather(|_| None);
    assert!(Maven.locate(&play.job()).unwrap().is_none());
}

#[test]
fn the_build_of_a_snapshot_is_dated_by_its_name() {
    let raw = "org/acme/demo/2.1-SNAPSHOT/demo-2.1-20250610.120000-3.jar";
    let play = Play::new(raw, None).gather(|_| None);
    assert!(play.asked.is_empty());
    let row = ("2.1-SNAPSHOT".to_owned(), Some("2025-06-10".to_owned()));
    assert_eq!(play.dates(), std::slice::from_ref(&row));
    let raw = "org/acme/demo/2.1-SNAPSHOT/maven-metadata.xml";
    let play = Play::new(raw, None).gather(|_| Some(Doc::new(SNAPSHOT, "text/xml")));
    assert_eq!(play.dates(), [row]);
}

#[test]
fn what_readers_could_disagree_on_is_refused() {
    for (from, to) in [
        ("<metadata modelVersion", "<other modelVersion"),
        ("<versioning>", "<versioning/><versioning>"),
        ("<versions>", "<versions/><versions>"),
        ("<latest>", "<latest>1</latest><latest>"),
        ("<?xml version", "<!DOCTYPE metadata><?xml version"),
    ] {
        let text = DEMO.replacen(from, to, 1);
        let play = Play::new(LISTING, None)
            .gather(|path| (path == LISTING).then(|| Doc::new(text.clone(), "text/xml")));
        assert!(Maven.read(&play.job(), &mut |_| ()).is_err(), "{to}");
    }
}

#[test]
fn an_entry_that_is_no_version_is_reported_as_unreadable() {
    let text = DEMO.replace("<version>1.1<", "<version>1.<!-- -->1<");
    let text = text.replace("<version>1.0<", "<version>../1.0<");
    let play = Play::new(LISTING, None)
        .gather(|path| (path == LISTING).then(|| Doc::new(text.clone(), "text/xml")));
    let mut unreadable = 0;
    let count = |release: weir_core::Release<'_>| {
        unreadable += usize::from(release.unreadable.is_some());
    };
    let mut count = count;
    Maven.read(&play.job(), &mut count).unwrap();
    assert_eq!(unreadable, 2);
}

#[test]
fn listings_of_several_repositories_become_one() {
    let other = "<metadata><versioning><latest>3.0</latest><release>3.0</release><versions>\
                 <version>1.0</version><version>3.0</version></versions>\
                 <lastUpdated>20240101000000</lastUpdated></versioning></metadata>";
    let merge = Maven.describe().merge.unwrap();
    assert!((merge.joins)(&route(LISTING)));
    let joined = (merge.join)(&[DEMO.as_bytes(), other.as_bytes(), PLUGINS.as_bytes()]).unwrap();
    insta::assert_snapshot!(String::from_utf8(joined).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <metadata>
      <groupId>org.acme</groupId>
      <artifactId>demo</artifactId>
      <versioning>
        <latest>3.0</latest>
        <release>3.0</release>
        <versions>
          <version>1.0</version>
          <version>1.1</version>
          <version>2.0-rc1</version>
          <version>2.0</version>
          <version>2.1-SNAPSHOT</version>
          <version>3.0</version>
        </versions>
        <lastUpdated>20250610120000</lastUpdated>
      </versioning>
      <plugins>
        <plugin>
          <name>Demo</name>
          <prefix>demo</prefix>
          <artifactId>demo-maven-plugin</artifactId>
        </plugin>
      </plugins>
    </metadata>
    "#);
    let older = SNAPSHOT.replace("20250610", "20250101");
    let newest = (merge.join)(&[older.as_bytes(), SNAPSHOT.as_bytes()]).unwrap();
    assert_eq!(newest, SNAPSHOT.as_bytes());
}

#[test]
fn a_refusal_is_a_problem_that_maven_prints() {
    let denial = Denial::new(Code::BlockedByPolicies, "demo 2.0 withheld by cooldown (3 days)");
    let reply = Maven.deny(None, &denial);
    assert_eq!(reply.media, "application/problem+json");
    insta::assert_snapshot!(reply.body, @r#"{"title":"withheld by the gateway","detail":"demo 2.0 withheld by cooldown (3 days)"}"#);
}
