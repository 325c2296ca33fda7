//! What Maven and Gradle ask of repositories besides releases and their listings: snapshots, Gradle's
//! module files, its plugins, and repositories of a company in one group.

use std::time::Duration;

use tokio::runtime::Runtime;
use weir_core::{Algorithm, Digest};
use weir_testkit::origin::{MavenStyle, Origin, Package, maven_repository, zip};

use super::harness::{Output, Run, Settings, World, holds};
use super::maven::{Driver, GRADLE, Repository, build, engine, has, has_file, jvm, local};

const OLD: &str = "2025-01-01T00:00:00Z";
const CLIENTS: [&str; 5] = ["mvn-3.8", "mvn-3.9", "mvn-4", "gradle", "gradle-8"];

/// How long the gateway serves a document without asking upstream, in the test of snapshots.
const TTL: Duration = Duration::from_secs(2);
const FRESHNESS: &str = "[freshness]\nttl = \"2s\"\nstale_while_revalidate = \"0s\"\n";

/// Deploys a build of `snap`, as `mvn deploy` does, and returns the jar's bytes.
fn deploy(repository: &Repository, number: usize) -> Vec<u8> {
    let time = format!("20250101.00000{number}");
    let digits = time.replace('.', "");
    let value = format!("1.0-{time}-{number}");
    let entry = |extension: &str| {
        format!(
            "<snapshotVersion><extension>{extension}</extension><value>{value}</value>\
             <updated>{digits}</updated></snapshotVersion>"
        )
    };
    let metadata = format!(
        "<metadata modelVersion=\"1.1.0\"><groupId>org.acme</groupId><artifactId>snap</artifactId>\
         <version>1.0-SNAPSHOT</version><versioning><snapshot><timestamp>{time}</timestamp>\
         <buildNumber>{number}</buildNumber></snapshot><lastUpdated>{digits}</lastUpdated>\
         <snapshotVersions>{}{}</snapshotVersions></versioning></metadata>",
        entry("jar"),
        entry("pom"),
    );
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>org.acme</groupId>\
               <artifactId>snap</artifactId><version>1.0-SNAPSHOT</version></project>";
    let jar = zip(&[("META-INF/MANIFEST.MF", format!("Build: {number}\n").as_bytes())]);
    let folder = "org/acme/snap/1.0-SNAPSHOT";
    repository.put(&format!("{folder}/snap-{value}.pom"), pom);
    repository.put(&format!("{folder}/snap-{value}.jar"), jar.clone());
    repository.put(&format!("{folder}/maven-metadata.xml"), metadata);
    jar
}

/// Resolves again with what the client has, asking for newer snapshots.
fn update(driver: &Driver, world: &World) -> Output {
    let run = jvm(Run::client(driver.client(), world), world);
    match driver {
        Driver::Engine(client) => {
            engine(client, world, "snapped", &format!("{}/maven/", world.url()))
        }
        Driver::Maven(_) => {
            run.args(&["-B", "-C", "-U", "-s", "settings.xml", &local(world), "validate"]).wait()
        }
        Driver::Gradle(_) => run.args(&GRADLE).args(&["--refresh-dependencies"]).wait(),
    }
}

