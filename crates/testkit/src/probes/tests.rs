//! The suite runs over every probe.

use weir_core::{Algorithm, Digest, Ecosystem as _, Request};

use super::{Chain, Content, Linked, Listed};
use crate::{Answers, Case, Driver, Suite, conformance, fuzz_bytes, keep_all, toy_signature};

fn sha(text: &str) -> String {
    Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
}

fn file(name: &str, version: &str, file: &str) -> String {
    format!("file {name} {version} {file} {}\n", sha(file))
}

/// What a client of the `file` format sees.
fn client(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix("end\n")?;
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace().skip(1).map(str::to_owned);
            Some((words.next()?, words.next()?))
        })
        .collect()
}

#[test]
fn a_shape_takes_fewer_than_eighty_lines() {
    let sources = [
        ("chain", include_str!("chain.rs")),
        ("content", include_str!("content.rs")),
        ("linked", include_str!("linked.rs")),
        ("listed", include_str!("listed.rs")),
    ];
    for (probe, source) in sources {
        assert!(source.lines().count() < 80, "{probe}: {} lines", source.lines().count());
    }
}

#[test]
fn ambiguous_file_names_conform() {
    let list = file("demo", "1-2", "demo-1-2.bin")
        + &file("demo", "2", "demo-1-2-1.bin")
        + &file("demo", "2", "demo-2.bin")
        + "end\n";
    let with_list = |raw: &str| Case::get(raw).document("primary:list/demo", list.clone());
    conformance(
        &Listed,
        &[
            with_list("list/demo").same_format("primary:list/demo").parsed_by(client).lists(&[
                ("demo", "1-2"),
                ("demo", "2"),
                ("demo", "2"),
            ]),
            with_list("files/demo/demo-1-2.bin").locates("demo", "1-2"),
            with_list("files/demo/demo-1-2-1.bin").locates("demo", "2"),
            with_list("files/demo/demo-3.bin").absent(),
        ],
    );
}

fn chain() -> Vec<(&'static str, String)> {
    let main = file("a", "1", "a-1.bin") + &file("a", "2", "a-2.bin") + "end\n";
    let extra = file("b", "1", "b-1.bin") + "end\n";
    let line = |name: &str, text: &str| format!("index {name} {} {}\n", sha(text), text.len());
    let root = line("main", &main) + &line("extra", &extra) + "end\n";
    vec![("primary:root", root), ("primary:index/main", main), ("primary:index/extra", extra)]
}

fn with_chain(raw: &str) -> Case {
    let insert = |case: Case, (key, text): (&str, String)| case.document(key, text);
    chain().into_iter().fold(Case::get(raw), insert)
}

#[test]
fn a_signed_chain_conforms() {
    conformance(
        &Chain,
        &[
            with_chain("root").same_format("primary:root"),
            with_chain("root.sig"),
            with_chain("index/main").same_format("primary:index/main").parsed_by(client),
            with_chain("pool/main/a-2.bin").locates("a", "2"),
            with_chain("pool/extra/a-2.bin").absent(),
        ],
    );
}

#[test]
fn a_root_follows_its_children_and_its_signature_follows_the_root() {
    let mut answers = Answers::new();
    for (key, text) in chain() {
        answers.insert(key, weir_core::Doc::new(text, ""));
    }
    let cx = weir_core::Cx::default();
    let whole = Driver { plugin: &Chain, answers: &answers, cx: &cx, judge: &keep_all };
    let drop_two = |release: &weir_core::Release<'_>| match &*release.version {
        "2" => weir_core::Edit::Drop,
        _ => weir_core::Edit::Keep,
    };
    let edited = Driver { judge: &drop_two, ..whole };
    let target = |raw| Chain.route(&Request::get(raw).unwrap()).unwrap();
    let [root, child, signature] = ["root", "index/main", "root.sig"].map(target);
    let before = whole.write(&root).unwrap().bytes;
    let after = String::from_utf8(edited.write(&root).unwrap().bytes).unwrap();
    let main = String::from_utf8(edited.write(&child).unwrap().bytes).unwrap();
    assert!(after.contains(&format!("index main {} {}\n", sha(&main), main.len())));
    assert_eq!(String::from_utf8(before).unwrap().lines().nth(1), after.lines().nth(1));
    assert_eq!(
        edited.write(&signature).unwrap().bytes,
        toy_signature("toy", after.as_bytes()),
        "the signature is over the root as served"
    );
}

#[test]
fn a_content_graph_conforms() {
    let (one, two) = (sha("one"), sha("two"));
    let image = format!("layer {one}\nlayer {two}\nend\n");
    let tags = format!("tag 1.0 {}\ntag 1.1 {}\nend\n", sha("a"), sha("b"));
    Suite::new(&Content)
        .case(
            Case::get("demo/tags")
                .document("primary:demo/tags", tags)
                .same_format("primary:demo/tags")
                .lists(&[("demo", "1.0"), ("demo", "1.1")]),
        )
        .case(
            Case::get("demo/images/1.0")
                .document("primary:demo/images/1.0", image)
                .same_format("primary:demo/images/1.0")
                .by_version()
                .refused_when_empty(),
        )
        .case(Case::get(&format!("demo/layers/{one}")).locates("demo", "1.0"))
        .case(Case::get(&format!("other/layers/{one}")).absent())
        .case(Case::get(&format!("demo/layers/{}", sha("three"))).absent())
        .check();
}

#[test]
fn linked_pages_conform() {
    let at = |version: &str| {
        let url = format!("https://files.example/x/demo-{version}.bin");
        format!("file demo {version} {url} {}\n", sha(version))
    };
    let root = "page https://registry.example/p1\npage p2\n".to_owned() + &at("1") + "end\n";
    let one = at("2") + "page https://registry.example/p3\nend\n";
    let two = at("3") + "end\n";
    let three = at("4") + "page https://registry.example/p3\nend\n";
    let with_pages = |raw: &str| {
        Case::get(raw)
            .document("primary:demo", root.clone())
            .document("https://registry.example/p1", one.clone())
            .document("p2", two.clone())
            .document("https://registry.example/p3", three.clone())
    };
    conformance(
        &Linked,
        &[
            with_pages("demo").reads_back("primary:demo").parsed_by(client),
            with_pages("demo/4/demo-4.bin").locates("demo", "4"),
            with_pages("demo/4/demo-3.bin").absent(),
        ],
    );
}

#[test]
fn arbitrary_bytes_are_survived() {
    let list = file("demo", "1", "demo-1.bin") + "end\n";
    let target = weir_core::Target::manifest("demo", "list");
    assert_eq!(fuzz_bytes(&Listed, &target, list.as_bytes()), 1);
    assert_eq!(fuzz_bytes(&Linked, &target, list.as_bytes()), 1);
    for seed in 0..200 {
        let mut random = crate::Random::new(seed);
        let mut bytes = list.clone().into_bytes();
        for _ in 0..3 {
            let at = random.below(bytes.len());
            bytes[at] = random.number() as u8;
        }
        fuzz_bytes(&Listed, &target, &bytes);
        fuzz_bytes(&Linked, &target, &bytes);
    }
}
