//! Documents as clients get them: without the withheld versions, with our links.

use std::collections::{HashMap, HashSet};
use std::io;

use weir_core::{Code, Denial, Edit, Edits, FormatError, Head, Job, Scope, Target, View};
use weir_format::Splice;
use weir_format::json::{Value, quote};

use crate::entry::Entry;
use crate::needs::{self, Evidence};
use crate::packument::Packument;
use crate::{deny, describe, restrictions, search, tags, view};

/// The fields of an abbreviated packument (`docs/responses/package-metadata.md`), and `time`,
/// which clients with a cooldown of their own read where it is.
const PACKUMENT_FIELDS: [&str; 5] = ["name", "modified", "dist-tags", "versions", "time"];
/// The fields of a version in it; the last four are served by registries without being listed
/// there.
const VERSION_FIELDS: [&str; 22] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "dist",
    "engines",
    "cpu",
    "os",
    "_hasShrinkwrap",
    "hasInstallScript",
    "acceptDependencies",
    "bundledDependencies",
    "libc",
    "funding",
    "gypfile",
];
/// Versions that wait for their publisher's approval; npm installs them on demand. Nobody judges
/// them, so nobody gets them from here.
const STAGED: &str = "stagedVersions";

pub(crate) fn write(
    job: &Job<'_>,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    match job.target {
        Target::Manifest { scope: Scope::Index(_), .. } => search::write(job, edits, out),
        Target::Manifest { scope: Scope::Package(name), view } => {
            Package { job, name: name.as_str(), edits }.write(view, out)
        }
        Target::Local(_) => passed_on(b"{}\n", out),
        _ => match needs::relayed(job) {
            Some(fetch) => relayed(job.doc(&fetch)?.bytes(), out),
            None => Err(FormatError::new("a file has no listing")),
        },
    }
}

/// Passes a document on that lists nothing, if it is JSON at all.
fn relayed(document: &[u8], out: &mut dyn io::Write) -> Result<Head, FormatError> {
    Value::parse(document)?;
    passed_on(document, out)
}

fn passed_on(document: &[u8], out: &mut dyn io::Write) -> Result<Head, FormatError> {
    out.write_all(document).map_err(|error| unwritten(&error))?;
    Ok(Head::new(describe::JSON))
}

fn unwritten(error: &io::Error) -> FormatError {
    FormatError::new(format!("the document could not be written: {error}"))
}

/// A document about one package.
struct Package<'j> {
    job: &'j Job<'j>,
    name: &'j str,
    edits: &'j Edits,
}

impl Package<'_> {
    fn write(&self, view: &View, out: &mut dyn io::Write) -> Result<Head, FormatError> {
        let evidence = Evidence::gathered(self.job, self.name)?;
        if let Some((doc, entry)) = evidence.version_doc.zip(evidence.version.as_ref()) {
            if !self.keeps(0, entry) {
                return Err(FormatError::new("the only version of the document is withheld"));
            }
            if view.name == view::VERSION {
                return self.write_entry(doc.bytes(), entry, out);
            }
            let fetch = needs::attestations(self.name, &view.arg);
            return relayed(self.job.doc(&fetch)?.bytes(), out);
        }
        let (Some(doc), Some(packument)) = (evidence.packument_doc, evidence.packument()) else {
            return Err(FormatError::new("the packument is missing"));
        };
        match view.name {
            view::TAGS => self.write_tags(doc.bytes(), packument, out),
            view::TAG => self.write_tagged(doc.bytes(), packument, &view.arg, out),
            _ => self.write_packument(doc.bytes(), packument, view.name, out),
        }
    }

    fn keeps(&self, ordinal: usize, entry: &Entry<'_>) -> bool {
        // The format has no mark: a release that should carry one is withheld.
        *self.edits.get(ordinal) == Edit::Keep && entry.problem.is_none()
    }

    fn kept<'e, 'a>(
        &'e self,
        packument: &'e Packument<'a>,
    ) -> impl Iterator<Item = &'e Entry<'a>> + Clone {
        let entries = packument.entries.iter().enumerate();
        entries.filter(|(ordinal, entry)| self.keeps(*ordinal, entry)).map(|(_, entry)| entry)
    }

    /// The versions that go.
    fn withheld<'e>(&self, packument: &'e Packument<'_>) -> impl Iterator<Item = &'e str> {
        let entries = packument.entries.iter().enumerate();
        entries.filter(|(ordinal, entry)| !self.keeps(*ordinal, entry)).map(|(_, e)| &*e.version)
    }

    fn relink<'a>(&self, splice: &mut Splice<'a>, entry: &Entry<'a>) {
        entry.relink(splice, self.name, |path| self.job.link(path));
    }

    /// One version as a document of its own.
    fn write_entry(
        &self,
        source: &[u8],
        entry: &Entry<'_>,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let mut splice = Splice::new(source);
        self.relink(&mut splice, entry);
        splice.write_span(entry.value.span(), out).map_err(|error| unwritten(&error))?;
        Ok(Head::new(describe::JSON))
    }

    /// The version that a tag names, or the one that stands in for it.
    fn write_tagged(
        &self,
        source: &[u8],
        packument: &Packument<'_>,
        tag: &str,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let named = match packument.tagged(tag) {
            Some(version) => version,
            // What upstream resolved without a tag of that name: a range.
            None => needs::resolved(self.job, self.name, tag)?,
        };
        let found = self.kept(packument).find(|entry| entry.version == named);
        let entry = found.or_else(|| {
            let version = tags::stand_in(tag, &named, self.kept(packument))?;
            self.kept(packument).find(|entry| entry.version == version)
        });
        match entry {
            Some(entry) => self.write_entry(source, entry, out),
            None => Err(FormatError::new("every version that the tag may name is withheld")),
        }
    }

    fn write_tags(
        &self,
        source: &[u8],
        packument: &Packument<'_>,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let Some(tags) = &packument.tags else { return passed_on(b"{}", out) };
        let mut splice = Splice::new(source);
        self.repoint(&mut splice, packument);
        splice.write_span(tags.span(), out).map_err(|error| unwritten(&error))?;
        Ok(Head::new(describe::JSON))
    }

    /// Points tags of withheld versions at others, or removes them.
    fn repoint<'a>(&self, splice: &mut Splice<'a>, packument: &Packument<'a>) {
        let Some(object) = &packument.tags else { return };
        let withheld: Vec<&str> = self.withheld(packument).collect();
        if withheld.is_empty() {
            return;
        }
        let mut stand_ins = HashMap::new();
        for (ordinal, member) in object.members().iter().enumerate() {
            let Some(version) = member.value.text().filter(|v| withheld.contains(&&**v)) else {
                continue;
            };
            stand_ins.insert(ordinal, tags::stand_in(&member.key, &version, self.kept(packument)));
        }
        for (ordinal, version) in &stand_ins {
            if let Some(version) = version {
                splice.put(object.members()[*ordinal].value.span(), quote(version));
            }
        }
        object.retain(splice, |ordinal, _| stand_ins.get(&ordinal) != Some(&None));
    }
}

