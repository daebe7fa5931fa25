//! What the store promises about who somebody is elsewhere.

use crate::place::Place;
use crate::samples::{noon, stored_account};
use chrono::TimeDelta;
use domain::ids::OwnerId;
use store::Error;

pub async fn a_subject_signs_in_to_one_account(place: &Place) {
    let store = &place.store;
    let (ana, bo) = (stored_account(store, OwnerId::new()).await.owner, stored_account(store, OwnerId::new()).await.owner);
    let tx = store.tenant(ana).await.expect("begins");
    tx.insert_identity("google", "1", noon()).await.expect("is added");
    tx.insert_identity("github", "1", noon() + TimeDelta::hours(1)).await.expect("is added");
    assert_eq!(tx.identities().await.expect("reads"), [("google".into(), "1".into()), ("github".into(), "1".into())]);
    tx.commit().await.expect("commits");
    let tx = store.tenant(bo).await.expect("begins");
    assert!(matches!(tx.insert_identity("google", "1", noon()).await, Err(Error::Conflict)));
    drop(tx);
    let tx = store.tenant(OwnerId::new()).await.expect("begins");
    assert!(matches!(tx.insert_identity("google", "2", noon()).await, Err(Error::Conflict)), "a guest has none");
    drop(tx);
    assert_eq!(store.identity("google", "1").await.expect("reads"), Some(ana));
    assert_eq!(store.identity("google", "2").await.expect("reads"), None);
}
