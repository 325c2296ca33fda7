//! What is found in a home folder, and what wins.
#![expect(clippy::unwrap_used, reason = "a machine that cannot be laid out fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use weir_discover::{
    Env, Finding, Login, Options, archive_keys, archives_beside, discover, images_of, mirrored_by,
    table,
};

/// A machine in a folder: a home, a root, a folder of programs.
struct Machine {
    folder: TempDir,
    vars: BTreeMap<String, String>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "root", "bin", "project"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, vars: BTreeMap::new() }
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    #[cfg(unix)]
    fn program(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let machine = self.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        let path = machine.path("bin").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        machine
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn env(&self) -> Env {
        Env {
            vars: self.vars.clone(),
            home: self.path("home"),
            cwd: self.path("project"),
            path: vec![self.path("bin")],
            root: self.path("root"),
        }
    }

    fn look(&self, memory: Option<&Path>) -> Vec<Finding> {
        let options = Options { budget: Duration::from_secs(20), exclude: &[], memory };
        discover(&self.env(), &options)
    }

    fn find(&self, ecosystem: &str) -> Finding {
        self.origin(ecosystem, "primary").unwrap_or_else(|| panic!("nothing for {ecosystem}"))
    }

    fn origin(&self, ecosystem: &str, origin: &str) -> Option<Finding> {
        self.look(None).into_iter().find(|f| f.ecosystem == ecosystem && f.origin == origin)
    }

    fn address(&self, ecosystem: &str) -> String {
        self.find(ecosystem).address.to_string()
    }
}

#[test]
fn an_empty_machine_has_what_dependencies_publish_and_no_more() {
    let machine = Machine::new();
    let npm = machine.find("npm");
    assert_eq!(npm.source, "the dependency deno_npmrc");
    assert!(!npm.trusted);
    assert_eq!(machine.find("cargo").address.scheme(), "https");
    assert!(machine.origin("pypi", "primary").is_none());
}

#[test]
fn a_variable_wins_over_a_file_and_a_project_over_the_user() {
    let machine =
        Machine::new().file("home/.npmrc", "registry=https://registry.example/user/\n").file(
            "home/.config/pip/pip.conf",
            "[global]\nindex_url = https://registry.example/simple\n",
        );
    assert_eq!(machine.address("npm"), "https://registry.example/user");
    assert_eq!(machine.address("pypi"), "https://registry.example/simple");
    let machine = machine.file("project/.npmrc", "registry = \"https://registry.example/project\"");
    assert_eq!(machine.address("npm"), "https://registry.example/project");
    let machine = machine
        .var("npm_config_registry", "https://registry.example/variable")
        .var("UV_DEFAULT_INDEX", "company=https://registry.example/uv/simple/");
    assert_eq!(machine.address("npm"), "https://registry.example/variable");
    assert_eq!(machine.address("pypi"), "https://registry.example/uv/simple");
    assert_eq!(machine.find("npm").source, "the variable npm_config_registry");
}

#[test]
fn credentials_are_found_with_their_registry_and_not_shown() {
    let machine = Machine::new()
        .file("project/.npmrc", "registry=https://registry.example/npm/\n")
        .file("home/.npmrc", "//registry.example/npm/:_authToken=${TOKEN}\n")
        .var("TOKEN", "hunter2")
        .var("PIP_INDEX_URL", "https://ada:p%40ss@registry.example/simple");
    assert_eq!(machine.find("npm").credentials, Some(Login::Bearer("hunter2".into())));
    let basic = Login::Basic("ada".into(), "p@ss".into());
    assert_eq!(machine.find("pypi").credentials, Some(basic));
    let found = machine.look(None);
    let shown = format!("{found:?}{}{}", table(&found), found[0]);
    assert!(!shown.contains("hunter2") && !shown.contains("p@ss") && !shown.contains("p%40"));
    assert!(table(&found).contains("with credentials"));
}

