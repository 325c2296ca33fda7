//! What listings said of files, for files whose address does not tell which release they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    Select,
};
use weir_core::{Coordinates, Digest, Listed, Name, Timestamp};

use crate::entity::listed_file::{ActiveModel, Column, Entity, Model};
use crate::{BATCH, Catalog, Result, sightings};

/// The steps that are followed upwards: a layer, its image, an index, an index of indexes, a tag.
const DEPTH: usize = 5;

impl Catalog {
    /// Records steps of a content graph, all of one package: what a tag led to, what an index or
    /// image lists. What a tag leads to beside what it led to before counts as first seen now; what
    /// it led to when it was first asked for is old. Says whether any step is new.
    ///
    /// All of it in one transaction: a step that is known without its first sight, or without the
    /// contact, would be judged wrongly by whoever reads it meanwhile, or for good after a crash.
    pub async fn record_steps(
        &self,
        mount: &str,
        name: &str,
        steps: &[Listed],
        at: Timestamp,
    ) -> Result<bool> {
        self.write("record the steps to content", async |db| {
            let new = new_steps(db, mount, name, steps).await?;
            let moved: Vec<(&str, &str)> = new.moved.iter().map(|(v, f)| (&**v, &**f)).collect();
            sightings::insert_contact(db, mount, name, at).await?;
            sightings::insert_first_seen(db, mount, name, &moved, at).await?;
            insert_files(db, mount, steps, at).await?;
            Ok(new.any)
        })
        .await
    }

