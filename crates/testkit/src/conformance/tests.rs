//! Every law can fail: flawed plugins, each caught by the law that its flaw breaks.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_core::{
    Algorithm, Denial, Descriptor, Digest, Ecosystem, Edit, Edits, Fetch, FormatError, Head, Job,
    Located, Method, Need, Place, Release, Reply, Request, Target, Unroutable, View,
};

use crate::probes::Linked;
use crate::{Case, Suite, fuzz_bytes};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    ForgetsDrops,
    DropsTheFirstToo,
    LeaksTheHost,
    LinksToAnother,
    LinksNowhere,
    ChangesBytes,
    GrowsWhenRepeated,
    AddsARelease,
    IgnoresMarks,
    HidesOddVersions,
    NamesAnotherOrigin,
    ClimbsUp,
    NeverHasEnough,
    LiesAboutPaths,
    RefusesHead,
    PanicsOnAPath,
    RelaysInSecret,
    RelaysPackages,
    SaysNothing,
    SaysBadJson,
    SaysOddHeaders,
    LocatesAnything,
    InventsOnDamage,
    PanicsOnDamage,
}
use Flaw::{
    AddsARelease, ChangesBytes, ClimbsUp, DropsTheFirstToo, ForgetsDrops, GrowsWhenRepeated,
    HidesOddVersions, IgnoresMarks, InventsOnDamage, LeaksTheHost, LiesAboutPaths, LinksNowhere,
    LinksToAnother, LocatesAnything, NamesAnotherOrigin, NeverHasEnough, PanicsOnAPath,
    PanicsOnDamage, RefusesHead, RelaysInSecret, RelaysPackages, SaysBadJson, SaysNothing,
    SaysOddHeaders,
};

/// The probe `Linked` with a flaw.
#[derive(Debug)]
struct Flawed(Flaw);

static MARKING: Descriptor = Descriptor { marks: true, ..crate::probes::descriptor("flawed") };

fn relay(path: &str) -> Target {
    Target::Relay { path: path.into(), view: View::plain("relay") }
}

fn plain_versions(job: &Job<'_>) -> Result<Vec<bool>, FormatError> {
    let mut plain = Vec::new();
    Linked.read(job, &mut |r| plain.push(r.version.bytes().all(|b| b.is_ascii_digit())))?;
    Ok(plain)
}

impl Flawed {
    fn spoil(&self, job: &Job<'_>, text: String) -> String {
        let base = &*job.cx.base;
        let again = job.docs.iter().any(|(_, found)| match found {
            weir_core::Found::Doc(doc) => doc.text().is_ok_and(|text| text.contains(base)),
            _ => false,
        });
        match self.0 {
            LeaksTheHost => text.replace(base, "https://files.example"),
            LinksToAnother => text.replace("/1/demo-1.bin", "/2/demo-2.bin"),
            LinksNowhere => text.replace("/demo/1/", "/demo/1/1/"),
            ChangesBytes => text.replace(" 2", " 02"),
            GrowsWhenRepeated if again => text.replace(&sha("1"), &sha("one")),
            AddsARelease => text.replace("end\n", &format!("file demo 9 x {}\nend\n", sha("9"))),
            _ => text,
        }
    }
}

impl Ecosystem for Flawed {
    fn describe(&self) -> &'static Descriptor {
        if self.0 == IgnoresMarks { &MARKING } else { Linked.describe() }
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        match (self.0, &request.path()[..]) {
            (PanicsOnAPath, ["~a"]) => panic!("an odd path"),
            (RefusesHead, _) if request.method == Method::Head => Err(Unroutable::Unknown),
            (RelaysInSecret, ["robots.txt"]) => Ok(relay("robots.txt")),
            (RelaysPackages, ["keys", rest @ ..]) => {
                Ok(relay(&["keys"].iter().chain(rest).copied().collect::<Vec<_>>().join("/")))
            }
            _ => Linked.route(request),
        }
    }

    fn path(&self, target: &Target) -> String {
        match target {
            Target::Relay { path, .. } => path.to_string(),
            Target::Artifact { .. } if self.0 == LiesAboutPaths => "demo".into(),
            _ => Linked.path(target),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let fetch = |origin, path: String| {
            vec![Need::Fetch(Fetch::from(Place::Origin { origin, path: path.into() }).optional())]
        };
        match self.0 {
            NamesAnotherOrigin => fetch("other", "demo".into()),
            ClimbsUp => fetch("primary", "demo/%2e%2e/secret".into()),
            NeverHasEnough => fetch("primary", format!("page-{}", job.docs.iter().count())),
            _ => Linked.need(job),
        }
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        if self.0 == HidesOddVersions {
            let mut plain = plain_versions(job)?.into_iter();
            return Linked.read(job, &mut |r| {
                if plain.next() == Some(true) {
                    each(r);
                }
            });
        }
        match Linked.read(job, each) {
            Err(error) if self.0 == PanicsOnDamage => panic!("{error}"),
            Err(_) if self.0 == InventsOnDamage => {
                each(Release { name: "demo".into(), version: "9".into(), ..Release::default() });
                Ok(())
            }
            result => result,
        }
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn Write,
    ) -> Result<Head, FormatError> {
        let mut list: Vec<Edit> = (0..8).map(|ordinal| edits.get(ordinal).clone()).collect();
        match self.0 {
            ForgetsDrops => list.clear(),
            DropsTheFirstToo if list.contains(&Edit::Drop) => list[0] = Edit::Drop,
            HidesOddVersions => {
                let mut judged = list.into_iter();
                let one = |plain| if plain { judged.next() } else { None }.unwrap_or_default();
                list = plain_versions(job)?.into_iter().map(one).collect();
            }
            _ => {}
        }
        let mut bytes = Vec::new();
        let head = Linked.write(job, &Edits::new(list), &mut bytes)?;
        let text = self.spoil(job, String::from_utf8_lossy(&bytes).into_owned());
        out.write_all(text.as_bytes()).map_err(|error| FormatError::new(error.to_string()))?;
        Ok(head)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let found = Linked.locate(job)?;
        if found.is_some() || self.0 != LocatesAnything {
            return Ok(found);
        }
        let release = weir_core::Coordinates::new("demo", "9");
        let (listed_as, digest, size) = (None, None, None);
        let (place, checksums) = (Place::primary("x"), Vec::new());
        Ok(Some(Located { release, listed_as, place, digest, checksums, size, variant: None }))
    }

    fn deny(&self, _: Option<&Target>, denial: &Denial) -> Reply {
        let mut reply = Reply::plain(denial);
        match self.0 {
            SaysNothing => reply.body = "no\n".into(),
            SaysBadJson => reply.media = "application/json",
            SaysOddHeaders => reply.headers.push(("notice", denial.sentence.clone())),
            _ => {}
        }
        reply
    }
}

