//! Assertions that need someone else: an embedder, a judge, a web address. The caller hands them in; without, it is an error by name.

use super::{Ask, Finding, Subject};
use async_trait::async_trait;
use serde_json::{Map, Value, json};

/// Types a judge decides.
const GRADED: [&str; 12] = [
    "llm-rubric",
    "g-eval",
    "factuality",
    "model-graded-factuality",
    "model-graded-closedqa",
    "answer-relevance",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "conversation-relevance",
    "search-rubric",
    "trajectory:goal-success",
];

/// Why a helper gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HelperError(pub String);

/// Makes vectors out of texts, for `similar`.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// One vector for each text, in order.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, HelperError>;
}

/// Judges outputs by a model.
#[async_trait]
pub trait Grader: Send + Sync {
    /// The verdict; a type the grader does not know is an error.
    async fn grade(&self, request: &GradeRequest) -> Result<Verdict, HelperError>;
}

/// Asks a web address.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// What the address answered to a POST of `body`.
    async fn post(&self, url: &str, body: &Value) -> Result<Value, HelperError>;
}

/// What a judge is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct GradeRequest {
    /// The assertion's type, such as `llm-rubric`.
    pub kind: String,
    /// What is asked for: a text, or a list of criteria.
    pub criteria: Value,
    /// The output.
    pub output: String,
    /// The prompt it answers.
    pub prompt: String,
    /// The case's variables.
    pub vars: Map<String, Value>,
    /// The judge the file asks for; null for the configured one.
    pub provider: Value,
    /// The judge's prompt the file asks for; null for the usual one.
    pub rubric_prompt: Value,
}

/// What a judge says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Whether it passes; what it does not say, it does not object to.
    pub pass: Option<bool>,
    /// From 0 to 1.
    pub score: Option<f64>,
    /// Why.
    pub reason: String,
}

/// Who helps to judge.
#[derive(Clone, Copy, Default)]
pub struct Helpers<'a> {
    /// For `similar`.
    pub embedder: Option<&'a dyn Embedder>,
    /// For model-graded types.
    pub grader: Option<&'a dyn Grader>,
    /// For `webhook`.
    pub webhook: Option<&'a dyn Webhook>,
}

impl std::fmt::Debug for Helpers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (embedder, grader, webhook) = (self.embedder.is_some(), self.grader.is_some(), self.webhook.is_some());
        write!(f, "Helpers {{ embedder: {embedder}, grader: {grader}, webhook: {webhook} }}")
    }
}

/// The finding of a helped type, or nothing when the type is none.
pub(super) async fn find(kind: &str, ask: &Ask<'_>, subject: &Subject<'_>) -> Option<Result<Finding, String>> {
    Some(match kind {
        "similar" | "similar:cosine" | "similar:dot" | "similar:euclidean" => similar(kind, ask, subject).await,
        "webhook" => webhook(ask, subject).await,
        kind if GRADED.contains(&kind) => graded(kind, ask, subject).await,
        _ => return None,
    })
}

async fn similar(kind: &str, ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    own_embedder(&ask.assertion.provider, &subject.case.test.options.provider)?;
    let embedder = subject.helpers.embedder.ok_or("needs an embedder, and none is configured")?;
    let wanted: Vec<String> = match ask.value {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|i| i.as_str().map(str::to_owned).ok_or_else(|| format!("{i} is no text to compare with")))
            .collect::<Result<_, _>>()?,
        other => return Err(format!("needs a text, or a list of texts, as \"value\", not {other}")),
    };
    let texts: Vec<String> = std::iter::once(ask.text.to_owned()).chain(wanted).collect();
    let vectors = embedder.embed(&texts).await.map_err(|e| format!("the embedder failed: {e}"))?;
    let Some((own, others)) = vectors.split_first().filter(|_| vectors.len() == texts.len()) else {
        return Err(format!("the embedder gave {} vectors for {} texts", vectors.len(), texts.len()));
    };
    let threshold = ask.assertion.threshold.unwrap_or(0.75);
    if kind == "similar:euclidean" {
        let nearest = others.iter().map(|o| distance(own, o)).fold(f64::INFINITY, f64::min);
        let reason = format!("Euclidean distance {nearest:.4}, threshold {threshold}");
        return Ok(Finding { holds: nearest <= threshold, score: Some(1.0 / (1.0 + nearest)), turns: true, reason, ..Finding::default() });
    }
    let measure = if kind == "similar:dot" { dot } else { cosine };
    let best = others.iter().map(|o| measure(own, o)).fold(f64::NEG_INFINITY, f64::max);
    Ok(Finding::measured(best, threshold, "Similarity"))
}

