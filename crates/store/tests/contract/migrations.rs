//! What the store promises about changes to the tables, and about what is known of its queries.

use crate::place::Place;
use crate::samples::stored_venture;
use domain::ids::OwnerId;
use store::{Error, Settings, Store};

pub async fn changes_are_listed_and_made_once(place: &Place) {
    let changes = place.store.changes().await.expect("lists");
    assert!(changes.len() >= 3 && changes.iter().all(|change| change.applied), "{changes:?}");
    assert_eq!(place.store.migrate().await.expect("answers"), 0);
    // A release that knows more finds some missing, and one that knows less refuses.
    place.tamper(&format!("DELETE FROM seaql_migrations WHERE version = '{}'", changes[2].name)).await;
    let careful = Settings { migrate: false, ..place.settings.clone() };
    assert!(matches!(Store::open(careful).await, Err(Error::OlderSchema { missing: 1 })));
    let connected = Store::connect(&place.settings).await.expect("connects all the same");
    assert!(!connected.changes().await.expect("lists")[2].applied);
    place.tamper("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)").await;
    let refused = Store::open(place.settings.clone()).await.expect_err("is refused");
    assert!(matches!(&refused, Error::NewerSchema { found } if found == "m9999_from_the_future"), "{refused:?}");
}

pub async fn queries_are_timed_by_name(place: &Place) {
    stored_venture(&place.store, OwnerId::new()).await;
    let times = place.store.query_times();
    let insert = times.iter().find(|times| times.name == "insert ventures").expect("is named");
    assert_eq!((insert.count, insert.failed), (1, 0));
    assert!(insert.p50 <= insert.p95 && insert.p95 <= insert.max && !insert.max.is_zero(), "{insert:?}");
    assert_eq!(place.store.is_shared(), matches!(place.settings.place, store::Place::Server { .. }));
}
