//! What the store promises about jobs.

use crate::place::Place;
use crate::samples::noon;
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::OwnerId;
use domain::jobs::{Claimed, MOST_ATTEMPTS, MOST_DEATHS, NewJob, Priority, Verdict};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Error, LetGo, Standing, Store, Wanted};
use tokio::task::JoinSet;

const LEASE: TimeDelta = TimeDelta::seconds(10);

fn job(owner: OwnerId, key: &str) -> NewJob {
    NewJob {
        kind: "run",
        owner: Some(owner),
        unique_key: key.into(),
        payload: json!({"key": key}),
        priority: Priority::Free,
        run_at: noon(),
        now: noon(),
        head: None,
    }
}

async fn put(store: &Store, job: &NewJob) {
    let tx = store.tenant(job.owner.expect("an owner")).await.expect("begins");
    assert!(tx.enqueue(job).await.expect("is put in line"));
    tx.commit().await.expect("commits");
}

async fn claim_at(store: &Store, most: u64, at: Timestamp) -> Vec<Claimed> {
    let wanted = Wanted { kinds: &["run", "tidy"], owner: None, most, lease_for: LEASE };
    store.claim(&wanted, at).await.expect("claims")
}

async fn claim(store: &Store, most: u64) -> Vec<Claimed> {
    claim_at(store, most, noon()).await
}

fn keys(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().filter_map(|job| job.payload["key"].as_str()).collect()
}

pub async fn a_job_is_put_in_line_once_and_only_with_its_transaction(place: &Place) {
    let owner = OwnerId::new();
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.enqueue(&job(owner, "a")).await.expect("is put in line");
    drop(tx);
    assert_eq!(claim(&place.store, 9).await, []);
    put(&place.store, &job(owner, "a")).await;
    let tx = place.store.tenant(owner).await.expect("begins");
    assert!(!tx.enqueue(&job(owner, "a")).await.expect("answers"), "once");
    assert!(matches!(tx.enqueue(&job(OwnerId::new(), "b")).await, Err(Error::Conflict)), "not for somebody else");
    drop(tx);
    let claimed = claim(&place.store, 9).await;
    assert_eq!((keys(&claimed), claimed[0].owner, claimed[0].attempt), (vec!["a"], Some(owner), 1));
    assert_eq!(claim(&place.store, 9).await, []);
}

pub async fn each_job_is_claimed_by_one_worker(place: &Place) {
    for at in 0..60 {
        put(&place.store, &job(OwnerId::new(), &at.to_string())).await;
    }
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        let store = place.store.clone();
        workers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = claim(&store, 3).await;
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|job| job.payload["key"].to_string()));
            }
        });
    }
    let all: Vec<String> = workers.join_all().await.concat();
    // A row that another worker holds is passed over, so that one look may find nothing; the next one does.
    let rest = claim(&place.store, 99).await.len();
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len() + rest, unique.len()), (60, all.len()));
}

pub async fn paid_jobs_come_first_and_owners_take_turns(place: &Place) {
    let (many, one, paying) = (OwnerId::new(), OwnerId::new(), OwnerId::new());
    for at in 0..5 {
        put(&place.store, &job(many, &format!("many-{at}"))).await;
    }
    put(&place.store, &NewJob { now: noon() + TimeDelta::seconds(1), ..job(one, "one") }).await;
    put(&place.store, &NewJob { priority: Priority::Paid, ..job(paying, "paid") }).await;
    put(&place.store, &NewJob { run_at: noon() + TimeDelta::hours(1), ..job(OwnerId::new(), "later") }).await;
    let mut order = Vec::new();
    for _ in 0..8 {
        order.extend(claim(&place.store, 1).await);
    }
    assert_eq!(place.store.head_of_line(Priority::Program, noon()).await.expect("asks"), None);
    assert_eq!(keys(&order), ["paid", "many-0", "one", "many-1", "many-2", "many-3", "many-4"]);
    assert_eq!(keys(&claim_at(&place.store, 9, noon() + TimeDelta::hours(1)).await), ["later"]);
}

