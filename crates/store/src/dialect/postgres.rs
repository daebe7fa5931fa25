//! A database on a Postgres server.
//!
//! The program acts as the role [`ROLE`], which owns no table, in every transaction: row-level security then holds whichever user
//! it signed in as. Everything is set for one transaction only, so that a pooler may hand the connection on afterwards.

use super::{Access, Database, Engine, Kind, Scope};
use crate::errors::{Error, Result};
use crate::measures::Measures;
use crate::settings::Settings;
use sea_orm::TransactionTrait as _;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgListener};
use sea_orm::sqlx::{Connection as _, Executor as _};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqlxError, Statement,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The role the program acts as.
pub(super) const ROLE: &str = "planner_app";

/// Where new jobs are announced.
const CHANNEL: &str = "planner_jobs";

/// Any number that no other program of the same database takes as its advisory lock.
const SCHEMA_LOCK: i64 = 0x706c_616e_6e65_7201;

/// Connects, or says which part of the address is wrong.
pub(super) async fn open(url: &SecretString, settings: &Settings, connections: u32, measures: &Arc<Measures>) -> Result<Database> {
    let address = parse(url.expose_secret())?;
    // A pool tries until its time is up; one plain attempt says what is wrong.
    let attempt = tokio::time::timeout(settings.patience, PgConnection::connect(url.expose_secret())).await;
    let attempt = attempt.unwrap_or(Err(SqlxError::PoolTimedOut));
    attempt.map_err(|fault| unreachable(&address, &DbErr::Conn(RuntimeErr::SqlxError(Arc::new(fault)))))?.close().await.ok();
    let mut options = ConnectOptions::new(url.expose_secret());
    let prepared = settings.prepared_statements;
    options
        .max_connections(connections.max(2))
        .acquire_timeout(settings.patience)
        .connect_timeout(settings.patience)
        .idle_timeout(Duration::from_mins(5))
        .max_lifetime(Duration::from_mins(30))
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |options| {
            let options = options.application_name("planner");
            if prepared { options } else { options.statement_cache_capacity(0) }
        })
        .map_sqlx_postgres_pool_opts(|pool| {
            // Harmless outside of a transaction; inside of one that was given up it frees the connection and its locks.
            // Said a thousand times a minute, "there is no transaction in progress" is no news.
            let pool = pool.after_connect(|connection, _| {
                Box::pin(async move { connection.execute(sea_orm::sqlx::raw_sql("SET client_min_messages = error")).await.map(drop) })
            });
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    connection.execute(sea_orm::sqlx::raw_sql("ROLLBACK")).await?;
                    Ok(true)
                })
            })
        });
    let mut pool = sea_orm::Database::connect(options).await.map_err(|fault| unreachable(&address, &fault))?;
    measures.watch(&mut pool);
    Ok(Database { pool, engine: Engine::Postgres { statement_timeout: settings.statement_timeout }, patience: settings.patience })
}

/// What a transaction begins with, in one round trip.
pub(super) fn preamble(scope: Scope, access: Access, statement_timeout: Duration) -> String {
    let reading = match access {
        Access::Read => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ",
        Access::Write => "",
    };
    let acting = match scope {
        Scope::Tenant(owner) => format!("SET LOCAL ROLE {ROLE}; SET LOCAL app.tenant_id = '{}'; ", owner.0),
        Scope::Program => format!("SET LOCAL ROLE {ROLE}; SET LOCAL app.program = 'on'; "),
        Scope::Erasing(owner) => {
            format!("SET LOCAL ROLE {ROLE}; SET LOCAL app.tenant_id = '{}'; SET LOCAL app.program = 'on'; ", owner.0)
        }
        Scope::Owner => String::new(),
    };
    // Changing or copying tables may take long; nobody waits for it.
    let patience = if scope == Scope::Owner { 0 } else { statement_timeout.as_millis() };
    format!(
        "{reading}{acting}SET LOCAL statement_timeout = {patience}; SET LOCAL idle_in_transaction_session_timeout = 60000; \
         SET LOCAL hnsw.iterative_scan = strict_order"
    )
}

pub(super) async fn lock_schema(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")).await.map(drop)
}

