//! Counts of what is stored, and their text form.

use std::collections::BTreeMap;
use std::fmt;

use sea_orm::{DatabaseConnection, DbErr, FromQueryResult, Statement};
use serde::{Serialize, Serializer};
use weir_core::Timestamp;

use crate::{Catalog, Result};

/// Counts of what is stored. Serialises to what `stats --json` prints, and displays as `stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Packages of which a file is stored.
    pub packages: u64,
    /// Versions of which a file is stored.
    pub versions: u64,
    /// Stored files.
    pub artifacts: u64,
    /// Their length; an object that several share counts once.
    pub total_size_bytes: u64,
    /// How often they were served.
    pub total_hits: u64,
    /// Packages by ecosystem.
    pub ecosystems: BTreeMap<String, u64>,
    /// The packages that were served most.
    pub popular: Vec<Popular>,
    /// The files that were stored last.
    pub recent: Vec<Recent>,
}

/// A package that is served often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Popular {
    /// The ecosystem's id.
    pub ecosystem: String,
    /// Canonical name.
    pub name: String,
    /// How often its files were served.
    pub hits: u64,
    /// The length of its files in bytes.
    pub size: u64,
}

/// A file that was stored lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recent {
    /// The ecosystem's id.
    pub ecosystem: String,
    /// Canonical name.
    pub name: String,
    /// Canonical version.
    pub version: String,
    /// When; RFC 3339 in JSON.
    #[serde(serialize_with = "as_text")]
    pub cached_at: Timestamp,
    /// Its length in bytes.
    pub size: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

// Both databases read these. A sum of BIGINT is NUMERIC in Postgres, hence the casts.
const TOTALS: &str = "SELECT
    (SELECT COUNT(*) FROM (SELECT DISTINCT ecosystem, name FROM artifacts) AS p) AS packages,
    (SELECT COUNT(*) FROM (SELECT DISTINCT ecosystem, name, version FROM artifacts) AS v)
        AS versions,
    (SELECT COUNT(*) FROM artifacts) AS artifacts,
    (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT)
        FROM (SELECT MAX(size) AS size FROM artifacts GROUP BY storage_key) AS o) AS size,
    (SELECT CAST(COALESCE(SUM(hits), 0) AS BIGINT) FROM artifacts) AS hits";
const ECOSYSTEMS: &str = "SELECT ecosystem, COUNT(*) AS packages
    FROM (SELECT DISTINCT ecosystem, name FROM artifacts) AS p GROUP BY ecosystem";
const POPULAR: &str = "SELECT ecosystem, name, CAST(SUM(hits) AS BIGINT) AS hits,
        CAST(SUM(size) AS BIGINT) AS size
    FROM artifacts GROUP BY ecosystem, name HAVING SUM(hits) > 0
    ORDER BY hits DESC, ecosystem, name LIMIT ";
const RECENT: &str = "SELECT ecosystem, name, version, created_at, size FROM artifacts
    ORDER BY created_at DESC, mount, path LIMIT ";

#[derive(FromQueryResult)]
struct Totals {
    packages: i64,
    versions: i64,
    artifacts: i64,
    size: i64,
    hits: i64,
}

#[derive(FromQueryResult)]
struct EcosystemCount {
    ecosystem: String,
    packages: i64,
}

#[derive(FromQueryResult)]
struct PopularRow {
    ecosystem: String,
    name: String,
    hits: i64,
    size: i64,
}

#[derive(FromQueryResult)]
struct RecentRow {
    ecosystem: String,
    name: String,
    version: String,
    created_at: i64,
    size: i64,
}

impl Catalog {
    /// Counts what is stored, with so many popular packages and so many recent files.
    pub async fn stats(&self, popular: u64, recent: u64) -> Result<Stats> {
        let counted = count(&self.db, popular, recent).await;
        counted.map_err(|error| self.fail("count what is stored", error))
    }
}

async fn rows<T: FromQueryResult>(
    db: &DatabaseConnection,
    sql: String,
) -> std::result::Result<Vec<T>, DbErr> {
    T::find_by_statement(Statement::from_string(db.get_database_backend(), sql)).all(db).await
}

async fn count(
    db: &DatabaseConnection,
    popular: u64,
    recent: u64,
) -> std::result::Result<Stats, DbErr> {
    let totals: Vec<Totals> = rows(db, TOTALS.to_owned()).await?;
    let totals = totals.into_iter().next().ok_or(DbErr::RecordNotFound("totals".to_owned()))?;
    let ecosystems: Vec<EcosystemCount> = rows(db, ECOSYSTEMS.to_owned()).await?;
    let popular: Vec<PopularRow> = rows(db, format!("{POPULAR}{popular}")).await?;
    let recent: Vec<RecentRow> = rows(db, format!("{RECENT}{recent}")).await?;
    Ok(Stats {
        packages: totals.packages as u64,
        versions: totals.versions as u64,
        artifacts: totals.artifacts as u64,
        total_size_bytes: totals.size as u64,
        total_hits: totals.hits as u64,
        ecosystems: ecosystems
            .into_iter()
            .map(|one| (one.ecosystem, one.packages as u64))
            .collect(),
        popular: popular.into_iter().map(Popular::from).collect(),
        recent: recent.into_iter().map(Recent::from).collect(),
    })
}

