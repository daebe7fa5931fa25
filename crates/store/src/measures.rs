//! How long statements take, by name: the worst and the usual, without a database of its own.

use hdrhistogram::Histogram;
use sea_orm::{DatabaseConnection, Statement};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Names beyond which nothing new is kept; there are as many as there are queries in this room.
const MOST_NAMES: usize = 400;

/// How long each statement has taken since the program started.
#[derive(Debug)]
pub(crate) struct Measures {
    slow: Duration,
    by_name: Mutex<BTreeMap<String, Measured>>,
}

#[derive(Debug)]
struct Measured {
    /// Microseconds, to two digits.
    taken: Histogram<u32>,
    failed: u64,
    slow: u64,
    sql: String,
}

/// How long statements of one name take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTimes {
    /// What it does, to which table, found by what: `select ventures by owner_id, id`.
    pub name: String,
    /// How often.
    pub count: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often it took longer than the limit for slow ones.
    pub slow: u64,
    /// Half of them took no longer.
    pub p50: Duration,
    /// Nineteen of twenty took no longer.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
    /// One such statement, with places for its values.
    pub sql: String,
}

impl Measures {
    pub(crate) fn new(slow: Duration) -> Arc<Self> {
        Arc::new(Self { slow, by_name: Mutex::default() })
    }

    /// Measures everything that goes through a pool from now on.
    pub(crate) fn watch(self: &Arc<Self>, pool: &mut DatabaseConnection) {
        let measures = Arc::clone(self);
        pool.set_metric_callback(move |info| measures.note(info.statement, info.elapsed, info.failed));
    }

    fn note(&self, statement: &Statement, elapsed: Duration, failed: bool) {
        let name = name(&statement.sql);
        let slow = elapsed > self.slow;
        if slow {
            tracing::warn!(query = %name, ms = elapsed.as_millis(), "slow query");
        }
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() >= MOST_NAMES && !by_name.contains_key(&name) {
            return;
        }
        let measured = by_name.entry(name).or_insert_with(|| Measured::new(&statement.sql));
        measured.taken.saturating_record(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        measured.failed += u64::from(failed);
        measured.slow += u64::from(slow);
    }

    /// By name.
    pub(crate) fn times(&self) -> Vec<QueryTimes> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let times = by_name.iter().map(|(name, measured)| QueryTimes {
            name: name.clone(),
            count: measured.taken.len(),
            failed: measured.failed,
            slow: measured.slow,
            p50: Duration::from_micros(measured.taken.value_at_quantile(0.5)),
            p95: Duration::from_micros(measured.taken.value_at_quantile(0.95)),
            max: Duration::from_micros(measured.taken.max()),
            sql: measured.sql.clone(),
        });
        times.collect()
    }
}

impl Measured {
    fn new(sql: &str) -> Self {
        let hour = 3_600_000_000;
        let taken = Histogram::new_with_max(hour, 2)
            .unwrap_or_else(|_| Histogram::new(2).unwrap_or_else(|fault| unreachable!("two digits are allowed: {fault}")));
        Self { taken, failed: 0, slow: 0, sql: sql.to_owned() }
    }
}

/// A name that people know and that stays the same whatever the values: the verb, the table, and the columns it is found by.
fn name(sql: &str) -> String {
    let verb = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
    let quoted: Vec<&str> = sql.split('"').skip(1).step_by(2).collect();
    let after = |word: &str| sql.find(word).map(|at| sql[at + word.len()..].split('"').skip(1).step_by(2).collect::<Vec<_>>());
    let table = match verb.as_str() {
        "select" | "delete" => after(" FROM ").and_then(|names| names.first().copied()),
        _ => quoted.first().copied(),
    };
    let by = after(" WHERE ").unwrap_or_default();
    let mut columns: Vec<&str> = Vec::new();
    for column in by {
        if Some(column) != table && !columns.contains(&column) && columns.len() < 6 {
            columns.push(column);
        }
    }
    match (table, columns.is_empty()) {
        (None, _) => verb,
        (Some(table), true) => format!("{verb} {table}"),
        (Some(table), false) => format!("{verb} {table} by {}", columns.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_named_by_what_they_do() {
        for (sql, expected) in [
            (
                r#"SELECT "ventures"."id" FROM "ventures" WHERE "ventures"."owner_id" = $1 AND "ventures"."id" < $2"#,
                "select ventures by owner_id, id",
            ),
            (r#"INSERT INTO "runs" ("id", "state") VALUES ($1, $2)"#, "insert runs"),
            (r#"UPDATE "jobs" SET "state" = $1 WHERE "jobs"."id" = $2"#, "update jobs by id"),
            ("NOTIFY planner_jobs", "notify"),
        ] {
            assert_eq!(name(sql), expected);
        }
    }

    #[test]
    fn times_are_counted_by_name() {
        let measures = Measures::new(Duration::from_millis(5));
        let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, r#"SELECT 1 FROM "runs""#);
        for ms in 1..=10 {
            measures.note(&statement, Duration::from_millis(ms), ms == 10);
        }
        let times = measures.times();
        assert_eq!((times[0].name.as_str(), times[0].count, times[0].failed, times[0].slow), ("select runs", 10, 1, 5));
        assert!(times[0].p50 >= Duration::from_millis(5) && times[0].p50 < Duration::from_millis(6), "{times:?}");
    }
}
