//! From an address of this gateway back to the registry's own: for files in which clients wrote
//! down what they were served from.

use url::Url;
use weir_core::{Docs, Fetch, Need, Place, Request, Target, Unroutable};
use weir_upstream::{Origin, Whither};

use crate::gather::Purpose;
use crate::visit::Visit;
use crate::{Front, Mount, Pipeline};

/// How often a path may turn out to have moved.
const MOVES: usize = 3;

impl Pipeline {
    /// The registry's own address of what a front serves at a path: percent-encoded, below the
    /// front's, maybe with a query. The empty path is the registry itself. Never holds
    /// credentials or a fragment; `None` when the path means nothing, or nothing is known of it.
    ///
    /// Where a file is, its listing says: the kept one whatever its age, else upstream is asked.
    pub async fn upstream_address(&self, front: &Front, path: &str) -> Option<Url> {
        let path = path.trim_start_matches('/');
        let mut found = if path.is_empty() {
            let mount = &front.members.first()?.mount;
            below(&main(mount).await?.base, "")
        } else {
            self.address_of(front, path).await?
        };
        // Listings put a digest there; what asks has its own.
        found.set_fragment(None);
        let cleared = found.set_username("").and_then(|()| found.set_password(None));
        cleared.ok().map(|()| found)
    }

    async fn address_of(&self, front: &Front, path: &str) -> Option<Url> {
        let target = routed(front, path)?;
        let name = target.package().map(weir_core::Name::as_str);
        for mount in front.candidates(name) {
            let visit = Visit::new(&self.core, mount, "http://weir.invalid".into(), b"");
            let address = match &target {
                Target::Artifact { .. } => visit.address_of_file(&target).await,
                _ => visit.address_of_document(&target).await,
            };
            if address.is_some() {
                return address;
            }
        }
        None
    }
}

impl Visit {
    async fn address_of_file(&self, target: &Target) -> Option<Url> {
        let gathered = self.gather(target, Purpose::Evidence).await.ok()?;
        let located = self.mount.ecosystem.locate(&self.job(target, &gathered.docs)).ok()??;
        let spot = self.spot(&located.place, &gathered).await.ok()?;
        Some(match spot.whither() {
            Whither::Path(path) => below(&spot.origin.base, path),
            Whither::Url(url) => url.clone(),
        })
    }

    /// A document is where the first thing is that it is made of.
    async fn address_of_document(&self, target: &Target) -> Option<Url> {
        let needs = self.mount.ecosystem.need(&self.job(target, &Docs::new()));
        let first = needs.into_iter().next();
        let Some(Need::Fetch(Fetch { place: Place::Origin { origin, path }, .. })) = first else {
            return None;
        };
        Some(below(&self.mount.origin(origin).await.ok()?.base, &path))
    }
}

async fn main(mount: &Mount) -> Option<Origin> {
    let id = mount.descriptor().origins.first().map_or("primary", |origin| origin.id);
    mount.origin(id).await.ok()
}

fn routed(front: &Front, path: &str) -> Option<Target> {
    let ecosystem = front.ecosystem()?;
    let mut path = path.to_owned();
    for _ in 0..MOVES {
        match ecosystem.route(&Request::get(&path).ok()?) {
            Ok(target) => return Some(target),
            Err(Unroutable::Moved(place)) => path = place,
            Err(_) => return None,
        }
    }
    None
}

/// A path below an address that counts as a folder. The address itself stays as it was written.
fn below(base: &Url, path: &str) -> Url {
    let mut address = base.clone();
    if path.is_empty() {
        return address;
    }
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    let folder = base.path().trim_end_matches('/');
    address.set_path(&format!("{folder}/{path}"));
    address.set_query(query);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_put_below_an_address_with_and_without_slash() {
        for base in ["https://registry.example/npm", "https://registry.example/npm/"] {
            let base = Url::parse(base).unwrap();
            assert_eq!(
                below(&base, "@a%2fb?x=1").as_str(),
                "https://registry.example/npm/@a%2fb?x=1"
            );
            assert_eq!(below(&base, ""), base);
        }
    }
}
