//! `weir setup`: points a package client at the gateway, on paper or in its settings files.

mod merge;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use url::Url;
use weir_config::{Config, EcosystemId, Env};
use weir_core::{Descriptor, Setup};

use crate::commands::explain::dialled;
use crate::commands::place::Place;
use crate::commands::serve::Origin;
use crate::{ecosystems, output};
use merge::{Change, Style};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The ecosystem's id or an alias.
    pub(crate) ecosystem: String,
    /// The mount's path, when it is not the usual one.
    pub(crate) path: Option<String>,
    /// Whether files are written.
    pub(crate) write: bool,
    /// Whether changes to files are shown instead of the lines alone.
    pub(crate) show_changes: bool,
}

/// Prints the client's settings, or writes them.
pub(crate) fn setup(origin: &Origin, wish: &Wish) -> anyhow::Result<ExitCode> {
    let env = Env::from_process_env();
    let config = origin.load(&env)?.config;
    let (id, descriptor) = find(&wish.ecosystem)?;
    let place = place(&config, id, wish.path.as_deref())?;
    let files = Files { env: &env, setup: &descriptor.setup };
    if !wish.show_changes {
        output::result(&lines(descriptor, &place))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut refused = false;
    for (path, text) in filled(descriptor.setup.files, &place) {
        refused |= !files.point(path, &text, wish.write)?;
    }
    output::result(&note(descriptor, &place).join("\n"))?;
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The gateway's address as clients of this machine reach it.
pub(crate) fn address(config: &Config) -> anyhow::Result<Url> {
    Ok(match &config.base_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://{}", dialled(config)))?,
    })
}

fn find(text: &str) -> anyhow::Result<(EcosystemId, &'static Descriptor)> {
    let known = || {
        let ids: Vec<&str> = ecosystems::all().iter().map(|plugin| plugin.describe().id).collect();
        ids.join(", ")
    };
    let id = EcosystemId::parse(&text.to_ascii_lowercase())
        .ok_or_else(|| anyhow!("there is no ecosystem {text:?}; this build serves {}", known()))?;
    let plugin = ecosystems::find(id.id())
        .ok_or_else(|| anyhow!("this build does not serve {id}; it serves {}", known()))?;
    Ok((id, plugin.describe()))
}

fn place(config: &Config, id: EcosystemId, path: Option<&str>) -> anyhow::Result<Place> {
    let origin = address(config)?;
    origin.host_str().context("the gateway's address has no host")?;
    let path = path.map_or_else(|| config.default_mount(id).path, ToOwned::to_owned);
    Ok(Place::new(&origin, &path))
}

/// Names and texts with the addresses filled in, without those that only `weir run` can fill.
fn filled<'a>(
    texts: &'a [(&'a str, &'a str)],
    place: &'a Place,
) -> impl Iterator<Item = (&'a str, String)> {
    texts.iter().filter_map(|(name, text)| Some((*name, place.fill(text)?)))
}

/// Everything there is to set, for people who set it themselves.
fn lines(descriptor: &Descriptor, place: &Place) -> String {
    let Setup { variables, files, .. } = descriptor.setup;
    let mut text = format!("# {} through {}\n", descriptor.id, place.base);
    // Writing to a String cannot fail.
    for (path, lines) in filled(files, place) {
        let _ = write!(text, "\n# in {path}\n{}", lines.trim_end());
        text.push('\n');
    }
    if !variables.is_empty() {
        text.push_str("\n# or, for a shell\n");
    }
    for (name, value) in filled(variables, place) {
        let _ = writeln!(text, "export {name}=\"{value}\"");
    }
    for line in note(descriptor, place) {
        let _ = write!(text, "\n# {line}");
    }
    text
}

fn note(descriptor: &Descriptor, place: &Place) -> Vec<String> {
    wrapped(&place.fill(descriptor.setup.note).unwrap_or_default())
}

/// Lines of at most 90 characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| line.len() + word.len() > 90);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The user's settings files.
struct Files<'a> {
    env: &'a Env,
    setup: &'static Setup,
}

impl Files<'_> {
    /// Puts lines into a file, or says why not; false when it did not.
    fn point(&self, path: &str, wanted: &str, write: bool) -> anyhow::Result<bool> {
        let file = self.resolve(path)?;
        let shown = file.display();
        let old = match fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => bail!("cannot read {shown}: {error}"),
        };
        let style = Style::of(&file);
        let merged = match merge::merge(old.as_deref().unwrap_or_default(), wanted, style) {
            Ok(merged) => merged,
            Err(conflict) => {
                output::remark(&format!(
                    "{shown}: left alone, as it {conflict}; put these lines into it:\n{wanted}"
                ));
                return Ok(false);
            }
        };
        if merged.changes.is_empty() {
            output::result(&format!("{shown}: already set"))?;
            return Ok(true);
        }
        output::result(&told(&file, &merged.changes))?;
        if write {
            save(&file, old.is_some(), &merged.text)?;
        }
        Ok(true)
    }

    /// The path with the user's folders: home, settings, and what the client's variable moved.
    fn resolve(&self, path: &str) -> anyhow::Result<PathBuf> {
        let moved = self.setup.moves.iter().find_map(|(variable, usual)| {
            let rest = path.strip_prefix(usual)?.strip_prefix('/')?;
            Some(Path::new(self.env.get(variable)?).join(rest))
        });
        if let Some(file) = moved {
            return Ok(file);
        }
        if let Some(rest) = path.strip_prefix("~/.config/") {
            let folder = self.env.config_home().context("the settings folder is not known")?;
            return Ok(folder.join(rest));
        }
        match path.strip_prefix("~/") {
            Some(rest) => Ok(self.env.home().context("HOME is not set")?.join(rest)),
            None => Ok(PathBuf::from(path)),
        }
    }
}

fn told(file: &Path, changes: &[Change]) -> String {
    let mut text = format!("{}:\n", file.display());
    for change in changes {
        let sides = [('-', change.old.as_deref()), ('+', Some(change.new.as_str()))];
        for (sign, side) in sides {
            for line in side.into_iter().flat_map(str::lines) {
                let _ = writeln!(text, "  {sign} {line}");
            }
        }
    }
    text
}

/// Writes a file, keeping what it was. Its rights and, where it is a link, the link stay.
fn save(file: &Path, existed: bool, text: &str) -> anyhow::Result<()> {
    if existed {
        let kept = free_name(file);
        fs::copy(file, &kept).with_context(|| format!("cannot keep a copy {}", kept.display()))?;
        output::result(&format!("  (as it was: {})", kept.display()))?;
    } else if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// `*.bak`, or `*.bak.2` and so on: an earlier copy is never overwritten.
fn free_name(file: &Path) -> PathBuf {
    let named = |suffix: String| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut candidates = (2..).map(|number| named(format!(".bak.{number}")));
    let first = named(".bak".to_owned());
    if first.exists() { candidates.find(|path| !path.exists()).unwrap_or(first) } else { first }
}
