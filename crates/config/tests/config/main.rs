//! What a person writes, and what the gateway understands or answers.

mod auth;
mod errors;
mod example;
mod layers;
mod mounts;
mod otlp;
mod table;

use std::path::Path;

use weir_config::{ConfigError, Env, Format, Loaded, Overrides, Sources, parse};

/// Reads a TOML text with nothing in the environment.
fn toml(text: &str) -> Result<Loaded, ConfigError> {
    read(text, Format::Toml, &[])
}

fn read(text: &str, format: Format, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let env: Env = variables.iter().copied().chain([("HOME", "/home/ada")]).collect();
    let overrides = Overrides::default();
    let sources =
        Sources { file: None, env: &env, overrides: &overrides, cwd: Path::new("/srv/weir") };
    let name = match format {
        Format::Toml => "weir.toml",
        Format::Yaml => "weir.yaml",
        Format::Json => "weir.json",
    };
    parse(name, text, format, &sources)
}

/// What is answered to a TOML text that does not fit.
fn refusal(text: &str) -> String {
    toml(text).expect_err("this does not fit").to_string()
}