#[test]
fn every_clients_files_are_read() {
    let machine = Machine::new()
        .file(
            "home/.cargo/config.toml",
            "[source.crates-io]\nreplace-with = \"company\"\n\
             [source.company]\nregistry = \"sparse+https://registry.example/index/\"\n",
        )
        .file("home/.config/go/env", "GOPROXY=https://registry.example/go|direct\nGOSUMDB=off\n")
        .file(
            "home/.m2/settings.xml",
            "<settings><servers><server><id>m</id><username>ada</username>\
             <password>pw</password></server></servers><mirrors><mirror><id>other</id>\
             <mirrorOf>spring</mirrorOf><url>https://no.example</url></mirror><mirror><id>m</id>\
             <mirrorOf>external:*,!spring</mirrorOf><url>https://registry.example/m2</url>\
             </mirror></mirrors></settings>",
        )
        .file("home/.gemrc", "---\n:sources:\n- https://registry.example/gems/\n")
        .file(
            "home/.composer/config.json",
            r#"{"repositories":[{"type":"composer","url":"https://registry.example/php"}]}"#,
        )
        .file("home/.Rprofile", "options(repos = c(CRAN = \"https://registry.example/cran\"))\n")
        .file(
            "root/etc/apt/sources.list",
            "# deb http://no.example a main\ndeb [arch=amd64] http://apt.example/debian stable main\n\
             deb http://apt.example/sec stable-security main\n",
        );
    for (ecosystem, address) in [
        ("cargo", "https://registry.example/index"),
        ("go", "https://registry.example/go"),
        ("maven", "https://registry.example/m2"),
        ("gem", "https://registry.example/gems"),
        ("composer", "https://registry.example/php"),
        ("cran", "https://registry.example/cran"),
        ("debian", "http://apt.example/debian"),
    ] {
        assert_eq!(machine.address(ecosystem), address);
        assert!(machine.find(ecosystem).trusted);
    }
    let security = machine.origin("debian", "security").unwrap();
    assert_eq!(security.address.path(), "/sec");
    assert_eq!(machine.origin("go", "sumdb"), None);
    assert_eq!(machine.find("maven").credentials, Some(Login::Basic("ada".into(), "pw".into())));
}

#[test]
fn uv_and_deb822_are_read() {
    let machine = Machine::new()
        .file(
            "project/pyproject.toml",
            "[[tool.uv.index]]\nurl = \"https://no.example\"\n\
             [[tool.uv.index]]\nurl = \"https://registry.example/simple\"\ndefault = true\n",
        )
        .file(
            "root/etc/apt/sources.list.d/debian.sources",
            "Types: deb\nURIs: http://apt.example/debian http://b.example\nSuites: stable\n\n\
             Enabled: no\nTypes: deb\nURIs: http://no.example\nSuites: stable-security\n",
        )
        .file("root/etc/apt/sources.list.d/a.list", "deb http://third.example x main\n");
    assert_eq!(machine.address("pypi"), "https://registry.example/simple");
    assert_eq!(machine.address("debian"), "http://apt.example/debian");
    assert_eq!(machine.origin("debian", "security"), None);
}

#[test]
fn the_super_pom_is_read_from_its_jar() {
    let machine = Machine::new();
    let folder = machine.path("root/usr/share/maven/lib");
    std::fs::create_dir_all(&folder).unwrap();
    let jar = std::fs::File::create(folder.join("maven-model-builder-3.9.jar")).unwrap();
    let mut jar = zip::ZipWriter::new(jar);
    let options = zip::write::SimpleFileOptions::default();
    jar.start_file("org/apache/maven/model/pom-4.0.0.xml", options).unwrap();
    let pom = "<project><repositories><repository><id>central</id>\
               <url>https://registry.example/maven2</url></repository></repositories></project>";
    std::io::Write::write_all(&mut jar, pom.as_bytes()).unwrap();
    jar.finish().unwrap();
    assert_eq!(machine.address("maven"), "https://registry.example/maven2");
    assert!(machine.find("maven").source.starts_with("Maven's super POM"));
}

