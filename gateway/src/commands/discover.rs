//! `weir discover`: which registry addresses are known, and from where.

use std::time::Duration;

use serde_json::json;
use weir_config::{Config, Credentials, EcosystemId, Env};
use weir_discover::{Finding, Login, Options};

use crate::addresses::surroundings;
use crate::commands::serve::Origin;
use crate::{ecosystems, output};

/// Programs are asked afresh and may take their time: this is for people who want to know.
const BUDGET: Duration = Duration::from_secs(10);

/// Prints what the configuration says and what is found on the machine.
pub(crate) async fn discover(origin: Origin, as_json: bool) -> anyhow::Result<()> {
    let env = Env::from_process_env();
    let loaded = origin.load(&env)?;
    let file = loaded.file.map(|file| format!(" ({})", file.display())).unwrap_or_default();
    let mut findings = configured(&loaded.config, &format!("the configuration{file}"));
    let said: Vec<&str> = findings.iter().map(|finding| finding.ecosystem).collect();
    let config = loaded.config;
    let found = tokio::task::spawn_blocking(move || on_the_machine(&config, &env)).await?;
    findings.extend(found.into_iter().filter(|finding| !said.contains(&finding.ecosystem)));
    findings.sort_by_key(|found| (found.ecosystem, found.origin != "primary", found.origin));
    if as_json {
        let rows: Vec<_> = findings.iter().map(row).collect();
        return output::json(&rows);
    }
    if findings.is_empty() {
        output::remark(
            "no registry address was found; add one to the configuration, such as upstream.npm = \
             \"https://registry.example/npm\"",
        );
    }
    output::result(&weir_discover::table(&findings))
}

fn on_the_machine(config: &Config, env: &Env) -> Vec<Finding> {
    let own: Vec<_> = crate::addresses::own(config);
    let options = Options { budget: BUDGET, exclude: &own, memory: None };
    weir_discover::discover(&surroundings(env), &options)
}

/// The default mounts' configured addresses. They win over everything that is found.
fn configured(config: &Config, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ecosystem in EcosystemId::all() {
        let Some(upstream) = config.default_mount(ecosystem).upstream else { continue };
        let plugin = ecosystems::find(ecosystem.id());
        let roles = plugin.map(|plugin| plugin.describe().origins).unwrap_or_default();
        let others =
            roles.iter().filter_map(|role| Some((role.id, upstream.origins.get(role.id)?)));
        for (origin, address) in std::iter::once(("primary", &upstream.address)).chain(others) {
            findings.push(Finding {
                ecosystem: ecosystem.id(),
                origin,
                address: address.url.clone(),
                credentials: address.credentials.as_ref().map(login),
                source: source.to_owned(),
                trusted: true,
            });
        }
    }
    findings
}

fn login(credentials: &Credentials) -> Login {
    match credentials {
        Credentials::Basic { user, password } => {
            Login::Basic(user.clone(), password.reveal().to_owned())
        }
        Credentials::Bearer { token } => Login::Bearer(token.reveal().to_owned()),
        Credentials::Header { value, .. } => Login::Bearer(value.reveal().to_owned()),
    }
}

/// Without credentials: only whether there are some.
fn row(finding: &Finding) -> serde_json::Value {
    json!({
        "ecosystem": finding.ecosystem,
        "origin": finding.origin,
        "address": finding.address,
        "credentials": finding.credentials.is_some(),
        "source": finding.source,
    })
}
