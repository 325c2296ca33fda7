//! Finds the file, reads all layers, and says where what is wrong was written.

use std::path::{Path, PathBuf};

use crate::check::{Warning, check};
use crate::env::Layer;
use crate::error::{ConfigError, Origin, Problem};
use crate::partial::{Merge as _, Partial};
use crate::read::{Format, Source, dotted, from_tree};
use crate::resolve::{Misfit, Resolver, strings};
use crate::{Config, Env, Secret};

/// Names of a configuration file, in the order in which they are looked for.
const FILES: [&str; 4] = ["weir.toml", "weir.yaml", "weir.yml", "weir.json"];

/// What the configuration is made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The file of `--config`; without it `WEIR_CONFIG`, the working folder and the user's
    /// settings folder are searched.
    pub file: Option<&'a Path>,
    /// The environment.
    pub env: &'a Env,
    /// The flags.
    pub overrides: &'a Overrides,
    /// The working folder, absolute.
    pub cwd: &'a Path,
}

/// Values of flags. They are read like those of a file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--base-url`
    pub base_url: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
    /// `--offline`
    pub offline: bool,
    /// `--storage-url`
    pub storage_url: Option<String>,
    /// `--storage-path`, deprecated
    pub storage_path: Option<String>,
    /// `--database-driver`
    pub database_driver: Option<String>,
    /// `--database-path`
    pub database_path: Option<String>,
    /// `--database-url`
    pub database_url: Option<Secret>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
}

impl Overrides {
    fn layer(&self) -> Layer {
        let database_url = self.database_url.as_ref().map(|url| url.reveal().to_owned());
        let offline = self.offline.then(|| "true".to_owned());
        let mut layer = Layer::default();
        for (path, value) in [
            ("listen", &self.listen),
            ("base_url", &self.base_url),
            ("data_dir", &self.data_dir),
            ("offline", &offline),
            ("storage.url", &self.storage_url),
            ("storage.path", &self.storage_path),
            ("database.driver", &self.database_driver),
            ("database.path", &self.database_path),
            ("database.url", &database_url),
            ("log.level", &self.log_level),
            ("log.format", &self.log_format),
        ] {
            if let Some(value) = value {
                let flag = format!("--{}", path.replace(['.', '_'], "-"));
                let words = path.split('.').map(ToOwned::to_owned).collect();
                layer.set(words, value.clone(), flag);
            }
        }
        layer
    }
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// What works, but probably not as meant.
    pub warnings: Vec<Warning>,
}

/// Reads the configuration.
///
/// # Errors
/// The file cannot be read, or keys or values are wrong: every problem says where it was written.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
    let file = find(sources);
    let Some(path) = &file else { return assemble(None, sources, None) };
    let format = Format::of(path).ok_or_else(|| ConfigError::UnknownFormat(path.clone()))?;
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
    let name = path.strip_prefix(sources.cwd).unwrap_or(path).display().to_string();
    assemble(Some(Source { name: &name, text: &text, format }), sources, file.clone())
}

/// Reads a configuration from a text instead of a file, with environment and flags as usual.
///
/// # Errors
/// As for [`load`]; the text is called `name`.
pub fn parse(
    name: &str,
    text: &str,
    format: Format,
    sources: &Sources<'_>,
) -> Result<Loaded, ConfigError> {
    assemble(Some(Source { name, text, format }), sources, None)
}

/// Where a key was written, or the nearest table around it. Keys are spelt as in problems:
/// `policy.rules[0].versions`, `cooldown.packages."pkg:npm/@acme/*"`.
///
/// # Errors
/// The file cannot be read.
pub fn place_of(sources: &Sources<'_>, key: &str) -> Result<Origin, ConfigError> {
    let path = undotted(key);
    let (env, flags) = (sources.env.layer(), sources.overrides.layer());
    let Some(file) = find(sources) else {
        return Ok(Layers { file: None, env, flags }.origin(&path));
    };
    let format = Format::of(&file).ok_or_else(|| ConfigError::UnknownFormat(file.clone()))?;
    let text = std::fs::read_to_string(&file)
        .map_err(|source| ConfigError::Unreadable { path: file.clone(), source })?;
    let name = file.strip_prefix(sources.cwd).unwrap_or(&file).display().to_string();
    let file = Some(Source { name: &name, text: &text, format });
    Ok(Layers { file, env, flags }.origin(&path))
}

