//! What the store promises about takes out of a quota.

use crate::place::Place;
use crate::samples::{noon, take};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::{GenerationId, OwnerId, RunId};
use domain::usage::MicroDollars;
use store::Error;

fn minute(minutes: i64) -> Timestamp {
    noon() + TimeDelta::minutes(minutes)
}

pub async fn takes_count_until_they_are_given_back(place: &Place) {
    let (owner, run) = (OwnerId::new(), RunId::new());
    let takes = [
        take(owner, Some(run), minute(2)),
        take(owner, None, minute(1)),
        take(owner, Some(run), minute(3)),
        take(owner, Some(run), minute(4)),
    ];
    let tx = place.store.tenant(owner).await.expect("begins");
    for take in &takes {
        tx.insert_take(take).await.expect("is added");
    }
    assert_eq!(tx.takes_since(minute(1)).await.expect("reads"), [minute(1), minute(2), minute(3), minute(4)], "oldest first");
    assert_eq!(tx.takes_since(minute(3)).await.expect("reads"), [minute(3), minute(4)]);
    assert_eq!(tx.open_takes().await.expect("counts"), 4);
    assert!(tx.settle_take(takes[0].id, true, Some(MicroDollars(5))).await.expect("settles"));
    assert!(tx.settle_take(takes[2].id, false, None).await.expect("settles"));
    assert!(!tx.settle_take(GenerationId::new(), true, None).await.expect("answers"));
    assert_eq!(tx.takes_since(noon()).await.expect("reads"), [minute(1), minute(2), minute(4)]);
    assert_eq!(tx.open_takes().await.expect("counts"), 2);
    tx.give_back_takes_of_run(run).await.expect("gives back");
    assert_eq!(tx.takes_since(noon()).await.expect("reads"), [minute(1), minute(2)], "what was settled, and what is of no run, stays");
    assert_eq!(tx.open_takes().await.expect("counts"), 1);
    tx.commit().await.expect("commits");
    let tx = place.store.tenant(owner).await.expect("begins");
    assert!(matches!(tx.insert_take(&takes[1]).await, Err(Error::Conflict)), "a generation is taken once");
    drop(tx);
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    stranger.give_back_takes_of_run(run).await.expect("answers");
    assert!(stranger.takes_since(noon()).await.expect("reads").is_empty());
}

pub async fn what_was_spent_is_added_up(place: &Place) {
    let owner = OwnerId::new();
    let tx = place.store.tenant(owner).await.expect("begins");
    assert_eq!(tx.spent_since(noon()).await.expect("adds up"), MicroDollars(0));
    for (at, counts, cost) in [(1, true, Some(40)), (2, false, Some(2)), (3, true, None), (4, true, Some(i64::from(i32::MAX)))] {
        let take = take(owner, None, minute(at));
        tx.insert_take(&take).await.expect("is added");
        tx.settle_take(take.id, counts, cost.map(MicroDollars)).await.expect("settles");
    }
    tx.insert_take(&take(owner, None, minute(5))).await.expect("is added");
    assert_eq!(tx.spent_since(minute(2)).await.expect("adds up"), MicroDollars(2 + i64::from(i32::MAX)));
    assert_eq!(tx.spent_since(minute(1)).await.expect("adds up"), MicroDollars(42 + i64::from(i32::MAX)));
    assert_eq!(tx.spent_since(minute(9)).await.expect("adds up"), MicroDollars(0));
    tx.forgive_spending().await.expect("forgives");
    assert_eq!(tx.spent_since(noon()).await.expect("adds up"), MicroDollars(0));
    assert_eq!(tx.takes_since(noon()).await.expect("reads").len(), 4, "what was taken stays taken");
}

pub async fn old_takes_are_forgotten(place: &Place) {
    for at in [1, 2] {
        let take = take(OwnerId::new(), None, minute(at));
        let tx = place.store.tenant(take.owner).await.expect("begins");
        tx.insert_take(&take).await.expect("is added");
        tx.commit().await.expect("commits");
    }
    assert_eq!(place.store.forget_takes(minute(1)).await.expect("forgets"), 0);
    assert_eq!(place.store.forget_takes(minute(2)).await.expect("forgets"), 1);
    assert_eq!(place.store.forget_takes(minute(2)).await.expect("forgets"), 0);
}
