//! What the store promises about generations, their usage and their spans.

use crate::place::Place;
use crate::samples::{generation, stored_generation, stored_run, stored_venture, without_spans};
use domain::generations::{Confidence, Generation, Status};
use domain::ids::{GenerationId, OwnerId, RunId, VentureId};
use domain::usage::Usage;
use serde_json::Value;
use store::Error;

pub async fn a_generation_comes_back_as_it_was(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let made = stored_generation(&place.store, &venture, Some(&run), "brand").await;
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    assert_eq!(tx.generation(made.id).await.expect("reads"), Some(made));
    assert_eq!(tx.generation(GenerationId::new()).await.expect("reads"), None);
}

pub async fn a_failed_generation_without_anything_comes_back_as_it_was(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let failed = Generation {
        venture: None,
        model: String::new(),
        draft_model: true,
        status: Status::Failed,
        confidence: Confidence::Low,
        output: Value::Null,
        issues: vec![],
        sources: vec![],
        usage: Usage::default(),
        calls: vec![],
        spans: vec![],
        ..generation(&venture, None, "brand")
    };
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    tx.insert_generation(&failed).await.expect("is added");
    assert_eq!(tx.generation(failed.id).await.expect("reads"), Some(failed));
}

pub async fn what_a_run_made_comes_with_calls_and_without_spans(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let other = stored_run(&place.store, &venture).await;
    let first = stored_generation(&place.store, &venture, Some(&run), "smart-goals").await;
    stored_generation(&place.store, &venture, Some(&other), "brand").await;
    stored_generation(&place.store, &venture, None, "brand").await;
    let second = stored_generation(&place.store, &venture, Some(&run), "brand").await;
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    assert_eq!(tx.generations_of_run(run.id).await.expect("reads"), [without_spans(&first), without_spans(&second)]);
    assert_eq!(tx.generations_of_run(RunId::new()).await.expect("reads"), []);
}

pub async fn another_owner_finds_no_generation(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let made = stored_generation(&place.store, &venture, Some(&run), "brand").await;
    let tx = place.store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(tx.generation(made.id).await.expect("reads"), None);
    assert_eq!(tx.generations_of_run(run.id).await.expect("reads"), []);
}

pub async fn a_generation_needs_a_venture_and_a_run_of_its_owner(place: &Place) {
    let owner = OwnerId::new();
    let ours = stored_venture(&place.store, owner).await;
    let second = stored_venture(&place.store, owner).await;
    let theirs = stored_venture(&place.store, OwnerId::new()).await;
    let run_of_second = stored_run(&place.store, &second).await;
    let run_of_theirs = stored_run(&place.store, &theirs).await;
    let good = generation(&ours, None, "brand");
    let refused = [
        ("a venture of somebody else", Generation { venture: Some(theirs.id), ..good.clone() }),
        ("a venture that does not exist", Generation { venture: Some(VentureId::new()), ..good.clone() }),
        ("a run of another venture", Generation { run: Some(run_of_second.id), ..good.clone() }),
        ("a run of somebody else", Generation { run: Some(run_of_theirs.id), ..good.clone() }),
        ("another owner's generation", generation(&theirs, None, "brand")),
    ];
    for (what, refused) in refused {
        let tx = place.store.tenant(owner).await.expect("begins");
        assert!(matches!(tx.insert_generation(&refused).await, Err(Error::Conflict)), "{what}");
    }
    let tx = place.store.tenant(owner).await.expect("begins");
    let without_venture = Generation { venture: None, run: Some(run_of_second.id), ..good.clone() };
    assert!(tx.insert_generation(&without_venture).await.is_err(), "a run without its venture");
    drop(tx);
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.insert_generation(&good).await.expect("is added");
    assert!(matches!(tx.insert_generation(&good).await, Err(Error::Conflict)), "twice");
}

pub async fn a_generation_that_is_refused_leaves_nothing(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let good = generation(&venture, None, "brand");
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    tx.insert_generation(&good).await.expect("is added");
    drop(tx);
    // Its calls and spans would be in the way if any of them had stayed.
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    assert_eq!(tx.generation(good.id).await.expect("reads"), None);
    tx.insert_generation(&good).await.expect("is added");
    assert_eq!(tx.generation(good.id).await.expect("reads"), Some(good));
}

pub async fn versions_come_newest_first_and_page_by_page(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(stored_generation(&place.store, &venture, None, "brand").await.id);
    }
    stored_generation(&place.store, &venture, None, "market").await;
    made.reverse();
    let brand = crate::samples::name("brand");
    let tx = place.store.tenant_read(venture.owner).await.expect("begins");
    let ids = |found: Vec<Generation>| found.into_iter().map(|generation| generation.id).collect::<Vec<_>>();
    let first = ids(tx.versions(venture.id, &brand, 3, None).await.expect("reads"));
    let rest = ids(tx.versions(venture.id, &brand, 3, first.last().copied()).await.expect("reads"));
    assert_eq!([first, rest].concat(), made);
    let stranger = place.store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.versions(venture.id, &brand, 9, None).await.expect("reads"), []);
}

pub async fn what_was_made_lately_comes_newest_first(place: &Place) {
    let (me, other) = (OwnerId::new(), OwnerId::new());
    let mut made = Vec::new();
    for owner in [me, other, me, me] {
        let venture = stored_venture(&place.store, owner).await;
        made.push(stored_generation(&place.store, &venture, None, "brand").await);
    }
    let tx = place.store.tenant_read(me).await.expect("begins");
    let latest: Vec<GenerationId> = tx.latest_generations(2).await.expect("reads").iter().map(|made| made.id).collect();
    assert_eq!(latest, [made[3].id, made[2].id]);
    assert_eq!(tx.latest_generations(9).await.expect("reads").len(), 3);
}
