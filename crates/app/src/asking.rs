//! Makes an answer out of a template and its context: renders, asks, checks, has the faults mended once. Who asks, what it may cost and
//! where it is kept is its callers' matter, so that what an eval judges is made exactly as what a member gets.

use crate::context::{self, Layers};
use crate::repair::{self, Checked};
use crate::tracing_spans::Spans;
use domain::generations::{Issue, ModelCall, Source};
use llm::{Answer, Ask, Journal, Llm};
use prompts::Template;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The rule of an issue that says that a recording has no answer to the question.
pub(crate) const STALE: &str = "stale";

/// A template on its way to an answer.
pub(crate) struct Asking<'a> {
    llm: &'a Llm,
    pub template: Arc<Template>,
    pub spans: Spans,
    /// Every call that was made.
    pub calls: Vec<ModelCall>,
    /// Calls of the time when an answer was recorded; none of them was made now.
    pub recorded: Vec<ModelCall>,
    fallback: Option<String>,
}

/// How the asking ended.
pub(crate) struct Ended {
    pub output: Value,
    pub issues: Vec<Issue>,
    pub notes: Vec<Issue>,
    pub by: Option<By>,
}

/// Who answered, and on what grounds.
pub(crate) struct By {
    pub model: String,
    pub draft_model: bool,
    pub sources: Vec<Source>,
    /// The same question had been answered before.
    pub recalled: bool,
}

impl By {
    pub(crate) const fn nobody() -> Self {
        Self { model: String::new(), draft_model: false, sources: Vec::new(), recalled: false }
    }
}

impl Ended {
    pub(crate) fn failed(issues: Vec<Issue>) -> Self {
        Self { output: Value::Null, issues, notes: Vec::new(), by: None }
    }

    fn answered(checked: Checked, answer: Answer) -> Self {
        let notes = answer.gaps.iter().map(|gap| Issue::new("draft", "", gap.clone())).collect();
        let model = format!("{}:{}", answer.provider, answer.model);
        let by = By { model, draft_model: answer.draft_model, sources: answer.sources, recalled: false };
        Self { output: checked.output, issues: checked.issues, notes, by: Some(by) }
    }
}

impl<'a> Asking<'a> {
    pub(crate) fn of(llm: &'a Llm, template: Arc<Template>, spans: Spans) -> Self {
        Self { llm, template, spans, calls: Vec::new(), recorded: Vec::new(), fallback: None }
    }

    /// Builds the context and renders the prompts.
    pub(crate) fn prepare(&mut self, layers: &Layers<'_>) -> Result<Ask, String> {
        let template = &self.template;
        self.spans.step("validate", json!({"section": template.name}), || ());
        let context = self.spans.step("context", json!({"earlier": layers.earlier()}), || layers.context(template));
        let attributes = json!({"promptVersion": template.version.to_string(), "templateHash": template.hash});
        let rendered = self.spans.step("render", attributes, || template.render(&context));
        let rendered = rendered.map_err(|error| error.to_string())?;
        let ask = context::ask(template, layers, &rendered);
        self.fallback = rendered.fallback;
        Ok(ask)
    }

    /// Asks, checks, and has the faults mended once.
    pub(crate) async fn answer(&mut self, ask: &Ask, journal: &dyn Journal, cancel: &CancellationToken) -> Ended {
        let first = match self.ask(ask, journal, cancel).await {
            Ok(answer) => answer,
            Err(issue) => return Ended::failed(vec![issue]),
        };
        let checked = self.check("check", &first);
        if checked.issues.is_empty() {
            return Ended::answered(checked, first);
        }
        let started = self.spans.now();
        let second = self.ask(&repair::question(ask, &first, &checked.issues), journal, cancel).await;
        self.spans.add("repair", started, json!({"issues": checked.issues, "answered": second.is_ok()}));
        let mut second = match second {
            Ok(second) => second,
            // Neither is a verdict on the first answer.
            Err(issue) if issue.rule == Issue::STOPPED || issue.rule == STALE => return Ended::failed(vec![issue]),
            Err(_) => return Ended::answered(checked, first),
        };
        // The repair was not searched again: what the first pass found still holds.
        second.sources.clone_from(&first.sources);
        second.grounded = first.grounded;
        let repaired = self.check("check", &second);
        let better = (repaired.output.is_null(), repaired.issues.len()) < (checked.output.is_null(), checked.issues.len());
        if better { Ended::answered(repaired, second) } else { Ended::answered(checked, first) }
    }

    async fn ask(&mut self, ask: &Ask, journal: &dyn Journal, cancel: &CancellationToken) -> Result<Answer, Issue> {
        let outcome = self.llm.ask(ask, self.fallback.as_deref(), cancel, journal).await;
        self.spans.add_calls(&outcome.calls);
        self.calls.extend(outcome.calls);
        self.recorded.extend(outcome.recorded);
        outcome.result.map_err(|error| {
            let rule = match (error.is_cancelled(), error.is_stale()) {
                (true, _) => Issue::STOPPED,
                (_, true) => STALE,
                _ => "model",
            };
            Issue::new(rule, "", error.to_string())
        })
    }

    fn check(&mut self, name: &str, answer: &Answer) -> Checked {
        let started = self.spans.now();
        let checked = repair::check(&self.template, answer);
        self.spans.add(name, started, json!({"issues": checked.issues}));
        checked
    }
}
