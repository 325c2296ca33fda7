//! What a listing last named.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outlines")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub mount: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    pub entries: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
