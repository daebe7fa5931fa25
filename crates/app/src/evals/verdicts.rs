//! What a runner found of a case, as it is kept: with what the rubric says of the output.

use crate::repair::without_nul;
use ::evals::CaseResult;
use domain::evals::{CaseTexts, CaseVerdict, Outcome};
use domain::generations::{Issue, Source};
use domain::locales::Language;
use domain::rubric::{self, Evidence};
use domain::usage::{MicroDollars, Tokens};
use prompts::Template;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a case asked and what came back.
pub(super) fn texts(result: &CaseResult) -> CaseTexts {
    CaseTexts { vars: kept(Value::Object(result.vars.clone())), output: kept(result.output.clone()) }
}

/// The verdict on one case of a template whose first case has this number.
pub(super) fn verdict(template: &Template, first: u32, result: &CaseResult) -> CaseVerdict {
    let (tokens, failed) = (result.tokens, result.grade.components.iter().filter(|one| !one.pass));
    let reasons = result.error.iter().cloned().chain(failed.map(|one| one.reason.clone()));
    #[expect(clippy::cast_possible_truncation, reason = "millionths of a dollar of one answer")]
    let cost = result.cost.map(|cost| MicroDollars((cost * 1e6).round() as i64));
    CaseVerdict {
        number: first + u32::try_from(result.test_index).unwrap_or(u32::MAX - first),
        section: template.name.clone(),
        description: result.description().unwrap_or("without a description").replace('\0', ""),
        outcome: match result.outcome {
            ::evals::Outcome::Passed => Outcome::Pass,
            ::evals::Outcome::Failed => Outcome::Fail,
            ::evals::Outcome::Error => Outcome::Error,
        },
        score: result.grade.score,
        quality: quality(template, result),
        latency_ms: result.latency_ms,
        tokens: Tokens { input: tokens.prompt, cached: tokens.cached, output: tokens.completion, thoughts: tokens.reasoning },
        cost,
        reasons: reasons.map(|reason| reason.replace('\0', "")).collect(),
    }
}

/// A value as the store can keep it.
fn kept(mut value: Value) -> Value {
    without_nul(&mut value);
    value
}

/// What the rubric's automatic part gives the output, 0 to 100: what members get is scored in the same way. A utility's output, a refusal
/// and what is no output have none.
fn quality(template: &Template, result: &CaseResult) -> Option<f64> {
    if !template.is_section() || !result.output.is_object() || result.metadata.contains_key("inputRefused") {
        return None;
    }
    let word = |name: &str| result.vars.get(name).and_then(Value::as_str).unwrap_or_default();
    let (issues, sources): (Vec<Issue>, Vec<Source>) = (list(result.metadata.get("issues")), list(result.output.get("sources")));
    let language = Language::parse(word("language")).map_or("en", |language| language.code);
    let evidence = Evidence {
        grounded: template.grounding,
        draft_model: result.metadata.get("draftModel").and_then(Value::as_bool).unwrap_or(false),
        output: &result.output,
        issues: &issues,
        sources: &sources,
        idea: word("productIdea"),
        voice: word("brandVoice"),
        language,
    };
    rubric::automatic(&evidence).0.total().map(|total| f64::from(total.tenths()) / 10.0)
}

fn list<T: DeserializeOwned>(value: Option<&Value>) -> Vec<T> {
    value.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
}
