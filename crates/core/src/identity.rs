//! Names, versions and package URLs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::PurlError;

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes a text that the plugin has already brought to its canonical form.
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

text_newtype! {
    /// A package name in the canonical form of its ecosystem (`@scope/name`, `numpy`,
    /// `group:artifact`). The plugin normalises; everybody else compares bytes.
    Name
}

text_newtype! {
    /// A version as its registry spells it, normalised by the plugin where the ecosystem has
    /// several spellings of one version.
    Version
}

/// One version of one package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinates {
    /// Canonical package name.
    pub name: Name,
    /// Canonical version.
    pub version: Version,
}

impl Coordinates {
    /// Joins a name and a version.
    pub fn new(name: impl Into<Box<str>>, version: impl Into<Box<str>>) -> Self {
        Self { name: Name::new(name), version: Version::new(version) }
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A package URL in canonical form (<https://github.com/package-url/purl-spec>), with or without
/// a version. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purl {
    text: Arc<str>,
}

impl Purl {
    /// Builds a package URL from a purl type, a canonical name and maybe a version.
    ///
    /// `/` in the name separates namespace from name (`@scope/name`, `vendor/name`); for `maven`
    /// the separator is `:`.
    pub fn new(purl_type: &str, name: &str, version: Option<&str>) -> Self {
        let separator = if purl_type == "maven" { ':' } else { '/' };
        let (namespace, base) = match name.rsplit_once(separator) {
            Some((namespace, base)) => (Some(namespace), base),
            None => (None, name),
        };
        let built = packageurl::PackageUrl::new(read_as(purl_type).to_owned(), base.to_owned())
            .ok()
            .and_then(|mut purl| {
                if let Some(namespace) = namespace {
                    purl.with_namespace(namespace.to_owned()).ok()?;
                }
                if let Some(version) = version {
                    purl.with_version(version.to_owned()).ok()?;
                }
                Some(spelled(&purl, purl_type))
            });
        // Names that the purl rules refuse still need an identity to be refused under.
        let text = built.unwrap_or_else(|| match version {
            Some(version) => format!("pkg:{purl_type}/{name}@{version}"),
            None => format!("pkg:{purl_type}/{name}"),
        });
        Self { text: text.into() }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The type: `npm` of `pkg:npm/lodash@4.17.21`.
    pub fn purl_type(&self) -> &str {
        self.text.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()).unwrap_or("")
    }

    /// Type, decoded name (namespace and name joined as in [`Purl::new`]) and decoded version.
    pub fn parts(&self) -> Option<(String, String, Option<String>)> {
        let (purl_type, parsed) = parse(&self.text).ok()?;
        let separator = if purl_type == "maven" { ':' } else { '/' };
        let name = match parsed.namespace() {
            Some(namespace) => format!("{namespace}{separator}{}", parsed.name()),
            None => parsed.name().to_owned(),
        };
        Some((purl_type, name, parsed.version().map(ToOwned::to_owned)))
    }
}

/// Types whose names are read as names without rules. Module paths of Go are case-sensitive: the
/// rule of the specification that folds them would make one package of two, and name modules
/// that do not exist. Repositories of images have namespaces, which the specification puts into a
/// qualifier.
const WITHOUT_RULES: [&str; 2] = ["golang", "oci"];
const GENERIC: &str = "generic";

/// The type whose rules a type's names are read by.
fn read_as(purl_type: &str) -> &str {
    if WITHOUT_RULES.contains(&purl_type) { GENERIC } else { purl_type }
}

fn parse(text: &str) -> Result<(String, packageurl::PackageUrl<'static>), packageurl::Error> {
    for purl_type in WITHOUT_RULES {
        let start = format!("pkg:{purl_type}/");
        if text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(&start)) {
            let generic = format!("pkg:{GENERIC}/{}", &text[start.len()..]);
            return Ok((purl_type.to_owned(), packageurl::PackageUrl::from_str(&generic)?));
        }
    }
    let parsed = packageurl::PackageUrl::from_str(text)?;
    Ok((parsed.ty().to_owned(), parsed))
}

fn spelled(parsed: &packageurl::PackageUrl<'_>, purl_type: &str) -> String {
    let text = parsed.to_string();
    let generic = text.strip_prefix("pkg:generic/");
    match generic.filter(|_| WITHOUT_RULES.contains(&purl_type)) {
        Some(rest) => format!("pkg:{purl_type}/{rest}"),
        None => text,
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (purl_type, parsed) = parse(text)
            .map_err(|error| PurlError { text: text.to_owned(), reason: error.to_string() })?;
        Ok(Self { text: spelled(&parsed, &purl_type).into() })
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scoped_name_is_namespace_and_name() {
        let purl = Purl::new("npm", "@scope/name", Some("1.0.0"));
        assert_eq!(purl.as_str(), "pkg:npm/%40scope/name@1.0.0");
        assert_eq!(purl.parts(), Some(("npm".into(), "@scope/name".into(), Some("1.0.0".into()))));
    }

    #[test]
    fn a_repository_of_images_has_namespaces() {
        let address = format!("sha256:{}", "a".repeat(64));
        let purl = Purl::new("oci", "demo/hello", Some(&address));
        assert_eq!(purl.as_str().parse::<Purl>().unwrap(), purl);
        assert_eq!(purl.parts(), Some(("oci".into(), "demo/hello".into(), Some(address))));
    }

    #[test]
    fn a_maven_name_uses_a_colon() {
        let purl = Purl::new("maven", "org.example:lib", None);
        assert_eq!(purl.as_str(), "pkg:maven/org.example/lib");
        assert_eq!(purl.parts(), Some(("maven".into(), "org.example:lib".into(), None)));
    }

    #[test]
    fn a_module_path_keeps_its_case() {
        let purl = Purl::new("golang", "github.com/Acme/Tool/v2", Some("v2.0.0+incompatible"));
        assert_eq!(purl.as_str(), "pkg:golang/github.com/Acme/Tool/v2@v2.0.0%2Bincompatible");
        assert_eq!(purl.to_string().parse::<Purl>().unwrap(), purl);
        let (_, name, version) = purl.parts().unwrap();
        assert_eq!(name, "github.com/Acme/Tool/v2");
        assert_eq!(version.as_deref(), Some("v2.0.0+incompatible"));
    }

    #[test]
    fn what_is_no_purl_is_refused_with_an_example() {
        let error = "lodash@4".parse::<Purl>().unwrap_err();
        assert!(error.to_string().contains("pkg:npm/lodash@4.17.21"));
    }
}
