//! What the store promises about releases, and about where environments point.

use crate::place::Place;
use crate::samples::{deployment, noon, proposal, released, released_texts};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::{DeploymentId, EvalId};
use domain::releases::{Deployment, Move, Released, Serving};
use domain::roles::Environment::{self, Production, Staging};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Error, Stamp, Store};
use uuid::Uuid;

/// Points an environment at a release, in its turn.
async fn deploy(store: &Store, deployment: Deployment) -> Deployment {
    let tx = store.team().await.expect("begins");
    let deployment = Deployment { number: tx.take_turn().await.expect("takes its turn"), ..deployment };
    tx.insert_deployment(&deployment).await.expect("is added");
    tx.commit().await.expect("commits");
    deployment
}

async fn release(store: &Store, release: &Released, released_texts: &BTreeMap<String, String>) -> store::Result<()> {
    let tx = store.team().await.expect("begins");
    let number = tx.take_turn().await.expect("takes its turn");
    tx.insert_release(release, number, released_texts).await?;
    tx.commit().await
}

pub async fn a_release_is_made_once(place: &Place) {
    let store = &place.store;
    assert_eq!(store.stamp(Staging).await.expect("reads"), Stamp::default());
    let (first, second) = (proposal(), proposal());
    let tx = store.team().await.expect("begins");
    for proposal in [&first, &second] {
        tx.insert_proposal(proposal, &[]).await.expect("is added");
    }
    tx.commit().await.expect("commits");
    let (lower, higher) = (released(&first, Version::new(1, 1, 0)), released(&second, Version::new(1, 2, 0)));
    release(store, &lower, &released_texts()).await.expect("is added");
    let before = store.stamp(Staging).await.expect("reads");
    let taken = release(store, &released(&second, Version::new(1, 1, 0)), &released_texts()).await;
    assert!(matches!(taken, Err(Error::Conflict)), "its version is taken");
    let more = BTreeMap::from([("a hash".to_owned(), "never kept".to_owned()), ("another".to_owned(), "name: goals".to_owned())]);
    release(store, &higher, &more).await.expect("is added, though one of its released_texts is kept already");
    assert_ne!(store.stamp(Staging).await.expect("reads"), before, "whoever looks finds out");
    let tx = store.team_read().await.expect("begins");
    assert_eq!(tx.releases().await.expect("reads"), [higher.clone(), lower]);
    assert_eq!(tx.release(&higher.version).await.expect("reads"), Some(higher));
    assert_eq!(tx.release(&Version::new(9, 0, 0)).await.expect("reads"), None);
    let found = tx.release_texts(&BTreeSet::from(["a hash", "another", "no hash"])).await.expect("reads");
    assert_eq!(found, BTreeMap::from([("a hash".into(), "name: swot".into()), ("another".into(), "name: goals".into())]));
}

pub async fn the_last_deployment_of_an_environment_holds(place: &Place) {
    let store = &place.store;
    // Whoever did this has a clock that is far ahead.
    let ahead = DeploymentId(uuid::Uuid::max());
    let (eval, reason) = (Some(EvalId::new()), Some("a reason".into()));
    let whole = deploy(store, Deployment { id: ahead, eval, reason, kind: Move::Override, ..deployment(Production, 1) }).await;
    let staging = deploy(store, deployment(Staging, 2)).await;
    let before = store.stamp(Production).await.expect("reads");
    let back = deploy(store, Deployment { kind: Move::Rollback, ..deployment(Production, 0) }).await;
    let stamp = store.stamp(Production).await.expect("reads");
    assert_ne!(stamp, before, "whoever looks finds out, whatever any clock says");
    assert_eq!((stamp.deployment, stamp.production), (Some(back.number), Some(back.number)));
    let stamp = store.stamp(Staging).await.expect("reads");
    assert_eq!((stamp.deployment, stamp.production), (Some(staging.number), Some(back.number)));
    let tx = store.team_read().await.expect("begins");
    assert_eq!(tx.stamp(Staging).await.expect("reads"), stamp);
    assert_eq!(tx.deployments(Production, 9, None).await.expect("reads"), [back.clone(), whole.clone()]);
    assert_eq!(tx.deployment(back.id).await.expect("reads"), Some(back.clone()));
    assert_eq!(tx.deployment(DeploymentId::new()).await.expect("reads"), None);
    assert_eq!(tx.deployments(Production, 1, Some(back.number)).await.expect("reads"), [whole]);
    assert!(tx.deployments(Staging, 9, Some(0)).await.expect("reads").is_empty());
}

pub async fn the_last_process_that_began_says_what_serves(place: &Place) {
    let store = &place.store;
    let says = |models: &str, since: Timestamp, seen: Timestamp, process: Uuid| Serving {
        environment: Production,
        process,
        models: models.into(),
        since,
        seen,
    };
    let kept = async || store.team_read().await.expect("begins").serving(Production).await.expect("reads");
    assert_eq!(kept().await, None, "nobody has ever said anything");
    let (old, new, minute) = (Uuid::new_v4(), Uuid::new_v4(), |minutes| noon() + TimeDelta::minutes(minutes));
    store.begin_serving(&says("fast=old", minute(0), minute(0), old)).await.expect("is kept");
    let begun = says("fast=new", minute(1), minute(1), new);
    store.begin_serving(&begun).await.expect("is kept");
    store.keep_serving(&says("fast=old", minute(0), minute(2), old)).await.expect("is kept");
    assert_eq!(kept().await, Some(begun), "the one that began last counts, while it is there");
    let later = says("fast=new", minute(1), minute(9), new);
    store.keep_serving(&later).await.expect("is kept");
    store.keep_serving(&says("fast=old", minute(0), minute(10), old)).await.expect("is kept");
    assert_eq!(kept().await, Some(later));
    let left = says("fast=old", minute(0), minute(12), old);
    store.keep_serving(&left).await.expect("is kept");
    assert_eq!(kept().await, Some(left), "the other one is gone");
    assert_eq!(store.team_read().await.expect("begins").serving(Staging).await.expect("reads"), None);
}

pub async fn who_changes_what_is_served_waits_for_the_turn(place: &Place) {
    let store = &place.store;
    let moved = async |environment: Environment, minor: u64| {
        let tx = store.team().await.expect("begins");
        let number = tx.take_turn().await.expect("takes its turn");
        let before = tx.deployments(environment, 1, None).await.expect("reads").pop().map(|one| one.number);
        // Long enough for all others to wait.
        tokio::time::sleep(Duration::from_millis(20)).await;
        tx.insert_deployment(&Deployment { number, ..deployment(environment, minor) }).await.expect("is added");
        tx.commit().await.expect("commits");
        (before, number)
    };
    let mut seen = futures::future::join_all((0..6).map(|minor| moved(Production, minor))).await;
    seen.sort_unstable();
    for (earlier, later) in seen.iter().zip(&seen[1..]) {
        assert_eq!(later.0, Some(earlier.1), "each sees what the one before did: {seen:?}");
    }
}
