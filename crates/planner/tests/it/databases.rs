//! Fresh databases on the Postgres server of the tests.

use std::process::Command;

/// One database for two users.
#[derive(Debug, Clone)]
pub struct Urls {
    /// As the program works.
    pub app: String,
    /// As the owner of the tables.
    pub owner: String,
}

/// A new, empty database.
pub async fn fresh() -> Urls {
    let name = format!("story_{}", uuid::Uuid::new_v4().simple());
    let psql = std::path::Path::new(&variable("PLANNER_TEST_PG_BIN")).join("psql");
    let create = format!("CREATE DATABASE {name} OWNER planner_owner");
    let made = Command::new(psql).args([&variable("PLANNER_TEST_PG_ADMIN"), "-qc", &create]).output().expect("psql runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Urls { app: address("PLANNER_TEST_PG_APP", &name), owner: address("PLANNER_TEST_PG_OWNER", &name) }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or eval \"$(make -s services)\" first"))
}

fn address(name: &str, database: &str) -> String {
    let url = variable(name);
    let (server, _) = url.rsplit_once('/').expect("an address with a database");
    format!("{server}/{database}")
}