/// As `gem sources -l` of RubyGems 3.3 shows them.
#[test]
fn of_gems_settings_those_count_that_gem_reads() {
    let sources =
        |name: &str| format!("---\n:sources:\n# ours\n- https://gems.example/{name}/ # a\n");
    let address = |machine: &Machine| {
        let found = machine.look(None).into_iter().find(|found| found.ecosystem == "gem");
        found.map(|found| found.address.path().to_owned())
    };
    let machine = Machine::new().file("home/.gemrc", "sources:\n- https://gems.example/string/\n");
    assert_eq!(address(&machine), None, "the key is a symbol");
    let machine = Machine::new()
        .file("root/etc/gemrc", &sources("system"))
        .file("home/.config/gem/gemrc", &sources("xdg"));
    assert_eq!(address(&machine).unwrap(), "/xdg");
    let machine = machine.file("home/.gemrc", ":verbose: true\n");
    assert_eq!(address(&machine).unwrap(), "/system", "~/.gemrc takes the place of the other");
    let machine = machine.file("home/.gemrc", &sources("home"));
    assert_eq!(address(&machine).unwrap(), "/home");
    let machine = machine.file("home/one", &sources("one")).file("home/two", &sources("two"));
    let [one, two] = ["home/one", "home/two"].map(|name| machine.path(name).display().to_string());
    let machine = machine.var("GEMRC", &format!("{one}:{two}"));
    assert_eq!(address(&machine).unwrap(), "/two", "the last file of GEMRC is the strongest");
}

/// As `composer config --global repositories` of Composer 2.5 shows them.
#[test]
fn composer_has_one_home_and_an_order_of_repositories() {
    let settings = |name: &str| {
        let url = format!("https://php.example/{name}");
        format!(r#"{{"repositories":[{{"type":"composer","url":"{url}"}}]}}"#)
    };
    let address = |machine: &Machine| {
        let found = machine.look(None).into_iter().find(|found| found.ecosystem == "composer");
        found.map(|found| found.address.path().to_owned())
    };
    let machine = Machine::new()
        .file("home/.composer/config.json", &settings("legacy"))
        .file("home/.config/composer/config.json", &settings("xdg"));
    assert_eq!(address(&machine).unwrap(), "/legacy", "nothing says that XDG is in use");
    let machine = machine.file("root/etc/xdg/any", "");
    assert_eq!(address(&machine).unwrap(), "/xdg");
    let machine = machine.file("home/.config/composer/config.json", "{}");
    assert_eq!(address(&machine), None, "the other folder is not looked into");
    let machine = machine.file("home/own/config.json", &settings("own"));
    let own = machine.path("home/own").display().to_string();
    assert_eq!(address(&machine.var("COMPOSER_HOME", &own)).unwrap(), "/own");

    let named = r#"{"repositories":{"z":{"type":"vcs","url":"https://git.example/r"},
        "packages":{"type":"composer","url":"php.example/b"},
        "a":{"type":"composer","url":"https://php.example/a"},"off":false}}"#;
    let machine = Machine::new().file("home/.composer/config.json", named);
    assert_eq!(machine.address("composer"), "http://php.example/b", "the first in the file");
}

/// Each as `getOption("repos")` of R 4.2 shows it.
#[test]
fn a_profile_of_r_is_understood_as_far_as_it_can_be_without_r() {
    for (profile, path) in [
        ("options(repos = c(CRAN = \"https://cran.example/named\"))", "/named"),
        ("options(repos = 'https://cran.example/unnamed')", "/unnamed"),
        ("r <- getOption('repos')\nr[\"CRAN\"] <- \"https://cran.example/set\"", "/set"),
        (
            "options(repos = c(P3M = \"https://a.example/\", CRAN = \"https://b.example/two\"))",
            "/two",
        ),
        (
            "options(BioC_mirror = \"https://bio.example\", repos = c(CRAN =\n 'https://b.example/bio'))",
            "/bio",
        ),
        ("# CRAN\noptions(repos = c(P3M = \"https://a.example/p3m\"))", "/p3m"),
        (
            "x <- \"CRAN at https://a.example\"\noptions(repos = c(CRAN=\"https://b.example/x\"))",
            "/x",
        ),
        (
            "options(repos = c(CRAN = \"https://a.example/1\"))\noptions(repos = c(CRAN = \"https://a.example/2\"))",
            "/2",
        ),
        (
            "options(repos = c(CRAN = \"https://a.example/#/now\")) # CRAN = \"https://a.example/then\"",
            "/",
        ),
    ] {
        let machine = Machine::new().file("home/.Rprofile", profile);
        assert_eq!(machine.find("cran").address.path(), path, "{profile}");
    }
    let row = "menu_name\tURL\tdefault\nCRAN\tCRAN\thttps://cran.example/table\tTRUE\n";
    let machine = Machine::new().file("root/etc/R/repositories", row);
    assert_eq!(machine.find("cran").address.path(), "/table");
    let machine =
        machine.file("home/mine.R", "options(repos = c(CRAN = \"https://cran.example/mine\"))");
    let mine = machine.path("home/mine.R").display().to_string();
    assert_eq!(machine.var("R_PROFILE_USER", &mine).find("cran").address.path(), "/mine");
}

