//! Every way a call goes wrong, and what follows from it.

use crate::house::{DIALECTS, House, models, outcomes, question, streams};
use llm::{Ask, Fault};
use serde_json::Value;
use std::time::Duration;
use testkit::{Dialect, Fault as Scripted};
use tokio_util::sync::CancellationToken;

const fn status(code: u16) -> Scripted {
    Scripted::Status { code, retry_after: None }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for dialect in DIALECTS {
        // A body that ends early is a broken stream to some and no JSON to others.
        let early = if streams(dialect) { "cut" } else { "malformed" };
        let cases = [
            (Scripted::Status { code: 429, retry_after: Some(0) }, "rate-limited"),
            (status(429), "rate-limited"),
            (status(500), "unavailable"),
            (status(503), "unavailable"),
            (status(529), "unavailable"),
            (Scripted::CutStream, "cut"),
            (Scripted::EndEarly, early),
            (Scripted::MalformedWire, "malformed"),
        ];
        for (fault, key) in cases {
            let house = House::open(dialect).await;
            house.upstream.then(fault.clone());
            let outcome = house.ask(&question()).await;
            assert!(outcome.result.is_ok(), "{dialect} {fault:?}");
            assert_eq!(outcomes(&outcome), [key, "ok"], "{dialect} {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for dialect in DIALECTS {
        for (fault, key) in
            [(status(400), "bad-request"), (status(404), "bad-request"), (status(401), "unauthorized"), (status(403), "unauthorized")]
        {
            let house = House::open(dialect).await;
            house.upstream.always(Some(fault));
            let outcome = house.ask(&question()).await;
            assert_eq!(outcomes(&outcome), [key], "{dialect}");
            assert_eq!(outcome.calls[0].tokens.input, 0, "{dialect}: nobody read the prompt");
        }
        let house = House::open(dialect).await;
        house.upstream.then(Scripted::Refusal);
        let outcome = house.ask(&question()).await;
        // A model on Ollama can only decline in words, which are then no JSON.
        let expected = if dialect == Dialect::Ollama { "ok" } else { "refused" };
        assert_eq!(outcomes(&outcome), [expected], "{dialect}");
    }
}

#[tokio::test]
async fn what_the_model_wrote_is_not_this_room_s_to_judge() {
    for dialect in DIALECTS {
        for fault in [Scripted::WrongSchema, Scripted::MalformedJson, Scripted::Fenced, Scripted::Placeholder] {
            let house = House::open(dialect).await;
            house.upstream.then(fault.clone());
            let outcome = house.ask(&question()).await;
            let answer = outcome.result.expect("an answer");
            assert!(!answer.text.is_empty(), "{dialect} {fault:?}");
            assert_eq!(house.upstream.calls().len(), 1);
        }
    }
}

#[tokio::test]
async fn thinking_that_ate_the_answer_is_given_twice_the_room_once() {
    let limit = |body: &Value| {
        let places = ["/generationConfig/maxOutputTokens", "/max_tokens", "/options/num_predict"];
        places.iter().find_map(|place| body.pointer(place)?.as_u64())
    };
    for dialect in DIALECTS {
        let house = House::with(dialect, 2, |_| {}).await;
        house.upstream.then(Scripted::EmptyThinking);
        let outcome = house.ask(&question()).await;
        assert_eq!(outcomes(&outcome), ["truncated", "ok"], "{dialect}");
        assert!(outcome.calls[0].tokens.output >= 2000, "{dialect}: thoughts are paid for");
        let limits: Vec<_> = house.upstream.calls().iter().map(|call| limit(&call.body)).collect();
        assert_eq!(limits, [Some(2000), Some(4000)], "{dialect}");

        house.upstream.always(Some(Scripted::EmptyThinking));
        let outcome = house.ask(&question()).await;
        assert_eq!(outcomes(&outcome), ["truncated"; 4], "{dialect}: twice each model");
        assert!(outcome.result.is_err_and(|error| error.tried.iter().all(|(_, fault)| *fault == Fault::Truncated)));
    }
}

#[tokio::test]
async fn a_silent_model_is_left_for_the_next() {
    for dialect in DIALECTS {
        for fault in [Scripted::Hang, Scripted::Stall] {
            let house = House::with(dialect, 2, |_| {}).await;
            house.upstream.then(fault.clone());
            let outcome = house.ask(&Ask { timeout: Duration::from_millis(90), ..question() }).await;
            assert_eq!(outcomes(&outcome), ["timed-out", "ok"], "{dialect} {fault:?}");
            let answer = outcome.result.expect("an answer");
            assert_eq!(format!("{}:{}", answer.provider, answer.model), models(dialect)[1]);
        }
    }
}

#[tokio::test]
async fn the_error_names_every_model_and_what_it_did() {
    let house = House::with(Dialect::OpenAi, 2, |settings| settings.attempts = 1).await;
    house.upstream.then(status(503)).then(Scripted::Refusal);
    let error = house.ask(&question()).await.result.expect_err("no answer");
    assert_eq!(
        error.to_string(),
        "no model answered: openai:gpt-4.1-mini is not available (status 503); openai:gpt-4.1 refused to answer (refusal)"
    );
}

#[tokio::test]
async fn the_simpler_prompt_is_the_last_resort() {
    for dialect in DIALECTS {
        let house = House::with(dialect, 2, |_| {}).await;
        house.upstream.when(|call| call.prompt.contains("Set goals").then_some(status(400)));
        let short = "<product_idea>cork yoga mats</product_idea> Briefly.";
        let outcome = house.llm.ask(&question(), Some(short), &CancellationToken::new(), &()).await;
        assert_eq!(outcomes(&outcome), ["bad-request", "bad-request", "ok"], "{dialect}");
        assert!(outcome.result.is_ok());
        assert!(house.upstream.calls()[2].prompt.contains("Briefly."));
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_a_network_fault() {
    let house = House::open(Dialect::Gemini).await;
    let House { upstream, llm } = house;
    drop(upstream);
    let outcome = llm.ask(&question(), None, &CancellationToken::new(), &()).await;
    let error = outcome.result.expect_err("no answer");
    assert!(matches!(error.tried[0].1, Fault::Network(_) | Fault::Unavailable { .. }), "{error}");
}
