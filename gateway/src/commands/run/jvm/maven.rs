//! Maven's settings for one run: the user's, with the gateway as the mirror of all that it stands
//! for.
//!
//! Maven takes the first mirror that names a repository by its id, else the first whose pattern holds
//! it, and the user's mirrors stand before those of the installation
//! (<https://maven.apache.org/guides/mini/guide-mirror-settings.html>). What Maven keeps says from
//! which mirror it came, by its id, so a mirror keeps its id.

use std::collections::{BTreeMap, BTreeSet};

use weir_core::FormatError;
use weir_format::Splice;
use weir_format::xml::{Element, quote};

/// The repository that every project has.
const CENTRAL: &str = "central";
/// Patterns that hold [`CENTRAL`].
const WIDE: [&str; 3] = [CENTRAL, "*", "external:*"];
const NONE: &str = "<settings>\n</settings>\n";
const DIRECT: &str = "<nonProxyHosts>127.0.0.1</nonProxyHosts>";

/// What the gateway stands for.
#[derive(Debug)]
pub(super) struct Gateway {
    /// The address of the default mount, with a slash at its end.
    pub(super) default: String,
    /// Addresses of registries, without slashes at their ends, and the mounts before them.
    pub(super) known: BTreeMap<String, String>,
}

/// Settings for one run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) text: String,
    /// What the settings name that the gateway does not know: it is asked past the gateway.
    pub(super) past: BTreeSet<String>,
}

/// A mirror of the user's or of the installation's settings.
#[derive(Debug)]
struct Mirror {
    id: String,
    /// Ids, patterns, and ids that are left out (`!id`).
    of: Vec<String>,
    url: String,
}

impl Mirror {
    fn holds(&self, id: &str) -> bool {
        let left_out = format!("!{id}");
        let matches = |part: &String| part == id || part == "*" || part == "external:*";
        !self.of.contains(&left_out) && self.of.iter().any(matches)
    }

    fn is_wide(&self) -> bool {
        self.of.iter().any(|part| WIDE.contains(&part.as_str()))
    }
}

/// The settings for a run: those of the user, or none, before those of the installation.
pub(super) fn settings(
    user: Option<&str>,
    installed: Option<&str>,
    gateway: &Gateway,
) -> Result<Settings, FormatError> {
    let user = user.filter(|text| !text.trim().is_empty()).unwrap_or(NONE);
    let root = Element::parse(user.as_bytes())?;
    let mut mirrors = mirrors(&root);
    let mut repositories = repositories(&root);
    if let Some(installed) = installed {
        let root = Element::parse(installed.as_bytes())?;
        let further = self::mirrors(&root).into_iter();
        let hidden: BTreeSet<String> = mirrors.iter().map(|mirror| mirror.id.clone()).collect();
        mirrors.extend(further.filter(|mirror| !hidden.contains(&mirror.id)));
        repositories.extend(self::repositories(&root));
    }
    let plan = Plan::of(&mirrors, &repositories, gateway);
    let text = edited(user, &root, &plan.lines).map_err(|_| FormatError::new("no settings"))?;
    Ok(Settings { text, past: plan.past })
}

/// The mirrors of a run.
#[derive(Default)]
struct Plan {
    lines: String,
    past: BTreeSet<String>,
    /// Ids that the gateway does not stand for.
    except: BTreeSet<String>,
}

impl Plan {
    fn of(mirrors: &[Mirror], repositories: &[(String, String)], gateway: &Gateway) -> Self {
        let mut plan = Self::default();
        for mirror in mirrors {
            let of = mirror.of.join(",");
            match gateway.front(&mirror.url) {
                Some(front) => plan.add(&mirror.id, &of, front),
                None if mirror.is_wide() => plan.add(&mirror.id, &of, &gateway.default),
                None => {
                    plan.add(&mirror.id, &of, &mirror.url);
                    plan.leave(&mirror.of, &mirror.id);
                }
            }
        }
        let is_held = |id: &str| mirrors.iter().any(|mirror| mirror.holds(id));
        // Without an address: those that no mirror shall hold, and that only projects name.
        let left_out = mirrors.iter().flat_map(|mirror| &mirror.of);
        let left_out = left_out.filter_map(|part| Some((part.strip_prefix('!')?.to_owned(), None)));
        let named = repositories.iter().map(|(id, url)| (id.clone(), Some(url.as_str())));
        let direct: BTreeMap<String, Option<&str>> = left_out.chain(named).collect();
        for (id, url) in direct.into_iter().filter(|(id, _)| !is_held(id)) {
            match url.and_then(|url| gateway.front(url)) {
                Some(front) => plan.add(&id, &id, front),
                None => plan.leave(std::slice::from_ref(&id), &id),
            }
        }
        let except = plan.except.iter().map(|id| format!("!{id}"));
        let all: Vec<String> = ["*".to_owned()].into_iter().chain(except).collect();
        plan.add(CENTRAL, &all.join(","), &gateway.default);
        plan
    }

