//! Answers that are recorded and repeated, in every dialect.

use crate::house::{DIALECTS, House, KEY, question};
use domain::generations::ModelCall;
use llm::{Ask, Endpoint, Fault, Llm, PriceTable, Settings, Speaker, Tape, Turn};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn recording(file: &Path) -> Arc<Tape> {
    Arc::new(Tape::record(file, vec![KEY.into()]).expect("a tape"))
}

/// Models that know nothing but a recording: no key, no address, no route.
fn replaying(file: &Path) -> Llm {
    let settings = Settings { tape: Some(Arc::new(Tape::replay(file, Vec::new()).expect("a tape"))), ..Settings::default() };
    Llm::new(settings, PriceTable::shipped().expect("prices"), Arc::new(chrono::Utc::now)).expect("nothing is needed")
}

async fn ask(llm: &Llm, ask: &Ask) -> llm::Outcome {
    llm.ask(ask, Some("A simpler question."), &CancellationToken::new(), &()).await
}

fn tokens(calls: &[ModelCall]) -> u64 {
    calls.iter().map(|call| call.tokens.input + call.tokens.output).sum()
}

#[tokio::test]
async fn what_was_asked_once_is_answered_without_anybody() {
    for dialect in DIALECTS {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        let house = House::with(dialect, 1, |settings| {
            settings.tape = Some(recording(&file));
            settings.attempts = 2;
        })
        .await;
        house.llm.note_routes().expect("written");
        house.upstream.then(testkit::Fault::Status { code: 503, retry_after: None });
        let first = ask(&house.llm, &question()).await;
        let told = Ask { turns: vec![Turn { by: Speaker::Assistant, text: KEY.into() }], ..question() };
        assert!(ask(&house.llm, &told).await.result.is_ok());
        drop(house);
        let text = std::fs::read_to_string(&file).expect("a recording");
        assert!(!text.contains(KEY), "{dialect}: the key is on the recording");
        assert!(text.contains("cork yoga mats"), "a person can see what was asked");
        let llm = replaying(&file);
        let again = ask(&llm, &question()).await;
        assert_eq!(again.result.expect("recorded"), first.result.expect("answered"), "{dialect}");
        assert_eq!((first.calls.len(), again.calls.len(), again.recorded.len()), (2, 0, 2), "nothing is asked and nothing spent");
        assert_eq!(tokens(&again.recorded), tokens(&first.calls));
        let warmer = ask(&llm, &Ask { temperature: 0.9, ..question() }).await;
        let error = warmer.result.expect_err("never asked");
        assert!(error.is_stale() && error.tried.len() == 1 && warmer.calls.is_empty(), "{error}");
        let reworded = ask(&llm, &Ask { system: "You plan well.".into(), ..question() }).await;
        assert!(reworded.result.expect_err("never asked").is_stale());
    }
}

#[tokio::test]
async fn an_upstream_that_was_away_is_asked_again_when_the_recording_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("tape.jsonl");
    let house = House::with(DIALECTS[0], 1, |settings| settings.tape = Some(recording(&file))).await;
    house.upstream.always(Some(testkit::Fault::Status { code: 503, retry_after: None }));
    assert!(ask(&house.llm, &question()).await.result.is_err());
    house.llm.note_routes().expect("written");
    let error = ask(&replaying(&file), &question()).await.result.expect_err("as it was");
    assert!(matches!(error.tried[..], [(_, Fault::Unavailable { status: 503, .. }), ..]), "{error}");
    let again = House::with(DIALECTS[0], 1, |settings| settings.tape = Some(recording(&file))).await;
    assert!(ask(&again.llm, &question()).await.result.is_ok());
    assert!(ask(&replaying(&file), &question()).await.result.is_ok());
}

#[test]
fn a_build_without_models_repeats_what_one_with_them_recorded() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("tape.jsonl");
    let settings = Settings {
        fast: vec!["embedded:small".into()],
        reasoning: vec!["gemini:gemini-2.5-pro".into()],
        gemini: Endpoint::default(),
        ..Settings::default()
    };
    std::fs::write(&file, "").expect("written");
    let tape = Some(Arc::new(Tape::replay(&file, Vec::new()).expect("a tape")));
    assert!(Llm::new(Settings { tape, ..settings }, PriceTable::default(), Arc::new(chrono::Utc::now)).is_ok());
}
