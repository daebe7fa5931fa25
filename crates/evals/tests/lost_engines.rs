//! Scripts that cannot be interrupted. A test of its own process: what is lost stays lost until the process ends.

use std::time::{Duration, Instant};

const ENDLESS: [&str; 2] = ["[].sort.call({length: 2 ** 53 - 1})", "[].sort.call({length: 2 ** 53 - 1}, (a, b) => a - b)"];

#[tokio::test]
async fn loops_of_built_in_functions_are_not_waited_for_and_not_without_end() {
    let began = Instant::now();
    let scope = evals::Scope::new();
    let both = futures::future::join_all(ENDLESS.map(|code| evals::evaluate(code, &[], &scope))).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    for lost in both {
        assert!(lost.expect_err("is given up").contains("built-in function"));
    }
    assert_eq!(evals::evaluate("1 + 1", &[], &scope).await, Ok(2.into()), "others go on");
    // Until too many have been lost.
    for lost in futures::future::join_all(ENDLESS.map(|code| evals::evaluate(code, &[], &scope))).await {
        lost.expect_err("is given up");
    }
    assert!(evals::evaluate("1 + 1", &[], &scope).await.expect_err("no engine is left").contains("never came to an end"));
}
