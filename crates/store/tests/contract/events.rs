//! What the store promises about the events of a run.

use crate::place::Place;
use crate::samples::{name, noon, stored_run, stored_venture};
use domain::ids::{OwnerId, RunId};
use domain::runs::Happening;
use store::Error;
use tokio::task::JoinSet;

fn started(section: &str) -> Happening {
    Happening::Started { section: name(section) }
}

pub async fn events_are_numbered_and_read_on_from_anywhere(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let (run, other) = (stored_run(&place.store, &venture).await, stored_run(&place.store, &venture).await);
    // Sections end side by side, each in a transaction of its own.
    let mut adding = JoinSet::new();
    for _ in 0..12 {
        let (store, owner, run) = (place.store.clone(), venture.owner, run.id);
        adding.spawn(async move {
            let tx = store.tenant(owner).await?;
            tx.add_event(run, noon(), &started("brand")).await?;
            tx.commit().await
        });
    }
    for added in adding.join_all().await {
        added.expect("is added");
    }
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    let finished = Happening::Finished { failed: vec![name("market")], cancelled: false };
    tx.add_event(other.id, noon(), &finished).await.expect("is added");
    tx.commit().await.expect("commits");
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    let numbers = async |after, limit| {
        let found = tx.events_after(run.id, after, limit).await.expect("reads");
        found.into_iter().map(|event| event.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(0, 99).await, (1..=12).collect::<Vec<_>>());
    assert_eq!(numbers(9, 2).await, [10, 11]);
    assert_eq!(numbers(u64::MAX, 2).await, Vec::<u64>::new());
    let [event] = &tx.events_after(other.id, 0, 9).await.expect("reads")[..] else { panic!("one event") };
    assert_eq!((event.number, event.at, &event.what), (1, noon(), &finished));
}

pub async fn events_of_a_run_that_is_not_theirs_are_refused(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert!(matches!(stranger.add_event(run.id, noon(), &started("brand")).await, Err(Error::Conflict)));
    drop(stranger);
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    assert!(matches!(tx.add_event(RunId::new(), noon(), &started("brand")).await, Err(Error::Conflict)));
}
