//! One address, and where it was found.

use std::fmt::{self, Write as _};

use url::Url;

/// What to show an upstream. It is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// HTTP basic authentication: user and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One address of one ecosystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The ecosystem's id: `npm`.
    pub ecosystem: &'static str,
    /// The origin's role: `primary`, `security`, `sumdb`.
    pub origin: &'static str,
    /// The address, without user information and trailing slash.
    pub address: Url,
    /// What to show there.
    pub credentials: Option<Login>,
    /// Where it was found, for people: `npm's settings (~/.npmrc)`.
    pub source: String,
    /// Whether a client on this machine names this host, in its settings or by its own default,
    /// so that the host may have a private address.
    pub trusted: bool,
}

impl Finding {
    /// A finding of the main address; `None` when the text is no usable address.
    pub(crate) fn new(ecosystem: &'static str, address: &str, source: String) -> Option<Self> {
        let mut url = Url::parse(address.trim().trim_start_matches("sparse+")).ok()?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return None;
        }
        let credentials = login(&url);
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let origin = "primary";
        Some(Self { ecosystem, origin, address: url, credentials, source, trusted: true })
    }

    /// The same for another origin.
    pub(crate) fn origin(self, origin: &'static str) -> Self {
        Self { origin, ..self }
    }

    /// The same with what to show there, unless the address itself said.
    pub(crate) fn login(mut self, login: Option<Login>) -> Self {
        self.credentials = self.credentials.or(login);
        self
    }
}

fn login(url: &Url) -> Option<Login> {
    let decoded = |text: &str| {
        let bytes = percent_encoding::percent_decode_str(text);
        bytes.decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    Some(Login::Basic(decoded(url.username())?, decoded(url.password().unwrap_or_default())?))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.credentials.is_some() { " (with credentials)" } else { "" };
        let (ecosystem, origin) = (self.ecosystem, self.origin);
        write!(f, "{ecosystem} {origin} {}{login} from {}", self.address, self.source)
    }
}

/// The findings as a table, one a line, without credentials.
pub fn table(findings: &[Finding]) -> String {
    let rows: Vec<[String; 4]> = findings
        .iter()
        .map(|found| {
            let name = match found.origin {
                "primary" => found.ecosystem.to_owned(),
                origin => format!("{} {origin}", found.ecosystem),
            };
            let login = if found.credentials.is_some() { "with credentials" } else { "" };
            [name, found.address.to_string(), login.to_owned(), found.source.clone()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = [width(0), width(1), width(2)].map(Option::unwrap_or_default);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row[..3].iter().zip(widths).filter(|(_, width)| *width > 0) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{cell:width$}  ");
        }
        text.push_str(&row[3]);
        text.push('\n');
    }
    text
}
