//! The registry that yarn 1 has by itself. It is the npm registry under another name, which stands
//! in its lock files; the run's variables replace it by the gateway.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long yarn may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a lock file is one of yarn's.
pub(crate) fn writes(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "yarn.lock" || name == ".yarn-integrity")
}

/// Asks yarn in a folder; `None` where it is missing or is a later yarn, whose lock files name no
/// registry.
pub(crate) async fn registry(folder: &Path) -> Option<String> {
    let mut yarn = Command::new("yarn");
    yarn.args(["--silent", "config", "get", "registry"]).current_dir(folder);
    yarn.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, yarn.output()).await.ok()?.ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let address = said.trim();
    let parsed = output.status.success().then(|| url::Url::parse(address).ok()).flatten()?;
    parsed.has_host().then(|| address.to_owned())
}
