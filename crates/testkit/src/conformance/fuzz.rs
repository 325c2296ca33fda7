//! Arbitrary bytes in the place of documents.

use weir_core::{
    Algorithm, Cx, Digest, Doc, Docs, Ecosystem, Edit, Edits, Found, Job, Need, Release, Target,
};

use super::BASE_ORIGIN;

/// Gives a plugin these bytes as every document that it asks for, and drives `read`, `write` and
/// `locate` with them. Returns the number of releases that it read.
///
/// # Panics
/// When the plugin panics, or when its own output, with everything or nothing kept, lists a
/// release that was not read from the bytes.
pub fn fuzz_bytes(plugin: &dyn Ecosystem, target: &Target, data: &[u8]) -> usize {
    let base = format!("{BASE_ORIGIN}/{}", plugin.describe().mount);
    let wants = weir_core::FactSet::DATES;
    let mut cx = Cx { base: base.into(), wants, body: data.into(), ..Cx::default() };
    if plugin.describe().signed {
        // Passed on as it is signed, nothing is taken out of it: it only has to be read and written.
        let docs = gather(plugin, target, &cx, data);
        let job = Job { target, docs: &docs, cx: &cx };
        let _ = read(plugin, &job);
        let _ = plugin.write(&job, &Edits::keep_all(), &mut Vec::new());
        cx.resign = Some(std::sync::Arc::default());
    }
    let docs = gather(plugin, target, &cx, data);
    let job = Job { target, docs: &docs, cx: &cx };
    let _ = plugin.locate(&job);
    let Some(releases) = read(plugin, &job) else { return 0 };
    // Signed indexes go out as they came unless they are signed anew, and policy is applied to the
    // files alone.
    let passes_on = plugin.describe().signed && cx.resign.is_none();
    let readable: Vec<_> = releases.iter().filter(|r| r.unreadable.is_none()).collect();
    let keep = |release: &Release<'_>| match release.unreadable {
        Some(_) => Edit::Drop,
        None => Edit::Keep,
    };
    for edits in [
        releases.iter().map(keep).collect::<Vec<_>>(),
        releases.iter().map(|_| Edit::Drop).collect(),
    ] {
        let allowed = passes_on || edits.contains(&Edit::Keep);
        let mut written = Vec::new();
        if plugin.write(&job, &Edits::new(edits), &mut written).is_err() {
            continue;
        }
        let docs = gather(plugin, target, &cx, &written);
        let back = read(plugin, &Job { target, docs: &docs, cx: &cx }).unwrap_or_default();
        for release in back.iter().filter(|release| release.unreadable.is_none()) {
            let was_there = readable
                .iter()
                .any(|known| (&known.name, &known.version) == (&release.name, &release.version));
            assert!(
                was_there && allowed,
                "{}: {} {} appears in what was written",
                plugin.describe().id,
                release.name,
                release.version
            );
        }
    }
    readable.len()
}

fn read(plugin: &dyn Ecosystem, job: &Job<'_>) -> Option<Vec<Release<'static>>> {
    let mut releases = Vec::new();
    plugin.read(job, &mut |release| releases.push(release.into_owned())).ok()?;
    Some(releases)
}

fn gather(plugin: &dyn Ecosystem, target: &Target, cx: &Cx, data: &[u8]) -> Docs {
    let mut docs = Docs::new();
    for _ in 0..4 {
        let needs = plugin.need(&Job { target, docs: &docs, cx });
        if needs.is_empty() {
            break;
        }
        for need in needs {
            let found = match &need {
                Need::Fetch(_) => Found::Doc(Doc::new(data.to_vec(), "application/octet-stream")),
                Need::Known(_) => Found::Known(Vec::new()),
                Need::Rendered(_) => Found::Rendered {
                    digests: Algorithm::ALL.map(|a| Digest::of(a, data)).to_vec(),
                    size: data.len() as u64,
                    plain: None,
                },
                Need::Nowhere(_) => return docs,
                Need::Served(_) | Need::Past(_) => Found::Absent,
                Need::Signature { scheme, .. } => {
                    Found::Signature(super::toy_signature(scheme, data).into())
                }
            };
            if docs.found(&need).is_none() {
                docs.insert(need, found);
            }
        }
    }
    docs
}
