//! Assertions about how many runs of words an output shares with a text: ROUGE-N, BLEU, GLEU. The measures are short, and each has its
//! own way of cutting words, which verdicts hang on; so they are written here.

use super::{Ask, Finding};
use crate::values::{is_space, trim};
use crate::words::treebank;
use serde_json::Value;
use std::collections::HashMap;

pub(super) fn rouge(ask: &Ask<'_>) -> Result<Finding, String> {
    let Value::String(expected) = ask.value else { return Err(format!("needs one text as \"value\", not {}", ask.value)) };
    let score = rouge_1(&ask.text.to_lowercase(), &expected.to_lowercase());
    Ok(Finding::measured(score, ask.assertion.threshold.unwrap_or(0.75), "ROUGE-N"))
}

pub(super) fn bleu(ask: &Ask<'_>) -> Result<Finding, String> {
    Ok(Finding::measured(bleu_4(ask.text, &references(ask.value)?), ask.assertion.threshold.unwrap_or(0.5), "BLEU"))
}

pub(super) fn gleu(ask: &Ask<'_>) -> Result<Finding, String> {
    let best = references(ask.value)?.iter().map(|r| gleu_4(ask.text, r)).fold(0.0, f64::max);
    Ok(Finding::measured(best, ask.assertion.threshold.unwrap_or(0.5), "GLEU"))
}

pub(super) fn references(value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("needs a text, or a list of texts, as \"value\", not {value}");
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) if !items.is_empty() => items.iter().map(|i| i.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        _ => Err(wrong()),
    }
}

type Counts<'a> = HashMap<&'a [String], usize>;

fn grams(words: &[String], n: usize) -> Counts<'_> {
    let mut counts = Counts::new();
    for gram in words.windows(n) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

fn shared(a: &Counts<'_>, b: &Counts<'_>) -> usize {
    a.iter().map(|(gram, count)| *count.min(b.get(gram).unwrap_or(&0))).sum()
}

#[expect(clippy::cast_precision_loss, reason = "words of a text")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The F1 measure of shared words, words cut as the Penn Treebank does.
fn rouge_1(text: &str, reference: &str) -> f64 {
    let (text, reference) = (treebank(text), treebank(reference));
    let matched = shared(&grams(&text, 1), &grams(&reference, 1));
    if matched == 0 {
        return 0.0;
    }
    let (precision, recall) = (ratio(matched, text.len()), ratio(matched, reference.len()));
    2.0 * precision * recall / (precision + recall)
}

fn lower_words(text: &str) -> Vec<String> {
    trim(&text.to_lowercase()).split(is_space).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Runs of one to four words; a run longer than the text itself does not count against it.
fn bleu_4(text: &str, references: &[String]) -> f64 {
    let words = lower_words(text);
    if words.is_empty() {
        return 0.0;
    }
    let references: Vec<Vec<String>> = references.iter().map(|r| lower_words(r)).collect();
    let orders = words.len().min(4);
    let log_mean: f64 = (1..=orders)
        .map(|n| {
            let own = grams(&words, n);
            let best = references.iter().map(|r| shared(&own, &grams(r, n))).max().unwrap_or(0);
            let precision = ratio(best, words.len() - (n - 1));
            ratio(1, orders) * if precision == 0.0 { 1e-7 } else { precision }.ln()
        })
        .sum();
    // An empty reference counts as one empty word.
    let lengths = references.iter().map(|r| r.len().max(1));
    let closest = lengths.min_by_key(|len| (len.abs_diff(words.len()), *len)).unwrap_or(1);
    let brevity = if words.len() > closest { 1.0 } else { (1.0 - ratio(closest, words.len())).exp() };
    brevity * log_mean.exp()
}

fn gleu_4(text: &str, reference: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let words: Vec<String> = lower_words(text).iter().map(|w| w.trim_end_matches('.').to_owned()).collect();
        if words.iter().all(String::is_empty) { Vec::new() } else { words }
    };
    let (text, reference) = (words(text), words(reference));
    if text.is_empty() {
        return 0.0;
    }
    if text == reference {
        return 1.0;
    }
    let (mut matched, mut of_text, mut of_reference) = (0, 0, 0);
    for n in 1..=4 {
        matched += shared(&grams(&text, n), &grams(&reference, n));
        of_text += text.len().saturating_sub(n - 1);
        of_reference += reference.len().saturating_sub(n - 1);
    }
    ratio(matched, of_text).min(ratio(matched, of_reference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn measures_are_known_on_known_texts() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-4;
        assert!(close(rouge_1("the cat sat", "the cat ran"), 2.0 / 3.0));
        assert!(close(bleu_4("the cat sat on the mat", &["the cat sat on the mat".into()]), 1.0));
        // Shared: 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, 0 of 1.
        assert!(close(bleu_4("a b c d", &["a b c e".into()]), (0.75f64 * 2.0 / 3.0 * 0.5 * 1e-7).powf(0.25)));
        assert!(close(bleu_4("a b", &["a b".into()]), 1.0), "two words have no triples to miss");
        assert!(close(gleu_4("the cat sat", "the cat ran"), 3.0 / 6.0));
        assert!(close(gleu_4("The end.", "the end"), 1.0));
    }

    proptest! {
        #[test]
        fn measures_stay_between_nothing_and_all(a in "[a-d ]{0,30}", b in "[a-d ]{1,30}") {
            for score in [rouge_1(&a, &b), bleu_4(&a, std::slice::from_ref(&b)), gleu_4(&a, &b)] {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&score));
            }
            prop_assert!((rouge_1(&a, &b) - rouge_1(&b, &a)).abs() < 1e-9);
        }
    }
}
