//! Everything that stands above the providers, once.

use crate::ask::{Answer, Ask, AskError, ModelClass, Outcome, Spent};
use crate::fault::Fault;
use crate::grounding::{Found, with_facts};
use crate::journal::{Journal, NotRecorded, PlannedCall};
use crate::price::PriceTable;
use crate::routes::{Routes, Target};
use crate::settings::{ConfigError, Settings};
use crate::tape::{self, Recall, Routed, Taped};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use domain::Timestamp;
use domain::generations::ModelCall;
use domain::ids::CallId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A model that keeps its own pace is given this long.
const OWN_PACE: Duration = Duration::from_hours(24);

/// The models of this process.
pub struct Llm {
    routes: Routes,
    settings: Settings,
    prices: PriceTable,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Facts and sources from the web.
    Search,
    /// The answer itself.
    Answer,
}

/// One question on its way: what has been spent on it and found for it so far.
struct Question<'a> {
    cancel: &'a CancellationToken,
    journal: &'a dyn Journal,
    calls: Vec<ModelCall>,
    /// Calls of the time when it was recorded.
    recorded: Vec<ModelCall>,
    /// A search is paid for once, whoever answers in the end.
    found: Option<Found>,
}

/// Each model that was asked, with its last fault.
type Tried = Vec<(String, Fault)>;

impl Llm {
    /// Makes the providers that the routes name, or says which setting cannot work.
    pub fn new(settings: Settings, prices: PriceTable, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Result<Self, ConfigError> {
        let llm = Self { routes: Routes::new(&settings)?, settings, prices, clock };
        for warning in llm.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(llm)
    }

    /// The same, with this model alone on the routes, as `provider:model`.
    ///
    /// # Errors
    /// When there is no such provider, or it is not configured.
    pub fn on(&self, place: &str) -> Result<Self, ConfigError> {
        let route = vec![place.to_owned()];
        let settings = Settings { fast: route.clone(), reasoning: route, ..self.settings.clone() };
        Self::new(settings, self.prices.clone(), Arc::clone(&self.clock))
    }

    /// The route of a class, as `provider:model`.
    pub fn route(&self, class: ModelClass) -> Vec<String> {
        self.routes.of(class).iter().map(Target::name).collect()
    }

    /// Writes down on the recording, where there is one, which models its answers are from.
    pub fn note_routes(&self) -> std::io::Result<()> {
        let Some(tape) = &self.settings.tape else { return Ok(()) };
        tape.note_routes(&Routed { fast: self.route(ModelClass::Fast), reasoning: self.route(ModelClass::Reasoning) })
    }

    /// What a model (`provider:model`) charges, when that is known.
    pub fn price(&self, model: &str) -> Option<domain::usage::Price> {
        let (provider, model) = model.split_once(':')?;
        self.prices.price(provider, model)
    }

    /// Whether every model of every route is a small one that drafts leaf by leaf and cannot follow a prompt.
    pub fn drafts_only(&self) -> bool {
        self.routes.all().iter().all(|target| target.provider.drafts())
    }

    /// Whether every model of every route takes the time it needs, because it runs inside this program.
    pub fn keeps_own_pace(&self) -> bool {
        self.routes.all().iter().all(|target| target.provider.own_pace())
    }

    /// What is worth the operator's attention: models whose cost cannot be known.
    pub fn warnings(&self) -> Vec<String> {
        let targets = self.routes.with_judge().into_iter();
        let unpriced = targets.filter(|t| self.prices.price(&t.provider_name, &t.model).is_none());
        unpriced.map(|t| format!("{} has no price: its cost is recorded as unknown; add it to the price table", t.name())).collect()
    }

    /// Whether the models on this machine can be used; loads them if a route names them.
    pub async fn ready(&self) -> Result<(), String> {
        for target in self.routes.all() {
            target.provider.ready().await.map_err(|fault| format!("{} {fault}", target.name()))?;
        }
        Ok(())
    }

    /// One vector of length 1 for each text, in order, from the embedded embedder; nothing leaves this machine.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, AskError> {
        let vectors = self.taped_vectors(texts).await;
        vectors.map_err(|fault| AskError { tried: vec![("the embedder".to_owned(), fault)] })
    }

