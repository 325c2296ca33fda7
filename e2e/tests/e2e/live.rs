//! The registries that this machine's clients use, found by discovery: large installations cold,
//! from the cache, and from the cache alone; then with a cooldown of 30 days.
//!
//! `cargo xtask e2e --live` runs these.

use std::time::Instant;

use super::harness::{Output, World};
use super::{cargo, golang, javascript, maven, python};

/// Runs a step and says how long it took.
#[track_caller]
fn timed(title: &str, step: impl FnOnce() -> Output) -> Output {
    let started = Instant::now();
    let output = step();
    println!("{title}: {:.1} s", started.elapsed().as_secs_f64());
    output
}

/// The same installation with empty client caches: through an empty gateway, from its cache, and
/// from its cache alone.
fn three_times(title: &str, world: &mut World, install: impl Fn(&World) -> Output) {
    world.forget();
    timed(&format!("{title}, cold"), || install(world)).succeeded();
    timed(&format!("{title}, warm"), || install(world)).succeeded();
    world.offline();
    timed(&format!("{title}, warm and offline"), || install(world)).succeeded();
    world.online();
}

/// How often a text holds a part.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
#[ignore = "asks the registries of this machine"]
fn live_npm_installs_hundreds_of_packages() {
    let Some(npm) = javascript::Driver::find("npm-11") else { return };
    let mut world = World::live();
    let manifest = serde_json::json!({
        "name": "project", "version": "1.0.0", "private": true,
        "dependencies": {
            "express": "*", "webpack": "*", "webpack-cli": "*", "webpack-dev-server": "*",
            "eslint": "*", "mocha": "*", "nyc": "*",
        },
    });
    world.write("package.json", &manifest.to_string());
    let lock = ["install", "--package-lock-only", "--ignore-scripts", "--no-audit"];
    timed("npm, resolving", || npm.run(&world, &lock)).succeeded();
    let open = world.read("package-lock.json").unwrap();
    let packages = count(&open, "\"integrity\"");
    println!("npm: {packages} packages");
    assert!(packages >= 300, "only {packages} packages");
    three_times("npm ci", &mut world, |world| {
        javascript::clear(world);
        npm.run(world, &["ci", "--ignore-scripts", "--no-audit"])
    });

    world.strict();
    javascript::clear(&world);
    let locked = npm.run(&world, &["ci", "--ignore-scripts", "--no-audit"]).failed();
    println!("npm ci: {}", locked.lines(&["withheld"]));
    assert!(locked.text.contains("withheld by cooldown (30 days)"), "{}", locked.text);
    world.clear(&["package-lock.json"]);
    let older = timed("npm, resolving after 30 days", || npm.run(&world, &lock)).succeeded();
    println!("npm install: {}", older.lines(&["withheld"]));
    assert!(older.text.contains("withheld by cooldown (30 days)"), "{}", older.text);
    assert_ne!(world.read("package-lock.json").unwrap(), open);
    npm.run(&world, &["ci", "--ignore-scripts", "--no-audit"]).succeeded();
}

const SCIENCE: [&str; 5] = ["numpy", "pandas", "scipy", "matplotlib", "scikit-learn"];

#[test]
#[ignore = "asks the registries of this machine"]
fn live_pip_installs_a_scientific_stack() {
    let Some(pip) = python::Driver::find("pip-26") else { return };
    science(&pip, "pip", &["install", "--no-compile", "--only-binary=:all:", "--target", "site"]);
}

#[test]
#[ignore = "asks the registries of this machine"]
fn live_uv_installs_a_scientific_stack() {
    let Some(uv) = python::Driver::find("uv") else { return };
    science(&uv, "uv", &["pip", "install", "--only-binary=:all:", "--target", "site"]);
}

/// The stack three times; then what a cooldown changes, and that what it changes is refused.
fn science(driver: &python::Driver, title: &str, install: &[&str]) {
    let mut world = World::live();
    three_times(title, &mut world, |world| {
        python::clear(world);
        driver.run(world, &[install, &SCIENCE].concat())
    });
    let open = world.installed_in("site");
    assert!(open.len() >= SCIENCE.len(), "{open:?}");

    world.strict();
    python::clear(&world);
    driver.run(&world, &[install, &SCIENCE].concat()).succeeded();
    let strict = world.installed_in("site");
    let withheld: Vec<_> = open.iter().filter(|package| !strict.contains(package)).collect();
    println!("{title}: after 30 days without {withheld:?}");
    let (name, version) = withheld.first().expect("nothing of the stack is younger than 30 days");
    python::clear(&world);
    let pinned = format!("{name}=={version}");
    let pinned = driver.run(&world, &[install, &["--no-deps", &pinned]].concat()).failed();
    assert!(pinned.text.contains("withheld by cooldown (30 days)"), "{}", pinned.text);
}

