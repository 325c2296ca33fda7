//! `npm ci` through the gateway and from the npm registry that this machine uses itself.
//!
//! The registry is npm's own setting; the gateway finds it as it does without configuration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::duel::median;
use crate::report::{Figure, Row};
use crate::world::{self, World};

/// The rows' name.
pub(crate) const WORK: &str = "npm ci";
const ROUNDS: usize = 3;
/// What a project of some size asks for; with what these need, 300 packages and more.
const WANTED: [&str; 7] =
    ["express", "webpack", "webpack-cli", "webpack-dev-server", "eslint", "mocha", "nyc"];
const LEAST: usize = 300;

/// Wall time of the same installation with empty client caches: from the registry, through an empty
/// gateway, and through one that has everything.
pub(crate) fn rows(world: &World) -> Result<Vec<Row>> {
    let project = Project { world, folder: world.room("live")? };
    let packages = project.lock()?;
    let mut seconds: [Vec<f64>; 3] = Default::default();
    for round in 0..ROUNDS {
        let [straight, cold, warm] = &mut seconds;
        straight.push(project.install(None)?);
        let home = project.folder.join(format!("gateway-{round}"));
        let (mut gateway, address) = world::start_found_gateway(&world.tools, &home)?;
        let registry = format!("http://{address}/npm/");
        cold.push(project.install(Some(&registry))?);
        warm.push(project.install(Some(&registry))?);
        gateway.stop()?;
    }
    let [straight, cold, warm] = seconds.map(median);
    let row = |state: &str, took: f64, aim: f64| {
        let work = format!("{WORK} of {packages} packages, {state}");
        let figure = Figure {
            cpu: format!("{took:.1} · {straight:.1} s in all"),
            ..Figure::new(took / straight, "× the time straight from the registry")
        };
        Row::at_most(&work, figure, (aim, 10.0))
    };
    Ok(vec![row("warm", warm, 0.9), row("cold", cold, 1.3)])
}

struct Project<'a> {
    world: &'a World,
    folder: PathBuf,
}

impl Project<'_> {
    /// Resolves what is wanted, straight. Returns the number of packages.
    fn lock(&self) -> Result<usize> {
        let wanted: serde_json::Map<_, _> =
            WANTED.iter().map(|name| ((*name).to_owned(), json!("*"))).collect();
        let manifest = json!({
            "name": "project", "version": "1.0.0", "private": true, "dependencies": wanted,
        });
        std::fs::write(self.folder.join("package.json"), manifest.to_string())?;
        let mut npm = self.npm(&self.folder.join("cache-lock"))?;
        // As most projects have it, whatever this machine's settings say.
        npm.args(["install", "--package-lock-only", "--omit-lockfile-registry-resolved=false"]);
        run(&mut npm)?;
        let lock = std::fs::read_to_string(self.folder.join("package-lock.json"))?;
        let packages = lock.matches("\"integrity\"").count();
        if packages < LEAST {
            bail!("only {packages} packages");
        }
        Ok(packages)
    }

    /// Installs what the lock file names into an empty folder, and returns how many seconds it took.
    fn install(&self, registry: Option<&str>) -> Result<f64> {
        let cache = self.folder.join("cache");
        for folder in [&cache, &self.folder.join("node_modules")] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        let mut npm = self.npm(&cache)?;
        npm.arg("ci");
        if let Some(registry) = registry {
            npm.args(["--registry", registry, "--replace-registry-host", "always"]);
        }
        let began = Instant::now();
        run(&mut npm)?;
        Ok(began.elapsed().as_secs_f64())
    }

    fn npm(&self, cache: &Path) -> Result<Command> {
        let mut npm = self.world.tools.command("npm-11")?;
        npm.current_dir(&self.folder).arg("--cache").arg(cache);
        npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
        Ok(npm)
    }
}

fn run(npm: &mut Command) -> Result<()> {
    let output = npm.output().context("starting npm")?;
    if !output.status.success() {
        bail!("npm: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
