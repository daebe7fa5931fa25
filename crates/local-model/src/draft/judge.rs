//! The hard rules: a line that breaks one is never shown, however well it ranks.

use std::collections::{HashMap, HashSet};

use super::claims::{boasts, contradicts};
use super::leaf::Node;
use super::shape::Shape;
use super::subject::Subject;
use super::{Example, money, text};

/// Capitalised words that need no source.
const KNOWN: &str = "i i'm i'll i've january february march april may june july august september october november december monday \
    tuesday wednesday thursday friday saturday sunday christmas easter halloween thanksgiving valentine instagram tiktok facebook \
    pinterest youtube linkedin google etsy amazon shopify ebay alibaba usb led diy faq uk us usa eu europe european british american \
    english ok tv qr q1 q2 q3 q4 mother father day black friday new year";

/// Regions: where somebody else sells is not where the user does.
const REGIONS: [&str; 12] =
    ["us", "uk", "usa", "eu", "britain", "british", "america", "american", "europe", "european", "japanese", "chinese"];

/// Signs of a form that nobody filled in, and of a model that speaks about itself.
const PLACEHOLDERS: [&str; 22] = [
    "[insert",
    "[your",
    "coming soon",
    "lorem ipsum",
    "placeholder",
    "to be determined",
    "tbd",
    "xx",
    "<",
    ">",
    "{",
    "}",
    "http",
    "www.",
    ".com",
    "@",
    "as an ai",
    "product:",
    "___",
    "...",
    "…",
    "n/a",
];

/// Knows the user's words and everybody else's.
pub(crate) struct Judge {
    subject: Subject,
    leftovers: HashSet<String>,
    names: HashSet<String>,
    allowed: HashSet<String>,
    figures: Vec<f64>,
}