#[test]
#[ignore = "asks the registries of this machine"]
fn live_cargo_builds_hundreds_of_crates() {
    let Some(cargo) = cargo::Driver::find("cargo") else { return };
    let mut world = World::live();
    cargo::redirect(&world);
    let manifest = "[workspace]\nresolver = \"3\"\n[package]\nname = \"project\"\nversion = \"1.0.0\"\n\
        edition = \"2024\"\n[dependencies]\naxum = \"*\"\nclap = { version = \"*\", features = [\"derive\"] }\n\
        regex = \"*\"\nserde_json = \"*\"\nserde = { version = \"*\", features = [\"derive\"] }\n\
        tokio = { version = \"*\", features = [\"full\"] }\n\
        tower-http = { version = \"*\", features = [\"full\"] }\ntracing-subscriber = \"*\"\n\
        image = { version = \"*\", default-features = false, features = [\"png\"] }\n\
        reqwest = { version = \"*\", default-features = false, features = [\"json\"] }\n\
        sqlx = { version = \"*\", default-features = false }\n\
        criterion = \"*\"\nproptest = \"*\"\nquinn-proto = { version = \"*\", default-features = false }\n";
    world.write("Cargo.toml", manifest);
    world.write("src/lib.rs", "");
    timed("cargo, resolving", || cargo.run(&world, &["generate-lockfile"])).succeeded();
    let open = world.read("Cargo.lock").unwrap();
    let crates = count(&open, "[[package]]");
    println!("cargo: {crates} crates");
    assert!(crates >= 200, "only {crates} crates");
    three_times("cargo fetch and build", &mut world, |world| {
        // What is built stays; what was fetched goes.
        world.clear(&[]);
        cargo.run(world, &["fetch", "--locked"]).succeeded();
        cargo.run(world, &["build", "--locked"])
    });

    world.strict();
    world.clear(&[]);
    let locked = cargo.run(&world, &["fetch", "--locked"]).failed();
    println!("cargo fetch: {}", locked.lines(&["withheld"]));
    assert!(locked.text.contains("withheld by cooldown (30 days)"), "{}", locked.text);
    world.clear(&["Cargo.lock"]);
    cargo.run(&world, &["generate-lockfile"]).succeeded();
    assert_ne!(world.read("Cargo.lock").unwrap(), open);
    cargo.run(&world, &["fetch", "--locked"]).succeeded();
}

/// A web service with its parent POM and the plugin that packs it.
const SPRING: &str = "<project><modelVersion>4.0.0</modelVersion><parent>\
    <groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId>\
    <version>3.3.5</version></parent><groupId>demo</groupId><artifactId>demo</artifactId>\
    <version>1.0</version><dependencies><dependency><groupId>org.springframework.boot</groupId>\
    <artifactId>spring-boot-starter-web</artifactId></dependency></dependencies><build><plugins>\
    <plugin><groupId>org.springframework.boot</groupId>\
    <artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build></project>";

#[test]
#[ignore = "asks the registries of this machine"]
fn live_mvn_packages_a_web_service() {
    for name in ["mvn-3.8", "mvn-3.9", "mvn-4"] {
        let Some(mvn) = maven::Driver::find(name) else { continue };
        let mut world = World::live();
        world.write("pom.xml", SPRING);
        world.write(
            "src/main/java/demo/Demo.java",
            "package demo;\npublic class Demo { public static void main(String[] args) { } }\n",
        );
        three_times(name, &mut world, |world| maven::package(&mvn, world));
        let files = maven::files(&world);
        println!("{name}: {files} files in the local repository");
        assert!(files >= 300, "only {files} files");

        // A cooldown that is switched on withholds nothing that was there before.
        world.strict();
        timed(&format!("{name}, with a cooldown"), || maven::package(&mvn, &world)).succeeded();
        for version in ["[3.2,4)", "LATEST"] {
            world.write("pom.xml", &math(version));
            let older = maven::run(&mvn, &world, "dependency:resolve").succeeded();
            assert!(older.text.contains("commons-math3:jar:3.5"), "{}", older.text);
        }
        world.write("pom.xml", &math("3.6.1"));
        refused(name, &maven::run(&mvn, &world, "dependency:resolve"));
    }
}

