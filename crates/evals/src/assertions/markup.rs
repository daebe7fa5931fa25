//! Assertions about XML and HTML.

use super::{Ask, Finding};
use regex::Regex;
use roxmltree::{Document, Node};
use serde_json::Value;
use std::sync::LazyLock;

/// Elements by which a text is recognised as HTML.
const ELEMENTS: &str = "html|head|body|title|main|section|article|header|footer|nav|div|span|p|a|b|i|em|strong|img|h[1-6]|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|form|input|button|label|select|option|textarea|script|style|link|meta|br|hr|pre|code|blockquote";

static ELEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!(r"(?i)</?(?:{ELEMENTS})(?:\s[^<>]*)?/?>")).ok());
static OPENING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?/?>").ok());

/// Attempts to read a part of a text as XML before it counts as having none.
const ATTEMPTS: usize = 500;

pub(super) fn is_xml(ask: &Ask<'_>) -> Result<Finding, String> {
    let required = required(ask.value)?;
    Ok(match read(ask.text.trim(), &required) {
        Ok(()) => Finding::plain(true, "XML is valid and contains all required elements"),
        Err(why) => Finding::plain(false, why),
    })
}

pub(super) fn contains_xml(ask: &Ask<'_>) -> Result<Finding, String> {
    let required = required(ask.value)?;
    let mut why = "No XML content found in the output".to_owned();
    let (mut at, mut attempts) = (0, 0);
    let Some(opening) = OPENING.as_ref() else { return Err("the pattern of an element is broken".into()) };
    while let Some(found) = opening.captures_at(ask.text, at) {
        let (Some(tag), Some(name)) = (found.get(0), found.get(1)) else { break };
        let closing = format!("</{}>", name.as_str());
        let ends = ask.text[tag.start()..].match_indices(&closing).map(|(i, _)| tag.start() + i + closing.len());
        let alone = tag.as_str().ends_with("/>").then_some(tag.end());
        at = tag.end();
        for end in alone.into_iter().chain(ends) {
            attempts += 1;
            match read(&ask.text[tag.start()..end], &required) {
                Ok(()) => return Ok(Finding::plain(true, "XML is valid and contains all required elements")),
                Err(reason) if reason.contains("missing") => {
                    why = reason;
                    at = end;
                    break;
                }
                Err(_) => {}
            }
            if attempts >= ATTEMPTS {
                return Ok(Finding::plain(false, why));
            }
        }
    }
    Ok(Finding::plain(false, why))
}

/// The paths of elements that must be there: `a.b,c` or a list, or under `requiredElements`.
fn required(value: &Value) -> Result<Vec<String>, String> {
    let names = |text: &str| text.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(names(text)),
        Value::Array(items) => {
            items.iter().map(|i| i.as_str().map(str::to_owned).ok_or_else(|| format!("{i} is no element's name"))).collect()
        }
        Value::Object(map) if map.contains_key("requiredElements") => required(&map["requiredElements"]),
        other => Err(format!("needs the names of elements as \"value\", not {other}")),
    }
}

fn read(text: &str, required: &[String]) -> Result<(), String> {
    let document = Document::parse(text).map_err(|e| format!("XML parsing failed: {e}"))?;
    let missing: Vec<&str> = required.iter().filter(|path| !has(document.root(), path)).map(String::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("XML is missing required elements: {}", missing.join(", "))) }
}

fn has(root: Node<'_, '_>, path: &str) -> bool {
    path.split('.')
        .try_fold(vec![root], |nodes, name| {
            let next: Vec<Node<'_, '_>> =
                nodes.iter().flat_map(Node::children).filter(|n| n.is_element() && n.tag_name().name() == name).collect();
            (!next.is_empty()).then_some(next)
        })
        .is_some()
}

/// HTML and nothing but: it begins and ends with a tag, and an element of HTML is in it.
pub(super) fn is_html(ask: &Ask<'_>) -> Finding {
    let text = ask.text.trim();
    let holds = text.starts_with('<') && text.ends_with('>') && !text.starts_with("<?xml") && contains(text);
    Finding::plain(holds, "Compared with HTML: tags from beginning to end")
}

pub(super) fn contains_html(ask: &Ask<'_>) -> Finding {
    Finding::plain(contains(ask.text), "Looked for elements of HTML")
}

fn contains(text: &str) -> bool {
    text.to_lowercase().contains("<!doctype html") || ELEMENT.as_ref().is_some_and(|e| e.is_match(text))
}
