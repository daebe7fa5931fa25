//! Two kept evals beside each other.

use super::kept;
use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use ::evals::{Comparison, Measure, compare_measures};
use domain::evals::{CaseVerdict, Eval, Outcome};
use domain::ids::EvalId;
use domain::roles::Right;

/// Two evals, their cases, and what is different between them with how sure that is.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The first.
    pub before: (Eval, Vec<CaseVerdict>),
    /// The second.
    pub after: (Eval, Vec<CaseVerdict>),
    /// What the second does better and worse.
    pub comparison: Comparison,
}

/// Compares two kept evals, of whatever releases and proposals.
pub async fn compare_kept(app: &App, who: &Caller, before: EvalId, after: EvalId) -> Result<Beside> {
    who.may(app, Right::ViewPrompts)?;
    let before = (kept::get(app, who, before).await?, kept::cases(app, who, before, None).await?);
    let after = (kept::get(app, who, after).await?, kept::cases(app, who, after, None).await?);
    let comparison = compare_measures(before.1.iter().map(measure), after.1.iter().map(measure));
    Ok(Beside { before, after, comparison })
}

#[expect(clippy::cast_precision_loss, reason = "millionths of a dollar of one answer")]
fn measure(case: &CaseVerdict) -> Measure {
    Measure {
        section: case.section.to_string(),
        case: case.description.clone(),
        vars: case.vars.to_string(),
        passed: case.outcome == Outcome::Pass,
        score: case.score,
        rubric: case.quality.map(|quality| quality / 100.0),
        latency_ms: (case.outcome != Outcome::Error).then_some(case.latency_ms),
        tokens: (case.outcome != Outcome::Error).then_some(case.tokens.input + case.tokens.output),
        cost: case.cost.map(|cost| cost.0 as f64 / 1e6),
        reason: case.reasons.join("; "),
    }
}