    fn add(&mut self, id: &str, of: &str, url: &str) {
        let (id, of, url) = (quote(id), quote(of), quote(url));
        let mirror = format!("<id>{id}</id><mirrorOf>{of}</mirrorOf><url>{url}</url>");
        self.lines.push_str("    <mirror>");
        self.lines.push_str(&mirror);
        self.lines.push_str("</mirror>\n");
    }

    fn leave(&mut self, ids: &[String], shown: &str) {
        self.except.extend(ids.iter().filter(|id| !id.starts_with('!')).cloned());
        self.past.insert(shown.to_owned());
    }
}

impl Gateway {
    fn front(&self, url: &str) -> Option<&str> {
        self.known.get(url.trim_end_matches('/')).map(String::as_str)
    }
}

/// The mirrors that lead anywhere: Maven's own of plain HTTP is there to block.
fn mirrors(root: &Element<'_>) -> Vec<Mirror> {
    let all = root.named("mirrors").flat_map(|mirrors| mirrors.named("mirror"));
    all.filter(|mirror| text(mirror, "blocked") != Some("true")).filter_map(mirror).collect()
}

fn mirror(element: &Element<'_>) -> Option<Mirror> {
    let of = text(element, "mirrorOf")?.split(',').map(|part| part.trim().to_owned()).collect();
    let id = text(element, "id").unwrap_or("default");
    Some(Mirror { id: id.to_owned(), of, url: text(element, "url")?.to_owned() })
}

