//! Libraries of the Maven repository that a Java source of this project drives, which `java` compiles
//! when it runs it (JEP 330).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Installed, Outcome, maven, once, verified};
use crate::command;

/// What lists a library with all that it needs, pinned like the rest.
const LIST: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath";
/// Gradle opens the JDK for itself where its own programs start it.
const OPENS: &str = "java.base/java.lang=ALL-UNNAMED";

/// A library and what drives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// `group:artifact`.
    library: String,
    version: String,
    /// The source, from the root of the repository.
    source: String,
}

/// Fetches the libraries with the distribution's Maven.
pub(super) fn clients(folder: &Path, clients: &BTreeMap<String, Client>) -> Vec<Outcome> {
    let install = |(name, client): (&String, &Client)| {
        (name.clone(), client.install(&folder.join(name), &folder.join("maven-repository")))
    };
    clients.iter().map(install).collect()
}

impl Client {
    fn install(&self, home: &Path, local: &Path) -> Result<Installed> {
        let list = home.join("classpath");
        once(home, &format!("{}:{}", self.library, self.version), || {
            std::fs::write(home.join("pom.xml"), self.project()?)?;
            maven::run(home, local, &[LIST, &format!("-Dmdep.outputFile={}", list.display())])
        })?;
        let java = command::find("java").context("there is no Java")?;
        let classpath = std::fs::read_to_string(&list)?.trim().to_owned();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&self.source);
        let source = source.canonicalize().with_context(|| source.display().to_string())?;
        let (java, source) = (java.display().to_string(), source.display().to_string());
        let opens = ["--add-opens", OPENS].map(str::to_owned);
        let program = [vec![java], opens.into(), vec!["-cp".to_owned(), classpath, source]];
        verified(program.concat(), "--version", &self.version, home)
    }

    /// A project that needs the library alone.
    fn project(&self) -> Result<String> {
        let (group, artifact) = self.library.split_once(':').context("no group:artifact")?;
        Ok(format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>clients</groupId>\
             <artifactId>clients</artifactId><version>1</version><dependencies><dependency>\
             <groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{}</version>\
             </dependency></dependencies></project>\n",
            self.version
        ))
    }
}
