//! Maven 3.8, 3.9 and 4 with strict checksums, and Gradle: resolution, refusals, snapshots, groups.
//!
//! Maven runs `validate` on a project with a build extension: that resolves the extension and all
//! that it needs, ranges included, without a plugin of the public repository.

use tokio::runtime::Runtime;
use weir_core::{Algorithm, Digest};
use weir_testkit::origin::{
    Answer, BuiltFile, MavenStyle, Origin, Package, PackageRelease, maven_repository,
};

use super::harness::{Client, NEW, Output, Run, Settings, World, client};

const ECOSYSTEM: &str = "maven";
const GROUP: &str = "org.acme";
/// Extensions of a project, each with what it needs.
const NEEDS: [(&str, &str, &str); 6] = [
    ("range", "org.acme:demo", "[1.0,2.0)"),
    ("pinned", "org.acme:demo", NEW),
    ("whole", "org.acme:banned", "1.0.0"),
    ("latest", "org.acme:demo", "LATEST"),
    ("snapped", "org.acme:snap", "1.0-SNAPSHOT"),
    ("modular", "org.acme:modules", "1.0.0"),
];

const STRICT: &str = r#"
[[policy.rules]]
name = "not-banned"
effect = "deny"
purl = "pkg:maven/org.acme/banned"
reason = "its author's account was stolen"
"#;

/// A repository, and a world whose gateway stands before it.
pub(crate) struct Repository {
    pub(crate) origin: Origin,
    jars: Vec<BuiltFile>,
    _runtime: Runtime,
}

fn packages() -> Vec<Package> {
    let old = "2025-01-01T00:00:00Z";
    let needs = |name: &'static str, requirement: &'static str| {
        move |release: PackageRelease| PackageRelease {
            dependencies: vec![(name.to_owned(), requirement.to_owned())],
            ..release
        }
    };
    let mut packages = vec![
        Package::new("org.acme:demo")
            .release_with("1.0.0", old, needs("org.acme:tool", "1.0.0"))
            .release_with("1.1.0", old, needs("org.acme:tool", "1.0.0"))
            .release_with(NEW, &super::harness::recent(), needs("org.acme:tool", "1.0.0")),
        Package::new("org.acme:tool").release("1.0.0", old),
        Package::new("org.acme:banned").release("1.0.0", old),
        // Maven 3.8 gives each extension one.
        Package::new("org.codehaus.plexus:plexus-utils").release("1.1", old),
    ];
    for (name, needed, requirement) in NEEDS {
        let extension = Package::new(&format!("org.acme:{name}"));
        packages.push(extension.release_with("1.0.0", old, needs(needed, requirement)));
    }
    packages
}

impl Repository {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let origin = runtime.block_on(Origin::below("/repository/maven-public"));
        let jars = maven_repository(&origin, &packages(), &MavenStyle::default());
        Self { origin, jars, _runtime: runtime }
    }

    /// The path of `demo`'s jar.
    pub(crate) fn jar(&self, version: &str) -> &str {
        let is = |jar: &&BuiltFile| jar.name == "org.acme:demo" && jar.version == version;
        &self.jars.iter().find(is).unwrap().path
    }

    pub(crate) fn world(&self) -> World {
        self.world_with("")
    }

    /// The same with further lines of configuration.
    pub(crate) fn world_with(&self, config: &str) -> World {
        let url = self.origin.url();
        let config = format!("{STRICT}\n[registries.maven]\nupstream = {url:?}\n{config}");
        World::with(Settings { config, ..Settings::default() })
    }

    /// The bytes of a file of the repository.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.origin.change(path, |answer| {
            bytes = answer.body().to_vec();
            answer
        });
        bytes
    }

    /// Puts other bytes in the place of a file, with their checksums.
    pub(crate) fn replace(&self, path: &str, bytes: Vec<u8>) {
        for algorithm in MavenStyle::default().checksums {
            let digest = Digest::of(algorithm, &bytes).hex();
            self.origin.put(&format!("{path}.{}", algorithm.name()), Answer::ok(digest));
        }
        self.origin.change(path, |answer| answer.with_body(bytes));
    }

    /// Puts a file with its checksum on the repository.
    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let digest = Digest::of(Algorithm::Sha1, &bytes).hex();
        self.origin.put(&format!("{path}.sha1"), Answer::ok(digest));
        self.origin.put(path, Answer::ok(bytes));
    }
}

/// A client before a gateway.
pub(crate) enum Driver {
    Maven(Client),
    Gradle(Client),
    /// Gradle's engine without its command line.
    Engine(Client),
}

impl Driver {
    pub(crate) fn client(&self) -> &Client {
        let (Self::Maven(client) | Self::Gradle(client) | Self::Engine(client)) = self;
        client
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        let found = client(name)?;
        Some(match name {
            "gradle" => Self::Gradle(found),
            "gradle-8" => Self::Engine(found),
            _ => Self::Maven(found),
        })
    }