pub async fn a_lost_lease_changes_nothing(place: &Place) {
    let owner = OwnerId::new();
    put(&place.store, &job(owner, "a")).await;
    let first = claim(&place.store, 1).await.remove(0);
    let late = noon() + LEASE + TimeDelta::seconds(1);
    assert_eq!(place.store.reap(noon()).await.expect("looks"), 0, "it still holds");
    assert_eq!(place.store.renew(&[first.lease], || noon() + TimeDelta::seconds(5), LEASE).await.expect("renews"), []);
    assert_eq!(place.store.reap(late).await.expect("looks"), 0, "it was renewed");
    assert_eq!(place.store.reap(late + LEASE).await.expect("looks"), 1);
    let second = claim_at(&place.store, 1, late + LEASE).await.remove(0);
    assert_eq!(second.attempt, 1, "a death is no failure");
    let tx = place.store.tenant(owner).await.expect("begins");
    assert!(matches!(tx.hold(&first.lease).await, Err(Error::LeaseLost)));
    assert!(matches!(tx.advance(&first.lease).await, Err(Error::LeaseLost)));
    tx.hold(&second.lease).await.expect("holds");
    drop(tx);
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert!(matches!(stranger.hold(&second.lease).await, Err(Error::LeaseLost)));
    drop(stranger);
    assert_eq!(place.store.renew(&[first.lease], || late, LEASE).await.expect("answers"), [(first.lease, LetGo::Lost)]);
    assert!(!place.store.end_attempt(&first.lease, &Verdict::Done, late).await.expect("answers"));
    assert!(place.store.end_attempt(&second.lease, &Verdict::Done, late).await.expect("answers"));
    assert_eq!(place.store.renew(&[], || late, LEASE).await.expect("answers"), []);
}

pub async fn a_failed_job_waits_and_is_hopeless_in_the_end(place: &Place) {
    put(&place.store, &job(OwnerId::new(), "a")).await;
    let mut at = noon();
    for attempt in 1..=MOST_ATTEMPTS {
        let claimed = claim_at(&place.store, 1, at).await.remove(0);
        assert_eq!((claimed.attempt, claimed.is_hopeless()), (attempt, false));
        assert!(place.store.end_attempt(&claimed.lease, &Verdict::Failed("no luck".into()), at).await.expect("ends"));
        assert_eq!(claim_at(&place.store, 1, at).await, [], "it waits");
        at += TimeDelta::minutes(10);
    }
    let last = claim_at(&place.store, 1, at).await.remove(0);
    assert!(last.is_hopeless(), "whoever claims it ends what it was for");
    assert!(place.store.end_attempt(&last.lease, &Verdict::Dead("no luck".into()), at).await.expect("ends"));
    let dead = place.store.dead_jobs(9).await.expect("lists");
    let [(id, kind, reason)] = &dead[..] else { panic!("one dead job: {dead:?}") };
    assert_eq!((kind.as_str(), reason.as_str()), ("run", "no luck"));
    assert!(place.store.revive_job(*id, at).await.expect("revives"));
    assert!(!place.store.revive_job(*id, at).await.expect("answers"));
    assert_eq!(claim_at(&place.store, 1, at).await[0].attempt, 1);
}

pub async fn what_is_not_the_jobs_fault_does_not_count(place: &Place) {
    let owner = OwnerId::new();
    put(&place.store, &job(owner, "a")).await;
    let mut at = noon();
    for _ in 0..10 {
        let claimed = claim_at(&place.store, 1, at).await.remove(0);
        assert_eq!(claimed.attempt, 1);
        assert!(place.store.end_attempt(&claimed.lease, &Verdict::Later("away".into()), at).await.expect("ends"));
        at += TimeDelta::minutes(1);
    }
    // Failures are forgotten when the job gets on, also those of the attempt that gets on.
    for _ in 0..=MOST_ATTEMPTS {
        let claimed = claim_at(&place.store, 1, at).await.remove(0);
        let tx = place.store.tenant(owner).await.expect("begins");
        tx.advance(&claimed.lease).await.expect("holds");
        tx.commit().await.expect("commits");
        assert!(place.store.end_attempt(&claimed.lease, &Verdict::Failed("no luck".into()), at).await.expect("ends"));
        at += TimeDelta::minutes(10);
    }
    assert_eq!(claim_at(&place.store, 1, at).await[0].attempt, 2);
}

