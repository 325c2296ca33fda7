//! Maven and Gradle take their repositories from files alone: they are given a file for one run on
//! their command line. What the user has stays as it is, and is read too.

mod maven;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use weir_pipeline::Mount;

use self::maven::Gateway;
use super::{Session, program};

/// Programs that are Maven, and those that are Gradle; the wrappers of projects, too.
const MAVEN: [&str; 4] = ["mvn", "mvnw", "mvnd", "mvnDebug"];
const GRADLE: [&str; 2] = ["gradle", "gradlew"];
/// The arguments of each Maven below the command, since 3.9.
const ARGUMENTS: &str = "MAVEN_ARGS";

/// A folder of settings, until [`Self::take_down`].
#[derive(Debug)]
pub(super) struct Lent {
    folder: PathBuf,
    /// What the command gets behind the program's name.
    pub(super) arguments: Vec<OsString>,
    /// A variable for what the command may call.
    pub(super) variable: Option<(String, OsString)>,
}

impl Lent {
    fn lay(folder: &Path, name: &str, text: &str) -> io::Result<(Self, PathBuf)> {
        let lent = Self { folder: folder.to_owned(), arguments: Vec::new(), variable: None };
        lent.take_down()?;
        fs::create_dir_all(folder)?;
        let file = folder.join(name);
        let mut options = fs::File::options();
        // The user's settings may hold passwords.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.write(true).create_new(true).open(&file)?.write_all(text.as_bytes())?;
        Ok((lent, file))
    }

    /// The command with the settings named.
    pub(super) fn command(&self, command: &[OsString]) -> Vec<OsString> {
        let (program, rest) = command.split_at(command.len().min(1));
        [program, &self.arguments, rest].concat()
    }

    /// Removes the folder.
    pub(super) fn take_down(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                // Other clients' folders may stand beside it.
                let _ = self.folder.parent().map(fs::remove_dir);
                Ok(())
            }
        }
    }
}

impl Session<'_> {
    /// Settings for Maven or Gradle, where the command is one of them or may call Maven.
    pub(super) async fn jvm(&self, command: &[OsString], notes: &mut Vec<String>) -> Option<Lent> {
        let mount = self.default_mounts().find(|mount| mount.descriptor().id == "maven")?;
        let program = program(command);
        let is = |names: &[&str]| names.contains(&program.as_str());
        let (client, lent) = if is(&GRADLE) {
            ("Gradle", self.gradle(mount).await)
        } else if is(&MAVEN) || is_project(&self.cwd) {
            ("Maven", self.maven(mount, command, notes).await)
        } else {
            return None;
        };
        match lent {
            Ok((mut lent, file)) => {
                let option = if client == "Gradle" { "-I" } else { "-s" };
                if is(&MAVEN) || is(&GRADLE) {
                    lent.arguments = vec![option.into(), file.into()];
                } else {
                    let known = self.env.get(ARGUMENTS);
                    lent.variable = below(&file, known).map(|text| (ARGUMENTS.to_owned(), text));
                }
                Some(lent)
            }
            Err(error) => {
                notes.push(format!("{client} asks past the gateway: {error:#}"));
                None
            }
        }
    }

    async fn maven(
        &self,
        mount: &Mount,
        command: &[OsString],
        notes: &mut Vec<String>,
    ) -> anyhow::Result<(Lent, PathBuf)> {
        let user = self.maven_user_settings(command);
        let installed =
            named(command, ["-gs", "--global-settings"]).map(|file| self.cwd.join(file));
        let installed = installed.or_else(|| installation(command, self.env.get("PATH")));
        let (user, installed) = (read(user)?, read(installed)?);
        let gateway = self.stands_for(mount).await;
        let made = maven::settings(user.as_deref(), installed.as_deref(), &gateway)
            .context("its settings cannot be read")?;
        for id in made.past {
            notes.push(format!("Maven's settings name {id}, which is asked past the gateway"));
        }
        Ok(Lent::lay(&self.folder().join("maven"), "settings.xml", &made.text)?)
    }

    /// The settings that this command would read.
    fn maven_user_settings(&self, command: &[OsString]) -> Option<PathBuf> {
        const OPTION: [&str; 2] = ["-s", "--settings"];
        let of_project = || {
            let mut files = self.cwd.ancestors().map(|above| above.join(".mvn/maven.config"));
            let text = files.find_map(|file| fs::read_to_string(file).ok())?;
            let arguments: Vec<OsString> = text.split_whitespace().map(OsString::from).collect();
            named(&arguments, OPTION)
        };
        let named = named(command, OPTION).or_else(of_project);
        let usual = || Some(self.env.home()?.join(".m2/settings.xml"));
        named.map(|file| self.cwd.join(file)).or_else(usual)
    }

    async fn gradle(&self, mount: &Mount) -> anyhow::Result<(Lent, PathBuf)> {
        let files = mount.descriptor().setup.files;
        let script = files.iter().find(|(path, _)| path.ends_with(".gradle"));
        let (_, script) = script.context("there is no script for it")?;
        let text = script_of_run(script, &self.stands_for(mount).await);
        Ok(Lent::lay(&self.folder().join("gradle"), "weir.gradle", &text)?)
    }

    async fn stands_for(&self, mount: &Mount) -> Gateway {
        let front = |path: &str| format!("{}/{path}/", self.origin);
        let registries = self.registries("maven").await;
        let pairs = registries.iter().flat_map(|registry| {
            let bases = registry.bases.iter().map(|base| base.trim_end_matches('/').to_owned());
            bases.map(|base| (base, front(&registry.front)))
        });
        Gateway { default: front(mount.descriptor().mount), known: pairs.collect() }
    }
}

