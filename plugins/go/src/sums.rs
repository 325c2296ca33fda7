//! Records of a checksum database: lines of `go.sum` under the number of the record, and a signed
//! tree that holds it (golang.org/x/mod/sumdb, `Client.Lookup`; golang.org/x/mod/sumdb/tlog,
//! `ParseRecord`). Clients verify the signature and the tree.

use weir_core::{Algorithm, Coordinates, Digest, Fetch, FormatError, Place};

use crate::{origins, paths};

/// The record of a release, at the database of this mount. A database that does not know the
/// release has none, and neither has a mount without database.
pub(crate) fn fetch(release: &Coordinates) -> Fetch {
    let path = paths::lookup(&release.name, release.version.as_str());
    let place = Place::Origin { origin: origins::SUMDB, path: path.into() };
    Fetch::from(place).immutable().optional()
}

/// The digest that a record promises for a release's zip, or for its `go.mod` file.
pub(crate) fn promised(
    record: &str,
    release: &Coordinates,
    algorithm: Algorithm,
) -> Result<Digest, FormatError> {
    check(record)?;
    let suffix = if algorithm == Algorithm::GoMod { "/go.mod" } else { "" };
    let version = format!("{}{suffix}", release.version);
    let sum = sums(record).find_map(|line| {
        let mut words = line.split(' ');
        let names = words.next() == Some(release.name.as_str()) && words.next() == Some(&version);
        words.next()?.strip_prefix("h1:").filter(|_| names)
    });
    let sum = sum.ok_or_else(|| {
        FormatError::new(format!(
            "the checksum database's record has no sum of {} {version}",
            release.name
        ))
    })?;
    Digest::from_base64(algorithm, sum)
        .map_err(|_| FormatError::new("a sum of the checksum database is none"))
}

/// The lines of `go.sum` in a record.
fn sums(record: &str) -> impl Iterator<Item = &str> {
    record.lines().skip(1).take_while(|line| !line.is_empty())
}

/// Whether this is a record at all, and no page about a network.
pub(crate) fn check(record: &str) -> Result<(), FormatError> {
    let number = record.lines().next().unwrap_or_default();
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let signed = record.contains("\n\n") && record.contains("\n\u{2014} ");
    if numbered && signed {
        return Ok(());
    }
    Err(FormatError::new("this is no record of a checksum database"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "42\ndemo.example/a v1.0.0 h1:i40aqfkR1h2SlN9hojwV5ZA91wcXFOvkdNIeFDP5koI=\n\
        demo.example/a v1.0.0/go.mod h1:DVbg23sWSpFRCP0SfiEN6jmj59UnW/n46BH5rLB71So=\n\n\
        go.sum database tree\n50\nHj8H0GmwlaYk6RersiH+w2hZWpSiODGR1uqVjAE7p30=\n\n\
        \u{2014} sum.example Az3grhRMq1VX\n";

    #[test]
    fn zip_and_go_mod_have_a_sum_each() {
        let release = Coordinates::new("demo.example/a", "v1.0.0");
        let zip = promised(RECORD, &release, Algorithm::GoZip).unwrap();
        assert_eq!(zip.to_string(), "h1:i40aqfkR1h2SlN9hojwV5ZA91wcXFOvkdNIeFDP5koI=");
        let file = promised(RECORD, &release, Algorithm::GoMod).unwrap();
        assert_eq!(file.to_string(), "go.mod/h1:DVbg23sWSpFRCP0SfiEN6jmj59UnW/n46BH5rLB71So=");
    }

    #[test]
    fn a_record_of_another_release_promises_nothing() {
        for release in [("demo.example/a", "v1.0.1"), ("demo.example/b", "v1.0.0")] {
            let release = Coordinates::new(release.0, release.1);
            assert!(promised(RECORD, &release, Algorithm::GoZip).is_err());
        }
        assert!(check("<html>\n\n\u{2014} no</html>").is_err());
        assert!(check("42\nno tree\n").is_err());
    }
}
