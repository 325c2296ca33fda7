//! A settings folder for one run, for the client that takes its registry from no variable:
//! cargo. Everything in it leads to the user's own folder, so that caches and log-ins are
//! shared; only the settings file is another one, and nothing of the user's is changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::{Table, Value};

/// The source that cargo starts from.
const DEFAULT: &str = "crates-io";
/// Folders that are shared even when cargo has never run.
const FOLDERS: [&str; 2] = ["registry", "git"];
/// Files that cargo opens in place, and creates when they are missing.
const FILES: [&str; 3] = [".package-cache", ".package-cache-mutate", ".global-cache"];
/// The settings file's earlier name, which wins over the other when both are there.
const EARLIER: &str = "config";
/// The longest chain of replaced sources that is followed.
const CHAIN: usize = 8;

/// What the settings say, and where the folder comes to be.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The user's own folder.
    pub(crate) real: &'a Path,
    /// The working folder of the command.
    pub(crate) cwd: &'a Path,
    /// Where the run's folder is made; what an earlier run left there is taken down first.
    pub(crate) at: &'a Path,
    /// The name of the settings file.
    pub(crate) file: &'a str,
    /// The source replacement, filled in.
    pub(crate) text: &'a str,
}

/// A folder that exists until [`Self::take_down`].
#[derive(Debug)]
pub(crate) struct CargoHome {
    real: PathBuf,
    /// The folder.
    pub(crate) path: PathBuf,
    file: String,
}

impl CargoHome {
    /// Makes the folder; `None` when the user's settings replace the registry by something that
    /// is none (vendored sources, a git index): that stays as it is.
    pub(crate) fn lay(plan: &Plan<'_>) -> anyhow::Result<Option<Self>> {
        let layers = layers(plan);
        let Some(ours) = replacement(&layers, plan.text)? else { return Ok(None) };
        let own = if is_read_anyway(plan) { None } else { own_settings(plan) };
        let settings = merged(own.unwrap_or_default(), ours);
        let text = toml::to_string(&settings).context("cargo's settings for this run")?;
        let home = Self {
            real: plan.real.to_owned(),
            path: plan.at.to_owned(),
            file: plan.file.to_owned(),
        };
        home.fill(&text).with_context(|| format!("cargo's folder {}", plan.at.display()))?;
        Ok(Some(home))
    }

    fn fill(&self, settings: &str) -> io::Result<()> {
        self.take_down()?;
        fs::create_dir_all(&self.path)?;
        for name in FOLDERS {
            fs::create_dir_all(self.real.join(name))?;
        }
        for entry in fs::read_dir(&self.real)? {
            let name = entry?.file_name();
            if name != *self.file && name != EARLIER {
                link(&self.real.join(&name), &self.path.join(&name))?;
            }
        }
        for name in FILES {
            // In a run within a run it is a link already, to a file that need not exist.
            if self.path.join(name).symlink_metadata().is_err() {
                link(&self.real.join(name), &self.path.join(name))?;
            }
        }
        fs::write(self.path.join(&self.file), settings)
    }

    /// Removes the folder. What cargo made in it beside the links (a log-in, installed programs)
    /// moves to the user's own folder first.
    pub(crate) fn take_down(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_symlink() || name == *self.file {
                continue;
            }
            fs::rename(entry.path(), self.real.join(&name))
                .or_else(|_| fs::copy(entry.path(), self.real.join(&name)).map(drop))?;
        }
        fs::remove_dir_all(&self.path)?;
        // Other clients' folders may stand beside it.
        let _ = self.path.parent().map(fs::remove_dir);
        Ok(())
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    match to.is_dir() {
        true => std::os::windows::fs::symlink_dir(to, at),
        false => std::os::windows::fs::symlink_file(to, at),
    }
}

fn parsed(folder: &Path, file: &str) -> Option<Table> {
    [EARLIER, file].iter().find_map(|name| fs::read_to_string(folder.join(name)).ok())?.parse().ok()
}

fn own_settings(plan: &Plan<'_>) -> Option<Table> {
    parsed(plan.real, plan.file)
}

/// The settings that cargo reads, the stronger first: those of the working folder and the folders
/// above it, then the user's.
fn layers(plan: &Plan<'_>) -> Vec<Table> {
    let above = plan.cwd.ancestors().map(|folder| folder.join(".cargo"));
    let others = above.filter(|folder| folder != plan.real);
    let mut found: Vec<Table> = others.filter_map(|folder| parsed(&folder, plan.file)).collect();
    found.extend(own_settings(plan));
    found
}

/// Whether cargo reads the user's file as that of a folder above the working folder: then it
/// must not be said twice, since lists are joined.
fn is_read_anyway(plan: &Plan<'_>) -> bool {
    plan.real.file_name().is_some_and(|name| name == ".cargo")
        && plan.real.parent().is_some_and(|home| plan.cwd.starts_with(home))
}

fn text<'a>(layers: &'a [Table], section: &str, name: &str, key: &str) -> Option<&'a str> {
    layers.iter().find_map(|layer| layer.get(section)?.get(name)?.get(key)?.as_str())
}

