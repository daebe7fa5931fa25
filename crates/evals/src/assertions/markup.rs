//! Assertions about XML and HTML.

use super::{Ask, Finding, only_keys};
use crate::html;
use crate::markup::{Element, Tag, elements, tag};
use crate::values::{coerced, trim};
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

pub(super) fn is_xml(ask: &Ask<'_>) -> Result<Finding, String> {
    let required = required(ask.value)?;
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let read = Document::parse_with_options(ask.text, options).map_err(|e| format!("XML parsing failed: {e}"));
    let subset = ask.text.find("<!DOCTYPE").is_some_and(|at| ask.text[at..].split('>').next().is_some_and(|d| d.contains('[')));
    let read = read.map(drop).and_then(|()| if subset { Err("DTDs inside of the document are not read".into()) } else { Ok(()) });
    Ok(match read.and_then(|()| missing(&elements(ask.text), &required)) {
        Ok(()) => Finding::plain(true, ""),
        Err(why) => Finding::plain(false, why),
    })
}

pub(super) fn contains_xml(ask: &Ask<'_>) -> Result<Finding, String> {
    let required = required(ask.value)?;
    let candidates = candidates(ask.text);
    let holds = candidates.iter().any(|(start, end)| missing(&elements(&ask.text[*start..*end]), &required).is_ok());
    let reason = if candidates.is_empty() { "No XML content found in the output" } else { "No XML content matches the requirements" };
    Ok(Finding::plain(holds, if holds { "" } else { reason }))
}

/// The paths an assertion asks for: in a list, separated by commas, or under `requiredElements`.
fn required(value: &Value) -> Result<Vec<String>, String> {
    only_keys(value, &["requiredElements"])?;
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.split(',').map(|path| trim(path).to_owned()).collect()),
        Value::Array(items) => Ok(items.iter().map(coerced).collect()),
        Value::Object(map) if !map.is_empty() => match map.get("requiredElements") {
            Some(Value::Array(items)) => Ok(items.iter().map(coerced).collect()),
            _ => Err("needs the names of elements as \"value\", or under requiredElements".into()),
        },
        _ => Ok(Vec::new()),
    }
}

fn missing(root: &Element, required: &[String]) -> Result<(), String> {
    let missing: Vec<&str> = required.iter().filter(|path| !root.has(&path.split('.').collect::<Vec<_>>())).map(String::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("XML is missing required elements: {}", missing.join(", "))) }
}

/// Elements with their ends that stand in a text: all that stand beside each other as one, then each that no other holds.
fn candidates(text: &str) -> Vec<(usize, usize)> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut found: Vec<(usize, usize, Option<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|i| at + i) {
        let Some((tag, end)) = tag(text, start) else {
            at = start + 1;
            continue;
        };
        match tag {
            Tag::Open { closed: true, .. } => found.push((start, end, open.last().map(|o| o.1))),
            Tag::Open { name, .. } => open.push((name, start)),
            Tag::Close { name } if open.last().is_some_and(|o| o.0 == name) => {
                if let Some((_, begun)) = open.pop() {
                    found.push((begun, end, open.last().map(|o| o.1)));
                }
            }
            Tag::Close { .. } => open.clear(),
            Tag::Other => {}
        }
        at = end;
    }
    let whole = |parent: &Option<usize>| parent.is_none_or(|p| !found.iter().any(|f| f.0 == p));
    let mut outer: Vec<(usize, usize, Option<usize>)> = found.iter().filter(|f| whole(&f.2)).copied().collect();
    outer.sort_unstable();
    let mut ordered = Vec::new();
    for parent in outer.iter().map(|f| f.2).collect::<std::collections::BTreeSet<_>>() {
        let beside: Vec<_> = outer.iter().filter(|f| f.2 == parent).collect();
        if let [first, .., last] = beside.as_slice() {
            ordered.push((first.0, last.1));
        }
    }
    ordered.extend(outer.iter().map(|f| (f.0, f.1)));
    ordered
}

pub(super) fn is_html(ask: &Ask<'_>) -> Finding {
    match html::fault(ask.text) {
        None => Finding::plain(true, "Output is valid HTML"),
        Some(why) => Finding::plain(false, why),
    }
}

pub(super) fn contains_html(ask: &Ask<'_>) -> Finding {
    Finding::plain(html::stands_in(ask.text), "Looked for signs of HTML")
}