    async fn taped_vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
        let Some(tape) = &self.settings.tape else { return self.vectors(texts).await };
        let asked = tape::embedding(texts);
        match tape.recall(&asked) {
            Recall::Known(kept) => return serde_json::from_value(kept).map_err(|error| Fault::Malformed(error.to_string())),
            Recall::Stale => return Err(Fault::Stale),
            Recall::Ask => {}
        }
        let vectors = self.vectors(texts).await?;
        tape.keep(&asked, serde_json::json!(vectors), false).map_err(|error| Fault::Unkept(error.to_string()))?;
        Ok(vectors)
    }

    async fn vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
        let embedded = self.routes.embedded.as_ref().ok_or_else(|| Fault::Embedded(ConfigError::NoEmbedded.to_string()));
        embedded?.embed(texts).await
    }

    /// Asks along the route, then once more with the simpler prompt, until somebody answers. The journal hears of every call before it
    /// is made, and the outcome has every call that was.
    pub async fn ask(&self, ask: &Ask, fallback: Option<&str>, cancel: &CancellationToken, journal: &dyn Journal) -> Outcome {
        let mut question = Question { cancel, journal, calls: Vec::new(), recorded: Vec::new(), found: None };
        let mut result = self.along(ask, &mut question).await;
        let over = cancel.is_cancelled() || result.as_ref().is_err_and(|tried| tried.iter().any(|(_, fault)| fault.is_over()));
        if let (Err(_), Some(fallback), false) = (&result, fallback, over) {
            let simpler = Ask { user: fallback.to_owned(), ..ask.clone() };
            result = self.along(&simpler, &mut question).await;
        }
        Outcome { result: result.map_err(|tried| AskError { tried }), calls: question.calls, recorded: question.recorded }
    }

    async fn along(&self, ask: &Ask, question: &mut Question<'_>) -> Result<Answer, Tried> {
        let mut tried = Vec::new();
        for target in self.routes.of(ask.class) {
            let fault = match self.grounded(target, ask, question).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            tracing::warn!(model = target.name(), fault = fault.key(), "model gave no answer");
            let over = fault.is_over();
            tried.push((target.name(), fault));
            if over {
                break;
            }
        }
        Err(tried)
    }

    /// One model's answer, from what a search found if one is wanted and it can search. A model that does not accept searches
    /// answers from its own knowledge, without sources.
    async fn grounded(&self, target: &Target, ask: &Ask, question: &mut Question<'_>) -> Result<Answer, Fault> {
        if ask.grounding && target.provider.searches() && question.found.is_none() {
            match self.taped(target, Step::Search, ask, question).await {
                Ok(answer) => question.found = Some(Found { facts: answer.text, sources: answer.sources }),
                Err(Fault::BadRequest { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        let Some(found) = question.found.clone().filter(|found| !found.sources.is_empty()) else {
            return self.taped(target, Step::Answer, ask, question).await;
        };
        let informed = with_facts(ask, &found);
        let answer = self.taped(target, Step::Answer, &informed, question).await?;
        Ok(Answer { sources: found.sources, grounded: true, asked: Some(informed.user), ..answer })
    }

    /// One model's answer as it was recorded, or a new one, which is recorded where there is a recording.
    async fn taped(&self, target: &Target, step: Step, ask: &Ask, question: &mut Question<'_>) -> Result<Answer, Fault> {
        let Some(tape) = &self.settings.tape else { return self.persist(target, step, ask, question).await };
        let mut asked = tape::question(&target.provider_name, &target.model, step == Step::Search, ask);
        if let Some(apart) = &self.settings.apart {
            asked.whole["apart"] = apart.as_str().into();
        }
        match tape.recall(&asked) {
            Recall::Known(kept) => {
                let Taped { result, calls } = serde_json::from_value(kept).map_err(|error| Fault::Malformed(error.to_string()))?;
                question.recorded.extend(calls);
                return result;
            }
            Recall::Stale => return Err(Fault::Stale),
            Recall::Ask => {}
        }
        let before = question.calls.len();
        let result = self.persist(target, step, ask, question).await;
        let passing = match &result {
            Err(fault) if fault.is_over() => return result,
            Err(fault) => fault.is_passing(),
            Ok(_) => false,
        };
        let calls = question.calls.get(before..).unwrap_or_default().to_vec();
        let kept = serde_json::to_value(Taped { result: result.clone(), calls }).map_err(|error| Fault::Unkept(error.to_string()))?;
        tape.keep(&asked, kept, passing).map_err(|error| Fault::Unkept(error.to_string()))?;
        result
    }

    /// Tries one model as often as makes sense.
    async fn persist(&self, target: &Target, step: Step, ask: &Ask, question: &mut Question<'_>) -> Result<Answer, Fault> {
        let mut ask = ask.clone();
        let mut widened = false;
        let mut waits = self.waits().build();
        loop {
            let result = self.call(target, step, &ask, question).await;
            if !widened && is_cut_short(&result, step, &ask) {
                widened = true;
                ask.max_output_tokens = ask.max_output_tokens.saturating_mul(2);
                continue;
            }
            let fault = match result {
                Err(fault) if fault.may_pass() => fault,
                finished => return finished,
            };
            // The provider's own word on when to come back counts for more than ours.
            let Some(wait) = waits.next().map(|wait| fault.retry_after().unwrap_or(wait)) else { return Err(fault) };
            if wait > self.settings.longest_wait {
                return Err(fault);
            }
            pause(wait, question.cancel).await?;
        }
    }

    fn waits(&self) -> ExponentialBuilder {
        let settings = &self.settings;
        let waits = ExponentialBuilder::default().with_jitter().with_min_delay(settings.first_wait).with_max_delay(settings.longest_wait);
        waits.with_max_times(settings.attempts.saturating_sub(1))
    }

    /// One call: limited in time, counted by the breaker, recorded with what it used however it ends.
    async fn call(&self, target: &Target, step: Step, ask: &Ask, question: &mut Question<'_>) -> Result<Answer, Fault> {
        if question.cancel.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        let mut spent = Spent::default();
        let (started, clock) = ((self.clock)(), Instant::now());
        tokio::select! {
            biased;
            () = question.cancel.cancelled() => return Err(Fault::Cancelled),
            begun = question.journal.begin(self.planned(target, ask, spent.call, started)) => begun.map_err(|NotRecorded| Fault::NotRecorded)?,
        }
        let limit = if target.provider.own_pace() { OWN_PACE } else { ask.timeout };
        let (provider, model) = (&target.provider, target.model.as_str());
        let work = match step {
            Step::Search => provider.search(model, ask, &mut spent),
            Step::Answer => provider.complete(model, ask, &mut spent),
        };
        let limited = async { tokio::time::timeout(limit, work).await.unwrap_or(Err(Fault::TimedOut)) };
        // A call that is stopped says nothing about the provider, so the breaker does not hear of it.
        let counted = target.breaker.call_with(Fault::counts, limited);
        let result = tokio::select! {
            biased;
            () = question.cancel.cancelled() => Err(Fault::Cancelled),
            result = counted => match result {
                Err(recloser::Error::Inner(fault)) => Err(fault),
                // Nothing was asked, so there is nothing to record.
                Err(recloser::Error::Rejected) => return Err(Fault::BreakerOpen),
                Ok(answer) => Ok(answer),
            },
        };
        question.calls.push(self.record(target, &result, spent, started, clock.elapsed()));
        result
    }

    fn planned(&self, target: &Target, ask: &Ask, id: CallId, started: Timestamp) -> PlannedCall {
        let mut prompt = Spent::default();
        prompt.estimate(ask.length(), 0);
        PlannedCall {
            id,
            provider: target.provider_name.clone(),
            model: target.model.clone(),
            input_tokens: prompt.tokens.input,
            cost: self.prices.price(&target.provider_name, &target.model).map(|price| price.of(prompt.tokens, 0)),
            started,
        }
    }

    fn record(&self, target: &Target, result: &Result<Answer, Fault>, spent: Spent, started: Timestamp, took: Duration) -> ModelCall {
        let outcome = match result {
            Ok(answer) if answer.truncated => Fault::Truncated.key(),
            Ok(_) => "ok",
            Err(fault) => fault.key(),
        };
        let call = ModelCall {
            id: spent.call,
            provider: target.provider_name.clone(),
            model: result.as_ref().map_or_else(|_| target.model.clone(), |answer| answer.model.clone()),
            outcome: outcome.to_owned(),
            tokens: spent.tokens,
            search_queries: spent.search_queries,
            cost: self.prices.price(&target.provider_name, &target.model).map(|price| price.of(spent.tokens, spent.search_queries)),
            started,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        tracing::debug!(
            model = target.name(), outcome, input = call.tokens.input, cached = call.tokens.cached, output = call.tokens.output,
            searches = call.search_queries, cost = ?call.cost, ms = call.duration_ms, "model call"
        );
        call
    }
}

/// Nothing before the token limit, or half of a form, which is no use: worth another try with room.
fn is_cut_short(result: &Result<Answer, Fault>, step: Step, ask: &Ask) -> bool {
    match result {
        Ok(answer) => answer.truncated && step == Step::Answer && ask.schema.is_some(),
        Err(fault) => *fault == Fault::Truncated,
    }
}

async fn pause(wait: Duration, cancel: &CancellationToken) -> Result<(), Fault> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Fault::Cancelled),
        () = tokio::time::sleep(wait) => Ok(()),
    }
}
