//! Tokens of clients: who may fetch, and who may administer.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_core::Timestamp;

use crate::partial::{PartialAuth, PartialToken};
use crate::resolve::{Resolver, strings, texts};
use crate::{EcosystemId, Group, Registry, Secret, value};

/// Fewest characters of a token: shorter ones can be guessed.
const SHORTEST: usize = 20;

/// Who may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Auth {
    /// Whether every request needs a token. Without it tokens matter to administration alone.
    pub required: bool,
    /// Whether the metrics need one too.
    pub metrics: bool,
    /// The tokens, by name.
    pub tokens: BTreeMap<String, ApiToken>,
}

/// A token and what its holder may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    /// What clients send.
    pub token: Secret,
    /// What its holder may.
    pub role: TokenRole,
    /// Names of the registries and groups that it opens; all when empty.
    pub mounts: Vec<String>,
    /// When it ends.
    #[serde(serialize_with = "value::show_optional_instant")]
    pub until: Option<Timestamp>,
}

/// What the holder of a token may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Fetch, and ask why.
    #[default]
    Client,
    /// Administer as well.
    Admin,
}

impl Resolver<'_> {
    /// `auth`.
    pub(crate) fn auth(
        &mut self,
        layer: PartialAuth,
        mounts: (&BTreeMap<String, Registry>, &BTreeMap<String, Group>),
    ) -> Auth {
        let mut tokens: BTreeMap<String, ApiToken> = BTreeMap::new();
        for (name, token) in layer.tokens {
            let at = strings(&["auth", "tokens", &name]);
            let Some(token) = self.token(&at, token) else { continue };
            for mount in &token.mounts {
                let known = mounts.0.contains_key(mount)
                    || mounts.1.contains_key(mount)
                    || EcosystemId::parse(mount).is_some_and(|id| id.id() == mount);
                if !known {
                    let at = [&*at, &strings(&["mounts"])].concat();
                    self.refuse(&at, format!("there is no registry or group {mount:?}"));
                }
            }
            if let Some((other, _)) = tokens.iter().find(|(_, other)| other.token == token.token) {
                self.refuse(&at, format!("has the same token as auth.tokens.{other}"));
            }
            tokens.insert(name, token);
        }
        let auth = Auth {
            required: layer.required.is_some_and(|flag| flag.0),
            metrics: layer.metrics.is_some_and(|flag| flag.0),
            tokens,
        };
        if (auth.required || auth.metrics) && auth.tokens.is_empty() {
            let message = "needs a token that opens the gateway, such as \
                           [auth.tokens.ci] token = { file = \"/run/secrets/weir-ci\" }";
            self.refuse(&strings(&["auth"]), message);
        }
        auth
    }

    fn token(&mut self, at: &[String], layer: PartialToken) -> Option<ApiToken> {
        let Some(source) = layer.token else {
            self.refuse(at, "needs a token, such as token = { file = \"/run/secrets/weir-ci\" }");
            return None;
        };
        let at = [at, &strings(&["token"])].concat();
        let token = self.secret(&at, source)?;
        let text = token.reveal();
        if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!(
                "must have at least {SHORTEST} printable characters without spaces, such as \
                 `openssl rand -hex 32` makes"
            );
            self.refuse(&at, message);
        }
        Some(ApiToken {
            token,
            role: layer.role.map(|role| role.0).unwrap_or_default(),
            mounts: texts(layer.mounts),
            until: layer.until.map(|until| until.0),
        })
    }
}
