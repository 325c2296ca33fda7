//! `.npmrc` of project, user and system. Registries of single scopes are not looked at.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ini;
use crate::env::text;
use crate::{Env, Finding, Login};

/// Project, user, system: the first that names a registry wins.
pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    let user = env
        .var("npm_config_userconfig")
        .or_else(|| env.var("NPM_CONFIG_USERCONFIG"))
        .map_or_else(|| env.home.join(".npmrc"), PathBuf::from);
    vec![env.cwd.join(".npmrc"), user, env.system("etc/npmrc"), env.system("usr/etc/npmrc")]
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    let files: Vec<(PathBuf, Vec<(String, String)>)> = files(env)
        .into_iter()
        .filter_map(|path| {
            let entries = ini(&text(&path)?).into_iter();
            let entries = entries.map(|(_, key, value)| (key, expand(env, &value))).collect();
            Some((path, entries))
        })
        .collect();
    // Credentials often stand in the user's file while the project's names the registry.
    let all: Vec<(String, String)> = files.iter().flat_map(|(_, e)| e.iter().cloned()).collect();
    let named = files.iter().filter_map(|(path, entries)| {
        let (_, address) = entries.iter().find(|(key, _)| key == "registry")?;
        let source = format!("npm's settings ({})", env.show(path));
        let found = Finding::new("npm", address, source)?;
        let login = login(&found, &all);
        Some(found.login(login))
    });
    named.collect()
}

/// `${NAME}` stands for a variable.
fn expand(env: &Env, value: &str) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else { break };
        expanded.push_str(before);
        expanded.push_str(env.var(name).unwrap_or_default());
        rest = tail;
    }
    expanded + rest
}

/// Credentials are keyed by address without scheme: `//host/path/:_authToken`.
fn login(found: &Finding, entries: &[(String, String)]) -> Option<Login> {
    let (_, place) = found.address.as_str().split_once(':')?;
    let place = place.trim_end_matches('/');
    let get = |word: &str| {
        let key =
            |key: &String| key.strip_suffix(word).map(|k| k.trim_end_matches('/')) == Some(place);
        entries.iter().find(|(k, _)| key(k)).map(|(_, value)| value.clone())
    };
    if let Some(token) = get(":_authToken").filter(|token| !token.is_empty()) {
        return Some(Login::Bearer(token));
    }
    let decode = |text: String| String::from_utf8(STANDARD.decode(text).ok()?).ok();
    if let Some(pair) = get(":_auth").and_then(decode) {
        let (user, password) = pair.split_once(':')?;
        return Some(Login::Basic(user.to_owned(), password.to_owned()));
    }
    Some(Login::Basic(get(":username")?, get(":_password").and_then(decode)?))
}