impl From<PopularRow> for Popular {
    fn from(row: PopularRow) -> Self {
        let (hits, size) = (row.hits as u64, row.size as u64);
        Self { ecosystem: row.ecosystem, name: row.name, hits, size }
    }
}

impl From<RecentRow> for Recent {
    fn from(row: RecentRow) -> Self {
        Self {
            ecosystem: row.ecosystem,
            name: row.name,
            version: row.version,
            cached_at: Timestamp::from_millis(row.created_at),
            size: row.size as u64,
        }
    }
}

/// The text that the command `stats` prints.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Cache Statistics")?;
        writeln!(f, "================")?;
        writeln!(f, "Packages: {}", self.packages)?;
        writeln!(f, "Versions: {}", self.versions)?;
        writeln!(f, "Artifacts: {}", self.artifacts)?;
        writeln!(f, "Total size: {}", human_size(self.total_size_bytes))?;
        writeln!(f, "Total hits: {}", self.total_hits)?;
        self.write_ecosystems(f)?;
        self.write_popular(f)?;
        self.write_recent(f)
    }
}

impl Stats {
    fn write_ecosystems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(f, "Packages by ecosystem", self.ecosystems.is_empty())?;
        let mut ecosystems: Vec<_> = self.ecosystems.iter().collect();
        ecosystems.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        ecosystems.iter().try_for_each(|(name, packages)| writeln!(f, "  {name} {packages}"))
    }

    fn write_popular(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(f, "Most popular packages", self.popular.is_empty())?;
        self.popular.iter().zip(1..).try_for_each(|(one, rank): (_, usize)| {
            let size = human_size(one.size);
            writeln!(f, "  {rank}. {}/{} ({} hits, {size})", one.ecosystem, one.name, one.hits)
        })
    }

    fn write_recent(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(f, "Recently cached", self.recent.is_empty())?;
        self.recent.iter().try_for_each(|one| {
            let (at, size) = (to_the_minute(one.cached_at), human_size(one.size));
            writeln!(f, "  {}/{}@{} ({at}, {size})", one.ecosystem, one.name, one.version)
        })
    }
}

/// Nothing is said of what there is none of.
fn heading(f: &mut fmt::Formatter<'_>, text: &str, empty: bool) -> fmt::Result {
    if empty { Ok(()) } else { writeln!(f, "\n{text}:") }
}

/// `2024-01-15 14:32`, in UTC.
fn to_the_minute(at: Timestamp) -> String {
    at.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A length for people: `512 B`, `24.7 KB`, `892.4 MB`; 1 KB is 1024 bytes.
pub fn human_size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes as f64 * 10.0 / 1024.0;
    let mut units = ["KB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    // Rounded first: 1023.96 KB are 1.0 MB, not 1024.0 KB.
    while tenths.round() >= 10240.0
        && let Some(next) = units.next()
    {
        unit = next;
        tenths /= 1024.0;
    }
    format!("{:.1} {unit}", tenths.round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let shown: Vec<_> = [0, 1023, 1024, 25_293, 523_456_789, 1_048_535, u64::MAX]
            .into_iter()
            .map(human_size)
            .collect();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KB", "24.7 KB", "499.2 MB", "1.0 MB", "16.0 EB"]);
    }

    fn example() -> Stats {
        Stats {
            packages: 45,
            versions: 128,
            artifacts: 128,
            total_size_bytes: 935_749_222,
            total_hits: 1547,
            ecosystems: [("cargo".to_owned(), 13), ("npm".to_owned(), 32)].into(),
            popular: vec![Popular {
                ecosystem: "npm".to_owned(),
                name: "lodash".to_owned(),
                hits: 342,
                size: 25_293,
            }],
            recent: vec![Recent {
                ecosystem: "npm".to_owned(),
                name: "express".to_owned(),
                version: "4.18.2".to_owned(),
                cached_at: Timestamp::parse_rfc3339("2024-01-15T14:32:59Z").unwrap(),
                size: 55_501,
            }],
        }
    }

    #[test]
    fn the_text_is_the_one_that_scripts_read() {
        insta::assert_snapshot!(example(), @r"
        Cache Statistics
        ================
        Packages: 45
        Versions: 128
        Artifacts: 128
        Total size: 892.4 MB
        Total hits: 1547

        Packages by ecosystem:
          npm 32
          cargo 13

        Most popular packages:
          1. npm/lodash (342 hits, 24.7 KB)

        Recently cached:
          npm/express@4.18.2 (2024-01-15 14:32, 54.2 KB)
        ");
    }

    #[test]
    fn the_json_has_the_names_that_scripts_read() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&example()).unwrap(), @r#"
        {
          "packages": 45,
          "versions": 128,
          "artifacts": 128,
          "total_size_bytes": 935749222,
          "total_hits": 1547,
          "ecosystems": {
            "cargo": 13,
            "npm": 32
          },
          "popular": [
            {
              "ecosystem": "npm",
              "name": "lodash",
              "hits": 342,
              "size": 25293
            }
          ],
          "recent": [
            {
              "ecosystem": "npm",
              "name": "express",
              "version": "4.18.2",
              "cached_at": "2024-01-15T14:32:59Z",
              "size": 55501
            }
          ]
        }
        "#);
    }
}