    /// Resolves what an extension of this name needs, with empty caches.
    pub(crate) fn resolve(&self, world: &World, needs: &str, mount: &str) -> Output {
        world.clear(&[]);
        let url = format!("{}/{mount}/", world.url());
        match self {
            Self::Maven(client) => maven(client, world, needs, &url),
            Self::Gradle(client) => gradle(client, world, needs, &url),
            Self::Engine(client) => engine(client, world, needs, &url),
        }
    }
}

/// Tells a client of the JVM where its home is: it does not read `HOME`.
pub(crate) fn jvm(run: Run, world: &World) -> Run {
    let java = format!("-Duser.home={} -XX:TieredStopAtLevel=1", world.home().display());
    run.env("MAVEN_OPTS", &java).env("GRADLE_OPTS", &java)
}

fn maven(client: &Client, world: &World, needs: &str, url: &str) -> Output {
    project(world, needs);
    settings(world, url);
    // With the causes of faults.
    mvn(client, world, &["-e", "validate"])
}

/// Maven with strict checksums, a local repository of its own, and the project's settings.
pub(crate) fn mvn(client: &Client, world: &World, arguments: &[&str]) -> Output {
    let run = jvm(Run::client(client, world), world);
    run.args(&["-B", "-C", "-s", "settings.xml", &local(world)]).args(arguments).wait()
}

/// Writes a project with this extension. Snapshots count, of whatever repository.
pub(crate) fn project(world: &World, needs: &str) {
    world.write(
        "pom.xml",
        &format!(
            "<project>\n<modelVersion>4.0.0</modelVersion>\n<groupId>{GROUP}</groupId>\
             <artifactId>project</artifactId><version>1</version><packaging>pom</packaging>\n\
             <pluginRepositories><pluginRepository><id>own</id><url>http://127.0.0.1:1/</url>\
             <snapshots><enabled>true</enabled></snapshots></pluginRepository></pluginRepositories>\n\
             <build><extensions><extension><groupId>{GROUP}</groupId><artifactId>{needs}</artifactId>\
             <version>1.0.0</version></extension></extensions></build>\n</project>\n"
        ),
    );
}

/// Writes settings with the gateway as the one repository, and a group of plugins.
pub(crate) fn settings(world: &World, url: &str) {
    let mirror = "<mirror><id>weir</id><mirrorOf>*</mirrorOf>";
    let mirrors = format!("<mirrors>{mirror}<url>{url}</url></mirror></mirrors>");
    let plugins = format!("<pluginGroups><pluginGroup>{GROUP}</pluginGroup></pluginGroups>");
    world.write("settings.xml", &format!("<settings>{mirrors}{plugins}</settings>"));
}

pub(crate) fn local(world: &World) -> String {
    format!("-Dmaven.repo.local={}", world.home().join("repository").display())
}

/// `mvn package` with an empty local repository.
pub(crate) fn package(driver: &Driver, world: &World) -> Output {
    world.clear(&["target"]);
    run(driver, world, "package")
}

/// Maven with strict checksums.
pub(crate) fn run(driver: &Driver, world: &World, goal: &str) -> Output {
    settings(world, &format!("{}/maven/", world.url()));
    mvn(driver.client(), world, &[goal])
}

/// Fetches one module, and what it needs, with Gradle.
pub(crate) fn fetch(driver: &Driver, world: &World, needed: &str) -> Output {
    build_of(world, needed, &format!("maven {{ url '{}/maven/' }}", world.url()));
    jvm(Run::client(driver.client(), world), world).args(&GRADLE).wait()
}

