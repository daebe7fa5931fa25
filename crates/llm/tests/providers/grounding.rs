//! A search first and the form afterwards, paid for once, with sources from the search's own record alone.

use crate::house::{House, outcomes, question};
use domain::usage::MicroDollars;
use llm::Ask;
use testkit::{Dialect, Fault as Scripted};
use tokio_util::sync::CancellationToken;

fn grounded() -> Ask {
    Ask { grounding: true, ..question() }
}

#[tokio::test]
async fn a_search_brings_sources_and_its_price() {
    let house = House::open(Dialect::Gemini).await;
    let outcome = house.ask(&grounded()).await;
    let answer = outcome.result.expect("an answer");
    assert!(answer.grounded);
    let sources: Vec<_> = answer.sources.iter().map(|s| (s.uri.as_str(), s.title.as_str())).collect();
    assert_eq!(
        sources,
        [("https://example.com/market-overview", "Market overview"), ("https://example.com/price-comparison", "Price comparison")]
    );

    let [search, form] = outcome.calls.as_slice() else { panic!("two calls") };
    assert_eq!((search.search_queries, form.search_queries), (2, 0));
    let tokens = |call: &domain::generations::ModelCall| {
        domain::usage::Price { input: 0.30, cached: 0.03, output: 2.50, search_query: 0.0, grounded_call: 0.0 }.of(call.tokens, 0)
    };
    assert_eq!(search.cost, Some(MicroDollars(tokens(search).0 + 35_000)));
    assert_eq!(form.cost, Some(tokens(form)));

    let asked = house.upstream.calls();
    assert!(asked[0].body["tools"][0].get("googleSearch").is_some());
    assert!(asked[0].body.pointer("/generationConfig/responseSchema").is_none());
    assert!(asked[1].body.get("tools").is_none());
    assert!(asked[1].body.pointer("/generationConfig/responseSchema").is_some());
    assert!(asked[1].prompt.contains("[1][2]") && asked[1].prompt.contains("[2] Price comparison\n</facts>"));
}

#[tokio::test]
async fn what_was_found_serves_every_later_try() {
    let house = House::with(Dialect::Gemini, 2, |settings| settings.attempts = 2).await;
    // Everything with a form fails until the simpler prompt comes.
    house.upstream.when(|call| (call.body.get("tools").is_none() && call.prompt.contains("Set goals")).then_some(Scripted::CutStream));
    let outcome =
        house.llm.ask(&grounded(), Some("<product_idea>cork yoga mats</product_idea> Briefly."), &CancellationToken::new(), &()).await;
    assert_eq!(outcomes(&outcome), ["ok", "cut", "cut", "cut", "cut", "ok"]);
    let searches = house.upstream.calls().iter().filter(|call| call.body.get("tools").is_some()).count();
    assert_eq!(searches, 1);
    assert_eq!(outcome.result.map(|answer| answer.sources.len()).ok(), Some(2));
}

#[tokio::test]
async fn a_model_that_accepts_no_search_answers_without_sources() {
    let house = House::open(Dialect::Gemini).await;
    house.upstream.when(|call| call.body.get("tools").is_some().then_some(Scripted::Status { code: 400, retry_after: None }));
    let outcome = house.ask(&grounded()).await;
    assert_eq!(outcomes(&outcome), ["bad-request", "ok"]);
    let answer = outcome.result.expect("an answer");
    assert!(!answer.grounded && answer.sources.is_empty());
}

#[tokio::test]
async fn providers_that_cannot_search_just_answer() {
    for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Ollama] {
        let house = House::open(dialect).await;
        let outcome = house.ask(&grounded()).await;
        assert_eq!(outcomes(&outcome), ["ok"], "{dialect}");
        assert!(outcome.result.is_ok_and(|answer| !answer.grounded && answer.sources.is_empty()));
    }
}
