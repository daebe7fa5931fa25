//! Lines and labels: several candidates from one question, the broken ones thrown out, the best and most different kept.

use super::judge::Shape;
use super::leaf::Node;
use super::prompt::Entry;
use super::rank::{Candidate, Line, Measure, middle, repeats, score};
use super::{Drafter, Scope, person::Person, text};
use crate::Error;
use crate::decode::{Ask, Orders, Written};
use crate::sampling::Sampling;

/// Questions asked again, each time a little bolder, before a rule stands in.
const ROUNDS: usize = 3;
/// Continuations of one question, and of all questions of one leaf together.
const MOST: usize = 14;
const MOST_TOGETHER: usize = 24;

/// The leaf that is being filled.
struct Leaf<'l, 'a> {
    node: Node<'l>,
    label: &'l str,
    shape: &'l Shape,
    scopes: &'l [Scope<'a>],
    counts: &'l [usize],
    entries: &'l [Entry<'a>],
    /// The entries shown to the model.
    examples: &'l [Line],
    /// What is asked for: the label and the product together.
    wanted: &'l [f32],
}

/// One question and the places it answers.
struct Group {
    tail: String,
    lead: Option<Vec<f32>>,
    need: usize,
    scopes: Vec<usize>,
    candidates: Vec<Candidate>,
    /// The curators' lines are enough.
    settled: bool,
}

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

    /// Values that are names of real things: taken over from the examples, never invented.
    fn pool(&mut self, node: Node<'_>, scopes: &[Scope<'a>], entries: &[Entry<'_>]) -> Option<Vec<String>> {
        let single = entries.iter().all(|entry| !entry.text.contains(' ')) && scopes.len() == 1;
        let mut picks: Vec<String> = Vec::new();
        for scope in scopes {
            let own = scope.models.iter().flatten().filter_map(|value| value.as_str()).map(str::to_owned);
            let ordered: Vec<String> = own.chain(entries.iter().map(|entry| entry.text.clone())).collect();
            let fits = |value: &&String| (single || !self.judge.has_leftovers(value)) && super::forms::allowed(node, value);
            let fresh = ordered.iter().filter(fits).find(|value| !picks.contains(value));
            picks.push(fresh.or_else(|| ordered.iter().find(fits))?.clone());
        }
        if let (true, Some(scope), Some(name)) = (single, scopes.first(), picks.first()) {
            let others: Vec<Option<String>> = scope.models.iter().map(|model| model.and_then(|m| m.as_str()).map(str::to_owned)).collect();
            let origin =
                others.iter().position(|other| other.as_ref() == Some(name)).and_then(|at| scope.parents.get(at).copied().flatten());
            let described = origin.map(super::judge::all_text).unwrap_or_default();
            self.judge.allow(name);
            let example = others.iter().position(|other| other.as_ref() == Some(name));
            self.person = Person::new(name, example, &described, others.clone());
        }
        Some(picks)
    }

    /// What the described person is by trade comes with their name, from the same example.
    fn persons_own(&self, scopes: &[Scope<'a>], shape: &Shape, entries: &[Entry<'_>]) -> Option<String> {
        let [scope] = scopes else { return None };
        let fits = self.person.example().is_some() && shape.is_label() && self.naming(entries) < 0.2;
        let value = scope.models.get(self.person.example()?).copied().flatten()?.as_str()?;
        (fits && !self.judge.has_leftovers(value)).then(|| value.to_owned())
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

    /// Gives each scope of the group its best lines.
    fn choose(&mut self, leaf: &Leaf<'_, 'a>, group: Group, siblings: &mut Vec<Line>, lists: &mut [Vec<String>]) {
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
                left.retain(|candidate| !repeats(&candidate.line, siblings) && !repeats(&candidate.line, &self.chosen));
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
                self.chosen.push(line);
            }
        }
    }

    /// Whether a curator's line may stand here. A label that names other people's products says nothing without ours.
    fn may_adapt(&self, line: &str, shape: &Shape, node: Node<'_>) -> bool {
        let says = shape.closed || shape.naming < 0.3 || self.subject.share_in(line) > 0.0;
        says && self.judge.fault(line, shape, node).is_none()
    }

    /// A line by rule where the model wrote none: an example's that fits any product, else a plain one with the product's name.
    fn stand_in(&mut self, leaf: &Leaf<'_, 'a>, scope: &Scope<'a>, slot: usize) -> Line {
        let Leaf { node, label, shape, entries, .. } = *leaf;
        let used = |text: &str| self.chosen.iter().any(|line| line.text.eq_ignore_ascii_case(text));
        let fits = |line: &str| !used(line) && self.may_adapt(line, shape, node);
        let general = self.adapted(entries, None, &fits).unwrap_or_default().into_iter().next().map(|candidate| candidate.line.text);
        let (text, reason) = match general {
            Some(text) => (text, "The small model found no good line here; this one comes from a curated example."),
            None => (self.plain(node, label, shape, &used), "The small model found no good line here; this one was built by rule."),
        };
        let path = if scope.path.ends_with(']') || slot == 0 { scope.path.clone() } else { format!("{}[{slot}]", scope.path) };
        self.gap(&path, reason);
        Line { text, vector: Vec::new() }
    }

    /// An honest line that says what is still to do.
    fn plain(&self, node: Node<'_>, label: &str, shape: &Shape, used: &dyn Fn(&str) -> bool) -> String {
        let noun = &self.subject.spoken();
        let label = label.to_lowercase();
        let choices: Vec<String> = if shape.asks {
            vec![
                format!("Is the {label} for {noun} settled?"),
                format!("Have you tested {noun} with real customers?"),
                format!("Do you know what {noun} cost to make?"),
            ]
        } else if shape.closed {
            vec![
                format!("Decide on the {label} for {noun} before you launch."),
                format!("Ask five customers about {noun} and write down the {label} they name."),
                format!("Compare {noun} with two rivals and note one {label}."),
                format!("Come back to the {label} after the first sales of {noun}."),
            ]
        } else {
            let short = text::title_case(&self.subject.short());
            let classic = ["Classic", "Large", "Small", "Gift", "Everyday", "New"].map(|kind| format!("{kind} {short}"));
            let choices = [short].into_iter().chain(classic);
            let case = |text: String| match (shape.titled, shape.capital) {
                (true, _) => text,
                (_, true) => text::capitalised(&text.to_lowercase()),
                _ => text.to_lowercase(),
            };
            choices.map(case).collect()
        };
        let choice = choices.iter().find(|text| !used(text) && text.chars().count() <= node.max_length()).or(choices.first());
        text::fit(choice.map_or(noun.as_str(), String::as_str), node.max_length())
    }
}

