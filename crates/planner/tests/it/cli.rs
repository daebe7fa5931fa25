//! The command line: exit codes, output, and plain sentences for what cannot work.

use crate::house::KEY;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use testkit::{Fault, Upstream};

pub fn planner(dir: &Path, upstream: Option<&Upstream>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_planner"));
    command.current_dir(dir).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    if let Some(upstream) = upstream {
        command.env("GEMINI_API_KEY", KEY).env("GEMINI_BASE_URL", upstream.url());
    }
    command
}

pub async fn run(mut command: Command) -> (Output, String) {
    let output = tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.expect("joined");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains(KEY) && !String::from_utf8_lossy(&output.stdout).contains(KEY), "the key is printed");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (output, stderr)
}

#[tokio::test]
async fn a_plan_as_json_and_a_line_per_section() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    let mut command = planner(dir.path(), Some(&upstream));
    command.args([
        "generate",
        "vegan leather hiking boots",
        "--voice",
        "witty-dad",
        "--currency",
        "EUR",
        "--format",
        "json",
        "--sections",
        "smart-goals,swot",
    ]);
    let (output, stderr) = run(command).await;
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["venture"]["currency"], "EUR");
    assert_eq!(json["sections"].as_object().map(serde_json::Map::len), Some(2));
    assert!(stderr.contains("[ 1/2] ") && stderr.contains("[ 2/2] "), "{stderr}");
    assert!(dir.path().join("data/planner.db").exists());
}

#[tokio::test]
async fn a_failed_section_is_exit_code_3_and_the_rest_is_written() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    upstream.when(|call| call.prompt.contains("SWOT").then_some(Fault::Refusal));
    let mut command = planner(dir.path(), Some(&upstream));
    command.args(["generate", "beeswax candles", "--sections", "smart-goals,swot", "--out", "plan.md"]);
    let (output, stderr) = run(command).await;
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(std::fs::read_to_string(dir.path().join("plan.md")).expect("written").contains("### SMART goals"));
}

