//! What the store promises about alerts.

use crate::place::Place;
use crate::samples::{alert, noon};
use domain::alerts::Alert;
use domain::ids::{AlertId, OwnerId};
use store::{Error, Store};
use tokio::task::JoinSet;

async fn open(store: &Store, alert: &Alert) -> bool {
    let tx = store.tenant(alert.owner.expect("an owner")).await.expect("begins");
    let opened = tx.open_alert(alert).await.expect("answers");
    tx.commit().await.expect("commits");
    opened
}

pub async fn one_alert_of_a_kind_and_subject_is_open_at_a_time(place: &Place) {
    let (store, owner) = (&place.store, OwnerId::new());
    let mut opening = JoinSet::new();
    for _ in 0..6 {
        let store = store.clone();
        opening.spawn(async move { open(&store, &alert(owner)).await });
    }
    assert_eq!(opening.join_all().await.into_iter().filter(|opened| *opened).count(), 1);
    let other = Alert { kind: "other-kind".into(), ..alert(owner) };
    assert!(open(store, &other).await);
    let tx = store.tenant(owner).await.expect("begins");
    assert_eq!(tx.close_alerts(Alert::MEMBER_COST, "another subject", noon()).await.expect("answers"), 0);
    assert_eq!(tx.close_alerts(Alert::MEMBER_COST, &owner.to_string(), noon()).await.expect("closes"), 1);
    assert_eq!(tx.close_alerts(Alert::MEMBER_COST, &owner.to_string(), noon()).await.expect("answers"), 0);
    assert!(matches!(tx.open_alert(&Alert { owner: None, ..alert(owner) }).await, Err(Error::Conflict)));
    tx.commit().await.expect("commits");
    let again = alert(owner);
    assert!(open(store, &again).await, "it can open again");
    let all = store.alerts(9, None).await.expect("reads");
    assert_eq!((&all[0], &all[1], all[2].closed, all.len()), (&again, &other, Some(noon()), 3));
}

pub async fn an_alert_may_be_about_no_member(place: &Place) {
    let store = &place.store;
    let about = |owner| Alert { kind: Alert::RELEASE.into(), owner, subject: "production".into(), ..alert(OwnerId::new()) };
    let tx = store.team().await.expect("begins");
    assert!(tx.open_team_alert(&about(None)).await.expect("answers"));
    assert!(!tx.open_team_alert(&about(None)).await.expect("answers"), "one is open");
    assert_eq!(tx.close_team_alerts(Alert::RELEASE, "staging", noon()).await.expect("answers"), 0);
    assert_eq!(tx.close_team_alerts(Alert::RELEASE, "production", noon()).await.expect("closes"), 1);
    assert!(matches!(tx.open_team_alert(&about(Some(OwnerId::new()))).await, Err(Error::Conflict)), "a member's is opened for them");
    tx.commit().await.expect("commits");
}

pub async fn alerts_are_acknowledged_and_come_page_by_page(place: &Place) {
    let store = &place.store;
    let mut made = Vec::new();
    for _ in 0..3 {
        let alert = alert(OwnerId::new());
        assert!(open(store, &alert).await);
        made.push(alert.id);
    }
    made.reverse();
    let page = async |limit, before| -> Vec<AlertId> {
        store.alerts(limit, before).await.expect("reads").into_iter().map(|alert| alert.id).collect()
    };
    assert_eq!(page(2, None).await, made[..2]);
    assert_eq!(page(2, Some(made[1])).await, made[2..]);
    assert!(store.acknowledge_alert(made[0], noon()).await.expect("writes"));
    assert!(!store.acknowledge_alert(made[0], noon()).await.expect("answers"));
    assert!(!store.acknowledge_alert(AlertId::new(), noon()).await.expect("answers"));
    let seen: Vec<_> = store.alerts(9, None).await.expect("reads").into_iter().map(|alert| alert.acknowledged).collect();
    assert_eq!(seen, [Some(noon()), None, None]);
}