/// The segments of a key: words between dots, quoted words, numbers in brackets.
fn undotted(key: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut quoted = false;
    for c in key.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' | '[' if !quoted => segments.push(String::new()),
            ']' if !quoted => {}
            c => segments.iter_mut().next_back().into_iter().for_each(|last| last.push(c)),
        }
    }
    segments
}

fn find(sources: &Sources<'_>) -> Option<PathBuf> {
    let named = sources.file.map(Path::to_path_buf);
    let named = named.or_else(|| sources.env.get("WEIR_CONFIG").map(PathBuf::from));
    if let Some(path) = named {
        return Some(sources.cwd.join(path));
    }
    let user = sources.env.config_home().map(|folder| folder.join("weir"));
    let folders = [Some(sources.cwd.to_path_buf()), user];
    let candidates = folders.into_iter().flatten().flat_map(|f| FILES.map(|name| f.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

/// The layers of one configuration, from the lowest.
struct Layers<'a> {
    file: Option<Source<'a>>,
    env: Layer,
    flags: Layer,
}

fn assemble(
    source: Option<Source<'_>>,
    sources: &Sources<'_>,
    file: Option<PathBuf>,
) -> Result<Loaded, ConfigError> {
    let layers =
        Layers { file: source, env: sources.env.layer(), flags: sources.overrides.layer() };
    let (partial, mut warnings) = layers.merged().map_err(ConfigError::Invalid)?;
    let resolver = Resolver { env: sources.env, cwd: sources.cwd, misfits: Vec::new() };
    let config = resolver.resolve(partial).map_err(|misfits| {
        ConfigError::Invalid(misfits.into_iter().map(|misfit| layers.problem(misfit)).collect())
    })?;
    warnings.extend(check(&config));
    Ok(Loaded { config, file, warnings })
}

impl Layers<'_> {
    fn merged(&self) -> Result<(Partial, Vec<Warning>), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut merged = Partial::default();
        let file = self.file.map_or_else(|| Ok(Partial::default()), Source::partial);
        let env = from_tree(self.env.tree()).map_err(|(path, message)| {
            let name = self.env.origin(&path).unwrap_or_default().to_owned();
            Problem { origin: Origin::Variable(name), key: dotted(&path), message }
        });
        let flags = from_tree(self.flags.tree()).map_err(|(path, message)| {
            let name = self.flags.origin(&path).unwrap_or_default().to_owned();
            Problem { origin: Origin::Flag(name), key: dotted(&path), message }
        });
        for layer in [file, env, flags] {
            match layer {
                Ok(mut layer) => {
                    self.settle_storage(&mut layer, &mut problems, &mut warnings);
                    if layer.storage.path.is_some() {
                        // A later layer's folder wins over an earlier layer's address.
                        merged.storage.url = None;
                    } else if layer.storage.url.is_some() {
                        merged.storage.path = None;
                    }
                    merged.lay_over(layer);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok((merged, warnings)) } else { Err(problems) }
    }

    /// The deprecated folder and the address exclude each other within a layer.
    fn settle_storage(
        &self,
        layer: &mut Partial,
        problems: &mut Vec<Problem>,
        warnings: &mut Vec<Warning>,
    ) {
        if layer.storage.path.is_none() {
            return;
        }
        let path = strings(&["storage", "path"]);
        if layer.storage.url.is_some() {
            let message = "is said beside storage.url; keep storage.url".to_owned();
            problems.push(self.problem(Misfit { path, message }));
        } else {
            let message = "is deprecated; write storage.url = \"file:///…\" instead".to_owned();
            warnings.push(Warning { key: dotted(&path), message });
        }
    }

    /// A misfit with the place where its key, or the nearest table around it, was written.
    fn problem(&self, misfit: Misfit) -> Problem {
        let key = dotted(&misfit.path);
        let origin = self.origin(&misfit.path);
        Problem { origin, key, message: misfit.message }
    }

    fn origin(&self, path: &[String]) -> Origin {
        for length in (1..=path.len()).rev() {
            let path = &path[..length];
            if let Some(flag) = self.flags.origin(path) {
                return Origin::Flag(flag.to_owned());
            }
            if let Some(variable) = self.env.origin(path) {
                return Origin::Variable(variable.to_owned());
            }
            let line = self.file.and_then(|file| Some((file.name, file.line_of(path)?)));
            if let Some((name, line)) = line {
                return Origin::File(name.to_owned(), Some(line));
            }
        }
        match self.file {
            Some(file) => Origin::File(file.name.to_owned(), None),
            None => Origin::Default,
        }
    }
}
