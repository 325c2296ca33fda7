//! Stored files.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "artifacts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub mount: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub ecosystem: String,
    pub name: String,
    pub version: String,
    pub file: String,
    pub storage_key: String,
    pub sha256: String,
    pub role: String,
    pub kind: String,
    pub size: i64,
    pub created_at: i64,
    pub last_used_at: i64,
    pub hits: i64,
    pub promised: Option<String>,
    pub digests: Option<String>,
    pub media: Option<String>,
    pub source_host: Option<String>,
    pub available: Option<i64>,
    pub authored: Option<i64>,
    pub first_seen: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
