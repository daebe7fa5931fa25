//! What models charge, from a file.

use crate::settings::ConfigError;
use domain::usage::Price;
use serde::Deserialize;
use std::collections::BTreeMap;

const SHIPPED: &str = include_str!("../prices.toml");

/// Prices by provider and model. A model is found by its longest listed beginning: `gemini-2.5-flash-001` by `gemini-2.5-flash`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PriceTable(BTreeMap<String, BTreeMap<String, Price>>);

impl PriceTable {
    /// The table compiled in.
    pub fn shipped() -> Result<Self, ConfigError> {
        Self::read(SHIPPED)
    }

    /// Reads a table in TOML: `[provider.model] input = 0.3 ...`, US dollars per million tokens.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Prices(error.to_string()))
    }

    /// The price of a model; what runs here is free.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        if matches!(provider, "embedded" | "ollama") {
            return Some(Price::FREE);
        }
        let models = self.0.get(provider)?;
        let known = models.iter().filter(|(name, _)| is_version_of(model, name)).max_by_key(|(name, _)| name.len());
        known.map(|(_, price)| *price)
    }
}

/// The model itself or a dated or previewed version of it, but not a sibling: `-flash-lite` is not a version of `-flash`.
fn is_version_of(model: &str, name: &str) -> bool {
    model.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('-').is_some_and(|tail| {
                tail.starts_with(|c: char| c.is_ascii_digit()) || tail.starts_with("preview") || tail.starts_with("latest")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_priced_siblings_are_not() {
        let table = PriceTable::shipped().expect("the shipped table is valid");
        let input = |model: &str| table.price("gemini", model).map(|p| p.input);
        assert_eq!(input("gemini-2.5-flash"), Some(0.30));
        assert_eq!(input("gemini-2.5-flash-001"), Some(0.30));
        assert_eq!(input("gemini-2.5-flash-image"), None);
        assert_eq!(table.price("openai", "something-new"), None);
        assert_eq!(table.price("embedded", "any"), Some(Price::FREE));
        assert!(PriceTable::read("[gemini.x]\ninput = 1").is_err());
    }
}
