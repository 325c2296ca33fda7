//! `weir keys`: the key that signs edited indexes.

use std::fmt::Write as _;
use std::path::Path;

use weir_config::{Config, Env, KeyKind};
use weir_core::{Clock as _, SystemClock};
use weir_signing::{Kind, SigningKey};

use crate::commands::serve::Origin;
use crate::commands::setup;
use crate::{ecosystems, gateway, output};

/// Makes the key where there is none, and says what to do with it.
pub(crate) fn init(origin: &Origin, user_id: Option<&str>) -> anyhow::Result<()> {
    let config = origin.load(&Env::from_process_env())?.config;
    let kind = match config.keys.kind {
        KeyKind::Ed25519 => Kind::Ed25519,
        KeyKind::Rsa3072 => Kind::Rsa3072,
    };
    let named = config.base_url.as_ref().and_then(|url| url.host_str());
    let default = named.map_or_else(|| "Weir".to_owned(), |host| format!("Weir at {host}"));
    let user_id = user_id.unwrap_or(&default);
    let key = SigningKey::generate(kind, user_id, SystemClock.now())?;
    key.save(&config.keys.path)?;
    output::remark(
        "The key is new. Keep a copy of its file in a safe place: clients that trust it trust no \
         other. A gateway that runs reads it when it is restarted.",
    );
    output::result(&description(&config, &config.keys.path, &key)?)
}

/// Says which key there is, or prints its public half.
pub(crate) fn show(origin: &Origin, armor: bool) -> anyhow::Result<()> {
    let config = origin.load(&Env::from_process_env())?.config;
    let key = SigningKey::load(&config.keys.path)?;
    if armor {
        return output::result(&String::from_utf8(key.public_armored()?)?);
    }
    output::result(&description(&config, &config.keys.path, &key)?)
}

/// What a person needs who makes clients trust the key.
fn description(config: &Config, file: &Path, key: &SigningKey) -> anyhow::Result<String> {
    let address = setup::address(config)?;
    let address = address.as_str().trim_end_matches('/');
    let mut text = format!(
        "key          {} ({})\nfingerprint  {}\nfile         {}\npublic key   {address}/keys/weir.asc\n",
        key.user_id(),
        key.algorithm(),
        key.fingerprint(),
        file.display(),
    );
    writeln!(text, "             {address}/keys/weir.gpg (not armored)")?;
    for name in gateway::registries(config)
        .filter(|registry| {
            let plugin = ecosystems::find(registry.ecosystem.id());
            plugin.is_some_and(|plugin| plugin.describe().signed)
        })
        .map(|registry| registry.name)
    {
        write!(
            text,
            "\nThe indexes of {name} are signed. To filter them, and sign them with this key:\n\n\
             [registries.{name}]\nindex = \"filter_resign\"\nsuites = [\"bookworm\"]        # those that \
             your clients use\narchitectures = [\"amd64\"]\n"
        )?;
    }
    Ok(text)
}
