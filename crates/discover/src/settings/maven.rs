//! Maven: a mirror of the repository `central` in `settings.xml`, else the repository `central` of
//! the super POM, which every installation carries in its model builder's jar.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::env::text;
use crate::{Env, Finding, Login};

pub(super) fn find(env: &Env) -> Vec<Finding> {
    let user = env.home.join(".m2/settings.xml");
    let system =
        [env.system("etc/maven/settings.xml"), env.system("usr/share/maven/conf/settings.xml")];
    let mirrors = [user].into_iter().chain(system).filter_map(|path| mirror(env, &path));
    mirrors.chain(super_pom(env)).collect()
}

fn mirror(env: &Env, path: &Path) -> Option<Finding> {
    let settings = leaves(&text(path)?);
    let mirrors = groups(&settings, "settings/mirrors/mirror");
    let of_central = |of: &str| {
        let mut parts = of.split(',').map(str::trim);
        parts.clone().all(|part| part != "!central")
            && parts.any(|part| matches!(part, "central" | "*" | "external:*"))
    };
    let mirror = mirrors.iter().find(|m| value(m, "mirrorOf").is_some_and(of_central))?;
    let source = format!("Maven's settings ({})", env.show(path));
    let servers = groups(&settings, "settings/servers/server");
    let server = servers.iter().find(|server| value(server, "id") == value(mirror, "id"));
    let login = server.and_then(|server| {
        // Encrypted passwords stand in braces; only Maven can read them.
        let password = value(server, "password").filter(|p| !p.starts_with('{'))?;
        Some(Login::Basic(value(server, "username")?.to_owned(), password.to_owned()))
    });
    Some(Finding::new("maven", value(mirror, "url")?, source)?.login(login))
}

fn super_pom(env: &Env) -> Option<Finding> {
    let jar = jars(env).into_iter().next()?;
    let pom = from_jar(&jar, "org/apache/maven/model/pom-4.0.0.xml")?;
    let pom = leaves(&pom);
    let repositories = groups(&pom, "project/repositories/repository");
    let central = repositories.iter().find(|r| value(r, "id") == Some("central"))?;
    let source = format!("Maven's super POM ({})", env.show(&jar));
    Finding::new("maven", value(central, "url")?, source)
}

fn jars(env: &Env) -> Vec<PathBuf> {
    let homes =
        ["MAVEN_HOME", "M2_HOME"].iter().filter_map(|name| env.var(name)).map(PathBuf::from);
    let program = env.program("mvn").and_then(|path| path.canonicalize().ok());
    let program = program.and_then(|path| Some(path.parent()?.parent()?.to_path_buf()));
    let usual = [env.system("usr/share/maven"), env.system("opt/maven")];
    let folders = homes.chain(program).chain(usual).map(|home| home.join("lib"));
    folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flat_map(builders).collect()
}

fn builders(folder: std::fs::ReadDir) -> Vec<PathBuf> {
    let is_builder = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("maven-model-builder") && path.extension().is_some_and(|end| end == "jar")
    };
    let mut found: Vec<PathBuf> = folder.flatten().map(|e| e.path()).filter(is_builder).collect();
    found.sort();
    found
}

fn from_jar(jar: &Path, entry: &str) -> Option<String> {
    const LARGEST: u64 = 1 << 20;
    let mut archive = zip::ZipArchive::new(std::fs::File::open(jar).ok()?).ok()?;
    let mut text = String::new();
    archive.by_name(entry).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// An element with text alone: the path of names to it, and the text.
type Leaf = (String, String);

/// The texts of a document in order, each with its path. What follows a fault is left out.
/// A path that ends starts a new group: see [`groups`].
fn leaves(xml: &str) -> Vec<Leaf> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                path.push(tag.local_name().as_ref().to_owned());
            }
            Ok(Event::End(_)) => {
                found.push((path.join("/"), String::new()));
                path.pop();
            }
            Ok(Event::Text(text)) => {
                let text = text.trim().to_owned();
                if !text.is_empty() {
                    found.push((path.join("/"), text));
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// The children of each element at a path.
fn groups(leaves: &[Leaf], path: &str) -> Vec<Vec<Leaf>> {
    let mut groups = vec![Vec::new()];
    for (at, text) in leaves {
        if at == path && text.is_empty() {
            groups.push(Vec::new());
        } else if let Some(name) = at.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'))
            && !text.is_empty()
            && let Some(group) = groups.last_mut()
        {
            group.push((name.to_owned(), text.clone()));
        }
    }
    groups
}

fn value<'a>(group: &'a [Leaf], name: &str) -> Option<&'a str> {
    group.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str())
}
