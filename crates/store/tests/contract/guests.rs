//! What the store promises about guests.

use crate::place::Place;
use crate::samples::noon;
use chrono::TimeDelta;
use domain::ids::OwnerId;

pub async fn guests_come_and_go(place: &Place) {
    let store = &place.store;
    let hour = |hours| noon() + TimeDelta::hours(hours);
    let guests = [OwnerId::new(), OwnerId::new(), OwnerId::new()];
    for (guest, at) in [(guests[0], 0), (guests[1], 1), (guests[2], 2), (guests[0], 3)] {
        let tx = store.tenant(guest).await.expect("begins");
        tx.keep_guest(hour(at)).await.expect("is kept");
        assert!(tx.locked_guest().await.expect("reads"));
        assert_eq!(tx.guest_seen().await.expect("reads"), Some(hour(at)));
        tx.commit().await.expect("commits");
    }
    assert_eq!(store.abandoned_guests(hour(9), 9).await.expect("reads"), [guests[1], guests[2], guests[0]], "the last visit counts");
    assert_eq!(store.abandoned_guests(hour(9), 1).await.expect("reads"), [guests[1]]);
    assert_eq!(store.abandoned_guests(hour(2), 9).await.expect("reads"), [guests[1]]);
    let tx = store.tenant(guests[1]).await.expect("begins");
    tx.end_guest().await.expect("ends");
    tx.end_guest().await.expect("answers");
    assert!(!tx.locked_guest().await.expect("reads"));
    assert_eq!(tx.guest_seen().await.expect("reads"), None);
    tx.commit().await.expect("commits");
    assert_eq!(store.abandoned_guests(hour(9), 9).await.expect("reads"), [guests[2], guests[0]]);
}
