//! METEOR: how much of a text an output says, in the same words, in words of the same stem or in words that mean the same, and whether in
//! the same order. As promptfoo measures it, down to what it does not find; so it is written here.

use super::ngrams::{ratio, references};
use super::{Ask, Finding};
use crate::cases::MeteorWeights;
use crate::stems::stem;
use crate::synonyms::meanings;
use crate::values::is_space;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

pub(super) fn meteor(ask: &Ask<'_>) -> Result<Finding, String> {
    let references = references(ask.value)?;
    if ask.text.is_empty() {
        return Err("has nothing to measure: the output is empty".into());
    }
    let output = words(ask.text);
    let best = references.iter().map(|reference| measure(&output, &words(reference), ask.assertion.meteor));
    Ok(Finding::measured(best.fold(f64::NEG_INFINITY, f64::max), ask.assertion.threshold.unwrap_or(0.5), "METEOR"))
}

/// Words in small letters, without full stops at their end. White space at an end of the text stands beside an empty word.
fn words(text: &str) -> Vec<String> {
    let edge = |empty: bool| empty.then_some("").into_iter();
    let inner = text.split(is_space).filter(|word| !word.is_empty());
    let all = edge(text.is_empty() || text.starts_with(is_space)).chain(inner).chain(edge(text.ends_with(is_space)));
    all.map(|word| word.trim_end_matches('.').to_lowercase()).collect()
}

/// A word and its place.
type Word = (usize, String);

fn measure(output: &[String], reference: &[String], weights: MeteorWeights) -> f64 {
    let pairs = pairs(output, reference);
    if pairs.is_empty() {
        return 0.0;
    }
    let (precision, recall) = (ratio(pairs.len(), output.len()), ratio(pairs.len(), reference.len()));
    let mean = weights.alpha * precision + (1.0 - weights.alpha) * recall;
    if mean == 0.0 {
        return 0.0;
    }
    let breaks = pairs.windows(2).filter(|two| two[1] != (two[0].0 + 1, two[0].1 + 1)).count();
    let scattered = ratio(breaks + 1, pairs.len());
    (1.0 - weights.gamma * scattered.powf(weights.beta)) * (precision * recall / mean)
}

/// Places of the words that meet, in the order of the output: the same words first, then those of one stem, then stems that mean the same.
fn pairs(output: &[String], reference: &[String]) -> Vec<(usize, usize)> {
    let placed = |words: &[String]| -> Vec<Word> { words.iter().cloned().enumerate().collect() };
    let (mut output, mut reference) = (placed(output), placed(reference));
    let itself = |word: &str| vec![word.to_owned()];
    let mut pairs = met(&mut output, &mut reference, itself, itself);
    for (_, word) in output.iter_mut().chain(&mut reference) {
        *word = stem(word);
    }
    pairs.extend(met(&mut output, &mut reference, itself, itself));
    pairs.extend(met(&mut output, &mut reference, |word| meanings(word).found, |word| meanings(word).stands_in));
    pairs.sort_unstable();
    pairs
}

/// Takes out what meets: each word of the output, from the last, meets the last word of the reference that is left and has a key of its own.
fn met<Key: Eq + Hash>(
    output: &mut Vec<Word>,
    reference: &mut Vec<Word>,
    keys: impl Fn(&str) -> Vec<Key>,
    keys_of_reference: impl Fn(&str) -> Vec<Key>,
) -> Vec<(usize, usize)> {
    let mut left: HashMap<Key, Vec<usize>> = HashMap::new();
    for (place, word) in &*reference {
        for key in keys_of_reference(word) {
            left.entry(key).or_default().push(*place);
        }
    }
    let (mut pairs, mut gone) = (Vec::new(), HashSet::new());
    for (place, word) in output.iter().rev() {
        let last = |key: &Key| {
            let places = left.get_mut(key)?;
            while places.last().is_some_and(|place| gone.contains(place)) {
                places.pop();
            }
            places.last().copied()
        };
        if let Some(met) = keys(word).iter().filter_map(last).max() {
            pairs.push((*place, met));
            gone.insert(met);
        }
    }
    let met: HashSet<usize> = pairs.iter().map(|pair| pair.0).collect();
    output.retain(|(place, _)| !met.contains(place));
    reference.retain(|(place, _)| !gone.contains(place));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(output: &str, reference: &str) -> f64 {
        measure(&words(output), &words(reference), MeteorWeights::default())
    }

    fn met_in(output: &str, reference: &str) -> Vec<(usize, usize)> {
        pairs(&words(output), &words(reference))
    }

    #[test]
    fn the_measure_is_known_on_known_texts() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(score("the cat sat", "The cat sat."), 1.0 - 0.5 / 27.0));
        assert!(close(score("sat cat the", "the cat sat"), 0.5), "all in the wrong order");
        // Two of two words meet two of four.
        assert!(close(score("the cat", "the cat sat on"), (1.0 - 0.5 / 8.0) * 0.5 / (0.9 + 0.1 * 0.5)));
        assert!(close(score("one two", "three four"), 0.0));
        assert!(close(score("...", ""), 0.5), "what is nothing but full stops is an empty word");
        let weights = MeteorWeights { alpha: 0.0, beta: 1.0, gamma: 0.9 };
        assert!(close(measure(&words("the cat"), &words("the cat sat on"), weights), (1.0 - 0.9 * 0.5) * 1.0));
        let nothing = MeteorWeights { alpha: 2.0, ..weights };
        assert!(close(measure(&words("a x"), &words("a"), nothing), 0.0), "a mean that would divide by 0");
    }

    #[test]
    fn words_meet_by_themselves_by_stem_and_by_meaning() {
        assert_eq!(met_in("running cars", "runs autos"), [(0, 0), (1, 1)]);
        assert_eq!(met_in("the big sofa", "the large couch"), [(0, 0), (2, 2)], "large has another stem than the word that is looked up");
        assert_eq!(met_in("a a", "a b a"), [(0, 0), (1, 2)], "the last word meets the last");
        assert_eq!(met_in("a", "b a a"), [(0, 2)]);
        assert_eq!(met_in("turmoil", "tumult"), []);
        assert_eq!(met_in("tumult", "turmoil"), [(0, 0)]);
    }

    #[test]
    fn words_are_cut_as_javascript_does() {
        assert_eq!(words(" The  end...\u{a0}\n"), ["", "the", "end", ""]);
        assert_eq!(words(""), [""]);
        assert_eq!(words(" "), ["", ""]);
        assert_eq!(words("a\u{85}b"), ["a\u{85}b"]);
    }

    proptest! {
        #[test]
        fn the_measure_stays_between_nothing_and_all(a in "[a-c. ]{0,30}", b in "[a-c. ]{0,30}") {
            prop_assert!((0.0..=1.0).contains(&score(&a, &b)));
            let pairs = met_in(&a, &b);
            let met: HashSet<usize> = pairs.iter().map(|pair| pair.1).collect();
            prop_assert_eq!(met.len(), pairs.len(), "each word meets one");
        }
    }
}
