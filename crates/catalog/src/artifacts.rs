//! Stored files.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use weir_core::{Digest, Role, Timestamp};

use crate::entity::artifact::{Column, Entity, Model};
use crate::{Catalog, CatalogError, Result};

/// A file that is in the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// The mount below which it is served; with `path`, its identity.
    pub mount: String,
    /// The canonical path of its target below the mount.
    pub path: String,
    /// The ecosystem's id.
    pub ecosystem: String,
    /// Canonical package name.
    pub name: String,
    /// Canonical version.
    pub version: String,
    /// The file's name.
    pub file: String,
    /// Its key in the storage.
    pub storage_key: String,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// The digest that the registry promised.
    pub promised: Option<Digest>,
    /// Digests of its bytes in algorithms besides SHA-256, where clients of its ecosystem want them.
    pub digests: Vec<Digest>,
    /// The media type that upstream gave.
    pub media: Option<String>,
    /// When the registry made the release available.
    pub available: Option<Timestamp>,
    /// When its author says that it was made.
    pub authored: Option<Timestamp>,
    /// When this gateway first saw it in a listing.
    pub first_seen: Option<Timestamp>,
    /// What it is to a client.
    pub role: Role,
    /// Whether it can be fetched again.
    pub kind: Kind,
    /// The host that it came from.
    pub source_host: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last served.
    pub last_used_at: Timestamp,
    /// How often it was served.
    pub hits: u64,
}

/// Whether a file can be fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A copy of what a registry has; may be evicted.
    Cached,
    /// Uploaded here; never evicted.
    Owned,
}

/// Uses of a file since the last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits {
    /// The mount.
    pub mount: String,
    /// The path.
    pub path: String,
    /// How many.
    pub count: u64,
    /// The last of them.
    pub last_used: Timestamp,
}

impl Catalog {
    /// The file at a path.
    pub async fn artifact(&self, mount: &str, path: &str) -> Result<Option<ArtifactRow>> {
        let key = (mount.to_owned(), path.to_owned());
        let found = Entity::find_by_id(key).one(&self.db).await;
        found
            .map_err(|error| self.fail("look up a file", error))?
            .map(|model| self.artifact_row(model))
            .transpose()
    }

    /// Records a file. The record of an earlier one at the same path is replaced, its hits stay.
    pub async fn put_artifact(&self, row: &ArtifactRow) -> Result<()> {
        let model = model(row);
        let mut conflict = OnConflict::columns([Column::Mount, Column::Path]);
        conflict.update_columns(REPLACED);
        self.write("record a file", async |db| {
            let insert = Entity::insert(model.into_active_model()).on_conflict(conflict);
            insert.exec_without_returning(db).await.map(|_| ())
        })
        .await
    }

    /// Removes the record of a file that was stored at this instant; false when there is none. One
    /// that was stored since stays.
    pub async fn forget_artifact(
        &self,
        mount: &str,
        path: &str,
        stored_at: Timestamp,
    ) -> Result<bool> {
        let key = (mount.to_owned(), path.to_owned());
        self.write("forget a file", async |db| {
            let delete = Entity::delete_by_id(key);
            let delete = delete.filter(Column::CreatedAt.eq(stored_at.as_millis()));
            Ok(delete.exec(db).await?.rows_affected > 0)
        })
        .await
    }