impl Group {
    /// Every line is there, from whichever hand.
    fn has_enough(&self) -> bool {
        self.settled || self.candidates.len() > self.need
    }

    /// A choice is left even for the last line.
    fn is_served(&self) -> bool {
        self.settled || self.candidates.iter().filter(|candidate| !candidate.curated).count() > self.need
    }
}

/// The values at these places, each with its example.
fn values_of<'a>(scopes: &[Scope<'a>]) -> Vec<(usize, &'a str)> {
    let of = |scope: &Scope<'a>| {
        scope.models.iter().enumerate().filter_map(|(at, model)| Some((at, model.and_then(|value| value.as_str())?))).collect::<Vec<_>>()
    };
    scopes.iter().flat_map(of).collect()
}

/// Short values that name real things, so that inventing one would be a lie: given names, places, marketplaces - which come
/// again in other examples - and spans of time.
fn is_pool(values: &[(usize, &str)], shape: &Shape) -> bool {
    if shape.closed || values.is_empty() || shape.words > 5.0 {
        return false;
    }
    let portion = |test: &dyn Fn(&(usize, &str)) -> bool| text::ratio(values.iter().filter(|value| test(value)).count(), values.len());
    let spans = ["day", "week", "hour", "month", "minute"];
    let span = portion(&|(_, value)| text::words(value).iter().any(|word| spans.contains(&text::stem(word).as_str())));
    let capital = portion(&|(_, value)| value.starts_with(char::is_uppercase));
    let single = portion(&|(_, value)| !value.contains(' '));
    let again = portion(&|(at, value)| values.iter().any(|(other, text)| other != at && text == value));
    let place = portion(&|(_, value)| value.contains(", ") && value.split(", ").all(|part| part.starts_with(char::is_uppercase)));
    span > 0.5 || (capital > 0.8 && (single > 0.9 || again > 0.25 || place > 0.3))
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

    fn pooled(texts: &[&str]) -> bool {
        let values: Vec<(usize, &str)> = texts.iter().copied().enumerate().collect();
        is_pool(&values, &Shape::of(texts))
    }

    #[test]
    fn names_of_real_things_are_not_invented() {
        assert!(pooled(&["Maya", "Helen"]));
        assert!(pooled(&["Alibaba", "Global Sources", "Local search", "Local search"]));
        assert!(pooled(&["Ningbo, China", "United States", "Leeds, England"]));
        assert!(pooled(&["2-5 business days", "Same day", "1-3 working days"]));
        assert!(!pooled(&["150 subscribers", "1,000 lanterns in a year"]));
        assert!(!pooled(&["Pine Green", "Apple Sit and Stay", "Sleepy Frog"]));
        assert!(!pooled(&["Pediatric nurse", "Deputy head of a primary school"]));
        assert!(!pooled(&["camping", "solar", "car camping"]));
    }

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
