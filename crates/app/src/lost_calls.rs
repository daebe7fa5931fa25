//! Calls whose process died before it could say what came of them: they are paid for, so they are accounted for.

use crate::error::Result;
use crate::generations::usage;
use crate::{App, quotas};
use domain::generations::{Confidence, Generation, Issue, ModelCall, Status};
use domain::ids::{GenerationId, TraceId};
use domain::jobs::Lease;
use domain::usage::Tokens;
use serde_json::Value;
use std::collections::BTreeMap;
use store::OpenCall;

/// Keeps an account of calls whose process died: what they were asked is paid for, what they answered nobody knows. Each of their
/// generations is stored as stopped.
pub(crate) async fn settle(app: &App, lost: Vec<OpenCall>, lease: Option<&Lease>) -> Result<()> {
    let mut by_generation: BTreeMap<GenerationId, Vec<OpenCall>> = BTreeMap::new();
    for call in lost {
        by_generation.entry(call.generation).or_default().push(call);
    }
    for (id, calls) in by_generation {
        let Some(generation) = stopped(app, id, &calls) else { continue };
        let tx = app.store.tenant(generation.owner).await?;
        if let Some(lease) = lease {
            tx.hold(lease).await?;
        }
        // Whoever settled them first has closed them.
        if !tx.close_calls(id).await?.is_empty() {
            tx.insert_generation(&generation).await?;
            quotas::settle(app, &tx, &generation).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// A call whose end nobody knows: what was asked is counted.
pub(crate) fn as_call(open: &OpenCall) -> ModelCall {
    ModelCall {
        id: open.id,
        provider: open.provider.clone(),
        model: open.model.clone(),
        outcome: "lost".into(),
        tokens: Tokens { input: open.input_tokens, ..Tokens::default() },
        search_queries: 0,
        cost: open.cost,
        started: open.started,
        duration_ms: 0,
    }
}

fn stopped(app: &App, id: GenerationId, lost: &[OpenCall]) -> Option<Generation> {
    let first = lost.first()?;
    let calls: Vec<ModelCall> = lost.iter().map(as_call).collect();
    let reason = "The program ended while a model was answering; what the model had been asked is counted.";
    Some(Generation {
        id,
        owner: first.owner,
        venture: first.venture,
        run: first.run,
        section: first.section.clone(),
        prompt_version: first.prompt_version.clone(),
        template_hash: first.template_hash.clone(),
        model: String::new(),
        draft_model: false,
        cached: false,
        status: Status::Failed,
        confidence: Confidence::Low,
        input: Value::Null,
        output: Value::Null,
        issues: vec![Issue::new(Issue::STOPPED, "", reason)],
        sources: Vec::new(),
        usage: usage(&calls),
        calls,
        trace: TraceId::new(),
        spans: Vec::new(),
        created: first.started,
        duration_ms: u64::try_from((app.now() - first.started).num_milliseconds()).unwrap_or(0),
    })
}
