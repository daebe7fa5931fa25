//! Assertions: every type by its name, negation, and what makes an output that is judged. What is not known is an error by name.

pub(crate) mod graded;
mod json;
mod markup;
mod measures;
mod meteor;
mod ngrams;
mod refusals;
mod scripts;
mod sql;
#[cfg(test)]
mod tests;
mod text;
mod tools;
mod traces;
mod trajectories;

pub(crate) use text::separated;

use crate::cases::{Assert, AssertSet, Assertion, Case};
use crate::config::Provider;
use crate::grading::{Grade, Weighed, combine};
use crate::patterns::Patterns;
use crate::schemas::Schemas;
use crate::script::{Code, Limits, Script};
use crate::targets::Output;
use crate::templating::Templating;
use crate::values::text as text_of;
use graded::Helpers;
use serde_json::{Map, Value, json};

/// An output and everything that is known about how it came to be.
pub(crate) struct Subject<'a> {
    /// What is judged.
    pub output: Value,
    /// The answer it came from.
    pub response: &'a Output,
    /// The prompt as it was sent.
    pub prompt: &'a str,
    /// The case; its variables are the ones that were used.
    pub case: &'a Case,
    pub vars: &'a Map<String, Value>,
    pub provider: &'a Provider,
    pub latency_ms: u64,
    pub templating: &'a Templating,
    pub helpers: &'a Helpers<'a>,
    pub limits: &'a Limits,
    pub patterns: &'a Patterns,
    pub schemas: &'a Schemas,
}

/// What an assertion found, before negation.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    /// Whether it holds.
    pub holds: bool,
    /// How well, for types that measure; others are 1 or 0.
    pub score: Option<f64>,
    /// Whether a negated score is what is left to 1.
    pub turns: bool,
    /// Why.
    pub reason: String,
    /// The verdict itself, of types that `not-` does not turn round.
    pub fixed: Option<bool>,
    /// Metrics it reports itself.
    pub named: Map<String, Value>,
    /// Verdicts it is made of.
    pub parts: Vec<Grade>,
}

impl Finding {
    fn plain(holds: bool, reason: impl Into<String>) -> Self {
        Self { holds, reason: reason.into(), ..Self::default() }
    }

    /// A verdict that is the same when the assertion is negated.
    fn always(pass: bool, reason: impl Into<String>) -> Self {
        Self { fixed: Some(pass), ..Self::plain(pass, reason) }
    }

    /// A measured score against the least that is enough.
    fn measured(score: f64, threshold: f64, what: &str) -> Self {
        let reason = format!("{what} score {score:.4}, threshold {threshold}");
        Self { holds: score >= threshold, score: Some(score), turns: true, reason, ..Self::default() }
    }
}

/// The verdict over all assertions of a test.
pub(crate) async fn judge(asserts: &[Assert], threshold: Option<f64>, subject: &Subject<'_>) -> Grade {
    let mut parts = Vec::new();
    for assert in asserts {
        parts.push(match assert {
            Assert::One(one) => weighed(one, subject).await,
            Assert::Set(set) => judge_set(set, subject).await,
        });
    }
    combine(parts, threshold)
}

async fn judge_set(set: &AssertSet, subject: &Subject<'_>) -> Weighed {
    let mut parts = Vec::new();
    for one in &set.asserts {
        parts.push(weighed(one, subject).await);
    }
    let mut grade = combine(parts, set.threshold);
    grade.assertion = set.raw.clone();
    Weighed { grade, weight: set.weight, metric: set.metric.clone() }
}

async fn weighed(assertion: &Assertion, subject: &Subject<'_>) -> Weighed {
    let name = assertion.name();
    let metric = assertion.metric.as_ref().map(|m| subject.templating.render(m, subject.vars)).transpose();
    let (metric, grade) = match metric {
        Ok(metric) => (metric, check(assertion, subject).await),
        Err(why) => (None, Err(format!("its metric's name is no template: {why}"))),
    };
    let mut grade = grade.unwrap_or_else(|why| Grade::not_judged(&name, &why));
    grade.assertion = assertion.raw.clone();
    Weighed { grade, weight: assertion.weight, metric }
}

/// The verdict of one assertion, or why there can be none.
async fn check(assertion: &Assertion, subject: &Subject<'_>) -> Result<Grade, String> {
    let transformed;
    let output = match &assertion.transform {
        Some(code) => {
            transformed = transform(code, &subject.output, subject).await?;
            &transformed
        }
        None => &subject.output,
    };
    let value = match &assertion.value {
        code @ Value::String(_) if assertion.function.is_some() => code.clone(),
        // Schemas and other maps are not templates, as in promptfoo; texts and lists of texts are.
        map @ Value::Object(_) => map.clone(),
        Value::Array(items) => {
            // Texts of a list are templates; what lies deeper is not, as in promptfoo.
            let rendered = |item: &Value| match item {
                Value::String(text) => subject.templating.render(text, subject.vars).map(Value::String),
                other => Ok(other.clone()),
            };
            items.iter().map(rendered).collect::<Result<Vec<_>, _>>()?.into()
        }
        other => subject.templating.render_deep(other, subject.vars)?,
    };
    let text = text_of(output);
    let ask = Ask { assertion, value: &value, output, text: &text };
    let finding = find(&ask, subject).await?;
    let pass = finding.fixed.unwrap_or(finding.holds != assertion.negated);
    let score = match finding.score {
        Some(score) if assertion.negated && finding.turns => 1.0 - score,
        Some(score) => score,
        None => f64::from(u8::from(pass)),
    };
    if !score.is_finite() {
        return Err("its score is no number".into());
    }
    let named_scores = finding.named.iter().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?))).collect();
    let reason = if finding.reason.is_empty() { if pass { "Assertion passed" } else { "Assertion failed" }.into() } else { finding.reason };
    // One of weight 0 is there for its score alone.
    let pass = pass || assertion.weight == 0.0;
    Ok(Grade { pass, score, reason, named_scores, components: finding.parts, ..Grade::default() })
}

