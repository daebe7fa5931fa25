//! One case asked of one provider by one prompt: variables, prompt, call, transforms, verdict.

use super::resume::{Resumed, fingerprint};
use crate::assertions::graded::Helpers;
use crate::assertions::{Subject, judge, transform};
use crate::cases::Case;
use crate::config::{Config, Provider};
use crate::grading::Grade;
use crate::patterns::Patterns;
use crate::results::{CaseResult, Outcome};
use crate::schemas::Schemas;
use crate::script::Limits;
use crate::targets::{Output, Target};
use crate::templating::Templating;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// What every case of a run shares.
pub(super) struct Asking<'a> {
    pub config: &'a Config,
    pub target: &'a dyn Target,
    /// What the target says of each provider.
    pub identities: Vec<String>,
    pub templating: &'a Templating,
    pub helpers: &'a Helpers<'a>,
    pub limits: Limits,
    pub patterns: Patterns,
    pub schemas: Schemas,
    pub deadline: Option<Instant>,
    pub resumed: Resumed,
}

/// What is to be asked.
pub(super) struct Job {
    pub case: Case,
    pub column: usize,
    pub provider: usize,
    pub prompt: usize,
    pub repeat: usize,
}

/// Asks and judges; the result, and whether it was taken over from an earlier run.
pub(super) async fn ask(asking: &Asking<'_>, job: Job) -> (CaseResult, bool) {
    let mut result = blank(asking, &job);
    match prepare(asking, &job) {
        Ok((vars, text)) => {
            result.vars = vars;
            result.prompt = text;
        }
        Err(why) => return (failed(result, why), false),
    }
    let asked = fingerprint(asking, &job, &result.prompt, &asking.identities[job.provider]);
    result.asked = Some(asked.clone());
    if let Some(earlier) = asking.resumed.take_over(result.key(), &asked) {
        return (earlier.answer(result), true);
    }
    let Some(deadline) = asking.deadline else { return (in_time(asking, &job, result).await, false) };
    if Instant::now() >= deadline {
        return (failed(result, "not asked: the time for the whole run (maxEvalTimeMs) was over".into()), false);
    }
    let late = result.clone();
    let done = tokio::time::timeout_at(deadline.into(), in_time(asking, &job, result)).await;
    (done.unwrap_or_else(|_| failed(late, "not finished: the time for the whole run (maxEvalTimeMs) was over".into())), false)
}

/// A result before anything is known of it.
fn blank(asking: &Asking<'_>, job: &Job) -> CaseResult {
    let (provider, prompt) = (&asking.config.providers[job.provider], &asking.config.prompts[job.prompt]);
    CaseResult {
        test_index: job.case.index,
        prompt_index: job.column,
        repeat_index: job.repeat,
        provider: provider.id.clone(),
        provider_label: provider.label.clone(),
        prompt_label: prompt.label.clone(),
        prompt: String::new(),
        vars: job.case.test.vars.clone(),
        test_case: job.case.test.to_json(),
        asked: None,
        output: Value::Null,
        outcome: Outcome::Error,
        error: None,
        latency_ms: 0,
        cost: None,
        cached: false,
        tokens: crate::results::TokenUsage::default(),
        grade: Grade::default(),
        metadata: Map::new(),
    }
}

fn failed(mut result: CaseResult, why: String) -> CaseResult {
    result.grade.reason.clone_from(&why);
    result.error = Some(why);
    result
}

/// The variables and the prompt, filled in.
fn prepare(asking: &Asking<'_>, job: &Job) -> Result<(Map<String, Value>, String), String> {
    if let Some(why) = &job.case.broken {
        return Err(why.clone());
    }
    let options = &job.case.test.options;
    let vars = asking.templating.resolve_vars(&job.case.test.vars);
    let whole = format!("{}{}{}", options.prefix, asking.config.prompts[job.prompt].raw, options.suffix);
    let text = asking.templating.render_prompt(&whole, &vars).map_err(|e| format!("prompt: {e}"))?;
    Ok((vars, text))
}

/// Waits as long as is wished, then asks and judges within the time one case may take.
async fn in_time(asking: &Asking<'_>, job: &Job, result: CaseResult) -> CaseResult {
    let provider = &asking.config.providers[job.provider];
    let delay = provider.delay_ms.max(asking.config.evaluate.delay_ms.unwrap_or(0));
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let Some(ms) = asking.config.evaluate.timeout_ms else { return answered(asking, &job.case, provider, result).await };
    let late = result.clone();
    let done = tokio::time::timeout(Duration::from_millis(ms), answered(asking, &job.case, provider, result)).await;
    done.unwrap_or_else(|_| failed(late, format!("no answer and verdict within {ms} ms (timeoutMs)")))
}

async fn answered(asking: &Asking<'_>, case: &Case, provider: &Provider, mut result: CaseResult) -> CaseResult {
    let began = Instant::now();
    let answer = asking.target.call(provider, &result.prompt, &result.vars).await;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(response) => {
            result.latency_ms = response.latency_ms.unwrap_or(took);
            grade(asking, case, provider, response, result).await
        }
        Err(why) => failed(result, why.to_string()),
    }
}

/// An answer that is nothing fails, whatever was asked of it.
fn no_output() -> Grade {
    Grade { reason: "No output".into(), ..Grade::default() }
}

async fn grade(asking: &Asking<'_>, case: &Case, provider: &Provider, response: Output, mut result: CaseResult) -> CaseResult {
    let (output, grade) = judged(asking, case, provider, &response, &result).await;
    result.output = output;
    result.outcome = match (&grade.error, grade.pass) {
        (Some(_), _) => Outcome::Error,
        (None, true) => Outcome::Passed,
        (None, false) => Outcome::Failed,
    };
    result.error.clone_from(&grade.error);
    result.grade = grade;
    result.cached = response.cached;
    result.tokens = response.tokens;
    result.metadata = response.metadata;
    result.cost = response.cost;
    if response.recorded {
        // Judged by what it cost then, counted as what it costs now.
        result.metadata.insert("recordedCost".into(), serde_json::json!(response.cost));
        result.cost = Some(0.0);
    }
    result
}

/// The output as the transforms make it, and its verdict.
async fn judged(asking: &Asking<'_>, case: &Case, provider: &Provider, response: &Output, result: &CaseResult) -> (Value, Grade) {
    let mut subject = Subject {
        output: response.output.clone(),
        response,
        prompt: &result.prompt,
        case,
        vars: &result.vars,
        provider,
        latency_ms: result.latency_ms,
        templating: asking.templating,
        helpers: asking.helpers,
        limits: &asking.limits,
        patterns: &asking.patterns,
        schemas: &asking.schemas,
    };
    if response.output.is_null() {
        return (Value::Null, no_output());
    }
    for code in [&provider.transform, &case.test.options.transform].into_iter().flatten() {
        match transform(code, &subject.output, &subject).await {
            Ok(made) => subject.output = made,
            Err(why) => return (subject.output, Grade { reason: why.clone(), error: Some(why), ..Grade::default() }),
        }
    }
    let grade = judge(&case.test.asserts, case.test.threshold, &subject).await;
    (subject.output, grade)
}
