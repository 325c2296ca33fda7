//! Search results: `objects`, each with one package in one version (`docs/REGISTRY-API.md`,
//! `/-/v1/search`).

use std::borrow::Cow;
use std::io;

use weir_core::{Edit, Edits, FormatError, Head, Job, Release, Scheme, Timestamp};
use weir_format::Splice;
use weir_format::json::{Array, Kind, Object, Value};

use crate::{describe, needs};

pub(crate) fn read(job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
    for result in results(job)?.elements() {
        each(release(*result).unwrap_or_else(|_| Release {
            unreadable: Some("a field of the result stands there twice"),
            ..Release::default()
        }));
    }
    Ok(())
}

pub(crate) fn write(
    job: &Job<'_>,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let results = results(job)?;
    let readable =
        |result: &Value<'_>| release(*result).is_ok_and(|release| release.unreadable.is_none());
    let mut splice = Splice::new(job.doc(&needs::search(job.target))?.bytes());
    results.retain(&mut splice, |ordinal| {
        *edits.get(ordinal) == Edit::Keep && readable(&results.elements()[ordinal])
    });
    splice.write(out).map_err(|error| FormatError::new(error.to_string()))?;
    Ok(Head::new(describe::JSON))
}

fn results<'a>(job: &Job<'a>) -> Result<Array<'a>, FormatError> {
    let root = Object::parse_loose(job.doc(&needs::search(job.target))?.bytes())?;
    match root.sole("objects")? {
        Some(objects) => objects.array(),
        None => Err(FormatError::new("the search result has no list of objects")),
    }
}

fn release(result: Value<'_>) -> Result<Release<'_>, FormatError> {
    let package = match result.loose_object()?.sole("package")? {
        Some(package) => package.loose_object()?,
        None => return Err(FormatError::at(result.span().start, "a result has no package")),
    };
    let text = |key| Ok::<_, FormatError>(package.sole(key)?.and_then(|it| it.text()));
    let name = text("name")?.unwrap_or_default();
    let version = text("version")?.unwrap_or_default();
    let known = !name.is_empty() && weir_version::is_valid(Scheme::Npm, &version);
    Ok(Release {
        name,
        version,
        available: text("date")?.and_then(|date| Timestamp::parse_rfc3339(&date)),
        licence: text("license")?,
        publisher: publisher(&package)?,
        unreadable: (!known).then_some("the result names no version of a package"),
        ..Release::default()
    })
}

fn publisher<'a>(package: &Object<'a>) -> Result<Option<Cow<'a, str>>, FormatError> {
    match package.sole("publisher")?.filter(|it| it.kind() == Kind::Object) {
        Some(publisher) => Ok(publisher.loose_object()?.sole("username")?.and_then(|it| it.text())),
        None => Ok(None),
    }
}
