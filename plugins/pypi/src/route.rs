//! Paths below the mount, in both directions.

use weir_core::{Method, Name, Owner, Request, Role, Scope, Target, Unroutable, View};

use crate::filename::is_safe;
use crate::name::normalize;

/// A project, or the index of names, as JSON.
pub(crate) const VIEW_JSON: &str = "json";
/// A project, or the index of names, as HTML.
pub(crate) const VIEW_HTML: &str = "html";
/// The legacy JSON of a project.
pub(crate) const VIEW_LEGACY: &str = "legacy";
/// The legacy JSON of one version, which is the argument.
pub(crate) const VIEW_LEGACY_VERSION: &str = "legacy-version";

/// Beside a file: its metadata (PEP 658).
pub(crate) const METADATA: &str = ".metadata";
/// Beside a file, in our addresses: its provenance (PEP 740).
pub(crate) const PROVENANCE: &str = ".provenance";

/// Beside a file: a signature, which PyPI no longer keeps and this plugin does not serve.
const SIGNATURE: &str = ".asc";

/// The scope of the index of names.
const INDEX: &str = "simple";

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    let path = request.path();
    if let ["legacy", ..] = path.as_slice() {
        return Err(Unroutable::NotOffered("this gateway takes no uploads"));
    }
    if !request.method.reads() {
        return Err(match (request.method, path.as_slice()) {
            (Method::Post, ["pypi"]) => Unroutable::NotOffered(
                "this gateway does not offer the XML-RPC interface; use the JSON one",
            ),
            _ => Unroutable::Unknown,
        });
    }
    match path.as_slice() {
        [INDEX] => Ok(Target::index(INDEX, negotiated(request))),
        [INDEX, name] => {
            project(name, negotiated(request).into(), |name| format!("simple/{name}/"))
        }
        ["files", name, file] => artifact(name, file),
        ["pypi", name, "json"] => {
            project(name, VIEW_LEGACY.into(), |name| format!("pypi/{name}/json"))
        }
        ["pypi", name, version, "json"] => {
            crate::filename::normal(version)
                .filter(|_| is_safe(version))
                .ok_or(Unroutable::Unknown)?;
            let view = View::with(VIEW_LEGACY_VERSION, *version);
            project(name, view, |name| format!("pypi/{name}/{}/json", encoded(version)))
        }
        ["integrity", name, _version, file, "provenance"] => {
            let name = normalize(name).filter(|_| is_safe(file)).ok_or(Unroutable::Unknown)?;
            Err(Unroutable::Moved(format!("files/{name}/{}{PROVENANCE}", encoded(file))))
        }
        _ => Err(Unroutable::Unknown),
    }
}

pub(crate) fn path(target: &Target) -> String {
    match target {
        Target::Manifest { scope: Scope::Package(name), view } => match view.name {
            VIEW_LEGACY => format!("pypi/{name}/json"),
            VIEW_LEGACY_VERSION => format!("pypi/{name}/{}/json", encoded(&view.arg)),
            _ => format!("simple/{name}/"),
        },
        Target::Artifact { owner, file, .. } => {
            let name = owner.package().map_or("", Name::as_str);
            format!("files/{name}/{}", encoded(file))
        }
        _ => format!("{INDEX}/"),
    }
}

/// The path of a file below the mount.
pub(crate) fn file(project: &str, name: &str) -> String {
    format!("files/{project}/{}", encoded(name))
}

/// Of the characters that [`is_safe`] lets through, only a plus sign means something else to
/// some servers and clients.
fn encoded(name: &str) -> String {
    name.replace('+', "%2B")
}

/// A manifest of a project under its normal name, or the way there.
fn project(name: &str, view: View, moved: impl Fn(&str) -> String) -> Result<Target, Unroutable> {
    let normal = normalize(name).ok_or(Unroutable::Unknown)?;
    if normal == name {
        Ok(Target::manifest(normal, view))
    } else {
        Err(Unroutable::Moved(moved(&normal)))
    }
}

