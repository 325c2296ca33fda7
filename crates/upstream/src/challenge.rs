//! `WWW-Authenticate`: what a registry asks for before it answers.
//!
//! The syntax is that of RFC 9110 section 11.6.1; the parameters of `Bearer` are those of the
//! Docker token protocol, which registries of the OCI distribution specification speak: `realm` is
//! the address of the token service, `service` and `scope` are handed to it as they are.

use http::{HeaderMap, header};

/// Longer values are no challenge: they are kept and sent on.
const MAX_VALUE: usize = 4096;

/// A challenge for a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bearer {
    /// The address of the token service, as it was written.
    pub(crate) realm: String,
    /// The registry's name at the token service.
    pub(crate) service: Option<String>,
    /// What the token is to allow; several scopes are separated by spaces.
    pub(crate) scope: Option<String>,
}

impl Bearer {
    /// The first challenge for a token in an answer, when there is one that can be understood.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
        values.filter_map(|value| challenges(value.to_str().ok()?)).flatten().find_map(bearer)
    }
}

fn bearer(challenge: Challenge) -> Option<Bearer> {
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut found = Bearer { realm: String::new(), service: None, scope: None };
    for (name, value) in challenge.parameters {
        if value.len() > MAX_VALUE {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "realm" => found.realm = value,
            "service" => found.service = Some(value),
            "scope" => found.scope = Some(value).filter(|scope| !scope.trim().is_empty()),
            _ => {}
        }
    }
    (!found.realm.is_empty()).then_some(found)
}

/// A scheme with its parameters.
#[derive(Debug)]
struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

/// The challenges of one header value; `None` when it does not follow the grammar.
fn challenges(text: &str) -> Option<Vec<Challenge>> {
    let mut all: Vec<Challenge> = Vec::new();
    let mut rest = skip_separators(text);
    while !rest.is_empty() {
        let (word, after) = token(rest)?;
        let beyond = after.trim_start_matches(is_space);
        if let (Some(value), Some(current)) = (beyond.strip_prefix('='), all.last_mut()) {
            let (value, after) = parameter_value(value.trim_start_matches(is_space))?;
            current.parameters.push((word.to_owned(), value));
            rest = skip_separators(after);
        } else {
            all.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
            rest = skip_token68(skip_separators(after));
        }
    }
    Some(all)
}

/// Schemes such as `Negotiate` carry bare data that ends in `=` signs instead of parameters.
fn skip_token68(text: &str) -> &str {
    let data = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    let after = text.trim_start_matches(data);
    let end = after.trim_start_matches('=').trim_start_matches(is_space);
    let is_data = after.len() < text.len() && after.starts_with('=');
    if is_data && (end.is_empty() || end.starts_with(',')) { skip_separators(end) } else { text }
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, after) = token(text)?;
        return Some((word.to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// A token of RFC 9110 section 5.6.2; never empty.
fn token(text: &str) -> Option<(&str, &str)> {
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !good(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(|c| is_space(c) || c == ',')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Option<Bearer> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Bearer::of(&headers)
    }

    fn wanted(realm: &str, service: &str, scope: &str) -> Bearer {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Bearer { realm: realm.to_owned(), service: text(service), scope: text(scope) }
    }

    #[test]
    fn the_usual_challenge_is_read() {
        let text = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:library/alpine:pull""#;
        let found = wanted(
            "https://auth.example/token",
            "registry.example",
            "repository:library/alpine:pull",
        );
        assert_eq!(of(&[text]), Some(found));
    }

    #[test]
    fn a_challenge_for_a_token_is_found_among_others_in_any_form() {
        let found = wanted("https://a.example/t", "s", "a:b:pull,push c:d:pull");
        for values in [
            &[
                r#"Basic realm="x, y", bEARER Realm = "https://a.example/t" , service=s, scope="a:b:pull,push c:d:pull""#,
            ][..],
            &[
                r#"Basic realm="x""#,
                r#"Bearer scope="a:b:pull,push c:d:pull",service="s",realm="https://a.example/t",error="invalid_token""#,
            ],
            &[
                r#"Negotiate YWJj==, Bearer realm="https:\/\/a.example/t",service="s",scope="a:b:pull,push c:d:pull""#,
            ],
        ] {
            assert_eq!(of(values), Some(found.clone()), "{values:?}");
        }
    }

    #[test]
    fn what_asks_for_no_token_is_none() {
        for text in [
            "Bearer",
            "Bearer service=s",
            r#"Bearer realm="""#,
            r#"Bearer realm="https://a.example"#,
            r#"Basic realm="registry""#,
            "=,=",
            "",
        ] {
            assert_eq!(of(&[text]), None, "{text}");
        }
        let long = format!(r#"Bearer realm="https://a.example/",scope="{}""#, "a".repeat(5000));
        assert_eq!(of(&[&long]), None);
    }

    #[test]
    fn scope_and_service_may_be_missing() {
        let only = of(&["Bearer realm=\"https://a.example/t\""]);
        assert_eq!(only, Some(wanted("https://a.example/t", "", "")));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}", more in r#"(Bearer|Basic|[a-z]+)?[ =,"\\a-z]{0,40}"#) {
            let _ = (of(&[&text]), of(&[&more]));
        }

        #[test]
        fn quoted_values_come_back(realm in "[ -~]{1,40}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let found = of(&[&format!("Bearer realm=\"{quoted}\"")]);
            prop_assert_eq!(found, Some(wanted(&realm, "", "")));
        }
    }
}
