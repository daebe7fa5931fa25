//! What the store promises about evals and their cases.

use crate::place::Place;
use crate::samples::{case, eval, name, noon, proposal, texts};
use chrono::TimeDelta;
use domain::evals::{CaseTexts, CaseVerdict, Eval, Figures, Outcome, Progress, Subject};
use domain::ids::{EvalId, JobId};
use domain::jobs::{Lease, NewJob, Priority, Verdict};
use domain::usage::Tokens;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::{CasesOf, Error, LetGo, Wanted};
use uuid::Uuid;

pub async fn an_eval_comes_back_as_it_was_and_ends_once(place: &Place) {
    let store = &place.store;
    let (asked, of) = (eval("content"), proposal());
    let for_proposal = Eval { subject: Subject { proposal: Some(of.id), ..eval("other").subject }, ..eval("other") };
    let tx = store.team().await.expect("begins");
    tx.insert_eval(&asked).await.expect("is added");
    tx.insert_eval(&for_proposal).await.expect("is added");
    assert_eq!(tx.eval(asked.id).await.expect("reads").as_ref(), Some(&asked));
    assert_eq!(tx.eval_of(&asked.subject, Progress::Finished).await.expect("reads"), None);
    let total = Figures { tests: 2, passed: 1, errors: 1, quality: Some(81.5), latency_p95_ms: 900, ..Figures::default() };
    let sections = BTreeMap::from([(name("swot"), total.clone())]);
    let ended = Eval { progress: Progress::Finished, total, sections, cases: 2, ended: Some(noon()), ..asked.clone() };
    assert!(tx.end_eval(&ended, noon()).await.expect("is kept"));
    assert!(!tx.end_eval(&Eval { progress: Progress::Stopped, ..ended.clone() }, noon()).await.expect("answers"), "it has ended");
    assert_eq!(tx.eval_of(&asked.subject, Progress::Finished).await.expect("reads"), Some(ended.clone()));
    assert_eq!(tx.times_evaluated(&asked.subject).await.expect("counts"), 1);
    assert_eq!(tx.times_evaluated(&for_proposal.subject).await.expect("counts"), 0, "it runs yet");
    for other in [
        Subject { content: "else".into(), ..asked.subject.clone() },
        Subject { models: "else".into(), ..asked.subject.clone() },
        Subject { suite: "else".into(), ..asked.subject.clone() },
    ] {
        assert_eq!(tx.eval_of(&other, Progress::Finished).await.expect("reads"), None, "{other:?}");
        assert_eq!(tx.times_evaluated(&other).await.expect("counts"), 0, "{other:?}");
    }
    let ids = |evals: Vec<Eval>| evals.into_iter().map(|eval| eval.id).collect::<Vec<_>>();
    assert_eq!(ids(tx.evals(None, 9, None).await.expect("reads")), [for_proposal.id, asked.id]);
    assert_eq!(ids(tx.evals(None, 9, Some(for_proposal.id)).await.expect("reads")), [asked.id]);
    assert_eq!(ids(tx.evals(Some(of.id), 9, None).await.expect("reads")), [for_proposal.id]);
}

pub async fn cases_are_added_once_and_come_page_by_page(place: &Place) {
    let eval = eval("content");
    let tx = place.store.team().await.expect("begins");
    tx.insert_eval(&eval).await.expect("is added");
    let whole = CaseVerdict {
        outcome: Outcome::Error,
        quality: Some(70.25),
        tokens: Tokens { input: 4, cached: 1, output: 3, thoughts: 2 },
        reasons: vec!["it was away".into()],
        ..case(1, "swot")
    };
    let cases = [case(0, "goals"), whole, case(2, "swot")];
    let long = CaseTexts { output: json!({"a": [1, "é"]}), ..texts() };
    for (case, texts) in cases.iter().zip([&texts(), &long, &texts()]) {
        assert!(tx.insert_case(eval.id, case, texts).await.expect("is added"));
        let other = CaseVerdict { score: 0.0, ..case.clone() };
        assert!(!tx.insert_case(eval.id, &other, &CaseTexts::default()).await.expect("changes nothing"));
    }
    assert_eq!(tx.judged(eval.id).await.expect("reads"), BTreeSet::from([0, 1, 2]));
    let (all, swot) = (CasesOf::default(), name("swot"));
    assert_eq!(tx.cases(eval.id, all, 2, None).await.expect("reads"), cases[..2]);
    assert_eq!(tx.cases(eval.id, all, 2, Some(1)).await.expect("reads"), cases[2..]);
    let of_swot = CasesOf { section: Some(&swot), failing: false };
    assert_eq!(tx.cases(eval.id, of_swot, 9, None).await.expect("reads"), cases[1..]);
    assert_eq!(tx.cases(eval.id, CasesOf { failing: true, ..of_swot }, 9, None).await.expect("reads"), cases[1..2]);
    assert!(tx.cases(EvalId::new(), all, 9, None).await.expect("reads").is_empty());
    let told = tx.case_texts(eval.id, &[0, 1, 9]).await.expect("reads");
    assert_eq!(told, BTreeMap::from([(0, texts()), (1, long)]));
    assert!(tx.case_texts(eval.id, &[]).await.expect("reads").is_empty());
}

pub async fn a_job_of_the_team_is_put_in_line_once_and_held(place: &Place) {
    let store = &place.store;
    let (now, run_at) = (noon(), noon());
    let job = NewJob {
        kind: "eval",
        owner: None,
        unique_key: "one".into(),
        payload: json!({}),
        priority: Priority::Program,
        run_at,
        now,
        head: None,
    };
    let tx = store.team().await.expect("begins");
    assert!(tx.enqueue(&job).await.expect("is put in line"));
    assert!(!tx.enqueue(&job).await.expect("answers"));
    tx.commit().await.expect("commits");
    let wanted = Wanted { kinds: &["eval"], owner: None, most: 9, lease_for: TimeDelta::seconds(9) };
    let claimed = store.claim(&wanted, now).await.expect("claims");
    let lease = claimed[0].lease;
    let tx = store.team().await.expect("begins");
    tx.advance(&lease).await.expect("holds");
    let nobodys = Lease { job: JobId::new(), token: Uuid::new_v4() };
    assert!(matches!(tx.advance(&nobodys).await, Err(Error::LeaseLost)));
    tx.cancel_job("eval", "another", now).await.expect("answers");
    tx.cancel_job("eval", "one", now).await.expect("cancels");
    tx.commit().await.expect("commits");
    let told = store.renew(&[lease], || now, TimeDelta::seconds(9)).await.expect("renews");
    assert_eq!(told, [(lease, LetGo::Stop)], "whoever is at it is told to stop");
    assert!(store.end_attempt(&lease, &Verdict::Done, now).await.expect("ends"));
}

pub async fn of_the_same_thing_one_eval_runs_at_a_time(place: &Place) {
    let (first, second) = (eval("content"), eval("content"));
    let tx = place.store.team().await.expect("begins");
    tx.insert_eval(&first).await.expect("is added");
    tx.commit().await.expect("commits");
    let tx = place.store.team().await.expect("begins");
    assert!(matches!(tx.insert_eval(&second).await, Err(Error::Conflict)));
    drop(tx);
    let tx = place.store.team().await.expect("begins");
    assert!(tx.end_eval(&Eval { progress: Progress::Finished, ..first }, noon()).await.expect("is kept"));
    tx.insert_eval(&second).await.expect("is added");
}