pub async fn a_job_waits_for_its_moment_and_that_does_not_count(place: &Place) {
    put(&place.store, &job(OwnerId::new(), "a")).await;
    let first = claim(&place.store, 1).await.remove(0);
    let at = noon() + TimeDelta::minutes(42);
    let verdict = Verdict::At { at, reason: "the quota is used up".into() };
    assert!(place.store.end_attempt(&first.lease, &verdict, noon()).await.expect("ends"));
    assert!(!place.store.end_attempt(&first.lease, &verdict, noon()).await.expect("answers"), "its lease is over");
    assert_eq!(place.store.queue().await.expect("counts").waiting, 1);
    assert_eq!(claim_at(&place.store, 1, at - TimeDelta::seconds(1)).await, []);
    assert_eq!(claim_at(&place.store, 1, at).await[0].attempt, 1);
}

pub async fn processes_that_die_over_a_job_are_counted_apart(place: &Place) {
    let owner = OwnerId::new();
    put(&place.store, &job(owner, "a")).await;
    let mut at = noon();
    for death in 0..MOST_DEATHS {
        let claimed = claim_at(&place.store, 1, at).await.remove(0);
        assert_eq!((claimed.attempt, claimed.deaths, claimed.is_hopeless()), (1, death, false));
        at += LEASE + TimeDelta::seconds(1);
        assert_eq!(place.store.reap(at).await.expect("looks"), 1);
    }
    let hopeless = claim_at(&place.store, 1, at).await.remove(0);
    assert!(hopeless.is_hopeless());
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.advance(&hopeless.lease).await.expect("holds");
    tx.commit().await.expect("commits");
    at += LEASE + TimeDelta::seconds(1);
    assert_eq!(place.store.reap(at).await.expect("looks"), 1);
    assert_eq!(claim_at(&place.store, 1, at).await[0].deaths, 1, "it got on");
}

pub async fn a_job_handed_back_goes_on_at_once(place: &Place) {
    put(&place.store, &job(OwnerId::new(), "a")).await;
    let claimed = claim(&place.store, 1).await.remove(0);
    assert!(place.store.end_attempt(&claimed.lease, &Verdict::HandedBack, noon()).await.expect("ends"));
    assert_eq!(claim(&place.store, 1).await[0].attempt, 1, "it does not count");
}

pub async fn a_cancelled_job_is_let_go_of(place: &Place) {
    let owner = OwnerId::new();
    for key in ["waiting", "running"] {
        put(&place.store, &job(owner, key)).await;
    }
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.cancel_job("run", "waiting", noon()).await.expect("cancels");
    tx.commit().await.expect("commits");
    let claimed = claim(&place.store, 9).await;
    assert_eq!(keys(&claimed), ["running"]);
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    stranger.cancel_job("run", "running", noon()).await.expect("answers");
    stranger.commit().await.expect("commits");
    let lease = claimed[0].lease;
    assert_eq!(place.store.renew(&[lease], noon, LEASE).await.expect("renews"), []);
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.cancel_job("run", "running", noon()).await.expect("cancels");
    tx.commit().await.expect("commits");
    assert_eq!(place.store.renew(&[lease], noon, LEASE).await.expect("renews"), [(lease, LetGo::Stop)]);
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.hold(&lease).await.expect("what was used can still be settled");
    tx.commit().await.expect("commits");
    assert!(place.store.end_attempt(&claimed[0].lease, &Verdict::Done, noon()).await.expect("ends"));
    assert_eq!(place.store.standing("run", "running", noon()).await.expect("asks"), Some(Standing::Ended));
}

