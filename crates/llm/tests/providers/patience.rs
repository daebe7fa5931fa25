//! How long a model is waited for, and when it is left alone.

use crate::house::{DIALECTS, House, outcomes, question};
use llm::Fault;
use std::time::{Duration, Instant};
use testkit::{Dialect, Fault as Scripted};

const fn status(code: u16, retry_after: Option<u64>) -> Scripted {
    Scripted::Status { code, retry_after }
}

#[tokio::test]
async fn the_provider_s_word_on_when_to_come_back_counts_for_more_than_ours() {
    for dialect in DIALECTS {
        let hour = Duration::from_hours(1);
        let house = House::with(dialect, 1, |settings| (settings.first_wait, settings.longest_wait) = (hour, hour)).await;
        house.upstream.then(status(429, Some(0))).then(status(503, Some(0)));
        let before = Instant::now();
        let outcome = house.ask(&question()).await;
        assert_eq!(outcomes(&outcome), ["rate-limited", "unavailable", "ok"], "{dialect}");
        assert!(before.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_model_that_wants_to_be_left_for_long_is_left_for_the_next() {
    for dialect in DIALECTS {
        let house = House::with(dialect, 2, |_| {}).await;
        house.upstream.then(status(429, Some(3600)));
        let outcome = house.ask(&question()).await;
        assert_eq!(outcomes(&outcome), ["rate-limited", "ok"], "{dialect}");
    }
}

#[tokio::test]
async fn a_model_is_tried_so_often_and_no_more() {
    let house = House::with(Dialect::Gemini, 2, |settings| settings.attempts = 3).await;
    house.upstream.always(Some(status(500, None)));
    let outcome = house.ask(&question()).await;
    assert_eq!(outcomes(&outcome), ["unavailable"; 6]);
    assert_eq!(house.upstream.calls().len(), 6);
}

#[tokio::test]
async fn a_breaker_opens_and_closes_again() {
    for dialect in DIALECTS {
        let house = House::with(dialect, 1, |settings| {
            (settings.attempts, settings.breaker_after, settings.breaker_wait) = (1, 3, Duration::from_millis(80));
        })
        .await;
        house.upstream.always(Some(status(503, None)));
        let mut asked = 0;
        let error = loop {
            let error = house.ask(&question()).await.result.expect_err("no answer");
            asked += 1;
            if error.tried[0].1 == Fault::BreakerOpen {
                break error;
            }
            assert!(asked < 8, "{dialect}: it never opened");
        };
        assert!(error.to_string().ends_with("is being left alone after repeated faults"));
        assert_eq!(house.upstream.calls().len(), asked - 1, "{dialect}: nobody was asked while it was open");
        let outcome = house.ask(&question()).await;
        assert_eq!(outcomes(&outcome), [""; 0], "{dialect}: a call that was not made is not recorded");

        house.upstream.reset();
        tokio::time::sleep(Duration::from_millis(90)).await;
        for _ in 0..3 {
            assert!(house.ask(&question()).await.result.is_ok(), "{dialect}");
        }
    }
}

#[tokio::test]
async fn faults_of_the_question_do_not_open_the_breaker() {
    let house = House::with(Dialect::Gemini, 1, |settings| (settings.attempts, settings.breaker_after) = (1, 2)).await;
    house.upstream.always(Some(status(400, None)));
    for _ in 0..6 {
        assert_eq!(outcomes(&house.ask(&question()).await), ["bad-request"]);
    }
}
