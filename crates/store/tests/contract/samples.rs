//! Ventures, runs and generations to store, with a value in every part.

use chrono::SubsecRound;
use domain::Timestamp;
use domain::generations::{Confidence, Generation, Issue, ModelCall, Source, Span, Status};
use domain::ids::{CallId, GenerationId, OwnerId, RunId, TraceId, VentureId};
use domain::runs::VentureRun;
use domain::sections::SectionName;
use domain::usage::{MicroDollars, Tokens, Usage};
use domain::ventures::{Brief, RawBrief, Venture};
use serde_json::{Value, json};
use store::{Run, Store};

/// The present, as exactly as the store keeps it.
pub fn now() -> Timestamp {
    chrono::Utc::now().trunc_subsecs(6)
}

/// A moment that stands still.
pub fn noon() -> Timestamp {
    Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(500_004)
}

/// A section's name.
pub fn name(text: &str) -> SectionName {
    SectionName::parse(text).expect("a valid name")
}

/// A venture whose brief has every part.
pub fn venture(owner: OwnerId) -> Venture {
    let raw = RawBrief {
        idea: "vegan leather hiking boots \u{2014} נעלי הליכה".into(),
        voice: Some("dry, precise and \"kind\"".into()),
        persona: Some("artisan-maker".into()),
        experience: Some("expert".into()),
        target_market: Some("women who hike in the Alps".into()),
        price_range: Some("€120-€180".into()),
        language: Some("de".into()),
        currency: Some("EUR".into()),
    };
    Venture { id: VentureId::new(), owner, brief: Brief::parse(&raw).expect("a valid brief"), created: now(), archived: None }
}

/// A venture that is stored.
pub async fn stored_venture(store: &Store, owner: OwnerId) -> Venture {
    let venture = venture(owner);
    let tx = store.tenant(owner).await.expect("begins");
    tx.insert_venture(&venture).await.expect("is added");
    tx.commit().await.expect("commits");
    venture
}

/// A run of two sections that has just started.
pub fn run(venture: &Venture) -> Run {
    Run {
        id: RunId::new(),
        owner: venture.owner,
        venture: venture.id,
        sections: vec![name("smart-goals"), name("brand")],
        state: VentureRun::Running { since: now() },
        created: now(),
    }
}

/// A run that is stored.
pub async fn stored_run(store: &Store, venture: &Venture) -> Run {
    let run = run(venture);
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.insert_run(&run).await.expect("is added");
    tx.commit().await.expect("commits");
    run
}

/// A generation with two calls, two spans, issues and sources.
pub fn generation(venture: &Venture, run: Option<&Run>, section: &str) -> Generation {
    let tokens = Tokens { input: 1_200, cached: 400, output: 350, thoughts: 90 };
    let call = |outcome: &str, cost| ModelCall {
        id: CallId::new(),
        provider: "gemini".into(),
        model: "gemini-pro".into(),
        outcome: outcome.into(),
        tokens,
        search_queries: 2,
        cost,
        started: now(),
        duration_ms: 812,
    };
    let span = |name: &str, attributes| Span { name: name.into(), started: now(), duration_us: 1_234, attributes };
    Generation {
        id: GenerationId::new(),
        owner: venture.owner,
        venture: Some(venture.id),
        run: run.map(|run| run.id),
        section: name(section),
        prompt_version: "1.4.0".into(),
        template_hash: "a".repeat(64),
        model: "gemini:gemini-pro".into(),
        draft_model: false,
        cached: false,
        status: Status::Partial,
        confidence: Confidence::High,
        input: json!({ "productIdea": "boots", "previousFeedback": [] }),
        output: json!({ "zeta": [1, 2.5, null], "alpha": { "text": "naïve 🥾" } }),
        issues: vec![Issue::new("price-range", "/competitors/0", "is not a price range")],
        sources: vec![Source { uri: "https://example.org/a".into(), title: "A".into() }],
        usage: Usage { tokens, calls: 2, cost: None },
        calls: vec![call("timed-out", None), call("ok", Some(MicroDollars(28_692)))],
        trace: TraceId::new(),
        spans: vec![span("validate", Value::Null), span("attempt", json!({ "n": 1 }))],
        created: now(),
        duration_ms: 2_048,
    }
}

/// A generation that is stored.
pub async fn stored_generation(store: &Store, venture: &Venture, run: Option<&Run>, section: &str) -> Generation {
    let generation = generation(venture, run, section);
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.insert_generation(&generation).await.expect("is added");
    tx.commit().await.expect("commits");
    generation
}

/// A generation as lists give it: without spans.
pub fn without_spans(generation: &Generation) -> Generation {
    Generation { spans: Vec::new(), ..generation.clone() }
}
