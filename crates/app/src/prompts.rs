//! Prompts: what the templates in use cost, what could be saved, and which class of model each needs.
//!
//! The figures are `prompts::tokens` and `prompts::routing`; here stands only who may see them, at which prices, and what the evals that
//! are kept say.

mod reading;

pub use reading::{Comparison, Line, Overview, Placed, Whole, compare, get, list};

use crate::{App, Caller, Result};
use ::prompts::routing::{self, Evidence, Routing};
use ::prompts::tokens::{self, COUNTER, Plan, PricedModel, TokenReport};
use ::prompts::{ModelClass, Release};
use domain::evals::Progress;
use domain::roles::Right;
use serde::Serialize;

/// Generations of each section a month that savings are computed for.
pub const PER_MONTH: u32 = 10_000;
/// So many of the newest evals are looked at for one of what is in use.
const EVALS: u64 = 50;

/// What the templates of a release cost.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenOverview {
    /// The release.
    pub release: String,
    /// How tokens were counted: estimated.
    pub counter: &'static str,
    /// The generations of each template a month that savings are computed for.
    pub per_month: u32,
    /// A report of each template, by name.
    pub templates: Vec<TokenReport>,
    /// Which class of model each needs, sections in the order people meet them.
    pub routing: Vec<Routing>,
}

/// What the templates in use cost, with what the newest finished eval of exactly them says.
///
/// # Errors
/// Refused to whoever may not view prompts; a template that cannot be rendered with its own sample.
pub async fn tokens(app: &App, who: &Caller) -> Result<TokenOverview> {
    who.may(app, Right::ViewPrompts)?;
    let release = app.release();
    let mut evidence = Evidence::default();
    let tx = app.store.team_read().await?;
    let content = release.content();
    let evals = tx.evals(None, EVALS, None).await?;
    if let Some(eval) = evals.iter().find(|eval| eval.progress == Progress::Finished && eval.subject.content == content) {
        for (name, figures) in &eval.sections {
            let Some(template) = release.template(name) else { continue };
            let counted = (figures.tests as usize, figures.passed as usize);
            #[expect(clippy::cast_precision_loss, reason = "an eval costs far less than 2^52 millionths of a dollar")]
            let cost = figures.cost.map(|cost| cost.0 as f64 / 1_000_000.0);
            evidence.add_counted(name, template.model, counted, figures.latency_p50_ms, cost);
        }
    }
    overview(&app.library(), &release, &plan(app), &evidence)
}

/// The models that stand first here, at their prices.
pub(crate) fn plan(app: &App) -> Plan {
    let priced = |class: ModelClass| {
        let name = app.models(class).into_iter().next().unwrap_or_default();
        PricedModel { price: app.llm.price(&name), name }
    };
    Plan { fast: priced(ModelClass::Fast), reasoning: priced(ModelClass::Reasoning), per_month: PER_MONTH }
}

/// The same of any library, for the command line, which has files and no account.
///
/// # Errors
/// A template that cannot be rendered with its own sample.
pub fn overview(library: &::prompts::Library, release: &Release, plan: &Plan, evidence: &Evidence) -> Result<TokenOverview> {
    let templates = tokens::reports(library, release, plan).map_err(|error| crate::Error::Internal(error.to_string()))?;
    let routing = routing::table(release, evidence);
    Ok(TokenOverview { release: release.version.to_string(), counter: COUNTER, per_month: plan.per_month, templates, routing })
}
