//! What the store promises about the decision log.

use crate::place::Place;
use crate::samples::{decision, entry, stored_account};
use domain::audit::Actor;
use domain::decisions::Decision;
use domain::ids::{DecisionId, OwnerId};
use store::{AuditSearch, Error};

pub async fn decisions_come_newest_first_and_stay(place: &Place) {
    let store = &place.store;
    let ana = stored_account(store, OwnerId::new()).await.owner;
    let mut made = Vec::new();
    for by in [Some(ana), None, Some(ana)] {
        let decision = decision(by);
        store.insert_decision(&decision, &entry(Actor::CommandLine, "decision.made")).await.expect("is added");
        made.push(decision);
    }
    made.reverse();
    assert_eq!(store.decisions(2, None).await.expect("reads"), made[..2]);
    assert_eq!(store.decisions(9, Some(made[1].id)).await.expect("reads"), made[2..]);
    assert_eq!(store.audit_log(&AuditSearch::default(), 9, None).await.expect("reads").len(), 3, "each is in the audit log");
    let by_nobody = Decision { id: DecisionId::new(), ..decision(Some(OwnerId::new())) };
    let refused = store.insert_decision(&by_nobody, &entry(Actor::CommandLine, "decision.made")).await;
    assert!(matches!(refused, Err(Error::Conflict)));
    assert_eq!(store.audit_log(&AuditSearch::default(), 9, None).await.expect("reads").len(), 3, "and what was not made is not");
    store.erase_owner(ana).await.expect("is forgotten");
    let by: Vec<_> = store.decisions(9, None).await.expect("reads").into_iter().map(|decision| decision.by).collect();
    assert_eq!(by, [None, None, None], "what was decided stays, who decided it is forgotten");
}