    /// Adds uses, all in one transaction. Files without a record are passed over.
    pub async fn count_hits(&self, hits: &[Hits]) -> Result<()> {
        // One order for all: two gateways that lock the same rows never wait for each other.
        let mut hits: Vec<&Hits> = hits.iter().collect();
        hits.sort_by(|a, b| (&a.mount, &a.path).cmp(&(&b.mount, &b.path)));
        self.write("count uses", async |db| {
            for hit in hits {
                let at = hit.last_used.as_millis();
                let later = Expr::case(Expr::col(Column::LastUsedAt).lt(at), at)
                    .finally(Expr::col(Column::LastUsedAt));
                Entity::update_many()
                    .col_expr(Column::Hits, Expr::col(Column::Hits).add(hit.count as i64))
                    .col_expr(Column::LastUsedAt, later.into())
                    .filter(Column::Mount.eq(&hit.mount))
                    .filter(Column::Path.eq(&hit.path))
                    .exec(db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// All files of a package, by path.
    pub async fn artifacts_of(&self, mount: &str, name: &str) -> Result<Vec<ArtifactRow>> {
        let query = Entity::find()
            .filter(Column::Mount.eq(mount))
            .filter(Column::Name.eq(name))
            .order_by_asc(Column::Path);
        let found = query.all(&self.db).await;
        self.artifact_rows(found.map_err(|error| self.fail("look up a package's files", error))?)
    }

    /// The cached files that have not been used for longest, oldest first: what eviction looks at.
    /// With `before`, only those last used before that instant.
    pub async fn least_recently_used(
        &self,
        before: Option<Timestamp>,
        limit: u64,
    ) -> Result<Vec<ArtifactRow>> {
        let mut query = Entity::find().filter(Column::Kind.eq(Kind::Cached.as_str()));
        if let Some(before) = before {
            query = query.filter(Column::LastUsedAt.lt(before.as_millis()));
        }
        let query = query.order_by_asc(Column::LastUsedAt).limit(limit);
        let found = query.all(&self.db).await;
        self.artifact_rows(found.map_err(|error| self.fail("look for unused files", error))?)
    }

    /// A record that names this object of the storage, if there is one.
    pub async fn artifact_with_key(&self, storage_key: &str) -> Result<Option<ArtifactRow>> {
        let query = Entity::find()
            .filter(Column::StorageKey.eq(storage_key))
            .order_by_desc(Column::LastUsedAt);
        let found = query.one(&self.db).await;
        let model = found.map_err(|error| self.fail("look for an object's record", error))?;
        model.map(|model| self.artifact_row(model)).transpose()
    }

    /// How many records name this object of the storage: one that none names can be deleted.
    pub async fn users_of(&self, storage_key: &str) -> Result<u64> {
        let query = Entity::find().filter(Column::StorageKey.eq(storage_key));
        query.count(&self.db).await.map_err(|error| self.fail("look for users of an object", error))
    }

    pub(crate) fn artifact_rows(&self, models: Vec<Model>) -> Result<Vec<ArtifactRow>> {
        models.into_iter().map(|model| self.artifact_row(model)).collect()
    }

    fn artifact_row(&self, model: Model) -> Result<ArtifactRow> {
        Ok(ArtifactRow {
            sha256: self.digest("artifacts.sha256", &model.sha256)?,
            promised: self.optional_digest("artifacts.promised", model.promised.as_deref())?,
            digests: self.digests("artifacts.digests", model.digests.as_deref())?,
            role: role(&model.role)
                .ok_or_else(|| self.unreadable("artifacts.role", &model.role))?,
            kind: Kind::read(&model.kind)
                .ok_or_else(|| self.unreadable("artifacts.kind", &model.kind))?,
            mount: model.mount,
            path: model.path,
            ecosystem: model.ecosystem,
            name: model.name,
            version: model.version,
            file: model.file,
            storage_key: model.storage_key,
            size: model.size as u64,
            media: model.media,
            available: model.available.map(Timestamp::from_millis),
            authored: model.authored.map(Timestamp::from_millis),
            first_seen: model.first_seen.map(Timestamp::from_millis),
            source_host: model.source_host,
            created_at: Timestamp::from_millis(model.created_at),
            last_used_at: Timestamp::from_millis(model.last_used_at),
            hits: model.hits as u64,
        })
    }

    pub(crate) fn digest(&self, column: &str, text: &str) -> Result<Digest> {
        text.parse().map_err(|_| self.unreadable(column, text))
    }

    fn digests(&self, column: &str, text: Option<&str>) -> Result<Vec<Digest>> {
        text.unwrap_or_default()
            .split(' ')
            .filter(|t| !t.is_empty())
            .map(|t| self.digest(column, t))
            .collect()
    }

    pub(crate) fn optional_digest(
        &self,
        column: &str,
        text: Option<&str>,
    ) -> Result<Option<Digest>> {
        text.map(|text| self.digest(column, text)).transpose()
    }

    pub(crate) fn unreadable(&self, column: &str, value: &str) -> CatalogError {
        CatalogError::Unreadable {
            place: self.place.to_string(),
            what: format!("{column} = {value:?}"),
        }
    }
}

/// The columns that a new record replaces: all but the key and the hits.
const REPLACED: [Column; 18] = [
    Column::Ecosystem,
    Column::Name,
    Column::Version,
    Column::File,
    Column::StorageKey,
    Column::Sha256,
    Column::Role,
    Column::Kind,
    Column::Size,
    Column::CreatedAt,
    Column::LastUsedAt,
    Column::Promised,
    Column::Digests,
    Column::Media,
    Column::SourceHost,
    Column::Available,
    Column::Authored,
    Column::FirstSeen,
];

fn model(row: &ArtifactRow) -> Model {
    Model {
        mount: row.mount.clone(),
        path: row.path.clone(),
        ecosystem: row.ecosystem.clone(),
        name: row.name.clone(),
        version: row.version.clone(),
        file: row.file.clone(),
        storage_key: row.storage_key.clone(),
        sha256: row.sha256.to_string(),
        role: role_text(row.role).to_owned(),
        kind: row.kind.as_str().to_owned(),
        size: row.size as i64,
        created_at: row.created_at.as_millis(),
        last_used_at: row.last_used_at.as_millis(),
        hits: row.hits as i64,
        promised: row.promised.as_ref().map(ToString::to_string),
        digests: (!row.digests.is_empty()).then(|| joined(&row.digests)),
        media: row.media.clone(),
        source_host: row.source_host.clone(),
        available: row.available.map(Timestamp::as_millis),
        authored: row.authored.map(Timestamp::as_millis),
        first_seen: row.first_seen.map(Timestamp::as_millis),
    }
}

fn joined(digests: &[Digest]) -> String {
    let texts: Vec<String> = digests.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Package => "package",
        Role::Resolution => "resolution",
    }
}

fn role(text: &str) -> Option<Role> {
    [Role::Package, Role::Resolution].into_iter().find(|role| role_text(*role) == text)
}

impl Kind {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Owned => "owned",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Cached, Self::Owned].into_iter().find(|kind| kind.as_str() == text)
    }
}
