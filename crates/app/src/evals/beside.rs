//! Two kept evals beside each other.

use super::kept;
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use ::evals::{Change, Comparison, Measure, compare_measures};
use domain::evals::{CaseVerdict, Eval, Outcome, Progress};
use domain::ids::EvalId;
use domain::roles::Right;
use serde_json::Value;
use std::collections::BTreeMap;
use store::TeamTx;

/// Cases that got better, and that got worse, whose answers are read: those that changed most.
pub const SHOWN: usize = 30;

/// Two evals, what is different between them with how sure that is, and the answers to the cases that changed most.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The first.
    pub before: Eval,
    /// The second.
    pub after: Eval,
    /// What the second does better and worse.
    pub comparison: Comparison,
    /// What the first and the second answered, by section and case.
    answers: BTreeMap<Key, (Value, Value)>,
}

/// A section and the name of a case in it.
type Key = (String, String);

impl Beside {
    /// Whether they were asked different tests: then only the cases of both are compared.
    pub fn tests_differ(&self) -> bool {
        self.before.subject.suite != self.after.subject.suite
    }

    /// Whether different models answered: then what differs need not come from the templates.
    pub fn models_differ(&self) -> bool {
        self.before.subject.models != self.after.subject.models
    }

    /// What both answered to one of the cases that changed most.
    pub fn answers(&self, change: &Change) -> Option<&(Value, Value)> {
        self.answers.get(&(change.section.clone(), change.case.clone()))
    }
}

/// Compares two kept evals, of whatever releases and proposals, once both are finished.
pub async fn compare_kept(app: &App, who: &Caller, before: EvalId, after: EvalId) -> Result<Beside> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let (before, after) = (finished(&tx, before).await?, finished(&tx, after).await?);
    let (first, second) = (named(kept::all_cases(&tx, before.id).await?), named(kept::all_cases(&tx, after.id).await?));
    let comparison = compare_measures(first.iter().map(measure), second.iter().map(measure));
    let shown = comparison.worse.iter().take(SHOWN).chain(comparison.better.iter().take(SHOWN));
    let keys: Vec<Key> = shown.map(|change| (change.section.clone(), change.case.clone())).collect();
    let (mut was, mut is) = (answers(&tx, before.id, &first, &keys).await?, answers(&tx, after.id, &second, &keys).await?);
    let both = |key: Key| Some((key.clone(), (was.remove(&key)?, is.remove(&key)?)));
    Ok(Beside { answers: keys.into_iter().filter_map(both).collect(), before, after, comparison })
}

/// An eval whose every case has its verdict: what one that is not finished lacks would look like a difference.
async fn finished(tx: &TeamTx, id: EvalId) -> Result<Eval> {
    let eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    let version = &eval.subject.version;
    match eval.progress {
        Progress::Finished => Ok(eval),
        Progress::Running => Err(Error::conflict(&format!("the eval of {version} is still running; compare it once it has ended"), id.0)),
        Progress::Stopped => {
            Err(Error::conflict(&format!("the eval of {version} was stopped before its end; evaluate it again to compare it"), id.0))
        }
    }
}

/// The cases with a name each has alone in its section: of two that are called the same, the second is "... (2)".
fn named(cases: Vec<CaseVerdict>) -> Vec<(Key, CaseVerdict)> {
    let mut seen: BTreeMap<Key, u32> = BTreeMap::new();
    let name = |case: CaseVerdict| {
        let times = seen.entry((case.section.to_string(), case.description.clone())).or_default();
        *times += 1;
        let called = if *times == 1 { case.description.clone() } else { format!("{} ({times})", case.description) };
        ((case.section.to_string(), called), case)
    };
    cases.into_iter().map(name).collect()
}

/// What an eval answered to these cases.
async fn answers(tx: &TeamTx, id: EvalId, cases: &[(Key, CaseVerdict)], keys: &[Key]) -> Result<BTreeMap<Key, Value>> {
    let wanted: BTreeMap<u32, &Key> = cases.iter().filter(|(key, _)| keys.contains(key)).map(|(key, case)| (case.number, key)).collect();
    let texts = tx.case_texts(id, &wanted.keys().copied().collect::<Vec<_>>()).await?;
    Ok(texts.into_iter().filter_map(|(number, texts)| Some(((*wanted.get(&number)?).clone(), texts.output))).collect())
}

#[expect(clippy::cast_precision_loss, reason = "millionths of a dollar of one answer")]
fn measure(((section, called), case): &(Key, CaseVerdict)) -> Measure {
    Measure {
        section: section.clone(),
        case: called.clone(),
        // The name tells them apart.
        vars: String::new(),
        passed: case.outcome == Outcome::Pass,
        score: case.score,
        rubric: case.quality.map(|quality| quality / 100.0),
        latency_ms: (case.outcome != Outcome::Error).then_some(case.latency_ms),
        tokens: (case.outcome != Outcome::Error).then_some(case.tokens.input + case.tokens.output),
        cost: case.cost.map(|cost| cost.0 as f64 / 1e6),
        reason: case.reasons.join("; "),
    }
}
