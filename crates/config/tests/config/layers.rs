//! Which layer wins, and what the defaults are.

use std::path::Path;
use std::time::Duration;

use weir_config::{
    Credentials, Driver, EcosystemId, Env, Format, ListingMode, Overrides, Secret, Sources,
    WorkMode, load,
};

use crate::{read, toml};

fn npm() -> EcosystemId {
    EcosystemId::parse("npm").expect("npm is known")
}

#[test]
fn nothing_said_is_loopback_with_files_below_the_users_data_folder() {
    let config = toml("").unwrap().config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.storage.url.as_str(), "file:///home/ada/.local/share/weir/cache");
    assert_eq!(config.database.path, Path::new("/home/ada/.local/share/weir/weir.db"));
    assert_eq!(config.database.driver, Driver::Sqlite);
    assert_eq!(config.policy.block_status, 403);
    assert!(config.registries.is_empty() && !config.http2 && !config.offline);
}

#[test]
fn the_three_formats_say_the_same() {
    let toml = r#"
listen = ":9000"
[limits]
document = "10 GiB"
[upstream]
npm = "https://registry.example/npm/"
[cooldown]
default = "3d"
[cooldown.packages]
"pkg:npm/@Acme/*" = 0
[[policy.rules]]
name = "no-left-pad"
effect = "deny"
purl = "pkg:npm/left-pad"
until = 2030-01-31
"#;
    let yaml = r#"
listen: ":9000"
limits: { document: 10 GiB }
upstream:
  npm: https://registry.example/npm/
cooldown:
  default: 3d
  packages:
    "pkg:npm/@Acme/*": 0
policy:
  rules:
    - { name: no-left-pad, effect: deny, purl: "pkg:npm/left-pad", until: 2030-01-31 }
"#;
    let json = r#"{
"listen": ":9000", "limits": {"document": 10737418240},
"upstream": {"npm": "https://registry.example/npm/"},
"cooldown": {"default": "3d", "packages": {"pkg:npm/@Acme/*": "0"}},
"policy": {"rules": [{"name": "no-left-pad", "effect": "deny", "purl": "pkg:npm/left-pad",
"until": "2030-01-31"}]}}"#;
    let first = read(toml, Format::Toml, &[]).unwrap().config;
    assert_eq!(first.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(first.cooldown.default, Duration::from_hours(72));
    assert!(first.cooldown.packages.contains_key("pkg:npm/@Acme/*"));
    assert_eq!(first.policy.rules[0].until.unwrap().date(), "2030-01-31");
    assert_eq!(read(yaml, Format::Yaml, &[]).unwrap().config, first);
    assert_eq!(read(json, Format::Json, &[]).unwrap().config, first);
}

#[test]
fn an_empty_file_says_nothing() {
    for (text, format) in [("", Format::Yaml), ("# nothing\n", Format::Yaml), ("{}", Format::Json)]
    {
        assert_eq!(read(text, format, &[]).unwrap().config, toml("").unwrap().config, "{text:?}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_its_own_names_over_the_older_ones() {
    let variables = [
        ("WEIR_COOLDOWN__DEFAULT", "9d"),
        ("PROXY_LISTEN", ":1"),
        ("WEIR_LISTEN", ":2"),
        ("PROXY_LOG_FORMAT", "json"),
        ("WEIR_UPSTREAM__NPM", "https://registry.example/env"),
        ("WEIR_UPSTREAM__NPM__CREDENTIALS__TOKEN", "s3cret"),
        ("WEIR_UPSTREAM__NPM__LIMITS__RETRIES", "7"),
        ("WEIR_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7"),
        ("WEIR_POLICY__LISTING", "remove"),
        ("WEIR_BASE_URL", ""),
        ("WEIR_TEST_ANYTHING", "x"),
    ];
    let file = "listen = \":3\"\n[cooldown]\ndefault = \"3d\"\nunknown = \"deny\"\n\
                [upstream]\nnpm = \"https://registry.example/file\"";
    let config = read(file, Format::Toml, &variables).unwrap().config;
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.cooldown.default, Duration::from_hours(9 * 24));
    assert_eq!(config.cooldown.unknown, weir_config::UnknownDate::Deny);
    let upstream = config.registries["npm"].upstream.clone().unwrap();
    assert_eq!(upstream.address.url.path(), "/env");
    assert_eq!(upstream.limits.retries, 7);
    let token = Secret::new("s3cret");
    assert_eq!(upstream.address.credentials, Some(Credentials::Bearer { token }));
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.policy.listing.mode(npm()), ListingMode::Remove);
    assert_eq!(config.base_url, None);
}