/// A project that needs a library, which a rule holds at 3.5.
fn math(version: &str) -> String {
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>demo</groupId>\
         <artifactId>math</artifactId><version>1.0</version><packaging>pom</packaging>\
         <dependencies><dependency><groupId>org.apache.commons</groupId>\
         <artifactId>commons-math3</artifactId><version>{version}</version></dependency>\
         </dependencies></project>"
    )
}

#[track_caller]
fn refused(name: &str, output: &Output) {
    println!("{name}: {}", output.lines(&["withheld"]));
    let sentence = "org.apache.commons:commons-math3 3.6.1 withheld by rule math-as-it-was";
    assert!(!output.ok && output.text.contains(sentence), "{}", output.text);
}

#[test]
#[ignore = "asks the registries of this machine"]
fn live_gradle_resolves_a_web_service() {
    let Some(gradle) = maven::Driver::find("gradle") else { return };
    let mut world = World::live();
    let fetch = |world: &World, needed: &str| {
        world.clear(&[]);
        maven::fetch(&gradle, world, needed)
    };
    let web = "org.springframework.boot:spring-boot-starter-web:2.7.18";
    three_times("gradle", &mut world, |world| fetch(world, web));
    assert!(maven::files(&world) >= 20, "only {} files", maven::files(&world));
    world.strict();
    for version in ["[3.2,4)", "latest.release", "3.+"] {
        fetch(&world, &format!("org.apache.commons:commons-math3:{version}")).succeeded();
        maven::has_file(&world, "commons-math3-3.5.jar");
    }
    refused("gradle", &fetch(&world, "org.apache.commons:commons-math3:3.6.1"));
}

/// Packages of large modules, so that their graphs have hundreds of sums.
const MODULES: [&str; 12] = [
    "github.com/gin-gonic/gin",
    "github.com/spf13/cobra",
    "github.com/spf13/viper",
    "github.com/prometheus/client_golang/prometheus/promhttp",
    "github.com/hashicorp/vault/api",
    "go.etcd.io/etcd/client/v3",
    "go.uber.org/zap",
    "google.golang.org/grpc",
    "k8s.io/apimachinery/pkg/util/sets",
    "cloud.google.com/go/storage",
    "github.com/aws/aws-sdk-go-v2/config",
    "github.com/golang-migrate/migrate/v4",
];

/// A module that has a new version nearly every day.
const OFTEN: &str = "github.com/aws/aws-sdk-go-v2/service/ec2";

#[test]
#[ignore = "asks the registries of this machine"]
fn live_go_builds_a_module_with_hundreds_of_sums() {
    let Some(go) = golang::Driver::find("go") else { return };
    let mut world = World::live();
    world.write("go.mod", "module project.example/project\n\ngo 1.25.0\n");
    let imports = MODULES.map(|path| format!("import _ {path:?}\n")).concat();
    world.write("main.go", &format!("package main\n\n{imports}\nfunc main() {{}}\n"));
    // Without go.sum, so every sum is looked up in the checksum database, and its tree verified.
    timed("go, resolving", || go.run_live(&world, &["mod", "tidy"])).succeeded();
    let open = world.read("go.mod").unwrap();
    let sums = count(&world.read("go.sum").unwrap(), " h1:");
    println!("go: {sums} lines in go.sum");
    assert!(sums >= 300, "only {sums} lines in go.sum");
    three_times("go build", &mut world, |world| {
        // What is built stays; what was fetched goes.
        golang::clear(world);
        go.run_live(world, &["mod", "download"]).succeeded();
        go.run_live(world, &["build", "./..."])
    });

    let newest = |world: &World| {
        let told = go.run_live(world, &["list", "-m", &format!("{OFTEN}@latest")]).succeeded();
        told.text.split_whitespace().last().unwrap().to_owned()
    };
    let young = newest(&world);
    world.strict();
    let old = newest(&world);
    println!("{OFTEN}@latest: {young}, after 30 days {old}");
    assert_ne!(young, old);
    let pinned = go.run_live(&world, &["get", &format!("{OFTEN}@{young}")]).failed();
    assert!(pinned.text.contains("withheld by cooldown (30 days)"), "{}", pinned.text);
    golang::clear(&world);
    let locked = go.run_live(&world, &["mod", "download"]).failed();
    println!("go mod download: {}", locked.lines(&["withheld"]));
    assert!(locked.text.contains("withheld by cooldown (30 days)"), "{}", locked.text);
    world.write("go.mod", "module project.example/project\n\ngo 1.25.0\n");
    world.clear(&["go.sum"]);
    timed("go, resolving after 30 days", || go.run_live(&world, &["mod", "tidy"])).succeeded();
    assert_ne!(world.read("go.mod").unwrap(), open);
    go.run_live(&world, &["build", "./..."]).succeeded();
}
