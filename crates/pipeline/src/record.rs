//! Keeps what manifests say of their files, for plugins whose paths do not name the release.

use std::collections::HashSet;

use weir_core::{Listed, Release, Target};

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
        let listed: Vec<Listed> = releases.iter().flat_map(Release::recorded).collect();
        self.core.catalog.record_files(&self.mount.name, &listed, self.now).await?;
        Ok(())
    }

    /// Records the steps that lead to files.
    async fn record_steps(&self, name: &str, releases: &[Release<'_>]) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        let of_package = releases.iter().filter(|release| *release.name == *name);
        let steps: Vec<Listed> = of_package
            .flat_map(Release::recorded)
            .filter(|step| seen.insert((step.release.clone(), step.file.clone())))
            .collect();
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        if catalog.record_steps(mount, name, &steps, self.now).await? {
            self.core.records.note(mount, name);
        }
        Ok(())
    }
}
