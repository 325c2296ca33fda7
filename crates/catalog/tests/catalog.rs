//! The catalogue on SQLite, and on Postgres when `WEIR_TEST_POSTGRES_URL` names a server.

#[path = "catalog/behaviour.rs"]
mod behaviour;
#[path = "catalog/database.rs"]
mod database;
#[path = "catalog/faults.rs"]
mod faults;
