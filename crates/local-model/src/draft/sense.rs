//! Tells a strange word from one that belongs: common words of selling and living belong everywhere, others only where
//! their meaning is near the product's. A small model's nonsense shows in its nouns.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::{Drafter, text};
use crate::Error;
use crate::embed::cosine;

/// Stems of words that say nothing strange about any product.
static GENERAL: LazyLock<HashSet<String>> = LazyLock::new(|| include_str!("general.txt").split_whitespace().map(text::stem).collect());

/// A word this near to the product belongs to it.
const NEAR: f32 = 0.27;

/// Whether the word belongs to every product.
pub(super) fn is_general(stem: &str) -> bool {
    let known = |word: &str| GENERAL.contains(word);
    let tense = ["ing", "ed", "ly"].iter().filter_map(|ending| stem.strip_suffix(ending));
    let undouble = |root: &str| {
        let mut letters = root.chars().rev();
        letters.next() == letters.next()
    };
    known(stem)
        || tense.filter(|root| root.len() >= 3).any(|root| {
            known(root)
                || known(&format!("{root}e"))
                || (undouble(root) && known(&root[..root.len() - root.chars().next_back().map_or(0, char::len_utf8)]))
        })
}

impl Drafter<'_> {
    /// How many of a line's words are strange to the product, for each line.
    pub(super) fn strange_words(&self, lines: &[&str]) -> Result<Vec<usize>, Error> {
        let doubtful = |line: &str| -> Vec<String> {
            let words = text::content(line).into_iter().filter(|word| !is_general(word) && !self.subject.told.contains(word));
            words.filter(|word| !self.judge.is_allowed(word)).collect()
        };
        let doubtful: Vec<Vec<String>> = lines.iter().map(|line| doubtful(line)).collect();
        let mut words: Vec<String> = doubtful.concat();
        words.sort_unstable();
        words.dedup();
        let vectors = self.embedder.embed_kept(&words)?;
        let strange: HashSet<&String> =
            words.iter().zip(&vectors).filter(|(_, vector)| cosine(vector, &self.subject_vector) < NEAR).map(|(word, _)| word).collect();
        Ok(doubtful.iter().map(|words| words.iter().filter(|word| strange.contains(word)).count()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_and_their_forms_are_general() {
        for word in ["customer", "shipping", "packed", "planned", "seller", "quickly", "order", "price"] {
            assert!(is_general(word), "{word}");
        }
        for word in ["kiln", "glaze", "lumen", "roots", "soap", "wheelchair", "shower"] {
            assert!(!is_general(word), "{word}");
        }
    }
}
