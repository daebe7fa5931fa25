//! Every query finds its rows by an index, however large the tables grow: the database's own plan of each statement says so.

use crate::backup::furnish;
use crate::place::Place;
use crate::samples::{name, noon};
use chrono::TimeDelta;
use domain::ids::{GenerationId, RunId, VentureId};
use domain::jobs::{NewJob, Priority, Verdict};
use domain::runs::VentureRun;
use sea_orm::{ConnectionTrait, DbBackend, Statement, sqlx};
use serde_json::Value;
use store::{DIMENSIONS, Wanted};

/// Tables of a handful of rows, whatever happens.
const SMALL: [&str; 2] = ["paused_kinds", "seaql_migrations"];

pub async fn no_query_reads_a_whole_table(place: &Place) {
    ask_everything(place).await;
    let statements: Vec<(String, String)> =
        place.store.query_times().into_iter().map(|times| (times.name, times.sql)).filter(|(name, sql)| is_query(name, sql)).collect();
    assert!(statements.len() >= 35, "only {} statements were seen", statements.len());
    for (name, sql) in statements {
        let scanned = if place.store.is_shared() { scans_of_postgres(place, &sql).await } else { scans_of_sqlite(place, &sql).await };
        let large: Vec<&String> = scanned.iter().filter(|table| !SMALL.contains(&table.as_str())).collect();
        assert!(large.is_empty(), "\"{name}\" reads all of {large:?}: {sql}");
    }
    // The test can fail: nothing is found by what has no index.
    let unindexed = r#"SELECT "id" FROM "ventures" WHERE "idea" = 'x'"#;
    let scanned = if place.store.is_shared() { scans_of_postgres(place, unindexed).await } else { scans_of_sqlite(place, unindexed).await };
    assert_eq!(scanned, ["ventures"]);
}

fn is_query(name: &str, sql: &str) -> bool {
    let catalogue = ["sqlite_master", "information_schema", "pg_"].iter().any(|word| sql.contains(word));
    !catalogue && ["select", "update", "delete"].contains(&name.split(' ').next().unwrap_or_default()) && name.contains(' ')
}

/// Calls what the program calls while it works.
async fn ask_everything(place: &Place) {
    let store = &place.store;
    let owner = furnish(store).await;
    let tx = store.tenant(owner).await.expect("begins");
    let venture = tx.ventures(1, Some(VentureId::new())).await.expect("reads").remove(0).id;
    tx.ventures(1, None).await.expect("reads");
    tx.locked_venture(venture).await.expect("reads");
    tx.venture(venture).await.expect("reads");
    tx.set_archived(venture, None).await.expect("writes");
    let run = tx.latest_run(venture).await.expect("reads").expect("is there").id;
    tx.runs(venture, 9, Some(RunId::new())).await.expect("reads");
    tx.runs(venture, 9, None).await.expect("reads");
    tx.run(run).await.expect("reads");
    tx.set_run_state(run, &VentureRun::Running { since: noon() }).await.expect("writes");
    let brand = name("brand");
    let made = tx.versions(venture, &brand, 9, Some(GenerationId::new())).await.expect("reads").remove(0).id;
    tx.versions(venture, &brand, 9, None).await.expect("reads");
    tx.generation(made).await.expect("reads");
    tx.generations_of_run(run).await.expect("reads");
    tx.current_sections(venture).await.expect("reads");
    tx.mark_stale(venture, &[brand]).await.expect("writes");
    tx.events_after(run, 0, 9).await.expect("reads");
    tx.open_calls(run).await.expect("reads");
    tx.close_calls(GenerationId::new()).await.expect("writes");
    tx.keep_key("key", "body", noon()).await.expect("keeps");
    tx.answer_key("key", made.0).await.expect("writes");
    tx.take_key_over("key", noon(), noon()).await.expect("writes");
    tx.drop_key("key").await.expect("writes");
    tx.nearest("minilm", &[0.5; DIMENSIONS], 3).await.expect("reads");
    tx.cancel_job("run", "nothing", noon()).await.expect("writes");
    tx.commit().await.expect("commits");
    queue(place, owner).await;
    store.lost_calls(noon(), 9).await.expect("reads");
    store.forget_keys(noon()).await.expect("writes");
}

async fn queue(place: &Place, owner: domain::ids::OwnerId) {
    let (store, (now, run_at)) = (&place.store, (noon(), noon()));
    let job = NewJob {
        kind: "run",
        owner: Some(owner),
        unique_key: "b".into(),
        payload: 1.into(),
        priority: Priority::Free,
        run_at,
        now,
        head: None,
    };
    let tx = store.tenant(owner).await.expect("begins");
    tx.enqueue(&job).await.expect("is put in line");
    tx.commit().await.expect("commits");
    store.standing("run", "b").await.expect("asks");
    for only in [None, Some(owner)] {
        let wanted = Wanted { kinds: &["run"], owner: only, most: 1, lease_for: TimeDelta::seconds(9) };
        let claimed = store.claim(&wanted, noon()).await.expect("claims");
        store.renew(&[claimed[0].lease], noon, TimeDelta::seconds(9)).await.expect("renews");
        let tx = store.tenant(owner).await.expect("begins");
        tx.hold(&claimed[0].lease).await.expect("holds");
        tx.advance(&claimed[0].lease).await.expect("holds");
        tx.commit().await.expect("commits");
        store.end_attempt(&claimed[0].lease, &Verdict::Dead("why".into()), noon()).await.expect("ends");
    }
    store.head_of_line(Priority::Free).await.expect("asks");
    store.reap(noon()).await.expect("looks");
    store.queue().await.expect("counts");
    let dead = store.dead_jobs(1).await.expect("lists").remove(0).0;
    store.revive_job(dead, noon()).await.expect("revives");
    store.forget_jobs(noon()).await.expect("forgets");
}

async fn scans_of_sqlite(place: &Place, sql: &str) -> Vec<String> {
    let asked = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = place.raw().query_all_raw(asked).await.expect(sql);
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a step"));
    let scans = steps.filter_map(|step| step.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()));
    scans.filter(|scanned| scanned != "CONSTANT").collect()
}

/// With scans forbidden, what is still scanned has no index. The plan is one for any values.
async fn scans_of_postgres(place: &Place, sql: &str) -> Vec<String> {
    // Only the simple protocol takes a statement whose values are still open.
    let mut connection = place.raw().get_postgres_connection_pool().acquire().await.expect("a connection");
    let asked = format!("SET enable_seqscan = off; EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}");
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(asked)).fetch_one(&mut *connection).await.expect(sql);
    let plan: Value = sqlx::Row::try_get(&row, 0).expect("a plan");
    let mut scanned = Vec::new();
    walk(&plan[0]["Plan"], &mut scanned);
    scanned
}

fn walk(node: &Value, scanned: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    // The index over vectors has no condition: the order is what it is for.
    let ordered = node.get("Order By").is_some();
    if kind == "Seq Scan" || (kind.contains("Index") && node.get("Index Cond").is_none() && !ordered) {
        scanned.push(node["Relation Name"].as_str().unwrap_or(node["Index Name"].as_str().unwrap_or_default()).to_owned());
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        walk(inner, scanned);
    }
}
