//! The second wall, which only Postgres has: what a transaction may see and change is held by the database itself, whatever the
//! program's statements say. Every table is walled with FORCE, so that whoever owns it is held too, by a policy of their own.

use super::postgres::ROLE;
use sea_orm::{ConnectionTrait, DbErr};

/// The owner a transaction is for. Asked once a statement, not once a row.
const TENANT: &str = "(SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)";

/// Whether a transaction is the program's own.
const PROGRAM: &str = "((SELECT current_setting('app.program', true)) = 'on')";

/// Two policies a table: the program sees what belongs to the owner its transaction is for, the tables' owner sees everything.
pub(super) async fn wall_in<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        enclose(connection, table).await?;
        let policy = format!("CREATE POLICY tenant ON \"{table}\" TO {ROLE} USING (owner_id = {TENANT}) WITH CHECK (owner_id = {TENANT})");
        connection.execute_unprepared(&policy).await?;
    }
    Ok(())
}

/// One more policy: transactions of the program itself see all rows.
pub(super) async fn wall_in_shared<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        let policy = format!("CREATE POLICY program ON \"{table}\" TO {ROLE} USING ({PROGRAM}) WITH CHECK ({PROGRAM})");
        connection.execute_unprepared(&policy).await?;
    }
    Ok(())
}

/// Only transactions of the program itself, and the tables' owner, see any row.
pub(super) async fn wall_in_program<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        enclose(connection, table).await?;
    }
    wall_in_shared(connection, tables).await
}

/// Everybody adds to the audit log, the program itself reads it, and nobody but the tables' owner changes it.
pub(super) async fn seal_audit<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    enclose(connection, "audit").await?;
    let statements = format!(
        "CREATE POLICY adding ON audit FOR INSERT TO {ROLE} WITH CHECK (true);
         CREATE POLICY program ON audit FOR SELECT TO {ROLE} USING ({PROGRAM});
         REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM {ROLE}"
    );
    connection.execute_unprepared(&statements).await.map(drop)
}

/// A venture more than the tier's limit is refused. Whoever has no account, or a tier without a limit, is not held.
///
/// The limit is asked for by the tables' owner, because a policy that reads its own table would ask itself without end. It holds
/// what is committed: two that are added at the same moment do not see each other unless the program has them wait.
pub(super) async fn hold_to_tiers<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    let functions = format!(
        "DO $migration$ BEGIN
           EXECUTE format($sql$
             CREATE FUNCTION planner_tier() RETURNS text LANGUAGE sql STABLE SET search_path = %1$I, pg_temp AS $body$
               SELECT tier FROM accounts WHERE owner_id = {TENANT}
             $body$ $sql$, current_schema());
           EXECUTE format($sql$
             CREATE FUNCTION planner_has_room() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = %1$I, pg_temp AS $body$
               SELECT NOT EXISTS (
                 SELECT FROM tier_limits WHERE tier = planner_tier()
                   AND ventures <= (SELECT count(*) FROM ventures WHERE owner_id = {TENANT} AND archived_at IS NULL))
             $body$ $sql$, current_schema());
         END $migration$"
    );
    connection.execute_unprepared(&functions).await?;
    let rights = format!(
        "REVOKE EXECUTE ON FUNCTION planner_tier(), planner_has_room() FROM PUBLIC;
         GRANT EXECUTE ON FUNCTION planner_tier(), planner_has_room() TO {ROLE}"
    );
    connection.execute_unprepared(&rights).await?;
    let policy = format!("CREATE POLICY tier ON ventures AS RESTRICTIVE FOR INSERT TO {ROLE} WITH CHECK (planner_has_room())");
    connection.execute_unprepared(&policy).await.map(drop)
}

/// Closes a table to everybody but its owner; policies then open it.
async fn enclose<C: ConnectionTrait>(connection: &C, table: &str) -> Result<(), DbErr> {
    let statements = format!(
        "ALTER TABLE \"{table}\" ENABLE ROW LEVEL SECURITY; ALTER TABLE \"{table}\" FORCE ROW LEVEL SECURITY;
         DO $$ BEGIN EXECUTE format('CREATE POLICY owner ON \"{table}\" TO %I USING (true) WITH CHECK (true)', current_user); END $$"
    );
    connection.execute_unprepared(&statements).await.map(drop)
}
