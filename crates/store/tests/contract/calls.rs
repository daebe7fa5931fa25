//! What the store promises about calls that are under way.

use crate::place::Place;
use crate::samples::{name, noon, stored_run, stored_venture};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::{CallId, GenerationId, OwnerId, RunId};
use domain::usage::MicroDollars;
use domain::ventures::Venture;
use store::{Error, OpenCall};

fn call(venture: &Venture, run: Option<RunId>, started: Timestamp) -> OpenCall {
    OpenCall {
        id: CallId::new(),
        owner: venture.owner,
        generation: GenerationId::new(),
        venture: Some(venture.id),
        run,
        section: name("brand"),
        prompt_version: "1.0.0".into(),
        template_hash: "ab".repeat(32),
        provider: "gemini".into(),
        model: "flash".into(),
        input_tokens: 900,
        cost: Some(MicroDollars(270)),
        started,
    }
}

pub async fn an_open_call_is_settled_once(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let first = call(&venture, Some(run.id), noon());
    let second = OpenCall { id: CallId::new(), cost: None, ..first.clone() };
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    for call in [&first, &second] {
        tx.open_call(call).await.expect("is written down");
    }
    assert_eq!(tx.open_calls(run.id).await.expect("reads"), [first.clone(), second]);
    tx.commit().await.expect("commits");
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.open_calls(run.id).await.expect("reads"), []);
    assert_eq!(stranger.close_calls(first.generation).await.expect("answers"), []);
    assert!(matches!(stranger.open_call(&first).await, Err(Error::Conflict)));
    drop(stranger);
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    assert_eq!(tx.close_calls(first.generation).await.expect("closes").len(), 2);
    assert_eq!(tx.close_calls(first.generation).await.expect("closes"), []);
}

pub async fn calls_of_died_processes_are_found(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let (old, young) = (call(&venture, None, noon()), call(&venture, None, noon() + TimeDelta::hours(2)));
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    for call in [&old, &young] {
        tx.open_call(call).await.expect("is written down");
    }
    tx.commit().await.expect("commits");
    assert_eq!(place.store.lost_calls(noon() + TimeDelta::hours(1), 9).await.expect("reads"), [old]);
}
