//! What every suite of test cases has to be before anything may be decided by it: enough happy and edge cases, each with a name, the
//! template's own schema and something of its own that it asserts. A suite that is thinner passes whatever the prompt does.
//!
//! What the cases say about a model is the evals' matter.

use crate::template::Template;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Cases of ordinary ideas that a suite has at least.
pub const HAPPY: usize = 10;
/// Cases of unusual ideas that a suite has at least.
pub const EDGE: usize = 5;
/// Kinds of cases, as `metadata.kind` says them.
const KINDS: [&str; 3] = ["happy", "edge", "performance"];

/// Everything that keeps cases from being the suite of a template, a sentence each.
pub fn faults(template: &Template, cases: &[Value]) -> Vec<String> {
    let mut faults = counts(cases);
    let mut seen = HashSet::new();
    for (number, case) in cases.iter().enumerate() {
        let name = case["description"].as_str().filter(|name| !name.trim().is_empty());
        if name.is_none_or(|name| !seen.insert(name)) {
            faults.push(format!("a description is missing or stands twice: give the {}. case one of its own", number + 1));
        }
        let called = name.map_or_else(|| format!("the {}. case", number + 1), |name| format!("\"{name}\""));
        faults.extend(asserted(template, case).into_iter().map(|fault| format!("{called} {fault}")));
    }
    faults
}

fn counts(cases: &[Value]) -> Vec<String> {
    let of = |kind: &str| cases.iter().filter(|case| case["metadata"]["kind"] == kind).count();
    let mut faults = Vec::new();
    for (kind, least) in [("happy", HAPPY), ("edge", EDGE)] {
        if of(kind) < least {
            faults.push(format!("{} {kind} cases, at least {least} are needed", of(kind)));
        }
    }
    if KINDS.iter().map(|kind| of(kind)).sum::<usize>() != cases.len() {
        faults.push("every case is of the kind happy, edge or performance: say it in metadata.kind".into());
    }
    faults
}

/// Whether the input rules are to refuse the case: then there is no answer to hold to a schema.
pub fn is_refused(case: &Value) -> bool {
    case["metadata"]["edge"].as_array().is_some_and(|edges| edges.iter().any(|edge| edge == "refused"))
}

/// What a case demands, sets of assertions opened.
pub fn asserts(case: &Value) -> Vec<&Value> {
    let listed = case["assert"].as_array().into_iter().flatten();
    listed.flat_map(|a| a["assert"].as_array().map_or_else(|| vec![a], |inner| inner.iter().collect())).collect()
}

/// What has to hold of the answer: neither what has no weight, nor what is in a set of which a part is enough, nor what is made of it first.
fn binding(case: &Value) -> impl Iterator<Item = &Value> {
    let weighs = |a: &&Value| a["weight"].as_f64().is_none_or(|weight| weight > 0.0);
    let listed =
        case["assert"].as_array().into_iter().flatten().filter(weighs).filter(|a| a["threshold"].is_null() || a["assert"].is_null());
    let opened = listed.flat_map(|a| a["assert"].as_array().map_or_else(|| vec![a], |inner| inner.iter().collect()));
    opened.filter(weighs).filter(|a| a["transform"].is_null())
}

fn asserted(template: &Template, case: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if !case["threshold"].is_null() {
        faults.push("has a threshold, below which what it asserts does not matter; leave it out".into());
    }
    if is_refused(case) {
        faults.extend(refused(template, case));
        return faults;
    }
    let schema = binding(case).find(|a| a["type"] == "is-json").map(|a| &a["value"]);
    if schema != Some(&schema_of(template)) {
        faults.push(format!("asserts a schema that is not the output of {} {}", template.name, template.version));
    }
    // An assertion without weight, or a threshold over several, lets an answer pass that fails it.
    let own = case["assert"].as_array().into_iter().flatten().filter(|a| a["weight"].as_f64().is_none_or(|weight| weight > 0.0));
    if own.count() < 2 {
        faults.push("asserts nothing of its own, beside the form of the answer".into());
    }
    faults
}

/// What a case lacks that says it is refused: an answer has to fail it, or it would be one more case that nothing is asked of.
fn refused(template: &Template, case: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if case["metadata"]["kind"] != "edge" {
        faults.push("says that it is refused, which only an edge case may be: say edge in metadata.kind".into());
    }
    if asserts(case).iter().any(|a| a["metric"] == "schema" || a["type"] == "is-json") {
        faults.push("says that it is refused and asserts the schema of an answer; it is one or the other".into());
    }
    let demands: Vec<&Value> = binding(case).filter(|a| a["metric"] == "refusal").collect();
    let says = |a: &&Value| {
        let kinds = ["contains", "icontains", "contains-all", "icontains-all", "regex", "starts-with", "equals", "is-refusal"];
        a["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) && a["value"] != ""
    };
    if !demands.iter().any(says) {
        faults.push(
            "says that it is refused and does not assert what the refusal says: with the metric refusal, with weight, such as contains"
                .into(),
        );
    }
    // What every answer has, as it is written in JSON.
    let parts = template.output["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts: Vec<String> = parts.map(|part| format!("\"{part}\"")).collect();
    let no_answer = |a: &&Value| match a["type"].as_str() {
        Some("is-refusal") => true,
        Some("not-contains" | "not-icontains") => a["value"].as_str().is_some_and(|value| parts.iter().any(|part| part == value)),
        _ => false,
    };
    if !demands.iter().any(no_answer) {
        let example = parts.first().map_or_else(|| "is-refusal".to_owned(), |part| format!("not-contains '{part}'"));
        faults.push(format!(
            "says that it is refused and would take an answer for it: assert with the metric refusal, with weight, that none came, such as \
             {example}"
        ));
    }
    faults
}

/// What the cases of a template assert of an answer's form: its output, without what is written for pages and providers, which
/// promptfoo's validator does not know.
pub fn schema_of(template: &Template) -> Value {
    bare(&template.output)
}

fn bare(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut kept = Map::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            ("title" | "description" | "format", Value::String(_)) => {}
            (key, _) if key.starts_with("x-") => {}
            ("properties", Value::Object(inner)) => {
                kept.insert(key.clone(), inner.iter().map(|(name, value)| (name.clone(), bare(value))).collect());
            }
            _ => {
                kept.insert(key.clone(), bare(value));
            }
        }
    }
    Value::Object(kept)
}
