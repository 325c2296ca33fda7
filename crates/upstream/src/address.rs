//! Where a request may go: below the origin, or along a link or redirect that its rules allow.

use http::Uri;
use http::uri::Authority;
use url::{Host, Url};

use crate::guard::host_key;
use crate::{At, Origin, UpstreamError, Whither};

/// An address in both forms that are needed: as it is sent, and as it is compared.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Percent-encoded as it was given.
    pub(crate) uri: Uri,
    /// The same, for joining and comparing.
    pub(crate) url: Url,
}

impl Target {
    /// The target of a request.
    pub(crate) fn of(origin: &Origin, to: Whither<'_>) -> Result<Self, UpstreamError> {
        match to {
            Whither::Path(raw) => below(origin, raw),
            Whither::Url(link) => follow(origin, &origin.base, link.clone()),
        }
    }

    /// The target of a redirect from here.
    pub(crate) fn redirected(
        &self,
        origin: &Origin,
        location: &[u8],
    ) -> Result<Self, UpstreamError> {
        let text = String::from_utf8_lossy(location);
        let next = self.url.join(&text).map_err(|error| UpstreamError::Redirect {
            at: self.at(origin),
            reason: format!("expected an address in Location: {error}"),
        })?;
        follow(origin, &self.url, next)
    }

    /// This target in messages.
    pub(crate) fn at(&self, origin: &Origin) -> At {
        at(origin, &self.url)
    }

    /// Whether this is the origin's own scheme, host and port: credentials may be sent.
    pub(crate) fn is_own(&self, origin: &Origin) -> bool {
        self.url.origin() == origin.base.origin()
    }
}

/// Origin and host in messages.
pub(crate) fn at(origin: &Origin, url: &Url) -> At {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    At { label: origin.label.as_str().into(), host: host.into() }
}

/// The host of an origin in its one spelling.
pub(crate) fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => host_key(name),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

fn below(origin: &Origin, raw: &str) -> Result<Target, UpstreamError> {
    let refuse = |reason| UpstreamError::Address { at: at(origin, &origin.base), reason };
    let raw = raw.strip_prefix('/').unwrap_or(raw);
    let (path, _) = raw.split_once('?').unwrap_or((raw, ""));
    if path.split('/').any(is_relative) {
        // The registry would leave the folder that the operator named.
        return Err(refuse("expected a path without relative segments"));
    }
    if !raw.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(refuse("expected a percent-encoded path"));
    }
    let base = origin.base.as_str().trim_end_matches('/');
    let text = format!("{base}/{raw}");
    let uri = text.parse().map_err(|_| refuse("expected a percent-encoded path"))?;
    let url = Url::parse(&text).map_err(|_| refuse("expected a percent-encoded path"))?;
    Ok(Target { uri, url })
}

/// `.` and `..` in every spelling that a server might take for them.
fn is_relative(segment: &str) -> bool {
    let segment = segment.to_ascii_lowercase().replace("%2e", ".");
    segment.split(['\\']).any(|part| matches!(part, "." | ".."))
}

/// Takes a step from one address to the next, when the origin's rules allow it.
pub(crate) fn follow(origin: &Origin, from: &Url, mut next: Url) -> Result<Target, UpstreamError> {
    let refuse = |reason: String| UpstreamError::Redirect { at: at(origin, from), reason };
    if !matches!(next.scheme(), "http" | "https") {
        return Err(refuse(format!(
            "expected a link to an http or https address, found the scheme {:?}",
            next.scheme()
        )));
    }
    next.set_fragment(None);
    // What a document or redirect says of user names is not our business.
    let _ = next.set_username("").and_then(|()| next.set_password(None));
    upgrade(from, &mut next);
    let host = host_of(&next);
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(refuse(format!("expected an https link, found plain http to {host}")));
    }
    if !may_go(origin, &host, next.scheme()) {
        return Err(refuse(format!("its rules allow no link or redirect to {host}")));
    }
    let uri = next.as_str().parse().map_err(|_| refuse("expected a usable link".to_owned()))?;
    Ok(Target { uri, url: next })
}

/// Old listings hold `http` links to a registry that has long moved to `https`; clients ask such
/// a registry over `https` as well.
fn upgrade(from: &Url, next: &mut Url) {
    let same = host_of(from) == host_of(next);
    if same && from.scheme() == "https" && next.scheme() == "http" && next.port().is_none() {
        // Fails only for schemes without a host.
        let _ = next.set_scheme("https");
        let _ = next.set_port(from.port());
    }
}

fn may_go(origin: &Origin, host: &str, scheme: &str) -> bool {
    if host == host_of(&origin.base) {
        return true;
    }
    match &origin.redirect_hosts {
        None => scheme == "https",
        Some(allowed) => allowed.iter().any(|pattern| matches_host(pattern, host)),
    }
}

/// Whether a host is meant by a name, or by `*.name` for its subdomains.
pub(crate) fn matches_host(pattern: &str, host: &str) -> bool {
    let pattern = host_key(pattern);
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|head| head.ends_with('.')),
        None => pattern == host,
    }
}

/// The number that a host is, when it is written as one.
pub(crate) fn literal(uri: &Uri) -> Option<std::net::IpAddr> {
    host_key(uri.authority().map(Authority::host)?).parse().ok()
}

#[cfg(test)]
#[path = "address/tests.rs"]
mod tests;
