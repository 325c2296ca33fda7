//! `weir keys`.

use crate::home::Home;

/// The value of one line of what the command printed.
fn value<'a>(shown: &'a str, label: &str) -> &'a str {
    shown.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim()
}

#[test]
fn a_key_is_made_once_and_shown_as_often_as_asked() {
    let home = Home::new();
    let missing = home.weir(&["keys", "show"]);
    assert_eq!((missing.code, missing.out.as_str()), (Some(1), ""));
    assert_eq!(
        missing.err,
        "weir: no signing key at ~/.local/share/weir/keys/signing.asc: make one with \
         `weir keys init`, or set keys.path to the file of one\n"
    );

    let made = home.weir(&["keys", "init"]);
    assert!(made.err.starts_with("The key is new. Keep a copy"), "{made:?}");
    let shown = made.ok();
    assert_eq!(value(&shown, "key"), "Weir (Ed25519)");
    assert_eq!(value(&shown, "fingerprint").len(), 40);
    assert_eq!(value(&shown, "public key"), "http://127.0.0.1:8080/keys/weir.asc");
    assert!(home.read(".local/share/weir/keys/signing.asc").contains("PRIVATE KEY BLOCK"));
    assert_eq!(home.weir(&["keys", "show"]).ok(), shown);

    let public = home.weir(&["keys", "show", "--armor"]).ok();
    assert!(public.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), "{public}");

    let again = home.weir(&["keys", "init"]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("keys/signing.asc exists and is not overwritten"), "{again:?}");
    assert_eq!(home.weir(&["keys", "show"]).ok(), shown);
}

#[test]
fn the_configuration_says_where_the_key_is_and_what_it_is() {
    let home = Home::new();
    let config = "base_url = \"https://packages.example.org/\"\n[keys]\npath = \"~key.asc\"\n\
                  kind = \"rsa3072\"\n";
    home.write("project/weir.toml", config);
    let shown = home.weir(&["keys", "init"]).ok();
    assert_eq!(value(&shown, "key"), "Weir at packages.example.org (RSA)");
    assert_eq!(value(&shown, "file"), "~/project/~key.asc");
    assert_eq!(value(&shown, "public key"), "https://packages.example.org/keys/weir.asc");
    let named = home.weir(&["keys", "init", "--user-id", "Ada <ada@example.org>", "--data-dir=d"]);
    assert_eq!(named.code, Some(1), "keys.path wins over the data folder: {named:?}");
}

#[test]
fn the_lines_that_it_prints_for_signed_mounts_are_a_configuration() {
    let home = Home::new();
    let shown = home.weir(&["keys", "init"]).ok();
    let lines = &shown[shown.find("[registries.debian]").unwrap()..];
    home.write("project/weir.toml", lines);
    home.weir(&["config", "check"]).ok();
    let resolved = home.weir(&["config", "show"]).ok();
    assert!(resolved.contains("filter_resign"), "{resolved}");
}

#[test]
fn a_gateway_does_not_start_with_a_key_that_it_cannot_use() {
    let home = Home::new();
    home.write("project/weir.toml", "[keys]\npath = \"key.asc\"\n");
    home.write("project/key.asc", "not a key");
    let said = home.weir(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("keys.path: ~/project/key.asc holds no usable"), "{said:?}");
}
