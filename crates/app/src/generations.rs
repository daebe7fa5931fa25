//! One generation, always the same way: admitted, made as `asking` makes it, stored.

use crate::asking::{Asking, By, Ended};
use crate::cache::{self, Kept};
use crate::context::Layers;
use crate::error::{Error, Result};
use crate::journal::Records;
use crate::keys::{self, RequestKey};
use crate::lost_calls;
use crate::quotas::{self, Reserved};
use crate::tracing_spans::Spans;
use crate::{App, Caller, runs, scores};
use backon::{ExponentialBuilder, Retryable as _};
use domain::Timestamp;
use domain::generations::{Confidence, Generation, Issue, ModelCall, Span, Status};
use domain::ids::{GenerationId, RunId, TraceId, VentureId};
use domain::jobs::Lease;
use domain::sections::SectionName;
use domain::usage::{MicroDollars, Usage};
use domain::ventures::{Brief, Venture};
use hub::Hit;
use llm::Ask;
use prompts::Template;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a call that was stopped may take to say what it has used.
const SETTLING: Duration = Duration::from_secs(5);

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Order {
    /// The section.
    pub section: SectionName,
    /// What the owner said.
    pub brief: Brief,
    /// The venture it is for, if there is one.
    pub venture: Option<VentureId>,
    /// The run it is part of, if there is one.
    pub run: Option<RunId>,
    /// The lease under which it is made: once that is lost, what was made is refused.
    pub lease: Option<Lease>,
    /// Outputs of earlier sections by camelCase name.
    pub earlier: Map<String, Value>,
    /// What was wrong with earlier attempts.
    pub feedback: Vec<String>,
    /// Same seed, same embedded draft.
    pub seed: u64,
    /// The key of the request, where there is one.
    pub key: Option<RequestKey>,
    /// Whether it has to be made anew, though the same was asked before.
    pub fresh: bool,
    /// What was reserved for it, where a run has done so.
    pub reserved: Option<Reserved>,
}

/// Generates one section and keeps it, whatever came of it.
///
/// A generation that failed is stored with what it used and returned with status `Failed`; an error means that nothing was
/// generated: an unknown section, a venture that is not theirs, a store that is gone, a lease that was lost.
pub async fn generate(app: &App, who: &Caller, order: Order, cancel: &CancellationToken) -> Result<Generation> {
    // Whatever was deployed or rolled back until now holds for it.
    app.shelf.look_if_due(&app.store).await?;
    let template = app.release().section(&order.section).ok_or(Error::NotFound("this section"))?.clone();
    let reserved = match order.reserved {
        Some(reserved) => reserved,
        None => match admit(app, who, &order).await? {
            Admitted::Made(made) => return Ok(*made),
            Admitted::New(reserved) => reserved,
        },
    };
    let mut work = Work::begin(app, who, template, order, reserved);
    let prepared = work.prepare();
    let ended = match prepared {
        Ok(ask) => Box::pin(work.answer_or_recall(who, &ask, cancel)).await,
        Err(message) => Ended::failed(vec![Issue::new("render", "", message)]),
    };
    let (lease, key) = (work.order.lease, work.order.key.clone());
    if let Some(error) = work.journal.fault() {
        // What was asked before is paid for and kept, though nothing came of it.
        if work.asking.calls.is_empty() {
            release(app, who, work.id, key.as_ref()).await;
        } else {
            let stopped = Ended::failed(vec![Issue::new(Issue::STOPPED, "", "the calls could not be recorded any more")]);
            keep(app, who, work.finish(who, stopped), lease, key).await?;
        }
        return Err(error);
    }
    let generation = work.finish(who, ended);
    keep(app, who, generation, lease, key).await
}

/// Lets a request that made nothing be sent again with its key, and gives back what was reserved for it.
async fn release(app: &App, who: &Caller, id: GenerationId, key: Option<&RequestKey>) {
    let released = async {
        let tx = app.store.tenant(who.owner).await?;
        keys::forget(&tx, key).await?;
        tx.settle_take(id, false, None).await?;
        Ok::<_, Error>(tx.commit().await?)
    };
    if let Err(error) = released.await {
        tracing::warn!(?error, "what a failed request held could not be released; its key can be used again later");
    }
}