/// POMs and jars in the local repository.
pub(crate) fn files(world: &World) -> usize {
    let mut folders = vec![world.home().join("repository")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().is_some_and(|kind| kind == "pom" || kind == "jar");
            count += usize::from(kind);
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    count
}

fn gradle(client: &Client, world: &World, needs: &str, url: &str) -> Output {
    build(world, needs, &format!("maven {{ url '{url}' }}"));
    jvm(Run::client(client, world), world).args(&GRADLE).wait()
}

/// The arguments of a build.
pub(crate) const GRADLE: [&str; 3] = ["--no-daemon", "--console=plain", "fetch"];

/// Writes a build that fetches what it needs from these repositories.
pub(crate) fn build(world: &World, needs: &str, repositories: &str) {
    build_of(world, &format!("{GROUP}:{needs}:1.0.0"), repositories);
}

fn build_of(world: &World, needed: &str, repositories: &str) {
    world.write("settings.gradle", "rootProject.name = 'project'\n");
    world.write(
        "build.gradle",
        &format!(
            "repositories {{ {repositories} }}\nconfigurations {{ needed }}\n\
             dependencies {{ needed '{needed}' }}\n\
             task fetch {{ doLast {{ copy {{ from configurations.needed\n\
             into '{}' }} }} }}\n",
            world.home().join("repository").display()
        ),
    );
}

/// What `e2e/clients/Gradle.java` does.
pub(crate) fn engine(client: &Client, world: &World, needs: &str, url: &str) -> Output {
    world.write("settings.gradle", "");
    let (copies, home) = (world.home().join("repository"), world.home().join("gradle"));
    let module = format!("{GROUP}:{needs}:1.0.0");
    let arguments = [url, &module, &copies.to_string_lossy(), &home.to_string_lossy()];
    Run::client(client, world).args(&arguments).wait()
}

/// Whether the client has the jar of this version of `demo`.
#[track_caller]
pub(crate) fn has(world: &World, version: &str) {
    has_file(world, &format!("demo-{version}.jar"));
}

#[track_caller]
pub(crate) fn has_file(world: &World, name: &str) {
    let folder = world.home().join("repository");
    assert!(super::harness::holds(&folder, name), "{name} is not in {}", folder.display());
}

/// Cold, from the cache without upstream, and with `--offline`.
fn installs(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let repository = Repository::new();
    let mut world = repository.world();
    driver.resolve(&world, "range", "maven").succeeded();
    has(&world, NEW);
    driver.resolve(&world, "range", "maven").succeeded();
    assert_eq!(repository.origin.count(repository.jar(NEW)), 1);

    repository.origin.stop();
    world.offline();
    driver.resolve(&world, "range", "maven").succeeded();
    has(&world, NEW);
}

/// What the terminal shows: a range takes an older version, a pinned one and a whole package are
/// refused. Why the POM of what an extension needs cannot be read, Maven 3.9 tells nobody.
fn refusals(name: &str) -> Option<String> {
    let driver = Driver::find(name)?;
    let repository = Repository::new();
    let mut world = repository.world();
    world.strict();
    let older = driver.resolve(&world, "range", "maven").succeeded();
    has(&world, "1.1.0");
    driver.resolve(&world, "latest", "maven").succeeded();
    has(&world, "1.1.0");
    let pinned = driver.resolve(&world, "pinned", "maven").failed();
    let whole = driver.resolve(&world, "whole", "maven").failed();
    assert_eq!(repository.origin.count(repository.jar(NEW)), 0);
    assert!(pinned.text.contains("withheld by "), "{}", pinned.text);
    let sentences = |output: &Output| {
        let lines = output.lines(&["withheld by "]);
        let mut found: Vec<&str> = lines.lines().filter_map(sentence).collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() { "(nothing)".to_owned() } else { found.join("\n") }
    };
    println!("==== {name}\n{}\n{}\n{}", older.text, pinned.text, whole.text);
    Some(format!("pinned:\n{}\nwhole:\n{}", sentences(&pinned), sentences(&whole)))
}

/// The sentence of a refusal within a line, however much a client puts around it.
fn sentence(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(" withheld by ")?;
    let rest = &line[before.rfind("org.acme:")?..];
    let ends = ["DATE", "stolen"].into_iter().filter_map(|end| Some(rest.find(end)? + end.len()));
    Some(&rest[..ends.min().unwrap_or(rest.len())])
}

/// A jar that is not what its checksum promises reaches no client and no cache.
fn corrupted(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let repository = Repository::new();
    let world = repository.world();
    repository.origin.change(repository.jar(NEW), Answer::corrupted);
    driver.resolve(&world, "range", "maven").failed();
    assert!(!world.stores("demo-1.2.0.jar"));
    repository.origin.change(repository.jar(NEW), Answer::corrupted);
    driver.resolve(&world, "range", "maven").succeeded();
    assert!(world.stores("demo-1.2.0.jar"));
}

super::harness::for_each_client! {
    mvn_3_8 "mvn-3.8" r#"
    pinned:
    org.acme:demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    org.acme:banned 1.0.0 withheld by rule not-banned: its author's account was stolen
    "#;
    mvn_3_9 "mvn-3.9" r#"
    pinned:
    org.acme:demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    (nothing)
    "#;
    mvn_4 "mvn-4" r#"
    pinned:
    org.acme:demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    org.acme:banned 1.0.0 withheld by rule not-banned: its author's account was stolen
    "#;
    gradle "gradle" r#"
    pinned:
    org.acme:demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    org.acme:banned 1.0.0 withheld by rule not-banned: its author's account was stolen
    "#;
    gradle_8 "gradle-8" r#"
    pinned:
    org.acme:demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    org.acme:banned 1.0.0 withheld by rule not-banned: its author's account was stolen
    "#;
}

#[test]
fn a_group_of_two_repositories_is_one_for_the_client() {
    let Some(driver) = Driver::find("mvn-3.9") else { return };
    let (public, own) = (Repository::new(), Repository::new());
    for jar in &public.jars {
        let path = jar.path.rsplit_once('/').unwrap().0.rsplit_once('/').unwrap().0;
        if jar.name == "org.acme:demo" {
            own.origin.remove(&format!("{path}/maven-metadata.xml"));
        }
    }
    let newer = Package::new("org.acme:demo").release("1.5.0-acme", "2025-01-01T00:00:00Z");
    maven_repository(&own.origin, &[newer], &MavenStyle::default());
    let config = format!(
        "[registries.maven]\nupstream = {:?}\n[registries.own]\necosystem = \"maven\"\n\
         upstream = {:?}\n[groups.all]\nmembers = [\"own\", \"maven\"]\n",
        public.origin.url(),
        own.origin.url()
    );
    let world = World::with(Settings { config, ..Settings::default() });
    driver.resolve(&world, "range", "all").succeeded();
    has(&world, "1.5.0-acme");
}