    /// Every recorded step of a package that leads to content with this digest, newest record
    /// first at each height.
    pub async fn known_above(
        &self,
        mount: &str,
        name: &Name,
        digest: &Digest,
    ) -> Result<Vec<Listed>> {
        let mut steps: Vec<Listed> = Vec::new();
        let mut seen = BTreeSet::from([digest.to_string()]);
        let mut level = vec![digest.to_string()];
        for _ in 0..DEPTH {
            let mut next = Vec::new();
            for batch in level.chunks(BATCH) {
                let query = Entity::find()
                    .filter(Column::Name.eq(name.as_str()))
                    .filter(Column::Digest.is_in(batch.iter().map(String::as_str)));
                let found = self.known(mount, query).await?;
                next.extend(found.iter().filter_map(|step| {
                    let version = step.release.version.as_str();
                    let address = version.parse::<Digest>().is_ok();
                    (address && seen.insert(version.to_owned())).then(|| version.to_owned())
                }));
                steps.extend(found);
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        Ok(steps)
    }

    /// Every recorded step of a package, newest record first.
    pub async fn known_of(&self, mount: &str, name: &Name) -> Result<Vec<Listed>> {
        self.known(mount, Entity::find().filter(Column::Name.eq(name.as_str()))).await
    }

    /// Records what a listing said of files at this instant, in one transaction. A later record
    /// replaces an earlier one of the same file of the same release; a digest or date that the
    /// later listing does not give is kept from the earlier one.
    pub async fn record_files(&self, mount: &str, files: &[Listed], at: Timestamp) -> Result<()> {
        let insert = async |db: &_| insert_files(db, mount, files, at).await;
        self.write("record listed files", insert).await
    }

    /// The releases that listed a file with this digest, newest record first.
    pub async fn known_by_digest(&self, mount: &str, digest: &Digest) -> Result<Vec<Listed>> {
        let query = Entity::find().filter(Column::Digest.eq(digest.to_string()));
        self.known(mount, query).await
    }

    /// The releases that listed a file of this name, newest record first.
    pub async fn known_by_file(&self, mount: &str, file: &str) -> Result<Vec<Listed>> {
        self.known(mount, Entity::find().filter(Column::File.eq(file))).await
    }

    async fn known(&self, mount: &str, query: Select<Entity>) -> Result<Vec<Listed>> {
        let query = query
            .filter(Column::Mount.eq(mount))
            .order_by_desc(Column::RecordedAt)
            .order_by_asc(Column::Name)
            .order_by_asc(Column::Version);
        let found = query.all(&self.db).await;
        let models = found.map_err(|error| self.fail("look up listed files", error))?;
        models.into_iter().map(|model| self.listed(model)).collect()
    }

    fn listed(&self, model: Model) -> Result<Listed> {
        Ok(Listed {
            release: Coordinates::new(model.name, model.version),
            file: model.file.into(),
            digest: self.optional_digest("listed_files.digest", model.digest.as_deref())?,
            size: None,
            published: model.published.map(Timestamp::from_millis),
        })
    }
}

/// What steps show beside those that are recorded.
struct New {
    any: bool,
    /// Version and file of those that are new for a name of which others were recorded before.
    moved: Vec<(String, String)>,
}

async fn new_steps(
    db: &DatabaseTransaction,
    mount: &str,
    name: &str,
    steps: &[Listed],
) -> std::result::Result<New, DbErr> {
    let versions: BTreeSet<&str> = steps.iter().map(|s| s.release.version.as_str()).collect();
    let mut known: BTreeSet<(String, String)> = BTreeSet::new();
    for batch in versions.into_iter().collect::<Vec<_>>().chunks(BATCH) {
        let query = Entity::find()
            .filter(Column::Mount.eq(mount))
            .filter(Column::Name.eq(name))
            .filter(Column::Version.is_in(batch.iter().copied()));
        known.extend(query.all(db).await?.into_iter().map(|row| (row.version, row.file)));
    }
    let pair = |step: &Listed| (step.release.version.to_string(), step.file.to_string());
    let new: Vec<_> = steps.iter().map(pair).filter(|step| !known.contains(step)).collect();
    // What an address stands for never changes: only names move.
    let before = |version: &String| {
        version.parse::<Digest>().is_err() && known.iter().any(|(known, _)| known == version)
    };
    let any = !new.is_empty();
    Ok(New { any, moved: new.into_iter().filter(|(version, _)| before(version)).collect() })
}

async fn insert_files(
    db: &DatabaseTransaction,
    mount: &str,
    files: &[Listed],
    at: Timestamp,
) -> std::result::Result<(), DbErr> {
    // One statement must not meet a row twice, and all gateways lock rows in one order.
    let files: BTreeMap<_, _> =
        files.iter().map(|file| ((&file.release, &file.file), file)).collect();
    let files: Vec<_> = files.into_values().collect();
    let row = |file: &&Listed| ActiveModel {
        mount: ActiveValue::Set(mount.to_owned()),
        name: ActiveValue::Set(file.release.name.as_str().to_owned()),
        version: ActiveValue::Set(file.release.version.as_str().to_owned()),
        file: ActiveValue::Set(file.file.to_string()),
        recorded_at: ActiveValue::Set(at.as_millis()),
        digest: ActiveValue::Set(file.digest.as_ref().map(ToString::to_string)),
        published: ActiveValue::Set(file.published.map(Timestamp::as_millis)),
    };
    let conflict = newest_wins();
    for batch in files.chunks(BATCH) {
        let insert = Entity::insert_many(batch.iter().map(row));
        insert.on_conflict(conflict.clone()).exec_without_returning(db).await?;
    }
    Ok(())
}

fn newest_wins() -> OnConflict {
    let mut conflict =
        OnConflict::columns([Column::Mount, Column::Name, Column::Version, Column::File]);
    conflict.update_column(Column::RecordedAt);
    conflict.values([(Column::Digest, kept("digest")), (Column::Published, kept("published"))]);
    conflict
}

/// The new value where there is one, else the old one: both databases call the row that could not
/// be inserted `excluded`.
fn kept(column: &'static str) -> sea_orm::sea_query::Expr {
    sea_orm::sea_query::Expr::cust(format!("COALESCE(excluded.{column}, listed_files.{column})"))
}
