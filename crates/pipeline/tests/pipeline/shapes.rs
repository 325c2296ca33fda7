//! Ecosystems of other shapes than the first three, played by the probes.

use std::fmt::Write as _;

use weir_core::{
    Algorithm, Descriptor, Digest, Ecosystem, Edits, FormatError, Head, Job, Located, Need,
    Release, Request, Segments, SidecarKind, Target, Unroutable,
};
use weir_policy::{Effect, RuleSettings};
use weir_testkit::origin::{Answer, Origin};
use weir_testkit::probes::{Chain, Content, Linked, Listed};

use crate::harness::{DAY, Setup, setup};

fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// A document of the probes.
fn lines(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text + "end\n"
}

fn entry(name: &str, version: &str, file: &str, content: &str) -> String {
    format!("file {name} {version} {file} {}", sha256(content.as_bytes()))
}

fn deny(setup: Setup, version: &str) -> Setup {
    let rule = RuleSettings::new("no", Effect::Deny).purl("pkg:generic/*").versions(version);
    setup.with(|s| s.policy.rules.push(rule))
}

/// Puts an index and the root that names it on an origin.
fn put_chain(origin: &Origin, entries: &[String]) {
    let main = lines(entries);
    let root = format!("index main {} {}", sha256(main.as_bytes()), main.len());
    origin.put("root", Answer::ok(lines(&[root])));
    origin.put("index/main", Answer::ok(main));
}

#[tokio::test]
async fn a_root_names_its_children_as_they_are_served() {
    let origin = Origin::start().await;
    let old = entry("demo", "1.0", "demo-1.0.bin", "one");
    put_chain(&origin, &[old.clone(), entry("demo", "2.0", "demo-2.0.bin", "two")]);
    origin.put("pool/main/demo-1.0.bin", Answer::ok("one"));
    origin.put("pool/main/demo-2.0.bin", Answer::ok("two"));
    let gateway = deny(setup().probe("chain", Chain, &origin), "2.0").open().await;

    let index = gateway.get("/chain/index/main").await;
    assert_eq!(index.text(), lines(&[old]));
    let root = gateway.get("/chain/root").await;
    let expected = format!("index main {} {}", sha256(&index.body), index.body.len());
    assert_eq!(root.text(), lines(&[expected]));
    assert!(gateway.get("/chain/pool/main/demo-1.0.bin").await.is(200));
    let refused = gateway.get("/chain/pool/main/demo-2.0.bin").await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");

    gateway.set_policy(&weir_policy::PolicySettings::default());
    let index = gateway.get("/chain/index/main").await;
    assert!(index.text().contains("2.0"));
    let root = gateway.get("/chain/root").await;
    assert!(root.text().contains(&sha256(&index.body)), "{}", root.text());
}

#[tokio::test]
async fn a_root_changes_when_a_verdict_on_a_child_does() {
    let origin = Origin::start().await;
    let old = entry("demo", "1.0", "demo-1.0.bin", "one");
    put_chain(&origin, std::slice::from_ref(&old));
    let gateway = setup().probe("chain", Chain, &origin).cooldown(7).open().await;
    let first = gateway.get("/chain/root").await;
    assert!(first.is(200), "{first:?}");
    put_chain(&origin, &[old, entry("demo", "2.0", "demo-2.0.bin", "two")]);
    origin.put("pool/main/demo-2.0.bin", Answer::ok("two"));
    gateway.clock().advance(DAY);

    // What appeared is new, and withheld: nothing that is served has changed.
    let root = gateway.get("/chain/root").await;
    assert_eq!(root.text(), first.text());
    let file = "/chain/pool/main/demo-2.0.bin";
    assert!(gateway.get(file).await.fails(403, "blocked_by_policies"));
    gateway.clock().advance(DAY * 7);
    let root = gateway.get("/chain/root").await;
    assert_ne!(root.text(), first.text());
    let index = gateway.get("/chain/index/main").await;
    assert!(root.text().contains(&sha256(&index.body)) && index.text().contains("2.0"));
    assert!(gateway.get(file).await.is(200));
}

