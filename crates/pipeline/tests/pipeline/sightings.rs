//! Registries without dates: what was there at first contact is old, what appears later is new.

use weir_cache::Retention;
use weir_policy::Unknown;
use weir_testkit::origin::{
    Answer, CargoStyle, NpmStyle, Origin, Package, PypiStyle, cargo_index, npm_registry, pypi_index,
};

use crate::harness::{DAY, PYPI_JSON, Setup, setup, versions};
use crate::policies::files;

fn demo() -> Package {
    Package::new("demo").release("1.0.0", "").release("1.1.0", "")
}

struct Undated {
    npm: Origin,
    pypi: Origin,
    cargo: Origin,
}

impl Undated {
    async fn start() -> Self {
        let (npm, pypi, cargo) =
            (Origin::start().await, Origin::start().await, Origin::start().await);
        let undated = Self { npm, pypi, cargo };
        undated.have(&demo());
        undated
    }

    fn have(&self, package: &Package) {
        let packages = std::slice::from_ref(package);
        npm_registry(&self.npm, packages, &NpmStyle { dates: false, ..NpmStyle::default() });
        let style = PypiStyle { dates: false, ..PypiStyle::default() };
        pypi_index(&self.pypi, &self.pypi, packages, &style);
        cargo_index(&self.cargo, packages, &CargoStyle { dates: false, ..CargoStyle::default() });
    }

    fn setup(&self) -> Setup {
        setup().npm(&self.npm).pypi(&self.pypi).cargo(&self.cargo).cooldown(7)
    }
}

const LISTINGS: [&str; 3] = ["/npm/demo", "/pypi/simple/demo/", "/cargo/de/mo/demo"];

#[tokio::test]
async fn what_was_there_at_first_contact_is_old() {
    let undated = Undated::start().await;
    let gateway = undated.setup().open().await;
    for path in files("1.1.0") {
        let answered = gateway.get(&path).await;
        assert!(answered.is(200), "a file first, {path}: {answered:?}");
    }
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await).len(), 2);
    let page = gateway.json("/pypi/simple/demo/", PYPI_JSON).await;
    assert!(page["files"][1]["yanked"] == false, "{page}");
    assert!(!gateway.get("/cargo/de/mo/demo").await.text().contains("\"yanked\":true"));
}

#[tokio::test]
async fn what_appears_later_is_new_and_becomes_old() {
    let undated = Undated::start().await;
    let setup = undated.setup();
    let gateway = setup.open().await;
    for path in LISTINGS {
        assert!(gateway.get(path).await.is(200), "{path}");
    }
    drop(gateway);
    undated.have(&demo().release("1.2.0", ""));
    setup.clock.advance(DAY);
    let gateway = setup.open().await;
    for path in LISTINGS {
        assert!(gateway.get(path).await.is(200), "{path}");
    }
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await), ["1.0.0", "1.1.0"]);
    for path in files("1.2.0") {
        let refused = gateway.get(&path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
        assert!(refused.text().contains("until 2026-06-09"), "{path}: {refused:?}");
    }
    for path in files("1.0.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    gateway.clock().advance(DAY * 7);
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await).len(), 3);
    for path in files("1.2.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
}

#[tokio::test]
async fn what_appears_is_new_whatever_asked_for_the_listing() {
    let undated = Undated::start().await;
    let gateway = undated.setup().open().await;
    // Only files and single versions are asked for, never a listing.
    for path in files("1.0.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    undated.have(&demo().release("1.2.0", ""));
    gateway.clock().advance(DAY);
    assert!(gateway.get("/npm/demo/1.1.0").await.is(200));
    for path in files("1.2.0") {
        let refused = gateway.get(&path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
    }
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await).len(), 2);
}

