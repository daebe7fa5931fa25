//! Back: an environment is given a release it had before, as it had it, at once and in every process. There is no gate.

use super::deploying::{Through, write};
use super::{HISTORY, Standing, look_again, standing};
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::proposals::keep;
use crate::shelf;
use domain::audit::reason;
use domain::proposals::{Proposal, State};
use domain::releases::{Deployment, Move, WayBack, before_last, ways_back};
use domain::roles::{Environment, Right};
use semver::Version;
use store::TeamTx;

/// The way back that is wanted.
#[derive(Debug, Clone, Default)]
pub struct Back {
    /// The release that is to be left. When it has been left already nothing is done, so that what is asked twice goes back once.
    pub from: Option<Version>,
    /// Where to; without it, to the release before.
    pub to: Option<Version>,
}

/// Takes an environment back to a release it had before, with the content it had then.
pub async fn roll_back(app: &App, who: &Caller, environment: Environment, back: &Back, why: &str) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    let why = reason(why)?;
    // What this process knows is of use, and no condition: whoever takes something back may be the one whom it keeps from looking.
    look_again(app).await;
    let tx = app.store.team().await?;
    let number = tx.take_turn().await?;
    let history = tx.deployments(environment, HISTORY, None).await?;
    let target = chosen(environment, &history, back)?;
    is_what_it_was(app, &tx, &target).await?;
    let serves = standing(app, &tx, environment).await?;
    let through = Through { kind: Move::Rollback, eval: None, reason: Some(why.clone()) };
    let deployment = write(app, &tx, who, number, (&serves, (target.version, target.content), through)).await?;
    end_life(app, &tx, who, &serves, &why).await?;
    tx.commit().await?;
    look_again(app).await;
    Ok(deployment)
}

/// The way back that was gone already, where a rollback is asked for once more: the last thing that was done is that this release was left
/// for the one which is in use since, with the content it was given back then.
///
/// # Errors
/// When the files of that release are not any more what they were then.
pub async fn rolled_back(app: &App, who: &Caller, environment: Environment, back: &Back) -> Result<Option<Deployment>> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let Some(last) = tx.deployments(environment, 1, None).await?.pop() else { return Ok(None) };
    let left = last.kind == Move::Rollback && back.from.as_ref() == Some(&last.previous);
    if !left || back.to.as_ref().is_some_and(|to| *to != last.version) {
        return Ok(None);
    }
    is_what_it_was(app, &tx, &WayBack { version: last.version.clone(), content: last.content.clone() }).await?;
    Ok(Some(last))
}

fn chosen(environment: Environment, history: &[Deployment], back: &Back) -> Result<WayBack> {
    let key = environment.key();
    let conflict = |reason: String| Error::Conflict { reason, id: None };
    let nothing = || conflict(format!("{key} has had no other release to go back to"));
    let current = &history.first().ok_or_else(nothing)?.version;
    if let Some(from) = back.from.as_ref().filter(|from| *from != current) {
        return Err(conflict(format!("{key} has left {from} already: it points at {current}")));
    }
    let ways = ways_back(history);
    let Some(to) = &back.to else { return before_last(history).ok_or_else(nothing) };
    ways.into_iter().find(|way| way.version == *to).ok_or_else(|| {
        conflict(match to {
            to if to == current => format!("{key} points at {to} already"),
            to if to > current => format!("{to} is not the way back from {current}; it has to be deployed, through its gate"),
            to => format!("{to} has never been in {key}; it has to be deployed, through its gate"),
        })
    })
}

/// Refuses a release whose files are not any more what they were when it was there: nobody has seen that.
async fn is_what_it_was(app: &App, tx: &TeamTx, way: &WayBack) -> Result<()> {
    let version = &way.version;
    // One that was made from a proposal never changes, even where this process has not read it yet.
    let content = match tx.release(version).await? {
        Some(made) => Some(made.content),
        None => shelf::named(&app.library(), version).map(|release| release.content()),
    };
    let reason = match content {
        Some(content) if content == way.content => return Ok(()),
        Some(_) => format!("the files of {version} are not what they were when it was there; put them back, or go back to another release"),
        None => format!("{version} is not in the library any more; put its files back, or go back to another release"),
    };
    Err(Error::Conflict { reason, id: None })
}

/// The proposal of the release that was left, if it has one, was rolled back; from staging it was sent back.
async fn end_life(app: &App, tx: &TeamTx, who: &Caller, left: &Standing, why: &str) -> Result<()> {
    let Some(made) = tx.release(&left.version).await? else { return Ok(()) };
    let Some(before) = tx.locked_proposal(made.proposal).await? else { return Ok(()) };
    let ended = match left.environment {
        Environment::Production => before.clone().roll_back(who.actor(), app.now(), why),
        Environment::Staging => before.clone().leave_staging(who.actor(), app.now(), why),
    };
    match ended {
        Ok(after) => keep(app, tx, who, (&before, &after), Some(why.to_owned())).await,
        // It has ended otherwise before, or is in production as well.
        Err(_) => Ok(()),
    }
}

/// Points staging at what it had before a proposal that was sent back, where it still serves that. What it had may have been sent back as
/// well: then at what production serves.
pub(crate) async fn leave_staging(app: &App, tx: &TeamTx, who: &Caller, number: u64, (left, why): (&Proposal, &str)) -> Result<()> {
    let serves = standing(app, tx, Environment::Staging).await?;
    if serves.version != left.version {
        return Ok(());
    }
    let production = standing(app, tx, Environment::Production).await?;
    let history = tx.deployments(Environment::Staging, HISTORY, None).await?;
    let mut target = (production.version, production.content);
    if let Some(way) = before_last(&history) {
        let of = match tx.release(&way.version).await? {
            Some(made) => tx.proposal(made.proposal).await?,
            None => None,
        };
        // A release of the files was never sent back.
        let stands = |state: &State| !matches!(state, State::Rejected { .. } | State::RolledBack { .. } | State::Withdrawn { .. });
        if of.is_none_or(|proposal| stands(&proposal.state)) && is_what_it_was(app, tx, &way).await.is_ok() {
            target = (way.version, way.content);
        }
    }
    let why: String = format!("{} was sent back: {why}", left.version).chars().take(500).collect();
    let through = Through { kind: Move::Rollback, eval: None, reason: Some(why) };
    write(app, tx, who, number, (&serves, target, through)).await.map(drop)
}
