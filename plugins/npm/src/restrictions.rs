//! `policyRestrictions`: how a packument tells npm why versions are missing.
//!
//! npm-pick-manifest (npm 10 and later, `lib/index.js`) looks for a version among `versions` and
//! `policyRestrictions.versions` alike, prefers the former, and when only one of the latter fits
//! fails with `E403` and prints `policyRestrictions.message`. Each restricted version is a
//! manifest of which only `version` is read. Other clients ignore the field.

use weir_format::json::quote;

pub(crate) const KEY: &str = "policyRestrictions";

/// The field's value.
pub(crate) fn json<'v>(
    message: &str,
    name: &str,
    withheld: impl Iterator<Item = &'v str>,
) -> String {
    let name = quote(name);
    let versions: Vec<_> = withheld
        .map(|version| {
            let version = quote(version);
            format!("{version}:{{\"name\":{name},\"version\":{version}}}")
        })
        .collect();
    format!("{{\"message\":{},\"versions\":{{{}}}}}", quote(message), versions.join(","))
}