#[tokio::test]
async fn what_an_unknown_date_counts_as_is_a_setting() {
    let undated = Undated::start().await;
    let later = demo().release("1.2.0", "");
    for (unknown, passes) in [(Unknown::Deny, false), (Unknown::Allow, true)] {
        undated.have(&demo());
        let gateway = undated.setup().with(|s| s.policy.cooldown.unknown = unknown).open().await;
        for path in LISTINGS {
            gateway.get(path).await;
        }
        undated.have(&later);
        gateway.clock().advance(DAY);
        for path in files("1.0.0").into_iter().chain(files("1.2.0")) {
            let answered = gateway.get(&path).await;
            assert_eq!(answered.is(200), passes, "{unknown:?} {path}: {answered:?}");
        }
    }
}

#[tokio::test]
async fn a_stored_file_without_a_date_is_judged_by_its_sight() {
    let undated = Undated::start().await;
    let gateway = undated.setup().cooldown(0).open().await;
    for path in LISTINGS {
        assert!(gateway.get(path).await.is(200), "{path}");
    }
    undated.have(&demo().release("1.2.0", ""));
    gateway.clock().advance(DAY);
    for path in files("1.0.0").into_iter().chain(files("1.2.0")) {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    for path in LISTINGS {
        assert!(gateway.get(path).await.is(200), "{path}");
    }
    let mut strict = weir_policy::PolicySettings::default();
    strict.cooldown.default = DAY * 7;
    gateway.set_policy(&strict);
    for path in files("1.0.0") {
        let answered = gateway.get(&path).await;
        assert!(answered.is(200), "{path}: {answered:?}");
    }
    for path in &files("1.2.0") {
        let refused = gateway.get(path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
    }
}

/// What becomes of a listing between two releases must not make the second one old.
async fn is_new_though(what: &str, happens: impl AsyncFn(&Undated, &Setup)) {
    let undated = Undated::start().await;
    let setup = undated.setup();
    let gateway = setup.open().await;
    for path in files("1.0.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    drop(gateway);
    happens(&undated, &setup).await;
    undated.have(&demo().release("1.2.0", ""));
    setup.clock.advance(DAY);
    let gateway = setup.open().await;
    for path in files("1.2.0") {
        let refused = gateway.get(&path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{what}, {path}: {refused:?}");
    }
    for path in files("1.1.0") {
        let answered = gateway.get(&path).await;
        assert!(answered.is(200), "{what}, {path}: {answered:?}");
    }
}

#[tokio::test]
async fn what_appears_is_new_though_the_listing_before_is_gone() {
    is_new_though("the store was removed", async |_, setup| {
        std::fs::remove_dir_all(setup.objects()).unwrap();
    })
    .await;
    is_new_though("the listings have rotted", async |_, setup| {
        let folders = std::fs::read_dir(setup.objects().join("~documents")).unwrap();
        for folder in folders.flat_map(|mount| std::fs::read_dir(mount.unwrap().path()).unwrap()) {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                std::fs::write(file.unwrap().path(), "rotten").unwrap();
            }
        }
    })
    .await;
    is_new_though("nobody asked for a month", async |_, setup| {
        setup.clock.advance(DAY * 30);
        let gateway = setup.open().await;
        let idle = Retention { max_size: None, max_age: Some(DAY) };
        assert!(gateway.upkeep.evict(&idle).await.unwrap().documents >= 3);
    })
    .await;
}

#[tokio::test]
async fn what_appears_is_new_though_the_package_was_away_for_a_while() {
    is_new_though("it was a 404", async |undated, setup| {
        for origin in [&undated.npm, &undated.pypi, &undated.cargo] {
            origin.bend(|_, _| Answer::status(404, "gone\n"));
        }
        setup.clock.advance(DAY);
        let gateway = setup.open().await;
        for path in LISTINGS {
            assert!(gateway.get(path).await.is(404), "{path}");
        }
        for origin in [&undated.npm, &undated.pypi, &undated.cargo] {
            origin.bend(|_, answer| answer);
        }
    })
    .await;
}