/// Ids and addresses of the repositories of profiles.
fn repositories(root: &Element<'_>) -> Vec<(String, String)> {
    let profiles = root.named("profiles").flat_map(|profiles| profiles.named("profile"));
    let of = |profile, list, item| Element::named(profile, list).flat_map(move |l| l.named(item));
    let all = profiles.flat_map(|profile| {
        let plugins = of(profile, "pluginRepositories", "pluginRepository");
        of(profile, "repositories", "repository").chain(plugins)
    });
    let pair = |r: &Element<'_>| Some((text(r, "id")?.to_owned(), text(r, "url")?.to_owned()));
    let mut found: Vec<_> = all.filter_map(pair).filter(|(id, _)| id != CENTRAL).collect();
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

fn text<'e>(element: &'e Element<'_>, name: &str) -> Option<&'e str> {
    element.named(name).next()?.text()
}

/// The text with these mirrors for all of its own, and no proxy before the gateway.
fn edited(source: &str, root: &Element<'_>, mirrors: &str) -> std::io::Result<String> {
    let ours = format!("  <mirrors>\n{mirrors}  </mirrors>\n");
    if source[..root.span().end].ends_with("/>") {
        return Ok(format!("<settings>\n{ours}</settings>\n"));
    }
    let mut splice = Splice::new(source.as_bytes());
    for own in root.named("mirrors") {
        splice.cut(own.span());
    }
    for proxy in root.named("proxies").flat_map(|proxies| proxies.named("proxy")) {
        match proxy.named("nonProxyHosts").next() {
            Some(hosts) if !hosts.inner().is_empty() => {
                splice.insert(hosts.inner().end, "|127.0.0.1");
            }
            Some(hosts) => splice.put(hosts.span(), DIRECT),
            None => splice.insert(proxy.inner().end, DIRECT),
        }
    }
    splice.insert(root.inner().end, ours);
    let mut text = Vec::new();
    splice.write(&mut text)?;
    String::from_utf8(text).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "http://127.0.0.1:40123/maven/";

    fn of(user: Option<&str>, installed: Option<&str>) -> (Vec<String>, Vec<String>, String) {
        let known = [
            ("https://mirror.example/all", DEFAULT),
            ("https://repo.example/own", "http://127.0.0.1:40123/own/"),
        ];
        let known = known.into_iter().map(|(url, front)| (url.to_owned(), front.to_owned()));
        let gateway = Gateway { default: DEFAULT.to_owned(), known: known.collect() };
        let made = settings(user, installed, &gateway).unwrap();
        let root = Element::parse(made.text.as_bytes()).unwrap();
        let place = |url: &str| url.trim_start_matches("http://127.0.0.1:40123").to_owned();
        let shown = |m: Mirror| format!("{} {} {}", m.id, m.of.join(","), place(&m.url));
        let mirrors = mirrors(&root).into_iter().map(shown).collect();
        (mirrors, made.past.into_iter().collect(), made.text)
    }

    fn mirror(id: &str, of: &str, url: &str) -> String {
        format!("<mirror><id>{id}</id><mirrorOf>{of}</mirrorOf><url>{url}</url></mirror>")
    }

    #[test]
    fn without_settings_the_gateway_mirrors_everything() {
        for user in [None, Some(""), Some("<settings/>"), Some("<settings></settings>")] {
            let (mirrors, past, _) = of(user, None);
            assert_eq!(mirrors, ["central * /maven/"], "{user:?}");
            assert!(past.is_empty());
        }
    }

    #[test]
    fn mirrors_keep_their_ids_and_all_else_stays() {
        let servers = "<servers><server><id>nexus</id><password>{x=}</password></server></servers>";
        let nexus = mirror("nexus", "*", "https://mirror.example/all/");
        let user = format!("<settings>{servers}<mirrors>{nexus}</mirrors></settings>");
        let blocker = "<mirror><id>b</id><mirrorOf>external:http:*</mirrorOf>\
                       <url>http://0.0.0.0/</url><blocked>true</blocked></mirror>";
        let exact = mirror("house", "central", "https://unknown.example/x");
        let installed = format!("<settings><mirrors>{blocker}{exact}</mirrors></settings>");
        let (mirrors, past, text) = of(Some(&user), Some(&installed));
        assert_eq!(mirrors, ["nexus * /maven/", "house central /maven/", "central * /maven/"]);
        assert!(past.is_empty() && text.contains(servers), "{text}");
        assert!(!text.contains("mirror.example"), "{text}");
    }

    #[test]
    fn what_the_gateway_does_not_know_is_left_out_and_named() {
        let profile =
            |id: &str, url: &str| format!("<repository><id>{id}</id><url>{url}</url></repository>");
        let user = format!(
            "<settings><mirrors>{}{}</mirrors><profiles><profile><repositories>{}{}\
             </repositories></profile></profiles></settings>",
            mirror("m", "*,!own,!far,!plain", "https://mirror.example/all"),
            mirror("f", "far", "https://unknown.example/far"),
            profile("own", "https://repo.example/own"),
            profile("plain", "https://unknown.example/plain"),
        );
        let (mirrors, past, _) = of(Some(&user), None);
        assert_eq!(
            mirrors,
            [
                "m *,!own,!far,!plain /maven/",
                "f far https://unknown.example/far",
                "own own /own/",
                "central *,!far,!plain /maven/",
            ]
        );
        assert_eq!(past, ["f", "plain"]);
    }

    #[test]
    fn a_proxy_is_not_asked_for_the_gateway() {
        for (inside, expected) in [
            ("<host>p</host>", "<nonProxyHosts>127.0.0.1</nonProxyHosts>"),
            ("<nonProxyHosts>a</nonProxyHosts>", "<nonProxyHosts>a|127.0.0.1</nonProxyHosts>"),
            ("<nonProxyHosts/>", "<nonProxyHosts>127.0.0.1</nonProxyHosts>"),
        ] {
            let user = format!("<settings><proxies><proxy>{inside}</proxy></proxies></settings>");
            assert!(of(Some(&user), None).2.contains(expected), "{inside}");
        }
    }

    #[test]
    fn settings_that_cannot_be_read_are_an_error() {
        let gateway = Gateway { default: DEFAULT.to_owned(), known: BTreeMap::new() };
        assert!(settings(Some("<settings><mirrors>"), None, &gateway).is_err());
        assert!(settings(None, Some("<!DOCTYPE x><settings/>"), &gateway).is_err());
    }
}
