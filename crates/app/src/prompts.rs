//! Prompts: what the templates in use cost, what could be saved, and which class of model each needs.
//!
//! The figures are `prompts::tokens` and `prompts::routing`; here stands only at which prices, and what the evals that are kept say.

mod reading;

pub use reading::{Comparison, Line, Overview, Placed, Whole, compare, get, list};

use crate::{App, Result, shelf};
use ::prompts::routing::{self, Evidence, Routing};
use ::prompts::tokens::{self, COUNTER, Plan, PricedModel, TokenReport};
use ::prompts::{Library, ModelClass, Release, Template};
use domain::evals::{Figures, Progress};
use domain::ids::EvalId;
use domain::sections::SectionName;
use serde::Serialize;
use std::collections::BTreeMap;

/// Generations of each section a month that savings are computed for.
pub const PER_MONTH: u32 = 10_000;
/// So many of the newest evals are looked at for one of a template.
const EVALS: u64 = 50;

/// What an eval found of one template.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The eval.
    pub eval: EvalId,
    /// The figures of the template's cases.
    pub figures: Figures,
}

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

/// What the newest finished eval says of each of these templates, as it stands in its release now: an eval of another version, or of other
/// contents, says nothing of this one.
pub(crate) async fn evaluated<'a>(
    app: &App,
    library: &Library,
    templates: impl Iterator<Item = &'a Template> + Clone,
) -> Result<BTreeMap<SectionName, Evaluated>> {
    let evals = app.store.team_read().await?.evals(None, EVALS, None).await?;
    let mut found: BTreeMap<SectionName, Evaluated> = BTreeMap::new();
    for eval in evals.into_iter().filter(|eval| eval.progress == Progress::Finished) {
        let release = shelf::named(library, &eval.subject.version).filter(|release| release.content() == eval.subject.content);
        let Some(release) = release else { continue };
        let same = |template: &Template| release.template(&template.name).is_some_and(|had| had.hash == template.hash);
        for template in templates.clone().filter(|template| same(template)) {
            if let Some(figures) = eval.sections.get(&template.name) {
                found.entry(template.name.clone()).or_insert_with(|| Evaluated { eval: eval.id, figures: figures.clone() });
            }
        }
    }
    Ok(found)
}

/// Which class of model each of these templates needs, by what their evals have shown.
pub(crate) fn routing(release: &Release, evaluated: &BTreeMap<SectionName, Evaluated>) -> Vec<Routing> {
    let mut evidence = Evidence::default();
    for (name, Evaluated { figures, .. }) in evaluated {
        let Some(template) = release.template(name) else { continue };
        let counted = (figures.tests as usize, figures.passed as usize);
        #[expect(clippy::cast_precision_loss, reason = "an eval costs far less than 2^52 millionths of a dollar")]
        let cost = figures.cost.map(|cost| cost.0 as f64 / 1_000_000.0);
        evidence.add_counted(name, template.model, counted, figures.latency_p50_ms, cost);
    }
    routing::table(release, &evidence)
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
pub fn overview(library: &Library, release: &Release, plan: &Plan, evidence: &Evidence) -> Result<TokenOverview> {
    let templates = tokens::reports(library, release, plan).map_err(|error| crate::Error::Internal(error.to_string()))?;
    let routing = routing::table(release, evidence);
    Ok(TokenOverview { release: release.version.to_string(), counter: COUNTER, per_month: plan.per_month, templates, routing })
}
