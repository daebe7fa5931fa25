//! What a call used and cost is recorded exactly where the provider says it, and estimated where it cannot.

use crate::house::{DIALECTS, House, outcomes, question, streams};
use domain::usage::{MicroDollars, Price, Tokens};
use llm::{Ask, Fault};
use serde_json::Value;
use std::time::Duration;
use testkit::Dialect;
use tokio_util::sync::CancellationToken;

fn price(dialect: Dialect) -> Price {
    let price = |input, cached, output| Price { input, cached, output, search_query: 0.0, grounded_call: 0.0 };
    match dialect {
        Dialect::Gemini => price(0.30, 0.03, 2.50),
        Dialect::OpenAi => price(0.40, 0.10, 1.60),
        Dialect::Anthropic => price(3.0, 0.30, 15.0),
        Dialect::Ollama => Price::FREE,
    }
}

#[tokio::test]
async fn tokens_and_cost_are_those_of_the_provider() {
    for dialect in DIALECTS {
        let house = House::open(dialect).await;
        house.upstream.thoughts(11).cached(4);
        let outcome = house.ask(&question()).await;
        let answer = outcome.result.expect("an answer");
        let value = answer.value.clone().or_else(|| serde_json::from_str::<Value>(&answer.text).ok()).expect("JSON");
        assert_eq!(value["goals"].as_array().map(Vec::len), Some(3), "{dialect}");
        assert!(!answer.grounded && !answer.truncated && !answer.draft_model && answer.sources.is_empty());

        let asked = house.upstream.calls();
        let ([asked], [call]) = (asked.as_slice(), outcome.calls.as_slice()) else { panic!("{dialect}: one call") };
        let cached = if dialect == Dialect::Ollama { 0 } else { 4 };
        let thoughts = if streams(dialect) { 11 } else { 0 };
        assert_eq!(call.tokens, Tokens { input: asked.input_tokens, cached, output: asked.output_tokens, thoughts }, "{dialect}");
        assert_eq!(call.cost, Some(price(dialect).of(call.tokens, 0)), "{dialect}");
        assert_eq!((call.outcome.as_str(), call.provider.clone()), ("ok", dialect.to_string()));
        assert_eq!((answer.provider, answer.model), (call.provider.clone(), call.model.clone()));
        assert!(asked.key_present);
    }
}

#[tokio::test]
async fn a_model_without_price_costs_an_unknown_amount() {
    let house =
        House::with(Dialect::OpenAi, 1, |settings| settings.fast = vec!["openai:something-new".into(), "openai:something-new".into()])
            .await;
    let outcome = house.ask(&question()).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.calls[0].cost, None);
    assert_eq!(house.llm.warnings(), ["openai:something-new has no price: its cost is recorded as unknown; add it to the price table"]);
}

#[tokio::test]
async fn a_call_that_breaks_off_or_is_stopped_is_charged() {
    for dialect in DIALECTS {
        for fault in [testkit::Fault::CutStream, testkit::Fault::Stall] {
            let house = House::with(dialect, 1, |settings| settings.attempts = 1).await;
            house.upstream.then(fault.clone());
            let outcome = house.ask(&Ask { timeout: Duration::from_millis(90), ..question() }).await;
            assert!(outcome.result.is_err());
            let tokens = outcome.calls[0].tokens;
            assert!(tokens.input > 0, "{dialect} {fault:?}");
            // What an answer in one piece had cost cannot be told from its half.
            assert_eq!(tokens.output > 0, streams(dialect), "{dialect} {fault:?}");
            assert_eq!(outcome.calls[0].cost > Some(MicroDollars(0)), dialect != Dialect::Ollama, "{dialect} {fault:?}");
        }
    }
}

#[tokio::test]
async fn cancelling_stops_at_once_and_settles() {
    for dialect in DIALECTS {
        let house = House::with(dialect, 2, |_| {}).await;
        house.upstream.always(Some(testkit::Fault::Stall));
        let cancel = CancellationToken::new();
        let stop = async {
            while house.upstream.calls().is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
            cancel.cancel();
        };
        let ask = question();
        let (outcome, ()) = tokio::join!(house.llm.ask(&ask, Some("Shorter."), &cancel, &()), stop);
        assert_eq!(outcomes(&outcome), ["cancelled"], "{dialect}");
        assert!(outcome.calls[0].tokens.input > 0 && outcome.calls[0].duration_ms < 1000);
        assert_eq!(outcome.calls[0].tokens.output > 0, streams(dialect), "{dialect}");
        let error = outcome.result.expect_err("it was stopped");
        assert!(error.is_cancelled());
        assert_eq!(error.tried.last().map(|(_, fault)| fault), Some(&Fault::Cancelled));
    }
}

#[tokio::test]
async fn what_was_cancelled_before_it_began_asks_nobody() {
    let house = House::open(Dialect::Gemini).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let outcome = house.llm.ask(&question(), Some("Shorter."), &cancel, &()).await;
    assert!(outcome.result.is_err_and(|error| error.is_cancelled()));
    assert!(house.upstream.calls().is_empty() && outcome.calls.is_empty());
}
