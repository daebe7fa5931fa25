//! Says which of several acceptable lines is the best, given what is already on the page.

use super::subject::Subject;
use super::text;
use crate::embed::cosine;

/// A line and its meaning.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub text: String,
    pub vector: Vec<f32>,
}

/// A line that may be chosen.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub line: Line,
    /// The model's own mean log probability.
    pub log_prob: f32,
    /// From a curator's hand, not the model's.
    pub curated: bool,
    /// Every line of the curator's object can be taken over, those that follow from this one too.
    pub whole: bool,
    /// Words that have nothing to do with the product.
    pub strange: usize,
}

/// What a curator's line is ahead by: it says nothing foolish, though it says it to everybody.
const CURATED: f32 = 0.45;

/// What a line is measured against.
pub(super) struct Measure<'a> {
    pub subject: &'a Subject,
    pub subject_vector: &'a [f32],
    /// What is asked for: the label and the product together.
    pub wanted: &'a [f32],
    /// The middle of everything the model wrote here. It errs in all directions, so its sense lies in the middle.
    pub middle: &'a [f32],
    /// The line it should follow from.
    pub lead: Option<&'a [f32]>,
    /// The examples' lines at this place.
    pub examples: &'a [Line],
    /// Chosen lines of the whole section.
    pub chosen: &'a [Line],
    /// Chosen lines of the same list.
    pub siblings: &'a [Line],
    /// How much naming the product matters here.
    pub naming: f32,
    pub is_label: bool,
    /// A figure is expected.
    pub figures: bool,
    /// A curator's line here is the answer to the very line chosen before.
    pub bound: bool,
}

/// Higher is better; about 1 for a good line.
pub(super) fn score(candidate: &Candidate, measure: &Measure<'_>) -> f32 {
    let line = &candidate.line;
    let near = |lines: &[Line]| lines.iter().map(|other| cosine(&other.vector, &line.vector)).fold(0.0, f32::max);
    let weight = if measure.is_label { 0.3 } else { 0.5 };
    let mut score = weight * cosine(measure.subject_vector, &line.vector) + 0.4 * cosine(measure.wanted, &line.vector);
    let share = measure.subject.share_in(&line.text);
    score += share.min(0.6) * measure.naming;
    if let Some(lead) = measure.lead {
        score += 0.5 * cosine(lead, &line.vector);
        score -= 0.8 * (cosine(lead, &line.vector) - 0.85).max(0.0);
    }
    score -= 0.4 * text::ratio(candidate.strange, 1);
    if candidate.curated {
        score += if measure.bound || candidate.whole { 3.0 * CURATED } else { CURATED };
    } else {
        score += 0.15 * candidate.log_prob.max(-3.0) + 0.5 * cosine(measure.middle, &line.vector);
        let words = measure.examples.iter().map(|example| text::overlap(&line.text, &example.text)).fold(0.0, f32::max);
        score -= 1.2 * (near(measure.examples) - 0.75).max(0.0) + 0.9 * (words - 0.4).max(0.0);
    }
    score -= 1.2 * (near(measure.siblings) - 0.6).max(0.0) + 0.6 * (near(measure.chosen) - 0.7).max(0.0);
    score -= openings(&line.text, measure);
    let figures = line.text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    score -= if measure.figures { 0.06 * text::ratio(figures.saturating_sub(1), 1) } else { 0.2 * text::ratio(figures, 1) };
    score - if line.text.contains('%') || line.text.contains(" percent") { 0.1 } else { 0.0 }
}

/// What a line loses for beginning as others do: much in the same list, a little in the same section, whose reader hears it too.
fn openings(line: &str, measure: &Measure<'_>) -> f32 {
    let begin = |text: &str, count: usize| text::words(text).into_iter().take(count).collect::<Vec<_>>();
    let alike = |others: &[Line], count: usize| {
        let own = begin(line, count);
        others.iter().filter(|other| begin(&other.text, count) == own).count()
    };
    let in_list = [(1, 0.1), (2, 0.1), (3, 0.3)].map(|(count, cost)| cost * text::ratio(alike(measure.siblings, count).min(3), 1));
    in_list.iter().sum::<f32>() + 0.05 * text::ratio(alike(measure.chosen, 2).min(4), 1)
}

/// The mean of the model's lines, of length 1.
pub(super) fn middle(candidates: &[Candidate]) -> Vec<f32> {
    let own: Vec<&Candidate> = candidates.iter().filter(|candidate| !candidate.curated).collect();
    let Some(first) = own.first() else { return Vec::new() };
    let mut sum = vec![0.0; first.line.vector.len()];
    for candidate in &own {
        sum.iter_mut().zip(&candidate.line.vector).for_each(|(total, part)| *total += part);
    }
    let length = sum.iter().map(|part| part * part).sum::<f32>().sqrt().max(1e-6);
    sum.into_iter().map(|part| part / length).collect()
}

/// Whether the line says what another says already.
pub(super) fn repeats(line: &Line, others: &[Line]) -> bool {
    others.iter().any(|other| {
        let same = other.text.eq_ignore_ascii_case(&line.text) || text::words(&other.text) == text::words(&line.text);
        let means = cosine(&other.vector, &line.vector) > 0.93;
        let words = text::content(&line.text).len() > 3 && text::overlap(&line.text, &other.text) > 0.8;
        same || means || words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, vector: [f32; 2]) -> Line {
        Line { text: text.to_owned(), vector: vector.to_vec() }
    }

    fn rate(candidate: &str, vector: [f32; 2], examples: &[Line], siblings: &[Line]) -> f32 {
        let subject = Subject::of("vegan hiking boots");
        let measure = Measure {
            subject: &subject,
            subject_vector: &[1.0, 0.0],
            wanted: &[1.0, 0.0],
            middle: &[0.0, 0.0],
            lead: None,
            examples,
            chosen: &[],
            siblings,
            naming: 0.7,
            is_label: false,
            figures: false,
            bound: false,
        };
        score(&Candidate { line: line(candidate, vector), log_prob: -1.0, curated: false, whole: false, strange: 0 }, &measure)
    }

    #[test]
    fn naming_the_product_wins() {
        assert!(rate("Our boots are vegan.", [0.8, 0.6], &[], &[]) > rate("Our shoes are green.", [0.8, 0.6], &[], &[]));
    }

    #[test]
    fn copies_and_repeats_lose() {
        let known = [line("Our boots are vegan and light.", [0.8, 0.6])];
        let free = rate("Our boots are vegan and light too.", [0.8, 0.6], &[], &[]);
        assert!(rate("Our boots are vegan and light too.", [0.8, 0.6], &known, &[]) < free);
        assert!(rate("Our boots are vegan and light too.", [0.8, 0.6], &[], &known) < free);
    }

    #[test]
    fn the_same_opening_loses() {
        let known = [line("You can buy a lamp.", [0.0, 1.0])];
        let lines = ["You can wear our boots.", "Friends can wear our boots."];
        assert!(rate(lines[0], [0.8, 0.6], &[], &known) < rate(lines[1], [0.8, 0.6], &[], &known));
    }

    #[test]
    fn equal_lines_repeat() {
        assert!(repeats(&line("A boot!", [1.0, 0.0]), &[line("a boot", [0.0, 1.0])]));
        assert!(!repeats(&line("A boot!", [1.0, 0.0]), &[line("A lamp", [0.0, 1.0])]));
    }
}
