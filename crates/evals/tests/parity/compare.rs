//! Holding two result files against each other, and the list of differences that are meant.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// What was found in one suite.
pub struct Held {
    pub rows: usize,
    /// Rows that promptfoo passed, failed, could not judge.
    pub counts: [usize; 3],
    pub differences: Vec<Found>,
}

/// A row in which the two differ.
pub struct Found {
    pub case: String,
    pub what: String,
}

/// A difference that is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Why, for a person.
    pub reason: String,
    /// The rows it is about.
    pub cases: Vec<String>,
}

impl Difference {
    pub fn listed(path: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(path).expect("the list of differences");
        serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}

/// What is wrong: differences nobody listed, and listed ones that are none.
pub fn unexpected(found: &[Found], listed: &[Difference]) -> Vec<String> {
    let meant: HashSet<&str> = listed.iter().flat_map(|d| d.cases.iter().map(String::as_str)).collect();
    let differ: HashSet<&str> = found.iter().map(|f| f.case.as_str()).collect();
    assert!(listed.iter().all(|d| !d.reason.is_empty()), "a difference without a reason");
    let unlisted = found.iter().filter(|f| !meant.contains(f.case.as_str())).map(|f| format!("{}: {}", f.case, f.what));
    let stale = meant.iter().filter(|case| !differ.contains(*case)).map(|case| format!("{case}: is listed as a difference and is none"));
    unlisted.chain(stale).collect()
}

/// Holds the rows and the sums of two result files against each other.
pub fn rows(suite: &str, theirs: &Value, ours: &Value) -> Held {
    let (theirs, ours) = (&theirs["results"], &ours["results"]);
    let (their_rows, our_rows) = (keyed(theirs), keyed(ours));
    let mut held = Held { rows: their_rows.len(), counts: [0; 3], differences: Vec::new() };
    let alone = |results: &Value| results["prompts"].as_array().is_some_and(|all| all.len() == 1);
    for (key, row) in &their_rows {
        held.counts[outcome(row)] += 1;
        let name = row["testCase"]["description"].as_str().map_or_else(|| format!("{suite} #{}", key.0), str::to_owned);
        let case = if alone(theirs) { name } else { format!("{name} [{}]", key.1) };
        let case = if case.starts_with(suite) { case } else { format!("{suite}: {case}") };
        let what = our_rows.get(key).map_or_else(|| vec!["we have no such row".to_owned()], |ours| row_differs(row, ours));
        if !what.is_empty() {
            held.differences.push(Found { case, what: what.join("; ") });
        }
    }
    for key in our_rows.keys().filter(|key| !their_rows.contains_key(key)) {
        held.differences.push(Found { case: format!("{suite} #{} [{}]", key.0, key.1), what: "promptfoo has no such row".into() });
    }
    let columns = |results: &Value| -> BTreeMap<String, Value> {
        let name = |p: &Value| format!("{} {}", p["provider"].as_str().unwrap_or_default(), label(p));
        results["prompts"].as_array().into_iter().flatten().map(|p| (name(p), p.clone())).collect()
    };
    let our_columns = columns(ours);
    for (name, prompt) in columns(theirs) {
        let what = our_columns.get(&name).map(|ours| sums_differ(&prompt, ours)).unwrap_or_default();
        if !what.is_empty() {
            let case = if alone(theirs) { format!("{suite}: sums") } else { format!("{suite}: sums of {name}") };
            held.differences.push(Found { case, what: what.join("; ") });
        }
    }
    held
}

/// Rows by test and column; a column is known by its names, since promptfoo has an order of its own.
fn keyed(results: &Value) -> BTreeMap<(u64, String), &Value> {
    let column = |row: &Value| {
        let provider = row["provider"]["label"].as_str().filter(|l| !l.is_empty()).or(row["provider"]["id"].as_str()).unwrap_or_default();
        format!("{provider} {}", label(&row["prompt"]))
    };
    let rows = results["results"].as_array().expect("rows").iter();
    rows.map(|row| ((row["testIdx"].as_u64().expect("testIdx"), column(row)), row)).collect()
}

/// What a prompt is called; of one that is JSON promptfoo takes the spaces out.
fn label(prompt: &Value) -> String {
    let label = prompt["label"].as_str().unwrap_or_default();
    serde_json::from_str::<Value>(label).map_or_else(|_| label.to_owned(), |json| json.to_string())
}

fn outcome(row: &Value) -> usize {
    match (row["success"].as_bool(), row["failureReason"].as_u64()) {
        (Some(true), _) => 0,
        (_, Some(2)) => 2,
        _ => 1,
    }
}

fn row_differs(theirs: &Value, ours: &Value) -> Vec<String> {
    let mut what = Vec::new();
    let (a, b) = (outcome(theirs), outcome(ours));
    let words = ["pass", "fail", "error"];
    if a != b {
        let why = |row: &Value| row["error"].as_str().or(row["gradingResult"]["reason"].as_str()).unwrap_or("").replace('\n', " ");
        let short = |row: &Value| why(row).chars().take(200).collect::<String>();
        what.push(format!("promptfoo says {} ({}), we say {} ({})", words[a], short(theirs), words[b], short(ours)));
        return what;
    }
    let prompt = |row: &Value| row["prompt"]["raw"].as_str().unwrap_or_default().to_owned();
    let (their_prompt, our_prompt) = (prompt(theirs), prompt(ours));
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    if a != 2 && their_prompt != our_prompt && (json(&their_prompt).is_none() || json(&their_prompt) != json(&our_prompt)) {
        what.push(format!("prompt {their_prompt:?}, ours {our_prompt:?}"));
    }
    if a == 2 {
        return what;
    }
    if !close(&theirs["score"], &ours["score"]) {
        what.push(format!("score {}, ours {}", theirs["score"], ours["score"]));
    }
    named_differ("named scores", &theirs["namedScores"], &ours["namedScores"], &mut what);
    let parts = |row: &Value| {
        let mut all = Vec::new();
        flat(&row["gradingResult"]["componentResults"], &mut all);
        all
    };
    let (their_parts, our_parts) = (parts(theirs), parts(ours));
    if their_parts.len() != our_parts.len() || !their_parts.iter().zip(&our_parts).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6) {
        what.push(format!("assertions {their_parts:?}, ours {our_parts:?}"));
    }
    what
}

