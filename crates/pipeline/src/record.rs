//! Keeps what manifests say of their files, for plugins whose paths do not name the release.

use std::collections::HashSet;

use weir_core::{Coordinates, Digest, Listed, Release, Target};

use crate::Failure;
use crate::visit::Visit;

impl Visit {
    /// Records what was read, where the plugin will ask for it again.
    pub(crate) async fn record_read(
        &self,
        target: &Target,
        releases: &[Release<'_>],
    ) -> Result<(), Failure> {
        let descriptor = self.mount.descriptor();
        if !descriptor.records_files || releases.is_empty() {
            return Ok(());
        }
        if let Some(name) = target.package().filter(|_| descriptor.content.is_some()) {
            return self.record_steps(name.as_str(), releases).await;
        }
        let listed: Vec<Listed> = releases.iter().filter_map(listed).collect();
        self.core.catalog.record_files(&self.mount.name, &listed, self.now).await?;
        Ok(())
    }

    /// Records the steps that lead to files. What a tag leads to beside what it led to before is
    /// new; what it led to when it was first asked for is old.
    async fn record_steps(&self, name: &str, releases: &[Release<'_>]) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        let steps = releases.iter().flat_map(|release| steps(name, release));
        let steps: Vec<Listed> =
            steps.filter(|s| seen.insert((s.release.clone(), s.file.clone()))).collect();
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let recorded = catalog.record_steps(mount, &steps, self.now).await?;
        if !recorded.moved.is_empty() {
            let moved: Vec<(&str, &str)> =
                recorded.moved.iter().map(|(v, f)| (v.as_str(), f.as_str())).collect();
            catalog.record_first_seen(mount, name, &moved, self.now).await?;
        }
        catalog.record_contact(mount, name, self.now).await?;
        if recorded.fresh {
            self.core.records.note(mount, name);
        }
        Ok(())
    }
}

fn listed(release: &Release<'_>) -> Option<Listed> {
    Some(Listed {
        release: Coordinates::new(&*release.name, &*release.version),
        file: release.file.as_deref()?.into(),
        digest: release.digest.clone(),
        published: release.available,
    })
}

/// The steps from a version along its chain to the file. The date that the entry claims belongs to
/// the last one.
fn steps(package: &str, release: &Release<'_>) -> Vec<Listed> {
    let of_package = *release.name == *package;
    let mut path: Vec<&str> = vec![&release.version];
    path.extend(release.chain.iter().map(|address| &**address));
    path.extend(release.file.as_deref().filter(|file| path.last() != Some(file)));
    let last = path.len().saturating_sub(2);
    let pairs = path.windows(2).enumerate().filter(|_| of_package);
    pairs
        .filter_map(|(ordinal, pair)| match pair {
            [from, to] => Some(Listed {
                release: Coordinates::new(package, *from),
                file: (*to).into(),
                digest: Some(to.parse::<Digest>().ok()?),
                published: release.available.or(release.authored).filter(|_| ordinal == last),
            }),
            _ => None,
        })
        .collect()
}