#[tokio::test]
async fn bad_input_is_exit_code_2_with_every_fault() {
    let dir = TempDir::new().expect("a folder");
    let mut command = planner(dir.path(), None);
    command.args([
        "generate",
        "12",
        "--voice",
        "xyz",
        "--language",
        "tlh",
        "--currency",
        "XXX",
        "--persona",
        "pirate",
        "--sections",
        "nonsense",
        "--out",
        "no/where.md",
    ]);
    let (output, stderr) = run(command).await;
    assert_eq!(output.status.code(), Some(2));
    for said in [
        "productIdea: has 2",
        "productIdea: has no letters",
        "brandVoice",
        "language",
        "currency",
        "persona",
        "\"nonsense\" is not a section",
        "folder no does not exist",
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert!(!dir.path().join("data").exists(), "nothing is written for bad input");
}

#[tokio::test]
async fn what_cannot_work_is_one_clear_sentence() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    std::fs::write(dir.path().join("file"), "x").expect("written");
    std::fs::create_dir(dir.path().join("broken")).expect("made");
    std::fs::write(dir.path().join("broken/bad.yaml"), "name: bad\nversion: [").expect("written");
    std::fs::write(dir.path().join("garbage.gguf"), "no model").expect("written");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let cases = [
        (&["generate", "beeswax candles", "--data", "file/below"][..], None, "data folder cannot be used"),
        (&["serve", "--port", &port], None, "is another program using the port"),
        (&["prompts", "check"], Some(("PLANNER_PROMPTS", "broken")), "bad.yaml:"),
        (&["prompts", "list"], Some(("PROMPT_VERSION", "9.9.9")), "9.9.9 is not in the library"),
        (&["prompts", "show", "nonsense"], None, "smart-goals"),
        (&["generate", "beeswax candles"], Some(("LOCAL_MODEL", "garbage.gguf")), "garbage.gguf"),
        (&["generate", "beeswax candles"], Some(("LOCAL_MODEL", "missing.gguf")), "missing.gguf"),
    ];
    for (args, env, said) in cases {
        let mut command = planner(dir.path(), Some(&upstream));
        command.args(args).envs(env);
        let (output, stderr) = run(command).await;
        assert!(!output.status.success(), "{args:?}");
        assert!(stderr.contains(said) && stderr.starts_with("planner: "), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn routes_are_lists_in_the_environment() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    upstream.when(|call| call.model.contains("flash-lite").then_some(Fault::Refusal));
    let generate = |fast: &str, reasoning: &str| {
        let mut command = planner(dir.path(), Some(&upstream));
        command.args(["generate", "beeswax candles", "--format", "json", "--sections", "smart-goals"]);
        command.env("PLANNER__MODELS__FAST", fast).env("PLANNER__MODELS__REASONING", reasoning).env("PLANNER__SERVER__PORT", "9000");
        command
    };
    let route = "gemini:gemini-2.5-flash-lite, openai:some-model,";
    let mut command = generate(route, route);
    command.env("OPENAI_API_KEY", KEY).env("OPENAI_BASE_URL", upstream.url());
    let (output, stderr) = run(command).await;
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["sections"]["smart-goals"]["model"], "openai:some-model", "the second answers where the first refuses");
    let (output, stderr) = run(generate("", "")).await;
    assert_eq!(output.status.code(), Some(0), "an empty route is chosen by the keys: {stderr}");
    for (fast, reasoning, variable, quoted) in [
        ("gemini:gemini-2.5-flash,nonsense", "", "PLANNER__MODELS__FAST", "\"nonsense\""),
        ("", "oracle:delphi", "PLANNER__MODELS__REASONING", "\"oracle:delphi\""),
        ("", "gemini:", "PLANNER__MODELS__REASONING", "\"gemini:\""),
    ] {
        let (output, stderr) = run(generate(fast, reasoning)).await;
        assert!(!output.status.success(), "{fast} {reasoning}");
        assert!(stderr.contains(variable) && stderr.contains(quoted) && stderr.contains("provider:model"), "{stderr}");
    }
    let mut command = generate("", "");
    command.env("PLANNER__SERVER__PORT", "high");
    let (output, stderr) = run(command).await;
    assert!(!output.status.success() && stderr.contains("PLANNER__SERVER__PORT"), "{stderr}");
}

#[tokio::test]
async fn what_templates_cost_is_told_with_evidence_where_there_is_some() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    let row = |passed: bool| {
        serde_json::json!({"success": passed, "failureReason": i32::from(!passed), "latencyMs": 900, "cost": 0.002, "error": "a reason",
                           "provider": {"id": "planner:swot"}, "metadata": {"model": "gemini:gemini-2.5-flash"}})
    };
    let lines: Vec<String> = (0..20).map(|n| row(n > 0).to_string()).collect();
    std::fs::write(dir.path().join("results.jsonl"), lines.join("\n")).expect("written");
    std::fs::write(dir.path().join("bad.jsonl"), "{\"success\": true}\n{\"hello\": 1}\n").expect("written");
    let tokens = |args: &[&str]| {
        let mut command = planner(dir.path(), Some(&upstream));
        command.args(["prompts", "tokens"]).args(args);
        run(command)
    };
    let (output, stderr) = tokens(&["swot", "--json", "--evals", "results.jsonl", "--per-month", "1000"]).await;
    assert!(output.status.success(), "{stderr}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((json["templates"].as_array().map(Vec::len), &json["perMonth"]), (Some(1), &Value::from(1000)));
    let routing = &json["routing"][0];
    assert_eq!(
        (&routing["verdict"], &routing["evidence"][0]["passed"], &routing["evidence"][0]["p50Ms"]),
        (&"holds".into(), &19.into(), &900.into())
    );
    let (output, stderr) = tokens(&[]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("estimated") && text.contains("no evidence yet") && text.contains("shared-rules"),
        "{stderr}"
    );
    for (args, said) in [
        (&["nonsense"][..], "there are ad-copy"),
        (&["--evals", "missing.jsonl"], "missing.jsonl cannot be read"),
        (&["--evals", "bad.jsonl"], "bad.jsonl:2: is no result"),
        (&["--fast", "flash"], "provider:model"),
    ] {
        let (output, stderr) = tokens(args).await;
        assert!(!output.status.success() && stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn the_library_can_be_looked_at() {
    let dir = TempDir::new().expect("a folder");
    for (args, said) in
        [(&["prompts", "list"][..], "smart-goals"), (&["prompts", "show", "swot"], "--- userPrompt"), (&["prompts", "check"], "no faults")]
    {
        let mut command = planner(dir.path(), None);
        command.args(args);
        let (output, stderr) = run(command).await;
        assert!(output.status.success(), "{stderr}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(said));
    }
}

#[tokio::test]
async fn tables_are_listed_and_brought_up_to_date() {
    let dir = TempDir::new().expect("a folder");
    for (args, expected) in [
        (["migrate", "status"], "missing m0001_ventures"),
        (["migrate", "up"], "changes made\napplied m0001_ventures"),
        (["migrate", "up"], "nothing to do: the tables are up to date\napplied m0001_ventures"),
        (["migrate", "status"], "applied m0001_ventures"),
    ] {
        let mut command = planner(dir.path(), None);
        command.args(args);
        let (output, stderr) = run(command).await;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && stdout.contains(expected), "{stdout} {stderr}");
    }
    let mut command = planner(dir.path(), None);
    command.args(["migrate", "status"]).env("DATABASE_URL", "postgres://ana:geheim@localhost:port/x");
    let (output, stderr) = run(command).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("its port is not a number") && !stderr.contains("geheim"), "{stderr}");
}

#[tokio::test]
async fn everything_is_backed_up_and_restored() {
    let (dir, upstream) = (TempDir::new().expect("a folder"), Upstream::start().await);
    let mut command = planner(dir.path(), Some(&upstream));
    command.args(["generate", "beeswax candles", "--sections", "smart-goals", "--data", "old"]);
    assert!(run(command).await.0.status.success());
    for (args, expected) in [
        (vec!["backup", "all.backup", "--data", "old"], "1  ventures"),
        (vec!["restore", "all.backup", "--data", "new"], "everything is back"),
        (vec!["restore", "all.backup", "--data", "new", "--force"], "everything is back"),
    ] {
        let mut command = planner(dir.path(), None);
        command.args(&args);
        let (output, stderr) = run(command).await;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && stdout.contains(expected), "{args:?}: {stdout} {stderr}");
    }
    for (args, expected) in [
        (["backup", "all.backup", "--data", "old"], "exists already"),
        (["restore", "all.backup", "--data", "new"], "--force"),
        (["restore", "no.backup", "--data", "other"], "cannot be read"),
    ] {
        let mut command = planner(dir.path(), None);
        command.args(args);
        let (output, stderr) = run(command).await;
        assert!(output.status.code() == Some(1) && stderr.contains(expected), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn the_queue_is_looked_at_and_steered() {
    let dir = TempDir::new().expect("a folder");
    for (args, code, expected) in [
        (vec!["status"], 0, "0 waiting, 0 in work, 0 given up"),
        (vec!["pause", "run"], 0, "run is paused"),
        (vec!["resume", "run"], 0, "0 waiting"),
        (vec!["dead"], 0, ""),
        (vec!["pause", "nonsense"], 2, "not a kind of job; there are run, tidy"),
        (vec!["revive", "01a20db4-d861-759b-a78e-0b0a01032eee"], 2, "is not a job that was given up"),
    ] {
        let mut command = planner(dir.path(), None);
        command.arg("jobs").args(&args);
        let (output, stderr) = run(command).await;
        let said = format!("{}{stderr}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.code() == Some(code) && said.contains(expected), "{args:?}: {said}");
    }
}
