//! The last refusals, for the people who ask why.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use weir_core::Timestamp;

use crate::entity::refusal::{ActiveModel, Column, Entity, Model};
use crate::{BATCH, Catalog, Result};

/// How many refusals are kept.
const KEPT: i64 = 10_000;

/// Something that was refused, once or several times in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When, the last time.
    pub at: Timestamp,
    /// The mount.
    pub mount: String,
    /// The package URL, when the request named a package.
    pub purl: Option<String>,
    /// The stable word of [`weir_core::Code`].
    pub code: String,
    /// The rule.
    pub rule: Option<String>,
    /// The sentence that the client got.
    pub sentence: String,
    /// How often.
    pub count: u64,
}

impl Catalog {
    /// Adds refusals, oldest first. Of all that were ever added, about the last 10,000 are kept.
    pub async fn record_refusals(&self, refusals: &[Refusal]) -> Result<()> {
        self.write("record refusals", async |db| {
            for batch in refusals.chunks(BATCH) {
                Entity::insert_many(batch.iter().map(model)).exec_without_returning(db).await?;
            }
            let newest = Entity::find().order_by_desc(Column::Id).one(db).await?;
            if let Some(newest) = newest {
                let old = Column::Id.lte(newest.id - KEPT);
                Entity::delete_many().filter(old).exec(db).await?;
            }
            Ok(())
        })
        .await
    }

    /// The last refusals, newest first.
    pub async fn recent_refusals(&self, limit: u64) -> Result<Vec<Refusal>> {
        let found = Entity::find().order_by_desc(Column::Id).limit(limit).all(&self.db).await;
        let models = found.map_err(|error| self.fail("look up refusals", error))?;
        Ok(models.into_iter().map(refusal).collect())
    }
}

fn model(refusal: &Refusal) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::NotSet,
        at: ActiveValue::Set(refusal.at.as_millis()),
        mount: ActiveValue::Set(refusal.mount.clone()),
        purl: ActiveValue::Set(refusal.purl.clone()),
        code: ActiveValue::Set(refusal.code.clone()),
        rule: ActiveValue::Set(refusal.rule.clone()),
        sentence: ActiveValue::Set(refusal.sentence.clone()),
        count: ActiveValue::Set(refusal.count as i64),
    }
}

fn refusal(model: Model) -> Refusal {
    Refusal {
        at: Timestamp::from_millis(model.at),
        mount: model.mount,
        purl: model.purl,
        code: model.code,
        rule: model.rule,
        sentence: model.sentence,
        count: model.count as u64,
    }
}