#[test]
fn flags_win_over_everything() {
    let env: Env = [("WEIR_LISTEN", ":2"), ("HOME", "/home/ada"), ("WEIR_STORAGE__URL", "s3://b")]
        .into_iter()
        .collect();
    let overrides = Overrides {
        listen: Some("[::1]:4".into()),
        storage_path: Some("bytes".into()),
        offline: true,
        database_url: Some(Secret::new("postgres://weir:pw@db.example/weir")),
        ..Overrides::default()
    };
    let cwd = Path::new("/srv/weir");
    let loaded = load(&Sources { file: None, env: &env, overrides: &overrides, cwd }).unwrap();
    assert_eq!(loaded.config.listen.to_string(), "[::1]:4");
    assert_eq!(loaded.config.storage.url.as_str(), "file:///srv/weir/bytes");
    assert_eq!(loaded.config.database.driver, Driver::Postgres);
    assert!(loaded.config.offline);
    insta::assert_snapshot!(loaded.warnings[0], @r#"storage.path: is deprecated; write storage.url = "file:///…" instead"#);
}

#[test]
fn a_wrong_flag_is_named() {
    let env = Env::default();
    let overrides = Overrides { base_url: Some("packages".into()), ..Overrides::default() };
    let sources = Sources { file: None, env: &env, overrides: &overrides, cwd: Path::new("/") };
    insta::assert_snapshot!(load(&sources).unwrap_err(), @r#"flag --base-url: base_url: found "packages", expected an address such as https://packages.example.org; for example: base_url = "https://packages.example.org""#);
}

#[test]
fn the_file_is_found_where_it_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let user = folder.path().join("settings/weir");
    std::fs::create_dir_all(&user).unwrap();
    std::fs::write(user.join("weir.toml"), "listen = \":1\"").unwrap();
    std::fs::write(folder.path().join("other.json"), "{\"listen\": \":3\"}").unwrap();
    let home = folder.path().join("settings").display().to_string();
    let port = |file: Option<&Path>, variables: &[(&str, &str)]| {
        let env: Env = variables.iter().copied().chain([("XDG_CONFIG_HOME", &*home)]).collect();
        let overrides = Overrides::default();
        let sources = Sources { file, env: &env, overrides: &overrides, cwd: folder.path() };
        load(&sources).unwrap().config.listen.port()
    };
    assert_eq!(port(None, &[]), 1);
    std::fs::write(folder.path().join("weir.yaml"), "listen: ':2'").unwrap();
    assert_eq!(port(None, &[]), 2);
    assert_eq!(port(None, &[("WEIR_CONFIG", "other.json")]), 3);
    assert_eq!(port(Some(Path::new("weir.yaml")), &[("WEIR_CONFIG", "other.json")]), 2);
}

#[test]
fn secrets_are_read_from_where_they_are_kept_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let text = format!(
        "[upstream.npm]\naddress = \"https://registry.example\"\n\
         credentials = {{ user = \"ci\", password = {{ file = {file:?} }} }}\n\
         [upstream.pypi]\naddress = \"https://registry.example\"\n\
         credentials = {{ token = {{ env = \"TOKEN\" }} }}\n\
         [upstream.cargo]\naddress = \"https://ada:p%40ss@registry.example/index/\"\n"
    );
    let config = read(&text, Format::Toml, &[("TOKEN", "t0ken")]).unwrap().config;
    let credentials =
        |id: &str| config.registries[id].upstream.clone().unwrap().address.credentials.unwrap();
    let password = Secret::new("hunter2");
    assert_eq!(credentials("npm"), Credentials::Basic { user: "ci".into(), password });
    assert_eq!(credentials("pypi"), Credentials::Bearer { token: Secret::new("t0ken") });
    let password = Secret::new("p@ss");
    assert_eq!(credentials("cargo"), Credentials::Basic { user: "ada".into(), password });
    let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    for secret in ["hunter2", "t0ken", "p@ss", "p%40ss"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    insta::assert_snapshot!(read(&text, Format::Toml, &[]).unwrap_err(), @r#"
weir.toml:6: upstream.pypi.credentials.token: the variable TOKEN is not set
weir.toml:6: upstream.pypi.credentials: are user and password, or token, or header and value
"#);
}

#[test]
fn work_mode_is_read_in_both_spellings() {
    for key in ["work_mode", "work-mode"] {
        let config = toml(&format!("[policy]\n{key} = \"strict\"")).unwrap().config;
        assert_eq!(config.policy.work_mode, WorkMode::Strict);
    }
}

#[test]
fn the_whole_configuration_can_be_shown_as_toml() {
    let text = "[upstream]\nnpm = \"https://ada:hunter2@registry.example\"\n\
                [freshness.ecosystems.npm]\nttl = \"1m\"\n[cooldown.ecosystems]\nnpm = \"3d\"";
    let shown = ::toml::to_string(&toml(text).unwrap().config).unwrap();
    let shown: ::toml::Table = shown.parse().unwrap();
    assert_eq!(shown["cooldown"]["ecosystems"]["npm"].as_str(), Some("3d"));
    assert_eq!(shown["freshness"]["ecosystems"]["npm"]["ttl"].as_str(), Some("1m"));
    let address = &shown["registries"]["npm"]["upstream"]["address"];
    assert_eq!(address["credentials"]["basic"]["password"].as_str(), Some("***"));
}

#[test]
fn a_package_pattern_may_end_in_one_version() {
    let read = |purl: &str| {
        toml(&format!(
            "[cooldown.packages]\n{purl:?} = \"3d\"\n[[policy.rules]]\nname = \"r\"\neffect = \"deny\"\npurl = {purl:?}"
        ))
    };
    for purl in [
        "pkg:npm/vite@7.1.0",
        "pkg:npm/@acme/demo@1.0.0",
        "pkg:npm/%40acme/demo@1.0.0",
        "pkg:npm/@acme/*",
        "pkg:golang/example.org/demo@v1.0.0",
        "pkg:oci/library/alpine@sha256:00",
    ] {
        let config = read(purl).unwrap().config;
        assert!(config.cooldown.packages.contains_key(purl));
        assert_eq!(config.policy.rules[0].purl, purl);
    }
    for purl in ["pkg:npm/vite@", "pkg:npm/vite@7.*", "pkg:npm/", "pkg:npm/@acme/"] {
        assert!(read(purl).is_err(), "{purl}");
    }
}
