//! What could be left out of a template, where it stands, and what that saves. Whether an answer stays as good is for an eval to say.

use super::{Parts, estimate};
use crate::library::Release;
use crate::render::Rendered;
use crate::template::Template;
use domain::usage::Price;
use regex::Regex;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A line shorter than this is no instruction that could be said twice.
const LINE: usize = 20;
/// From how many other templates on a line counts as shared.
const SHARED: usize = 2;

/// Words a model does not need, and what says the same.
const LONG: [(&str, &str); 18] = [
    ("please", ""),
    ("kindly", ""),
    ("thank you", ""),
    ("i would like you to", ""),
    ("your task is to", ""),
    ("make sure that", ""),
    ("make sure to", ""),
    ("be sure to", ""),
    ("remember to", ""),
    ("it is important that", ""),
    ("it is important to", ""),
    ("in order to", "to"),
    ("as well as", "and"),
    ("due to the fact that", "because"),
    ("at this point in time", "now"),
    ("a large number of", "many"),
    ("with regard to", "on"),
    ("you should always", "always"),
];
static POLITE: LazyLock<Vec<(Regex, &str, &str)>> = LazyLock::new(|| {
    let compiled = LONG.iter().filter_map(|(long, short)| Some((Regex::new(&format!(r"(?i)\b{long}\b")).ok()?, *long, *short)));
    compiled.collect()
});

/// Something that could be left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// `shared-rules`, `few-shot`, `long-words`, `said-twice`, `unused-variable`, `whitespace`.
    pub kind: &'static str,
    /// The prompt and its lines, counted from 1: `systemPrompt 3-7`.
    pub place: String,
    /// What to do.
    pub message: String,
    /// Tokens of one call that it saves, or that become cheaper.
    pub tokens: u64,
    /// US dollars a month; none where the model has no price.
    pub monthly: Option<f64>,
}

/// What tokens are worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Money {
    pub price: Price,
    pub per_month: u32,
    pub calls: u32,
}

impl Money {
    /// So many input tokens of each call in a month, at a rate for a million.
    fn of(self, tokens: u64, rate: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "token counts stay far below 2^52")]
        let tokens = tokens as f64;
        tokens * rate / 1_000_000.0 * f64::from(self.per_month) * f64::from(self.calls)
    }
}

/// Everything found, the largest saving first.
pub(super) fn suggestions(t: &Template, release: &Release, rendered: &Rendered, parts: Parts, money: Option<Money>) -> Vec<Suggestion> {
    let mut found: Vec<Suggestion> = Vec::new();
    found.extend(few_shot(parts));
    found.extend(long_words(t));
    found.extend(said_twice(t));
    found.extend(unused(t));
    found.extend(whitespace(rendered));
    for suggestion in &mut found {
        suggestion.monthly = money.map(|m| m.of(suggestion.tokens, m.price.input));
    }
    found.extend(shared_rules(t, release).map(|mut suggestion| {
        suggestion.monthly = money.map(|m| m.of(suggestion.tokens, m.price.input - m.price.cached));
        suggestion
    }));
    found.sort_by(|a, b| b.monthly.unwrap_or(0.0).total_cmp(&a.monthly.unwrap_or(0.0)).then(b.tokens.cmp(&a.tokens)));
    found
}

fn suggestion(kind: &'static str, place: impl Into<String>, tokens: u64, message: String) -> Suggestion {
    Suggestion { kind, place: place.into(), message, tokens, monthly: None }
}

/// The lines of a prompt that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let said = |line: &str| line.trim().trim_start_matches(['-', '*', ' ']).len() >= LINE && !line.trim_start().starts_with("{{");
    text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())).filter(move |(_, line)| said(line))
}