fn artifact(name: &str, file: &str) -> Result<Target, Unroutable> {
    let normal = normalize(name).ok_or(Unroutable::Unknown)?;
    let beside = [METADATA, PROVENANCE].iter().find_map(|suffix| file.strip_suffix(suffix));
    if !is_safe(beside.unwrap_or(file)) || file.strip_suffix(SIGNATURE).is_some() {
        return Err(Unroutable::Unknown);
    }
    if normal != name {
        return Err(Unroutable::Moved(self::file(&normal, file)));
    }
    let owner = Owner::Listed(Scope::Package(Name::new(normal)));
    let role = if beside.is_some() { Role::Resolution } else { Role::Package };
    Ok(Target::Artifact { owner, file: file.into(), role })
}

/// PEP 691: JSON for those who prefer it, HTML for everyone else.
fn negotiated(request: &Request<'_>) -> &'static str {
    let accept = request.param("format");
    let request = match &accept {
        Some(format) => &request.clone().accepting(format),
        None => request,
    };
    let best = |media: &[&str]| media.iter().map(|m| request.quality(m)).max().unwrap_or(0);
    let json = best(&[
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.latest+json",
        "application/json",
    ]);
    let html = best(&[
        "application/vnd.pypi.simple.v1+html",
        "application/vnd.pypi.simple.latest+html",
        "text/html",
    ]);
    if json > html { VIEW_JSON } else { VIEW_HTML }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(raw: &str, accept: &str) -> Result<Target, Unroutable> {
        route(&Request::get(raw)?.accepting(accept))
    }

    fn view(accept: &str) -> &'static str {
        routed("simple/demo/", accept).unwrap().view().unwrap().name
    }

    #[test]
    fn the_form_follows_accept() {
        let pip = "application/vnd.pypi.simple.v1+json, \
                   application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
        assert_eq!(view(pip), VIEW_JSON);
        assert_eq!(view("application/vnd.pypi.simple.v1+json, */*;q=0.1"), VIEW_JSON);
        assert_eq!(view("application/vnd.pypi.simple.latest+json"), VIEW_JSON);
        assert_eq!(view("application/json"), VIEW_JSON);
        assert_eq!(view("text/html, application/json;q=0.9"), VIEW_HTML);
        assert_eq!(view("application/vnd.pypi.simple.v1+html"), VIEW_HTML);
        for accept in ["", "*/*", "image/png", "application/*"] {
            assert_eq!(view(accept), VIEW_HTML, "{accept}");
        }
        let asked =
            routed("simple/demo/?format=application/vnd.pypi.simple.v1%2Bjson", "text/html");
        assert_eq!(asked.unwrap().view().unwrap().name, VIEW_JSON);
    }

    #[test]
    fn other_spellings_of_a_name_are_moved() {
        for (raw, to) in [
            ("simple/Zope.Interface", "simple/zope-interface/"),
            ("files/Foo/a-1%2Bx.whl", "files/foo/a-1%2Bx.whl"),
            ("pypi/Foo/json", "pypi/foo/json"),
            ("pypi/Foo/1.0/json", "pypi/foo/1.0/json"),
            ("integrity/Foo/1.0/foo-1.0.zip/provenance", "files/foo/foo-1.0.zip.provenance"),
        ] {
            assert_eq!(routed(raw, ""), Err(Unroutable::Moved(to.to_owned())), "{raw}");
        }
    }

    #[test]
    fn what_is_not_offered_says_so() {
        for (method, raw) in [(Method::Post, "legacy/"), (Method::Post, "pypi")] {
            let mut request = Request::get(raw).unwrap();
            request.method = method;
            assert!(matches!(route(&request), Err(Unroutable::NotOffered(_))), "{raw}");
        }
        for raw in [
            "",
            "demo",
            "simple/a/b",
            "simple/-",
            "files/demo/x.zip.asc",
            "pypi",
            "pypi/a",
            "pypi/a/latest/json",
            "files/demo/-x.zip",
            "files/demo/a%20b.zip",
        ] {
            assert_eq!(routed(raw, ""), Err(Unroutable::Unknown), "{raw}");
        }
    }

    #[test]
    fn metadata_is_read_for_resolution() {
        let Ok(Target::Artifact { role, file, .. }) =
            routed("files/demo/demo-1-py3-none-any.whl.metadata", "")
        else {
            panic!("no artifact");
        };
        assert_eq!((role, &*file), (Role::Resolution, "demo-1-py3-none-any.whl.metadata"));
    }
}
