//! What stands beside Maven's listings and files: checksums that the repository does not have itself,
//! signatures, and the list of a group's plugins.

use std::path::{Path, PathBuf};

use weir_core::Timestamp;
use weir_signing::{Kind, SigningKey};
use weir_testkit::origin::{MavenStyle, Package, maven_repository, zip};

use super::harness::{Client, NEW, Output, Run, World, client, recent};
use super::maven::{Driver, Repository, has, has_file, mvn, project, settings};

const OLD: &str = "2025-01-01T00:00:00Z";
const MAVENS: [&str; 3] = ["mvn-3.8", "mvn-3.9", "mvn-4"];

/// Runs Maven in the project with an empty local repository.
fn run(client: &Client, world: &World, arguments: &[&str]) -> Output {
    world.clear(&[]);
    settings(world, &format!("{}/maven/", world.url()));
    mvn(client, world, arguments)
}

/// The repository has MD5 and SHA-1 alone. Maven is told to believe another algorithm, and stops
/// where a checksum is missing or wrong: of a listing that was edited, and of files.
#[test]
fn checksums_that_upstream_lacks_are_of_what_is_served() {
    for (name, algorithm, suffix) in [
        ("mvn-3.8", "SHA-256", ".sha256"),
        ("mvn-3.9", "SHA-512", ".sha512"),
        ("mvn-4", "SHA-512", ".sha512"),
    ] {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut world = repository
            .world_with(&format!("[access_log]\npath = {:?}\n", log.path().to_string_lossy()));
        world.strict();
        project(&world, "range");
        // The name of the setting in Maven's resolver up to 1.7, and since 1.8.
        let chosen = ["aether.checksums.algorithms", "aether.layout.maven2.checksumAlgorithms"]
            .map(|setting| format!("-D{setting}={algorithm}"));
        run(&client, &world, &[&chosen[0], &chosen[1], "validate"]).succeeded();
        has(&world, "1.1.0");
        // The log is whole when the gateway has ended.
        world.restart();
        let log = std::fs::read_to_string(log.path()).unwrap();
        for file in ["demo/maven-metadata.xml", "demo/1.1.0/demo-1.1.0.pom", "demo-1.1.0.jar"] {
            let answered = format!("{file}{suffix}\",\"status\":200");
            assert!(log.contains(&answered), "{name} {file}\n{log}");
        }
    }
}

/// The Java of a plugin that says where it is from.
const HELLO: &str = r#"public class Hello extends org.apache.maven.plugin.AbstractMojo {
    public void execute() {
        getLog().info("Hello from " + Hello.class.getProtectionDomain().getCodeSource().getLocation());
    }
}
"#;

/// Compiles it against the interface that a Maven brings along.
fn compiled(maven: &Client, folder: &Path) -> Option<Vec<u8>> {
    let javac = client("javac")?;
    let library = maven.folder().parent().unwrap().join("lib");
    let is = |path: &PathBuf| path.to_string_lossy().contains("/maven-plugin-api-");
    let mut files = std::fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path());
    let interface = files.find(is).unwrap();
    std::fs::write(folder.join("Hello.java"), HELLO).unwrap();
    let arguments = ["--release", "8", "-cp", &interface.to_string_lossy(), "Hello.java"];
    Run::of(&javac, folder, folder).args(&arguments).wait().succeeded();
    Some(std::fs::read(folder.join("Hello.class")).unwrap())
}

/// Publishes the plugin in three versions, of which the last is new, and names it in the list of its
/// group (Maven repository metadata, level "group").
fn publish_plugin(repository: &Repository, class: &[u8]) {
    let package = Package::new("org.acme:acme-maven-plugin")
        .release("1.0.0", OLD)
        .release("1.1.0", OLD)
        .release(NEW, &recent());
    let jars = maven_repository(&repository.origin, &[package], &MavenStyle::default());
    for jar in jars {
        let descriptor = format!(
            "<plugin><name>acme</name><groupId>org.acme</groupId>\
             <artifactId>acme-maven-plugin</artifactId><version>{}</version>\
             <goalPrefix>acme</goalPrefix><mojos><mojo><goal>hello</goal>\
             <requiresProject>false</requiresProject><implementation>Hello</implementation>\
             <language>java</language><instantiationStrategy>per-lookup</instantiationStrategy>\
             <executionStrategy>once-per-session</executionStrategy></mojo></mojos></plugin>",
            jar.version
        );
        let files = [("META-INF/maven/plugin.xml", descriptor.as_bytes()), ("Hello.class", class)];
        repository.replace(&jar.path, zip(&files));
    }
    let group = "<metadata><plugins><plugin><name>Acme</name><prefix>acme</prefix>\
                 <artifactId>acme-maven-plugin</artifactId></plugin></plugins></metadata>";
    repository.put("org/acme/maven-metadata.xml", group);
}