#[cfg(unix)]
#[test]
fn r_itself_is_asked_before_its_profile_is_read() {
    let machine = Machine::new()
        .file("home/.Rprofile", "options(repos = c(CRAN = \"https://cran.example/read\"))")
        .program("Rscript", "echo https://cran.example/asked");
    assert_eq!(machine.find("cran").address.path(), "/asked");
    let machine = machine.program("Rscript", "echo @CRAN@");
    assert_eq!(machine.find("cran").address.path(), "/read");
}

#[test]
fn the_gateways_own_address_is_skipped() {
    let machine = Machine::new()
        .file("home/.npmrc", "registry=http://localhost:8080/npm/\n")
        .var("PIP_INDEX_URL", "http://127.0.0.1:8081/pypi/simple");
    let exclude = ["http://127.0.0.1:8080".parse().unwrap()];
    let options = Options { budget: Duration::ZERO, exclude: &exclude, memory: None };
    let found = discover(&machine.env(), &options);
    let source = |id: &str| found.iter().find(|f| f.ecosystem == id).map(|f| f.source.clone());
    assert_eq!(source("npm").as_deref(), Some("the dependency deno_npmrc"));
    // Another port on this machine may well be somebody else's mirror.
    assert_eq!(source("pypi").as_deref(), Some("the variable PIP_INDEX_URL"));
}

#[cfg(unix)]
#[test]
fn programs_are_asked_about_the_rest_and_their_answers_remembered() {
    let machine = Machine::new()
        .program("python3", "echo https://registry.example/simple; echo x >> \"$COUNT\"")
        .program("go", "echo https://registry.example/go,direct; echo sums.example")
        .program("npm", "echo https://no.example; exit 1");
    let count = machine.path("count").display().to_string();
    let machine = machine.var("COUNT", &count);
    let memory = machine.path("state/discovered.json");
    let first = machine.look(Some(&memory));
    assert_eq!(machine.find("go").source, "go env");
    let sums = machine.origin("go", "sumdb").unwrap();
    assert_eq!(sums.address.as_str(), "https://sums.example/");
    assert_eq!(machine.find("npm").source, "the dependency deno_npmrc");
    let asked = || std::fs::read_to_string(&count).unwrap().lines().count();
    let before = asked();
    assert_eq!(machine.look(Some(&memory)), first);
    assert_eq!(asked(), before);
    // A program that changed is asked again.
    let machine = machine.program("python3", "echo https://registry.example/new/simple");
    assert_eq!(machine.look(Some(&memory)).iter().filter(|f| f.ecosystem == "pypi").count(), 1);
    assert_eq!(machine.address("pypi"), "https://registry.example/new/simple");
}

#[cfg(unix)]
#[test]
fn a_program_that_hangs_costs_no_more_than_the_budget() {
    let machine = Machine::new().program("python3", "exec sleep 30").var("PATH", "/usr/bin:/bin");
    let start = Instant::now();
    let options = Options { budget: Duration::from_millis(300), exclude: &[], memory: None };
    let found = discover(&machine.env(), &options);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(found.iter().all(|finding| finding.ecosystem != "pypi"));
}

