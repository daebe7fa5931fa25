//! Answers that may be given again: to the same question, by the same owner, and never a wrong one.
//!
//! The key holds everything an answer depends on, so nothing has to be thrown away when a template, a model or the context changes:
//! it is simply never asked for again. Only whole, valid answers are kept.

use crate::generations::Order;
use crate::{App, Caller};
use domain::generations::{Issue, Source};
use hub::CacheKey;
use llm::Ask;
use prompts::Template;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// What is kept of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub output: Value,
    pub issues: Vec<Issue>,
    pub notes: Vec<Issue>,
    pub sources: Vec<Source>,
    /// `provider:model`.
    pub model: String,
    pub draft_model: bool,
}

/// How long an answer to this order may be given again; `None` when it has to be made anew.
pub(crate) fn lifetime(template: &Template, order: &Order) -> Option<Duration> {
    let cache = template.cache.as_ref().filter(|cache| cache.ttl > 0 && !order.fresh)?;
    Some(Duration::from_secs(cache.ttl))
}

/// Everything the answer depends on.
///
/// Whose it is counts as well. Only where nothing but what the asker sent goes into the question, no venture and no earlier section, an
/// equal question has an equal answer whoever asks it, and learns nothing about others from it.
pub(crate) fn key(app: &App, who: &Caller, template: &Template, order: &Order, ask: &Ask) -> CacheKey {
    let own = order.venture.is_some() || !order.earlier.is_empty();
    let scope = if own { who.owner.to_string() } else { "what was sent".to_owned() };
    let by_release = template.cache.as_ref().is_some_and(|cache| cache.invalidate_on.iter().any(|event| event == "prompt_version_change"));
    let release = if by_release { app.release().version.to_string() } else { String::new() };
    let route = app.llm.route(ask.class).join(",");
    let limits = format!("{} {} {}", ask.temperature, ask.max_output_tokens, ask.grounding);
    // A draft is made of its material, not of the prompts; examples come with the library and are told apart by their text.
    let draft = &ask.draft;
    let material = format!("{:?}", (&draft.subject, &draft.voice, &draft.language, &draft.currency, &draft.price_range, &draft.context));
    CacheKey::builder()
        .part("scope", scope)
        .part("template", &template.hash)
        .part("release", release)
        .part("route", route)
        .part("parameters", limits)
        .part("schema", ask.schema.as_ref().map(|forms| forms.plain.to_string()).unwrap_or_default())
        .part("system", &ask.system)
        .part("user", &ask.user)
        .part("material", material)
        .finish()
}
