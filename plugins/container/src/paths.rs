//! Paths below `/v2/`: OCI Distribution Specification, "Endpoints".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::{Algorithm, Digest, Name, Owner, Request, Role, Target, Unroutable, View};

use crate::{refusal, views};

/// What a query value keeps unencoded (RFC 3986 section 2.3).
pub(crate) const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
/// The most tags or referrers that are asked for at once: registries refuse more.
const PAGE: u32 = 1000;
/// The longest name, in bytes: what registries take for host and name together.
const NAME: usize = 255;

const READ_ONLY: &str = "this gateway only serves images: push to the registry itself";
const CATALOG: &str = "this gateway does not list repositories: ask the registry itself";

/// What a request asks for. Paths are read from the right: a name may have components called
/// `blobs` or `manifests`.
pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    let path = request.path().join("/");
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    if !request.method.reads() {
        return Err(Unroutable::NotOffered(READ_ONLY));
    }
    match words[..] {
        [] => Ok(Target::Local(views::PING.into())),
        ["_catalog"] => Err(Unroutable::NotOffered(CATALOG)),
        [ref rest @ .., "tags", "list"] if !rest.is_empty() => {
            let name = name(rest, request.namespace)?;
            Ok(Target::manifest(name, View::with(views::TAGS, page(request)?)))
        }
        [ref rest @ .., "manifests", reference] if !rest.is_empty() => {
            let name = name(rest, request.namespace)?;
            check_reference(reference)?;
            Ok(Target::manifest(name, View::with(views::MANIFEST, reference)))
        }
        [ref rest @ .., "referrers", subject] if !rest.is_empty() => {
            let name = name(rest, request.namespace)?;
            let subject = digest(subject).ok_or(Unroutable::Malformed(refusal::DIGEST))?;
            let arg = joined(&subject.to_string(), &referrers_query(request)?);
            Ok(Target::manifest(name, View::with(views::REFERRERS, arg)))
        }
        [ref rest @ .., "blobs", content] if !rest.is_empty() => {
            let name = Name::new(name(rest, request.namespace)?);
            let digest = digest(content).ok_or(Unroutable::Malformed(refusal::DIGEST))?;
            let file = digest.to_string().into();
            Ok(Target::Artifact {
                owner: Owner::Content { name, digest },
                file,
                role: Role::Package,
            })
        }
        _ => Err(Unroutable::Unknown),
    }
}

/// The canonical path of a target.
pub(crate) fn path(target: &Target) -> String {
    let name = target.package().map(Name::as_str).unwrap_or_default();
    match target {
        Target::Artifact { file, .. } => format!("{name}/blobs/{file}"),
        Target::Manifest { view, .. } => match view.name {
            views::TAGS => joined(&format!("{name}/tags/list"), &view.arg),
            views::REFERRERS => format!("{name}/referrers/{}", view.arg),
            _ => format!("{name}/manifests/{}", view.arg),
        },
        _ => String::new(),
    }
}

pub(crate) fn joined(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A digest as the specification spells it: `sha256:` or `sha512:` and lower-case digits.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    let digest: Digest = text.parse().ok()?;
    let served = matches!(digest.algorithm(), Algorithm::Sha256 | Algorithm::Sha512);
    (served && digest.to_string() == text).then_some(digest)
}

fn check_reference(text: &str) -> Result<(), Unroutable> {
    if text.contains(':') {
        return digest(text).map(|_| ()).ok_or(Unroutable::Malformed(refusal::DIGEST));
    }
    if is_tag(text) { Ok(()) } else { Err(Unroutable::Malformed(refusal::TAG)) }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let rest = |b: u8| word(b) || matches!(b, b'.' | b'-');
    text.len() <= 128 && text.bytes().all(rest) && text.bytes().next().is_some_and(word)
}