fn keys_of(machine: &Machine, address: &str) -> Vec<String> {
    let found = archive_keys(&machine.env(), &address.parse().unwrap());
    found.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

#[test]
fn the_keys_of_an_archive_are_those_that_apt_has_for_it() {
    let machine = Machine::new()
        .file(
            "root/etc/apt/sources.list.d/debian.sources",
            "Types: deb\n# a comment\nURIs: http://apt.example/debian\nSuites: stable\n\
             Signed-By: /usr/share/keyrings/main.gpg\n\n\
             Types: deb\nURIs: http://apt.example/security/\nSuites: stable-security\n\
             Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n",
        )
        .file(
            "root/etc/apt/sources.list.d/tools.list",
            "deb [arch=amd64 signed-by=/etc/apt/keyrings/t.asc,/nowhere.asc] http://t.example ./\n\
             deb http://plain.example x main\n\
             deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://f.example x main\n",
        )
        .file("root/usr/share/keyrings/main.gpg", "main")
        .file("root/usr/share/keyrings/debian-archive-keyring.gpg", "distribution")
        .file("root/etc/apt/keyrings/t.asc", "tools");
    let block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc";
    assert_eq!(keys_of(&machine, "http://apt.example/debian/"), ["main"]);
    assert_eq!(keys_of(&machine, "http://apt.example/security"), [block]);
    assert_eq!(keys_of(&machine, "http://apt.example"), ["main", block], "of all that are below");
    assert_eq!(keys_of(&machine, "http://t.example"), ["tools"]);
    assert_eq!(keys_of(&machine, "http://f.example"), [""; 0], "a fingerprint is no key");
    assert_eq!(keys_of(&machine, "http://other.example"), ["distribution"]);

    let machine = machine
        .file("root/etc/apt/trusted.gpg.d/a.asc", "trusted")
        .file("root/etc/apt/trusted.gpg.d/a.txt", "no key");
    assert_eq!(keys_of(&machine, "http://plain.example"), ["trusted"]);
    assert_eq!(keys_of(&machine, "http://apt.example/debian"), ["main"]);
}

#[test]
fn archives_on_one_host_are_below_one_address() {
    let beside = |sources: &str| {
        let machine = Machine::new().file("root/etc/apt/sources.list", sources);
        let found = archives_beside(&machine.env(), &machine.find("debian").address);
        found.map(|(above, folder)| format!("{above} {folder}"))
    };
    let main = "deb http://apt.example/debian stable main\n";
    let of = |security: &str| beside(&format!("{main}deb {security} stable-security main\n"));
    assert_eq!(of("http://apt.example/debian-security").unwrap(), "http://apt.example/ debian");
    assert_eq!(of("http://security.example/debian-security"), None, "another host");
    assert_eq!(of("http://apt.example/debian"), None, "the same archive");
    assert_eq!(beside(main), None);
    let deeper =
        "deb http://m.example/linux/debian s main\ndeb http://m.example/linux/sec s-security main";
    assert_eq!(beside(deeper).unwrap(), "http://m.example/linux debian");
}

#[test]
fn mirrors_of_images_are_found_with_what_they_mirror() {
    let hosts = "server = \"https://registry.example\"\n\n\
                 [host.\"http://push.example\"]\ncapabilities = [\"push\"]\n\n\
                 [host.\"http://z.example:5000\"]\ncapabilities = [\"pull\", \"resolve\"]\n\n\
                 [host.\"http://a.example\"]\n";
    let machine = Machine::new().file("root/etc/containerd/certs.d/docker.io/hosts.toml", hosts);
    assert_eq!(machine.address("container"), "http://z.example:5000/");
    assert!(machine.find("container").trusted, "a company's mirror may be private");

    let engine = r#"{"registry-mirrors": ["https://mirror.example/", "https://second.example"]}"#;
    let machine = machine.file("root/etc/docker/daemon.json", engine);
    let found = machine.find("container");
    assert_eq!(found.address.as_str(), "https://mirror.example/");
    let names = mirrored_by(&machine.env(), &found.address);
    assert!(!names.is_empty() && images_of(names[0]).0 == "library");
    assert_eq!(mirrored_by(&machine.env(), &"http://other.example".parse().unwrap()), [""; 0]);
}
