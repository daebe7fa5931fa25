//! Texts of several sentences, written one sentence at a time: each is chosen among candidates before the next is asked for.

use serde_json::Value;

use super::leaf::Node;
use super::prompt::Entry;
use super::rank::{Candidate, Line, Measure, middle, repeats, score};
use super::shape::Shape;
use super::{Drafter, Scope, money, text};
use crate::Error;
use crate::decode::{Ask, Orders};
use crate::sampling::Sampling;

/// Sentences of one text; a small model only repeats itself after that.
const SENTENCES: usize = 4;
/// Words of an example's entry.
const ENTRY_WORDS: usize = 55;
/// Numbers around a text from which it is an account of figures.
const FIGURES: usize = 4;

impl<'a> Drafter<'a> {
    /// One long text.
    pub(super) fn long(&mut self, node: Node<'_>, label: &str, scope: &Scope<'a>, entries: &[Entry<'_>]) -> Result<String, Error> {
        if scope.siblings.values().filter(|value| value.is_number()).count() >= FIGURES {
            return Ok(self.account(node, scope));
        }
        let split: Vec<Vec<&str>> = entries.iter().map(|entry| entry.text.split("\n\n").map(str::trim).collect()).collect();
        let paragraphs = split.first().map_or(1, Vec::len);
        let mut written: Vec<String> = Vec::new();
        let mut count = 0;
        for place in 0..paragraphs {
            let place_entries: Vec<Entry<'_>> = entries
                .iter()
                .zip(&split)
                .filter_map(|(entry, parts)| {
                    parts.get(place).map(|part| Entry { text: part.replace('\n', " "), item: None, ..entry.clone() })
                })
                .collect();
            let texts: Vec<&str> = place_entries.iter().map(|entry| entry.text.as_str()).collect();
            let shape = Shape::of(&texts);
            if !shape.closed {
                let salutation = texts.iter().find(|text| !self.judge.has_leftovers(text)).copied();
                written.push(salutation.unwrap_or("Hello,").to_owned());
                continue;
            }
            let wanted = if paragraphs > 1 { 2 } else { shape.sentences.min(SENTENCES) };
            let paragraph = self.paragraph(node, label, scope, &place_entries, wanted)?;
            if !paragraph.is_empty() {
                count += 1;
                written.push(paragraph);
            }
        }
        if count == 0 {
            self.gap(&scope.path, "The small model found no good text here; this one was built by rule.");
            let noun = self.subject.spoken();
            written.push(format!("This draft is about {noun}. Write here in your own words what makes {noun} worth choosing."));
        }
        let text = written.join("\n\n");
        Ok(if text.chars().count() <= node.max_length() { text } else { shortened(&text, node.max_length()) })
    }

    /// Sentences that follow from each other, as many as can be had.
    fn paragraph(&mut self, node: Node<'_>, label: &str, scope: &Scope<'a>, entries: &[Entry<'_>], wanted: usize) -> Result<String, Error> {
        let trimmed: Vec<Entry<'_>> = entries.iter().map(|entry| Entry { text: head(&entry.text, wanted), ..entry.clone() }).collect();
        let shown = Self::shown(&trimmed);
        let lead_label = scope.lead.as_ref().map(|lead| lead.label.clone());
        let form = self.form(label, lead_label.as_deref(), &shown);
        let open = self.open_entry(label, scope.lead.as_ref());
        let known: Vec<String> = shown.iter().flat_map(|entry| text::sentences(&entry.text)).collect();
        let known_texts: Vec<&str> = known.iter().map(String::as_str).collect();
        let shape = Shape { sentences: 1, ..Shape::of(&known_texts) };
        let vectors = self.embedder.embed(&known_texts)?;
        let examples: Vec<Line> = known.iter().zip(vectors).map(|(text, vector)| Line { text: text.clone(), vector }).collect();
        let no_copy = self.no_copy(&shown);
        let mut text = String::new();
        let mut siblings: Vec<Line> = Vec::new();
        let mut tries = 0;
        while siblings.len() < wanted && tries < wanted + 2 {
            tries += 1;
            let seed = self.seed();
            let judge = &self.judge;
            let done = |text: &str| super::lines::closes(text, 1) || judge.is_hopeless(text);
            let orders = Orders {
                sampling: Sampling { temperature: if tries > wanted { 0.85 } else { 0.6 }, min_p: 0.05, top_p: 0.92, repetition: 0.3 },
                max_tokens: 44,
                seed,
                no_copy: &no_copy,
                banned: &[],
                done: &done,
            };
            let ask = Ask { prompt: format!("{form}{open}{text}"), opener: String::new(), wanted: 6 };
            let lines = self.decoder.write(&[ask], &orders, self.cancel)?.pop().unwrap_or_default();
            let asked = Shape { asks: lines.iter().any(|line| line.text.ends_with('?')) && shape.asks, ..shape.clone() };
            let lines = self.sift(&lines, &asked, node, &[]);
            let at = siblings.len();
            let same_place: Vec<Entry<'_>> = entries
                .iter()
                .filter_map(|entry| text::sentences(&entry.text).get(at).map(|text| Entry { text: text.clone(), ..entry.clone() }))
                .collect();
            let curated = self.adapted(&same_place, None, &|line| at > 0 && self.judge.fault(line, &shape, node).is_none())?;
            let Some(line) = self.best_sentence(&lines, curated, &examples, &siblings)? else { continue };
            text = format!("{text} {}", line.text);
            siblings.push(line);
        }
        for line in siblings {
            self.keep(line);
        }
        Ok(text.trim().to_owned())
    }

    fn best_sentence(
        &self,
        lines: &[(String, f32)],
        curated: Vec<Candidate>,
        examples: &[Line],
        siblings: &[Line],
    ) -> Result<Option<Line>, Error> {
        let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        let strange = self.strange_words(&texts)?;
        let vectors = self.embedder.embed(&texts)?;
        let candidates = lines.iter().zip(vectors).zip(strange).map(|(((text, log_prob), vector), strange)| Candidate {
            line: Line { text: text.clone(), vector },
            log_prob: *log_prob,
            curated: false,
            whole: false,
            strange,
        });
        let runs = |candidate: &Candidate| siblings.iter().any(|other| text::shares_run(&other.text, &candidate.line.text, 3));
        let fresh = |candidate: &Candidate| {
            candidate.strange < 2
                && !runs(candidate)
                && !repeats(&candidate.line, siblings)
                && !repeats(&candidate.line, &self.chosen)
                && !self.grams.would_loop(&candidate.line.text)
        };
        let measure = Measure {
            subject: &self.subject,
            subject_vector: &self.subject_vector,
            wanted: &self.subject_vector,
            middle: &[],
            lead: None,
            examples,
            chosen: &self.chosen,
            siblings,
            naming: if siblings.is_empty() { 0.7 } else { 0.2 },
            is_label: false,
            figures: false,
            bound: false,
        };
        let candidates: Vec<Candidate> = candidates.chain(curated).filter(fresh).collect();
        let middle = middle(&candidates);
        let measure = Measure { middle: &middle, ..measure };
        let best = candidates.into_iter().max_by(|a, b| score(a, &measure).total_cmp(&score(b, &measure)));
        Ok(best.map(|candidate| candidate.line))
    }

    /// Figures explained: what stands beside the text, read out, because a model would make up others.
    fn account(&mut self, node: Node<'_>, scope: &Scope<'a>) -> String {
        let symbol = money::symbol(self.task.currency);
        let schema = self.around(&scope.path);
        let mut parts: Vec<String> = Vec::new();
        for (key, value) in &scope.siblings {
            let Some(number) = value.as_f64() else { continue };
            let child = schema.and_then(|schema| schema.get("properties")?.get(key)).map(Node);
            let title = child.and_then(Node::title).map_or_else(|| key.clone(), str::to_lowercase);
            match child.and_then(Node::unit) {
                Some("cents") => parts.push(format!("{title} {}", amount(number, &symbol))),
                Some("percent") => parts.push(format!("{title} {number}%")),
                _ => parts.push(format!("{title} {number}")),
            }
        }
        let noun = self.subject.spoken();
        let price = parts.first().cloned().unwrap_or_default();
        let rest = parts.get(1..4).map(|parts| parts.join(", ")).unwrap_or_default();
        let text = format!(
            "These figures are an estimate for {noun}. They start from the {price}, and the costs of one piece move in proportion to it: {rest}. \
             Rates, sales and monthly costs are taken from a comparable small shop. Replace them with supplier quotes and your own results \
             before you rely on the outcome."
        );
        if text.chars().count() <= node.max_length() { text } else { shortened(&text, node.max_length()) }
    }

    /// The schema of the object around a path.
    fn around(&self, path: &str) -> Option<&'a Value> {
        let mut schema = self.task.schema;
        let parents = path.rsplit_once('.').map_or("", |(parents, _)| parents);
        for step in parents.split('.').filter(|step| !step.is_empty()) {
            let (key, item) = step.split_once('[').map_or((step, false), |(key, _)| (key, true));
            schema = schema.get("properties")?.get(key)?;
            if item {
                schema = schema.get("items")?;
            }
        }
        Some(schema)
    }
}

fn amount(cents: f64, symbol: &str) -> String {
    let units = cents / 100.0;
    if units.fract() == 0.0 { format!("{symbol}{units:.0}") } else { format!("{symbol}{units:.2}") }
}

/// The first sentences of an example, not too many words of them.
fn head(example: &str, sentences: usize) -> String {
    let mut kept = String::new();
    for sentence in text::sentences(example).into_iter().take(sentences.max(2)) {
        if !kept.is_empty() && text::words(&kept).len() + text::words(&sentence).len() > ENTRY_WORDS {
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(&sentence);
    }
    kept
}

/// Whole sentences as far as they fit.
fn shortened(long: &str, max_chars: usize) -> String {
    let mut short = String::new();
    for sentence in text::sentences(long) {
        let joined = if short.is_empty() { sentence } else { format!("{short} {sentence}") };
        if joined.chars().count() > max_chars {
            break;
        }
        short = joined;
    }
    if short.is_empty() { text::fit_sentence(long, max_chars) } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_sentences() {
        assert_eq!(shortened("One is here. Two is there. Three.", 27), "One is here. Two is there.");
        assert_eq!(shortened("A sentence too long to fit.", 12), "A sentence.");
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        assert_eq!(amount(2900.0, "$"), "$29");
        assert_eq!(amount(840.0, "€"), "€8.40");
    }

    #[test]
    fn an_example_is_shown_by_its_head() {
        assert_eq!(head("One. Two. Three.", 2), "One. Two.");
    }
}
