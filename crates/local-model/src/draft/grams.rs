//! Counts runs of words over everything one output says, because lines that are different as a whole can still all contain
//! the same phrase.

use std::collections::HashMap;

/// Words of a run that a reader notices when it comes again.
const RUN: usize = 4;
/// How often one output may say the same run.
const MOST: usize = 3;

/// The runs of four words that an output says so far.
#[derive(Debug, Default)]
pub(super) struct Grams {
    seen: HashMap<Vec<String>, usize>,
}

impl Grams {
    /// Takes note of a text that the output now has.
    pub fn add(&mut self, text: &str) {
        for run in runs(text) {
            *self.seen.entry(run).or_default() += 1;
        }
    }

    /// Whether the output would say some run a fourth time with this text in it.
    pub fn would_loop(&self, text: &str) -> bool {
        let mut own: HashMap<Vec<String>, usize> = HashMap::new();
        for run in runs(text) {
            *own.entry(run).or_default() += 1;
        }
        own.into_iter().any(|(run, count)| count + self.seen.get(&run).copied().unwrap_or(0) > MOST)
    }
}

/// Runs of words as they stand between spaces: "left-handed" is one word, a comma belongs to none.
fn runs(text: &str) -> Vec<Vec<String>> {
    let words = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.windows(RUN).map(<[String]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_come_three_times() {
        let mut grams = Grams::default();
        for line in ["We pack hot sauce jars here.", "Friends pack hot sauce jars.", "Who will pack Hot Sauce jars?"] {
            assert!(!grams.would_loop(line), "{line}");
            grams.add(line);
        }
        assert!(grams.would_loop("They pack hot sauce jars, too."));
        assert!(!grams.would_loop("They pack the hot sauce jars."));
    }

    #[test]
    fn a_text_can_loop_by_itself() {
        let line = "all the time we";
        assert!(Grams::default().would_loop(&[line; 4].join(" x ")));
        assert!(!Grams::default().would_loop(&[line; 3].join(" x ")));
    }
}
