//! How fast `planner eval` is beside real promptfoo: both programs, started as users start them, on one config of 150 and of 1,000 tests of
//! five assertions each, against one server that answers at once. And what memory 20,000 tests take beside 1,000.
//!
//! `eval "$(scripts/promptfoo.sh)"; cargo bench -p planner --bench beside_promptfoo`; figures only, no verdict.
//! `PLANNER_BIN` names another planner than the one that is built for it.

#[path = "../../evals/tests/parity/mock.rs"]
#[expect(dead_code, reason = "the parity tests also tell it what to answer")]
mod mock;

use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let promptfoo = std::env::var("PLANNER_PROMPTFOO").expect("PLANNER_PROMPTFOO is not set; run: eval \"$(scripts/promptfoo.sh)\"");
    let mock = mock::Mock::start().await;
    println!("{:>7} {:>6} {:>14} {:>10} {:>7}", "tests", "round", "promptfoo (ms)", "ours (ms)", "times");
    for tests in [150, 1000] {
        let suite = suite(tests, &mock);
        for round in 1..=ROUNDS {
            let theirs = timed(theirs(suite.path(), &promptfoo), suite.path(), "theirs.json", tests).await.0;
            let ours = timed(ours(), suite.path(), "ours.json", tests).await.0;
            let times = theirs.as_secs_f64() / ours.as_secs_f64();
            println!("{tests:>7} {round:>6} {:>14} {:>10} {times:>7.1}", theirs.as_millis(), ours.as_millis());
        }
    }
    println!("{:>7} {:>16} {:>10}", "tests", "peak memory (MB)", "ours (ms)");
    for tests in [1000, 20_000] {
        let suite = suite(tests, &mock);
        let (took, peak) = timed(ours(), suite.path(), "ours.json", tests).await;
        println!("{tests:>7} {peak:>16.1} {:>10}", took.as_millis());
    }
}

/// Runs a program to its end: how long it took, and the most memory it held (MB, as Linux counts it).
async fn timed(mut command: Command, dir: &Path, out: &str, tests: usize) -> (Duration, f64) {
    let began = Instant::now();
    let mut child = command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let status = format!("/proc/{}/status", child.id().expect("runs"));
    let mut peak = 0.0_f64;
    let took = loop {
        match tokio::time::timeout(Duration::from_millis(10), child.wait()).await {
            Ok(ended) => {
                assert!(ended.expect("ended").success(), "every test passes: {command:?}");
                break began.elapsed();
            }
            Err(_) => peak = peak.max(peak_mb(&status)),
        }
    };
    let results: Value = serde_json::from_slice(&std::fs::read(dir.join(out)).expect("results")).expect("JSON");
    let counted = &results["results"]["stats"];
    assert_eq!((counted["successes"].as_u64(), &counted["failures"]), (u64::try_from(tests).ok(), &0.into()), "{counted}");
    (took, peak)
}

fn peak_mb(status: &str) -> f64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().map_or(0.0, |kb| kb / 1024.0)
}

fn suite(tests: usize, mock: &mock::Mock) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let asserts = json!([{"type": "contains", "value": "answer"}, {"type": "regex", "value": "answer \\d+$"}, {"type": "is-json", "transform": "JSON.stringify(output)"},
        {"type": "javascript", "value": "output.length > 3"}, {"type": "not-icontains", "value": "placeholder"}]);
    let lines: Vec<String> = (0..tests)
        .map(|n| json!({"description": format!("test {n}"), "vars": {"x": format!("answer {n}")}, "assert": asserts}).to_string())
        .collect();
    std::fs::write(dir.path().join("tests.jsonl"), lines.join("\n")).expect("written");
    let provider = json!({"id": format!("http://{}/", mock.address), "config": {"method": "POST",
        "headers": {"content-type": "application/json"}, "body": {"prompt": "{{prompt}}"}, "transformResponse": "json"}});
    let config =
        json!({"prompts": ["{{x}}"], "providers": [provider], "tests": "file://tests.jsonl", "evaluateOptions": {"maxConcurrency": 4}});
    std::fs::write(dir.path().join("promptfooconfig.yaml"), config.to_string()).expect("written");
    dir
}

fn theirs(dir: &Path, promptfoo: &str) -> Command {
    let mut command = Command::new(promptfoo);
    command
        .args(["eval", "--no-cache", "--no-table", "--no-progress-bar", "-j", "4", "-c", "promptfooconfig.yaml", "-o", "theirs.json"])
        .env("PROMPTFOO_CONFIG_DIR", dir.join(".promptfoo"));
    command
}

fn ours() -> Command {
    let planner = std::env::var("PLANNER_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_planner").to_owned());
    let mut command = Command::new(planner);
    command.args(["eval", "-j", "4", "-c", "promptfooconfig.yaml", "-o", "ours.json"]);
    command
}
