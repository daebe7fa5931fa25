//! The routes: which models may answer a class of questions, in which order, each with its provider and its breaker.

use crate::ask::ModelClass;
use crate::embedded::Embedded;
use crate::providers::{Anthropic, Gemini, Ollama, OpenAi, Provider, Silent};
use crate::settings::{ConfigError, Settings};
use recloser::{AsyncRecloser, Recloser};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One place of a route.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) provider_name: String,
    pub(crate) model: String,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) breaker: AsyncRecloser,
}

impl Target {
    /// `provider:model`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.provider_name, self.model)
    }
}

/// The routes, and the embedded models whether or not a route names them.
pub(crate) struct Routes {
    fast: Vec<Target>,
    reasoning: Vec<Target>,
    judge: Vec<Target>,
    pub(crate) embedded: Option<Arc<Embedded>>,
}

impl Routes {
    /// Makes the providers that the routes name, or says which setting cannot work.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let mut maker =
            Maker { settings, embedded: Embedded::new(settings).map(Arc::new), providers: BTreeMap::new(), targets: BTreeMap::new() };
        let fast = maker.route(ModelClass::Fast)?;
        let reasoning = maker.route(ModelClass::Reasoning)?;
        let judge = maker.route(ModelClass::Judge)?;
        Ok(Self { fast, reasoning, judge, embedded: maker.embedded })
    }

    /// The route of a class, first to last.
    pub(crate) fn of(&self, class: ModelClass) -> &[Target] {
        match class {
            ModelClass::Fast => &self.fast,
            ModelClass::Reasoning => &self.reasoning,
            ModelClass::Judge => &self.judge,
        }
    }

    /// Every model that writes, once.
    pub(crate) fn all(&self) -> Vec<&Target> {
        once(self.fast.iter().chain(&self.reasoning))
    }

    /// The same with the one that judges.
    pub(crate) fn with_judge(&self) -> Vec<&Target> {
        once(self.fast.iter().chain(&self.reasoning).chain(&self.judge))
    }
}

fn once<'a>(targets: impl Iterator<Item = &'a Target>) -> Vec<&'a Target> {
    let by_name: BTreeMap<String, &Target> = targets.map(|target| (target.name(), target)).collect();
    by_name.into_values().collect()
}

/// Makes every provider and every target once: a model that stands in both routes shares its breaker.
struct Maker<'a> {
    settings: &'a Settings,
    embedded: Option<Arc<Embedded>>,
    providers: BTreeMap<String, Arc<dyn Provider>>,
    targets: BTreeMap<String, Target>,
}

impl Maker<'_> {
    fn route(&mut self, class: ModelClass) -> Result<Vec<Target>, ConfigError> {
        self.settings.route(class).iter().map(|name| self.target(name)).collect()
    }

    fn target(&mut self, name: &str) -> Result<Target, ConfigError> {
        if let Some(target) = self.targets.get(name) {
            return Ok(target.clone());
        }
        let (provider, model) =
            name.split_once(':').filter(|(p, m)| !p.is_empty() && !m.is_empty()).ok_or_else(|| ConfigError::Route(name.to_owned()))?;
        let target = Target {
            provider_name: provider.to_owned(),
            model: model.to_owned(),
            provider: self.provider(provider, name)?,
            breaker: breaker(self.settings),
        };
        self.targets.insert(name.to_owned(), target.clone());
        Ok(target)
    }

    fn provider(&mut self, provider: &str, name: &str) -> Result<Arc<dyn Provider>, ConfigError> {
        if let Some(known) = self.providers.get(provider) {
            return Ok(Arc::clone(known));
        }
        let settings = self.settings;
        let need = |has: bool, provider, variable| if has { Ok(()) } else { Err(ConfigError::NoKey { provider, variable }) };
        let made: Arc<dyn Provider> = match provider {
            known @ ("gemini" | "openai" | "anthropic" | "ollama" | "embedded") if settings.replays() => {
                Arc::new(Silent { searches: known == "gemini" })
            }
            "gemini" => {
                need(settings.gemini.key.is_some(), "gemini", "GEMINI_API_KEY")?;
                Arc::new(Gemini::new(&settings.gemini)?)
            }
            "openai" => {
                need(settings.openai.key.is_some() || settings.openai.url.is_some(), "openai", "OPENAI_API_KEY")?;
                Arc::new(OpenAi::new(&settings.openai)?)
            }
            "anthropic" => {
                need(settings.anthropic.key.is_some(), "anthropic", "ANTHROPIC_API_KEY")?;
                Arc::new(Anthropic::new(&settings.anthropic)?)
            }
            "ollama" => Arc::new(Ollama::new(&settings.ollama)?),
            "embedded" => Arc::clone(self.embedded.as_ref().ok_or(ConfigError::NoEmbedded)?) as Arc<dyn Provider>,
            _ => return Err(ConfigError::Route(name.to_owned())),
        };
        self.providers.insert(provider.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

/// Opens when the last `breaker_after` calls all failed. After the wait two calls are let through, and the second decides.
fn breaker(settings: &Settings) -> AsyncRecloser {
    let breaker =
        Recloser::custom().error_rate(0.99).closed_len(settings.breaker_after.max(1)).half_open_len(1).open_wait(settings.breaker_wait);
    AsyncRecloser::from(breaker.build())
}
