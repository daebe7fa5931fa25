//! What the store promises about runs.

use crate::place::Place;
use crate::samples::{name, now, run, stored_run, stored_venture};
use domain::ids::{OwnerId, RunId, VentureId};
use domain::runs::VentureRun;
use store::{Error, Run};

fn states() -> [VentureRun; 4] {
    [
        VentureRun::Running { since: now() },
        VentureRun::Finished { at: now(), failed: vec![] },
        VentureRun::Finished { at: now(), failed: vec![name("brand"), name("smart-goals")] },
        VentureRun::Cancelled { at: now() },
    ]
}

pub async fn a_run_comes_back_as_it_was(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    for state in states() {
        let run = Run { state, ..run(&venture) };
        tx.insert_run(&run).await.expect("is added");
        assert_eq!(tx.run(run.id).await.expect("reads"), Some(run));
    }
    assert_eq!(tx.run(RunId::new()).await.expect("reads"), None);
}

pub async fn the_newest_run_of_a_venture_is_found(place: &Place) {
    let owner = OwnerId::new();
    let venture = stored_venture(&place.store, owner).await;
    let other = stored_venture(&place.store, owner).await;
    stored_run(&place.store, &venture).await;
    let newest = stored_run(&place.store, &venture).await;
    stored_run(&place.store, &other).await;
    let tx = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(tx.latest_run(venture.id).await.expect("reads"), Some(newest));
    assert_eq!(tx.latest_run(VentureId::new()).await.expect("reads"), None);
}

pub async fn how_a_run_ended_is_not_written_over(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    let [again, _, finished, cancelled] = states();
    for state in [&again, &finished] {
        assert!(tx.set_run_state(run.id, state).await.expect("writes"));
        assert_eq!(tx.run(run.id).await.expect("reads").map(|run| run.state).as_ref(), Some(state));
    }
    assert!(!tx.set_run_state(run.id, &cancelled).await.expect("answers"));
    assert_eq!(tx.run(run.id).await.expect("reads").map(|run| run.state), Some(finished));
    assert!(!tx.set_run_state(RunId::new(), &cancelled).await.expect("answers"));
}

pub async fn runs_of_a_venture_come_page_by_page(place: &Place) {
    let owner = OwnerId::new();
    let venture = stored_venture(&place.store, owner).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(stored_run(&place.store, &venture).await.id);
    }
    made.reverse();
    let tx = place.store.tenant_read(owner).await.expect("begins");
    let first: Vec<_> = tx.runs(venture.id, 3, None).await.expect("reads").into_iter().map(|run| run.id).collect();
    let rest: Vec<_> = tx.runs(venture.id, 3, first.last().copied()).await.expect("reads").into_iter().map(|run| run.id).collect();
    assert_eq!([first, rest].concat(), made);
    let stranger = place.store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.runs(venture.id, 3, None).await.expect("reads"), []);
}

pub async fn another_owner_finds_no_run(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let tx = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert_eq!(tx.run(run.id).await.expect("reads"), None);
    assert_eq!(tx.latest_run(venture.id).await.expect("reads"), None);
    assert!(!tx.set_run_state(run.id, &VentureRun::Cancelled { at: now() }).await.expect("answers"));
    tx.commit().await.expect("commits");
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    assert_eq!(tx.run(run.id).await.expect("reads"), Some(run));
}

pub async fn a_run_needs_a_venture_of_its_owner(place: &Place) {
    let theirs = stored_venture(&place.store, OwnerId::new()).await;
    let ours = OwnerId::new();
    let tx = place.store.tenant(ours).await.expect("begins");
    assert!(matches!(tx.insert_run(&Run { owner: ours, ..run(&theirs) }).await, Err(Error::Conflict)));
    assert!(matches!(tx.insert_run(&run(&theirs)).await, Err(Error::Conflict)));
}
