//! The product idea: the one thing everybody has to give.

use crate::faults::{Fault, Faults};
use crate::suspicion;
use serde::Serialize;

/// Shortest and longest idea, in characters after trimming.
pub const LENGTH: std::ops::RangeInclusive<usize> = 5..=500;

/// What somebody wants to sell, in their own words: 5 to 500 characters with letters of any script and no orders to the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ProductIdea(String);

impl ProductIdea {
    /// Reads an idea, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let kept = faults.take(Self::kept(text));
        faults.0.extend(unclean("productIdea", text.trim()));
        kept.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// Reads an idea that was accepted earlier: what counts as an order to the model may have changed since, and that is no
    /// reason to lose it.
    pub fn kept(text: &str) -> Result<Self, Faults> {
        let text = text.trim();
        let mut faults = Faults::default();
        // What is kept is what is measured: spaces in a row count once.
        let kept = collapse(text);
        let length = kept.chars().count();
        if text.is_empty() {
            faults.add("productIdea", "is empty; say what you want to sell, in 5 to 500 characters");
            return Err(faults);
        }
        if length < *LENGTH.start() {
            faults.add("productIdea", format!("has {length} characters; it must have at least {}", LENGTH.start()));
        }
        if length > *LENGTH.end() {
            faults.add("productIdea", format!("has {length} characters; it must have at most {}", LENGTH.end()));
        }
        if !text.chars().any(char::is_alphabetic) {
            faults.add("productIdea", "has no letters; say it in words, in any language");
        }
        if faults.is_empty() { Ok(Self(kept)) } else { Err(faults) }
    }

    /// The idea as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProductIdea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes any free text unfit to be given to a model: hidden characters and orders.
pub fn unclean(field: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(c) = text.chars().find(|c| suspicion::is_steering(*c)) {
        let kind = if c.is_control() { "a control character" } else { "a hidden character that changes the reading direction or meaning" };
        faults.push(Fault::new(field, format!("contains {kind} (U+{:04X}); remove it, or type the text anew", c as u32)));
    }
    for order in suspicion::orders_in(text) {
        faults.push(Fault::new(
            field,
            format!("contains \"{order}\", which reads as an instruction to the model; describe only the product"),
        ));
    }
    faults
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(text: &str) -> usize {
        ProductIdea::parse(text).map_or_else(|f| f.0.len(), |_| 0)
    }

    #[test]
    fn every_fault_is_named_at_once() {
        assert_eq!(faults(""), 1);
        assert_eq!(faults("   "), 1);
        assert_eq!(faults("soap"), 1);
        assert_eq!(faults(&"a".repeat(500)), 0);
        assert_eq!(faults(&"a".repeat(501)), 1);
        assert_eq!(faults("12345"), 1);
        assert_eq!(faults("🕯🕯🕯🕯🕯🕯"), 1);
        assert_eq!(faults("123"), 2);
        assert_eq!(faults("a    b"), 1, "what is kept has three characters");
        assert_eq!(faults("candles \u{202E}evil"), 1);
        assert_eq!(faults("can\u{0007}dles"), 1);
        assert_eq!(faults("<script> system prompt \u{202E}"), 3);
    }

    #[test]
    fn any_script_is_welcome() {
        for text in ["תכשיטים מכסף", "手工陶瓷花盆", "تمور عضوية", "свечи из воска"] {
            assert_eq!(faults(text), 0, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_promise(text in ".{0,520}") {
            if let Ok(idea) = ProductIdea::parse(&text) {
                let n = idea.as_str().chars().count();
                prop_assert!(LENGTH.contains(&n));
                prop_assert_eq!(ProductIdea::parse(idea.as_str()), Ok(idea.clone()), "what was kept can be read again");
                prop_assert!(idea.as_str().chars().any(char::is_alphabetic));
                prop_assert!(suspicion::orders_in(idea.as_str()).is_empty());
            }
        }
    }
}
