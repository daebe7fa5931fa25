//! Cached answers: made once, by one at a time, kept for as long as was said.

use crate::place::{both, eventually, replicas};
use hub::{CacheKey, Hit, Hub};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_mins(1);

fn key(name: &str) -> CacheKey {
    CacheKey::builder().part("test", name).finish()
}

async fn kept(hub: &Hub, key: &CacheKey, value: &str) -> (String, Hit) {
    let Ok(answer) = hub.cached(key, LONG, async { Ok::<_, Infallible>((value.to_owned(), true)) }).await;
    answer
}

/// One hundred callers at once on one hub; where each answer came from.
async fn hundred(hub: &Hub, makings: &Arc<AtomicUsize>, keep: bool) -> Vec<Hit> {
    let (open, mut callers) = (Arc::new(Semaphore::new(0)), JoinSet::new());
    for _ in 0..100 {
        let (hub, makings, open) = (hub.clone(), Arc::clone(makings), Arc::clone(&open));
        callers.spawn(async move {
            let make = async {
                makings.fetch_add(1, Ordering::SeqCst);
                open.acquire().await.expect("open").forget();
                Ok::<_, Infallible>(("a plan".to_owned(), keep))
            };
            let Ok((value, hit)) = hub.cached(&key("hundred"), LONG, make).await;
            assert_eq!(value, "a plan");
            hit
        });
    }
    // Nobody is done before all have come.
    tokio::task::yield_now().await;
    eventually("somebody makes it", async || makings.load(Ordering::SeqCst) > 0).await;
    open.add_permits(100);
    callers.join_all().await
}

#[tokio::test]
async fn of_a_hundred_callers_one_makes_it() {
    for hub in both().await {
        let makings = Arc::default();
        let hits = hundred(&hub, &makings, true).await;
        assert_eq!(makings.load(Ordering::SeqCst), 1);
        assert_eq!(hits.iter().filter(|hit| **hit == Hit::Made).count(), 1);
        assert_eq!(hits.iter().filter(|hit| **hit == Hit::Shared).count(), 99);
        assert_eq!(kept(&hub, &key("hundred"), "another").await, ("a plan".into(), Hit::Process));
        let stats = hub.cache_stats().await;
        assert_eq!((stats.hits, stats.misses, stats.entries), (100, 1, 1));
    }
}

#[tokio::test]
async fn what_may_not_be_kept_is_shared_with_those_who_wait_and_nobody_else() {
    for hub in both().await {
        let makings = Arc::default();
        let hits = hundred(&hub, &makings, false).await;
        assert_eq!(hits.iter().filter(|hit| **hit == Hit::Shared).count(), 99);
        assert_eq!(kept(&hub, &key("hundred"), "another").await, ("another".into(), Hit::Made));
    }
}

#[tokio::test]
async fn a_maker_that_hangs_up_fails_or_panics_leaves_it_to_the_next() {
    for hub in both().await {
        for end in ["hangs up", "fails", "panics"] {
            let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let make = {
                let (hub, started, go_on) = (hub.clone(), Arc::clone(&started), Arc::clone(&go_on));
                async move {
                    let make = async {
                        started.notify_one();
                        go_on.notified().await;
                        assert_ne!(end, "panics", "as planned");
                        Err::<(String, bool), _>("failed")
                    };
                    hub.cached(&key(end), LONG, make).await
                }
            };
            let mut makers = JoinSet::new();
            makers.spawn(make);
            started.notified().await;
            let (second_hub, second_key) = (hub.clone(), key(end));
            let mut second = Box::pin(kept(&second_hub, &second_key, "made by the next"));
            assert!(futures::poll!(&mut second).is_pending());
            match end {
                "hangs up" => makers.abort_all(),
                _ => go_on.notify_one(),
            }
            let ended = makers.join_next().await.expect("the maker");
            assert_eq!(matches!(ended, Ok(Err("failed"))), end == "fails");
            let answer = tokio::time::timeout(Duration::from_secs(20), second).await.expect("nobody waits for ever");
            assert_eq!(answer, ("made by the next".into(), Hit::Made), "{end}");
        }
    }
}

#[tokio::test]
async fn answers_go_when_their_time_is_over() {
    for hub in both().await {
        let short = async || {
            let make = async { Ok::<_, Infallible>((1, true)) };
            let Ok((_, hit)) = hub.cached(&key("short"), Duration::from_millis(300), make).await;
            hit
        };
        assert_eq!(short().await, Hit::Made);
        assert_eq!(short().await, Hit::Process);
        eventually("it is made again", async || short().await == Hit::Made).await;
        assert_eq!(kept(&hub, &key("long"), "x").await.1, Hit::Made);
    }
}

#[tokio::test]
async fn replicas_share_answers_and_their_time() {
    let [one, two] = replicas().await;
    assert_eq!(kept(&one, &key("shared"), "of the first").await, ("of the first".into(), Hit::Made));
    assert_eq!(kept(&two, &key("shared"), "of the second").await, ("of the first".into(), Hit::Redis));
    assert_eq!(kept(&two, &key("shared"), "of the second").await.1, Hit::Process);
    // What the second took over goes with the first's, not a whole time later.
    let ttl = Duration::from_millis(500);
    let make = || async { Ok::<_, Infallible>((1, true)) };
    let started = std::time::Instant::now();
    one.cached(&key("short"), ttl, make()).await.expect("made");
    tokio::time::sleep(ttl / 2).await;
    two.cached(&key("short"), ttl, make()).await.expect("made or taken over");
    let still = async || two.cached(&key("short"), ttl, make()).await.expect("an answer").1 != Hit::Made;
    eventually("it is made again", async || !still().await).await;
    assert!(started.elapsed() >= ttl / 2);
}

#[tokio::test]
async fn a_replica_is_waited_for_and_its_failing_noticed() {
    let [one, two] = replicas().await;
    let (finish, finished) = oneshot::channel::<Result<(String, bool), &str>>();
    let (started, first) = (Arc::new(Notify::new()), one.clone());
    let make = {
        let started = Arc::clone(&started);
        async move {
            started.notify_one();
            finished.await.expect("a result")
        }
    };
    let mut makers = JoinSet::new();
    makers.spawn(async move { first.cached(&key("slow"), LONG, make).await });
    started.notified().await;
    let wanted = key("slow");
    let mut waiting = Box::pin(kept(&two, &wanted, "of the second"));
    // Longer than a claim lasts: it is renewed.
    assert!(tokio::time::timeout(Duration::from_secs(4), &mut waiting).await.is_err(), "the first makes it");
    finish.send(Ok(("of the first".into(), true))).expect("waited for");
    assert_eq!(waiting.await, ("of the first".into(), Hit::Redis));

    let failed = one.cached(&key("fails"), LONG, async { Err::<(String, bool), _>("failed") }).await;
    assert_eq!(failed, Err("failed"));
    assert_eq!(kept(&two, &key("fails"), "of the second").await, ("of the second".into(), Hit::Made));
}

#[tokio::test]
async fn an_answer_of_another_form_is_made_anew() {
    for hub in both().await {
        kept(&hub, &key("form"), "a text").await;
        let Ok((number, hit)) = hub.cached(&key("form"), LONG, async { Ok::<_, Infallible>((7, true)) }).await;
        assert_eq!((number, hit), (7, Hit::Made));
    }
}
