//! The automatic part: what of the rubric can be measured without understanding the text. Each formula stands at its function; the
//! guide `docs/guide/quality.md` has them in a table.
//!
//! It says how good an output can be at most, not how good it is: a text that passes everything here may still be wrong. What cannot be
//! measured is not judged, and says so.

use super::{Criterion, Points, Reasons, Score};
use crate::generations::{Issue, Source};
use crate::guardrails::{each_text, placeholders};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What is known of an output that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Whether the template has the web searched first.
    pub grounded: bool,
    /// Whether a small draft model wrote it.
    pub draft_model: bool,
    /// The section's output object.
    pub output: &'a Value,
    /// What the checks found wrong with it.
    pub issues: &'a [Issue],
    /// The pages it rests on, from the search's own record.
    pub sources: &'a [Source],
    /// The product idea.
    pub idea: &'a str,
    /// The brand voice's key, or the owner's words.
    pub voice: &'a str,
    /// The plan's language as its code.
    pub language: &'a str,
}

/// Texts shorter than this say too little to be expected to name the product.
const PROSE: usize = 24;
/// With fewer words of prose nothing can be said of the voice.
const ENOUGH_WORDS: usize = 20;
/// Rules about values that are facts; every other rule is about form.
const FACTS: [&str; 4] = ["price-range", "money", "sum-at-most", "sources-or-low-confidence"];
/// Rules that tell of something else than the output's form.
const NO_FAULT_OF_FORM: [&str; 3] = ["draft", "placeholder", Issue::STOPPED];
/// Words that are in every idea.
const EMPTY_WORDS: [&str; 20] = [
    "and", "are", "for", "from", "has", "have", "our", "out", "that", "the", "their", "them", "this", "who", "will", "with", "without",
    "you", "your", "made",
];

/// Judges an output by what can be measured, with a sentence about each criterion.
pub fn automatic(evidence: &Evidence<'_>) -> (Score, Reasons) {
    let texts = texts(evidence.output);
    let judged = [
        (Criterion::Correctness, correctness(evidence, &texts)),
        (Criterion::Relevance, relevance(evidence, &texts)),
        (Criterion::Format, format(evidence.issues)),
        (Criterion::Voice, voice(evidence.voice, &texts)),
        (Criterion::Actionability, actionability(evidence, &texts)),
    ];
    let mut reasons = Reasons::new();
    let mut score = Score::default();
    for (criterion, Judged { points, reason }) in judged {
        score = score.with(criterion, points);
        reasons.insert(criterion, reason);
    }
    (score, reasons)
}

struct Judged {
    points: Option<Points>,
    reason: String,
}

impl Judged {
    fn of(points: f64, reason: String) -> Self {
        Self { points: Some(Points::near(points)), reason }
    }

    fn not(reason: &str) -> Self {
        Self { points: None, reason: format!("Not judged: {reason}.") }
    }
}

/// Every text of the output, in order.
fn texts(output: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    each_text(output, &mut String::new(), &mut |_, text| texts.push(text.to_owned()));
    texts
}

