//! What was answered to needs other than documents.

use weir_core::{
    Algorithm, Digest, FormatError, Found, Head, Job, Known, Need, Owner, Release, Target,
};

use super::lines::{self, Line, Out};

/// The need of a signature over a target as served.
pub(super) fn signature(of: &Target) -> Need {
    Need::Signature { of: Box::new(of.clone()), scheme: "toy" }
}

/// Writes the signature over a target as served.
pub(super) fn write_signature(
    job: &Job<'_>,
    of: &Target,
    out: Out<'_>,
) -> Result<Head, FormatError> {
    let Some(Found::Signature(bytes)) = job.docs.found(&signature(of)) else {
        return Err(FormatError::new("there is no signature"));
    };
    out.write_all(bytes).map_err(|error| FormatError::new(error.to_string()))?;
    Ok(Head::new("text/plain"))
}

/// The needs of all that the lines name, as served.
pub(super) fn children(lines: &[Line<'_>], child: fn(&str) -> Target) -> Vec<Need> {
    let names = lines.iter().filter_map(|line| line.word(1).ok());
    names.map(|name| Need::Rendered(child(name))).collect()
}

/// Writes the lines with SHA-256 and size of what they name, as served.
pub(super) fn write_children(
    job: &Job<'_>,
    lines: &[Line<'_>],
    child: fn(&str) -> Target,
    out: Out<'_>,
) -> Result<Head, FormatError> {
    for line in lines {
        let (kind, name) = (line.words[0], line.words[1]);
        lines::put(out, &format!("{kind} {name} {}\n", rendered(job, child(name))?))?;
    }
    lines::end(out)
}

/// SHA-256 and size of another target as served, as two words.
fn rendered(job: &Job<'_>, child: Target) -> Result<String, FormatError> {
    let Some(Found::Rendered { digests, size, .. }) = job.docs.found(&Need::Rendered(child)) else {
        return Err(FormatError::new("an index has no rendering"));
    };
    let sha256 = digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
    let sha256 = sha256.map(Digest::hex).unwrap_or_default();
    Ok(format!("{sha256} {size}"))
}

/// What has to be asked of a file that its digest alone names.
pub(super) fn question(target: &Target) -> Option<Need> {
    let Target::Artifact { owner: Owner::Content { digest, .. }, .. } = target else { return None };
    Some(Need::Known(Known::Digest(digest.clone())))
}

/// The releases of the job's package that a question to the recorded facts brought.
pub(super) fn recorded(job: &Job<'_>, question: &Need) -> Vec<Release<'static>> {
    let Some(Found::Known(listed)) = job.docs.found(question) else { return Vec::new() };
    let ours = listed.iter().filter(|listed| Some(&listed.release.name) == job.target.package());
    ours.map(|listed| Release {
        name: listed.release.name.to_string().into(),
        version: listed.release.version.to_string().into(),
        file: Some(listed.file.to_string().into()),
        digest: listed.digest.clone(),
        ..Release::default()
    })
    .collect()
}
