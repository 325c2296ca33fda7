//! When a package was first asked for, and what has appeared in its listings since.
//!
//! What was there at the first contact may be as old as it likes; only what appears later is known
//! to be new. Losing these rows means beginning again. What a listing named last is kept here too, in
//! the form of its caller: the listing itself may be evicted, rot, or be away for a day.

use std::collections::BTreeMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use weir_core::Timestamp;

use crate::entity::{contact, first_seen, outline};
use crate::{BATCH, Catalog, Result};

/// A version or file that appeared in a listing after the first contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// Canonical version.
    pub version: String,
    /// The file's name; empty where the listing names no files.
    pub file: String,
    /// When it was first seen.
    pub at: Timestamp,
}

/// What a listing shows beside the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights {
    /// The package or index.
    pub scope: String,
    /// Pairs of version and file (maybe empty) that are new, by package.
    pub fresh: BTreeMap<String, Vec<(String, String)>>,
    /// What it names, where that is to be remembered.
    pub outline: Option<Vec<u8>>,
}

impl Catalog {
    /// When a scope was first asked for.
    pub async fn contact(&self, mount: &str, scope: &str) -> Result<Option<Timestamp>> {
        let key = (mount.to_owned(), scope.to_owned());
        let found = contact::Entity::find_by_id(key).one(&self.db).await;
        let model = found.map_err(|error| self.fail("look up a first contact", error))?;
        Ok(model.map(|model| Timestamp::from_millis(model.at)))
    }

    /// What the listing of a scope named last, as [`Catalog::record_sights`] was told.
    pub async fn outline(&self, mount: &str, scope: &str) -> Result<Option<Vec<u8>>> {
        let key = (mount.to_owned(), scope.to_owned());
        let found = outline::Entity::find_by_id(key).one(&self.db).await;
        let model = found.map_err(|error| self.fail("look up what a listing named", error))?;
        Ok(model.map(|model| model.entries))
    }

    /// Remembers what the listing of a scope names, unless that is known.
    pub async fn begin_outline(&self, mount: &str, scope: &str, entries: Vec<u8>) -> Result<()> {
        let row = outline_row(mount, scope, entries);
        let mut conflict = of_outline();
        conflict.do_nothing();
        self.write("record what a listing names", async |db| {
            let insert = outline::Entity::insert(row).on_conflict(conflict);
            insert.exec_without_returning(db).await.map(|_| ())
        })
        .await
    }

    /// Records what a new listing shows, the contact with it included. The first record of a sight
    /// and of a contact stands.
    ///
    /// All of it in one transaction: with the outline alone, what is new would count as old for good
    /// after a crash.
    pub async fn record_sights(&self, mount: &str, sights: &Sights, at: Timestamp) -> Result<()> {
        let Sights { scope, fresh, outline: named } = sights;
        self.write("record first sights", async |db| {
            insert_contact(db, mount, scope, at).await?;
            for (name, seen) in fresh {
                let seen: Vec<(&str, &str)> = seen.iter().map(|(v, f)| (&**v, &**f)).collect();
                insert_first_seen(db, mount, name, &seen, at).await?;
            }
            let Some(named) = named else { return Ok(()) };
            let mut conflict = of_outline();
            conflict.update_column(outline::Column::Entries);
            let insert = outline::Entity::insert(outline_row(mount, scope, named.clone()));
            insert.on_conflict(conflict).exec_without_returning(db).await.map(|_| ())
        })
        .await
    }

    /// What has appeared of a package since the first contact.
    pub async fn first_seen(&self, mount: &str, name: &str) -> Result<Vec<FirstSeen>> {
        use first_seen::Column;
        let query = first_seen::Entity::find()
            .filter(Column::Mount.eq(mount))
            .filter(Column::Name.eq(name))
            .order_by_asc(Column::At)
            .order_by_asc(Column::Version)
            .order_by_asc(Column::File);
        let found = query.all(&self.db).await;
        let models = found.map_err(|error| self.fail("look up first sights", error))?;
        let read = |model: first_seen::Model| FirstSeen {
            version: model.version,
            file: model.file,
            at: Timestamp::from_millis(model.at),
        };
        Ok(models.into_iter().map(read).collect())
    }

    /// What has appeared of all packages of a mount since their first contact, with their names.
    pub async fn all_first_seen(&self, mount: &str) -> Result<Vec<(String, FirstSeen)>> {
        use first_seen::Column;
        let query = first_seen::Entity::find().filter(Column::Mount.eq(mount));
        let found = query.all(&self.db).await;
        let models = found.map_err(|error| self.fail("look up first sights", error))?;
        let read = |model: first_seen::Model| {
            let at = Timestamp::from_millis(model.at);
            (model.name, FirstSeen { version: model.version, file: model.file, at })
        };
        Ok(models.into_iter().map(read).collect())
    }

    /// Records pairs of version and file (maybe empty) as first seen at this instant, in one
    /// transaction. For each, the first record stands.
    pub async fn record_first_seen(
        &self,
        mount: &str,
        name: &str,
        seen: &[(&str, &str)],
        at: Timestamp,
    ) -> Result<()> {
        let insert = async |db: &_| insert_first_seen(db, mount, name, seen, at).await;
        self.write("record first sights", insert).await
    }
}

fn of_outline() -> OnConflict {
    OnConflict::columns([outline::Column::Mount, outline::Column::Scope])
}

fn outline_row(mount: &str, scope: &str, entries: Vec<u8>) -> outline::ActiveModel {
    outline::ActiveModel {
        mount: ActiveValue::Set(mount.to_owned()),
        scope: ActiveValue::Set(scope.to_owned()),
        entries: ActiveValue::Set(entries),
    }
}

/// A first contact, unless there is one.
pub(crate) async fn insert_contact(
    db: &DatabaseTransaction,
    mount: &str,
    scope: &str,
    at: Timestamp,
) -> std::result::Result<(), DbErr> {
    let row = contact::ActiveModel {
        mount: ActiveValue::Set(mount.to_owned()),
        scope: ActiveValue::Set(scope.to_owned()),
        at: ActiveValue::Set(at.as_millis()),
    };
    let mut conflict = OnConflict::columns([contact::Column::Mount, contact::Column::Scope]);
    conflict.do_nothing();
    let insert = contact::Entity::insert(row).on_conflict(conflict);
    insert.exec_without_returning(db).await.map(|_| ())
}

/// First sights of versions and files, unless there are earlier ones.
pub(crate) async fn insert_first_seen(
    db: &DatabaseTransaction,
    mount: &str,
    name: &str,
    seen: &[(&str, &str)],
    at: Timestamp,
) -> std::result::Result<(), DbErr> {
    use first_seen::Column;
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    let row = |(version, file): &(&str, &str)| first_seen::ActiveModel {
        mount: ActiveValue::Set(mount.to_owned()),
        name: ActiveValue::Set(name.to_owned()),
        version: ActiveValue::Set((*version).to_owned()),
        file: ActiveValue::Set((*file).to_owned()),
        at: ActiveValue::Set(at.as_millis()),
    };
    let mut conflict =
        OnConflict::columns([Column::Mount, Column::Name, Column::Version, Column::File]);
    conflict.do_nothing();
    for batch in seen.chunks(BATCH) {
        let insert = first_seen::Entity::insert_many(batch.iter().map(row));
        insert.on_conflict(conflict.clone()).exec_without_returning(db).await?;
    }
    Ok(())
}