static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r#"https?://[^\s"'<>)\]]+"#));
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Sc}\s?\d|\d\s?\p{Sc}"));
static ESTIMATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)~|≈|\b(?:about|around|approx\w*|assum\w*|est\.|estimat\w*|roughly)"));
static UNKNOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:data not available|not available|n/a|unknown)\b"));
static LOUD: LazyLock<Regex> = LazyLock::new(|| pattern(r"!|\p{Extended_Pictographic}|\b\p{Lu}{5,}\b"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

#[expect(clippy::cast_precision_loss, reason = "counts of words and texts stay far below 2^52")]
const fn number(count: usize) -> f64 {
    count as f64
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

/// Where the facts can come from sets where it begins: 10 with two sources or more that a search found, 7 with one, 4 where there
/// should be some and are none (and up to 2 more by the share of amounts of money that are marked as estimates); 8 where no search is
/// asked for, because nobody has looked the model's own knowledge up; 6 at most from a small draft model. Then 3 less for each address
/// in the text that no search found, and 2 less for each issue about a figure or a source.
fn correctness(evidence: &Evidence<'_>, texts: &[String]) -> Judged {
    let found: BTreeSet<&str> = evidence.sources.iter().map(|source| source.uri.trim_end_matches('/')).collect();
    let links = texts.iter().flat_map(|text| LINK.find_iter(text)).map(|link| link.as_str().trim_end_matches(['/', '.', ',']));
    let invented = links.filter(|link| !found.contains(link)).collect::<BTreeSet<_>>().len();
    let wrong = evidence.issues.iter().filter(|issue| FACTS.contains(&issue.rule.as_str())).count();
    let (start, why) = match (evidence.grounded, found.len()) {
        (false, _) => (8.0, "it rests on the model's own knowledge".to_owned()),
        (true, 0) => {
            let amounts: Vec<&String> = texts.iter().filter(|text| AMOUNT.is_match(text)).collect();
            let marked = amounts.iter().filter(|text| ESTIMATE.is_match(text)).count();
            let marked = if amounts.is_empty() { 0.0 } else { share(marked, amounts.len()) };
            (2.0f64.mul_add(marked, 4.0), "no search found a source for it".to_owned())
        }
        (true, 1) => (7.0, "it rests on 1 source".to_owned()),
        (true, many) => (10.0, format!("it rests on {many} sources")),
    };
    let (start, why) = if evidence.draft_model { (f64::min(start, 6.0), "a small model drafted it".to_owned()) } else { (start, why) };
    let mut reason = vec![why];
    reason.extend((invented > 0).then(|| counted(invented, "address in it that no search found", "addresses in it that no search found")));
    reason.extend((wrong > 0).then(|| counted(wrong, "issue about a figure or a source", "issues about figures or sources")));
    Judged::of(2.0f64.mul_add(-number(wrong), 3.0f64.mul_add(-number(invented), start)), sentence(&reason))
}

/// `10 * (0.7 * min(1, 2 * words) + 0.3 * min(1, 2 * texts))`: the share of the idea's words that occur in the output, and the share
/// of its longer texts that have one of them; half of either is as good as all. A word counts when another begins with it, its last
/// two letters aside. In another language than English none of them may occur at all: then it is not judged.
fn relevance(evidence: &Evidence<'_>, texts: &[String]) -> Judged {
    let wanted = words(evidence.idea).into_iter().filter(|word| !EMPTY_WORDS.contains(&word.as_str()));
    let wanted: BTreeSet<String> = wanted.map(|word| stem(&word)).collect();
    if wanted.is_empty() {
        return Judged::not("the idea has no words that could be looked for");
    }
    // A short word is only found in words that are short too: a mat is not in "material".
    let fits = |stem: &str, word: &str| stem.chars().count() >= 4 || word.chars().count() <= 4;
    let has = |found: &BTreeSet<String>, stem: &String| {
        found.range(stem.clone()..).take_while(|word| word.starts_with(stem)).any(|word| fits(stem, word))
    };
    let by_text: Vec<(bool, BTreeSet<String>)> =
        texts.iter().map(|text| (text.chars().count() >= PROSE, words(text).into_iter().collect())).collect();
    let named = wanted.iter().filter(|stem| by_text.iter().any(|(_, found)| has(found, stem))).count();
    if named == 0 && evidence.language != "en" {
        return Judged::not("no word of the idea occurs, which in another language says nothing");
    }
    let prose: Vec<&BTreeSet<String>> = by_text.iter().filter(|(long, _)| *long).map(|(_, found)| found).collect();
    let about = prose.iter().filter(|found| wanted.iter().any(|stem| has(found, stem))).count();
    let points = 7.0f64.mul_add((2.0 * share(named, wanted.len())).min(1.0), 3.0 * (2.0 * share(about, prose.len())).min(1.0));
    let reason = format!("{named} of the idea's {} words occur, in {about} of {} longer texts", wanted.len(), prose.len());
    Judged::of(points, sentence(&[reason]))
}

/// 10, less 3 for each issue of the schema and 1.5 for each other issue of form.
fn format(issues: &[Issue]) -> Judged {
    let schema = issues.iter().filter(|issue| issue.rule == "schema").count();
    let other = |issue: &&Issue| {
        let rule = issue.rule.as_str();
        rule != "schema" && !FACTS.contains(&rule) && !NO_FAULT_OF_FORM.contains(&rule)
    };
    let other = issues.iter().filter(other).count();
    let mut reason = Vec::new();
    reason.extend((schema > 0).then(|| counted(schema, "part that breaks the schema", "parts that break the schema")));
    reason.extend((other > 0).then(|| counted(other, "other issue of form", "other issues of form")));
    if reason.is_empty() {
        reason.push("everything is there, in its form".to_owned());
    }
    Judged::of(1.5f64.mul_add(-number(other), 3.0f64.mul_add(-number(schema), 10.0)), sentence(&reason))
}

/// Of one voice something can be measured: a professional one is quiet. 10, less 2 for each exclamation mark, emoji or word in
/// capitals in a hundred words. Other voices are for judges and people.
fn voice(voice: &str, texts: &[String]) -> Judged {
    if voice != "professional" {
        return Judged::not("this voice cannot be measured");
    }
    let prose = texts.iter().filter(|text| text.chars().count() >= PROSE);
    let (words, loud) = prose.fold((0, 0), |(words, loud), text| {
        let link_free = LINK.replace_all(text, "");
        (words + link_free.split_whitespace().count(), loud + LOUD.find_iter(&link_free).count())
    });
    if words < ENOUGH_WORDS {
        return Judged::not("too few words to hear a voice in");
    }
    let rate = share(loud * 100, words);
    let reason = if loud == 0 { "quiet throughout".to_owned() } else { counted(loud, "loud word or mark", "loud words or marks") };
    Judged::of(2.0f64.mul_add(-rate, 10.0), sentence(&[reason]))
}

/// 0 where anything was left to be filled in; else 10, less 2 for each text that is empty and half a point for each that says that
/// something is unknown.
fn actionability(evidence: &Evidence<'_>, texts: &[String]) -> Judged {
    let placeholder = evidence.issues.iter().any(|issue| issue.rule == "placeholder") || !placeholders(evidence.output).is_empty();
    if placeholder {
        return Judged::of(0.0, sentence(&["it has placeholder text".to_owned()]));
    }
    let empty = texts.iter().filter(|text| text.trim().is_empty()).count();
    let unknown = texts.iter().filter(|text| UNKNOWN.is_match(text)).count();
    let mut reason = Vec::new();
    reason.extend((empty > 0).then(|| counted(empty, "text is empty", "texts are empty")));
    reason.extend((unknown > 0).then(|| counted(unknown, "text says that something is unknown", "texts say that something is unknown")));
    if reason.is_empty() {
        reason.push("nothing was left to be filled in".to_owned());
    }
    Judged::of(0.5f64.mul_add(-number(unknown), 2.0f64.mul_add(-number(empty), 10.0)), sentence(&reason))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn sentence(parts: &[String]) -> String {
    let text = parts.join("; ");
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

/// The words of a text in small letters, three letters or more. Scripts that put no spaces between words give pairs of letters.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
        let letters: Vec<char> = run.chars().collect();
        if letters.iter().any(|c| is_unspaced(*c)) {
            words.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
        } else if letters.len() >= 3 {
            words.push(run.to_owned());
        }
    }
    words
}

/// Han, Kana and Thai letters.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0E7F}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// A word without its last two letters where it is long enough, so that "boots" is found in "boot" and "candles" in "candlelight".
fn stem(word: &str) -> String {
    let length = word.chars().count();
    let kept = if length <= 4 { length } else { Ord::max(4, length - 2) };
    let kept = if length == 4 && word.ends_with('s') { 3 } else { kept };
    word.chars().take(kept).collect()
}

#[cfg(test)]
mod tests;