enum Admitted {
    /// The same request has made this before.
    Made(Box<Generation>),
    /// It may begin.
    New(Reserved),
}

/// Whether this may be generated, or what the same request has made before.
async fn admit(app: &App, who: &Caller, order: &Order) -> Result<Admitted> {
    let tx = app.store.tenant(who.owner).await?;
    if let Some(venture) = order.venture {
        open(tx.venture(venture).await?)?;
    }
    let made = keys::keep(&tx, order.key.as_ref(), app.now()).await?;
    let admitted = match made {
        Some(made) => {
            let made = tx.generation(GenerationId(made)).await?.ok_or(Error::NotFound("this generation"))?;
            Admitted::Made(Box::new(made))
        }
        None => Admitted::New(quotas::reserve(app, &tx, who.owner, order.run).await?),
    };
    tx.commit().await?;
    Ok(admitted)
}

/// A venture that something may be made for.
fn open(venture: Option<Venture>) -> Result<()> {
    let venture = venture.ok_or(Error::NotFound("this venture"))?;
    match venture.archived {
        None => Ok(()),
        Some(_) => Err(Error::conflict("this venture is archived; take it up again before anything is made for it", venture.id.0)),
    }
}

/// Generates for a caller who may hang up: then the models are stopped, and what was used until then is settled all the same.
///
/// What the venture already has of the sections this one depends on is its context, unless the caller brought their own.
pub async fn generate_for_caller(app: &App, who: &Caller, mut order: Order) -> Result<Generation> {
    who.may_write()?;
    if app.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    if let Some(venture) = order.venture {
        let mut earlier = runs::earlier(app, who, venture, &order.section).await?;
        earlier.append(&mut order.earlier);
        order.earlier = earlier;
    }
    let cancel = app.stopping.child_token();
    let _hang_up = cancel.clone().drop_guard();
    let (app, who) = (app.clone(), who.clone());
    let tasks = app.tasks.clone();
    let work = tasks.spawn(async move { Box::pin(generate(&app, &who, order, &cancel)).await });
    work.await.map_err(|error| Error::Internal(error.to_string()))?
}

/// A generation under way.
struct Work<'a> {
    app: &'a App,
    id: GenerationId,
    journal: Records<'a>,
    order: Order,
    asking: Asking<'a>,
    created: domain::Timestamp,
    reasoning: bool,
}

/// For those who asked the same, and whether it may be given again later: whole and valid answers only.
fn shared(ended: Ended) -> (Kept, bool) {
    let Ended { output, issues, notes, by } = ended;
    let keep = by.is_some() && issues.is_empty() && !output.is_null();
    let By { model, draft_model, sources, .. } = by.unwrap_or_else(By::nobody);
    (Kept { output, issues, notes, sources, model, draft_model }, keep)
}

impl From<Kept> for Ended {
    fn from(kept: Kept) -> Self {
        let Kept { output, issues, notes, sources, model, draft_model } = kept;
        Self { output, issues, notes, by: Some(By { model, draft_model, sources, recalled: true }) }
    }
}

impl<'a> Work<'a> {
    fn begin(app: &'a App, who: &Caller, template: Arc<Template>, order: Order, reserved: Reserved) -> Self {
        let spans = Spans::new(app.clock.clone());
        let created = spans.now();
        let Reserved { id, reasoning, .. } = reserved;
        let journal = Records::new(app, who, id, &template, &order);
        Self { app, id, journal, asking: Asking::of(&app.llm, template, spans), order, created, reasoning }
    }

    /// Builds the context and renders the prompts.
    fn prepare(&mut self) -> std::result::Result<Ask, String> {
        let mut ask = self.asking.prepare(&Layers::Brief { order: &self.order, examples: self.app.library().examples() })?;
        if !self.reasoning {
            ask.class = llm::ModelClass::Fast;
        }
        Ok(ask)
    }

