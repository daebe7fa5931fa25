//! Fresh databases on the Postgres server of the tests.

use std::process::Command;
use tempfile::TempDir;

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

/// A pair of servers of its own, for a story in which they go away. Ended when dropped.
pub struct Servers {
    dir: TempDir,
    lines: String,
}

impl Servers {
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a folder");
        let place = dir.path().join("services");
        let started = Command::new(script()).arg("start").arg(&place).env("PLANNER_SERVICES_QUIET", "1").output().expect("the script runs");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { dir, lines: String::from_utf8_lossy(&started.stdout).into_owned() }
    }

    /// What the script says a variable is.
    pub fn variable(&self, name: &str) -> String {
        let line = self.lines.lines().find_map(|line| line.strip_prefix(&format!("export {name}="))).expect("the variable");
        line.trim_matches('\'').to_owned()
    }

    /// Has one of the two `start`, `stop`, `restart` or `crash`.
    pub async fn tell(&self, server: &str, what: &'static str) {
        let control = self.variable(server);
        let told = tokio::task::spawn_blocking(move || Command::new(control).arg(what).output().expect("runs")).await.expect("joined");
        assert!(told.status.success(), "{what}: {}", String::from_utf8_lossy(&told.stderr));
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let stopped = Command::new(script()).arg("stop").arg(self.dir.path().join("services")).output();
        assert!(stopped.is_ok_and(|stopped| stopped.status.success()) || std::thread::panicking(), "the servers do not stop");
    }
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/services.sh")
}

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or eval \"$(make -s services)\" first"))
}

fn address(name: &str, database: &str) -> String {
    let url = variable(name);
    let (server, _) = url.rsplit_once('/').expect("an address with a database");
    format!("{server}/{database}")
}
