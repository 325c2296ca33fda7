//! Refusals as clients of registries print them: OCI Distribution Specification, "Error Codes".
//!
//! Clients repeat what has a code that they do not know, so only codes of the specification and
//! of the Docker registry's own list are used.

use weir_core::{Code, Denial, Reply, Target};
use weir_format::json;

use crate::views;

pub(crate) const NAME: &str =
    "the name of a repository has lower-case components such as library/nginx";
pub(crate) const TAG: &str = "a tag has at most 128 letters, digits, and _ . - inside";
pub(crate) const DIGEST: &str = "a digest is sha256: or sha512: and lower-case hexadecimal digits";
pub(crate) const PAGE: &str = "n is a number of entries";

/// The refusal of a request.
pub(crate) fn reply(target: Option<&Target>, denial: &Denial) -> Reply {
    let mut detail = vec![("reason", Some(denial.code.as_str().to_owned()))];
    detail.push(("rule", denial.rule.as_deref().map(ToOwned::to_owned)));
    detail.push(("package", denial.subject.as_ref().map(ToString::to_string)));
    detail.push(("until", denial.until.map(|until| until.to_string())));
    detail.push(("explain", denial.explain.clone()));
    let said = |(key, value): (&str, Option<String>)| {
        value.map(|value| format!("{}:{}", json::quote(key), json::quote(&value)))
    };
    let detail: Vec<String> = detail.into_iter().filter_map(said).collect();
    let body = format!(
        "{{\"errors\":[{{\"code\":{},\"message\":{},\"detail\":{{{}}}}}]}}\n",
        json::quote(code(target, denial)),
        json::quote(&denial.sentence),
        detail.join(",")
    );
    Reply { media: "application/json", headers: Vec::new(), body }
}

fn code(target: Option<&Target>, denial: &Denial) -> &'static str {
    match denial.code {
        Code::NotFound => unknown(target),
        Code::NotOffered => "UNSUPPORTED",
        Code::BadRequest => match denial.sentence.as_str() {
            DIGEST => "DIGEST_INVALID",
            TAG => "TAG_INVALID",
            PAGE => "PAGINATION_NUMBER_INVALID",
            NAME => "NAME_INVALID",
            _ => "UNSUPPORTED",
        },
        Code::Unauthenticated => "UNAUTHORIZED",
        Code::UpstreamRefused | Code::Forbidden => "DENIED",
        Code::UpstreamLimited => "TOOMANYREQUESTS",
        Code::Internal => "UNKNOWN",
        block if block.is_block() => "DENIED",
        _ => "UNAVAILABLE",
    }
}

fn unknown(target: Option<&Target>) -> &'static str {
    match target {
        Some(Target::Artifact { .. }) => "BLOB_UNKNOWN",
        Some(Target::Manifest { view, .. }) if view.name == views::MANIFEST => "MANIFEST_UNKNOWN",
        _ => "NAME_UNKNOWN",
    }
}