#[test]
fn plugins_are_found_by_their_prefix_and_an_older_one_where_the_newest_is_withheld() {
    let Some(newer) = client("mvn-3.9") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(class) = compiled(&newer, folder.path()) else { return };
    for name in MAVENS {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        publish_plugin(&repository, &class);
        let mut world = repository.world();
        let greets = |world: &World, version: &str| {
            let said = run(&client, world, &["acme:hello"]).succeeded();
            let from = format!("acme-maven-plugin-{version}.jar");
            assert!(
                said.text.contains("Hello from ") && said.text.contains(&from),
                "{}",
                said.text
            );
        };
        world.strict();
        greets(&world, "1.1.0");
        repository.origin.stop();
        world.offline();
        greets(&world, "1.1.0");
    }
}

fn key(user: &str) -> SigningKey {
    let made = Timestamp::from_secs(1_700_000_000);
    SigningKey::generate(Kind::default(), user, made).unwrap()
}

/// Signs the files of `tool`.
fn sign(repository: &Repository, key: &SigningKey) {
    let at = Timestamp::from_secs(1_780_000_000);
    for extension in ["pom", "jar"] {
        let path = format!("org/acme/tool/1.0.0/tool-1.0.0.{extension}");
        let bytes = repository.bytes(&path);
        repository.put(&format!("{path}.asc"), key.detached(&bytes, at).unwrap());
    }
}

#[test]
fn gradle_verifies_signatures_that_come_through_the_gateway() {
    let Some(driver) = Driver::find("gradle-8") else { return };
    let (trusted, other) = (key("Acme <acme@example.org>"), key("Somebody <some@example.org>"));
    for (signed_by, passes) in [(&trusted, true), (&other, false)] {
        let repository = Repository::new();
        sign(&repository, signed_by);
        let world = repository.world();
        let keys = [trusted.public_armored().unwrap(), other.public_armored().unwrap()].concat();
        world.write("gradle/verification-keyring.keys", &String::from_utf8(keys).unwrap());
        let metadata = format!(
            "<verification-metadata><configuration><verify-metadata>true</verify-metadata>\
             <verify-signatures>true</verify-signatures><keyring-format>armored</keyring-format>\
             <key-servers enabled=\"false\"/><trusted-keys>\
             <trusted-key id=\"{}\" group=\"org.acme\"/></trusted-keys></configuration>\
             <components/></verification-metadata>",
            trusted.fingerprint()
        );
        world.write("gradle/verification-metadata.xml", &metadata);
        let output = driver.resolve(&world, "tool", "maven");
        assert_eq!(output.ok, passes, "{}", output.text);
        if passes {
            has_file(&world, "tool-1.0.0.jar");
        } else {
            let said = "Dependency verification failed";
            assert!(output.text.contains(said), "{}", output.text);
        }
    }
}

/// Maven fetches a signature as it fetches a file of any other kind. It has checksums of signatures
/// where it is told to ask for them: this is the way of its resolver up to 1.7, and since 1.8.
#[test]
fn maven_fetches_a_signature() {
    for name in MAVENS {
        let Some(client) = client(name) else { continue };
        let repository = Repository::new();
        let key = key("Acme <acme@example.org>");
        sign(&repository, &key);
        let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>org.acme</groupId>\
                   <artifactId>signed</artifactId><version>1.0.0</version><dependencies><dependency>\
                   <groupId>org.acme</groupId><artifactId>tool</artifactId><version>1.0.0</version>\
                   <type>jar.asc</type></dependency></dependencies></project>";
        repository.put("org/acme/signed/1.0.0/signed-1.0.0.pom", pom);
        let jar = zip(&[("META-INF/MANIFEST.MF", b"Title: signed\n".as_slice())]);
        repository.put("org/acme/signed/1.0.0/signed-1.0.0.jar", jar);
        let world = repository.world();
        project(&world, "signed");
        let asked = [
            "-Daether.checksums.forSignature=true",
            "-Daether.checksums.omitChecksumsForExtensions=",
        ];
        run(&client, &world, &[asked[0], asked[1], "validate"]).succeeded();
        has_file(&world, "tool-1.0.0.jar.asc");
    }
}
