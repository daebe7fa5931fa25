//! Comparisons of small runs, and what must hold of any.

use super::*;
use crate::grading::Grade;
use proptest::prelude::*;
use serde_json::json;

fn row(section: &str, case: &str, passed: bool, latency_ms: u64) -> CaseResult {
    let score = f64::from(u8::from(passed));
    CaseResult::from_json(&json!({"testIdx": 0, "promptIdx": 0, "success": passed, "failureReason": u8::from(!passed),
        "prompt": {"label": section, "raw": ""}, "provider": {"id": "p", "label": "p"}, "vars": {"c": case}, "latencyMs": latency_ms,
        "testCase": {"description": case, "vars": {"c": case}}, "cost": 0.01, "response": {"tokenUsage": {"total": 100}},
        "gradingResult": Grade { pass: passed, score, reason: "because".into(), ..Grade::default() }.to_json()}))
    .expect("a result")
}

fn cases(rows: &[CaseResult]) -> Cases {
    let mut cases = Cases::new();
    for row in rows {
        cases.entry(key(row)).or_default().add(row);
    }
    cases
}

fn metric_of<'a>(part: &'a Part, name: &str) -> &'a Metric {
    part.metrics.iter().find(|m| m.name == name).expect("the metric")
}

#[test]
fn what_got_better_and_worse_is_named() {
    let before: Vec<CaseResult> = (0..40).map(|n| row("swot", &format!("c{n}"), n % 4 == 0, 100 + n)).collect();
    let mut after: Vec<CaseResult> = (0..40).map(|n| row("swot", &format!("c{n}"), n != 0, 300 + n)).collect();
    after.push(row("swot", "new", true, 300));
    let found = beside(&cases(&before), &cases(&after));
    assert_eq!((found.whole.pairs, found.whole.cases_after, found.only_after.as_slice()), (40, 41, ["swot: new".to_owned()].as_slice()));
    let of = |name| metric_of(&found.whole, name).verdict;
    assert_eq!(
        (of("pass rate"), of("latency p50"), of("tokens"), of("rubric")),
        (Verdict::Better, Verdict::Worse, Verdict::NoDifferenceSeen, Verdict::NotMeasured)
    );
    assert_eq!((found.better.len(), found.worse.len(), found.worse[0].case.as_str()), (30, 1, "c0"));
    assert_eq!(found.worse[0].reason, "because");
    assert_eq!(found.sections.len(), 1);
    let written = serde_json::to_value(&found).expect("JSON");
    assert_eq!(written["whole"]["metrics"][0]["verdict"], "better");
}

#[test]
fn few_cases_say_little() {
    let one = |passed| cases(&[row("swot", "a", passed, 100)]);
    let same = beside(&one(true), &one(true));
    let difference = metric_of(&same.whole, "pass rate").difference.expect("measured");
    assert!(difference.low < -0.5 && difference.high > 0.5, "{difference:?}");
    assert_eq!(metric_of(&same.whole, "pass rate").verdict, Verdict::NoDifferenceSeen);
}

#[test]
fn intervals_are_those_of_the_books() {
    // Wilson, 1927, as in Newcombe's table: 81 of 263.
    let rate = wilson(81.0 / 263.0, 263);
    assert!((rate.low - 0.2553).abs() < 1e-4 && (rate.high - 0.3662).abs() < 1e-4, "{rate:?}");
    // Newcombe, 1998, method 10: 56 of 70 against 48 of 80.
    let difference = newcombe(wilson(48.0 / 80.0, 80), wilson(56.0 / 70.0, 70));
    assert!((difference.low - 0.0524).abs() < 1e-4 && (difference.high - 0.3339).abs() < 1e-4, "{difference:?}");
    assert!((quantile(vec![3.0, 1.0, 2.0], 0.5) - 2.0).abs() < 1e-12);
}

#[test]
fn files_are_read_line_by_line_and_what_is_no_result_is_named() {
    let dir = tempfile::tempdir().expect("dir");
    let (a, b) = (dir.path().join("a.jsonl"), dir.path().join("b.jsonl"));
    let line = row("swot", "a", true, 5).to_json().to_string();
    std::fs::write(&a, format!("{line}\n{{\"testIdx\": 1")).expect("written");
    std::fs::write(&b, format!("nonsense\n{line}\n")).expect("written");
    assert_eq!(compare(&a, &a).expect("read").whole.pairs, 1);
    assert!(compare(&a, &b).expect_err("nonsense").to_string().contains("b.jsonl:1"));
    assert!(compare(&a, &dir.path().join("none")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_run_beside_itself_is_no_different(passed in prop::collection::vec(any::<bool>(), 1..20)) {
        let rows: Vec<CaseResult> = passed.iter().enumerate().map(|(n, p)| row("s", &n.to_string(), *p, n as u64)).collect();
        let found = beside(&cases(&rows), &cases(&rows));
        prop_assert!(found.better.is_empty() && found.worse.is_empty());
        prop_assert!(found.whole.metrics.iter().all(|m| matches!(m.verdict, Verdict::NoDifferenceSeen | Verdict::NotMeasured)));
    }

    #[test]
    fn turned_round_better_is_worse(a in prop::collection::vec(any::<bool>(), 2..20), b in prop::collection::vec(any::<bool>(), 2..20)) {
        let run = |all: &[bool]| cases(&all.iter().enumerate().map(|(n, p)| row("s", &n.to_string(), *p, 5)).collect::<Vec<_>>());
        let (there, back) = (beside(&run(&a), &run(&b)), beside(&run(&b), &run(&a)));
        prop_assert_eq!(there.better.len(), back.worse.len());
        for (x, y) in there.whole.metrics.iter().zip(&back.whole.metrics) {
            prop_assert_eq!(x.verdict == Verdict::Better, y.verdict == Verdict::Worse, "{}", x.name);
            if let Some(estimate) = x.before {
                prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
            }
        }
    }
}