    /// The answer to the same question asked before, or a new one. Of all who ask the same at once, one asks the models.
    async fn answer_or_recall(&mut self, who: &Caller, ask: &Ask, cancel: &CancellationToken) -> Ended {
        let Self { app, journal, order, asking, .. } = self;
        let Some(lifetime) = cache::lifetime(&asking.template, order) else { return asking.answer(ask, journal, cancel).await };
        let started = asking.spans.now();
        let key = cache::key(app, who, &asking.template, order, ask);
        let made = async {
            let ended = asking.answer(ask, journal, cancel).await;
            let stopped = ended.issues.iter().any(|issue| issue.rule == Issue::STOPPED);
            // Whoever waits shares what came of it, also when it is not worth keeping; only if it was stopped do they ask themselves.
            if stopped { Err(Box::new(ended)) } else { Ok(shared(ended)) }
        };
        let answered = tokio::select! {
            biased;
            answered = app.hub.cached(&key, lifetime, made) => answered,
            // Whoever waits for another's answer is stopped here; whoever makes it settles it first.
            () = stopped_waiting(cancel) => Err(Box::new(Ended::failed(vec![Issue::new(Issue::STOPPED, "", "the caller stopped it")]))),
        };
        match answered {
            Ok((kept, hit)) => {
                self.asking.spans.add("cache", started, json!({"key": key.to_string(), "hit": hit != Hit::Made}));
                let mut ended = Ended::from(kept);
                if let Some(by) = &mut ended.by {
                    by.recalled = hit != Hit::Made;
                }
                ended
            }
            Err(ended) => *ended,
        }
    }

    fn finish(self, who: &Caller, ended: Ended) -> Generation {
        let By { model, draft_model, sources, recalled } = ended.by.unwrap_or_else(By::nobody);
        let status = match (ended.output.is_null(), ended.issues.is_empty()) {
            (true, _) => Status::Failed,
            (false, true) => Status::Complete,
            (false, false) => Status::Partial,
        };
        let Asking { template, spans, calls, .. } = self.asking;
        let created = self.created;
        let duration = (spans.now() - created).num_milliseconds();
        Generation {
            id: self.id,
            owner: who.owner,
            venture: self.order.venture,
            run: self.order.run,
            section: template.name.clone(),
            prompt_version: template.version.to_string(),
            template_hash: template.hash.clone(),
            model,
            draft_model,
            cached: recalled,
            status,
            confidence: Confidence::from_evidence(draft_model, template.grounding, sources.len(), ended.issues.len()),
            input: input(&self.order),
            output: ended.output,
            issues: ended.issues.into_iter().chain(ended.notes).collect(),
            sources,
            usage: usage(&calls),
            calls,
            trace: TraceId::new(),
            spans: spans.into_inner(),
            created,
            duration_ms: u64::try_from(duration).unwrap_or(0),
        }
    }
}

/// A caller who stopped is given a moment to settle what is under way.
async fn stopped_waiting(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(SETTLING).await;
}

fn input(order: &Order) -> Value {
    let brief = &order.brief;
    json!({
        "productIdea": brief.idea, "brandVoice": brief.voice.key(), "persona": brief.persona.map(|p| p.key),
        "experienceLevel": brief.experience.key(), "targetMarket": brief.target_market, "priceRange": brief.price_range,
        "language": brief.language.code, "currency": brief.currency.code, "previousFeedback": order.feedback,
        "earlier": order.earlier.keys().collect::<Vec<_>>(),
    })
}

/// Sums of all calls; the cost is unknown as soon as one call's is.
pub(crate) fn usage(calls: &[ModelCall]) -> Usage {
    let mut usage =
        Usage { calls: u32::try_from(calls.len()).unwrap_or(u32::MAX), cost: Some(MicroDollars::default()), ..Usage::default() };
    for call in calls {
        usage.tokens += call.tokens;
        usage.cost = match (usage.cost, call.cost) {
            (Some(mut sum), Some(cost)) => {
                sum += cost;
                Some(sum)
            }
            _ => None,
        };
    }
    usage
}

