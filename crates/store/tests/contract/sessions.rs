//! What the store promises about sessions.

use crate::place::Place;
use crate::samples::{hash, now, session, stored_account};
use chrono::TimeDelta;
use domain::accounts::Session;
use domain::ids::{OwnerId, SessionId};
use store::{Error, Store};

async fn stored(store: &Store, owner: OwnerId) -> Session {
    let session = session(owner);
    let tx = store.tenant(owner).await.expect("begins");
    tx.insert_session(&session).await.expect("is added");
    tx.commit().await.expect("commits");
    session
}

pub async fn a_session_is_found_with_its_account(place: &Place) {
    let store = &place.store;
    let (ana, bo) = (stored_account(store, OwnerId::new()).await, stored_account(store, OwnerId::new()).await);
    let (first, second, theirs) = (stored(store, ana.owner).await, stored(store, ana.owner).await, stored(store, bo.owner).await);
    assert_eq!(store.session(&second.hash).await.expect("reads"), Some((second.clone(), ana.clone())));
    assert_eq!(store.session(&theirs.hash).await.expect("reads"), Some((theirs, bo)));
    assert_eq!(store.session(&hash()).await.expect("reads"), None);
    store.touch_session(first.id, now() + TimeDelta::hours(2)).await.expect("touches");
    let tx = store.tenant(ana.owner).await.expect("begins");
    tx.set_session_second_factor(second.id).await.expect("changes");
    let found = tx.sessions().await.expect("reads");
    assert_eq!(found[0], Session { second_factor: true, ..second });
    assert!(found[1].seen > now() + TimeDelta::hours(1) && found[1] == Session { seen: found[1].seen, ..first });
    assert_eq!(found.len(), 2);
}

pub async fn sessions_are_ended(place: &Place) {
    let store = &place.store;
    let (ana, bo) = (stored_account(store, OwnerId::new()).await, stored_account(store, OwnerId::new()).await);
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(stored(store, ana.owner).await);
    }
    let theirs = stored(store, bo.owner).await;
    let tx = store.tenant(ana.owner).await.expect("begins");
    assert!(tx.end_session(mine[0].id).await.expect("ends"));
    assert!(!tx.end_session(mine[0].id).await.expect("answers"));
    assert!(!tx.end_session(SessionId::new()).await.expect("answers"));
    assert_eq!(tx.end_sessions(Some(mine[2].id)).await.expect("ends"), 2);
    assert_eq!(tx.sessions().await.expect("reads"), [mine[2].clone()]);
    assert_eq!(tx.end_sessions(None).await.expect("ends"), 1);
    tx.commit().await.expect("commits");
    assert_eq!(store.forget_sessions(theirs.expires).await.expect("forgets"), 0);
    assert!(store.session(&theirs.hash).await.expect("reads").is_some());
    assert_eq!(store.forget_sessions(theirs.expires + TimeDelta::seconds(1)).await.expect("forgets"), 1);
    assert_eq!(store.session(&theirs.hash).await.expect("reads"), None);
}

pub async fn a_session_needs_an_account(place: &Place) {
    let guest = session(OwnerId::new());
    let tx = place.store.tenant(guest.owner).await.expect("begins");
    assert!(matches!(tx.insert_session(&guest).await, Err(Error::Conflict)));
    drop(tx);
    let ana = stored_account(&place.store, OwnerId::new()).await;
    let first = stored(&place.store, ana.owner).await;
    let tx = place.store.tenant(ana.owner).await.expect("begins");
    assert!(matches!(tx.insert_session(&Session { id: SessionId::new(), ..first }).await, Err(Error::Conflict)), "one cookie, one session");
}
