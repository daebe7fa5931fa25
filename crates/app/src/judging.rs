//! The judge's part of the rubric: a job asks the judge model about a drawn share of what was made. What it costs is recorded like every
//! call, with the owner whose text it is about, but counts against nobody's quota and no guard over what they spend.
//!
//! What is judged is data: in the question it can open and close no tag, and whatever it says about its score is a part of the text.

use crate::error::Result;
use crate::journal::Records;
use crate::repair::{self, Checked};
use crate::tracing_spans::Spans;
use crate::{App, generations, lost_calls, scores};
use domain::Timestamp;
use domain::generations::{Confidence, Generation, Issue, ModelCall, Status};
use domain::guardrails;
use domain::ids::{GenerationId, OwnerId, TraceId};
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use domain::reviews::{is_drawn, lot};
use domain::rubric::{Criterion, Points, Reasons, Score, Scorer};
use domain::sections::SectionName;
use llm::{Answer, Ask, DraftMaterial, ModelClass, SchemaForms};
use prompts::Template;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use store::{Scored, TenantTx};
use tokio_util::sync::CancellationToken;

/// The kind of the job.
pub(crate) const KIND: &str = "judge";

/// The utility template the judge is asked with.
const TEMPLATE: &str = "quality-judge";

/// Whether something was made by asking the judge, so that it is no part of anybody's plan.
pub(crate) fn is_asking(generation: &Generation) -> bool {
    generation.section.as_str() == TEMPLATE
}

/// How often a judge may answer so that its answer cannot be used; each time is paid for.
const TRIES: u32 = 2;

/// Puts a generation in line for the judge, if there is one and its lot is among the share it judges.
pub(crate) async fn enqueue(app: &App, tx: &TenantTx, generation: &Generation, now: Timestamp) -> Result<()> {
    let drawn = is_drawn(lot(generation.id), app.desk.policy.judge_share);
    if !drawn || app.llm.route(ModelClass::Judge).is_empty() {
        return Ok(());
    }
    let job = NewJob {
        kind: KIND,
        owner: Some(generation.owner),
        unique_key: generation.id.to_string(),
        payload: json!({"generation": generation.id}),
        priority: Priority::Background,
        run_at: now,
        now,
        head: None,
    };
    tx.enqueue(&job).await?;
    Ok(())
}

/// Has the judge score what a job names. What is gone meanwhile, or was judged before, is done.
pub(crate) async fn judge(app: &App, job: &Claimed, cancel: &CancellationToken) -> Result<Verdict> {
    let named = job.payload.get("generation").and_then(|id| serde_json::from_value(id.clone()).ok());
    let (Some(id), Some(owner)) = (named, job.owner) else { return Ok(Verdict::Dead("it names no generation".into())) };
    let tx = app.store.tenant_read(owner).await?;
    let (judged, said) = (tx.generation(id).await?, tx.scores_of(id).await?);
    drop(tx);
    let Some(judged) = judged.filter(|_| said.iter().all(|scored| scored.scorer != Scorer::Judge)) else { return Ok(Verdict::Done) };
    let template = SectionName::parse(TEMPLATE).ok().and_then(|name| app.release().template(&name).cloned());
    let Some(template) = template else { return Ok(Verdict::Dead(format!("the release has no template {TEMPLATE}"))) };
    let ask = match question(app, &template, &judged) {
        Ok(ask) => ask,
        Err(fault) => return Ok(Verdict::Dead(fault)),
    };
    let journal = Records::of_job(app, GenerationId::new(), &template, (owner, job.lease));
    let mut spans = Spans::new(app.clock.clone());
    let started = spans.now();
    let outcome = app.llm.ask(&ask, None, cancel, &journal).await;
    spans.add_calls(&outcome.calls);
    if let Some(error) = journal.fault() {
        return Err(error);
    }
    let read = match outcome.result {
        Ok(answer) => read(&template, &judged, &answer),
        Err(error) if error.is_cancelled() => Err(Unread::Stopped),
        Err(error) => Err(Unread::NoAnswer(error.to_string())),
    };
    let asked = asked(app, (&template, journal.generation(), owner), &judged, (outcome.calls, spans, started));
    keep(app, job, asked, read, &judged).await
}

/// Why there is no score.
enum Unread {
    /// This process stops; another goes on.
    Stopped,
    /// No model answered.
    NoAnswer(String),
    /// The answer cannot be used, and why.
    Unusable(Value, String),
}

/// What the judge said.
struct Said {
    model: String,
    output: Value,
    score: Score,
    reasons: Reasons,
    summary: String,
}

/// The question about an output. A text in it that looks like a tag is none: the signs that make one are written otherwise.
fn question(app: &App, template: &Template, judged: &Generation) -> std::result::Result<Ask, String> {
    let title = scores::template_of(app, judged).map_or_else(|| judged.section.to_string(), |template| template.name.to_string());
    let word = |name: &str| judged.input.get(name).and_then(Value::as_str).unwrap_or_default().replace('<', "‹").replace('>', "›");
    let output = format!("{:#}", judged.output).replace('<', "\\u003c").replace('>', "\\u003e");
    let rendered = template
        .render(&json!({
            "section": {"name": title, "output": output},
            "userInput": {"productIdea": word("productIdea"), "brandVoice": word("brandVoice")},
        }))
        .map_err(|fault| fault.to_string())?;
    let forms = template.forms();
    Ok(Ask {
        class: ModelClass::Judge,
        system: rendered.system,
        turns: Vec::new(),
        json: false,
        user: rendered.user,
        schema: Some(SchemaForms { gemini: forms.gemini, openai: forms.openai, plain: forms.plain }),
        schema_name: template.name.as_str().replace('-', "_"),
        temperature: template.temperature,
        max_output_tokens: template.max_output_tokens,
        timeout: Duration::from_secs(template.timeout_seconds),
        grounding: false,
        seed: 0,
        draft: DraftMaterial::default(),
    })
}

