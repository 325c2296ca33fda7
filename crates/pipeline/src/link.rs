//! Where a place is: below an origin, or at a link resolved against the document that holds it.

use futures_util::future::BoxFuture;
use http::header::{ETAG, LAST_MODIFIED};
use url::Url;
use weir_core::{Code, Fetch, Link, Place, Target};
use weir_upstream::{Origin, Whither};

use crate::Failure;
use crate::gather::{Gathered, Purpose};
use crate::visit::Visit;

/// A place with the origin whose credentials and limits apply.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) origin: Origin,
    at: At,
}

#[derive(Clone, Debug)]
enum At {
    Path(Box<str>),
    Link(Url),
}

impl Spot {
    pub(crate) fn whither(&self) -> Whither<'_> {
        match &self.at {
            At::Path(path) => Whither::Path(path),
            At::Link(url) => Whither::Url(url),
        }
    }

    /// A text that is the same for the same place, without credentials.
    pub(crate) fn text(&self) -> String {
        match &self.at {
            At::Path(path) => format!("{} {path}", self.origin.base),
            At::Link(url) => url.to_string(),
        }
    }
}

impl Visit {
    pub(crate) async fn spot(&self, place: &Place, known: &Gathered) -> Result<Spot, Failure> {
        match place {
            Place::Origin { origin, path } => {
                Ok(Spot { origin: self.way_to(origin).await?, at: At::Path(path.clone()) })
            }
            Place::Named { origin, name, path } => {
                let known = self.mount.origins().await;
                if known.get(origin).is_none_or(|origin| name_of(origin) != **name) {
                    return Err(Failure::not_found(format!("{name} behind this mount")));
                }
                Ok(Spot { origin: self.way_to(origin).await?, at: At::Path(path.clone()) })
            }
            Place::Link(link) => {
                Ok(Spot { at: At::Link(resolve(link, known)?), origin: self.main().await? })
            }
        }
    }
}

impl Visit {
    /// The main origin.
    async fn main(&self) -> Result<Origin, Failure> {
        let primary = self.mount.descriptor().origins.first().map_or("primary", |o| o.id);
        self.mount.origin(primary).await
    }

    /// How an origin is reached: below the main address where that one relays it, else at its own.
    fn way_to<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Origin, Failure>> {
        Box::pin(async move {
            let own = self.mount.origin(id).await?;
            let spec = self.mount.descriptor().origins.iter().find(|spec| spec.id == id);
            let Some(through) = spec.and_then(|spec| spec.through) else { return Ok(own) };
            let path = through.replace("{name}", &name_of(&own));
            let asked = format!("{path}/supported");
            let target = Target::Relay { path: asked.as_str().into(), view: "supported".into() };
            let fetch = Fetch::get(asked).optional();
            let nothing = Gathered::default();
            let answer = self.obtain(&target, &fetch, Purpose::Listing, &nothing).await?;
            if answer.doc.is_none() {
                return Ok(own);
            }
            let mut relayed = self.main().await?;
            let below = format!("{}/{path}", relayed.base.path().trim_end_matches('/'));
            relayed.base.set_path(&below);
            Ok(relayed)
        })
    }

    /// Whether a place is below an origin that this mount has no address of.
    pub(crate) async fn lacks(&self, place: &Place) -> bool {
        match place {
            Place::Origin { origin, .. } => !self.mount.origins().await.contains_key(origin),
            Place::Named { .. } | Place::Link(_) => false,
        }
    }
}

/// The name by which clients know an origin: its address without the scheme.
fn name_of(origin: &Origin) -> String {
    let host = origin.base.host_str().unwrap_or_default();
    let port = origin.base.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{host}{port}{}", origin.base.path().trim_end_matches('/'))
}

/// Relative links are resolved against the address that their document came from.
fn resolve(link: &Link, known: &Gathered) -> Result<Url, Failure> {
    let bad = |reason: &str| {
        let shown: String = link.as_str().chars().take(200).collect();
        let sentence = format!("the registry links to {shown:?}, {reason}");
        Failure::new(Code::UnreadableDocument, sentence)
    };
    // A link of a document that nobody fetched is one that a plugin made up.
    let base = known.address_of(link.document()).ok_or_else(|| bad("in no document of its own"))?;
    let base = Url::parse(base).map_err(|_| bad("from a page without an address"))?;
    let url = base.join(link.as_str()).map_err(|_| bad("which is no address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("which is neither http nor https"));
    }
    Ok(url)
}

/// A header as text.
pub(crate) fn header(headers: &http::HeaderMap, name: http::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

/// Upstream's validators: entity tag and modification date.
pub(crate) fn validators(headers: &http::HeaderMap) -> (Option<String>, Option<String>) {
    (header(headers, ETAG), header(headers, LAST_MODIFIED))
}

#[cfg(test)]
mod tests {
    use weir_core::{Doc, LinkSyntax};

    use super::*;

    #[test]
    fn a_link_of_a_document_that_nobody_fetched_leads_nowhere() {
        let text = "https://inside.example/file";
        let link = Doc::new(text, "text/plain").link(0..text.len(), LinkSyntax::Plain).unwrap();
        let refused = resolve(&link, &Gathered::default()).unwrap_err();
        assert_eq!(refused.code(), Code::UnreadableDocument);
        assert!(refused.to_string().contains(text), "{refused}");
    }
}
