//! Fetched documents.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "documents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub mount: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub scope: String,
    pub state: String,
    pub headers: String,
    pub url: String,
    pub status: i64,
    pub size: i64,
    pub fetched_at: i64,
    pub validated_at: i64,
    pub digest: Option<String>,
    pub media: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub storage_key: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
