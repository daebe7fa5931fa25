//! What the store promises about releases, and about where environments point.

use crate::place::Place;
use crate::samples::{deployment, proposal, released};
use domain::ids::{DeploymentId, EvalId};
use domain::releases::{Deployment, Move};
use domain::roles::Environment::{Production, Staging};
use semver::Version;
use store::{Error, Stamp};

pub async fn a_release_is_made_once(place: &Place) {
    let store = &place.store;
    assert_eq!(store.stamp(Staging).await.expect("reads"), Stamp::default());
    let (first, second) = (proposal(), proposal());
    let tx = store.team().await.expect("begins");
    for proposal in [&first, &second] {
        tx.insert_proposal(proposal, &[]).await.expect("is added");
    }
    let (lower, higher) = (released(&first, Version::new(1, 1, 0)), released(&second, Version::new(1, 2, 0)));
    tx.insert_release(&lower).await.expect("is added");
    tx.commit().await.expect("commits");
    let before = store.stamp(Staging).await.expect("reads");
    let tx = store.team().await.expect("begins");
    assert!(matches!(tx.insert_release(&released(&second, Version::new(1, 1, 0))).await, Err(Error::Conflict)), "its version is taken");
    drop(tx);
    let tx = store.team().await.expect("begins");
    tx.insert_release(&higher).await.expect("is added");
    tx.commit().await.expect("commits");
    assert_ne!(store.stamp(Staging).await.expect("reads"), before, "whoever looks finds out");
    let tx = store.team_read().await.expect("begins");
    assert_eq!(tx.releases().await.expect("reads"), [higher.clone(), lower]);
    assert_eq!(tx.release(&higher.version).await.expect("reads"), Some(higher));
    assert_eq!(tx.release(&Version::new(9, 0, 0)).await.expect("reads"), None);
}

pub async fn the_last_deployment_of_an_environment_holds(place: &Place) {
    let store = &place.store;
    let whole =
        Deployment { eval: Some(EvalId::new()), reason: Some("a reason".into()), kind: Move::Override, ..deployment(Production, 1) };
    let staging = deployment(Staging, 2);
    let back = Deployment { kind: Move::Rollback, ..deployment(Production, 0) };
    for deployment in [&whole, &staging, &back] {
        let tx = store.team().await.expect("begins");
        tx.insert_deployment(deployment).await.expect("is added");
        tx.commit().await.expect("commits");
    }
    assert_eq!(store.stamp(Production).await.expect("reads").deployment, Some(back.id));
    assert_eq!(store.stamp(Staging).await.expect("reads").deployment, Some(staging.id));
    let tx = store.team().await.expect("begins");
    assert_eq!(tx.locked_deployment(Production).await.expect("reads").as_ref(), Some(&back));
    assert_eq!(tx.deployments(Production, 9, None).await.expect("reads"), [back.clone(), whole.clone()]);
    assert_eq!(tx.deployments(Production, 1, Some(back.id)).await.expect("reads"), [whole]);
    assert!(tx.deployments(Staging, 9, Some(DeploymentId(uuid::Uuid::nil()))).await.expect("reads").is_empty());
}
