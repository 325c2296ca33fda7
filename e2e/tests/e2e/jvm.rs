//! Maven and Gradle below `weir run`, where they are told nothing of the gateway, and with the settings
//! that `weir setup` writes.

use super::harness::{Client, NEW, Output, Run, World, client};
use super::maven::{GRADLE, Repository, build, has, jvm, local, project};

const MAVEN: [&str; 3] = ["mvn-3.8", "mvn-3.9", "mvn-4"];

fn mvn(run: Run, world: &World) -> Output {
    jvm(run, world).args(&["-B", "-C", "-e", &local(world), "validate"]).wait()
}

fn below_weir(client: &Client, world: &World, needs: &str) -> Output {
    project(world, needs);
    let repository = world.home().join("repository");
    super::harness::empty(&repository);
    mvn(Run::below_weir(client, world), world)
}

/// Settings as a company has them: a mirror of everything.
fn company(repository: &Repository) -> String {
    format!(
        "<settings>\n  <servers><server><id>nexus</id><username>u</username><password>p</password>\
         </server></servers>\n  <mirrors><mirror><id>nexus</id><mirrorOf>*</mirrorOf>\
         <url>{}</url></mirror></mirrors>\n</settings>\n",
        repository.origin.url()
    )
}

#[test]
fn maven_needs_no_settings_below_weir_run() {
    for name in MAVEN {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        let mut world = repository.world();
        below_weir(&client, &world, "range").succeeded();
        has(&world, NEW);
        assert!(!world.home().join(".m2/settings.xml").exists(), "{name} left settings behind");

        world.strict();
        let older = below_weir(&client, &world, "range").succeeded();
        has(&world, "1.1.0");
        assert!(older.text.contains("1.2.0 withheld by cooldown (10 days)"), "{}", older.text);
        let pinned = below_weir(&client, &world, "pinned").failed();
        let (maven, summary) = pinned.text.rsplit_once("weir: ").unwrap();
        let sentence = "org.acme:demo 1.2.0 withheld by cooldown (10 days) until ";
        assert!(maven.contains(sentence) && summary.contains(sentence), "{}", pinned.text);
    }
}

#[test]
fn a_companys_mirror_is_what_the_gateway_stands_for_and_its_settings_stay() {
    for name in MAVEN {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        let mut world = repository.world();
        let own = company(&repository);
        let file = world.home().join(".m2/settings.xml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &own).unwrap();
        world.strict();
        below_weir(&client, &world, "range").succeeded();
        has(&world, "1.1.0");
        let named = below_weir(&client, &world, "pinned").failed();
        assert!(named.text.contains("withheld by cooldown (10 days)"), "{}", named.text);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), own);

        // Also where the command names its settings.
        world.write("house.xml", &own);
        std::fs::write(&file, "<settings><localRepository>/nowhere</localRepository></settings>")
            .unwrap();
        let arguments = ["-B", "-s", "house.xml", &local(&world), "validate"];
        let named = jvm(Run::below_weir(&client, &world), &world).args(&arguments).wait().failed();
        assert!(named.text.contains("withheld by cooldown (10 days)"), "{}", named.text);

        // What was fetched is the mirror's to Maven, so it finds it without Weir, too.
        std::fs::write(&file, &own).unwrap();
        below_weir(&client, &world, "range").succeeded();
        let run = jvm(Run::client(&client, &world), &world);
        run.args(&["-B", "-o", &local(&world), "validate"]).wait().succeeded();
    }
}

#[test]
fn maven_in_a_script_goes_through_the_gateway() {
    for name in ["mvn-3.9", "mvn-4"] {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        let mut world = repository.world();
        world.strict();
        project(&world, "pinned");
        // The wrapper of a project fetches Maven from there.
        let script = format!("echo from=$MVNW_REPOURL; mvn -B {} validate", local(&world));
        let shell =
            Client { program: vec!["/bin/sh".into(), "-c".into(), script], ..client.clone() };
        let run = Run::below_weir(&shell, &world).path_first(&client.folder());
        let refused = jvm(run, &world).wait().failed();
        assert!(refused.text.contains("from=http://127.0.0.1:"), "{}", refused.text);
        assert!(refused.text.contains("withheld by cooldown (10 days)"), "{}", refused.text);
    }
}