impl Judge {
    pub fn new(subject: &Subject, examples: &[Example<'_>], figures: Vec<f64>) -> Self {
        let told: HashSet<&String> = subject.told.iter().collect();
        let outputs: Vec<String> = examples.iter().map(|example| all_text(example.output)).collect();
        let mut leftovers = own_words(&outputs, 3);
        leftovers.extend(own_words(&examples.iter().map(|example| example.plan).collect::<Vec<_>>(), 3));
        let said: Vec<HashMap<String, usize>> = outputs.iter().map(|output| counted(output)).collect();
        for (at, example) in examples.iter().enumerate() {
            let others = |word: &String| said.iter().enumerate().filter(|(other, words)| *other != at && words.contains_key(word)).count();
            leftovers.extend(text::content(example.subject).into_iter().filter(|word| others(word) < 2));
        }
        let mut names: HashSet<String> = outputs.iter().flat_map(|output| proper_names(output)).collect();
        leftovers.retain(|word| !told.contains(word));
        names.retain(|name| !told.contains(name));
        Self { subject: subject.clone(), leftovers, names, allowed: HashSet::new(), figures }
    }

    /// Takes a word out of the forbidden ones: the person of this draft may be named.
    pub fn allow(&mut self, word: &str) {
        let stem = text::stem(word);
        self.leftovers.remove(&stem);
        self.names.remove(&stem);
        self.allowed.insert(stem);
    }

    /// Whether a word was taken out of the forbidden ones.
    pub fn is_allowed(&self, stem: &str) -> bool {
        self.allowed.contains(stem)
    }

    /// Whether the text speaks of another product than the user's.
    pub fn has_leftovers(&self, line: &str) -> bool {
        let leftover = |word: &String| {
            self.leftovers.contains(word) || self.leftovers.iter().any(|other| is_derived(word, other) || is_derived(other, word))
        };
        text::content(line).iter().any(leftover)
            || text::words(line).iter().any(|word| self.names.contains(&text::stem(word)) && !is_known(word))
    }

    /// Whether a line being written cannot be saved any more: what is finished of it speaks of another product or loops.
    pub fn is_hopeless(&self, begun: &str) -> bool {
        let finished = begun.trim_end().rsplit_once(' ').map_or("", |(finished, _)| finished);
        self.has_leftovers(finished) || text::repeats_run(finished)
    }

    /// Why the line may not be shown; `None` when it may.
    pub fn fault(&self, line: &str, shape: &Shape, node: Node<'_>) -> Option<&'static str> {
        let length = line.chars().count();
        let count = text::words(line).len();
        let lower = line.to_lowercase();
        if length < node.min_length().max(2) || length > node.max_length() {
            return Some("length");
        }
        if shape.closed != text::ends_as_sentence(line) || (!shape.closed && text::dangles(line)) {
            return Some("no end");
        }
        if count > shape.longest * 2 + 4 || (shape.closed && count < 4) || (count < 8 && text::ratio(count, 1) * 3.0 < shape.words) {
            return Some("unlike the examples");
        }
        let own = text::content(line).iter().filter(|word| !self.subject.told.contains(word)).count();
        if (shape.closed && own < 2) || (!shape.closed && shape.words >= 3.0 && count < 3) {
            return Some("says nothing");
        }
        if shape.asks != line.ends_with('?') && shape.closed && (shape.asks || shape.sentences == 1) {
            return Some("question");
        }
        if PLACEHOLDERS.iter().any(|sign| lower.contains(sign)) || line.contains('\u{fffd}') || line.contains(|c: char| c.is_control()) {
            return Some("placeholder");
        }
        if !text::balanced(line) || text::loops(line) || long_digits(line) {
            return Some("broken");
        }
        let figures = line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).count();
        let stray = figures > usize::from(shape.closed) || lower.contains('%') || lower.contains(" percent") || lower.contains("-year-old");
        if !shape.figures && stray {
            return Some("figure");
        }
        self.sense_fault(line, shape)
    }

    /// What is wrong with the line's meaning.
    fn sense_fault(&self, line: &str, shape: &Shape) -> Option<&'static str> {
        if self.has_leftovers(line) {
            return Some("leftover");
        }
        if boasts(line) || contradicts(line, &self.subject) {
            return Some("claim");
        }
        if !shape.closed && self.subject.is_cut_short_by(line) {
            return Some("half a name");
        }
        let region = |word: &str| {
            REGIONS.contains(&word.to_lowercase().as_str())
                && (word != "us")
                && !self.subject.full.to_lowercase().contains(&word.to_lowercase())
        };
        if line.split(|c: char| !c.is_alphanumeric()).any(region) || line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "US") {
            return Some("region");
        }
        if money::speaks_of_money(line)
            && !money::amounts(line).iter().all(|amount| self.figures.iter().any(|known| (known - amount).abs() < 0.5))
        {
            return Some("money");
        }
        if !shape.titled && !titled(line) && self.names_somebody(line) {
            return Some("name");
        }
        None
    }

    /// A capitalised word inside a sentence that neither the user nor the calendar knows.
    fn names_somebody(&self, line: &str) -> bool {
        proper_names(line).iter().any(|name| !is_known(name) && !self.subject.told.contains(name) && !self.allowed.contains(name))
    }
}

/// Stems that one text says so many times and no other says at all.
fn own_words<T: AsRef<str>>(texts: &[T], times: usize) -> HashSet<String> {
    let said: Vec<HashMap<String, usize>> = texts.iter().map(|text| counted(text.as_ref())).collect();
    let alone = |at: usize, word: &String| said.iter().enumerate().all(|(other, words)| other == at || !words.contains_key(word));
    let own = said.iter().enumerate().flat_map(|(at, words)| {
        words.iter().filter(move |(word, count)| **count >= times && alone(at, word)).map(|(word, _)| word.clone())
    });
    own.collect()
}

