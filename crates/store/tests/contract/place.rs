//! A fresh database for one test, and a way around the store to break things in it.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use store::{Settings, Store};
use uuid::Uuid;

/// A database of its own; on `SQLite` it is gone when dropped, on Postgres with the server of the tests.
pub struct Place {
    /// The store on it.
    pub store: Store,
    /// How it was opened.
    pub settings: Settings,
    raw: DatabaseConnection,
    _dir: Option<tempfile::TempDir>,
}

impl Place {
    /// On `SQLite`, in a temporary folder.
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings::from(dir.path());
        let store = Store::open(settings.clone()).await.expect("the store opens");
        let raw = raw_sqlite(dir.path()).await;
        Self { store, settings, raw, _dir: Some(dir) }
    }

    /// On the Postgres server of the tests: the tables belong to one user, and the store works as another.
    pub async fn postgres() -> Self {
        let name = new_database().await;
        let settings = server(&name, "PLANNER_TEST_PG_APP", Some("PLANNER_TEST_PG_OWNER"));
        let store = Store::open(settings.clone()).await.expect("the store opens");
        let raw = Database::connect(address("PLANNER_TEST_PG_ADMIN", &name)).await.expect("a connection");
        Self { store, settings, raw, _dir: None }
    }

    /// Changes rows behind the store's back.
    pub async fn tamper(&self, sql: &str) {
        let done = self.raw.execute_unprepared(sql).await.expect(sql);
        assert!(done.rows_affected() > 0, "changed nothing: {sql}");
    }

    /// Every table that says whose its rows are, as the database knows them.
    pub async fn tables_with_owner(&self) -> Vec<String> {
        let (backend, asked) = if self.store.is_shared() {
            (
                DbBackend::Postgres,
                "SELECT table_name::text AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'owner_id'",
            )
        } else {
            (
                DbBackend::Sqlite,
                "SELECT m.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND c.name = 'owner_id'",
            )
        };
        let rows = self.raw.query_all_raw(Statement::from_string(backend, asked)).await.expect("asks");
        rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect()
    }

    /// A connection that no wall holds.
    pub const fn raw(&self) -> &DatabaseConnection {
        &self.raw
    }
}

/// Settings for a database of the test server, for the users whose addresses these variables have.
pub fn server(database: &str, user: &str, owner: Option<&str>) -> Settings {
    let url = address(user, database).into();
    let owner = owner.map(|owner| address(owner, database).into());
    Settings { connections: 5, ..Settings::at(store::Place::Server { url, owner }) }
}

/// An address out of the environment, with another database.
pub fn address(variable: &str, database: &str) -> String {
    let url =
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `make test`, or eval \"$(make -s services)\" first"));
    let (server, _) = url.rsplit_once('/').expect("an address with a database");
    format!("{server}/{database}")
}

/// A new, empty database that belongs to the owner of tables.
pub async fn new_database() -> String {
    let name = format!("test_{}", Uuid::new_v4().simple());
    let admin = Database::connect(address("PLANNER_TEST_PG_ADMIN", "postgres")).await.expect("the test server");
    let create = Statement::from_string(DbBackend::Postgres, format!("CREATE DATABASE {name} OWNER planner_owner"));
    admin.execute_raw(create).await.expect("a database");
    name
}

/// A connection to the database of a folder, without the store.
pub async fn raw_sqlite(dir: &std::path::Path) -> DatabaseConnection {
    Database::connect(format!("sqlite://{}", dir.join("planner.db").display())).await.expect("a connection")
}
