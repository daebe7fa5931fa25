//! Prompts and providers of a config: texts, files, globs, chat lists; providers stay what the file says.

use super::files::{ending, find, reference};
use super::reading::short;
use super::{Prompt, Provider};
use crate::faults::{Source, parse, read_text};
use serde_json::{Map, Value};
use std::path::Path;

/// Endings by which a bare text is a file's name.
const ENDINGS: [&str; 9] = [".txt", ".md", ".json", ".yaml", ".yml", ".j2", ".csv", ".js", ".py"];

/// All prompts of a config.
pub(crate) fn prompts(source: &mut Source<'_>, value: &Value) -> Vec<Prompt> {
    let mut all = Vec::new();
    match value {
        Value::Array(items) => items.iter().for_each(|item| one(source, item, &mut all)),
        item => one(source, item, &mut all),
    }
    all
}

fn one(source: &mut Source<'_>, item: &Value, all: &mut Vec<Prompt>) {
    match item {
        Value::String(text) => texts(source, text, None, all),
        Value::Object(map) => {
            source.check_keys("a prompt", map, &["raw", "label", "id"], &["config", "function"]);
            let label = ["label", "id"].iter().find_map(|key| map.get(*key)).and_then(Value::as_str);
            match map.get("raw").or_else(|| map.get("id")) {
                Some(Value::String(text)) => texts(source, text, label, all),
                _ if map.contains_key("role") => source.fault("role", "a chat prompt stands in a JSON or YAML file of its own"),
                _ => source.fault("prompts", format!("a prompt needs \"raw\": {}", short(item))),
            }
        }
        other => source.fault("prompts", format!("a prompt is a text, not {}", short(other))),
    }
}

fn texts(source: &mut Source<'_>, text: &str, label: Option<&str>, all: &mut Vec<Prompt>) {
    let remote = ["langfuse://", "portkey://", "helicone://", "exec:", "http://", "https://"];
    if let Some(scheme) = remote.iter().find(|s| text.starts_with(**s)) {
        return source.fault(text, format!("prompts from {scheme} are not supported; put the text into a file"));
    }
    let bare = !text.contains(char::is_whitespace) && ENDINGS.iter().any(|e| text.ends_with(e));
    let Some(path) = reference(text).or(bare.then_some(text)) else {
        return all.push(Prompt { label: label.unwrap_or(text).to_owned(), raw: text.to_owned() });
    };
    match find(&source.dir(), path, &source.file) {
        Ok(found) => found.iter().for_each(|file| from_file(source, file, label, all)),
        Err(fault) => source.fault(text, fault.message),
    }
}

fn from_file(source: &mut Source<'_>, file: &Path, label: Option<&str>, all: &mut Vec<Prompt>) {
    let text = match read_text(file) {
        Ok(text) => text,
        Err(fault) => return source.extend(vec![fault]),
    };
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let label = label.unwrap_or(&name);
    match ending(file).as_str() {
        "json" | "yaml" | "yml" => match parse(file, &text) {
            Ok(chat) => all.push(Prompt { label: label.to_owned(), raw: chat.to_string() }),
            // A chat file may hold template tags that are no JSON until they are rendered.
            Err(_) if text.contains("{%") || text.contains("{{") => all.push(Prompt { label: label.to_owned(), raw: text }),
            Err(fault) => source.extend(vec![fault]),
        },
        "csv" => from_csv(source, file, &text, all),
        "js" | "mjs" | "cjs" | "ts" | "py" => {
            source.fault(&name, format!("{name} is a program; prompts that are functions are not supported"));
        }
        _ => split(&text, label, all),
    }
}

/// The prompts of a text file, which a line of three dashes separates.
fn split(text: &str, label: &str, all: &mut Vec<Prompt>) {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        match parts.last_mut() {
            Some(last) if line.trim() != "---" => {
                last.push_str(line);
                last.push('\n');
            }
            _ => parts.push(String::new()),
        }
    }
    let parts: Vec<&str> = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect();
    for (at, part) in parts.iter().enumerate() {
        let label = if parts.len() == 1 { label.to_owned() } else { format!("{label} #{}", at + 1) };
        all.push(Prompt { label, raw: (*part).to_owned() });
    }
}