pub async fn a_paused_kind_is_not_claimed(place: &Place) {
    put(&place.store, &job(OwnerId::new(), "a")).await;
    for _ in 0..2 {
        place.store.pause_jobs("run", noon()).await.expect("pauses");
    }
    assert_eq!(claim(&place.store, 1).await, []);
    assert_eq!(place.store.queue().await.expect("counts").paused, ["run"]);
    place.store.let_jobs_on("run").await.expect("lets on");
    assert_eq!(claim(&place.store, 1).await.len(), 1);
}

pub async fn a_job_knows_its_place_in_line(place: &Place) {
    for key in ["a", "b", "c"] {
        put(&place.store, &job(OwnerId::new(), key)).await;
    }
    let standing = async |key: &str| place.store.standing("run", key, noon()).await.expect("asks");
    assert_eq!(standing("c").await, Some(Standing::Waiting { ahead: 2, expected_ms: None }));
    assert_eq!(standing("z").await, None);
    let claimed = claim(&place.store, 1).await.remove(0);
    assert_eq!(standing("a").await, Some(Standing::Running));
    place.store.end_attempt(&claimed.lease, &Verdict::Done, noon() + TimeDelta::seconds(4)).await.expect("ends");
    assert_eq!(standing("c").await, Some(Standing::Waiting { ahead: 1, expected_ms: Some(8_000) }));
    let queue = place.store.queue().await.expect("counts");
    assert_eq!((queue.waiting, queue.running, queue.dead), (2, 0, 0));
}

pub async fn scheduled_jobs_run_once(place: &Place) {
    let tick = NewJob { kind: "tidy", owner: None, priority: Priority::Program, ..job(OwnerId::new(), "tidy@12:00") };
    let mut replicas = JoinSet::new();
    for _ in 0..8 {
        let (store, tick) = (place.store.clone(), tick.clone());
        replicas.spawn(async move { store.enqueue_own(&tick).await.expect("answers") });
    }
    assert_eq!(replicas.join_all().await.into_iter().filter(|added| *added).count(), 1);
    assert_eq!(claim(&place.store, 9).await.len(), 1);
}

pub async fn workers_hear_of_new_jobs(place: &Place) {
    // On a server another process's store has to be heard; in a folder the same store's bell rings.
    let other = if place.store.is_shared() { Store::open(place.settings.clone()).await.expect("opens") } else { place.store.clone() };
    let mut hearing = JoinSet::new();
    if let Some(work) = place.store.hear().await.expect("listens") {
        hearing.spawn(work);
    }
    let bell = place.store.bell();
    let rung = bell.notified();
    tokio::pin!(rung);
    rung.as_mut().enable();
    put(&other, &job(OwnerId::new(), "a")).await;
    tokio::time::timeout(Duration::from_secs(5), rung).await.expect("the bell rings");
}

pub async fn old_jobs_are_forgotten(place: &Place) {
    for key in ["done", "dead", "waiting"] {
        put(&place.store, &job(OwnerId::new(), key)).await;
    }
    for claimed in claim(&place.store, 2).await {
        let verdict = if claimed.payload["key"] == "done" { Verdict::Done } else { Verdict::Dead("why".into()) };
        place.store.end_attempt(&claimed.lease, &verdict, noon()).await.expect("ends");
    }
    assert_eq!(place.store.forget_jobs(noon()).await.expect("forgets"), 0);
    assert_eq!(place.store.forget_jobs(noon() + TimeDelta::seconds(1)).await.expect("forgets"), 1);
    assert_eq!(place.store.queue().await.expect("counts").dead, 1);
}

pub async fn a_job_that_waits_can_be_hurried(place: &Place) {
    let (me, other) = (OwnerId::new(), OwnerId::new());
    for (owner, key) in [(me, "mine"), (other, "theirs")] {
        put(&place.store, &NewJob { run_at: noon() + TimeDelta::hours(1), ..job(owner, key) }).await;
    }
    assert!(claim(&place.store, 9).await.is_empty());
    let tx = place.store.tenant(me).await.expect("begins");
    tx.hurry_jobs("run", noon()).await.expect("hurries");
    tx.commit().await.expect("commits");
    assert_eq!(keys(&claim(&place.store, 9).await), ["mine"]);
}
