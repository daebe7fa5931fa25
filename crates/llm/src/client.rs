//! Everything that stands above the providers, once.

use crate::ask::{Answer, Ask, AskError, ModelClass, Outcome, Spent};
use crate::fault::Fault;
use crate::price::PriceTable;
use crate::providers::{Anthropic, Gemini, Ollama, OpenAi, Provider};
use crate::settings::{ConfigError, Settings};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use domain::Timestamp;
use domain::generations::ModelCall;
use recloser::{AsyncRecloser, Recloser};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The models of this process.
pub struct Llm {
    fast: Vec<Target>,
    reasoning: Vec<Target>,
    settings: Settings,
    prices: PriceTable,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// One place of a route.
#[derive(Clone)]
struct Target {
    provider_name: String,
    model: String,
    provider: Arc<dyn Provider>,
    breaker: AsyncRecloser,
}

impl Target {
    fn name(&self) -> String {
        format!("{}:{}", self.provider_name, self.model)
    }
}

impl Llm {
    /// Makes the providers that the routes name, or says which setting cannot work.
    pub fn new(settings: Settings, prices: PriceTable, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Result<Self, ConfigError> {
        let mut made = BTreeMap::new();
        let fast = targets(&settings, ModelClass::Fast, &mut made)?;
        let reasoning = targets(&settings, ModelClass::Reasoning, &mut made)?;
        Ok(Self { fast, reasoning, settings, prices, clock })
    }

    /// The route of a class, as `provider:model`.
    pub fn route(&self, class: ModelClass) -> Vec<String> {
        self.targets(class).iter().map(Target::name).collect()
    }

    /// What is worth the operator's attention: models whose cost cannot be known.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .fast
            .iter()
            .chain(&self.reasoning)
            .filter(|t| self.prices.price(&t.provider_name, &t.model).is_none())
            .map(|t| format!("{} has no price: its cost is recorded as unknown; add it to the price table", t.name()))
            .collect();
        warnings.dedup();
        warnings
    }

    /// Whether the models on this machine can be used; loads them.
    pub async fn ready(&self) -> Result<(), String> {
        for target in self.fast.iter().chain(&self.reasoning) {
            target.provider.ready().await.map_err(|fault| format!("{} {fault}", target.name()))?;
        }
        Ok(())
    }

    /// Asks along the route, then once more with the simpler prompt, until somebody answers. Every call is accounted for.
    pub async fn ask(&self, ask: &Ask, fallback: Option<&str>, cancel: &CancellationToken) -> Outcome {
        let mut calls = Vec::new();
        let mut tried = match self.along(ask, cancel, &mut calls).await {
            Ok(answer) => return Outcome { result: Ok(answer), calls },
            Err(tried) => tried,
        };
        if let Some(fallback) = fallback.filter(|_| !cancel.is_cancelled()) {
            let simpler = Ask { user: fallback.to_owned(), ..ask.clone() };
            match self.along(&simpler, cancel, &mut calls).await {
                Ok(answer) => return Outcome { result: Ok(answer), calls },
                Err(more) => tried = more,
            }
        }
        Outcome { result: Err(AskError { tried }), calls }
    }

    fn targets(&self, class: ModelClass) -> &[Target] {
        match class {
            ModelClass::Fast => &self.fast,
            ModelClass::Reasoning => &self.reasoning,
        }
    }

    async fn along(&self, ask: &Ask, cancel: &CancellationToken, calls: &mut Vec<ModelCall>) -> Result<Answer, Vec<(String, Fault)>> {
        let mut tried = Vec::new();
        for target in self.targets(ask.class) {
            match self.one(target, ask, cancel, calls).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => {
                    tracing::warn!(model = target.name(), fault = fault.key(), "model gave no answer");
                    let cancelled = fault == Fault::Cancelled;
                    tried.push((target.name(), fault));
                    if cancelled {
                        break;
                    }
                }
            }
        }
        Err(tried)
    }

