//! Parts of a config that have no file of their own: scenarios, options, derived metrics, lists of tests.

use super::files;
use super::reading::{Reading, short};
use super::references::Templates;
use super::{DerivedMetric, EvaluateOptions, Scenario};
use crate::cases::TestCase;
use crate::faults::{Source, parse, read_text};
use prompts::FileFault;
use serde_json::{Map, Value};
use std::path::Path;

const EVALUATE: [&str; 8] =
    ["maxConcurrency", "repeat", "delay", "showProgressBar", "cache", "timeoutMs", "maxEvalTimeMs", "interactiveProviders"];

/// The tests of a YAML or JSON file: a list, or one test.
pub(super) fn test_list(path: &Path, templates: &Templates) -> (Vec<TestCase>, Vec<FileFault>) {
    let read = read_text(path).and_then(|text| parse(path, &text).map(|value| (text, value)));
    let (text, value) = match read {
        Ok(read) => read,
        Err(fault) => return (Vec::new(), vec![fault]),
    };
    let mut faults = Vec::new();
    let source = Source::new(path, text, &mut faults);
    let dir = source.dir();
    let mut reading = Reading { source, templates, dir: &dir };
    let list = match &value {
        Value::Array(items) => items.iter().map(|item| reading.test(item)).collect(),
        one => vec![reading.test(one)],
    };
    (list, faults)
}

pub(super) fn scenarios(reading: &mut Reading<'_, '_>, map: &Map<String, Value>) -> Vec<Scenario> {
    let list = |reading: &mut Reading<'_, '_>, item: &Value, key: &str| {
        if let Some(Value::Array(items)) = item.get(key).map(|v| referenced(reading, v)) {
            return items.iter().map(|i| reading.test(i)).collect();
        }
        reading.source.fault("scenarios:", format!("a scenario needs a list \"{key}\""));
        Vec::new()
    };
    match map.get("scenarios") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            // An item may be the name of a file with one scenario or a list of them.
            let items = items.iter().flat_map(|item| match referenced(reading, item) {
                Value::Array(inner) => inner,
                one => vec![one],
            });
            let items: Vec<Value> = items.collect();
            items
                .iter()
                .map(|item| {
                    if let Value::Object(keys) = item {
                        reading.source.check_keys("a scenario", keys, &["description", "config", "tests"], &[]);
                    }
                    Scenario { config: list(reading, item, "config"), tests: list(reading, item, "tests") }
                })
                .collect()
        }
        Some(other) => {
            reading.source.fault("scenarios:", format!("scenarios are a list, not {}", short(other)));
            Vec::new()
        }
    }
}

/// A value, or what the file it names holds.
pub(super) fn referenced(reading: &mut Reading<'_, '_>, value: &Value) -> Value {
    let Some(path) = value.as_str().and_then(files::reference) else { return value.clone() };
    let file = reading.dir.join(path);
    match read_text(&file).and_then(|text| parse(&file, &text)) {
        Ok(read) => read,
        Err(fault) => {
            reading.source.extend(vec![fault]);
            Value::Object(Map::new())
        }
    }
}

pub(super) fn object(source: &mut Source<'_>, map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.get(key) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(inner)) => inner.clone(),
        Some(other) => {
            source.fault(&format!("{key}:"), format!("\"{key}\" is a map of keys, not {}", short(other)));
            Map::new()
        }
    }
}

pub(super) fn evaluate(source: &mut Source<'_>, map: &Map<String, Value>) -> EvaluateOptions {
    let options = object(source, map, "evaluateOptions");
    source.check_keys("evaluateOptions", &options, &EVALUATE, &[]);
    let mut number = |key: &str| match options.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => {
            if value.as_u64().is_none() {
                source.fault(&format!("{key}:"), format!("\"{key}\" is a whole number, not {}", short(value)));
            }
            value.as_u64()
        }
    };
    let size = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    EvaluateOptions {
        max_concurrency: size(number("maxConcurrency")),
        repeat: size(number("repeat")),
        delay_ms: number("delay"),
        timeout_ms: number("timeoutMs").filter(|n| *n > 0),
        max_eval_time_ms: number("maxEvalTimeMs").filter(|n| *n > 0),
    }
}

pub(super) fn derived(source: &mut Source<'_>, map: &Map<String, Value>) -> Vec<DerivedMetric> {
    let mut metrics = Vec::new();
    for item in map.get("derivedMetrics").and_then(Value::as_array).into_iter().flatten() {
        match (item.get("name").and_then(Value::as_str), item.get("value").and_then(Value::as_str)) {
            (Some(name), Some(value)) => metrics.push(DerivedMetric { name: name.to_owned(), value: value.to_owned() }),
            _ => source.fault("derivedMetrics:", format!("a derived metric needs \"name\" and an expression \"value\": {}", short(item))),
        }
    }
    metrics
}
