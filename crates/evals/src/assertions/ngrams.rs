//! Assertions about how many runs of words an output shares with a text: ROUGE-N, BLEU, GLEU. The measures are short, and each has its
//! own way of cutting words, which verdicts hang on; so they are written here.

use super::{Ask, Finding};
use serde_json::Value;
use std::collections::HashMap;

/// Contractions that are words of their own.
const CONTRACTIONS: [&str; 7] = ["n't", "'s", "'m", "'d", "'ll", "'re", "'ve"];

pub(super) fn rouge(ask: &Ask<'_>) -> Result<Finding, String> {
    let expected = references(ask.value)?;
    let [expected] = expected.as_slice() else { return Err("needs one text as \"value\"".into()) };
    Ok(Finding::measured(rouge_1(ask.text, expected), ask.assertion.threshold.unwrap_or(0.75), "ROUGE-N"))
}

pub(super) fn bleu(ask: &Ask<'_>) -> Result<Finding, String> {
    Ok(Finding::measured(bleu_4(ask.text, &references(ask.value)?), ask.assertion.threshold.unwrap_or(0.5), "BLEU"))
}

pub(super) fn gleu(ask: &Ask<'_>) -> Result<Finding, String> {
    let best = references(ask.value)?.iter().map(|r| gleu_4(ask.text, r)).fold(0.0, f64::max);
    Ok(Finding::measured(best, ask.assertion.threshold.unwrap_or(0.5), "GLEU"))
}

fn references(value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("needs a text, or a list of texts, as \"value\", not {value}");
    let texts: Vec<String> = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|i| i.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>()?,
        _ => return Err(wrong()),
    };
    if texts.is_empty() || texts.iter().any(|t| t.trim().is_empty()) { Err(wrong()) } else { Ok(texts) }
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
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The F1 measure of shared words, words cut as the Penn Treebank does, letters as they are.
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
    text.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

fn bleu_4(text: &str, references: &[String]) -> f64 {
    let words = lower_words(text);
    if words.is_empty() {
        return 0.0;
    }
    let references: Vec<Vec<String>> = references.iter().map(|r| lower_words(r)).collect();
    let log_mean: f64 = (1..=4)
        .map(|n| {
            let own = grams(&words, n);
            let best = references.iter().map(|r| shared(&own, &grams(r, n))).max().unwrap_or(0);
            let precision = ratio(best, words.len().saturating_sub(n - 1));
            0.25 * if precision == 0.0 { 1e-7 } else { precision }.ln()
        })
        .sum();
    let closest = references.iter().map(Vec::len).min_by_key(|len| len.abs_diff(words.len())).unwrap_or(0);
    let brevity = if words.len() > closest { 1.0 } else { (1.0 - ratio(closest, words.len())).exp() };
    brevity * log_mean.exp()
}

fn gleu_4(text: &str, reference: &str) -> f64 {
    let words = |text: &str| -> Vec<String> { lower_words(text).iter().map(|w| w.trim_end_matches('.').to_owned()).collect() };
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

/// Words and marks apart, as the Penn Treebank cuts them.
fn treebank(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let chunks: Vec<&str> = text.split_whitespace().collect();
    for chunk in &chunks {
        let mut word = String::new();
        let mut letters = chunk.chars().peekable();
        while let Some(c) = letters.next() {
            // A mark inside a number or before a letter (3.5, a.m, 1,000) belongs to the word; at its end it is a word.
            let inside = matches!(c, '.' | ',' | ':') && letters.peek().is_some_and(|next| next.is_alphanumeric()) && !word.is_empty();
            if c.is_alphanumeric() || inside || matches!(c, '\'' | '-' | '_' | '/') {
                word.push(c);
            } else {
                push_word(&mut words, &mut word);
                words.push(c.to_string());
            }
        }
        push_word(&mut words, &mut word);
    }
    words
}

fn push_word(words: &mut Vec<String>, word: &mut String) {
    let whole = std::mem::take(word);
    if whole.is_empty() {
        return;
    }
    let lower = whole.to_lowercase();
    let tail = CONTRACTIONS.iter().find(|t| lower.ends_with(**t) && lower.len() > t.len() && lower.len() == whole.len());
    match tail {
        Some(tail) => {
            let (head, tail) = whole.split_at(whole.len() - tail.len());
            words.extend([head.to_owned(), tail.to_owned()]);
        }
        None => words.push(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_cut_like_the_treebank() {
        assert_eq!(
            treebank("They don't pay $3.50, it's (too) much."),
            ["They", "do", "n't", "pay", "$", "3.50", ",", "it", "'s", "(", "too", ")", "much", "."]
        );
    }

    #[test]
    fn measures_are_known_on_known_texts() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-4;
        assert!(close(rouge_1("the cat sat", "the cat ran"), 2.0 / 3.0));
        assert!(close(bleu_4("the cat sat on the mat", &["the cat sat on the mat".into()]), 1.0));
        // Shared: 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, 0 of 1.
        assert!(close(bleu_4("a b c d", &["a b c e".into()]), (0.75f64 * 2.0 / 3.0 * 0.5 * 1e-7).powf(0.25)));
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

        #[test]
        fn any_text_can_be_cut(text in "\\PC{0,80}") {
            let kept: String = treebank(&text).concat();
            prop_assert_eq!(kept, text.split_whitespace().collect::<String>());
        }
    }
}