/// Acts as the role once, which says more than any question about memberships.
pub(super) async fn check_role(pool: &DatabaseConnection) -> Result<()> {
    let tx = pool.begin().await?;
    let acted = tx.execute_unprepared(&format!("SET LOCAL ROLE {ROLE}")).await;
    tx.rollback().await?;
    let Err(fault) = acted else { return Ok(()) };
    if super::kind(&fault) == Kind::Busy {
        return Err(fault.into());
    }
    let user = current_user(pool).await?;
    Err(Error::Server {
        part: "user",
        reason: format!("{user} may not act as the role {ROLE}; the owner of the database can run: GRANT {ROLE} TO \"{user}\""),
    })
}

/// Refuses a user who does not own the tables: row-level security would show them empty.
pub(super) async fn check_owner(pool: &DatabaseConnection) -> Result<()> {
    let asked = "SELECT count(*) AS foreign_tables FROM pg_tables WHERE schemaname = current_schema()
                 AND NOT pg_has_role(current_user, tableowner, 'USAGE')";
    let row = pool.query_one_raw(Statement::from_string(DbBackend::Postgres, asked)).await?;
    let count: i64 = row.map(|row| row.try_get("", "foreign_tables")).transpose()?.unwrap_or_default();
    if count == 0 {
        return Ok(());
    }
    let user = current_user(pool).await?;
    Err(Error::Server { part: "user", reason: format!("{user} does not own the tables and cannot copy them; set DATABASE_OWNER_URL") })
}

async fn current_user(pool: &DatabaseConnection) -> Result<String> {
    let row = pool.query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT current_user::text AS name")).await?;
    Ok(row.map(|row| row.try_get("", "name")).transpose()?.unwrap_or_default())
}

pub(super) async fn announce_jobs(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared(&format!("NOTIFY {CHANNEL}")).await.map(drop)
}

/// A connection of its own that listens; it connects anew by itself when the server was away, and rings then too, because it
/// may have missed something.
pub(super) async fn hear_jobs(pool: &DatabaseConnection, bell: Arc<Notify>) -> Result<impl Future<Output = ()> + Send + use<>> {
    let driver = |fault| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(fault)));
    let pool = pool.get_postgres_connection_pool().clone();
    let mut listener = PgListener::connect_with(&pool).await.map_err(driver)?;
    listener.listen(CHANNEL).await.map_err(driver)?;
    Ok(async move {
        loop {
            if let Err(error) = listener.try_recv().await {
                tracing::debug!(%error, "the database is away; jobs are looked for every second meanwhile");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            bell.notify_waiters();
        }
    })
}

/// The role the program acts as, its rights on everything that is and will be made, and vectors.
pub(super) async fn prepare<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    let role = format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
             BEGIN
               CREATE ROLE {ROLE} NOLOGIN NOBYPASSRLS;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
             END;
           END IF;
           -- Who makes a role is a member, but since version 16 may not act as it until this is said.
           IF current_user <> '{ROLE}' THEN
             BEGIN
               EXECUTE format('GRANT {ROLE} TO %I', current_user);
             EXCEPTION WHEN insufficient_privilege THEN NULL;
             END;
           END IF;
         END $$"
    );
    for statement in [
        role.as_str(),
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN CREATE EXTENSION vector; END IF; END $$",
        "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO planner_app', current_schema()); END $$",
        "DO $$ BEGIN EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO planner_app', current_schema()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO planner_app', current_schema()); END $$",
        "REVOKE INSERT, UPDATE, DELETE ON seaql_migrations FROM planner_app",
    ] {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}

pub(super) async fn add_vectors<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    let statements = "ALTER TABLE embeddings ADD COLUMN embedding vector(384);
         CREATE INDEX embeddings_by_meaning ON embeddings USING hnsw (embedding vector_cosine_ops)";
    connection.execute_unprepared(statements).await.map(drop)
}

pub(super) fn vector(numbers: &[f32]) -> SimpleExpr {
    let text: Vec<String> = numbers.iter().map(f32::to_string).collect();
    Expr::cust_with_values("$1::vector", [format!("[{}]", text.join(","))])
}

pub(super) fn distance(numbers: &[f32]) -> SimpleExpr {
    Expr::cust_with_exprs("$1 <=> $2", [Expr::col("embedding"), vector(numbers)])
}

pub(super) fn vector_as_text() -> SimpleExpr {
    Expr::cust("embedding::text")
}