/// Lines that other templates have word for word: put before whatever differs, providers read them from their cache.
fn shared_rules(template: &Template, release: &Release) -> Option<Suggestion> {
    let others: Vec<BTreeSet<&str>> = release
        .templates()
        .filter(|other| other.name != template.name)
        .map(|other| lines(&other.system_prompt).map(|(_, line)| line).collect())
        .collect();
    let in_others = |line: &str| others.iter().filter(|lines| lines.contains(line)).count();
    let shared: Vec<(usize, &str, usize)> = lines(&template.system_prompt).map(|(n, line)| (n, line, in_others(line))).collect();
    let shared: Vec<_> = shared.into_iter().filter(|(_, _, count)| *count >= SHARED).collect();
    let (first, last) = (shared.first()?.0, shared.last()?.0);
    let most = shared.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
    let tokens = shared.iter().map(|(_, line, _)| estimate(line)).sum();
    let lines = if shared.len() == 1 { "one line stands".to_owned() } else { format!("{} lines stand", shared.len()) };
    let message = format!(
        "{lines} word for word in up to {most} other templates; put first in all of them, as part of a common beginning of 1,000 tokens or more, \
         providers charge them as cached"
    );
    let place = if first == last { format!("systemPrompt {first}") } else { format!("systemPrompt {first}-{last}") };
    Some(suggestion("shared-rules", place, tokens, message))
}

/// Examples that are the larger part of the question.
fn few_shot(parts: Parts) -> Option<Suggestion> {
    let percent = parts.few_shot * 100 / parts.total().max(1);
    let message = format!("the two examples are {percent} % of the input; try one, and compare by an eval");
    (percent >= 40).then(|| suggestion("few-shot", "userPrompt (relevantExamples)", parts.few_shot / 2, message))
}

fn long_words(template: &Template) -> Vec<Suggestion> {
    let mut found = Vec::new();
    for (prompt, text) in template.prompts().filter(|(prompt, _)| *prompt != "fallbackPrompt") {
        for (i, line) in text.lines().enumerate() {
            for (regex, long, short) in POLITE.iter() {
                let times = u64::try_from(regex.find_iter(line).count()).unwrap_or(0);
                if times > 0 {
                    let message =
                        if short.is_empty() { format!("leave out \"{long}\"") } else { format!("say \"{short}\" for \"{long}\"") };
                    let tokens = estimate(long).saturating_sub(estimate(short)).max(1) * times;
                    found.push(suggestion("long-words", format!("{prompt} {}", i + 1), tokens, message));
                }
            }
        }
    }
    found
}

/// Lines that say what an earlier one says, in the same words or nearly.
fn said_twice(template: &Template) -> Vec<Suggestion> {
    let mut seen: Vec<(String, BTreeSet<String>)> = Vec::new();
    let mut found = Vec::new();
    for (prompt, text) in template.prompts().filter(|(prompt, _)| *prompt != "fallbackPrompt") {
        for (n, line) in lines(text) {
            let words: BTreeSet<String> =
                line.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).map(str::to_owned).collect();
            if words.len() < 4 {
                continue;
            }
            if let Some((place, _)) = seen.iter().find(|(_, before)| alike(before, &words)) {
                let message = format!("says what {place} says; keep one of them");
                found.push(suggestion("said-twice", format!("{prompt} {n}"), estimate(line), message));
            }
            seen.push((format!("{prompt} {n}"), words));
        }
    }
    found
}

/// Four fifths of all words are in both.
fn alike(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    a.intersection(b).count() * 5 >= a.union(b).count() * 4
}

/// Variables that no prompt has: the check of the library refuses them, a proposal may still have them.
fn unused(template: &Template) -> Vec<Suggestion> {
    let named = |name: &str| template.prompts().any(|(_, text)| text.contains(name));
    let unused = template.variables.iter().filter(|v| !named(&v.name) && !named(v.name.rsplit('.').next().unwrap_or(&v.name)));
    unused
        .map(|v| {
            let default = v.default.as_ref().map_or(0, |value| estimate(&value.to_string()));
            suggestion("unused-variable", format!("variables {}", v.name), default, "no prompt uses it; take it out".into())
        })
        .collect()
}

/// Blank lines in a row and spaces at the ends of lines, as a model gets them.
fn whitespace(rendered: &Rendered) -> Option<Suggestion> {
    let text = format!("{}\n{}", rendered.system, rendered.user);
    let trailing: usize = text.lines().map(|line| line.len() - line.trim_end().len()).sum();
    let lines: Vec<bool> = text.lines().map(|line| line.trim().is_empty()).collect();
    let blank = lines.windows(2).filter(|pair| pair[0] && pair[1]).count();
    let tokens = u64::try_from(trailing.div_ceil(4) + blank).unwrap_or(0);
    let message = format!("{blank} blank lines follow another one, {trailing} spaces end lines; take them out (in Handlebars with ~)");
    (tokens >= 3).then(|| suggestion("whitespace", "as rendered", tokens, message))
}
