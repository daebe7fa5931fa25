//! What the store promises about keys of repeated requests.

use crate::place::Place;
use crate::samples::noon;
use chrono::TimeDelta;
use domain::ids::OwnerId;
use store::Kept;
use uuid::Uuid;

pub async fn the_same_key_finds_what_was_made(place: &Place) {
    let owner = OwnerId::new();
    let made = Uuid::new_v4();
    let tx = place.store.tenant(owner).await.expect("begins");
    assert_eq!(tx.keep_key("k1", "body", noon()).await.expect("keeps"), Kept::New);
    assert_eq!(tx.keep_key("k1", "body", noon()).await.expect("keeps"), Kept::Begun { since: noon() });
    let later = noon() + TimeDelta::hours(1);
    assert!(tx.take_key_over("k1", noon(), later).await.expect("takes over"), "its process died");
    assert!(!tx.take_key_over("k1", noon(), later).await.expect("answers"), "once");
    tx.answer_key("k1", made).await.expect("answers");
    assert_eq!(tx.keep_key("k1", "body", noon()).await.expect("keeps"), Kept::Made(made));
    assert_eq!(tx.keep_key("k1", "another body", noon()).await.expect("keeps"), Kept::Other);
    tx.drop_key("k1").await.expect("drops");
    assert_eq!(tx.keep_key("k1", "body", noon()).await.expect("keeps"), Kept::Made(made), "an answered key stays");
    assert_eq!(tx.keep_key("k2", "body", noon()).await.expect("keeps"), Kept::New);
    tx.drop_key("k2").await.expect("drops");
    assert_eq!(tx.keep_key("k2", "body", noon()).await.expect("keeps"), Kept::New, "one that made nothing is free again");
    tx.commit().await.expect("commits");
    assert_eq!(place.store.forget_keys(noon()).await.expect("forgets"), 0);
    assert_eq!(place.store.forget_keys(noon() + TimeDelta::hours(2)).await.expect("forgets"), 2);
}

pub async fn a_key_belongs_to_its_owner(place: &Place) {
    for owner in [OwnerId::new(), OwnerId::new()] {
        let tx = place.store.tenant(owner).await.expect("begins");
        assert_eq!(tx.keep_key("same", "body", noon()).await.expect("keeps"), Kept::New);
        tx.commit().await.expect("commits");
    }
}
