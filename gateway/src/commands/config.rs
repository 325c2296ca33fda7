//! `weir config`: is it valid, what does it mean, what may stand in it.

use std::process::ExitCode;

use anyhow::Context as _;
use weir_config::{ConfigError, Env, Loaded};
use weir_policy::PolicyError;

use crate::commands::serve::Origin;
use crate::{gateway, output, settings};

/// Says what is wrong, each with its place, or that nothing is.
pub(crate) fn check(origin: &Origin) -> anyhow::Result<ExitCode> {
    let env = Env::from_process_env();
    let loaded = match origin.load(&env) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(refuse(&problem(&error))),
    };
    for warning in &loaded.warnings {
        output::remark(&format!("warning: {warning}"));
    }
    if let Err(error) = settings::policy(&loaded.config) {
        return Ok(refuse(&with_place(origin, &env, &error)));
    }
    if let Err(error) = gateway::try_mounts(&loaded.config, &env) {
        return Ok(refuse(&format!("{error:#}")));
    }
    let what = named(&loaded);
    output::result(&format!("{what}: valid"))?;
    Ok(ExitCode::SUCCESS)
}

fn named(loaded: &Loaded) -> String {
    match &loaded.file {
        Some(file) => file.display().to_string(),
        None => "no configuration file, defaults, environment and flags".to_owned(),
    }
}

/// Problems stand one a line, each beginning with its place, as editors read them.
fn problem(error: &anyhow::Error) -> String {
    match error.downcast_ref::<ConfigError>() {
        Some(error) => error.to_string(),
        None => format!("{error:#}"),
    }
}

/// Rules are understood by policy, which knows keys; where these were written is known here.
fn with_place(origin: &Origin, env: &Env, error: &anyhow::Error) -> String {
    match error.downcast_ref::<PolicyError>() {
        Some(error) => match origin.place_of(env, &error.key) {
            Ok(place) => format!("{place}: {error}"),
            Err(_) => error.to_string(),
        },
        None => format!("{error:#}"),
    }
}

fn refuse(text: &str) -> ExitCode {
    output::remark(text);
    ExitCode::FAILURE
}

/// Prints the resolved configuration as TOML, secrets as `***`.
pub(crate) fn show(origin: &Origin) -> anyhow::Result<()> {
    let loaded = origin.load(&Env::from_process_env())?;
    let text = toml::to_string_pretty(&loaded.config).context("the configuration as TOML")?;
    output::result(&text)
}

/// Prints the JSON Schema of the configuration file.
pub(crate) fn schema() -> anyhow::Result<()> {
    output::json(&weir_config::schema())
}
