//! How fast an eval is beside real promptfoo, in one run against one mock that answers at once: 150 and 1,000 tests of five assertions each.
//! And what memory 20,000 tests take beside 1,000. `PLANNER_PROMPTFOO` names promptfoo (`eval "$(scripts/promptfoo.sh)"`); figures only, no
//! verdict.

#[path = "../tests/parity/mock.rs"]
mod mock;

use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() {
    let promptfoo = std::env::var("PLANNER_PROMPTFOO").expect("PLANNER_PROMPTFOO is not set; run: eval \"$(scripts/promptfoo.sh)\"");
    let mock = mock::Mock::start().await;
    mock.answer("ping", json!({"output": "pong"}));
    println!("{:>7} {:>14} {:>10} {:>7}", "tests", "promptfoo (ms)", "ours (ms)", "times");
    for tests in [150, 1000] {
        let suite = suite(tests, &mock);
        let (theirs, ours) = (theirs(suite.path(), &promptfoo).await, ours(suite.path(), &mock).await);
        let times = theirs.as_secs_f64() / ours.as_secs_f64();
        println!("{tests:>7} {:>14} {:>10} {times:>7.1}", theirs.as_millis(), ours.as_millis());
    }
    println!("{:>7} {:>16} {:>10}", "tests", "peak memory (MB)", "ours (ms)");
    for tests in [1000, 20_000] {
        let suite = suite(tests, &mock);
        // Linux begins to count the peak anew.
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        let took = ours(suite.path(), &mock).await;
        println!("{tests:>7} {:>16.1} {:>10}", peak_mb(), took.as_millis());
    }
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().map_or(f64::NAN, |kb| kb / 1024.0)
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

async fn theirs(dir: &Path, promptfoo: &str) -> Duration {
    let began = Instant::now();
    let out = dir.join("theirs.json");
    let ended = tokio::process::Command::new(promptfoo)
        .args(["eval", "--no-cache", "--no-table", "--no-progress-bar", "-j", "4", "-c", "promptfooconfig.yaml", "-o", "theirs.json"])
        .current_dir(dir)
        .env("PROMPTFOO_CONFIG_DIR", dir.join(".promptfoo"))
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .expect("promptfoo starts");
    let took = began.elapsed();
    let results: Value = serde_json::from_str(&std::fs::read_to_string(out).expect("results")).expect("JSON");
    assert_eq!(results["results"]["stats"]["failures"], 0, "{}", String::from_utf8_lossy(&ended.stderr));
    took
}

async fn ours(dir: &Path, mock: &mock::Mock) -> Duration {
    let began = Instant::now();
    let config = evals::Config::read(&dir.join("promptfooconfig.yaml")).expect("reads");
    let jsonl = dir.join("ours.jsonl");
    let mut sink = evals::JsonlSink::create(&jsonl).expect("a file");
    let summary = evals::run(&config, mock, &evals::Options::default(), &mut sink).await.expect("runs");
    let mut file = std::fs::File::create(dir.join("ours.json")).expect("a file");
    evals::write_results(&jsonl, &config, &summary, evals::Format::Json, &mut file).expect("written");
    assert_eq!((summary.failed, summary.errors), (0, 0));
    began.elapsed()
}
