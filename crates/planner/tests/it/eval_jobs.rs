//! Evals that a job does: stopped, they ask nobody any more; interrupted, they go on with what they lack; judged, with the house's own
//! models alone.

use crate::house::{self, House};
use app::evals;
use app::{App, Caller};
use domain::evals::{Eval, Progress};
use domain::ids::{EvalId, OwnerId};
use std::time::{Duration, Instant};

fn operator() -> Caller {
    Caller::operator(OwnerId::new())
}

/// Waits until so many cases have their verdict.
async fn judged(app: &App, eval: EvalId, least: u32) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while evals::standing(app, &operator(), eval).await.expect("reads").judged < least {
        assert!(Instant::now() < deadline, "no cases are judged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ended(app: &App, eval: EvalId) -> Eval {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let now = evals::get(app, &operator(), eval).await.expect("is there");
        if now.progress != Progress::Running {
            return now;
        }
        assert!(Instant::now() < deadline, "the eval does not end: {now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eval_that_is_stopped_asks_nobody_any_more() {
    let house = House::open().await;
    house.upstream.latency(Duration::from_millis(300));
    let eval = evals::ask_for_release(&house.app, &operator(), "1.0.0").await.expect("is begun").eval;
    judged(&house.app, eval.id, 3).await;
    evals::stop(&house.app, &operator(), eval.id).await.expect("is stopped");
    assert_eq!(evals::get(&house.app, &operator(), eval.id).await.expect("is there").progress, Progress::Stopped);
    // Whoever is at it hears of it with the next renewal of the lease.
    let mut calls = (house.upstream.calls().len(), Instant::now());
    let begun = Instant::now();
    while calls.1.elapsed() < Duration::from_secs(2) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on asking");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = house.upstream.calls().len();
        if now != calls.0 {
            calls = (now, Instant::now());
        }
    }
    assert!(calls.0 < 200, "{} calls were made", calls.0);
    // It decides nothing, and the same can be asked for again.
    let again = evals::ask_for_release(&house.app, &operator(), "1.0.0").await.expect("is begun").eval;
    assert_ne!(again.id, eval.id);
    evals::stop(&house.app, &operator(), again.id).await.expect("is stopped");
    house.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eval_that_was_interrupted_goes_on_with_what_it_lacks() {
    let house = House::open().await;
    house.upstream.latency(Duration::from_millis(100));
    let eval = evals::ask_for_release(&house.app, &operator(), "1.0.0").await.expect("is begun").eval;
    judged(&house.app, eval.id, 20).await;
    house.app.shut_down().await;
    let kept = evals::standing(&house.app, &operator(), eval.id).await.expect("reads").judged;
    house.upstream.latency(Duration::ZERO);
    let before = house.upstream.calls().len();
    let second = house::app(&house.upstream, house.dir.path(), None, |_| {}).await;
    let done = ended(&second, eval.id).await;
    assert_eq!(done.progress, Progress::Finished, "{:?}", done.reason);
    // Each case makes a call or two, and those that were judged make none.
    assert_eq!((done.cases, done.total.tests), (eval.cases, eval.cases));
    let most = usize::try_from((done.cases - kept) * 2).expect("few");
    let asked = house.upstream.calls().len() - before;
    assert!(asked <= most, "{kept} of {} were judged, and {asked} calls came after", done.cases);
    second.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_cannot_do_an_eval_lets_others_have_it() {
    let house = House::furnished(|_| {}).await;
    // Production is served by another process, with one model more; it looks for jobs less often than this one.
    let mut fast = house.app.models(prompts::ModelClass::Fast);
    fast.push("gemini:gemini-3.6-flash".into());
    let other = house.other(|config| config.models.fast = fast).await;
    other.begin_serving().await.expect("is written down");
    let begun = evals::ask_for_release(&house.app, &operator(), "1.0.0").await.expect("is begun");
    ended(&house.app, begun.eval.id).await;
    let wanted = store::Wanted { kinds: &["eval"], owner: None, most: 9, lease_for: chrono::TimeDelta::seconds(12) };
    let (store, deadline) = (house.store().await, Instant::now() + Duration::from_mins(1));
    let found = loop {
        let found = store.claim(&wanted, chrono::Utc::now()).await.expect("claims");
        if !found.is_empty() || Instant::now() > deadline {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let found: Vec<_> = found.iter().map(|job| job.payload["eval"].clone()).collect();
    assert_eq!(found, [serde_json::json!(begun.also[0].id)], "it is there for whoever looks");
    evals::stop(&house.app, &operator(), begun.also[0].id).await.expect("is stopped");
    house.app.shut_down().await;
}
