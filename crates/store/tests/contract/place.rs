//! A fresh database for one test, and a way around the store to break things in it.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use store::Store;

/// A database of its own; gone when dropped.
pub struct Place {
    /// The store on it.
    pub store: Store,
    raw: DatabaseConnection,
    _dir: tempfile::TempDir,
}

impl Place {
    /// On `SQLite`, in a temporary folder.
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(dir.path()).await.expect("the store opens");
        let raw = raw_sqlite(dir.path()).await;
        Self { store, raw, _dir: dir }
    }

    /// Changes rows behind the store's back.
    pub async fn tamper(&self, sql: &str) {
        let done = self.raw.execute_unprepared(sql).await.expect(sql);
        assert!(done.rows_affected() > 0, "changed nothing: {sql}");
    }
}

/// A connection to the database of a folder, without the store.
pub async fn raw_sqlite(dir: &std::path::Path) -> DatabaseConnection {
    Database::connect(format!("sqlite://{}", dir.join("planner.db").display())).await.expect("a connection")
}
