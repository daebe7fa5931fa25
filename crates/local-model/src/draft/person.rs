//! Keeps a described person the same from line to line: one name, one pronoun. The examples are about other people, so
//! their names and pronouns are changed to ours before the model sees them.

use super::text;

/// The person of this draft and the people of the examples.
#[derive(Debug, Default, Clone)]
pub(crate) struct Person {
    name: Option<String>,
    /// The example they come from.
    example: Option<usize>,
    female: bool,
    /// The name in each example.
    others: Vec<Option<String>>,
}

const TO_MALE: [(&str, &str); 4] = [("she", "he"), ("her", "his"), ("hers", "his"), ("herself", "himself")];
const TO_FEMALE: [(&str, &str); 4] = [("he", "she"), ("his", "her"), ("him", "her"), ("himself", "herself")];

/// Whether a text is about women (`true`) or men (`false`) rather than both or neither.
pub(crate) fn gender(line: &str) -> Option<bool> {
    let words = text::words(line);
    let count = |list: &[&str]| words.iter().filter(|word| list.contains(&word.as_str())).count();
    let (women, men) = (
        count(&["she", "her", "women", "woman", "girls", "ladies", "moms", "mums", "mothers", "bridesmaids"]),
        count(&["he", "his", "him", "men", "man", "boys", "dads", "fathers", "groomsmen"]),
    );
    (women != men).then_some(women > men)
}

impl Person {
    /// Takes a name, and the pronoun from the text that belongs to it.
    pub fn new(name: &str, example: Option<usize>, described: &str, others: Vec<Option<String>>) -> Self {
        let words = text::words(described);
        let count = |word: &str| words.iter().filter(|other| *other == word).count();
        Self { name: Some(name.to_owned()), example, female: count("she") + count("her") >= count("he") + count("his"), others }
    }

    /// The example's words as if they were about our person.
    pub fn adapt(&self, example: usize, line: &str) -> String {
        let Some(name) = &self.name else { return line.to_owned() };
        let swaps = if self.female { &TO_FEMALE } else { &TO_MALE };
        let other = self.others.get(example).and_then(Option::as_deref);
        let mut out = String::with_capacity(line.len());
        for piece in line.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let rest = &piece[word.len()..];
            let swapped = swaps.iter().find(|(from, _)| word.eq_ignore_ascii_case(from)).map(|(_, to)| (*to).to_owned());
            if Some(word) == other {
                out.push_str(name);
            } else {
                let swapped = swapped.map(|new| if word.starts_with(char::is_uppercase) { text::capitalised(&new) } else { new });
                out.push_str(&swapped.unwrap_or_else(|| word.to_owned()));
            }
            out.push_str(rest);
        }
        out
    }

    /// The example they come from.
    pub fn example(&self) -> Option<usize> {
        self.example
    }

    /// Whether the line speaks of our person with the other pronoun.
    pub fn is_denied_by(&self, line: &str) -> bool {
        let wrong = if self.female { &TO_FEMALE } else { &TO_MALE };
        self.name.is_some() && text::words(line).iter().any(|word| wrong.iter().any(|(from, _)| word == from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_people_become_ours() {
        let person = Person::new("Maya", Some(0), "She camps. Her tent is old.", vec![Some("Tom".to_owned())]);
        assert_eq!(person.adapt(0, "Tom likes his dog. He walks."), "Maya likes her dog. She walks.");
        assert!(person.is_denied_by("He walks."));
        assert!(!person.is_denied_by("She walks the other way."));
    }

    #[test]
    fn without_a_person_nothing_changes() {
        assert_eq!(Person::default().adapt(0, "He walks."), "He walks.");
        assert!(!Person::default().is_denied_by("He walks."));
    }
}
