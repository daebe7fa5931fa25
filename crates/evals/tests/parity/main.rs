//! Parity: the same files run under real promptfoo 0.123.1 and under ours, against the same mock, and the results are held against each
//! other row by row: outcome, score, named scores, every single assertion, the prompt as it was sent, the sums.
//!
//! `assertions/*.yaml` are tables of assertions and outputs, each run as written and with `not-`; `configs/*/` are whole configs.
//! `differences.yaml` names where we differ on purpose; a difference that is not listed fails, and so does a listed one that is none.
//! `PLANNER_PROMPTFOO` names the promptfoo to compare with (`eval "$(scripts/promptfoo.sh)"`).

mod compare;
mod mock;
mod suites;

use compare::Difference;
use std::path::Path;
use std::process::Stdio;
use suites::Suite;

fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity"))
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_those_of_promptfoo() {
    let promptfoo = std::env::var("PLANNER_PROMPTFOO")
        .expect("PLANNER_PROMPTFOO is not set: real promptfoo is needed to compare with; run: eval \"$(scripts/promptfoo.sh)\"");
    let mock = mock::Mock::start().await;
    let suites = suites::all(&mock);
    let (mut found, mut rows) = (Vec::new(), 0);
    println!("{:<24} {:>6} {:>6} {:>6} {:>6} {:>8}", "suite", "rows", "pass", "fail", "error", "differ");
    // Two at a time: each starts a Node, and machines that run this have few cores.
    for pair in suites.chunks(2) {
        let runs = futures::future::join_all(pair.iter().map(|suite| both(suite, &promptfoo, &mock))).await;
        for (suite, (theirs, ours)) in pair.iter().zip(runs) {
            let held = compare::rows(&suite.name, &theirs, &ours);
            let [pass, fail, error] = held.counts;
            println!("{:<24} {:>6} {pass:>6} {fail:>6} {error:>6} {:>8}", suite.name, held.rows, held.differences.len());
            rows += held.rows;
            found.extend(held.differences);
        }
    }
    println!("{rows} rows compared");
    assert!(rows >= 300, "only {rows} rows were compared");
    let complaints = compare::unexpected(&found, &Difference::listed(&here().join("differences.yaml")));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// The results of both programs, in promptfoo's form.
async fn both(suite: &Suite, promptfoo: &str, mock: &mock::Mock) -> (serde_json::Value, serde_json::Value) {
    tokio::join!(theirs(suite, promptfoo), ours(suite, mock))
}

async fn theirs(suite: &Suite, promptfoo: &str) -> serde_json::Value {
    let dir = suite.dir.path();
    let out = dir.join("theirs.json");
    let ended = tokio::process::Command::new(promptfoo)
        .args(["eval", "--no-cache", "--no-table", "--no-progress-bar", "-j", "8", "-c"])
        .arg(suite.config())
        .arg("-o")
        .arg(&out)
        .current_dir(dir)
        .env("PROMPTFOO_CONFIG_DIR", dir.join(".promptfoo"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|e| panic!("{promptfoo} cannot be started: {e}"));
    // 100 says that a test failed, which many here are meant to.
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(matches!(ended.status.code(), Some(0 | 100)), "{}: promptfoo ended with {}\n{said}", suite.name, ended.status);
    let text = std::fs::read_to_string(&out).unwrap_or_else(|e| panic!("{}: promptfoo wrote no results ({e})\n{said}", suite.name));
    serde_json::from_str(&text).expect("promptfoo writes JSON")
}

async fn ours(suite: &Suite, mock: &mock::Mock) -> serde_json::Value {
    let config = evals::Config::read(&suite.config()).unwrap_or_else(|faults| panic!("{}: {faults:#?}", suite.name));
    let jsonl = suite.dir.path().join("ours.jsonl");
    let mut sink = evals::JsonlSink::create(&jsonl).expect("file");
    let summary = evals::run(&config, mock, &evals::Options::default(), &mut sink).await.expect("runs");
    let mut text = Vec::new();
    evals::write_results(&jsonl, &config, &summary, evals::Format::Json, &mut text).expect("written");
    serde_json::from_slice(&text).expect("we write JSON")
}