/// The first value of an option among arguments, as Maven takes it.
fn named(arguments: &[OsString], option: [&str; 2]) -> Option<PathBuf> {
    let [short, long] = option;
    let joined = format!("{long}=");
    arguments.iter().enumerate().find_map(|(at, argument)| {
        let text = argument.to_string_lossy();
        if text == short || text == long {
            return arguments.get(at + 1).map(PathBuf::from);
        }
        text.strip_prefix(&joined).map(PathBuf::from)
    })
}

/// The settings of the installation to which the program belongs.
fn installation(command: &[OsString], path: Option<&str>) -> Option<PathBuf> {
    let name = command.first().map(Path::new)?;
    let name = if name.components().count() > 1 { name } else { Path::new("mvn") };
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    // An absolute path replaces the folder.
    let program = folders.map(|folder| folder.join(name)).find(|program| program.is_file())?;
    let home = program.canonicalize().ok()?.parent()?.parent()?.to_owned();
    Some(home.join("conf/settings.xml"))
}

fn read(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    match fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// Whether a command that runs here may call Maven.
fn is_project(folder: &Path) -> bool {
    ["pom.xml", ".mvn"].iter().any(|name| folder.join(name).exists())
}

/// The variable's value for Maven below another command, before what is there already. Maven's script
/// splits it at spaces, and gives it to the shell.
fn below(file: &Path, known: Option<&str>) -> Option<OsString> {
    let file = file.to_str()?;
    let is_plain = |c: char| c.is_alphanumeric() || "/\\:._-+@".contains(c);
    file.chars().all(is_plain).then(|| format!("-s {file} {}", known.unwrap_or_default()).into())
}

/// The script that `weir setup` prints, for the addresses that the gateway stands for alone: its first
/// line says what an address becomes.
fn script_of_run(script: &str, gateway: &Gateway) -> String {
    let rest = script.split_once('\n').map_or("", |(_, rest)| rest);
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    known.extend(gateway.known.iter().map(|(address, front)| (address.as_str(), front.as_str())));
    let mut text = String::from("def known = [\n");
    for (address, front) in known {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {}: {},", groovy(address), groovy(front));
    }
    let central = "ArtifactRepositoryContainer.MAVEN_CENTRAL_URL.replaceAll('/+$', '')";
    let _ = writeln!(text, "    ({central}): {},\n]", groovy(&gateway.default));
    let _ = writeln!(text, "def gateway = {{ address -> known[address.replaceAll('/+$', '')] }}");
    text + rest
}

/// A string literal without interpolation.
fn groovy(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_settings_that_the_command_names_are_found() {
        let of = |text: &str| named(&words(text), ["-s", "--settings"]);
        assert_eq!(of("mvn -q -s a.xml package -s b.xml"), Some("a.xml".into()));
        assert_eq!(of("mvn --settings=a.xml package"), Some("a.xml".into()));
        assert_eq!(of("mvn --settings a.xml"), Some("a.xml".into()));
        assert_eq!(of("mvn package -s"), None);
    }

    #[test]
    fn the_file_is_named_before_the_commands_own_arguments_and_goes_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("run/1/maven");
        let (mut lent, file) = Lent::lay(&at, "settings.xml", "<settings/>").unwrap();
        lent.arguments = vec!["-s".into(), "f".into()];
        assert_eq!(lent.command(&words("mvn -q package")), words("mvn -s f -q package"));
        assert_eq!(lent.command(&[]), words("-s f"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(Lent::lay(&at, "settings.xml", "").is_ok(), "what a killed run left");
        lent.take_down().unwrap();
        assert!(!file.exists() && !folder.path().join("run/1").exists());
    }

    #[test]
    fn arguments_of_a_variable_are_plain_or_none() {
        assert_eq!(below(Path::new("/a/b.xml"), Some("-T4")).unwrap(), "-s /a/b.xml -T4");
        assert_eq!(below(Path::new("/a b/c.xml"), None), None);
    }

    #[test]
    fn gradles_script_knows_the_addresses_of_the_run() {
        let known = [("https://repo.example/it's", "http://127.0.0.1:1/own/")];
        let known = known.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let gateway = Gateway { default: "http://127.0.0.1:1/maven/".to_owned(), known };
        let script = script_of_run("def gateway = { it }\nrest\n", &gateway);
        assert!(script.contains("'https://repo.example/it\\'s': 'http://127.0.0.1:1/own/'"));
        assert!(script.ends_with("] }\nrest\n"), "{script}");
    }
}
