//! The catalogue on SQLite, and on Postgres when `WEIR_TEST_POSTGRES_URL` names a server.

mod behaviour;
mod database;
mod faults;
