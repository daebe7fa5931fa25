//! Limits: the same in this process and shared by replicas.

use crate::place::{both, replicas};
use futures::future::join_all;
use hub::{Hub, Limit};
use std::time::Instant;

const SIXTY: Limit = Limit { per_hour: 60 };

#[tokio::test]
async fn what_is_taken_counts_for_its_taker_and_name() {
    for hub in both().await {
        for left in (0..60).rev() {
            let taken = hub.take("generations", "ana", SIXTY).await;
            assert_eq!((taken.allowed, taken.remaining, taken.retry_after_seconds), (true, left, 0));
            // A test takes no minute: the last whole one is not paid off yet.
            assert!((1..=60).contains(&(i64::try_from(taken.reset_seconds).expect("an hour") - i64::from(59 - left) * 60)), "{taken:?}");
        }
        let refused = hub.take("generations", "ana", SIXTY).await;
        assert_eq!((refused.allowed, refused.remaining), (false, 0));
        assert!((1..=60).contains(&refused.retry_after_seconds), "{refused:?}");
        assert!(hub.take("generations", "bob", SIXTY).await.allowed);
        assert!(hub.take("plans", "ana", SIXTY).await.allowed);
    }
}

#[tokio::test]
async fn what_is_given_back_may_be_taken_again_and_no_more() {
    let two = Limit { per_hour: 2 };
    for hub in both().await {
        hub.give_back("plans", "ana", two).await;
        assert!(hub.take("plans", "ana", two).await.allowed);
        assert!(hub.take("plans", "ana", two).await.allowed);
        assert!(!hub.take("plans", "ana", two).await.allowed);
        hub.give_back("plans", "ana", two).await;
        assert!(hub.take("plans", "ana", two).await.allowed);
        assert!(!hub.take("plans", "ana", two).await.allowed);
    }
}

/// Takes from all hubs at once for a while; never more are allowed than the limit and what the time refilled.
async fn stormed(hubs: &[Hub]) {
    // One a second: what a second of storming refills can be told apart from what may be taken at once.
    let limit = Limit { per_hour: 3600 };
    let since = Instant::now();
    let mut allowed = 0;
    for _ in 0..100 {
        let takes = join_all((0..50).map(|n| hubs[n % hubs.len()].take("generations", "ana", limit))).await;
        allowed += takes.iter().filter(|taken| taken.allowed).count() as u64;
    }
    let most = 3600 + since.elapsed().as_secs() + 1;
    assert!((3600..=most).contains(&allowed), "{allowed} of at most {most}");
}

#[tokio::test]
async fn a_storm_gets_no_more_than_the_limit() {
    stormed(&[Hub::in_process()]).await;
    stormed(&replicas::<3>().await).await;
}

#[tokio::test]
async fn replicas_share_a_limit() {
    let [one, two] = replicas().await;
    for n in 0..60 {
        assert!([&one, &two][n % 2].take("generations", "ana", SIXTY).await.allowed);
    }
    assert!(!one.take("generations", "ana", SIXTY).await.allowed);
    assert!(!two.take("generations", "ana", SIXTY).await.allowed);
}
