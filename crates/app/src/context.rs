//! The layered context of a prompt: what the person said, earlier sections, examples, who asks.

use crate::generations::Order;
use domain::ventures::Brief;
use llm::{Ask, DraftExample, DraftMaterial, SchemaForms};
use prompts::{ExampleVenture, Rendered, Template};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

/// Curated examples given to a model that can follow instructions.
const EXAMPLES: usize = 2;

/// What a template's context is made from.
pub(crate) enum Layers<'a> {
    /// What somebody says about a venture.
    Brief {
        /// It, and what is there already.
        order: &'a Order,
        /// Curated ones, to choose from.
        examples: &'a [ExampleVenture],
    },
    /// The context itself: a utility says in its variables what it needs.
    Given {
        /// By the names of the variables.
        context: &'a Value,
        /// Same seed, same draft, where the provider can.
        seed: u64,
    },
}

impl Layers<'_> {
    /// The names of the earlier sections.
    pub(crate) fn earlier(&self) -> Vec<&String> {
        match self {
            Self::Brief { order, .. } => order.earlier.keys().collect(),
            Self::Given { .. } => Vec::new(),
        }
    }

    /// What templates may refer to, by the names the template guide gives.
    pub(crate) fn context(&self, template: &Template) -> Value {
        match self {
            Self::Brief { order, examples } => layered(examples, template, order),
            Self::Given { context, .. } => (*context).clone(),
        }
    }

    fn seed(&self) -> u64 {
        match self {
            Self::Brief { order, .. } => order.seed,
            Self::Given { seed, .. } => *seed,
        }
    }

    fn draft(&self, template: &Template) -> DraftMaterial {
        match self {
            Self::Brief { order, examples } => draft(examples, template, order),
            Self::Given { context, .. } => {
                let said = |pointer: &str| context.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                DraftMaterial {
                    subject: said("/userInput/productIdea"),
                    context: (*context).clone(),
                    schema: template.output.clone(),
                    ..DraftMaterial::default()
                }
            }
        }
    }
}

fn layered(examples: &[ExampleVenture], template: &Template, order: &Order) -> Value {
    let brief = &order.brief;
    json!({
        "userInput": {
            "productIdea": brief.idea.as_str(),
            "brandVoice": brief.voice.name(),
            "targetMarket": brief.target_market,
            "priceRange": brief.price_range,
            "previousFeedback": order.feedback,
        },
        "previousContext": order.earlier,
        "retrievedContext": {
            "relevantExamples": relevant(examples, template, brief),
        },
        "metadata": {
            "experience": brief.experience.key(),
            "language": brief.language.name,
            "currency": brief.currency.code,
            "persona": brief.persona.map(|p| p.name),
            "session": order.venture.map(|v| v.to_string()),
        },
    })
}

/// The examples of this section that are nearest: the same voice and shared words first. A venture is never shown itself.
fn relevant(examples: &[ExampleVenture], template: &Template, brief: &Brief) -> Vec<String> {
    let wanted = words(brief.idea.as_str());
    let mut ranked: Vec<_> = examples
        .iter()
        .filter(|e| e.brief.idea != brief.idea)
        .filter_map(|e| e.section(&template.name).map(|output| (e, output)))
        .map(|(e, output)| {
            let shared = words(e.brief.idea.as_str()).intersection(&wanted).count();
            (Reverse(shared * 2 + usize::from(e.brief.voice == brief.voice)), e, output)
        })
        .collect();
    ranked.sort_by_key(|(rank, e, _)| (*rank, e.id.clone()));
    ranked.into_iter().take(EXAMPLES).map(|(_, e, output)| format!("Product idea: {}\n{output}", e.brief.idea)).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 3).map(str::to_owned).collect()
}

pub(crate) const fn model_class(class: prompts::ModelClass) -> llm::ModelClass {
    match class {
        prompts::ModelClass::Fast => llm::ModelClass::Fast,
        prompts::ModelClass::Reasoning => llm::ModelClass::Reasoning,
    }
}

/// The question for the models.
pub(crate) fn ask(template: &Template, layers: &Layers<'_>, rendered: &Rendered) -> Ask {
    let forms = template.forms();
    Ask {
        class: model_class(template.model),
        system: rendered.system.clone(),
        turns: Vec::new(),
        user: rendered.user.clone(),
        schema: Some(SchemaForms { gemini: forms.gemini, openai: forms.openai, plain: forms.plain }),
        json: false,
        schema_name: template.name.as_str().replace('-', "_"),
        temperature: template.temperature,
        max_output_tokens: template.max_output_tokens,
        timeout: Duration::from_secs(template.timeout_seconds),
        grounding: template.grounding,
        seed: layers.seed(),
        draft: layers.draft(template),
    }
}

/// What the small embedded model drafts from.
fn draft(examples: &[ExampleVenture], template: &Template, order: &Order) -> DraftMaterial {
    let brief = &order.brief;
    let examples = examples.iter().filter(|e| e.brief.idea != brief.idea).filter_map(|e| {
        e.section(&template.name).map(|output| DraftExample {
            subject: e.brief.idea.as_str().to_owned(),
            currency: e.brief.currency.code.to_owned(),
            voice: e.brief.voice.key().to_owned(),
            output: output.clone(),
            plan: e.words.clone(),
        })
    });
    DraftMaterial {
        subject: brief.idea.as_str().to_owned(),
        voice: brief.voice.key().to_owned(),
        language: brief.language.name.to_owned(),
        currency: brief.currency.code.to_owned(),
        price_range: brief.price_range.clone(),
        context: Value::Object(order.earlier.clone()),
        schema: template.output.clone(),
        examples: examples.collect(),
    }
}
