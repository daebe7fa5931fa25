//! Curated lines that hold for any product - every word of theirs is general - with the product's name exchanged. They stand
//! for election beside what the model wrote: what it cannot know about selling, the curators do.

use std::collections::HashSet;

use serde_json::Value;

use super::prompt::Entry;
use super::rank::{Candidate, Line};
use super::subject::Subject;
use super::{Drafter, Lead, sense, text};
use crate::Error;
use crate::embed::cosine;

/// A line whose rest, without the product's name, is still this close to that product belongs to it alone.
const BOUND: f32 = 0.30;
/// A word of theirs this near to our product is ours too.
const NEAR: f32 = 0.36;
/// What the model would have thought of its own best lines; curated ones are not asked.
const LOG_PROB: f32 = -1.0;

impl<'a> Drafter<'a> {
    /// The entries that can be said of our product. Where the line follows from another, only those that followed from
    /// the very line that was chosen.
    pub(super) fn adapted(
        &self,
        entries: &[Entry<'_>],
        lead: Option<&Lead<'a>>,
        fits: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Candidate>, Error> {
        let near = self.near_words(entries)?;
        let mut stripped: Vec<String> = Vec::new();
        let mut lines: Vec<(usize, String, bool)> = Vec::new();
        for entry in entries {
            let Some(theirs) = self.subjects.get(entry.example) else { continue };
            let follows = lead.is_none_or(|lead| lead.inherited || self.follows(entry, theirs, lead));
            if let Some(line) = self.general(&entry.text, theirs, &near).filter(|line| follows && fits(line)) {
                let whole = entry.item.is_some_and(|item| self.is_whole(item, theirs, &near));
                stripped.push(without(&entry.text, theirs));
                lines.push((entry.example, line, whole));
            }
        }
        let rests = self.embedder.embed_kept(&stripped)?;
        let free = lines
            .into_iter()
            .zip(rests)
            .filter(|((example, ..), rest)| self.example_vectors.get(*example).is_none_or(|vector| cosine(vector, rest) < BOUND));
        let (texts, wholes): (Vec<String>, Vec<bool>) = free.map(|((_, line, whole), _)| (line, whole)).unzip();
        let vectors = self.embedder.embed_kept(&texts)?;
        let candidate =
            |((text, vector), whole)| Candidate { line: Line { text, vector }, log_prob: LOG_PROB, curated: true, whole, strange: 0 };
        Ok(texts.into_iter().zip(vectors).zip(wholes).map(candidate).collect())
    }

    /// The words of the entries that mean something near to our product.
    fn near_words(&self, entries: &[Entry<'_>]) -> Result<HashSet<String>, Error> {
        let words = entries.iter().flat_map(|entry| text::content(&entry.text)).filter(|word| !sense::is_general(word));
        let words: Vec<String> = words.collect::<HashSet<String>>().into_iter().collect();
        let vectors = self.embedder.embed_kept(&words)?;
        let near = words.into_iter().zip(vectors).filter(|(_, vector)| cosine(vector, &self.subject_vector) > NEAR);
        Ok(near.map(|(word, _)| word).collect())
    }

    /// The line about our product, if all the rest of it is general.
    fn general(&self, line: &str, theirs: &Subject, near: &HashSet<String>) -> Option<String> {
        let ours = |word: &String| sense::is_general(word) || self.subject.told.contains(word) || near.contains(word);
        let general = text::content(&without(line, theirs)).iter().all(ours);
        exchanged(line, theirs, &self.subject).filter(|_| general)
    }

    /// Whether at least two lines stand in the object and all can be said of our product, so that an answer comes with its
    /// question.
    fn is_whole(&self, item: &Value, theirs: &Subject, near: &HashSet<String>) -> bool {
        let lines: Vec<&str> = item
            .as_object()
            .into_iter()
            .flat_map(|map| map.values())
            .filter_map(Value::as_str)
            .filter(|line| text::ends_as_sentence(line))
            .collect();
        lines.len() > 2 && lines.iter().all(|line| self.general(line, theirs, near).is_some())
    }

    fn follows(&self, entry: &Entry<'_>, theirs: &Subject, lead: &Lead<'_>) -> bool {
        let exchanged = entry.lead.as_deref().and_then(|own| exchanged(own, theirs, &self.subject));
        exchanged.is_some_and(|own| own == lead.text)
    }
}

/// The text with every name of their product turned into ours; `None` where the grammar would break.
pub(super) fn exchanged(line: &str, theirs: &Subject, ours: &Subject) -> Option<String> {
    let head = text::stem(theirs.head());
    let mut out: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.is_empty() || text::stem(bare) != head {
            out.push(word.to_owned());
            continue;
        }
        let mut at_start = out.is_empty();
        while out.last().is_some_and(|last| theirs.noun_words.contains(&text::stem(last))) {
            out.pop();
            at_start = out.is_empty();
        }
        let many = is_plural(bare);
        let name = match (many, is_plural(ours.head())) {
            (true, true) | (false, false) => ours.short(),
            (false, true) => singular(&ours.short()),
            (true, false) => return None,
        };
        if let Some(article) = out.last_mut().filter(|last| ["a", "an", "A", "An"].contains(&last.as_str())) {
            let capital = article.starts_with('A');
            let right = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            *article = if capital { text::capitalised(right) } else { right.to_owned() };
        }
        let start = word.find(bare).unwrap_or(0);
        let name = if at_start { text::capitalised(&name) } else { name };
        out.push(format!("{}{name}{}", &word[..start], &word[start + bare.len()..]));
    }
    Some(out.join(" "))
}

/// The line with their product's words taken out.
fn without(line: &str, theirs: &Subject) -> String {
    let rest = line.split_whitespace().filter(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        !theirs.noun_words.contains(&text::stem(bare))
    });
    rest.collect::<Vec<_>>().join(" ")
}

fn is_plural(word: &str) -> bool {
    text::stem(word) != word.to_lowercase() || (word.ends_with('s') && !word.ends_with("ss"))
}

/// Things that have no singular: one of them is a pair.
const PAIRS: [&str; 20] = [
    "scissors",
    "shears",
    "trousers",
    "jeans",
    "shorts",
    "leggings",
    "tights",
    "pants",
    "glasses",
    "sunglasses",
    "goggles",
    "binoculars",
    "tweezers",
    "pliers",
    "clippers",
    "pyjamas",
    "pajamas",
    "overalls",
    "headphones",
    "earphones",
];

fn singular(phrase: &str) -> String {
    if PAIRS.contains(&phrase.rsplit(' ').next().unwrap_or_default()) {
        return format!("pair of {phrase}");
    }
    match phrase.rsplit_once(' ') {
        Some((front, head)) => format!("{front} {}", text::stem(head)),
        None => text::stem(phrase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(line: &str, theirs: &str, ours: &str) -> Option<String> {
        exchanged(line, &Subject::of(theirs), &Subject::of(ours))
    }

    #[test]
    fn the_products_name_is_exchanged_with_its_number() {
        let planters = "handmade ceramic planters for succulents";
        let boots = "vegan leather hiking boots for women";
        assert_eq!(exchange("Ceramic planters sell well in May.", planters, boots).as_deref(), Some("Hiking boots sell well in May."));
        assert_eq!(exchange("A planter is a gift.", planters, boots).as_deref(), Some("A hiking boot is a gift."));
        assert_eq!(exchange("We love planters.", planters, "natural soap for sensitive skin"), None);
        assert_eq!(exchange("Give a planter to a friend.", planters, "an oak desk").as_deref(), Some("Give an oak desk to a friend."));
        assert_eq!(
            exchange("A planter is a gift.", planters, "kitchen scissors").as_deref(),
            Some("A pair of kitchen scissors is a gift.")
        );
        assert_eq!(exchange("Reviews take time.", planters, boots).as_deref(), Some("Reviews take time."));
    }

    #[test]
    fn the_rest_of_a_line_is_told_apart() {
        assert_eq!(without("Ceramic planters often break.", &Subject::of("handmade ceramic planters")), "often break.");
    }
}
