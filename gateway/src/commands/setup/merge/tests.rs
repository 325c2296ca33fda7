//! Merging into settings files that people wrote.

use super::*;

const CARGO: &str = "[source.crates-io]\nreplace-with = \"weir\"\n\n[source.weir]\nregistry = \"sparse+http://w/cargo/\"\n";
const UV: &str = "[[index]]\nurl = \"http://w/simple/\"\ndefault = true\n";
const YARN: &str = "npmRegistryServer: \"http://w/npm\"\nunsafeHttpWhitelist:\n  - \"w\"\n";

fn text(old: &str, wanted: &str, style: Style) -> String {
    merge(old, wanted, style).unwrap().text
}

#[test]
fn an_empty_file_becomes_the_wanted_lines() {
    assert_eq!(text("", "registry=http://w/npm/\n", Style::Ini), "registry=http://w/npm/\n");
    assert_eq!(text("", UV, Style::Toml), UV);
    assert_eq!(text("", YARN, Style::Yaml), YARN);
    assert_eq!(text("", "registry \"http://w/\"\n", Style::Words), "registry \"http://w/\"\n");
}

#[test]
fn a_file_that_comes_as_a_whole_is_left_alone_when_it_holds_something_else() {
    let wanted = "<settings/>\n";
    assert_eq!(text("", wanted, Style::Whole), wanted);
    assert!(merge(wanted, wanted, Style::Whole).unwrap().changes.is_empty());
    assert_eq!(merge("<settings><a/></settings>", wanted, Style::Whole), Err(Conflict::Filled));
}

#[test]
fn merging_twice_changes_nothing() {
    for (old, wanted, style) in [
        ("", CARGO, Style::Toml),
        ("[build]\njobs = 2\n", CARGO, Style::Toml),
        ("", UV, Style::Toml),
        ("nodeLinker: node-modules\n", YARN, Style::Yaml),
        (
            "; mine\nregistry = http://other/\n//h/:_authToken=x\n",
            "registry=http://w/\n",
            Style::Ini,
        ),
        ("[global]\ntimeout = 3\n[install]\nuser = yes\n", "[global]\nindex-url = w\n", Style::Ini),
        ("lastUpdateCheck 1\nregistry \"x\"\n", "registry \"w\"\n", Style::Words),
    ] {
        let once = merge(old, wanted, style).unwrap();
        assert!(!once.changes.is_empty(), "{old}");
        let twice = merge(&once.text, wanted, style).unwrap();
        assert_eq!((twice.text, twice.changes), (once.text, Vec::new()));
    }
}

#[test]
fn a_key_gets_its_value_in_its_place_and_other_lines_stay() {
    let old = "; mine\nregistry = http://other/\n@acme:registry=http://a/\n//h/:_authToken=x\n";
    let merged = merge(old, "registry=http://w/\n", Style::Ini).unwrap();
    assert_eq!(merged.text, old.replace("registry = http://other/", "registry=http://w/"));
    let change = Change {
        old: Some("registry = http://other/".to_owned()),
        new: "registry=http://w/".to_owned(),
    };
    assert_eq!(merged.changes, [change]);
    let pip = "[install]\nindex-url = a\n\n[global]\nindex_url = b\n# end\n";
    assert_eq!(
        text(pip, "[global]\nindex-url = w\n", Style::Ini),
        "[install]\nindex-url = a\n\n[global]\nindex-url = w\n# end\n"
    );
}

#[test]
fn a_missing_key_joins_its_section() {
    let old = "[global]\ntimeout = 3\n\n[install]\nuser = yes\n";
    assert_eq!(
        text(old, "[global]\nindex-url = w\n", Style::Ini),
        "[global]\ntimeout = 3\nindex-url = w\n\n[install]\nuser = yes\n"
    );
    assert_eq!(text("[a]\nb = 1", "c=2", Style::Ini), "c=2\n[a]\nb = 1\n");
    let bun = "[install] # mine\nfrozenLockfile = true\n";
    assert_eq!(
        text(bun, "[install]\nregistry = \"w\"\n", Style::Toml),
        "[install] # mine\nfrozenLockfile = true\nregistry = \"w\"\n"
    );
}

#[test]
fn what_cannot_be_done_surely_is_not_done() {
    for (old, wanted, style) in [
        // A value of several lines.
        ("[global]\nindex-url =\n  http://a\n", "[global]\nindex-url = w\n", Style::Ini),
        ("unsafeHttpWhitelist:\n- other\n", YARN, Style::Yaml),
        // Other ways to write the same table.
        ("source.crates-io = { replace-with = \"mine\" }\n", CARGO, Style::Toml),
        ("[source]\ncrates-io.replace-with = \"mine\"\n", CARGO, Style::Toml),
        ("install = { registry = \"mine\" }\n", "[install]\nregistry = \"w\"\n", Style::Toml),
        ("x = '''\n[install]\n'''\n", "[install]\nregistry = \"w\"\n", Style::Toml),
        // Another index of the user's.
        ("[[index]]\nurl = \"http://mine/\"\n", UV, Style::Toml),
        // No TOML.
        ("= 1\n", CARGO, Style::Toml),
    ] {
        assert!(merge(old, wanted, style).is_err(), "{old}");
    }
}

#[test]
fn a_replaced_value_in_toml_is_the_only_change() {
    let old = "# keep\n[source.weir]\nregistry = \"sparse+http://old/\" # old\n[net]\nretry = 3\n";
    let merged = text(old, CARGO, Style::Toml);
    let table: toml::Table = merged.parse().unwrap();
    assert_eq!(table["net"]["retry"].as_integer(), Some(3));
    assert_eq!(table["source"]["weir"]["registry"].as_str(), Some("sparse+http://w/cargo/"));
    assert_eq!(table["source"]["crates-io"]["replace-with"].as_str(), Some("weir"));
    assert!(merged.starts_with("# keep\n"));
}

#[test]
fn a_list_of_the_users_gets_the_item_it_lacks() {
    let old = "unsafeHttpWhitelist:\n  - other\nnodeLinker: pnp\n";
    assert_eq!(
        text(old, YARN, Style::Yaml),
        "unsafeHttpWhitelist:\n  - other\n  - \"w\"\nnodeLinker: pnp\n\
         npmRegistryServer: \"http://w/npm\"\n"
    );
}
