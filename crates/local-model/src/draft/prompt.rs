//! The form as the model sees it: entries of curated examples, then ours with the last line left open.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Drafter, Lead, Scope, judge, money, sense, text};
use crate::sampling::NoCopy;

/// Entries shown. More cost time and add nothing; fewer and the model forgets the form.
const ENTRIES: usize = 4;
/// Words of all entries together.
const WORDS: usize = 140;
/// Tokens in a row that a draft may not take over from an entry.
const RUN: usize = 7;

/// One line of an example.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub example: usize,
    /// The object the line stands in.
    pub item: Option<&'a Value>,
    pub lead: Option<String>,
    pub text: String,
}

impl<'a> Drafter<'a> {
    /// Every line the examples have at these places, the plainest of each example first.
    pub(super) fn entries(&self, scopes: &[Scope<'a>]) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for scope in scopes {
            for (example, model) in scope.models.iter().enumerate() {
                let lead = scope.lead.as_ref().and_then(|lead| lead.models.get(example).copied().flatten());
                let lead = lead.map(|lead| self.person.adapt(example, lead));
                for line in model.iter().flat_map(|model| strings(model)) {
                    let text = self.person.adapt(example, line);
                    if !entries.iter().any(|entry| entry.text == text) {
                        let item = scope.parents.get(example).copied().flatten().filter(|_| model.is_some_and(Value::is_string));
                        entries.push(Entry { example, item, lead: lead.clone(), text });
                    }
                }
            }
        }
        entries.sort_by_key(|entry| (entry.example, oddness(&entry.text)));
        entries
    }

    /// The entries worth showing, nearest example last: one of each example, then a second of each.
    pub(super) fn shown<'e>(entries: &[Entry<'e>]) -> Vec<Entry<'e>> {
        let last = entries.iter().map(|entry| entry.example).max().unwrap_or(0);
        let mut shown: Vec<Entry<'e>> = Vec::new();
        let mut words = 0;
        for round in 0..ENTRIES {
            for example in 0..=last {
                let Some(entry) = entries.iter().filter(|entry| entry.example == example).nth(round) else { continue };
                let cost = text::words(&entry.text).len() + entry.lead.as_deref().map_or(0, |lead| text::words(lead).len());
                if shown.len() < ENTRIES && (words + cost <= WORDS || shown.len() < 2) {
                    words += cost;
                    shown.push(entry.clone());
                }
            }
        }
        shown.reverse();
        shown
    }

    /// First words of the examples' lines that could begin ours: they keep a list from saying one thing six times.
    pub(super) fn openers(entries: &[Entry<'_>]) -> Vec<String> {
        let mut openers: Vec<String> = Vec::new();
        for entry in entries {
            let words: Vec<&str> = entry.text.split_whitespace().collect();
            let count = words.iter().take(3).take_while(|word| word.chars().all(char::is_alphabetic)).count();
            let plain = |at: usize, word: &str| {
                (at == 0 || !word.starts_with(char::is_uppercase)) && text::content(word).iter().all(|w| sense::is_general(w))
            };
            let head: Vec<&str> = words.iter().take(count.min(2)).copied().collect();
            let fits = words.len() > 4 && !head.is_empty() && head.iter().enumerate().all(|(at, word)| plain(at, word));
            let opener = head.join(" ");
            if fits && !openers.contains(&opener) {
                openers.push(opener);
            }
        }
        openers
    }

    /// The share of the entries that names its own product.
    pub(super) fn naming(&self, entries: &[Entry<'_>]) -> f32 {
        let named =
            entries.iter().filter(|entry| self.subjects.get(entry.example).is_some_and(|theirs| theirs.share_in(&entry.text) > 0.0));
        text::ratio(named.count(), entries.len())
    }

    /// The entries as text.
    pub(super) fn form(&self, label: &str, lead_label: Option<&str>, shown: &[Entry<'_>]) -> String {
        let mut form = String::new();
        for entry in shown {
            let subject = self.examples.get(entry.example).map_or("", |example| example.subject);
            let _ = writeln!(form, "Product: {subject}");
            if let Some((lead_label, lead)) = lead_label.zip(entry.lead.as_deref()) {
                let _ = writeln!(form, "{lead_label}: {lead}");
            }
            let _ = writeln!(form, "{label}: {}\n", entry.text);
        }
        form
    }

    /// Our entry, open after the label.
    pub(super) fn open_entry(&self, label: &str, lead: Option<&Lead<'_>>) -> String {
        let lead = lead.map(|lead| format!("{}: {}\n", lead.label, lead.text)).unwrap_or_default();
        format!("Product: {}\n{lead}{label}:", self.subject.full)
    }

    /// What of the entries must not be written again word for word.
    pub(super) fn no_copy(&self, shown: &[Entry<'_>]) -> NoCopy {
        let mut tokens = Vec::new();
        for entry in shown {
            tokens.extend(self.decoder.tokens(&format!(" {}", entry.text)));
            tokens.push(-1);
        }
        NoCopy::of(&tokens, RUN)
    }
}

/// The lines of one value.
pub(super) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// How much a line is bound to its own venture: prices, names and many figures teach the model to invent the same.
fn oddness(line: &str) -> usize {
    let money = if money::speaks_of_money(line) { 3 } else { 0 };
    let digits = line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    let names = line.split_whitespace().skip(1).filter(|word| word.starts_with(char::is_uppercase)).count();
    let long = text::words(line).len() / 25;
    money + digits + if judge::titled(line) { 0 } else { names.min(3) } + long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_are_preferred() {
        assert!(oddness("Sell lanterns to campers.") < oddness("Sell 200 lanterns to campers."));
        assert!(oddness("Sell 200 lanterns to campers.") < oddness("Sell lanterns at $29 to campers in Denver."));
    }

    #[test]
    fn lists_begin_as_the_examples_do() {
        let entry = |text: &str| Entry { example: 0, item: None, lead: None, text: text.to_owned() };
        let entries =
            [entry("Ask three printers for a quote."), entry("Playtest every game with families."), entry("Ask three more printers now.")];
        assert_eq!(Drafter::openers(&entries), ["Ask three"]);
    }

    #[test]
    fn lists_and_texts_are_lines() {
        assert_eq!(strings(&serde_json::json!(["a", 1, "b"])), ["a", "b"]);
        assert_eq!(strings(&serde_json::json!("a")), ["a"]);
    }
}
