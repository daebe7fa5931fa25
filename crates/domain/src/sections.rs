//! Names of sections and what a section of a venture looks like from outside.

use crate::faults::{Fault, Faults};
use crate::voices::shorten;
use serde::{Deserialize, Serialize};

/// A section's name: lower-case words joined by hyphens. Which names exist is data (the template library), not code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SectionName(String);

impl SectionName {
    /// Reads a name; only its form is checked.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let ok = (2..=60).contains(&text.len())
            && text.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
            && text.starts_with(|c: char| c.is_ascii_lowercase());
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new(
                "section",
                format!("\"{}\" is not a section's name; names are lower-case words joined by hyphens", shorten(text)),
            )
            .into())
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `smart-goals` as `smartGoals`, its key in bodies and prompts.
    pub fn camel(&self) -> String {
        let mut words = self.0.split('-');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        camel
    }
}

impl TryFrom<String> for SectionName {
    type Error = Faults;
    fn try_from(text: String) -> Result<Self, Faults> {
        Self::parse(&text)
    }
}

impl From<SectionName> for String {
    fn from(name: SectionName) -> Self {
        name.0
    }
}

impl std::fmt::Display for SectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        assert_eq!(SectionName::parse("smart-goals").map(|n| n.camel()), Ok("smartGoals".into()));
        for bad in ["", "Smart", "a", "-a", "a--b", "../etc", "smart_goals", "9lives"] {
            assert!(SectionName::parse(bad).is_err(), "{bad}");
        }
    }
}