/// SQLSTATE, by class and code (`PostgreSQL` manual, appendix A).
pub(super) fn kind(code: &str) -> Kind {
    match code {
        // Serialisation, deadlock, lock not to be had, statement timed out, too many connections, read-only standby.
        "40001" | "40P01" | "55P03" | "57014" | "53300" => Kind::Busy,
        "53100" => Kind::Full,
        "25006" => Kind::ReadOnly,
        "42501" => Kind::Forbidden,
        "42P01" => Kind::NoTable,
        // The server is shutting down, starting up or gone.
        code if code.starts_with("57P") || code.starts_with("08") => Kind::Busy,
        _ => Kind::Other,
    }
}

/// The address in its parts; never with the password.
struct Address {
    host: String,
    port: u16,
    user: String,
    database: String,
}

fn parse(url: &str) -> Result<Address> {
    let wrong = |part: &'static str, reason: &str| Error::Server { part, reason: reason.to_owned() };
    let form = "write postgres://user:password@host:5432/database";
    let Some((scheme, rest)) = url.split_once("://") else { return Err(wrong("address", &format!("has no scheme; {form}"))) };
    if !["postgres", "postgresql"].contains(&scheme) {
        return Err(wrong("scheme", &format!("is \"{}\", not postgres; {form}", scheme.chars().take(20).collect::<String>())));
    }
    let place = rest.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let port = if place.ends_with(']') { None } else { place.rsplit_once(':').map(|(_, port)| port) };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong("port", "is not a number between 1 and 65535"));
    }
    if place.split(':').next().unwrap_or_default().is_empty() && !rest.contains("host=") {
        return Err(wrong("host", &format!("is missing; {form}")));
    }
    // What the driver says may quote the address, so its words are not passed on.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        wrong(
            "address",
            &format!("cannot be read: percent-encode special characters in user and password, and check the options after \"?\"; {form}"),
        )
    })?;
    let database = options.get_database().unwrap_or(options.get_username()).to_owned();
    Ok(Address { host: options.get_host().to_owned(), port: options.get_port(), user: options.get_username().to_owned(), database })
}

fn unreachable(address: &Address, fault: &DbErr) -> Error {
    let Address { host, port, user, database } = address;
    let driver = match fault {
        DbErr::Conn(RuntimeErr::SqlxError(fault)) => Some(fault.as_ref()),
        _ => None,
    };
    let code = driver.and_then(SqlxError::as_database_error).and_then(DatabaseError::code).unwrap_or_default();
    let (part, reason) = match (code.as_ref(), driver) {
        ("28P01", _) => ("password", format!("was not accepted for the user {user}")),
        ("28000", _) => ("user", format!("{user} is not let in from here (check the role, pg_hba.conf and sslmode)")),
        ("3D000", _) => ("database", format!("{database} does not exist on {host}:{port}; create it, or name another")),
        (_, Some(SqlxError::Tls(_))) => ("sslmode", format!("does not work with {host}:{port}: no encrypted connection could be made")),
        (_, Some(SqlxError::Io(fault))) if fault.kind() == std::io::ErrorKind::ConnectionRefused => {
            ("host or port", format!("{host}:{port} refuses connections; is the server running there?"))
        }
        (_, Some(SqlxError::Io(fault))) => ("host or port", format!("{host}:{port} cannot be reached ({fault})")),
        _ => ("host or port", format!("{host}:{port} gave no connection in time")),
    };
    Error::Server { part, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        parse(url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_wrong_address_names_the_part_and_never_the_password() {
        for (url, part) in [
            ("no-address", "address"),
            ("mysql://ana:geheim@localhost/x", "scheme"),
            ("postgres://ana:geheim@:5432/x", "host"),
            ("postgres://ana:geheim@localhost:port/x", "port"),
            ("postgres://ana:geheim@localhost:70000/x", "port"),
            ("postgres://ana:geheim@localhost/x?sslmode=maybe", "address"),
        ] {
            let fault = fault(url);
            assert!(fault.contains(&format!("its {part} ")), "{url}: {fault}");
            assert!(!fault.contains("geheim"), "{fault}");
        }
        assert_eq!(fault("postgres://ana:geheim@localhost:5432/x"), "");
        assert_eq!(fault("postgresql://ana@[::1]/x?sslmode=require"), "");
    }
}
