//! `weir discover`, `weir stats` and `weir explain`.

use weir_catalog::{Catalog, DatabaseSettings};

use crate::home::{Home, registry};

#[test]
fn discover_says_what_is_known_and_from_where() {
    let home = Home::new();
    home.write(".npmrc", "registry=https://registry.example/npm/\n");
    home.write(
        "project/weir.toml",
        "[upstream]\npypi = \"https://ada:hunter2@registry.example/simple\"\n",
    );
    let text = home.weir(&["discover"]).ok();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(line("npm ").contains("https://registry.example/npm"), "{text}");
    assert!(line("npm ").contains(".npmrc"), "{text}");
    assert!(
        line("pypi ").ends_with("with credentials  the configuration (~/project/weir.toml)"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    let rows = home.weir(&["discover", "--json"]).json();
    let pypi = rows.as_array().unwrap().iter().find(|row| row["ecosystem"] == "pypi").unwrap();
    assert_eq!(pypi["address"], "https://registry.example/simple");
    assert_eq!(pypi["credentials"], true);
}

#[test]
fn stats_needs_no_server_but_a_database() {
    let home = Home::new();
    let said = home.weir(&["stats"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("there is no database at ~/.local/share/weir/weir.db"), "{said:?}");
    assert!(!home.path(".local/share/weir/weir.db").exists());

    let database = home.path("data/weir.db");
    block_on(async {
        Catalog::open(&DatabaseSettings::sqlite(&database)).await.unwrap().close().await.unwrap();
    });
    let path = database.to_str().unwrap();
    let text = home.weir(&["stats", "-database-path", path]).ok();
    assert_eq!(
        text,
        "Cache Statistics\n================\nPackages: 0\nVersions: 0\nArtifacts: 0\n\
         Total size: 0 B\nTotal hits: 0\n"
    );
    let data = home.path("data");
    let json = home.weir(&["stats", "--json", "--data-dir", data.to_str().unwrap()]).json();
    assert_eq!(json["artifacts"], 0);
    assert_eq!(json["popular"], serde_json::json!([]));
}

#[test]
fn explain_answers_alike_with_and_without_a_running_gateway() {
    let home = Home::new();
    let origin = registry();
    let asked = |purl: &str| home.weir(&["explain", purl]);
    let serving = home.serve(&origin.url());
    let (withheld, passes) = (asked("pkg:npm/left-pad@1.0.0"), asked("pkg:npm/lodash"));
    let gone = asked("pkg:npm/missing");
    let page = serving.get("/why/pkg:npm/left-pad@1.0.0").unwrap();
    assert!(serving.get("/stats").unwrap().contains("\"cached_artifacts\":0"));
    drop(serving);

    assert_eq!(withheld.code, Some(1), "{withheld:?}");
    let first = withheld.out.lines().next().unwrap();
    assert!(first.contains("no-left-pad") && first.contains("removed by its author"), "{first}");
    assert!(page.contains(first), "{page}");
    assert_eq!(passes.code, Some(0), "{passes:?}");
    assert_eq!((gone.code, gone.out.as_str()), (Some(2), ""));
    assert!(gone.err.contains("pkg:npm/missing is not listed by its registry"), "{gone:?}");

    let alone = asked("pkg:npm/left-pad@1.0.0");
    assert_eq!((alone.out, alone.code), (withheld.out, withheld.code));
    assert_eq!(asked("pkg:npm/lodash").out, passes.out);
    assert_eq!(asked("pkg:npm/missing").code, Some(2));
    let json = home.weir(&["explain", "--json", "pkg:npm/lodash"]).json();
    assert_eq!(json["passes"], true);
}

#[test]
fn explain_refuses_what_is_no_package_url_with_an_example() {
    let said = Home::new().weir(&["explain", "lodash"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("pkg:npm/lodash@4.17.21"), "{said:?}");
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}