fn sha(text: &str) -> String {
    Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
}

fn line(version: &str) -> String {
    let link = format!("https://files.example/x/demo-{version}.bin");
    format!("file demo {version} {link} {}\n", sha(version))
}

fn client(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix("end\n")?;
    let pair = |line: &str| {
        let mut words = line.split(' ').skip(1).map(str::to_owned);
        Some((words.next()?, words.next()?))
    };
    text.lines().map(pair).collect()
}

/// What the suite says of a plugin; `None` when it conforms.
fn verdict(flaw: Flaw, parse: bool) -> Option<String> {
    let list = line("1") + &line("2") + &line("3") + "end\n";
    let with_list = |raw: &str| Case::get(raw).document("primary:demo", list.clone());
    let mut listing = with_list("demo").same_format("primary:demo");
    if parse {
        listing = listing.parsed_by(client);
    }
    let file = with_list("demo/2/demo-2.bin").locates("demo", "2");
    let absent = with_list("demo/9/demo-9.bin").absent();
    let plugin = Flawed(flaw);
    let relays: &[&str] = if flaw == RelaysPackages { &["keys"] } else { &[] };
    let cases = [listing, absent, file];
    let suite = Suite::new(&plugin).cases(&cases).relays(relays);
    let panic = catch_unwind(AssertUnwindSafe(|| suite.check())).err()?;
    Some(panic.downcast_ref::<String>().expect("the suite says why").clone())
}

#[test]
fn every_flaw_is_caught_by_its_law() {
    let caught = [
        (ForgetsDrops, "links lead to kept or marked releases"),
        (DropsTheFirstToo, "read(write(edits)) == filter(read, edits)"),
        (LeaksTheHost, "no upstream host remains"),
        (LinksToAnother, "read(write(edits)) == filter(read, edits)"),
        (LinksNowhere, "links lead to kept or marked releases"),
        (ChangesBytes, "keep-all changes nothing but links"),
        (GrowsWhenRepeated, "write is idempotent"),
        (IgnoresMarks, "a mark reads back as yanked with our sentence"),
        (NamesAnotherOrigin, "is not declared"),
        (ClimbsUp, "is no clean path"),
        (NeverHasEnough, "after 4 rounds"),
        (LiesAboutPaths, "route(path(target)) == target"),
        (RefusesHead, "HEAD is routed like GET"),
        (PanicsOnAPath, "it panics"),
        (RelaysInSecret, "not on the reviewed list"),
        (RelaysPackages, "ends like a package"),
        (SaysNothing, "does not say its sentence"),
        (SaysBadJson, "is no JSON"),
        (SaysOddHeaders, "is not printable ASCII"),
        (LocatesAnything, "what is not listed is not located"),
        (InventsOnDamage, "damage never yields more"),
        (PanicsOnDamage, "it panics"),
    ];
    assert_eq!(verdict(Flaw::None, true), None);
    assert_eq!(verdict(Flaw::None, false), None);
    for (flaw, law) in caught {
        let message = verdict(flaw, false).unwrap_or_else(|| panic!("{flaw:?} is not caught"));
        assert!(message.contains(law), "{flaw:?}: {message}");
    }
}

#[test]
fn a_second_parser_catches_what_the_plugin_itself_does_not_see() {
    for (flaw, law) in [
        (DropsTheFirstToo, "a second parse agrees on names and versions"),
        (AddsARelease, "a second parse agrees on names and versions"),
        (HidesOddVersions, "which nobody judged"),
    ] {
        let message = verdict(flaw, true).unwrap_or_else(|| panic!("{flaw:?} is not caught"));
        assert!(message.contains(law), "{flaw:?}: {message}");
    }
}

#[test]
fn a_fuzzed_plugin_must_not_add_releases() {
    let list = line("1") + "end\n";
    let target = Target::manifest("demo", "list");
    assert_eq!(fuzz_bytes(&Flawed(Flaw::None), &target, list.as_bytes()), 1);
    let added = || fuzz_bytes(&Flawed(AddsARelease), &target, list.as_bytes());
    assert!(catch_unwind(AssertUnwindSafe(added)).is_err());
}
