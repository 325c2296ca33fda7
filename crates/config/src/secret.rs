//! Values that are never printed.

use std::fmt;

use serde::{Serialize, Serializer};

/// A password, token or address with one. It is shown as `***` wherever it is printed,
/// serialised or logged; only [`reveal`](Self::reveal) gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// How the gateway shows itself to an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// HTTP basic authentication.
    Basic {
        /// The user name.
        user: String,
        /// The password; may be empty.
        password: Secret,
    },
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// A header of the registry's own.
    Header {
        /// The header's name.
        header: String,
        /// The header's value.
        value: Secret,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed_in_any_form() {
        let credentials =
            Credentials::Basic { user: "ci".into(), password: Secret::new("hunter2") };
        assert_eq!(format!("{credentials:?}"), r#"Basic { user: "ci", password: *** }"#);
        let json = serde_json::to_string(&credentials).unwrap();
        assert_eq!(json, r#"{"basic":{"user":"ci","password":"***"}}"#);
    }
}
