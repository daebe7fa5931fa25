//! Lines and labels: several candidates from one question, the broken ones thrown out, the best and most different kept.

use super::choose::{Group, Leaf};
use super::leaf::Node;
use super::pool::{is_pool, values_of};
use super::prompt::Entry;
use super::rank::{Candidate, Line};
use super::shape::Shape;
use super::{Drafter, Scope, text};
use crate::Error;
use crate::decode::{Ask, Orders, Written};
use crate::sampling::Sampling;

/// Questions asked again, each time a little bolder, before a rule stands in.
const ROUNDS: usize = 3;
/// Continuations of one question, and of all questions of one leaf together.
const MOST: usize = 14;
const MOST_TOGETHER: usize = 24;

impl<'a> Drafter<'a> {
    /// One text for each scope.
    pub(super) fn prose(&mut self, node: Node<'_>, label: &str, scopes: &[Scope<'a>]) -> Result<Vec<String>, Error> {
        let entries = self.entries(scopes);
        let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
        let shape = Shape::of(&texts);
        if shape.sentences >= 3 || texts.iter().any(|text| text.contains("\n\n")) {
            return scopes.iter().map(|scope| self.long(node, label, scope, &entries)).collect();
        }
        if let Some(own) = self.persons_own(scopes, &shape, &entries) {
            self.grams.add(&own);
            return Ok(vec![own]);
        }
        if is_pool(&values_of(scopes), &shape) {
            let picks: Option<Vec<String>> = self.pool(node, scopes, &entries);
            if let Some(picks) = picks {
                return Ok(picks);
            }
        }
        let counts = vec![1; scopes.len()];
        let lists = self.lists(node, label, scopes, &counts)?;
        Ok(lists.into_iter().map(|mut list| list.pop().unwrap_or_default()).collect())
    }

    /// As many lines for each scope as it asks for.
    pub(super) fn lists(&mut self, node: Node<'_>, label: &str, scopes: &[Scope<'a>], counts: &[usize]) -> Result<Vec<Vec<String>>, Error> {
        let entries = self.entries(scopes);
        let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
        let shape = Shape { naming: self.naming(&entries), ..Shape::of(&texts) };
        let openers = Self::openers(&entries);
        let shown = Self::shown(&entries);
        let lead_label = scopes.first().and_then(|scope| scope.lead.as_ref()).map(|lead| lead.label.clone());
        let form = self.form(label, lead_label.as_deref(), &shown);
        let mut groups = self.groups(label, scopes, counts)?;
        for group in &mut groups {
            let lead = group.scopes.first().and_then(|at| scopes[*at].lead.as_ref());
            let adapted = self.adapted(&entries, lead, &|line| self.may_adapt(line, &shape, node))?;
            group.candidates.extend(adapted);
            let answered = lead.is_some_and(|lead| !lead.inherited) && !group.candidates.is_empty() && group.need == 1;
            let named = shape.is_label() && shape.naming < 0.3 && group.candidates.len() > group.need;
            group.settled = answered || named;
        }
        for round in 0..ROUNDS {
            if groups.iter().all(Group::is_served) {
                break;
            }
            if round > 0 && groups.iter().all(Group::has_enough) {
                break;
            }
            self.ask((&form, &shown, &openers), &shape, node, &mut groups, round)?;
        }
        let copied: Vec<String> = shown.iter().map(|entry| entry.text.clone()).collect();
        let vectors = self.embedder.embed_kept(&copied)?;
        let examples: Vec<Line> = copied.iter().zip(vectors).map(|(text, vector)| Line { text: text.clone(), vector }).collect();
        let wanted = self.embedder.embed_kept(&[format!("{label} of {}", self.subject.noun)])?.pop().unwrap_or_default();
        let leaf = Leaf { node, label, shape: &shape, scopes, counts, entries: &entries, examples: &examples, wanted: &wanted };
        let mut lists = vec![Vec::new(); scopes.len()];
        let mut siblings: Vec<Line> = Vec::new();
        for group in groups {
            self.choose(&leaf, group, &mut siblings, &mut lists);
        }
        Ok(lists)
    }

    /// Scopes with the same open entry share one question.
    fn groups(&self, label: &str, scopes: &[Scope<'a>], counts: &[usize]) -> Result<Vec<Group>, Error> {
        let mut groups: Vec<Group> = Vec::new();
        for (at, scope) in scopes.iter().enumerate() {
            let tail = self.open_entry(label, scope.lead.as_ref());
            if let Some(group) = groups.iter_mut().find(|group| group.tail == tail) {
                group.need += counts[at];
                group.scopes.push(at);
            } else {
                let lead = scope.lead.as_ref().map(|lead| self.embedder.embed(&[&lead.text])).transpose()?;
                let lead = lead.and_then(|mut vectors| vectors.pop());
                groups.push(Group { tail, lead, need: counts[at], scopes: vec![at], candidates: Vec::new(), settled: false });
            }
        }
        Ok(groups)
    }

    /// Asks for every group that lacks lines.
    fn ask(
        &mut self,
        (form, shown, openers): (&str, &[Entry<'_>], &[String]),
        shape: &Shape,
        node: Node<'_>,
        groups: &mut [Group],
        round: usize,
    ) -> Result<(), Error> {
        let lacking: Vec<usize> =
            (0..groups.len()).filter(|at| !(groups[*at].is_served() || (round > 0 && groups[*at].has_enough()))).collect();
        let together = (MOST_TOGETHER / lacking.len().max(1)).max(4);
        let creative = if shape.sentences > 1 { 4 } else { 0 };
        let wanted = |need: usize| (need * 2 + 4 + creative).min(MOST).min(together);
        let mut asks: Vec<Ask> = Vec::new();
        let mut origins: Vec<usize> = Vec::new();
        for at in &lacking {
            let wanted = wanted(groups[*at].need);
            let with_opener = if shape.is_label() || openers.is_empty() { 0 } else { wanted / 2 };
            let prompt = format!("{form}{}", groups[*at].tail);
            for turn in 0..with_opener {
                let opener = openers[(turn + at * 3 + round * 5) % openers.len()].clone();
                asks.push(Ask { prompt: prompt.clone(), opener, wanted: 1 });
            }
            asks.push(Ask { prompt, opener: String::new(), wanted: wanted - with_opener });
            origins.resize(asks.len(), *at);
        }
        let no_copy = self.no_copy(shown);
        let closed = shape.closed.then_some(shape.sentences);
        let seed = self.seed();
        let judge = &self.judge;
        let done = move |text: &str| closed.is_some_and(|count| closes(text, count)) || judge.is_hopeless(text);
        let longest = shown.iter().map(|entry| self.decoder.tokens(&entry.text).len()).max().unwrap_or(30);
        let boldness = [0.45, 0.65, 0.85];
        let orders = Orders {
            sampling: Sampling { temperature: boldness[round.min(2)], min_p: 0.05, top_p: 0.92, repetition: 0.25 },
            max_tokens: (longest * 5 / 4 + 6).min(if shape.sentences > 1 { 72 } else { 48 }),
            seed,
            no_copy: &no_copy,
            banned: &[],
            done: &done,
        };
        let written = self.decoder.write(&asks, &orders, self.cancel)?;
        let mut texts: Vec<Vec<Written>> = vec![Vec::new(); groups.len()];
        for (at, written) in origins.into_iter().zip(written) {
            texts[at].extend(written);
        }
        for (at, written) in texts.into_iter().enumerate().filter(|(_, written)| !written.is_empty()) {
            let mut lines = self.sift(&written, shape, node, &groups[at].candidates);
            lines.retain(|(line, _)| !shown.iter().any(|entry| entry.text.eq_ignore_ascii_case(line)));
            let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
            let strange = self.strange_words(&texts)?;
            let vectors = self.embedder.embed(&texts)?;
            for (((text, log_prob), vector), strange) in lines.iter().zip(vectors).zip(strange) {
                if strange > usize::from(!shape.is_label() && round + 1 == ROUNDS) {
                    continue;
                }
                groups[at].candidates.push(Candidate {
                    line: Line { text: text.clone(), vector },
                    log_prob: *log_prob,
                    curated: false,
                    whole: false,
                    strange,
                });
            }
        }
        Ok(())
    }

    /// The lines that may be shown, each once.
    pub(super) fn sift(&self, written: &[Written], shape: &Shape, node: Node<'_>, known: &[Candidate]) -> Vec<(String, f32)> {
        let mut lines: Vec<(String, f32)> = Vec::new();
        for one in written {
            let line = self.subject.without_article(&clean(&one.text, shape));
            let again = lines.iter().any(|(other, _)| other.eq_ignore_ascii_case(&line))
                || known.iter().any(|c| c.line.text.eq_ignore_ascii_case(&line));
            let fault = if again { Some("again") } else { self.judge.fault(&line, shape, node) };
            let fault = fault.or(self.person.is_denied_by(&line).then_some("person"));
            tracing::trace!(target: "local_model::lines", ?fault, log_prob = one.log_prob, "{line}");
            if fault.is_none() {
                lines.push((line, one.log_prob));
            }
        }
        lines
    }
}

/// Whether the text has this many finished sentences.
pub(super) fn closes(text: &str, count: usize) -> bool {
    let text = text.trim();
    let end = text.ends_with(['.', '!', '?']) && !text.trim_end_matches('.').ends_with(|c: char| c.is_ascii_digit());
    end && text::sentences(text).len() >= count
}

/// The line without what models put around lines, cut to as many sentences as the examples have.
fn clean(line: &str, shape: &Shape) -> String {
    let line = line.trim().trim_start_matches(['-', '*', '•', '#', '>']).trim();
    let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line).replace("**", "");
    if !shape.closed {
        let label = line.trim_end_matches(['.', ',', ';', ':']).trim();
        return if shape.capital { text::capitalised(label) } else { label.to_owned() };
    }
    let whole = text::sentences(&line).into_iter().take(shape.sentences).filter(|s| text::ends_as_sentence(s));
    let whole: Vec<String> = whole.map(|sentence| text::capitalised(&sentence)).collect();
    if whole.is_empty() { line } else { whole.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_to_the_examples_sentences() {
        let shape = Shape::of(&["One sentence only."]);
        assert_eq!(clean("- First one here. Second one. Thi", &shape), "First one here.");
        assert_eq!(clean("\"No end", &shape), "\"No end");
        let label = Shape::of(&["Pine green", "Deep blue"]);
        assert_eq!(clean("forest green.", &label), "Forest green");
    }

    #[test]
    fn a_decimal_point_closes_nothing() {
        assert!(closes(" It is done.", 1));
        assert!(!closes(" It weighs 2.", 1));
        assert!(!closes(" One. Two", 2));
    }
}
