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

    /// Records the steps that lead to files. What a tag leads to beside what it led to before is
    /// new; what it led to when it was first asked for is old.
    async fn record_steps(&self, name: &str, releases: &[Release<'_>]) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        let of_package = releases.iter().filter(|release| *release.name == *name);
        let steps: Vec<Listed> = of_package
            .flat_map(Release::recorded)
            .filter(|step| seen.insert((step.release.clone(), step.file.clone())))
            .collect();
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
