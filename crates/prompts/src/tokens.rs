//! What a template costs: the tokens of its parts for a sample, the money, and what could be saved.
//!
//! Every count is an estimate. The tokenizers of the providers are not public or not the same, so characters are counted by script
//! (see [`estimate`]) by rules of thumb: good for comparing templates and parts with each other, not for a bill. What was really used
//! stands in the usage of every generation; this is for the time before there is one. Which class of model a template needs is
//! `routing`'s matter.

mod advice;
mod sample;

pub use advice::Suggestion;

use crate::library::{Library, Release};
use crate::render::RenderError;
use crate::template::{ModelClass, Template};
use domain::usage::{Price, Tokens};
use serde::Serialize;
use serde_json::Value;

/// How tokens are counted, for whoever reads the figures.
pub const COUNTER: &str = "estimated by script: 4 characters of ASCII, 2.5 of other alphabets, 1.2 of Chinese, Japanese and Korean a token";

/// Tokens of a text, estimated: 4 ASCII characters, 2.5 characters of other alphabets, or 1.2 of Chinese, Japanese or Korean make one;
/// of several spaces in a row one counts.
pub fn estimate(text: &str) -> u64 {
    let mut twentieths = 0;
    let mut before = 'x';
    for c in text.chars() {
        twentieths += match c {
            ' ' if before == ' ' => 0,
            c if c.is_ascii() => 5,
            '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff00}'..='\u{ffef}' => 17,
            c if c > '\u{ffff}' => 20,
            _ => 8,
        };
        before = c;
    }
    u64::div_ceil(twentieths, 20)
}

/// Where the tokens of a question are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parts {
    /// The system prompt.
    pub system: u64,
    /// Curated examples.
    pub few_shot: u64,
    /// What the member said and what earlier sections hold.
    pub context: u64,
    /// The rest of the user prompt: the instructions.
    pub user: u64,
    /// The form of the answer, as the provider is sent it.
    pub schema: u64,
}

impl Parts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.system + self.few_shot + self.context + self.user + self.schema
    }
}

/// A model and what it charges, when that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedModel {
    /// `provider:model`.
    pub name: String,
    /// Its price.
    pub price: Option<Price>,
}

/// What is asked: which models stand first in the routes, and how much a month is assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// First of the route of the class `fast`.
    pub fast: PricedModel,
    /// First of the route of the class `reasoning`.
    pub reasoning: PricedModel,
    /// Generations of each template in a month.
    pub per_month: u32,
}

impl Plan {
    fn model(&self, class: ModelClass) -> &PricedModel {
        match class {
            ModelClass::Fast => &self.fast,
            ModelClass::Reasoning => &self.reasoning,
        }
    }
}

/// What one template takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenReport {
    /// The template.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The class of model it asks for.
    pub class: ModelClass,
    /// The model that stands first for that class.
    pub model: String,
    /// What it was measured with.
    pub sample: String,
    /// Where the tokens of one call are.
    pub parts: Parts,
    /// Input tokens of one call.
    pub input: u64,
    /// Output tokens of one call: the mean of the curated examples, or the template's limit where there are none. Thinking comes on top.
    pub output: u64,
    /// Whether `output` is the limit, because there are no examples.
    pub output_is_limit: bool,
    /// Calls of one generation: a grounded one searches first.
    pub calls: u32,
    /// US dollars for 1,000 generations; none where the model has no price.
    pub cost_per_thousand: Option<f64>,
    /// What could be saved, the largest saving first.
    pub suggestions: Vec<Suggestion>,
}

/// The reports of all templates of a release, by name.
///
/// # Errors
/// A template that cannot be rendered with its own sample.
pub fn reports(library: &Library, release: &Release, plan: &Plan) -> Result<Vec<TokenReport>, RenderError> {
    release.templates().map(|template| report(library, release, template, plan)).collect()
}

/// The report of one template of a release.
///
/// # Errors
/// The template cannot be rendered with its own sample.
pub fn report(library: &Library, release: &Release, template: &Template, plan: &Plan) -> Result<TokenReport, RenderError> {
    let sample = sample::of(library, template, None);
    let parts = parts(template, &sample.context)?;
    let model = plan.model(template.model);
    let (output, output_is_limit) = sample.output.map_or((u64::from(template.max_output_tokens), true), |tokens| (tokens, false));
    let calls = if template.grounding { 2 } else { 1 };
    let cost = model.price.map(|price| dollars(price, parts.total(), output, template.grounding) * 1_000.0);
    let money = model.price.map(|price| advice::Money { price, per_month: plan.per_month, calls });
    let rendered = template.render(&sample.context)?;
    Ok(TokenReport {
        name: template.name.to_string(),
        version: template.version.to_string(),
        class: template.model,
        model: model.name.clone(),
        sample: sample.about,
        parts,
        input: parts.total(),
        output,
        output_is_limit,
        calls,
        cost_per_thousand: cost,
        suggestions: advice::suggestions(template, release, &rendered, parts, money),
    })
}

/// What a template is rendered with to be looked at, and what that is in words: the curated venture of this id, else what its tokens are
/// counted with.
pub fn sample(library: &Library, template: &Template, example: Option<&str>) -> (String, Value) {
    let sample = sample::of(library, template, example);
    (sample.about, sample.context)
}

/// One generation in US dollars. A grounded one searches with the whole prompt, then writes with what was found as material.
fn dollars(price: Price, input: u64, output: u64, grounded: bool) -> f64 {
    let tokens = |input, output| Tokens { input, cached: 0, output, thoughts: 0 };
    let micro = if grounded {
        price.of(tokens(input, output), 1).0 + price.of(tokens(input + output, output), 0).0
    } else {
        price.of(tokens(input, output), 0).0
    };
    #[expect(clippy::cast_precision_loss, reason = "a call costs far less than 2^52 millionths of a dollar")]
    let dollars = micro as f64 / 1_000_000.0;
    dollars
}

fn parts(template: &Template, context: &Value) -> Result<Parts, RenderError> {
    let full = template.render(context)?;
    let mut without_examples = context.clone();
    if let Some(retrieved) = without_examples.get_mut("retrievedContext") {
        *retrieved = Value::Null;
    }
    let plain = template.render(&without_examples)?;
    let hollow = template.render(&sample::hollow(&without_examples, template))?;
    let (all, plain, user) = (estimate(&full.user), estimate(&plain.user), estimate(&hollow.user));
    Ok(Parts {
        system: estimate(&full.system),
        few_shot: all.saturating_sub(plain),
        context: plain.saturating_sub(user),
        user,
        schema: estimate(&template.forms().gemini.to_string()),
    })
}

#[cfg(test)]
mod tests;
