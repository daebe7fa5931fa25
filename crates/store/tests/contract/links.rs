//! What the store promises about links that work once.

use crate::place::Place;
use crate::samples::{hash, link, noon};
use chrono::TimeDelta;
use domain::accounts::{Link, Purpose};
use domain::ids::OwnerId;
use store::{Error, Store};
use tokio::task::JoinSet;

async fn stored(store: &Store, link: &Link) {
    let tx = store.tenant(link.owner).await.expect("begins");
    tx.insert_link(link).await.expect("is added, without an account too");
    tx.commit().await.expect("commits");
}

pub async fn a_link_works_once(place: &Place) {
    let owner = OwnerId::new();
    let (link, bare) = (link(owner), Link { email: None, purpose: Purpose::FirstLead, ..link(owner) });
    for link in [&link, &bare] {
        stored(&place.store, link).await;
        assert_eq!(place.store.link(&link.hash).await.expect("reads").as_ref(), Some(link));
    }
    assert_eq!(place.store.link(&hash()).await.expect("reads"), None);
    let tx = place.store.tenant(owner).await.expect("begins");
    assert!(!tx.use_link(&link.hash, link.expires).await.expect("answers"), "it has ended");
    assert!(!tx.use_link(&hash(), noon()).await.expect("answers"));
    assert!(matches!(tx.insert_link(&link).await, Err(Error::Conflict)));
    drop(tx);
    let mut users = JoinSet::new();
    for _ in 0..6 {
        let (store, hash) = (place.store.clone(), link.hash.clone());
        users.spawn(async move {
            let tx = store.tenant(owner).await.expect("begins");
            let used = tx.use_link(&hash, noon()).await.expect("answers");
            tx.commit().await.expect("commits");
            used
        });
    }
    assert_eq!(users.join_all().await.into_iter().filter(|used| *used).count(), 1);
    assert_eq!(place.store.link(&link.hash).await.expect("reads"), Some(Link { used: Some(noon()), ..link }));
}

pub async fn links_are_dropped_and_forgotten(place: &Place) {
    let (owner, other) = (OwnerId::new(), OwnerId::new());
    let reset = Link { purpose: Purpose::Reset, ..link(owner) };
    let verify = Link { purpose: Purpose::Verify, ..link(owner) };
    let theirs = Link { purpose: Purpose::Reset, expires: noon() + TimeDelta::hours(3), ..link(other) };
    for link in [&reset, &verify, &theirs] {
        stored(&place.store, link).await;
    }
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.drop_links(Purpose::Reset).await.expect("drops");
    tx.commit().await.expect("commits");
    let there = async |link: &Link| place.store.link(&link.hash).await.expect("reads").is_some();
    assert_eq!((there(&reset).await, there(&verify).await, there(&theirs).await), (false, true, true));
    assert_eq!(place.store.forget_links(noon() + TimeDelta::hours(2)).await.expect("forgets"), 1);
    assert_eq!((there(&verify).await, there(&theirs).await), (false, true));
}