/// Reads an answer as a score. Only its form counts: a reason may quote placeholder text. Where the output has placeholder text, the
/// rubric has the last word on whether it can be used.
fn read(template: &Template, judged: &Generation, answer: &Answer) -> std::result::Result<Said, Unread> {
    let Checked { output, issues } = repair::check(template, answer);
    if let Some(issue) = issues.iter().find(|issue| matches!(issue.rule.as_str(), "schema" | "json")) {
        let at = if issue.at.is_empty() { "the answer" } else { &issue.at };
        return Err(Unread::Unusable(output.clone(), format!("{at}: {}", issue.message)));
    }
    let (mut score, mut reasons) = (Score::default(), Reasons::new());
    for criterion in Criterion::ALL {
        let said = &output[criterion.key()];
        let points = said["score"].as_u64().and_then(|points| u8::try_from(points).ok()).and_then(Points::whole);
        let Some(points) = points else {
            return Err(Unread::Unusable(output.clone(), format!("/{}/score: is not 0 to 10", criterion.key())));
        };
        score = score.with(criterion, Some(points));
        reasons.insert(criterion, said["reason"].as_str().unwrap_or_default().to_owned());
    }
    if !guardrails::placeholders(&judged.output).is_empty() {
        score = score.with(Criterion::Actionability, Some(Points::NONE));
    }
    let summary = output["summary"].as_str().unwrap_or_default().to_owned();
    Ok(Said { model: format!("{}:{}", answer.provider, answer.model), output, score, reasons, summary })
}

/// The asking itself, as it is accounted for: a generation of the template, of the owner whose text it is about.
fn asked(
    app: &App,
    (template, id, owner): (&Arc<Template>, GenerationId, OwnerId),
    judged: &Generation,
    (calls, spans, created): (Vec<ModelCall>, Spans, Timestamp),
) -> Generation {
    Generation {
        id,
        owner,
        venture: None,
        run: None,
        section: template.name.clone(),
        prompt_version: template.version.to_string(),
        template_hash: template.hash.clone(),
        model: String::new(),
        draft_model: false,
        cached: false,
        status: Status::Failed,
        confidence: Confidence::Low,
        input: json!({"generation": judged.id}),
        output: Value::Null,
        issues: Vec::new(),
        sources: Vec::new(),
        usage: generations::usage(&calls),
        calls,
        trace: TraceId::new(),
        spans: spans.into_inner(),
        created,
        duration_ms: u64::try_from((app.now() - created).num_milliseconds()).unwrap_or(0),
    }
}

/// Keeps what was asked, whatever came of it, and the score if there is one, under the job's lease.
async fn keep(
    app: &App,
    job: &Claimed,
    mut asked: Generation,
    read: std::result::Result<Said, Unread>,
    judged: &Generation,
) -> Result<Verdict> {
    let tx = app.store.tenant(asked.owner).await?;
    tx.hold(&job.lease).await?;
    let open = tx.close_calls(asked.id).await?;
    let untold = open.iter().filter(|open| !asked.calls.iter().any(|call| call.id == open.id)).map(lost_calls::as_call);
    let untold: Vec<ModelCall> = untold.collect();
    asked.calls.extend(untold);
    asked.usage = generations::usage(&asked.calls);
    let verdict = match read {
        Ok(said) => {
            (asked.status, asked.confidence, asked.model) = (Status::Complete, Confidence::Medium, said.model.clone());
            asked.output = said.output;
            tx.insert_generation(&asked).await?;
            let scored = Scored::of(judged, Scorer::Judge, (said.score, said.reasons), app.now());
            tx.insert_score(&Scored { by_model: Some(said.model), note: Some(said.summary), ..scored }).await?;
            Verdict::Done
        }
        Err(Unread::Stopped) => {
            came_to_nothing(&tx, asked, Issue::new(Issue::STOPPED, "", "the program stopped it")).await?;
            Verdict::HandedBack
        }
        Err(Unread::NoAnswer(why)) => {
            came_to_nothing(&tx, asked, Issue::new("model", "", why.clone())).await?;
            Verdict::Failed(why)
        }
        Err(Unread::Unusable(output, why)) => {
            asked.output = output;
            came_to_nothing(&tx, asked, Issue::new("schema", "", why.clone())).await?;
            let why = format!("the judge's answer cannot be used: {why}");
            if job.attempt >= TRIES { Verdict::Dead(why) } else { Verdict::Failed(why) }
        }
    };
    tx.commit().await?;
    Ok(verdict)
}

/// Keeps an asking that came to nothing; one that called nobody leaves no trace.
async fn came_to_nothing(tx: &TenantTx, mut asked: Generation, issue: Issue) -> Result<()> {
    if asked.calls.is_empty() {
        return Ok(());
    }
    asked.issues = vec![issue];
    Ok(tx.insert_generation(&asked).await?)
}
