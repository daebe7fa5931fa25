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
    let (provider, prompt) = (&asking.config.providers[job.provider], &asking.config.prompts[job.prompt]);
    let mut result = CaseResult {
        test_index: job.case.index,
        prompt_index: job.column,
        repeat_index: job.repeat,
        provider: provider.id.clone(),
        provider_label: provider.label.clone(),
        prompt_label: prompt.label.clone(),
        prompt: String::new(),
        vars: job.case.test.vars.clone(),
        test_case: job.case.test.to_json(),
        output: Value::Null,
        outcome: Outcome::Error,
        error: None,
        latency_ms: 0,
        cost: None,
        cached: false,
        tokens: crate::results::TokenUsage::default(),
        grade: Grade::default(),
        metadata: Map::new(),
    };
    match prepare(asking, &job, &prompt.raw) {
        Ok((vars, text)) => {
            result.vars = vars;
            result.prompt = text;
        }
        Err(why) => return (failed(result, why), false),
    }
    if let Some(earlier) = asking.resumed.take_over(result.key(), fingerprint(&result)) {
        return (earlier.answer(result), true);
    }
    if asking.deadline.is_some_and(|d| Instant::now() >= d) {
        return (failed(result, "not asked: the time for the whole run (maxEvalTimeMs) was over".into()), false);
    }
    let began;
    let answer = {
        let delay = provider.delay_ms.max(asking.config.evaluate.delay_ms.unwrap_or(0));
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        began = Instant::now();
        answer(asking, provider, &result).await
    };
    let response = match answer {
        Ok(response) => response,
        Err(why) => return (failed(result, why), false),
    };
    result.latency_ms = response.latency_ms.unwrap_or_else(|| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    (grade(asking, &job.case, provider, response, result).await, false)
}

fn failed(mut result: CaseResult, why: String) -> CaseResult {
    result.grade.reason.clone_from(&why);
    result.error = Some(why);
    result
}

/// The variables and the prompt, filled in.
fn prepare(asking: &Asking<'_>, job: &Job, raw: &str) -> Result<(Map<String, Value>, String), String> {
    if let Some(why) = &job.case.broken {
        return Err(why.clone());
    }
    let options = &job.case.test.options;
    let vars = asking.templating.resolve_vars(&job.case.test.vars);
    let whole = format!("{}{raw}{}", options.prefix, options.suffix);
    let text = asking.templating.render_prompt(&whole, &vars).map_err(|e| format!("prompt: {e}"))?;
    Ok((vars, text))
}

async fn answer(asking: &Asking<'_>, provider: &Provider, result: &CaseResult) -> Result<Output, String> {
    let call = asking.target.call(provider, &result.prompt, &result.vars);
    let answered = match asking.config.evaluate.timeout_ms {
        Some(ms) => {
            tokio::time::timeout(Duration::from_millis(ms), call).await.map_err(|_| format!("no answer within {ms} ms (timeoutMs)"))?
        }
        None => call.await,
    };
    answered.map_err(|e| e.to_string())
}

/// An answer that is nothing fails, whatever was asked of it.
fn no_output() -> Grade {
    Grade { reason: "No output".into(), ..Grade::default() }
}

async fn grade(asking: &Asking<'_>, case: &Case, provider: &Provider, response: Output, mut result: CaseResult) -> CaseResult {
    let mut subject = Subject {
        output: response.output.clone(),
        response: &response,
        prompt: &result.prompt,
        case,
        vars: &result.vars,
        provider,
        latency_ms: result.latency_ms,
        templating: asking.templating,
        helpers: asking.helpers,
        limits: asking.limits,
        patterns: &asking.patterns,
        schemas: &asking.schemas,
    };
    let mut broken = None;
    let transforms = [&provider.transform, &case.test.options.transform];
    for code in transforms.into_iter().flatten().filter(|_| !response.output.is_null()) {
        match transform(code, &subject.output, &subject).await {
            Ok(made) => subject.output = made,
            Err(why) => broken = broken.or(Some(why)),
        }
    }
    let grade = match broken {
        None if response.output.is_null() => no_output(),
        None => judge(&case.test.asserts, case.test.threshold, &subject).await,
        Some(why) => Grade { reason: why.clone(), error: Some(why), ..Grade::default() },
    };
    result.output = subject.output;
    result.outcome = if grade.error.is_some() {
        Outcome::Error
    } else if grade.pass {
        Outcome::Passed
    } else {
        Outcome::Failed
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
