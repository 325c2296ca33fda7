//! How each client pulls an image, with nothing left of earlier pulls.

use super::engine::Engine;
use super::world::Images;
use crate::harness::{Client, Output, Run, client, empty};

/// A client, and the daemons that it needs.
pub(super) struct Driver {
    client: Client,
    engine: Option<Engine>,
    /// Whether Docker's engine keeps the manifests of images that are removed, as it does by itself.
    keeps_manifests: bool,
}

impl Driver {
    /// `None` where something of it is not installed.
    pub(super) fn find(name: &str, images: &Images) -> Option<Self> {
        let client = client(name)?;
        let engine = match name {
            "docker" => Some(Engine::docker(images.folder())?),
            "ctr" => Some(Engine::containerd(images.folder())?),
            _ => None,
        };
        Some(Self { client, engine, keeps_manifests: false })
    }

    /// The same, with what Docker's engine keeps left to it.
    pub(super) fn keeping_manifests(self) -> Self {
        Self { keeps_manifests: true, ..self }
    }

    /// Pulls an image through the gateway: what this machine runs, or another platform.
    pub(super) fn pull(&self, images: &Images, image: &str, platform: Option<&str>) -> Output {
        self.pull_from(images, &images.name(image), platform, &[])
    }

    /// Pulls an image by its full name.
    pub(super) fn pull_from(
        &self,
        images: &Images,
        name: &str,
        platform: Option<&str>,
        more: &[&str],
    ) -> Output {
        self.forget(images, name);
        let store = images.home().join("store");
        let (root, run) = (store.join("root"), store.join("run"));
        let (root, run) = (root.to_string_lossy(), run.to_string_lossy());
        let folders = ["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
        let quiet = ["--cgroup-manager", "cgroupfs", "--events-backend", "file"];
        let insecure = ["pull", "--tls-verify=false"];
        let arch = platform.map(|platform| platform.split('/').next_back().unwrap_or_default());
        let arch: Vec<&str> = arch.map(|arch| vec!["--arch", arch]).unwrap_or_default();
        let platform: Vec<&str> = platform.map(|p| vec!["--platform", p]).unwrap_or_default();
        let source = format!("docker://{name}");
        let copy = format!("oci:{}:it", store.join("layout").display());
        let file = store.join("image");
        let file = file.to_string_lossy();
        let run = self.begin(images);
        let run = match self.client.name.as_str() {
            "skopeo" if arch.is_empty() => {
                run.args(&["copy", "--all", "--src-tls-verify=false"]).args(&[&source, &copy])
            }
            "skopeo" => run
                .args(&["--override-arch", arch[1], "copy", "--src-tls-verify=false"])
                .args(&[&source, &copy]),
            "podman" => run.args(&folders).args(&quiet).args(&insecure).args(&arch).args(&[name]),
            "buildah" => run.args(&folders).args(&insecure).args(&arch).args(&[name]),
            // Without a platform, the index with all of them.
            "crane" => run
                .args(&["pull", "--insecure", "--format=oci"])
                .args(&platform)
                .args(&[name, &file]),
            "docker" => run.args(&["pull"]).args(&platform).args(&[name]),
            "ctr" => run
                .args(&["images", "pull", "--snapshotter", "native", "--plain-http"])
                .args(&platform)
                .args(more)
                .args(&[name]),
            other => panic!("{other} pulls no images"),
        };
        run.wait()
    }

    /// Any other command of the client.
    pub(super) fn run(&self, images: &Images, arguments: &[&str]) -> Output {
        self.begin(images).args(arguments).wait()
    }

    fn begin(&self, images: &Images) -> Run {
        let home = images.home();
        let policy = home.join(".config/containers/policy.json");
        std::fs::create_dir_all(policy.parent().unwrap()).unwrap();
        std::fs::write(policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
        let run = Run::of(&self.client, &home, &home.join("work"));
        match &self.engine {
            Some(engine) => run
                .env("DOCKER_HOST", &engine.address())
                .path_env("CONTAINERD_ADDRESS", &engine.socket()),
            None => run,
        }
    }

    /// Drops what the client has of an image.
    fn forget(&self, images: &Images, name: &str) {
        match self.client.name.as_str() {
            "docker" => {
                // Fails when there is none.
                self.run(images, &["image", "rm", "--force", name]);
                if let Some(engine) = self.engine.as_ref().filter(|_| !self.keeps_manifests) {
                    engine.forget_manifests();
                }
            }
            "ctr" => {
                self.run(images, &["images", "rm", "--sync", name]);
            }
            _ => drop(empty(&images.home().join("store"))),
        }
    }
}
