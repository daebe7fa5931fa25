//! What the store promises about transactions: all or nothing, one writer at a time, nobody waits for readers.

use crate::place::Place;
use crate::samples::{now, stored_venture, venture};
use chrono::{SubsecRound, TimeDelta};
use domain::ids::OwnerId;
use domain::ventures::Venture;
use std::time::Duration;
use store::Error;
use tokio::task::JoinSet;

pub async fn nothing_is_kept_without_a_commit(place: &Place) {
    let venture = venture(OwnerId::new());
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    tx.insert_venture(&venture).await.expect("is added");
    assert!(tx.venture(venture.id).await.expect("reads").is_some(), "its own writes are seen");
    drop(tx);
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    assert_eq!(tx.venture(venture.id).await.expect("reads"), None);
    tx.insert_venture(&venture).await.expect("is added");
    tx.commit().await.expect("commits");
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    assert_eq!(tx.venture(venture.id).await.expect("reads"), Some(venture));
}

pub async fn a_reader_sees_one_moment_and_cannot_write(place: &Place) {
    let owner = OwnerId::new();
    let reader = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(reader.ventures(9, None).await.expect("reads"), []);
    let writer = place.store.tenant(owner).await.expect("is not held up by a reader");
    let venture = venture(owner);
    writer.insert_venture(&venture).await.expect("is added");
    let other = place.store.tenant_read(owner).await.expect("is not held up by a writer");
    assert_eq!(other.venture(venture.id).await.expect("reads"), None);
    writer.commit().await.expect("commits");
    assert_eq!(reader.ventures(9, None).await.expect("reads"), []);
    assert!(matches!(reader.insert_venture(&venture).await, Err(Error::Database(_))));
    assert!(matches!(reader.mark_stale(venture.id, &[]).await, Err(Error::Database(_))));
}

pub async fn a_hundred_writers_take_turns(place: &Place) {
    let owner = OwnerId::new();
    let mut writers = JoinSet::new();
    for i in 0..100 {
        let store = place.store.clone();
        let owner = if i % 2 == 0 { owner } else { OwnerId::new() };
        writers.spawn(async move {
            let venture = venture(owner);
            let tx = store.tenant(owner).await?;
            tx.insert_venture(&venture).await?;
            tx.commit().await?;
            assert!(store.tenant_read(owner).await?.venture(venture.id).await?.is_some());
            Ok::<_, Error>(())
        });
    }
    for done in writers.join_all().await {
        done.expect("every writer gets its turn");
    }
    let tx = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(tx.ventures(1_000, None).await.expect("reads").len(), 50);
}

pub async fn a_begin_that_is_given_up_leaves_the_store_usable(place: &Place) {
    let owner = OwnerId::new();
    for wait in 0..40 {
        let first = place.store.tenant(owner).await.expect("begins");
        drop(tokio::time::timeout(Duration::from_micros(wait * 50), place.store.tenant(owner)).await);
        drop(first);
        // Now the forgotten begin has its turn; whether it is given up before, during or after it begins depends on the wait.
        drop(tokio::time::timeout(Duration::from_micros(wait * 50), place.store.tenant(owner)).await);
    }
    stored_venture(&place.store, owner).await;
    let tx = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(tx.ventures(9, None).await.expect("reads").len(), 1);
}

pub async fn moments_are_cut_to_microseconds(place: &Place) {
    let created = now() + TimeDelta::nanoseconds(789);
    let venture = Venture { created, ..venture(OwnerId::new()) };
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    tx.insert_venture(&venture).await.expect("is added");
    let read = tx.venture(venture.id).await.expect("reads").expect("is there");
    assert_eq!(read.created, created.trunc_subsecs(6));
}

pub async fn the_store_gives_a_sign_of_life(place: &Place) {
    place.store.ping().await.expect("answers");
}