/// How often a text says each stem.
fn counted(text: &str) -> HashMap<String, usize> {
    text::content(text).into_iter().fold(HashMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

/// "refillable" from "refill".
fn is_derived(long: &str, root: &str) -> bool {
    root.len() >= 5
        && long.len() > root.len()
        && ["able", "ing", "ed", "er", "less", "ful"].contains(&long.get(root.len()..).unwrap_or_default())
        && long.starts_with(root)
}

fn is_known(word: &str) -> bool {
    let word = word.to_lowercase();
    KNOWN.split_ascii_whitespace().any(|known| known == word)
}

/// Stems of words with a capital that do not begin a sentence.
fn proper_names(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for paragraph in line.lines() {
        for sentence in text::sentences(paragraph) {
            if titled(&sentence) {
                continue;
            }
            for word in sentence.split_whitespace().skip(1) {
                let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
                if bare.chars().count() > 1 && bare.starts_with(char::is_uppercase) {
                    names.extend(bare.split(['-', '/', '\'', '’']).next().map(text::stem));
                }
            }
        }
    }
    names.retain(|name| !text::is_stop(name));
    names
}

/// Whether most words begin with a capital, as in a title.
pub(crate) fn titled(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let long: Vec<&&str> = words.iter().filter(|word| word.chars().count() > 3).collect();
    long.len() > 1 && long.iter().filter(|word| word.starts_with(char::is_uppercase)).count() * 3 >= long.len() * 2
}

/// Five digits or more in a row, a year, or more than four numbers: nobody can check that.
fn long_digits(line: &str) -> bool {
    let runs = line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let lengths: Vec<usize> = runs.map(str::len).collect();
    let year = line.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() == 4 && (run.starts_with("19") || run.starts_with("20")));
    lengths.len() > 4 || year || lengths.iter().any(|length| *length > 4)
}

/// Every string inside a value, one a line.
pub(crate) fn all_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => format!("{text}\n"),
        serde_json::Value::Array(items) => items.iter().map(all_text).collect(),
        serde_json::Value::Object(map) => map.values().map(all_text).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(line: &str) -> Option<&'static str> {
        let output = json!({"a": "Our planters are fired twice in Leeds.", "b": "A glaze, a second glaze and one more glaze."});
        let examples = [Example {
            subject: "ceramic planters",
            currency: "GBP",
            voice: "professional",
            output: &output,
            plan: "A kiln. The kiln is hot. Open a kiln late.",
        }];
        let subject = Subject::of("vegan hiking boots for women");
        let judge = Judge::new(&subject, &examples, vec![90.0]);
        let shape = Shape::of(&["Our planters are fired twice.", "We answer every question within a day."]);
        let schema = json!({"type": "string", "maxLength": 80});
        judge.fault(line, &shape, Node(&schema))
    }

    #[test]
    fn an_honest_line_passes() {
        assert_eq!(fault("Sell 100 pairs of hiking boots by June."), None);
        assert_eq!(fault("Each pair costs $90 with free returns."), None);
    }

    #[test]
    fn labels_are_whole() {
        let subject = Subject::of("left-handed kitchen scissors");
        let judge = Judge::new(&subject, &[], Vec::new());
        let (shape, schema) = (Shape::of(&["Pine green lamp", "Two lamps in a box"]), json!({"type": "string"}));
        let cases = [
            ("Kitchen scissors with", Some("no end")),
            ("Kitchen scissors, come on", Some("no end")),
            ("Left-handed kitchen", Some("half a name")),
            ("Right-handed kitchen scissors", Some("claim")),
            ("Small kitchen scissors", None),
        ];
        for (label, why) in cases {
            assert_eq!(judge.fault(label, &shape, Node(&schema)), why, "{label}");
        }
    }

    #[test]
    fn every_rule_rejects() {
        let cases = [
            ("Sell 100 pairs of hiking boots", "no end"),
            ("Our hiking planters hold water well.", "leftover"),
            ("The glaze of our boots is shiny today.", "leftover"),
            ("We send our boots to Leeds every week.", "leftover"),
            ("Our boots never saw the inside of a kiln.", "leftover"),
            ("Sell 123456 pairs of boots this year.", "broken"),
            ("A study of 2020 praises hiking boots.", "broken"),
            ("Each pair costs $45 with free returns.", "money"),
            ("Each pair costs 45 euros with free returns.", "money"),
            ("Boots by Mountaineer Incorporated are very good.", "name"),
            ("Visit www.boots to see the whole range.", "placeholder"),
            ("Boots [insert number] for women are here.", "placeholder"),
            ("Will the boots be ready by June?", "question"),
            ("The boots (every pair arrived safely.", "broken"),
            ("We sell boots and we sell boots today.", "broken"),
            ("Our boots are the best on every trail.", "claim"),
            ("Boots.", "unlike the examples"),
            ("A pair of vegan hiking boots for women.", "says nothing"),
        ];
        for (line, why) in cases {
            assert_eq!(fault(line), Some(why), "{line}");
        }
        assert_eq!(fault(&format!("Boots {}.", "very ".repeat(30))), Some("length"));
    }
}