/// Whether the client has a file of these bytes.
fn has_bytes(world: &World, bytes: &[u8]) -> bool {
    let mut folders = vec![world.home().join("repository")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap() == bytes {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_new_build_of_a_snapshot_is_seen_after_the_time_to_live() {
    for name in CLIENTS {
        let Some(driver) = Driver::find(name) else { continue };
        let repository = Repository::new();
        let mut world = repository.world_with(FRESHNESS);
        let first = deploy(&repository, 1);
        driver.resolve(&world, "snapped", "maven").succeeded();
        assert!(has_bytes(&world, &first), "{name}");
        let second = deploy(&repository, 2);
        std::thread::sleep(TTL);
        update(&driver, &world).succeeded();
        assert!(has_bytes(&world, &second), "{name}");

        // And from the cache alone.
        repository.origin.stop();
        world.offline();
        driver.resolve(&world, "snapped", "maven").succeeded();
        assert!(has_bytes(&world, &second), "{name}");
    }
}

/// Gradle 4 reads module files where this is set, in the format's draft of its time.
const EXPERIMENTAL: &str = "-Dorg.gradle.internal.experimentalFeatures=true";

/// Puts `modules` on the repository, whose module file alone says that it needs `tool`.
fn publish_module(repository: &Repository) {
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Title: modules\n")]);
    let digest = Digest::of(Algorithm::Sha1, &jar).hex();
    // The version of the format has to stand first.
    let file = format!(
        r#"{{"formatVersion": "0.2",
        "component": {{"group": "org.acme", "module": "modules", "version": "1.0.0"}},
        "variants": [{{
            "name": "default",
            "dependencies": [
                {{"group": "org.acme", "module": "tool", "version": {{"prefers": "1.0.0"}}}}
            ],
            "files": [{{
                "name": "modules-1.0.0.jar", "url": "modules-1.0.0.jar", "size": {},
                "sha1": "{digest}"
            }}]
        }}]}}"#,
        jar.len()
    );
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>org.acme</groupId>\
               <artifactId>modules</artifactId><version>1.0.0</version></project>";
    let stem = "org/acme/modules/1.0.0/modules-1.0.0";
    repository.put(&format!("{stem}.module"), file);
    repository.put(&format!("{stem}.pom"), pom);
    repository.put(&format!("{stem}.jar"), jar);
}

#[test]
fn gradle_reads_module_files_through_the_gateway_and_is_refused_what_has_one() {
    let Some(driver) = Driver::find("gradle") else { return };
    let repository = Repository::new();
    publish_module(&repository);
    let rule = "[[policy.rules]]\nname = \"no-modules\"\neffect = \"deny\"\n\
                purl = \"pkg:maven/org.acme/modules\"\nreason = \"for a test\"\n";
    for (config, passes) in [("", true), (rule, false)] {
        let world = repository.world_with(config);
        let url = format!("{}/maven/", world.url());
        build(&world, "modular", &format!("maven {{ url '{url}' }}"));
        let home = world.home();
        let java = format!("-Duser.home={} {EXPERIMENTAL}", home.display());
        let run = Run::client(driver.client(), &world).env("GRADLE_OPTS", &java);
        let output = run.args(&GRADLE).wait();
        assert_eq!(output.ok, passes, "{}", output.text);
        if passes {
            assert!(holds(&home.join("repository"), "tool-1.0.0.jar"), "{}", output.text);
        } else {
            let sentence = "org.acme:modules 1.0.0 withheld by rule no-modules: for a test";
            assert!(output.text.contains(sentence), "{}", output.text);
        }
    }
}

/// The same in the format of today, 1.1, where the POM says that there is a module file. Returns
/// the names of the files with their SHA-256.
fn publish_current_module(repository: &Repository) -> Vec<(String, String)> {
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Title: modules\n")]);
    let digest = |bytes: &[u8]| Digest::of(Algorithm::Sha256, bytes).hex();
    let module = serde_json::json!({
        "component": { "group": "org.acme", "module": "modules", "version": "1.0.0" },
        "variants": [{
            "name": "runtimeElements",
            "attributes": { "org.gradle.usage": "java-runtime", "org.gradle.category": "library" },
            "dependencies": [
                { "group": "org.acme", "module": "tool", "version": { "requires": "1.0.0" } }
            ],
            "files": [{
                "name": "modules-1.0.0.jar", "url": "modules-1.0.0.jar", "size": jar.len(),
                "sha256": digest(&jar), "sha1": Digest::of(Algorithm::Sha1, &jar).hex(),
            }],
        }],
    });
    let pom = "<project><!-- do_not_remove: published-with-gradle-metadata -->\
               <modelVersion>4.0.0</modelVersion><groupId>org.acme</groupId>\
               <artifactId>modules</artifactId><version>1.0.0</version></project>";
    let module = module.to_string().replacen('{', r#"{"formatVersion": "1.1", "#, 1);
    let files = [("jar", jar), ("module", module.into_bytes()), ("pom", pom.as_bytes().into())];
    let put = |(extension, bytes): (&str, Vec<u8>)| {
        let (name, digest) = (format!("modules-1.0.0.{extension}"), digest(&bytes));
        repository.put(&format!("org/acme/modules/1.0.0/{name}"), bytes);
        (name, digest)
    };
    files.into_iter().map(put).collect()
}

/// Files that Gradle shall take, with their SHA-256 (Gradle's user manual, "Verifying dependencies").
fn verification(files: &[(String, String)]) -> String {
    let artifact = |(name, digest): &(String, String)| {
        format!("<artifact name=\"{name}\"><sha256 value=\"{digest}\"/></artifact>")
    };
    let artifacts: Vec<String> = files.iter().map(artifact).collect();
    format!(
        "<verification-metadata><configuration><verify-metadata>true</verify-metadata>\
         <verify-signatures>false</verify-signatures><trusted-artifacts>\
         <trust group=\"org.acme\" name=\"modular\"/><trust group=\"org.acme\" name=\"tool\"/>\
         </trusted-artifacts></configuration><components><component group=\"org.acme\" \
         name=\"modules\" version=\"1.0.0\">{}</component></components></verification-metadata>",
        artifacts.concat()
    )
}

#[test]
fn gradle_verifies_jars_and_module_files_that_come_through_the_gateway() {
    let Some(driver) = Driver::find("gradle-8") else { return };
    let repository = Repository::new();
    let files = publish_current_module(&repository);
    let world = repository.world();
    let metadata = "gradle/verification-metadata.xml";
    world.write(metadata, &verification(&files));
    driver.resolve(&world, "modular", "maven").succeeded();
    // The module file alone says so.
    has_file(&world, "tool-1.0.0.jar");
    // Of a POM that says that there is a module file, Gradle reads nothing else.
    for name in ["modules-1.0.0.jar", "modules-1.0.0.module"] {
        let mut known = files.clone();
        known.retain(|(file, _)| file != name);
        world.write(metadata, &verification(&known));
        let failed = driver.resolve(&world, "modular", "maven").failed();
        let text = &failed.text;
        assert!(text.contains("Dependency verification failed"), "{name}: {text}");
        assert!(text.contains(name), "{name}: {text}");
    }
}

/// Puts a Gradle plugin with its marker on the repository, as the plugin portal has them. The code
/// is one of Gradle's own classes.
fn publish_plugin(repository: &Repository) {
    let pom = |group: &str, artifact: &str, needs: &str| {
        format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId>\
             <artifactId>{artifact}</artifactId><version>1.0.0</version>{needs}</project>"
        )
    };
    let needs = "<packaging>pom</packaging><dependencies><dependency><groupId>org.acme</groupId>\
                 <artifactId>greeting</artifactId><version>1.0.0</version></dependency></dependencies>";
    let marker = "org.acme.greeting.gradle.plugin";
    repository.put(
        &format!("org/acme/greeting/{marker}/1.0.0/{marker}-1.0.0.pom"),
        pom("org.acme.greeting", marker, needs),
    );
    let stem = "org/acme/greeting/1.0.0/greeting-1.0.0";
    repository.put(&format!("{stem}.pom"), pom("org.acme", "greeting", ""));
    let code = "implementation-class=org.gradle.api.plugins.BasePlugin\n";
    let entry = "META-INF/gradle-plugins/org.acme.greeting.properties";
    repository.put(&format!("{stem}.jar"), zip(&[(entry, code.as_bytes())]));
}

#[test]
fn gradle_takes_plugins_through_the_gateway_and_is_refused_with_them() {
    let Some(driver) = Driver::find("gradle") else { return };
    let repository = Repository::new();
    publish_plugin(&repository);
    let rule = "[[policy.rules]]\nname = \"no-greeting\"\neffect = \"deny\"\n\
                purl = \"pkg:maven/org.acme/greeting\"\nreason = \"for a test\"\n";
    for (config, passes) in [("", true), (rule, false)] {
        let world = repository.world_with(config);
        let repositories = format!("repositories {{ maven {{ url '{}/maven/' }} }}", world.url());
        let settings =
            format!("pluginManagement {{ {repositories} }}\nrootProject.name = 'project'\n");
        world.write("settings.gradle", &settings);
        world.write("build.gradle", "plugins { id 'org.acme.greeting' version '1.0.0' }\n");
        let run = jvm(Run::client(driver.client(), &world), &world);
        let output = run.args(&["--no-daemon", "--console=plain", "clean"]).wait();
        assert_eq!(output.ok, passes, "{}", output.text);
        if !passes {
            let sentence = "org.acme:greeting 1.0.0 withheld by rule no-greeting: for a test";
            assert!(output.text.contains(sentence), "{}", output.text);
        }
    }
}

/// A repository of the public, with a newer `demo` than the company's.
fn public(runtime: &Runtime) -> Origin {
    let origin = runtime.block_on(Origin::start());
    let packages = [
        Package::new("org.acme:demo").release("1.9.0", OLD),
        Package::new("org.codehaus.plexus:plexus-utils").release("1.1", OLD),
    ];
    maven_repository(&origin, &packages, &MavenStyle::default());
    origin
}

#[test]
fn names_of_the_company_are_never_asked_of_the_public() {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(1).enable_all().build().unwrap();
    for name in CLIENTS {
        let Some(driver) = Driver::find(name) else { continue };
        let (company, public) = (Repository::new(), public(&runtime));
        let config = format!(
            "[registries.maven]\nupstream = {:?}\n[registries.own]\necosystem = \"maven\"\n\
             upstream = {:?}\n[groups.all]\n\
             members = [{{ registry = \"own\", patterns = [\"org.acme:*\"] }}, \"maven\"]\n",
            public.url(),
            company.origin.url()
        );
        let world = World::with(Settings { config, ..Settings::default() });
        driver.resolve(&world, "range", "all").succeeded();
        has(&world, super::harness::NEW);
        let asked = public.requests();
        let internal = asked.iter().find(|request| request.resource().contains("acme"));
        assert!(internal.is_none(), "{name}: {internal:?}");
        if name == "mvn-3.8" {
            assert!(!asked.is_empty(), "3.8 needs a package of the public");
        }
    }
}
