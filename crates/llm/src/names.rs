//! Names of models as evals write them, and settings for one of them alone.

use crate::settings::{Endpoint, Settings};

/// How evals begin the names of providers, and what a route calls them. Longer beginnings stand before shorter ones.
const BEGINNINGS: [(&str, &str); 10] = [
    ("google:", "gemini"),
    ("gemini:", "gemini"),
    ("openai:chat:", "openai"),
    ("openai:", "openai"),
    ("anthropic:messages:", "anthropic"),
    ("anthropic:", "anthropic"),
    ("ollama:chat:", "ollama"),
    ("ollama:", "ollama"),
    ("local:", "embedded"),
    ("embedded:", "embedded"),
];

/// What cannot be asked though it begins like what can.
const OTHERS: [&str; 9] = ["responses", "embedding", "embeddings", "completion", "image", "realtime", "assistant", "live", "moderation"];

/// The place of a route that an eval calls `openai:chat:gpt-4.1` or `google:gemini-2.5-flash`; nothing for any other name.
pub fn place(name: &str) -> Option<String> {
    let (beginning, provider) = BEGINNINGS.iter().find(|(beginning, _)| name.starts_with(beginning))?;
    let model = name.get(beginning.len()..).filter(|model| !model.is_empty())?;
    let other = model.split_once(':').is_some_and(|(kind, _)| OTHERS.contains(&kind));
    (!other).then(|| format!("{provider}:{model}"))
}

impl Settings {
    /// These settings with one place for both classes; what `other` says of its endpoint counts for more.
    #[must_use]
    pub fn alone(&self, place: &str, other: &Endpoint) -> Self {
        let mut alone = Self { fast: vec![place.to_owned()], reasoning: vec![place.to_owned()], apart: None, ..self.clone() };
        let endpoint = match place.split_once(':').map(|(provider, _)| provider) {
            Some("gemini") => &mut alone.gemini,
            Some("openai") => &mut alone.openai,
            Some("anthropic") => &mut alone.anthropic,
            Some("ollama") => &mut alone.ollama,
            _ => return alone,
        };
        if let Some(key) = &other.key {
            endpoint.key = Some(key.clone());
        }
        if let Some(url) = &other.url {
            // A key is for the address it was given for, be it the provider's own.
            if endpoint.url.as_ref() != Some(url) && other.key.is_none() {
                endpoint.key = None;
            }
            endpoint.url = Some(url.clone());
        }
        alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_evals_are_places_of_routes() {
        for (name, expected) in [
            ("google:gemini-2.5-flash", Some("gemini:gemini-2.5-flash")),
            ("openai:gpt-4.1", Some("openai:gpt-4.1")),
            ("openai:chat:gpt-4.1", Some("openai:gpt-4.1")),
            ("anthropic:messages:claude-sonnet-4-5", Some("anthropic:claude-sonnet-4-5")),
            ("ollama:chat:llama3.2:3b", Some("ollama:llama3.2:3b")),
            ("openai:embedding:x", None),
            ("openai:", None),
            ("echo", None),
            ("bedrock:x", None),
        ] {
            assert_eq!(place(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_key_goes_to_no_address_it_was_not_given_for() {
        let keyed = |url: Option<&str>| Settings {
            openai: Endpoint { key: Some("sk-own".into()), url: url.map(str::to_owned) },
            ..Settings::default()
        };
        let elsewhere = |url: &str| Endpoint { key: None, url: Some(url.to_owned()) };
        let has_key = |settings: &Settings, other: &Endpoint| settings.alone("openai:m", other).openai.key.is_some();
        assert!(!has_key(&keyed(None), &elsewhere("http://elsewhere")), "the provider's own address");
        assert!(!has_key(&keyed(Some("http://here")), &elsewhere("http://elsewhere")));
        assert!(has_key(&keyed(Some("http://here")), &elsewhere("http://here")));
        assert!(has_key(&keyed(None), &Endpoint::default()));
        assert!(has_key(&keyed(None), &Endpoint { key: Some("other".into()), ..elsewhere("http://elsewhere") }));
    }
}