    /// Tries one model as often as makes sense.
    async fn one(&self, target: &Target, ask: &Ask, cancel: &CancellationToken, calls: &mut Vec<ModelCall>) -> Result<Answer, Fault> {
        let settings = &self.settings;
        let mut ask = ask.clone();
        let mut waits = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(settings.first_wait)
            .with_max_delay(settings.longest_wait)
            .with_max_times(settings.attempts.saturating_sub(1))
            .build();
        loop {
            let fault = match self.call(target, &ask, cancel, calls).await {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.may_pass() => fault,
                Err(fault) => return Err(fault),
            };
            let Some(wait) = waits.next().map(|wait| fault.retry_after().unwrap_or(wait)) else { return Err(fault) };
            if wait > settings.longest_wait {
                return Err(fault);
            }
            if fault == Fault::Truncated {
                ask.max_output_tokens = ask.max_output_tokens.saturating_mul(2).min(32_768);
            }
            pause(wait, cancel).await?;
        }
    }

    /// One call: limited in time, counted by the breaker, recorded with what it used however it ends.
    async fn call(&self, target: &Target, ask: &Ask, cancel: &CancellationToken, calls: &mut Vec<ModelCall>) -> Result<Answer, Fault> {
        let mut spent = Spent::default();
        let (started, clock) = ((self.clock)(), Instant::now());
        // A grounded question is two calls on the wire.
        let limit = ask.timeout * if ask.grounding { 2 } else { 1 };
        let limit = if target.provider.own_pace() { Duration::from_secs(24 * 3600) } else { limit };
        let work = async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Fault::Cancelled),
                answer = tokio::time::timeout(limit, target.provider.complete(&target.model, ask, &mut spent)) => answer.unwrap_or(Err(Fault::TimedOut)),
            }
        };
        let result = match target.breaker.call_with(Fault::counts, work).await {
            Ok(answer) => Ok(answer),
            Err(recloser::Error::Inner(fault)) => Err(fault),
            // Nothing was asked, so there is nothing to record.
            Err(recloser::Error::Rejected) => return Err(Fault::BreakerOpen),
        };
        calls.push(ModelCall {
            provider: target.provider_name.clone(),
            model: result.as_ref().map_or_else(|_| target.model.clone(), |a: &Answer| a.model.clone()),
            outcome: result.as_ref().err().map_or("ok", Fault::key).to_owned(),
            tokens: spent.tokens,
            search_queries: spent.search_queries,
            cost: self.prices.price(&target.provider_name, &target.model).map(|price| price.of(spent.tokens, spent.search_queries)),
            started,
            duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        result
    }
}

async fn pause(wait: Duration, cancel: &CancellationToken) -> Result<(), Fault> {
    tokio::select! {
        () = cancel.cancelled() => Err(Fault::Cancelled),
        () = tokio::time::sleep(wait) => Ok(()),
    }
}

/// The places of a route; a model that stands in both routes shares its breaker.
fn targets(settings: &Settings, class: ModelClass, made: &mut BTreeMap<String, Target>) -> Result<Vec<Target>, ConfigError> {
    let mut route = Vec::new();
    for name in settings.route(class) {
        if let Some(target) = made.get(&name) {
            route.push(target.clone());
            continue;
        }
        let (provider_name, model) = name.split_once(':').filter(|(p, m)| !p.is_empty() && !m.is_empty()).ok_or_else(|| ConfigError::Route(name.clone()))?;
        let shared = made.values().find(|t| t.provider_name == provider_name).map(|t| t.provider.clone());
        let provider = match shared {
            Some(provider) => provider,
            None => provider(settings, provider_name, &name)?,
        };
        let breaker = Recloser::custom().error_rate(0.99).closed_len(settings.breaker_after).half_open_len(2).open_wait(settings.breaker_wait).build();
        let target = Target { provider_name: provider_name.to_owned(), model: model.to_owned(), provider, breaker: AsyncRecloser::from(breaker) };
        made.insert(name.clone(), target.clone());
        route.push(target);
    }
    Ok(route)
}

fn provider(settings: &Settings, provider: &str, name: &str) -> Result<Arc<dyn Provider>, ConfigError> {
    let need = |has: bool, provider, variable| if has { Ok(()) } else { Err(ConfigError::NoKey { provider, variable }) };
    Ok(match provider {
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
        #[cfg(feature = "embedded")]
        "embedded" => Arc::new(crate::embedded::Embedded::new(settings)),
        #[cfg(not(feature = "embedded"))]
        "embedded" => return Err(ConfigError::NoEmbedded),
        _ => return Err(ConfigError::Route(name.to_owned())),
    })
}
