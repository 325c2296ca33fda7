//! Poetry, which takes the registry's address from no variable: a plugin of Poetry's, in a folder
//! that its Python looks into for one run.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lockfiles::LockFiles;

/// The variable that names folders of modules.
pub(crate) const VARIABLE: &str = "PYTHONPATH";
const PLUGIN: &str = include_str!("poetry.py");
/// How Poetry finds plugins (packaging.python.org, "Entry points specification").
const ENTRY_POINTS: &str = "[poetry.plugin]\nweir = weir_run:Through\n";

/// Whether a command may run Poetry: it is Poetry, or the project has a lock file of Poetry's.
pub(crate) fn is_used(program: &str, files: &LockFiles) -> bool {
    let locks = |path: &Path| path.file_name().is_some_and(|name| name == "poetry.lock");
    program == "poetry" || files.iter().any(|(path, _)| locks(path))
}

/// A folder with the plugin, until [`Self::take_down`].
#[derive(Debug)]
pub(crate) struct Plugin {
    folder: PathBuf,
}

impl Plugin {
    /// Makes the folder. `index` is the simple API at the gateway, `registries` what it stands
    /// for besides the public index that Poetry knows by itself.
    pub(crate) fn lay(at: &Path, index: &str, registries: &[String]) -> io::Result<Self> {
        let plugin = Self { folder: at.to_owned() };
        plugin.take_down()?;
        let about = at.join("weir_run-1.dist-info");
        fs::create_dir_all(&about)?;
        // A list of strings is written alike in JSON and in Python.
        let texts = (serde_json::to_string(index)?, serde_json::to_string(registries)?);
        let settings = format!("INDEX = {}\nREGISTRIES = {}\n", texts.0, texts.1);
        fs::write(at.join("weir_run_settings.py"), settings)?;
        fs::write(at.join("weir_run.py"), PLUGIN)?;
        fs::write(about.join("entry_points.txt"), ENTRY_POINTS)?;
        Ok(plugin)
    }

    /// The variable's value: the folder before what is there already.
    pub(crate) fn path(&self, known: Option<&str>) -> OsString {
        let mut path = self.folder.clone().into_os_string();
        if let Some(known) = known.filter(|known| !known.is_empty()) {
            path.push(if cfg!(windows) { ";" } else { ":" });
            path.push(known);
        }
        path
    }

    /// Removes the folder.
    pub(crate) fn take_down(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                // Other clients' folders may stand beside it.
                let _ = self.folder.parent().map(fs::remove_dir);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_there_for_the_run_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("run/40123/poetry");
        let registries = ["https://registry.example/simple".to_owned()];
        let plugin = Plugin::lay(&at, "http://127.0.0.1:40123/pypi/simple", &registries).unwrap();
        let settings = fs::read_to_string(at.join("weir_run_settings.py")).unwrap();
        let expected = "INDEX = \"http://127.0.0.1:40123/pypi/simple\"\n\
                        REGISTRIES = [\"https://registry.example/simple\"]\n";
        assert_eq!(settings, expected);
        assert_eq!(plugin.path(None), at.clone().into_os_string());
        assert!(plugin.path(Some("/mine")).to_string_lossy().ends_with(":/mine"));
        plugin.take_down().unwrap();
        assert!(!folder.path().join("run/40123").exists());
    }

    #[test]
    fn projects_of_other_clients_get_no_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let used = |program| is_used(program, &LockFiles::read(folder.path()));
        assert!(used("poetry") && !used("make"));
        fs::write(folder.path().join("poetry.lock"), "").unwrap();
        assert!(used("make"));
    }
}