impl Package<'_> {
    fn write_packument(
        &self,
        source: &[u8],
        packument: &Packument<'_>,
        view: &'static str,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let abbreviated = view == view::ABBREVIATED;
        let mut splice = Splice::new(source);
        self.cut_versions(&mut splice, packument, abbreviated)?;
        self.cut_dates(&mut splice, packument);
        self.repoint(&mut splice, packument);
        self.edit_root(&mut splice, packument, abbreviated);
        splice.write(out).map_err(|error| unwritten(&error))?;
        let media = if abbreviated { describe::INSTALL_V1 } else { describe::JSON };
        let mut head = Head::new(media).varying();
        if let Some(notice) = self.announcement(packument) {
            head.headers.push((deny::NOTICE, notice));
            // npm passes over the header on answers that it keeps in its cache.
            head.headers.push(("cache-control", "no-store".to_owned()));
        }
        Ok(head)
    }

    /// What npm prints while it resolves (npm-registry-fetch, `lib/check-response.js`): what is withheld, where that changes what `latest` means. Said of
    /// every package with a withheld version it would drown what matters.
    fn announcement(&self, packument: &Packument<'_>) -> Option<String> {
        let notice = self.edits.notice()?;
        let latest = packument.tagged("latest")?;
        let moved = self.withheld(packument).any(|version| version == latest);
        moved.then(|| Denial::new(Code::BlockedByPolicies, notice).status_line())
    }

    fn cut_versions<'a>(
        &self,
        splice: &mut Splice<'a>,
        packument: &Packument<'a>,
        abbreviated: bool,
    ) -> Result<(), FormatError> {
        let Some(versions) = &packument.versions else { return Ok(()) };
        versions.retain(splice, |ordinal, _| self.keeps(ordinal, &packument.entries[ordinal]));
        for entry in self.kept(packument) {
            self.relink(splice, entry);
            if abbreviated {
                abbreviate(splice, entry)?;
            }
        }
        Ok(())
    }

    fn cut_dates<'a>(&self, splice: &mut Splice<'a>, packument: &Packument<'a>) {
        let Some(time) = &packument.time else { return };
        let withheld: HashSet<&str> = self.withheld(packument).collect();
        time.retain(splice, |_, member| !withheld.contains(&*member.key));
    }

    /// Cuts and adds fields of the document itself.
    fn edit_root<'a>(&self, splice: &mut Splice<'a>, packument: &Packument<'a>, abbreviated: bool) {
        let notice = self.edits.notice();
        let kept = packument.root.retain(splice, |_, member| match &*member.key {
            STAGED => false,
            restrictions::KEY => notice.is_none(),
            key => !abbreviated || PACKUMENT_FIELDS.contains(&key),
        });
        let mut fields = Vec::new();
        if let Some(notice) = notice {
            let withheld = self.withheld(packument);
            fields.push((restrictions::KEY, restrictions::json(notice, self.name, withheld)));
        }
        if abbreviated && packument.root.get("modified").is_none() {
            let modified = packument.time.as_ref().and_then(|time| time.get("modified"));
            fields.extend(modified.map(|modified| ("modified", modified.raw().to_owned())));
        }
        let fields: Vec<_> = fields.iter().map(|(key, json)| (*key, json.as_str())).collect();
        packument.root.insert(splice, &fields, kept);
    }
}

/// Leaves the fields of a version that installing needs.
fn abbreviate<'a>(splice: &mut Splice<'a>, entry: &Entry<'a>) -> Result<(), FormatError> {
    let manifest = entry.value.loose_object()?;
    let kept = manifest.retain(splice, |_, member| VERSION_FIELDS.contains(&&*member.key));
    if entry.install_scripts && manifest.get("hasInstallScript").is_none() {
        manifest.insert(splice, &[("hasInstallScript", "true")], kept);
    }
    Ok(())
}
