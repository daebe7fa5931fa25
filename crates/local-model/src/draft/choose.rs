//! The choice among candidates: the best for each place, unlike everything chosen before, and a line by rule where none is left.

use super::leaf::Node;
use super::plain::plain;
use super::prompt::Entry;
use super::rank::{Candidate, Line, Measure, middle, repeats, score};
use super::shape::Shape;
use super::{Drafter, Scope};

/// The leaf that is being filled.
pub(super) struct Leaf<'l, 'a> {
    pub node: Node<'l>,
    pub label: &'l str,
    pub shape: &'l Shape,
    pub scopes: &'l [Scope<'a>],
    pub counts: &'l [usize],
    pub entries: &'l [Entry<'a>],
    /// The entries shown to the model.
    pub examples: &'l [Line],
    /// What is asked for: the label and the product together.
    pub wanted: &'l [f32],
}

/// One question and the places it answers.
pub(super) struct Group {
    pub tail: String,
    pub lead: Option<Vec<f32>>,
    pub need: usize,
    pub scopes: Vec<usize>,
    pub candidates: Vec<Candidate>,
    /// The curators' lines are enough.
    pub settled: bool,
}

impl Group {
    /// Every line is there, from whichever hand.
    pub fn has_enough(&self) -> bool {
        self.settled || self.candidates.len() > self.need
    }

    /// A choice is left even for the last line.
    pub fn is_served(&self) -> bool {
        self.settled || self.candidates.iter().filter(|candidate| !candidate.curated).count() > self.need
    }
}

impl<'a> Drafter<'a> {
    /// Takes note of a line that is now part of the output, so that no later one says the same.
    pub(super) fn keep(&mut self, line: Line) {
        self.grams.add(&line.text);
        self.chosen.push(line);
    }

    /// Gives each scope of the group its best lines.
    pub(super) fn choose(&mut self, leaf: &Leaf<'_, 'a>, group: Group, siblings: &mut Vec<Line>, lists: &mut [Vec<String>]) {
        let Leaf { shape, scopes, counts, .. } = *leaf;
        let mut left = group.candidates;
        let middle = middle(&left);
        for at in group.scopes {
            let mut curated = 0;
            for slot in 0..counts[at] {
                let measure = Measure {
                    subject: &self.subject,
                    subject_vector: &self.subject_vector,
                    wanted: leaf.wanted,
                    middle: &middle,
                    lead: group.lead.as_deref(),
                    examples: leaf.examples,
                    chosen: &self.chosen,
                    siblings,
                    naming: if slot == 0 { 0.15 + 0.6 * shape.naming } else { 0.3 * shape.naming },
                    is_label: shape.is_label(),
                    figures: shape.figures,
                    bound: group.lead.is_some() && scopes[at].lead.as_ref().is_some_and(|lead| !lead.inherited),
                };
                left.retain(|candidate| {
                    !repeats(&candidate.line, siblings)
                        && !repeats(&candidate.line, &self.chosen)
                        && !self.grams.would_loop(&candidate.line.text)
                });
                let enough = !shape.is_label() && curated * 2 >= counts[at].max(2) && left.iter().any(|candidate| !candidate.curated);
                let open = (0..left.len()).filter(|at| !(enough && left[*at].curated && !left[*at].whole));
                let best = open.max_by(|a, b| score(&left[*a], &measure).total_cmp(&score(&left[*b], &measure)));
                let line = match best {
                    Some(best) => {
                        let best = left.swap_remove(best);
                        tracing::debug!(target: "local_model::chosen", curated = best.curated, strange = best.strange, log_prob = best.log_prob, "{}", best.line.text);
                        curated += usize::from(best.curated);
                        best.line
                    }
                    None => self.stand_in(leaf, &scopes[at], slot),
                };
                lists[at].push(line.text.clone());
                siblings.push(line.clone());
                self.keep(line);
            }
        }
    }

    /// Whether a curator's line may stand here. A label that names other people's products says nothing without ours.
    pub(super) fn may_adapt(&self, line: &str, shape: &Shape, node: Node<'_>) -> bool {
        let says = shape.closed || shape.naming < 0.3 || self.subject.share_in(line) > 0.0;
        says && self.judge.fault(line, shape, node).is_none()
    }

    /// A line by rule where the model wrote none: an example's that fits any product, else a plain one with the product's name.
    fn stand_in(&mut self, leaf: &Leaf<'_, 'a>, scope: &Scope<'a>, slot: usize) -> Line {
        let Leaf { node, label, shape, entries, .. } = *leaf;
        let used = |text: &str| self.chosen.iter().any(|line| line.text.eq_ignore_ascii_case(text));
        let fits = |line: &str| !used(line) && !self.grams.would_loop(line) && self.may_adapt(line, shape, node);
        let general = self.adapted(entries, None, &fits).unwrap_or_default().into_iter().next().map(|candidate| candidate.line.text);
        let (text, reason) = match general {
            Some(text) => (text, "The small model found no good line here; this one comes from a curated example."),
            None => (
                plain(&self.subject, label, node, shape, &self.grams, &used),
                "The small model found no good line here; this one was built by rule.",
            ),
        };
        let path = if scope.path.ends_with(']') || slot == 0 { scope.path.clone() } else { format!("{}[{slot}]", scope.path) };
        self.gap(&path, reason);
        Line { text, vector: Vec::new() }
    }
}