#[tokio::test]
async fn an_index_that_is_not_what_its_root_promises_is_refused() {
    let origin = Origin::start().await;
    put_chain(&origin, &[entry("demo", "1.0", "demo-1.0.bin", "one")]);
    origin.put("index/main", Answer::ok(lines(&[entry("evil", "1.0", "evil.bin", "x")])));
    let gateway = setup().probe("chain", Chain, &origin).open().await;
    for path in ["/chain/index/main", "/chain/root", "/chain/pool/main/evil.bin"] {
        let refused = gateway.get(path).await;
        assert!(refused.fails(502, "integrity_mismatch"), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn content_is_served_where_a_release_that_passes_lists_it() {
    let origin = Origin::start().await;
    let (base, top) = (sha256(b"base"), sha256(b"top"));
    let images = [("1.0", vec![&base]), ("2.0", vec![&base, &top])];
    for (tag, layers) in images {
        let layers: Vec<_> = layers.iter().map(|layer| format!("layer {layer}")).collect();
        origin.put(&format!("demo/images/{tag}"), Answer::ok(lines(&layers)));
    }
    origin.put(&format!("demo/layers/{base}"), Answer::ok("base"));
    origin.put(&format!("demo/layers/{top}"), Answer::ok("top"));
    let (base, top) =
        (format!("/content/demo/layers/{base}"), format!("/content/demo/layers/{top}"));
    let setup = setup().probe("content", Content, &origin);
    let gateway = setup.open().await;
    assert!(gateway.get(&base).await.fails(404, "not_found"), "nothing is known of it");
    for tag in ["1.0", "2.0"] {
        assert!(gateway.get(&format!("/content/demo/images/{tag}")).await.is(200));
        gateway.clock().advance(DAY);
    }
    for stored in [false, true] {
        gateway.set_policy(&deny(setup.clone(), "2.0").policy);
        assert!(gateway.get(&base).await.is(200), "stored {stored}: 1.0 lists it too");
        assert!(gateway.get(&top).await.fails(403, "blocked_by_policies"), "stored {stored}");
        gateway.set_policy(&setup.policy);
        assert!(gateway.get(&top).await.is(200));
    }
    gateway.set_policy(&deny(setup.clone(), "*").policy);
    assert!(gateway.get(&base).await.fails(403, "blocked_by_policies"));
}

#[tokio::test]
async fn pages_link_to_pages_and_files_elsewhere() {
    let (origin, files) = (Origin::start().await, Origin::start().await);
    let further = entry("demo", "2.0", &format!("{}/demo-2.0.bin", files.url()), "two");
    origin.put("more/demo-2", Answer::ok(lines(&[further])));
    let first = entry("demo", "1.0", "store/demo-1.0.bin", "one");
    origin.put("demo", Answer::ok(lines(&[first, "page more/demo-2".into()])));
    origin.put("store/demo-1.0.bin", Answer::ok("one"));
    files.put("demo-2.0.bin", Answer::ok("two"));
    let gateway = setup().probe("linked", Linked, &origin).open().await;
    let listing = gateway.get("/linked/demo").await;
    assert!(listing.is(200), "{listing:?}");
    assert!(listing.text().contains("http://weir.example:8080/linked/demo/2.0/demo-2.0.bin"));
    assert!(!listing.text().contains("page"));
    assert_eq!(gateway.get("/linked/demo/1.0/demo-1.0.bin").await.text(), "one");
    assert_eq!(gateway.get("/linked/demo/2.0/demo-2.0.bin").await.text(), "two");
}

#[tokio::test]
async fn only_the_listing_tells_whose_a_file_is() {
    let origin = Origin::start().await;
    let one = entry("demo-1", "2", "demo-1-2.bin", "x");
    origin.put("list/demo-1", Answer::ok(lines(&[one])));
    origin.put("files/demo-1/demo-1-2.bin", Answer::ok("x"));
    let gateway = deny(setup().probe("listed", Listed, &origin), "1-2").open().await;
    assert!(gateway.get("/listed/files/demo-1/demo-1-2.bin").await.is(200));
    assert_eq!(gateway.stored(), ["listed/demo-1/2/demo-1-2.bin"]);
    assert!(gateway.get("/listed/files/demo/demo-1-2.bin").await.fails(404, "not_found"));
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let origin = Origin::start().await;
    origin.put("list/demo", Answer::ok(lines(&[entry("demo", "1.0", "none.bin", "")])));
    origin.put("files/demo/none.bin", Answer::ok(""));
    let gateway = setup().probe("listed", Listed, &origin).open().await;
    for _hit in [false, true, true] {
        let answered = gateway.get("/listed/files/demo/none.bin").await;
        assert!(answered.is(200) && answered.body.is_empty(), "{answered:?}");
        assert_eq!(answered.header("content-length"), Some("0"));
    }
    let headers = [("range", "bytes=0-")];
    assert!(gateway.ask("GET", "/listed/files/demo/none.bin", &headers).await.is(416));
}

/// [`Listed`] with a checksum beside everything, as Maven repositories have them.
#[derive(Debug)]
struct Summed;

impl Ecosystem for Summed {
    fn describe(&self) -> &'static Descriptor {
        Listed.describe()
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        let path = request.segments.as_slice().join("/");
        let Some(of) = path.strip_suffix(".sha1") else { return Listed.route(request) };
        let of = Listed.route(&Request { segments: Segments::parse(of)?, ..request.clone() })?;
        Ok(Target::Sidecar { of: Box::new(of), kind: SidecarKind::Checksum(Algorithm::Sha1) })
    }

    fn path(&self, target: &Target) -> String {
        match target {
            Target::Sidecar { of, .. } => format!("{}.sha1", Listed.path(of)),
            target => Listed.path(target),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        Listed.need(job)
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        Listed.read(job, each)
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn std::io::Write,
    ) -> Result<Head, FormatError> {
        Listed.write(job, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        Listed.locate(job)
    }
}

#[tokio::test]
async fn a_checksum_is_that_of_what_is_served() {
    let origin = Origin::start().await;
    let entries = [entry("demo", "1.0", "a.bin", "one"), entry("demo", "2.0", "b.bin", "two")];
    origin.put("list/demo", Answer::ok(lines(&entries)));
    origin.put("files/demo/a.bin", Answer::ok("one"));
    origin.put("files/demo/b.bin", Answer::ok("two"));
    let gateway = deny(setup().probe("summed", Summed, &origin), "2.0").open().await;
    for path in ["/summed/list/demo", "/summed/files/demo/a.bin"] {
        // Before and after what it is of is here.
        for _ in 0..2 {
            let sum = gateway.get(&format!("{path}.sha1")).await;
            assert!(sum.is(200), "{path}: {sum:?}");
            let of = gateway.get(path).await;
            assert_eq!(sum.text(), Digest::of(Algorithm::Sha1, &of.body).hex(), "{path}");
        }
    }
    let refused = gateway.get("/summed/files/demo/b.bin.sha1").await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");
    assert!(gateway.get("/summed/files/demo/c.bin.sha1").await.fails(404, "not_found"));
}
