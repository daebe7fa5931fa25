//! Kept evals as people read them: figures, a page of cases, one case with what it asked and what came back, and how far a running one is.
//! The texts of cases are long, so they are read only for the cases somebody looks at.

use super::kept;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{App, gates, releases, shelf};
use domain::evals::{CaseTexts, CaseVerdict, Eval, Progress};
use domain::ids::EvalId;
use domain::roles::{Environment, Right};
pub use store::CasesOf;
use store::TeamTx;

/// Judged cases from which on it can be said how long the others take.
const ENOUGH: u32 = 5;

/// An eval in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The eval.
    pub eval: Eval,
    /// The newest finished one before it that asked the same of the same models, about other templates: what it is compared with.
    pub before: Option<EvalId>,
}

/// An eval with its figures, those it has by now if it is still running.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The eval.
    pub eval: Eval,
    /// How far it is.
    pub standing: Standing,
    /// The eval of what production serves, with the same tests and models.
    pub baseline: Option<EvalId>,
}

/// How far an eval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it runs, and how it ended.
    pub progress: Progress,
    /// Cases that have their verdict.
    pub judged: u32,
    /// Cases it has.
    pub of: u32,
    /// Seconds until the others have theirs, at the pace it went so far.
    pub left_seconds: Option<u64>,
}

/// One case with its texts, and its neighbours.
#[derive(Debug, Clone)]
pub struct Case {
    /// The eval.
    pub eval: Eval,
    /// Its verdict.
    pub verdict: CaseVerdict,
    /// What it asked and what came back.
    pub texts: CaseTexts,
}

/// Evals, newest first, each with the one before it that it is compared with; the next page is what comes `before` the last of this one.
pub async fn listed(app: &App, who: &Caller, limit: u64, before: Option<EvalId>) -> Result<Vec<Listed>> {
    who.may(app, Right::ViewPrompts)?;
    // As many again, so that the last of the page has others before it.
    let found = app.store.team_read().await?.evals(None, 2 * limit, before).await?;
    let listed = found.iter().enumerate().map(|(at, eval)| Listed { eval: eval.clone(), before: before_it(eval, &found[at + 1..]) });
    Ok(listed.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

/// The first of these, newest first, that a finished eval can be compared with.
fn before_it(eval: &Eval, older: &[Eval]) -> Option<EvalId> {
    let same = |one: &&Eval| {
        let (a, b) = (&one.subject, &eval.subject);
        one.progress == Progress::Finished && (&a.suite, &a.models) == (&b.suite, &b.models) && a.content != b.content
    };
    older.iter().find(same).filter(|_| eval.progress == Progress::Finished).map(|one| one.id)
}

/// An eval with its figures and how far it is.
pub async fn sheet(app: &App, who: &Caller, id: EvalId) -> Result<Sheet> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let mut eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    let standing = standing_of(app, &tx, &eval).await?;
    if eval.progress == Progress::Running {
        (eval.sections, eval.total) = kept::figures(&kept::all_cases(&tx, id).await?);
    }
    let baseline = if eval.progress == Progress::Finished { baseline(app, &tx, &eval).await? } else { None };
    Ok(Sheet { eval, standing, baseline })
}

/// How far an eval is, without reading its cases.
pub async fn standing(app: &App, who: &Caller, id: EvalId) -> Result<Standing> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    standing_of(app, &tx, &eval).await
}

async fn standing_of(app: &App, tx: &TeamTx, eval: &Eval) -> Result<Standing> {
    if eval.progress != Progress::Running {
        return Ok(Standing { progress: eval.progress, judged: eval.cases, of: eval.cases, left_seconds: None });
    }
    let judged = u32::try_from(tx.judged(eval.id).await?.len()).unwrap_or(u32::MAX);
    let taken = u64::try_from((app.now() - eval.created).num_seconds()).unwrap_or(0);
    let rest = u64::from(eval.cases.saturating_sub(judged));
    let left_seconds = (judged >= ENOUGH && rest > 0).then(|| (taken * rest).div_ceil(u64::from(judged)));
    Ok(Standing { progress: eval.progress, judged, of: eval.cases.max(judged), left_seconds })
}

/// The newest finished eval of what production serves now, by the same tests and models.
async fn baseline(app: &App, tx: &TeamTx, eval: &Eval) -> Result<Option<EvalId>> {
    let deployed = releases::standing(app, tx, Environment::Production).await?.version;
    let Some(release) = shelf::named(&app.library(), &deployed) else { return Ok(None) };
    let before = tx.eval_of(&gates::baseline_of(&eval.subject, &release), Progress::Finished).await?;
    Ok(before.map(|before| before.id).filter(|before| *before != eval.id))
}

/// Cases of an eval that have their verdict by now, by number; the next page is what comes `after` the last of this one.
pub async fn page_of_cases(
    app: &App,
    who: &Caller,
    id: EvalId,
    of: CasesOf<'_>,
    (limit, after): (u64, Option<u32>),
) -> Result<Vec<CaseVerdict>> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    Ok(tx.cases(id, of, limit, after).await?)
}

/// One case of an eval, with what it asked and what came back.
pub async fn case(app: &App, who: &Caller, id: EvalId, number: u32) -> Result<Case> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    let mut found = tx.cases(id, CasesOf::default(), 1, number.checked_sub(1)).await?;
    let verdict = found.pop().filter(|case| case.number == number).ok_or(Error::NotFound("this case"))?;
    let texts = tx.case_texts(id, &[number]).await?.remove(&number).ok_or(Error::NotFound("this case"))?;
    Ok(Case { eval, verdict, texts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::audit::Actor;
    use domain::evals::{Figures, Subject};
    use std::collections::BTreeMap;

    fn eval(content: &str, suite: &str, models: &str, progress: Progress) -> Eval {
        Eval {
            id: EvalId::new(),
            subject: Subject {
                version: semver::Version::new(1, 0, 0),
                proposal: None,
                content: content.into(),
                models: models.into(),
                suite: suite.into(),
            },
            by: Actor::CommandLine,
            progress,
            reason: None,
            cases: 0,
            sections: BTreeMap::new(),
            total: Figures::default(),
            created: chrono::Utc::now(),
            ended: None,
        }
    }

    #[test]
    fn an_eval_is_compared_with_one_before_it() {
        let done = Progress::Finished;
        let newest_first = [
            eval("c", "suite", "models", done),
            eval("b", "suite", "models", Progress::Running),
            eval("b", "suite", "others", done),
            eval("b", "suite", "models", done),
            eval("b", "other", "models", done),
            eval("a", "suite", "models", done),
        ];
        let before = |at: usize| {
            let found = before_it(&newest_first[at], &newest_first[at + 1..]);
            found.and_then(|id| newest_first.iter().position(|one| one.id == id))
        };
        let found: Vec<Option<usize>> = (0..newest_first.len()).map(before).collect();
        assert_eq!(found, [Some(3), None, None, Some(5), None, None]);
    }
}
