//! Parts of a config that have no file of their own: scenarios, options, derived metrics, lists of tests.

use super::files;
use super::reading::{Reading, short};
use super::references::Context;
use super::{DerivedMetric, EvaluateOptions, Scenario};
use crate::cases::TestCase;
use crate::faults::{Source, parse, read_text};
use prompts::FileFault;
use serde_json::{Map, Value};
use std::path::Path;

const EVALUATE: [&str; 8] =
    ["maxConcurrency", "repeat", "delay", "showProgressBar", "cache", "timeoutMs", "maxEvalTimeMs", "interactiveProviders"];

/// The tests of a YAML or JSON file: a list, or one test.
pub(super) fn test_list(path: &Path, context: &Context) -> (Vec<TestCase>, Vec<FileFault>) {
    let read = read_text(path).and_then(|text| parse(path, &text).map(|value| (text, value)));
    let (text, value) = match read {
        Ok(read) => read,
        Err(fault) => return (Vec::new(), vec![fault]),
    };
    let mut faults = Vec::new();
    let source = Source::new(path, text, &mut faults);
    let dir = source.dir();
    let mut reading = Reading { source, context, dir: &dir };
    let mut list = Vec::new();
    match &value {
        Value::Array(items) => test_items(&mut reading, "", items, |reading, item| list.push(reading.test(item))),
        one => list.push(reading.test(one)),
    }
    (list, faults)
}

/// Understands the items of a list of tests one by one, so that each fault says which test it is of.
pub(super) fn test_items(
    reading: &mut Reading<'_, '_>,
    key: &str,
    items: &[Value],
    mut understand: impl FnMut(&mut Reading<'_, '_>, &Value),
) {
    let places = reading.source.items(key, items.len());
    for (at, item) in items.iter().enumerate() {
        let lines = places.as_ref().and_then(|places| places.get(at).copied());
        reading.source.enter(Some((format!("test {}", at + 1), lines)));
        understand(reading, item);
    }
    reading.source.enter(None);
}

pub(super) fn scenarios(reading: &mut Reading<'_, '_>, map: &Map<String, Value>) -> Vec<Scenario> {
    match map.get("scenarios") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            // An item may be the name of a file with one scenario or a list of them.
            let several = |reading: &mut Reading<'_, '_>, value: &Value| match value {
                Value::Array(inner) => inner.iter().map(|one| scenario(reading, one)).collect(),
                one => vec![scenario(reading, one)],
            };
            items.iter().flat_map(|item| referenced(reading, item, several)).collect()
        }
        Some(other) => {
            reading.source.fault("scenarios:", format!("scenarios are a list, not {}", short(other)));
            Vec::new()
        }
    }
}

fn scenario(reading: &mut Reading<'_, '_>, item: &Value) -> Scenario {
    if let Value::Object(keys) = item {
        reading.source.check_keys("a scenario", keys, &["description", "config", "tests"], &[]);
    }
    let mut list = |key: &str| {
        let Some(named @ (Value::Array(_) | Value::String(_))) = item.get(key) else {
            reading.source.fault("scenarios:", format!("a scenario needs a list \"{key}\""));
            return Vec::new();
        };
        referenced(reading, named, |reading, value| match value {
            Value::Array(items) => items.iter().map(|i| reading.test(i)).collect(),
            one => vec![reading.test(one)],
        })
    };
    Scenario { config: list("config"), tests: list("tests") }
}

/// Understands a value, or what the file it names holds; what is wrong there is said with that file's name.
pub(super) fn referenced<T>(reading: &mut Reading<'_, '_>, value: &Value, understand: impl FnOnce(&mut Reading<'_, '_>, &Value) -> T) -> T {
    let Some(path) = value.as_str().and_then(files::reference) else { return understand(reading, value) };
    let file = reading.dir.join(path);
    let read = read_text(&file).and_then(|text| parse(&file, &text).map(|value| (text, value)));
    let (text, value) = read.unwrap_or_else(|fault| {
        reading.source.extend(vec![fault]);
        (String::new(), Value::Object(Map::new()))
    });
    let source = reading.source.other(&file, text);
    understand(&mut Reading { source, context: reading.context, dir: reading.dir }, &value)
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
    let items = match map.get("derivedMetrics") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items.as_slice(),
        Some(other) => {
            source.fault("derivedMetrics:", format!("derived metrics are a list of names and values, not {}", short(other)));
            &[]
        }
    };
    for item in items {
        match (item.get("name").and_then(Value::as_str), item.get("value").and_then(Value::as_str)) {
            (Some(name), Some(value)) => metrics.push(DerivedMetric { name: name.to_owned(), value: value.to_owned() }),
            _ => source.fault("derivedMetrics:", format!("a derived metric needs \"name\" and an expression \"value\": {}", short(item))),
        }
    }
    metrics
}