/// There is one embedder; a file that asks for another one is not judged by it without a word. The provider of a test's options is the
/// judge's, unless it says that it embeds.
fn own_embedder(of_assertion: &Value, of_test: &Value) -> Result<(), String> {
    let embeds = |provider: &Value| provider.as_str().or(provider["id"].as_str()).is_some_and(|id| id.contains("embedding"));
    let asked = [of_assertion, &of_test["embedding"], if embeds(of_test) { of_test } else { &Value::Null }];
    match asked.into_iter().find(|provider| !provider.is_null()) {
        Some(provider) => Err(format!("asks for the embedder {provider}, but texts are compared by the configured one alone; take it out")),
        None => Ok(()),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths == 0.0 { 0.0 } else { dot(a, b) / lengths }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

async fn graded(kind: &str, ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let grader = subject.helpers.grader.ok_or("needs a judge, and none is configured")?;
    if ask.value.is_null() && matches!(kind, "llm-rubric" | "g-eval" | "factuality" | "model-graded-closedqa") {
        return Err("needs what to judge by as \"value\"".into());
    }
    let or = |own: &Value, base: &Value| if own.is_null() { base.clone() } else { own.clone() };
    let options = &subject.case.test.options;
    let request = GradeRequest {
        kind: kind.to_owned(),
        criteria: ask.value.clone(),
        output: ask.text.to_owned(),
        prompt: subject.prompt.to_owned(),
        vars: subject.vars.clone(),
        provider: or(&ask.assertion.provider, &options.provider),
        rubric_prompt: or(&ask.assertion.rubric_prompt, &options.rubric_prompt),
    };
    let verdict = grader.grade(&request).await.map_err(|e| format!("the judge failed: {e}"))?;
    if !verdict.score.is_none_or(|score| (0.0..=1.0).contains(&score)) {
        return Err(format!("the judge gave a score that is not from 0 to 1: {}", verdict.score.unwrap_or_default()));
    }
    let score = verdict.score.unwrap_or_else(|| f64::from(u8::from(verdict.pass.unwrap_or(true))));
    let usual = match kind {
        "g-eval" => Some(0.7),
        "answer-relevance" | "context-faithfulness" | "context-recall" | "context-relevance" => Some(0.5),
        _ => None,
    };
    let threshold = ask.assertion.threshold.or(usual);
    let holds = verdict.pass.unwrap_or(true) && threshold.is_none_or(|t| score >= t);
    Ok(Finding { holds, score: Some(score), turns: true, reason: verdict.reason, ..Finding::default() })
}

async fn webhook(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let webhook = subject.helpers.webhook.ok_or("needs someone who asks web addresses, and none is configured")?;
    let Value::String(url) = ask.value else { return Err(format!("needs an address as \"value\", not {}", ask.value)) };
    let body =
        json!({"output": ask.output, "context": {"prompt": subject.prompt, "vars": subject.vars, "test": subject.case.test.to_json()}});
    let answer = webhook.post(url, &body).await.map_err(|e| format!("the address failed: {e}"))?;
    let holds = answer.get("pass").and_then(Value::as_bool).ok_or_else(|| format!("the address answered without \"pass\": {answer}"))?;
    let score = answer.get("score").map(|s| s.as_f64().ok_or_else(|| format!("its \"score\" is no number: {s}"))).transpose()?;
    let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Finding { holds, score, turns: true, reason, ..Finding::default() })
}
