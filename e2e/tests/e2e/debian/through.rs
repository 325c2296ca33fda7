//! `weir run -- apt-get`: the sources name the archive, and nothing of the system's is touched.

use std::process::Command;

use super::{Root, STRICT, World};
use crate::harness::{Output, binary, client};

/// apt through a gateway of its own.
fn weir_run(world: &World, root: &Root, arguments: &[&str]) -> Output {
    let folder = world.path("gateway/x").with_file_name("");
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", &folder).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("LC_ALL", "C.UTF-8").env("APT_CONFIG", root.path.join("apt.conf"));
    command.args(["run", "--config"]).arg(folder.join("weir.toml"));
    command.arg("--data-dir").arg(folder.join("run")).arg("--").args(arguments);
    let output = command.current_dir(&root.path).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Output { ok: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
}

#[test]
fn apt_with_the_archives_own_sources_goes_through_the_gateway() {
    if client("apt").is_none() {
        return;
    }
    let mut world = World::new("");
    let root = world.root(&world.archive_key());
    // What stands for a real archive is on loopback: apt is told nothing of it otherwise.
    let settings = std::fs::read_to_string(root.path.join("apt.conf")).unwrap();
    let settings = settings.replace("Acquire::http::Proxy \"DIRECT\";\n", "");
    std::fs::write(root.path.join("apt.conf"), settings).unwrap();
    let key = root.path.display().to_string();
    let sources = format!("deb [signed-by={key}/key.asc] {} stable main\n", world.origin.url());
    root.sources(&sources);
    let updated = weir_run(&world, &root, &["apt-get", "-q", "update"]).succeeded();
    let got =
        weir_run(&world, &root, &["apt-get", "-q", "-y", "install", "--download-only", "demo"]);
    let got = got.succeeded();
    assert!(got.text.contains("weir: fetched"), "{}\n{}", updated.text, got.text);
    assert!(root.path.join("var/cache/apt/archives/demo_1.2.0_all.deb").is_file());

    world.with(STRICT);
    std::fs::remove_file(root.path.join("var/cache/apt/archives/demo_1.2.0_all.deb")).unwrap();
    let refused =
        weir_run(&world, &root, &["apt-get", "-q", "-y", "install", "--download-only", "demo"]);
    let refused = refused.failed();
    assert!(refused.text.contains("withheld by rule no-new: it steals keys"), "{}", refused.text);
    // Lists and sources name the archive alone.
    assert_eq!(std::fs::read_to_string(root.path.join("etc/apt/sources.list")).unwrap(), sources);
    let lists = std::fs::read_dir(root.path.join("var/lib/apt/lists")).unwrap().flatten();
    let port = world.origin.url().rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    for entry in lists {
        let name = entry.file_name().to_string_lossy().into_owned();
        let own = ["lock", "partial", "auxfiles"].contains(&&*name);
        assert!(own || name.contains(&format!("%3a{port}")) || name.contains(&port), "{name}");
    }
}