#[test]
fn gradle_needs_no_settings_below_weir_run() {
    let Some(client) = client("gradle") else { return };
    let repository = Repository::new();
    let mut world = repository.world();
    let own = format!("maven {{ url '{}' }}", repository.origin.url());
    let fetch = |world: &World, needs: &str, repositories: &str| {
        world.clear(&[]);
        build(world, needs, repositories);
        jvm(Run::below_weir(&client, world), world).args(&GRADLE).wait()
    };
    fetch(&world, "range", "mavenCentral()").succeeded();
    has(&world, NEW);
    let other = "maven { url 'http://127.0.0.1:1/other' }";
    let told = fetch(&world, "range", &format!("{own}\n{other}")).succeeded();
    assert!(told.text.contains("127.0.0.1:1/other is asked past the gateway"), "{}", told.text);

    world.strict();
    for repositories in ["mavenCentral()", &own] {
        let older = fetch(&world, "range", repositories).succeeded();
        has(&world, "1.1.0");
        assert!(older.text.contains("1.2.0 withheld by cooldown (10 days)"), "{}", older.text);
        let pinned = fetch(&world, "pinned", repositories).failed();
        let (gradle, summary) = pinned.text.rsplit_once("weir: ").unwrap();
        let sentence = "org.acme:demo 1.2.0 withheld by cooldown (10 days) until ";
        assert!(gradle.contains(sentence) && summary.contains(sentence), "{}", pinned.text);
    }
    assert!(!world.home().join(".gradle/init.d").exists());
}

#[test]
fn weir_setup_points_maven_and_gradle_at_the_gateway() {
    let repository = Repository::new();
    let mut world = repository.world();
    let write = ["setup", "maven", "--write", "--base-url", &world.url()];
    let written = Run::weir(&world, &write).wait().succeeded();
    assert!(written.text.contains(".m2/settings.xml"), "{}", written.text);
    let again = Run::weir(&world, &write).wait().succeeded();
    assert!(again.text.contains("already set"), "{}", again.text);

    let resolve = |world: &World, name: &str, needs: &str| {
        super::harness::empty(&world.home().join("repository"));
        let client = client(name)?;
        let run = Run::client(&client, world);
        Some(if name == "gradle" {
            build(world, needs, "mavenCentral()\nmaven { url 'http://127.0.0.1:1/other' }");
            jvm(run, world).args(&GRADLE).wait()
        } else {
            project(world, needs);
            mvn(run, world)
        })
    };
    for name in MAVEN.into_iter().chain(["gradle"]) {
        let Some(found) = resolve(&world, name, "range") else { continue };
        found.succeeded();
        has(&world, NEW);
    }
    world.strict();
    // What Gradle keeps is asked before the gateway is.
    super::harness::empty(&world.home().join(".gradle/caches"));
    for name in MAVEN.into_iter().chain(["gradle"]) {
        let Some(refused) = resolve(&world, name, "pinned") else { continue };
        let refused = refused.failed();
        assert!(refused.text.contains("withheld by cooldown (10 days)"), "{}", refused.text);
    }
}

#[test]
fn weir_setup_leaves_settings_alone_that_are_the_users() {
    let repository = Repository::new();
    let world = repository.world();
    let own = company(&repository);
    let file = world.home().join(".m2/settings.xml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &own).unwrap();
    let told = Run::weir(&world, &["setup", "maven", "--write"]).wait().failed();
    let sentence = "left alone, as it holds settings of its own; put these lines into it:";
    assert!(told.text.contains(sentence) && told.text.contains("<mirrorOf>*"), "{}", told.text);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), own);
    // Gradle's script is a file of its own.
    assert!(world.home().join(".gradle/init.d/weir.gradle").exists());
    let printed = Run::weir(&world, &["setup", "maven"]).wait().succeeded();
    assert!(printed.text.contains("# in ~/.m2/settings.xml\n<settings>"), "{}", printed.text);
}