fn from_csv(source: &mut Source<'_>, file: &Path, text: &str, all: &mut Vec<Prompt>) {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = rows.headers().cloned().unwrap_or_default();
    let column = |name: &str| headers.iter().position(|h| h.trim() == name);
    let Some(prompt) = column("prompt") else {
        return source.extend(vec![crate::faults::fault(file, Some(1), "has no column \"prompt\"")]);
    };
    for row in rows.records().filter_map(Result::ok) {
        if let Some(raw) = row.get(prompt).filter(|raw| !raw.trim().is_empty()) {
            let label = column("label").and_then(|at| row.get(at)).filter(|l| !l.is_empty()).unwrap_or(raw);
            all.push(Prompt { label: label.to_owned(), raw: raw.to_owned() });
        }
    }
}

/// All providers of a config.
pub(crate) fn providers(source: &mut Source<'_>, value: &Value) -> Vec<Provider> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut all = Vec::new();
    for item in items {
        match item {
            Value::String(text) if reference(text).is_some() => listed(source, text, &mut all),
            Value::String(id) => all.push(Provider { id: id.clone(), label: id.clone(), ..Provider::default() }),
            Value::Object(map) => all.extend(provider(source, map)),
            other => source.fault("providers", format!("a provider is an id or a map with one, not {}", short(other))),
        }
    }
    all
}

/// Providers in a YAML or JSON file of their own.
fn listed(source: &mut Source<'_>, text: &str, all: &mut Vec<Provider>) {
    let path = source.dir().join(reference(text).unwrap_or(text));
    if !matches!(ending(&path).as_str(), "yaml" | "yml" | "json") {
        return source.fault(text, format!("{text} is a program; providers are ids, or lists in YAML or JSON files"));
    }
    match read_text(&path).and_then(|read| parse(&path, &read).map(|value| (read, value))) {
        Ok((_, value)) if value.to_string().contains("file://") => source.fault(text, "a file of providers cannot name another file"),
        Ok((_, value)) => all.extend(providers(source, &value)),
        Err(fault) => source.extend(vec![fault]),
    }
}

/// What stands under a key of a provider; what is not of its form is a fault.
fn setting<T>(source: &mut Source<'_>, map: &Map<String, Value>, key: &str, form: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let value = map.get(key).filter(|value| !value.is_null())?;
    let found = read(value);
    if found.is_none() {
        source.fault(&format!("{key}:"), format!("\"{key}\" of a provider is {form}, not {}", short(value)));
    }
    found
}

fn labels(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn code(value: &Value) -> Option<String> {
    value.as_str().filter(|code| reference(code).is_none()).map(str::to_owned)
}

fn provider(source: &mut Source<'_>, map: &Map<String, Value>) -> Option<Provider> {
    if let Some(id) = map.get("id").and_then(Value::as_str) {
        let known = ["id", "label", "config", "prompts", "transform", "delay", "env", "inputs"];
        source.check_keys("a provider", map, &known, &["inputs"]);
        return Some(Provider {
            id: id.to_owned(),
            label: setting(source, map, "label", "a text", |v| v.as_str().map(str::to_owned)).unwrap_or_else(|| id.to_owned()),
            config: setting(source, map, "config", "a map of keys", |v| v.is_object().then(|| v.clone())).unwrap_or_default(),
            prompts: setting(source, map, "prompts", "a list of prompts' labels", labels).unwrap_or_default(),
            transform: setting(source, map, "transform", "JavaScript that stands here, not in a file", code),
            delay_ms: setting(source, map, "delay", "a whole number of milliseconds", Value::as_u64).unwrap_or(0),
            env: setting(source, map, "env", "a map of texts", |v| v.is_object().then(|| v.clone())).unwrap_or_default(),
        });
    }
    // The short form: `- openai:gpt: {config: ...}`.
    match map.iter().next() {
        Some((id, Value::Object(rest))) if map.len() == 1 => {
            let mut whole = rest.clone();
            whole.entry("id").or_insert_with(|| id.as_str().into());
            provider(source, &whole)
        }
        _ => {
            source.fault("providers", format!("a provider needs an \"id\": {}", short(&Value::Object(map.clone()))));
            None
        }
    }
}
