//! Comparisons of small runs, and what must hold of any.

use super::statistics::{newcombe, p_value, quantile, wilson};
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
    gathered(rows.iter().map(Measure::from))
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
    // Cases that an array variable made share their description.
    let made = |passed| {
        let mut rows = [row("swot", "a", passed, 1), row("swot", "a", passed, 1)];
        rows[1].vars.insert("c".into(), json!("other"));
        cases(&rows)
    };
    let both = beside(&made(false), &made(true));
    assert_eq!((both.whole.pairs, both.better.len()), (2, 2));
    assert!(both.better.iter().any(|change| change.case.contains("other")), "{:?}", both.better);
    assert_eq!(found.sections.len(), 1);
    let written = serde_json::to_value(&found).expect("JSON");
    assert_eq!(written["whole"]["metrics"][0]["verdict"], "better");
}

#[test]
fn figures_at_hand_are_compared_like_files() {
    let rows = |better: bool| -> Vec<CaseResult> { (0..9).map(|n| row("swot", &format!("c{n}"), better || n > 4, 100 + n)).collect() };
    let (before, after) = (rows(false), rows(true));
    let at_hand = compare_measures(before.iter().map(Measure::from), after.iter().map(Measure::from));
    assert_eq!(at_hand, beside(&cases(&before), &cases(&after)));
    // Five of nine turned to the better: one time in sixteen that is chance.
    assert_eq!((at_hand.better.len(), metric_of(&at_hand.whole, "pass rate").verdict), (5, Verdict::NoDifferenceSeen));
}

#[test]
fn few_cases_say_little() {
    let one = |passed| cases(&[row("swot", "a", passed, 100)]);
    let same = beside(&one(true), &one(true));
    let difference = metric_of(&same.whole, "pass rate").difference.expect("measured");
    assert!(difference.low < -0.5 && difference.high > 0.5, "{difference:?}");
    let slower = beside(&one(true), &cases(&[row("swot", "a", false, 900)]));
    for metric in slower.whole.metrics.iter().filter(|metric| metric.difference.is_some()) {
        assert_eq!(metric.verdict, Verdict::TooFewCases, "{}", metric.name);
    }
}

#[test]
fn what_differs_by_chance_is_not_called_different() {
    // Thirteen sections of twenty cases, asked twice of the same: latencies jump about, now and then a case fails.
    let mut state = 7_u64;
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 1000
    };
    let mut alarms = 0;
    for _ in 0..8 {
        let mut run = || -> Vec<CaseResult> {
            (0..260).map(|n| row(&format!("s{}", n % 13), &format!("c{n}"), chance() > 40, 400 + chance() * chance() / 500)).collect()
        };
        let found = beside(&cases(&run()), &cases(&run()));
        let parts = std::iter::once(&found.whole).chain(&found.sections);
        let different = |metric: &&Metric| matches!(metric.verdict, Verdict::Better | Verdict::Worse);
        alarms += usize::from(parts.flat_map(|part| &part.metrics).any(|metric| different(&metric)));
    }
    assert!(alarms <= 1, "{alarms} of 8 comparisons of the same saw a difference");
}

#[test]
fn a_p_value_is_the_share_of_swaps() {
    // All of ten cases turned: 2 of 1,024 swaps show as much.
    let all = p_value("score", &[(0.0, 1.0); 10]).expect("measured");
    assert!((all - 2.0 / 1024.0).abs() < 1.5e-3, "{all}");
    // Five of five: 2 of 32.
    let five: Vec<(f64, f64)> = (0..40).map(|n| (0.0, f64::from(u8::from(n < 5)))).collect();
    let five = p_value("pass rate", &five).expect("measured");
    assert!((five - 2.0 / 32.0).abs() < 0.01, "{five}");
    assert_eq!((p_value("score", &[(0.5, 0.5); 10]), p_value("score", &[])), (Some(1.0), None));
}

#[test]
fn intervals_are_those_of_the_books() {
    // Wilson, 1927, as in Newcombe's table: 81 of 263.
    let rate = wilson(81.0 / 263.0, 263);
    assert!((rate.low - 0.2553).abs() < 1e-4 && (rate.high - 0.3662).abs() < 1e-4, "{rate:?}");
    // Newcombe, 1998, method 10: 56 of 70 against 48 of 80.
    let difference = newcombe(wilson(48.0 / 80.0, 80), wilson(56.0 / 70.0, 70));
    assert!((difference.low - 0.0524).abs() < 1e-4 && (difference.high - 0.3339).abs() < 1e-4, "{difference:?}");
    assert!((quantile(&mut [3.0, 1.0, 2.0], 0.5) - 2.0).abs() < 1e-12);
}

#[test]
fn files_are_read_line_by_line_and_what_is_no_result_is_named() {
    let dir = tempfile::tempdir().expect("dir");
    let (a, b) = (dir.path().join("a.jsonl"), dir.path().join("b.jsonl"));
    let line = row("swot", "a", true, 5).to_json().to_string();
    std::fs::write(&a, format!("{line}\n{{\"testIdx\": 1")).expect("written");
    std::fs::write(&b, format!("nonsense\n{line}\n")).expect("written");
    assert_eq!(compare(&a, &a).expect("read").whole.pairs, 1);
    let again = row("swot", "a", false, 5).to_json().to_string();
    std::fs::write(&a, format!("{again}\n{line}\n")).expect("written");
    let rate = compare(&a, &a).expect("read").whole.metrics[0].after.expect("a rate").value;
    assert!((rate - 1.0).abs() < 1e-12, "what was asked again counts once: {rate}");
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
        prop_assert!(found.whole.metrics.iter().all(|m| !matches!(m.verdict, Verdict::Better | Verdict::Worse)));
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