/// The name of a repository. One without a namespace belongs to the upstream's, where it has one.
fn name(components: &[&str], namespace: &str) -> Result<String, Unroutable> {
    let mut name = components.join("/");
    if components.len() == 1 && !namespace.is_empty() {
        name = format!("{namespace}/{name}");
    }
    let fine = name.len() <= NAME && components.iter().all(|component| is_component(component));
    if fine { Ok(name) } else { Err(Unroutable::Malformed(refusal::NAME)) }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = |b: Option<u8>| b.is_some_and(plain);
    let mut separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends(text.bytes().next())
        && ends(text.bytes().last())
        && separators.all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

/// Which part of a listing is asked for, canonical.
fn page(request: &Request<'_>) -> Result<String, Unroutable> {
    let mut query = Vec::new();
    if let Some(number) = request.param("n") {
        let number: u32 = number.parse().map_err(|_| Unroutable::Malformed(refusal::PAGE))?;
        query.push(format!("n={}", number.min(PAGE)));
    }
    for key in ["last", "next_page"] {
        if let Some(value) = request.param(key).filter(|value| !value.is_empty()) {
            query.push(format!("{key}={}", utf8_percent_encode(&value, VALUE)));
        }
    }
    Ok(query.join("&"))
}

fn referrers_query(request: &Request<'_>) -> Result<String, Unroutable> {
    let page = page(request)?;
    let Some(kind) = request.param(ARTIFACT_TYPE).filter(|kind| !kind.is_empty()) else {
        return Ok(page);
    };
    // A media type has no spaces: this was a plus sign (`+json`) that the client did not encode.
    let kind = kind.replace(' ', "+");
    let filter = format!("{ARTIFACT_TYPE}={}", utf8_percent_encode(&kind, VALUE));
    Ok(if page.is_empty() { filter } else { format!("{filter}&{page}") })
}

/// The parameter that filters referrers.
pub(crate) const ARTIFACT_TYPE: &str = "artifactType";

/// The page that follows according to a `Link` header (RFC 8288), as a query for this gateway;
/// `None` when there is none, or it is asked for in a way that is not known here.
pub(crate) fn next_page(link: &str) -> Option<String> {
    let next = link.split(',').find(|part| {
        let relation = part.split_once('>').map_or("", |(_, rest)| rest);
        relation.replace(['"', ' '], "").contains("rel=next")
    })?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let query = address.split_once('?')?.1;
    let request = Request { query, ..Request::get("").ok()? };
    let page = page(&request).ok()?;
    (page.contains("last=") || page.contains("next_page=")).then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_follow_the_grammar_of_the_specification() {
        for good in ["a", "a0", "a.b", "a_b", "a__b", "a-b", "a---b", "0"] {
            assert!(is_component(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a___b", "a._b", "a.-b", "ä", "a b", "a_.b"] {
            assert!(!is_component(bad), "{bad}");
        }
    }

    #[test]
    fn tags_have_at_most_128_characters_and_begin_with_a_word() {
        assert!(is_tag("1.25-alpine") && is_tag("_x") && is_tag(&"a".repeat(128)));
        assert!(!is_tag("") && !is_tag("-a") && !is_tag(".a") && !is_tag(&"a".repeat(129)));
    }

    #[test]
    fn digests_have_one_spelling() {
        let hex = "ab".repeat(32);
        assert!(digest(&format!("sha256:{hex}")).is_some());
        assert!(digest(&format!("sha512:{}", "ab".repeat(64))).is_some());
        let upper = format!("sha256:{}", "AB".repeat(32));
        for bad in [&hex, &upper, "sha256:ab", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
            assert!(digest(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_as_upstream_says() {
        let next = |link| next_page(link);
        assert_eq!(
            next("</v2/x/tags/list?last=b%2Fc&n=2>; rel=\"next\"").unwrap(),
            "n=2&last=b%2Fc"
        );
        let token = "<https://quay.example/v2/x/tags/list?n=50&next_page=g%3D%3D>; rel=\"next\"";
        assert_eq!(next(token).unwrap(), "n=50&next_page=g%3D%3D");
        assert_eq!(next("</v2/x/tags/list?last=b>; rel=\"prev\""), None);
        assert_eq!(next("</v2/x/tags/list?cursor=b>; rel=\"next\""), None);
    }
}