fn flat(parts: &Value, all: &mut Vec<(bool, f64)>) {
    for part in parts.as_array().into_iter().flatten() {
        all.push((part["pass"].as_bool().unwrap_or(false), part["score"].as_f64().unwrap_or(f64::NAN)));
    }
}

fn sums_differ(theirs: &Value, ours: &Value) -> Vec<String> {
    let (theirs, ours, mut what) = (&theirs["metrics"], &ours["metrics"], Vec::new());
    for key in ["testPassCount", "testFailCount", "testErrorCount", "assertPassCount", "assertFailCount", "score"] {
        if !close(&theirs[key], &ours[key]) {
            what.push(format!("{key} {}, ours {}", theirs[key], ours[key]));
        }
    }
    for key in ["namedScores", "namedScoresCount", "namedScoreWeights"] {
        named_differ(key, &theirs[key], &ours[key], &mut what);
    }
    what
}

fn named_differ(label: &str, theirs: &Value, ours: &Value, what: &mut Vec<String>) {
    let none = Map::new();
    let (a, b) = (theirs.as_object().unwrap_or(&none), ours.as_object().unwrap_or(&none));
    if a.len() != b.len() || !a.iter().all(|(name, score)| b.get(name).is_some_and(|other| close(score, other))) {
        what.push(format!("{label} {theirs}, ours {ours}"));
    }
}

fn close(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        _ => a == b,
    }
}