/// The replacement, moved to the end of the user's own chain: a mirror of theirs is what the
/// gateway fetches from, so it is the mirror that the gateway stands for.
fn replacement(layers: &[Table], template: &str) -> anyhow::Result<Option<Table>> {
    let mut ours: Table = template.parse().context("the plugin's settings")?;
    let mut last = DEFAULT;
    for _ in 0..CHAIN {
        match text(layers, "source", last, "replace-with") {
            Some(next) => last = next,
            None => break,
        }
    }
    if last == DEFAULT {
        return Ok(Some(ours));
    }
    let own = text(layers, "source", last, "registry");
    let index = own.or_else(|| text(layers, "registries", last, "index"));
    let Some(index) = index.filter(|index| index.starts_with("sparse+")) else { return Ok(None) };
    let sources = ours.get_mut("source").and_then(Value::as_table_mut);
    let Some(sources) = sources else { return Ok(None) };
    if let Some(Value::Table(mut entry)) = sources.remove(DEFAULT) {
        entry.insert("registry".to_owned(), Value::String(index.to_owned()));
        sources.insert(last.to_owned(), Value::Table(entry));
    }
    Ok(Some(ours))
}

/// One table over another; tables join, everything else is replaced.
fn merged(mut under: Table, over: Table) -> Table {
    for (key, value) in over {
        let value = match (under.remove(&key), value) {
            (Some(Value::Table(low)), Value::Table(high)) => Value::Table(merged(low, high)),
            (_, value) => value,
        };
        under.insert(key, value);
    }
    under
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[source.crates-io]\nreplace-with = \"weir\"\n\n[source.weir]\n\
                        registry = \"sparse+http://127.0.0.1:40123/cargo/\"\n";

    struct Place(tempfile::TempDir);

    impl Place {
        /// A home folder with cargo's folder and these settings.
        fn new(settings: &str) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(place.at("home/.cargo/registry/cache")).unwrap();
            fs::create_dir_all(place.at("work")).unwrap();
            fs::write(place.at("home/.cargo/config.toml"), settings).unwrap();
            place
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn lay(&self, cwd: &str) -> Option<CargoHome> {
            let (real, cwd, at) = (self.at("home/.cargo"), self.at(cwd), self.at("run"));
            let plan = Plan { real: &real, cwd: &cwd, at: &at, file: "config.toml", text: TEXT };
            CargoHome::lay(&plan).unwrap()
        }

        fn settings(&self, cwd: &str) -> String {
            fs::read_to_string(self.lay(cwd).unwrap().path.join("config.toml")).unwrap()
        }
    }

    #[test]
    fn the_users_settings_and_the_replacement_are_in_one_file() {
        let place = Place::new("[net]\nretry = 7\n");
        let settings = place.settings("work");
        assert!(settings.contains("retry = 7"), "{settings}");
        assert!(settings.contains("replace-with = \"weir\""), "{settings}");
        assert_eq!(place.settings("home"), TEXT, "cargo reads the user's file there by itself");
    }

    #[test]
    fn a_mirror_of_the_users_is_replaced_in_its_turn() {
        let place = Place::new(
            "[source.crates-io]\nreplace-with = \"corp\"\n[registries.corp]\n\
             index = \"sparse+https://registry.example/\"\n",
        );
        let read: Table = place.settings("work").parse().unwrap();
        assert_eq!(read["source"]["crates-io"]["replace-with"].as_str(), Some("corp"));
        assert_eq!(read["source"]["corp"]["replace-with"].as_str(), Some("weir"));
        let index = read["source"]["corp"]["registry"].as_str();
        assert_eq!(index, Some("sparse+https://registry.example/"));
    }

    #[test]
    fn vendored_sources_stay_vendored() {
        let place = Place::new("");
        fs::create_dir_all(place.at("work/.cargo")).unwrap();
        let vendored = "[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"v\"\n";
        fs::write(place.at("work/.cargo/config.toml"), vendored).unwrap();
        assert!(place.lay("work").is_none());
    }

    #[test]
    fn a_run_within_a_run_has_its_folder_too() {
        let place = Place::new("");
        let outer = place.lay("work").unwrap();
        let (cwd, at) = (place.at("work"), place.at("inner"));
        let plan = Plan { real: &outer.path, cwd: &cwd, at: &at, file: "config.toml", text: TEXT };
        let inner = CargoHome::lay(&plan).unwrap().unwrap();
        fs::write(inner.path.join(".package-cache"), "").unwrap();
        inner.take_down().unwrap();
        outer.take_down().unwrap();
        assert!(place.at("home/.cargo/.package-cache").is_file());
    }

    #[test]
    fn what_cargo_makes_is_in_the_users_folder_afterwards() {
        let place = Place::new("");
        let home = place.lay("work").unwrap();
        fs::write(home.path.join("registry/cache/a.crate"), "a").unwrap();
        fs::write(home.path.join(".package-cache"), "").unwrap();
        fs::write(home.path.join("credentials.toml"), "secret").unwrap();
        home.take_down().unwrap();
        assert!(!home.path.exists());
        for name in ["registry/cache/a.crate", ".package-cache", "credentials.toml"] {
            assert!(place.at("home/.cargo").join(name).is_file(), "{name}");
        }
        assert_eq!(fs::read_to_string(place.at("home/.cargo/config.toml")).unwrap(), "");
    }
}