/// One assertion with its value filled in and the output it judges.
pub(crate) struct Ask<'a> {
    pub assertion: &'a Assertion,
    pub value: &'a Value,
    pub output: &'a Value,
    pub text: &'a str,
}

/// Names a key of a map that means nothing to its type: read over, it would make the check weaker than it looks.
fn only_keys(value: &Value, known: &[&str]) -> Result<(), String> {
    match value.as_object().and_then(|map| map.keys().find(|key| !known.contains(&key.as_str()))) {
        Some(key) => Err(format!("\"{key}\" is not a key of its \"value\"; there are {}", known.join(", "))),
        None => Ok(()),
    }
}

/// The number under a key of a value, if there is one; anything else there is no limit that was meant to be none.
fn bound(value: &Value, key: &str) -> Result<Option<f64>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => given.as_f64().map(Some).ok_or_else(|| format!("\"{key}\" is a number, not {given}")),
    }
}

/// The same for what is counted.
fn count_bound(value: &Value, key: &str) -> Result<Option<u64>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => given.as_u64().map(Some).ok_or_else(|| format!("\"{key}\" is a whole number from 0, not {given}")),
    }
}

/// The pattern under a key of a value, or the usual one.
fn pattern_or<'v>(value: &'v Value, usual: &'v str) -> Result<&'v str, String> {
    match value.get("pattern") {
        None | Some(Value::Null) => Ok(usual),
        Some(Value::String(pattern)) if !pattern.is_empty() => Ok(pattern),
        Some(other) => Err(format!("\"pattern\" is a text that is not empty, not {other}")),
    }
}

async fn find(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    match ask.assertion.kind.as_str() {
        "equals" => text::equals(ask),
        "contains" | "icontains" | "starts-with" => text::one(ask),
        "contains-all" | "contains-any" | "icontains-all" | "icontains-any" => text::several(ask),
        "regex" => text::regex(ask, subject).await,
        "levenshtein" => text::levenshtein(ask),
        "word-count" => text::word_count(ask),
        "is-refusal" => Ok(text::is_refusal(ask, subject)),
        "is-json" => json::is_json(ask, subject),
        "contains-json" => json::contains_json(ask, subject),
        "is-xml" => markup::is_xml(ask),
        "contains-xml" => markup::contains_xml(ask),
        "is-html" => Ok(markup::is_html(ask)),
        "contains-html" => Ok(markup::contains_html(ask)),
        "is-sql" => sql::is_sql(ask),
        "contains-sql" => sql::contains_sql(ask),
        "rouge-n" => ngrams::rouge(ask),
        "bleu" => ngrams::bleu(ask),
        "gleu" => ngrams::gleu(ask),
        "meteor" => meteor::meteor(ask),
        "latency" => measures::latency(ask, subject),
        "cost" => measures::cost(ask, subject),
        "perplexity" => measures::perplexity(ask, subject),
        "perplexity-score" => measures::perplexity_score(ask, subject),
        "finish-reason" => measures::finish_reason(ask, subject),
        "guardrails" => measures::guardrails(ask, subject),
        "tool-call-f1" => tools::tool_call_f1(ask),
        "skill-used" => tools::skill_used(ask, subject),
        "is-valid-function-call" | "is-valid-openai-function-call" => Ok(tools::function_call(ask, subject)),
        "is-valid-openai-tools-call" => Ok(tools::tools_call(ask, subject)),
        "trace-span-count" => traces::count(ask, subject),
        "trace-span-duration" => traces::duration(ask, subject),
        "trace-error-spans" => traces::errors(ask, subject),
        "trajectory:tool-used" => trajectories::tool_used(ask, subject),
        "trajectory:tool-sequence" => trajectories::tool_sequence(ask, subject),
        "trajectory:tool-args-match" => trajectories::tool_args_match(ask, subject),
        "trajectory:step-count" => trajectories::step_count(ask, subject),
        "javascript" => scripts::javascript(ask, subject).await,
        kind => match graded::find(kind, ask, subject).await {
            Some(finding) => finding,
            None => Err("is not supported here, so it was not judged; take it out, or use a type that is (docs: evals)".into()),
        },
    }
}

/// The output JavaScript makes out of another.
pub(crate) async fn transform(code: &str, output: &Value, subject: &Subject<'_>) -> Result<Value, String> {
    let code = Code::Transform(code.to_owned());
    let context = context(&code, subject, &Value::Null);
    match (Script { code, name: "output", first: output.clone(), context, limits: subject.limits.clone() }).run().await {
        Ok(Value::Null) => Err("transform: it returned nothing".into()),
        Ok(made) => Ok(made),
        Err(why) => Err(format!("transform: {why}")),
    }
}

/// What JavaScript sees as `context`, if it looks.
fn context(code: &Code, subject: &Subject<'_>, config: &Value) -> Value {
    if !code.sees_context() {
        return Value::Null;
    }
    let response = subject.response;
    json!({
        "prompt": subject.prompt,
        "vars": subject.vars,
        "test": subject.case.test.to_json(),
        "logProbs": response.log_probs,
        "config": config,
        "provider": {"id": subject.provider.id, "label": subject.provider.label},
        "providerResponse": {
            "output": response.output, "cost": response.cost, "cached": response.cached, "finishReason": response.finish_reason,
            "tokenUsage": response.tokens.to_json(), "metadata": response.metadata,
        },
        "metadata": response.metadata,
    })
}
