//! The embedded models through the same door as all others.
#![cfg(feature = "embedded")]

use domain::usage::MicroDollars;
use llm::{Ask, DraftMaterial, Llm, ModelClass, PriceTable, Settings};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn llm(gguf: &str) -> Llm {
    let settings = Settings { gguf: models().join(gguf), embedder: models().join("all-minilm-l6-v2"), ..Settings::default() };
    Llm::new(settings, PriceTable::default(), Arc::new(chrono::Utc::now)).expect("the settings work")
}

fn ask() -> Ask {
    let schema = json!({"type": "object", "required": ["tagline"], "additionalProperties": false, "properties": {"tagline": {"type": "string", "maxLength": 60}}});
    let draft = DraftMaterial {
        subject: "cork yoga mats".into(),
        voice: "friendly".into(),
        language: "English".into(),
        currency: "USD".into(),
        context: json!({}),
        schema,
        ..DraftMaterial::default()
    };
    Ask {
        class: ModelClass::Fast,
        system: "You plan.".into(),
        user: "Plan cork yoga mats.".into(),
        schema: None,
        json: false,
        turns: Vec::new(),
        schema_name: "plan".into(),
        temperature: 0.0,
        max_output_tokens: 100,
        // Shorter than any draft takes: a model on this machine keeps its own pace.
        timeout: Duration::from_millis(1),
        grounding: true,
        seed: 1,
        draft,
    }
}

#[tokio::test]
async fn it_drafts_for_free_at_its_own_pace_and_stops_when_told() {
    let llm = llm("smollm2-135m-instruct-q4_1.gguf");
    assert_eq!(llm.ready().await, Ok(()));
    assert_eq!(llm.warnings(), [""; 0]);
    let outcome = llm.ask(&ask(), None, &CancellationToken::new(), &()).await;
    let answer = outcome.result.expect("an answer");
    assert!(answer.draft_model && !answer.grounded);
    assert!(answer.value.is_some_and(|value| value["tagline"].is_string()));
    let [call] = outcome.calls.as_slice() else { panic!("one call") };
    assert_eq!((call.provider.as_str(), call.outcome.as_str(), call.cost), ("embedded", "ok", Some(MicroDollars(0))));

    let cancel = CancellationToken::new();
    let ask = ask();
    let (outcome, ()) = tokio::join!(llm.ask(&ask, None, &cancel, &()), async { cancel.cancel() });
    assert!(outcome.result.is_err_and(|error| error.is_cancelled()));
}

#[tokio::test]
async fn the_loaded_model_says_whether_it_only_drafts() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let chosen = |gguf: &str| Settings {
        gguf_chosen: true,
        gguf: models().join(gguf),
        embedder: models().join("all-minilm-l6-v2"),
        ..Settings::default()
    };
    let llm = |settings| Llm::new(settings, PriceTable::default(), Arc::new(chrono::Utc::now)).expect("the settings work");
    let shipped = llm(Settings { gguf_chosen: false, ..chosen("smollm2-135m-instruct-q4_1.gguf") });
    assert!(shipped.drafts_only() && shipped.keeps_own_pace());
    assert!(!llm(chosen("strong-3b.gguf")).drafts_only(), "a chosen file is taken at its word");
    let small = llm(chosen("smollm2-135m-instruct-q4_1.gguf"));
    assert_eq!(small.ready().await, Ok(()));
    assert!(small.drafts_only(), "until it is loaded and turns out to be small");
    let elsewhere = Settings { reasoning: vec!["ollama:llama3.2".into()], ..Settings::default() };
    let mixed = llm(elsewhere);
    assert!(!mixed.drafts_only() && !mixed.keeps_own_pace(), "half of the plan is written elsewhere");
}

#[tokio::test]
async fn it_embeds_texts_near_what_they_mean() {
    let texts = ["cork yoga mats", "mats of cork for yoga", "quarterly tax return"].map(str::to_owned);
    let vectors = llm("smollm2-135m-instruct-q4_1.gguf").embed(&texts).await.expect("vectors");
    let likeness = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f32>();
    assert!((likeness(0, 0) - 1.0).abs() < 1e-4);
    assert!(likeness(0, 1) > likeness(0, 2));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let llm = llm("nowhere.gguf");
    let why = llm.ready().await.expect_err("it is not there");
    assert!(why.starts_with("embedded:nowhere cannot be used: ") && why.contains("nowhere.gguf"), "{why}");
    let outcome = llm.ask(&ask(), None, &CancellationToken::new(), &()).await;
    assert!(outcome.result.is_err());
    assert_eq!(outcome.calls.len(), 1);
}
