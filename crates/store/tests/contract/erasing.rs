//! What the store promises about owners who are forgotten.

use crate::backup::furnish;
use crate::place::Place;
use crate::samples::{generation, stored_generation, stored_venture};
use domain::generations::Generation;
use domain::ids::{GenerationId, OwnerId};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::collections::BTreeMap;
use store::AuditSearch;
use uuid::Uuid;

async fn ask(place: &Place, sql: String) -> Vec<QueryResult> {
    let backend = place.raw().get_database_backend();
    place.raw().query_all_raw(Statement::from_string(backend, sql)).await.expect("reads")
}

/// How many rows each table has of somebody.
async fn rows_of(place: &Place, owner: OwnerId) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for table in place.tables_with_owner().await {
        let owners = ask(place, format!("SELECT owner_id FROM {table}")).await;
        let theirs = owners.iter().filter(|row| row.try_get::<Option<Uuid>>("", "owner_id").expect("an owner") == Some(owner.0));
        rows.insert(table, theirs.count());
    }
    rows
}

pub async fn nothing_of_an_owner_is_left_and_nobody_else_loses_anything(place: &Place) {
    let (gone, stays) = (furnish(&place.store).await, furnish(&place.store).await);
    let tx = place.store.tenant(gone).await.expect("begins");
    let loose = Generation { venture: None, ..generation(&tx.ventures(1, None).await.expect("reads")[0], None, "brand") };
    tx.insert_generation(&loose).await.expect("is added");
    tx.commit().await.expect("commits");
    let (before, others) = (rows_of(place, gone).await, rows_of(place, stays).await);
    assert!(before.len() >= 20 && before.values().all(|rows| *rows > 0), "{before:?}");
    let log = place.store.audit_log(&AuditSearch::default(), 99, None).await.expect("reads");

    place.store.erase_owner(gone).await.expect("is forgotten");
    let left = rows_of(place, gone).await;
    assert!(left.values().all(|rows| *rows == 0), "{left:?}");
    assert_eq!(rows_of(place, stays).await, others);
    assert_eq!(place.store.audit_log(&AuditSearch::default(), 99, None).await.expect("reads"), log, "what was done stays");
    place.store.erase_owner(gone).await.expect("there is nothing more to forget");
    place.store.erase_owner(OwnerId::new()).await.expect("there is nothing to forget");
}

/// What is left of the forgotten: day, section, model, generations, tokens in and out, cost.
async fn retired(place: &Place) -> Vec<(String, String, [i64; 4])> {
    let rows = ask(place, "SELECT * FROM retired_usage ORDER BY day, section".into()).await;
    let row = |row: &QueryResult| {
        let number = |column| row.try_get::<i64>("", column).expect("a number");
        let sums = ["generations", "input_tokens", "output_tokens", "cost_micro_usd"].map(number);
        let day: chrono::NaiveDate = row.try_get("", "day").expect("a day");
        let section = row.try_get("", "section").expect("a section");
        assert_eq!(row.try_get::<String>("", "model").expect("a model"), "gemini:gemini-pro");
        (day.to_string(), section, sums)
    };
    rows.iter().map(row).collect()
}

pub async fn what_was_used_stays_without_a_name(place: &Place) {
    let at = |text: &str| text.parse::<domain::Timestamp>().expect("a moment");
    for _ in 0..2 {
        let venture = stored_venture(&place.store, OwnerId::new()).await;
        stored_generation(&place.store, &stored_venture(&place.store, OwnerId::new()).await, None, "brand").await;
        let tx = place.store.tenant(venture.owner).await.expect("begins");
        for (section, created) in [
            ("brand", "2026-03-01T23:59:59.9Z"),
            ("brand", "2026-03-01T00:00:00Z"),
            ("brand", "2026-03-02T00:00:00Z"),
            ("mission", "2026-03-02T12:00:00Z"),
        ] {
            let mut made = Generation { id: GenerationId::new(), created: at(created), ..generation(&venture, None, section) };
            made.usage.cost = (section == "brand").then_some(domain::usage::MicroDollars(7));
            tx.insert_generation(&made).await.expect("is added");
        }
        tx.commit().await.expect("commits");
        place.store.erase_owner(venture.owner).await.expect("is forgotten");
    }
    let expected = [
        ("2026-03-01", "brand", [4, 4_800, 1_400, 28]),
        ("2026-03-02", "brand", [2, 2_400, 700, 14]),
        ("2026-03-02", "mission", [2, 2_400, 700, 0]),
    ];
    assert_eq!(retired(place).await, expected.map(|(day, section, sums)| (day.to_owned(), section.to_owned(), sums)));
}