/// Stores generation, usage and trace, and makes it the section's current version, in one transaction.
///
/// It is paid for, so a store that is busy or away is asked again for a while before it is given up.
async fn keep(app: &App, who: &Caller, mut generation: Generation, lease: Option<Lease>, key: Option<RequestKey>) -> Result<Generation> {
    let begun = app.now();
    generation.spans.push(Span { name: "store".into(), started: begun, duration_us: 0, attributes: json!({"status": generation.status}) });
    let kept = (|| write(app, who, &generation, begun, lease.as_ref(), key.as_ref()))
        .retry(patience())
        .when(|error| matches!(error, Error::Busy(_)));
    let (duration_ms, stored_us) = kept.await?;
    generation.duration_ms = duration_ms;
    if let Some(span) = generation.spans.last_mut() {
        span.duration_us = stored_us;
    }
    if let Some(run) = generation.run {
        app.live.ring(run);
    }
    tracing::info!(
        section = %generation.section, generation = %generation.id, status = generation.status.key(), model = %generation.model,
        ms = generation.duration_ms, calls = generation.usage.calls, "generation stored"
    );
    Ok(generation)
}

/// How long a store that is busy or away is waited for, where giving up would lose what is paid for.
pub(crate) fn patience() -> ExponentialBuilder {
    let waits = ExponentialBuilder::default().with_jitter().with_min_delay(Duration::from_millis(200));
    waits.with_max_delay(Duration::from_secs(5)).with_max_times(12)
}

/// One attempt to store; how long the whole generation and the storing of it took, as far as can be known before the commit.
async fn write(
    app: &App,
    who: &Caller,
    generation: &Generation,
    begun: Timestamp,
    lease: Option<&Lease>,
    key: Option<&RequestKey>,
) -> Result<(u64, u64)> {
    let tx = app.store.tenant(who.owner).await?;
    if let Some(lease) = lease {
        tx.advance(lease).await?;
    }
    let now = app.now();
    let mut timed = generation.clone();
    timed.duration_ms = u64::try_from((now - generation.created).num_milliseconds()).unwrap_or(0);
    let stored_us = (now - begun).num_microseconds().and_then(|us| u64::try_from(us).ok()).unwrap_or(0);
    if let Some(span) = timed.spans.last_mut() {
        span.duration_us = stored_us;
    }
    // A call that was begun and of which nobody told how it ended was made all the same.
    let open = tx.close_calls(timed.id).await?;
    let untold = open.iter().filter(|open| !timed.calls.iter().any(|call| call.id == open.id)).map(lost_calls::as_call);
    let untold: Vec<ModelCall> = untold.collect();
    timed.calls.extend(untold);
    timed.usage = usage(&timed.calls);
    tx.insert_generation(&timed).await?;
    scores::score(app, &tx, &timed).await?;
    quotas::settle(app, &tx, &timed).await?;
    let kept = timed.status != Status::Failed;
    if let (Some(venture), true) = (timed.venture, kept) {
        tx.make_current(venture, &timed.section, timed.id, now).await?;
        // Inside a run most dependents are about to be made from this very content; the run marks the others at its end.
        if timed.run.is_none() {
            tx.mark_stale(venture, &app.release().dependents(&timed.section)).await?;
        }
    }
    if let Some(run) = timed.run.filter(|_| !timed.was_stopped()) {
        // Nothing is told of a run after its end, though what it still made is kept.
        if tx.run(run).await?.is_some_and(|run| run.state.is_open()) {
            tx.add_event(run, now, &runs::ended(&timed)).await?;
        }
    }
    // Only what the caller was promised is the answer to their request from now on.
    if promised(&timed).is_ok() {
        keys::answer(&tx, key, timed.id.0).await?;
    } else {
        keys::forget(&tx, key).await?;
    }
    tx.commit().await?;
    Ok((timed.duration_ms, stored_us))
}

/// A generation of theirs, with calls and spans.
pub async fn get(app: &App, who: &Caller, id: GenerationId) -> Result<Generation> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    tx.generation(id).await?.ok_or(Error::NotFound("this generation"))
}

/// The output for a caller who was promised the section's form, or why there is none.
pub fn promised(generation: &Generation) -> Result<&Value> {
    let broken = generation.output.is_null() || generation.issues.iter().any(|i| i.rule == "schema");
    if !broken {
        return Ok(&generation.output);
    }
    let why: Vec<&str> = generation.issues.iter().map(|i| i.message.as_str()).take(3).collect();
    Err(Error::NoModel { reason: format!("the section could not be generated: {}", why.join("; ")), retry_after: Duration::from_secs(10) })
}
