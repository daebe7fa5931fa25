//! Short values that name real things - given names, places, marketplaces, spans of time - are taken over, never invented.

use super::leaf::Node;
use super::prompt::Entry;
use super::shape::Shape;
use super::{Drafter, Scope, person::Person, text};

impl<'a> Drafter<'a> {
    /// Values that are names of real things: taken over from the examples, never invented.
    pub(super) fn pool(&mut self, node: Node<'_>, scopes: &[Scope<'a>], entries: &[Entry<'_>]) -> Option<Vec<String>> {
        let single = entries.iter().all(|entry| !entry.text.contains(' ')) && scopes.len() == 1;
        let shared = if single { Vec::new() } else { shared(&values_of(scopes), scopes.len()) };
        let mut picks: Vec<String> = Vec::new();
        for scope in scopes {
            let own = scope.models.iter().flatten().filter_map(|value| value.as_str()).map(str::to_owned);
            let mut ordered: Vec<String> = own.chain(entries.iter().map(|entry| entry.text.clone())).collect();
            if !shared.is_empty() {
                ordered.retain(|value| shared.contains(&value.as_str()));
            }
            let fits = |value: &&String| {
                (single || !self.judge.has_leftovers(value)) && super::forms::allowed(node, value) && !self.grams.would_loop(value)
            };
            let fresh = ordered.iter().filter(fits).find(|value| !picks.contains(value));
            let pick = fresh.or_else(|| ordered.iter().find(fits))?.clone();
            self.grams.add(&pick);
            picks.push(pick);
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
    pub(super) fn persons_own(&self, scopes: &[Scope<'a>], shape: &Shape, entries: &[Entry<'_>]) -> Option<String> {
        let [scope] = scopes else { return None };
        let fits = self.person.example().is_some() && shape.is_label() && self.naming(entries) < 0.2;
        let value = scope.models.get(self.person.example()?).copied().flatten()?.as_str()?;
        (fits && !self.judge.has_leftovers(value) && !self.grams.would_loop(value)).then(|| value.to_owned())
    }
}

/// The values at these places, each with its example.
pub(super) fn values_of<'a>(scopes: &[Scope<'a>]) -> Vec<(usize, &'a str)> {
    let of = |scope: &Scope<'a>| {
        scope.models.iter().enumerate().filter_map(|(at, model)| Some((at, model.and_then(|value| value.as_str())?))).collect::<Vec<_>>()
    };
    scopes.iter().flat_map(of).collect()
}

/// The values that more than one example has. A place or a fair that a single venture knows is where that venture is at home,
/// not where the user is, and nobody's usual delivery is its odd one. Empty where nothing is shared; of what is no name, so
/// many different ones have to be shared as are needed.
fn shared<'v>(values: &[(usize, &'v str)], needed: usize) -> Vec<&'v str> {
    let names = values.iter().filter(|(_, value)| value.starts_with(char::is_uppercase)).count();
    let mut shared: Vec<&str> = Vec::new();
    for (at, value) in values {
        if !shared.contains(value) && values.iter().any(|(other, text)| other != at && text == value) {
            shared.push(value);
        }
    }
    if names * 5 > values.len() * 4 || shared.len() >= needed { shared } else { Vec::new() }
}

/// Short values that name real things, so that inventing one would be a lie: given names, places, marketplaces - which come
/// again in other examples - and spans of time.
pub(super) fn is_pool(values: &[(usize, &str)], shape: &Shape) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(texts: &[&str]) -> bool {
        let values: Vec<(usize, &str)> = texts.iter().copied().enumerate().collect();
        is_pool(&values, &Shape::of(texts))
    }

    #[test]
    fn what_one_example_alone_has_stays_there() {
        let places = [(0, "United States"), (0, "Richmond area"), (1, "United States"), (2, "Leeds, England")];
        assert_eq!(shared(&places, 3), ["United States"]);
        let times = [(0, "2-5 days"), (1, "2-5 days"), (1, "Any Saturday")];
        assert_eq!(shared(&times, 1), ["2-5 days"]);
        assert!(shared(&times, 2).is_empty());
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
}
