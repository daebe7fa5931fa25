//! Sections and utilities of the library as an eval asks them: made as members get them, kept nowhere.

use super::Bench;
use super::meter::Bill;
use super::resolve::Resolved;
use crate::asking::{Asking, By, Ended, STALE};
use crate::briefs::{self, Said};
use crate::context::Layers;
use crate::generations::Order;
use crate::tracing_spans::Spans;
use ::evals::{Output, Provider};
use domain::faults::Faults;
use domain::generations::Confidence;
use prompts::Template;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// A section is asked as its template says; there is nothing to set.
pub(super) fn nothing_else(provider: &Provider) -> Result<(), String> {
    match provider.config.as_object() {
        Some(config) if !config.is_empty() => {
            let keys: Vec<&str> = config.keys().map(String::as_str).collect();
            Err(format!("has a config ({}), but a section is asked as its template says; take it out", keys.join(", ")))
        }
        _ => Ok(()),
    }
}

impl Bench {
    /// A section's output for the variables of a case, and what it took. Input that a member would be refused with is answered with that
    /// refusal, in the form in which the functions give it.
    pub(super) async fn section(&self, spec: &str, vars: &Map<String, Value>) -> Result<Output, String> {
        let found = self.resolved(spec)?;
        let template = found.template.clone();
        let seed = self.draw(&format!("{}@{} {}", template.name, template.hash, Value::Object(vars.clone())));
        if !template.is_section() {
            let context = Value::Object(vars.clone());
            return self.make(&template, &Layers::Given { context: &context, seed }).await;
        }
        let said = match briefs::read(&found.release, &template, &fields(&found, vars)) {
            Ok(said) => said,
            Err(faults) => return Ok(refused(&faults)),
        };
        let order = order(&template, said, seed);
        let whose = format!("{} ({})", template.name, order.brief.idea);
        let layers = Layers::Brief { order: &order, examples: self.sections()?.library.examples() };
        self.make(&template, &layers).await.map_err(|why| if why == STALE { self.stale(&whose) } else { why })
    }

    /// The prompts a section's variables make, system's and user's; why there are none, if there are none.
    pub(crate) fn rendered(&self, spec: &str, vars: &Map<String, Value>) -> Result<(String, String), String> {
        let found = self.resolved(spec)?;
        let template = &found.template;
        let context = if template.is_section() {
            let said = briefs::read(&found.release, template, &fields(&found, vars)).map_err(|faults| faults.to_string())?;
            let order = order(template, said, 0);
            Layers::Brief { order: &order, examples: self.sections()?.library.examples() }.context(template)
        } else {
            Value::Object(vars.clone())
        };
        template.render(&context).map(|rendered| (rendered.system, rendered.user)).map_err(|fault| fault.to_string())
    }

    async fn make(&self, template: &std::sync::Arc<Template>, layers: &Layers<'_>) -> Result<Output, String> {
        let llm = self.routes()?;
        let mut asking = Asking::of(&llm, template.clone(), Spans::new(self.setup.clock.clone()));
        let ask = asking.prepare(layers).map_err(|why| format!("the prompt of {} cannot be rendered: {why}", template.name))?;
        let ended = asking.answer(&ask, &(), &CancellationToken::new()).await;
        self.meter.add(&asking.calls, &asking.recorded);
        if ended.issues.iter().any(|issue| issue.rule == STALE) {
            return Err(if template.is_section() { STALE.to_owned() } else { self.stale(template.name.as_str()) });
        }
        let bill = Bill::of(&asking.calls, &asking.recorded);
        answer(template, ended, &bill)
    }
}

/// What is asked for: a section alone, of nobody's venture, made anew.
fn order(template: &Template, said: Said, seed: u64) -> Order {
    let Said { brief, feedback, earlier } = said;
    Order {
        section: template.name.clone(),
        brief,
        venture: None,
        run: None,
        lease: None,
        earlier,
        feedback,
        seed,
        key: None,
        fresh: true,
        reserved: None,
    }
}

fn answer(template: &Template, ended: Ended, bill: &Bill) -> Result<Output, String> {
    let Ended { output, issues, notes, by } = ended;
    if output.is_null() {
        let why: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).take(5).collect();
        return Err(format!("{} could not be generated: {}", template.name, why.join("; ")));
    }
    let By { model, draft_model, sources, .. } = by.unwrap_or_else(By::nobody);
    let confidence = Confidence::from_evidence(draft_model, template.grounding, sources.len(), issues.len());
    let metadata = json!({
        "section": template.name, "promptVersion": template.version.to_string(), "templateHash": template.hash, "model": model,
        "confidence": confidence.key(), "draftModel": draft_model, "issues": issues, "notes": notes,
        "guardrails": {"flagged": false, "flaggedInput": false, "flaggedOutput": false},
    });
    Ok(Output {
        output,
        tokens: bill.tokens,
        cost: bill.cost,
        recorded: bill.recorded,
        latency_ms: bill.recorded_ms,
        // An answer that was cut off is no output of a section.
        finish_reason: Some("stop".to_owned()),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        ..Output::default()
    })
}

/// The variables of a case as the fields of a function's body. Files and tables hold texts alone: an earlier section may be JSON in a text,
/// and one piece of feedback a text instead of a list.
fn fields(found: &Resolved, vars: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = vars.clone();
    if let Some(Value::String(one)) = fields.get("previousFeedback") {
        let list = if one.trim().is_empty() { json!([]) } else { json!([one]) };
        fields.insert("previousFeedback".into(), list);
    }
    for name in &found.template.depends_on {
        let key = name.camel();
        if let Some(Value::String(text)) = fields.get(&key)
            && let Ok(value @ Value::Object(_)) = serde_json::from_str(text)
        {
            fields.insert(key, value);
        }
    }
    fields
}

/// What the functions answer to such input.
fn refused(faults: &Faults) -> Output {
    let detail = faults.to_string().replace('\n', "; ");
    let output = json!({
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": detail, "error": detail, "errors": faults.0,
    });
    let guardrails = json!({"flagged": true, "flaggedInput": true, "flaggedOutput": false, "reason": detail});
    let metadata = Map::from_iter([("inputRefused".to_owned(), Value::Bool(true)), ("guardrails".to_owned(), guardrails)]);
    Output { output, cost: Some(0.0), refused: true, metadata, ..Output::default() }
}
