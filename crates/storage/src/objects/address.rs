//! The address of a bucket: `s3://bucket/prefix?region=…&endpoint=…`.

use std::fmt;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, RetryConfig};
use url::Url;

use super::http::Connector;
use crate::{StorageError, StorageSettings};

/// Used when neither the address nor the environment names a region; servers of one's own rarely
/// care.
const DEFAULT_REGION: &str = "us-east-1";

/// A bucket and how it is reached. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    prefix: String,
    region: Option<String>,
    endpoint: Option<String>,
    plain_http: bool,
    path_style: bool,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        let wrong = |reason: String| StorageError::Address { url: without_secrets(text), reason };
        let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "credentials come from AWS_ACCESS_KEY_ID, not from the address".into(),
            ));
        }
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() {
            return Err(wrong("expected a bucket: s3://bucket?region=…".into()));
        }
        let mut address =
            Self { bucket, prefix: url.path().trim_matches('/').to_owned(), ..Self::default() };
        for (name, value) in url.query_pairs() {
            address.set(&name, value.into_owned()).map_err(wrong)?;
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "region" => self.region = Some(value),
            "endpoint" => self.endpoint = Some(value.trim_end_matches('/').to_owned()),
            "disableSSL" => self.plain_http = flag(name, &value)?,
            "s3ForcePathStyle" => self.path_style = flag(name, &value)?,
            _ => {
                return Err(format!(
                    "unknown parameter {name:?}; known are region, endpoint, disableSSL and \
                     s3ForcePathStyle"
                ));
            }
        }
        Ok(())
    }

    /// The endpoint with a scheme; a bare `host:port` takes the one that `disableSSL` says.
    fn endpoint(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        let scheme = if self.plain_http { "http" } else { "https" };
        Some(if endpoint.contains("://") {
            endpoint.clone()
        } else {
            format!("{scheme}://{endpoint}")
        })
    }

    /// The full name of an object in the bucket.
    pub(super) fn below(&self, name: &str) -> String {
        [self.prefix.as_str(), name]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }

    /// The inverse of [`below`](Self::below).
    pub(super) fn strip<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self.prefix.as_str() {
            "" => Some(name),
            prefix => name.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }

    pub(super) fn client(&self, settings: &StorageSettings) -> Result<AmazonS3, StorageError> {
        let region = self.region.as_ref().or(settings.region.as_ref());
        let plain = self.endpoint().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: settings.retries,
            retry_timeout: settings.answer_timeout,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(region.map_or(DEFAULT_REGION, String::as_str))
            .with_allow_http(plain)
            .with_retry(retry)
            .with_http_connector(Connector::new(settings, plain));
        builder = match self.endpoint() {
            // A server of one's own has no name for each bucket, unless its address says so.
            Some(endpoint) => builder
                .with_endpoint(self.endpoint_of_bucket(&endpoint))
                .with_virtual_hosted_style_request(!self.path_style),
            None => builder.with_virtual_hosted_style_request(!self.path_style),
        };
        builder = match &settings.credentials {
            Some(keys) => {
                let signed = builder
                    .with_access_key_id(&keys.access_key_id)
                    .with_secret_access_key(&keys.secret_access_key);
                keys.session_token.iter().fold(signed, AmazonS3Builder::with_token)
            }
            None => builder.with_skip_signature(true),
        };
        builder.build().map_err(|error| StorageError::Address {
            url: self.to_string(),
            reason: error.to_string(),
        })
    }

    /// The client takes an endpoint as given: the bucket's own host has to be made here.
    fn endpoint_of_bucket(&self, endpoint: &str) -> String {
        match endpoint.split_once("://") {
            Some((scheme, host)) if !self.path_style => {
                format!("{scheme}://{}.{host}", self.bucket)
            }
            _ => endpoint.to_owned(),
        }
    }
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{name} is true or false, not {value:?}")),
    }
}

fn without_secrets(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.below_bucket())?;
        let mut separator = '?';
        let flags = [("disableSSL", self.plain_http), ("s3ForcePathStyle", self.path_style)];
        let texts = [("region", &self.region), ("endpoint", &self.endpoint)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let set = flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "true"));
        for (name, value) in texts.chain(set) {
            write!(f, "{separator}{name}={value}")?;
            separator = '&';
        }
        Ok(())
    }
}

impl Address {
    fn below_bucket(&self) -> String {
        if self.prefix.is_empty() {
            self.bucket.clone()
        } else {
            format!("{}/{}", self.bucket, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_was_written() {
        for text in [
            "s3://bucket",
            "s3://bucket/some/folder?region=eu-central-1",
            "s3://b?region=r&endpoint=127.0.0.1:9000&disableSSL=true&s3ForcePathStyle=true",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let reason = |text| Address::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(reason("s3://b?regoin=x"), @r#"storage.url "s3://b?regoin=x": unknown parameter "regoin"; known are region, endpoint, disableSSL and s3ForcePathStyle"#);
        insta::assert_snapshot!(reason("s3://b?disableSSL=yes"), @r#"storage.url "s3://b?disableSSL=yes": disableSSL is true or false, not "yes""#);
        insta::assert_snapshot!(reason("s3://id:secret@b"), @r#"storage.url "s3://…@b": credentials come from AWS_ACCESS_KEY_ID, not from the address"#);
        insta::assert_snapshot!(reason("s3://"), @r#"storage.url "s3://": expected a bucket: s3://bucket?region=…"#);
    }

    #[test]
    fn a_prefix_is_added_and_taken_off() {
        let address = Address::parse("s3://b/team/cache/").unwrap();
        assert_eq!(address.below("npm/x"), "team/cache/npm/x");
        assert_eq!(address.strip("team/cache/npm/x"), Some("npm/x"));
        assert_eq!(address.strip("team/cache2/npm/x"), None);
    }

    #[test]
    fn the_bucket_is_part_of_the_host_unless_path_style_is_asked_for() {
        let host = |text| {
            let address = Address::parse(text).unwrap();
            address.endpoint_of_bucket(&address.endpoint().unwrap())
        };
        assert_eq!(host("s3://b?endpoint=s3.example"), "https://b.s3.example");
        assert_eq!(
            host("s3://b?endpoint=s3.example:9000&disableSSL=true&s3ForcePathStyle=true"),
            "http://s3.example:9000"
        );
        assert_eq!(
            host("s3://b?endpoint=http://s3.example&s3ForcePathStyle=1"),
            "http://s3.example"
        );
    }
}
