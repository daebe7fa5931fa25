//! What generations are worth by the rubric: the automatic part, given in the transaction that stores each, and the figures over time.
//!
//! A generation without an output has no score: how many fail is another figure. Where the same answer is given again it has the same
//! score, but is not looked at again by people or by the judge.

use crate::callers::Caller;
use crate::error::Result;
use crate::{App, judging};
use chrono::{NaiveDate, TimeDelta};
use domain::generations::Generation;
use domain::reviews::Week;
use domain::roles::Right;
use domain::rubric::{self, Evidence, Scorer};
use prompts::Template;
use serde_json::Value;
use std::sync::Arc;
pub use store::DayOfScores;
use store::{Scored, TenantTx};

/// The longest time that figures are given for.
pub const MOST_DAYS: u32 = 366;

/// Judges what is being stored by what can be measured, and puts it in line for the judge model if its lot is drawn.
pub(crate) async fn score(app: &App, tx: &TenantTx, generation: &Generation) -> Result<()> {
    let Some(template) = template_of(app, generation).filter(|_| generation.output.is_object()) else { return Ok(()) };
    let word = |name: &str| generation.input.get(name).and_then(Value::as_str).unwrap_or_default();
    let evidence = Evidence {
        grounded: template.grounding,
        draft_model: generation.draft_model,
        output: &generation.output,
        issues: &generation.issues,
        sources: &generation.sources,
        idea: word("productIdea"),
        voice: word("brandVoice"),
        language: word("language"),
    };
    let now = app.now();
    let scored = Scored {
        week: (!generation.cached).then(|| Week::of(now)),
        ..Scored::of(generation, Scorer::Automatic, rubric::automatic(&evidence), now)
    };
    tx.insert_score(&scored).await?;
    if scored.week.is_some() {
        judging::enqueue(app, tx, generation, now).await?;
    }
    Ok(())
}

/// The template a generation was made with, or the one of its name that is in use now.
pub(crate) fn template_of(app: &App, generation: &Generation) -> Option<Arc<Template>> {
    let (library, release) = (app.library(), app.release());
    let made_with = library.versions(&generation.section).find(|template| template.hash == generation.template_hash);
    made_with.or_else(|| release.section(&generation.section)).cloned()
}

/// Scores of the last days, today included, by day, section, variant and kind of scorer; oldest day first.
pub async fn series(app: &App, who: &Caller, days: u32) -> Result<(NaiveDate, Vec<DayOfScores>)> {
    who.may(app, Right::ViewMetrics)?;
    let days = days.clamp(1, MOST_DAYS);
    let from = (app.now() - TimeDelta::days(i64::from(days) - 1)).date_naive();
    let series = app.store.score_series(from).await?;
    Ok((from, series))
}
