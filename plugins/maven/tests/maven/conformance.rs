//! The laws of the seam.

use weir_maven::Maven;
use weir_testkit::{Case, Suite};

use crate::fixtures::{DEMO, PLUGINS, SNAPSHOT};

/// Reads a listing as text, independently of the plugin's reader.
fn versions(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.contains("</metadata>"))?;
    let mut found = Vec::new();
    for tag in ["version", "latest", "release"] {
        for part in text.split(&format!("<{tag}>")).skip(1) {
            let (version, _) = part.split_once(&format!("</{tag}>"))?;
            found.push(("org.acme:demo".to_owned(), version.trim().to_owned()));
        }
    }
    Some(found)
}

fn listing(raw: &str, document: &str) -> Case {
    let key = format!("primary:{raw}");
    Case::get(raw).document(&key, document).same_format(&key)
}

#[test]
fn all_laws_hold() {
    let demo = |version| ("org.acme:demo", version);
    let artifact = listing("org/acme/demo/maven-metadata.xml", DEMO)
        .lists(&["1.0", "1.1", "2.0-rc1", "2.0", "2.1-SNAPSHOT"].map(demo))
        .parsed_by(versions);
    let snapshot = listing("org/acme/demo/2.1-SNAPSHOT/maven-metadata.xml", SNAPSHOT)
        .lists(&[demo("2.1-SNAPSHOT")]);
    let group = listing("org/acme/maven-metadata.xml", PLUGINS).lists(&[]);
    let top = listing("acme/maven-metadata.xml", PLUGINS).lists(&[]);
    let jar = "org/acme/demo/2.0/demo-2.0.jar";
    let files = [
        Case::get(jar).document("primary:org/acme/demo/maven-metadata.xml", DEMO),
        Case::get(jar).named("a jar without dates").wants(weir_core::FactSet::NONE),
        Case::get("org/acme/demo/2.0/demo-2.0.pom"),
    ];
    let files = files.map(|case| case.locates("org.acme:demo", "2.0"));
    let build = Case::get("org/acme/demo/2.1-SNAPSHOT/demo-2.1-20250610.120000-3.jar")
        .locates("org.acme:demo", "2.1-SNAPSHOT");
    let absent = Case::get("org/acme/demo/9.0/demo-9.0.jar")
        .document("primary:org/acme/demo/maven-metadata.xml", DEMO)
        .absent();
    let asc = format!("{jar}.asc");
    let signature = Case::get(&asc).document(&format!("primary:{asc}"), "-----BEGIN");
    Suite::new(&Maven)
        .cases(&[artifact, snapshot, group, top, build, absent, signature])
        .cases(&files)
        .case(Case::get(&format!("{jar}.sha1")))
        .relays(&[])
        .check();
}
