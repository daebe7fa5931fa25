//! Forward: a proposal becomes a release, and an environment is given one, each through its gate.
//!
//! Whoever changes what is served takes a turn, and decides on what is so then: what was put together before is thrown away when somebody
//! else was faster.

use super::{Standing, look_again, standing};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::gates;
use crate::proposals::{self, keep};
use crate::shelf;
use crate::watches;
use domain::audit::reason;
use domain::faults::Fault;
use domain::ids::{DeploymentId, EvalId, ProposalId};
use domain::proposals::{Proposal, ProposedFile, State};
use domain::releases::{Deployment, Move, Released};
use domain::roles::{Environment, Right};
use prompts::{Library, Release};
use semver::Version;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use store::{Stamp, TeamTx};

/// So often it is begun anew when somebody else was faster.
const TRIES: usize = 5;

/// A transaction that has its turn, with the number of what is done in it; none when what was `seen` is not so any more.
async fn turn(app: &App, seen: Option<Stamp>) -> Result<Option<(TeamTx, u64)>> {
    let tx = app.store.team().await?;
    let number = tx.take_turn().await?;
    let now = tx.stamp(app.shelf.environment()).await?;
    Ok((Some(now) == seen).then_some((tx, number)))
}

fn too_lively() -> Error {
    Error::Conflict { reason: "others change what is served at this moment; look at what they did, then try again".into(), id: None }
}

/// Makes a proposal a release, of what production serves and its own files, and points staging at it, if its gate is open or a tech lead
/// sets it aside with a reason.
///
/// The gate is read inside the transaction: nobody gets through on a verdict about other content.
pub async fn stage(app: &App, who: &Caller, id: ProposalId, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(Environment::Staging))?;
    for _ in 0..TRIES {
        app.look().await?;
        let (_, seen) = app.shelf.seen();
        let tx = app.store.team_read().await?;
        let before = tx.proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
        // Said before its files are looked at: of what is a release already they would only say that its version is taken.
        before.clone().stage(who.actor(), app.now())?;
        let files = tx.files(id, before.revision).await?;
        drop(tx);
        let (library, release) = put_together(app, before.clone(), files).await?;
        let Some((tx, number)) = turn(app, seen).await? else { continue };
        if tx.locked_proposal(id).await?.as_ref() != Some(&before) {
            continue;
        }
        proposals::up_to_date(app, &tx, &before, &tx.files(id, before.revision).await?).await?;
        let models = gates::models_of(app, &tx, Environment::Staging).await?;
        let answer = gates::ask(app, &tx, models, (&library, &release), Some(id)).await?;
        let through = through(app, who, &answer, set_aside)?;
        release_it(app, &tx, number, (&before, &library, &release)).await?;
        let deployment = point(app, &tx, who, number, (Environment::Staging, &release, through)).await?;
        let after = before.clone().stage(who.actor(), app.now())?;
        keep(app, &tx, who, (&before, &after), deployment.reason.clone()).await?;
        tx.commit().await?;
        look_again(app).await;
        return Ok(deployment);
    }
    Err(too_lively())
}

/// The release a proposal would be today, if it can become one.
async fn put_together(app: &App, proposal: Proposal, files: Vec<ProposedFile>) -> Result<(Library, Release)> {
    let app = app.clone();
    let work = move || {
        proposals::checked(&app, &files)?;
        proposals::candidate(&app, &proposal, &files)
    };
    tokio::task::spawn_blocking(work).await.map_err(|died| Error::Internal(died.to_string()))?
}

async fn release_it(app: &App, tx: &TeamTx, number: u64, (proposal, library, release): (&Proposal, &Library, &Release)) -> Result<()> {
    let over = standing(app, tx, Environment::Production).await?;
    let base = shelf::named(library, &over.version).map(|base| base.content());
    if base.as_ref() != Some(&over.content) {
        let reason = format!("this process has other files of {} than production serves; nothing can be made over it here", over.version);
        return Err(Error::conflict(&reason, proposal.id.0));
    }
    let kept = library.keep(&release.version).ok_or_else(|| Error::Internal(format!("{} was not made here", release.version)))?;
    let (mut files, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for (path, text) in kept.files {
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        texts.insert(hash.clone(), text.to_string());
        files.insert(path, hash);
    }
    let (version, content, revision) = (release.version.clone(), release.content(), proposal.revision);
    let Standing { version: over, content: over_content, .. } = over;
    let released = Released { version, content, proposal: proposal.id, revision, over, over_content, files, at: app.now() };
    match tx.insert_release(&released, number, &texts).await {
        Err(store::Error::Conflict) => {
            let reason = format!("{} has become a release meanwhile; move the proposal to a higher version", proposal.version);
            Err(Error::conflict(&reason, proposal.id.0))
        }
        other => Ok(other?),
    }
}

/// Points an environment at a release of the library, if its gate is open or a tech lead sets it aside with a reason. A release that was
/// made from a proposal goes its way: to production only once it was accepted in staging, and while production serves what it was made over.
pub async fn deploy(app: &App, who: &Caller, version: &Version, environment: Environment, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    for _ in 0..TRIES {
        app.look().await?;
        let (library, seen) = app.shelf.seen();
        let release = shelf::named(&library, version).ok_or_else(|| unknown(&library, version))?;
        let library = Library::clone(&library).as_of(version);
        let Some((tx, number)) = turn(app, seen).await? else { continue };
        let serves = standing(app, &tx, environment).await?;
        let made = tx.release(version).await?;
        follows(&serves, &release, made.as_ref())?;
        let models = gates::models_of(app, &tx, environment).await?;
        let answer = gates::ask(app, &tx, models, (&library, &release), made.as_ref().map(|made| made.proposal)).await?;
        let through = through(app, who, &answer, set_aside)?;
        let deployment = point(app, &tx, who, number, (environment, &release, through)).await?;
        if environment == Environment::Production {
            let said = deployment.reason.clone();
            live(app, &tx, who, (&serves.version, made), said).await?;
        }
        tx.commit().await?;
        look_again(app).await;
        return Ok(deployment);
    }
    Err(too_lively())
}

fn unknown(library: &Library, version: &Version) -> Error {
    let known: Vec<String> = library.releases().iter().map(ToString::to_string).collect();
    Error::Invalid(Fault::new("version", format!("{version} is not a release; there are {}", known.join(", "))).into())
}

/// Refuses what does not follow what an environment serves. Production goes up by deployments, and down by the way back only; and what was
/// made over another release than it serves would silently undo what is between.
fn follows(serves: &Standing, release: &Release, made: Option<&Released>) -> Result<()> {
    let (key, version) = (serves.environment.key(), &release.version);
    let conflict = |reason: String| Err(Error::Conflict { reason, id: made.map(|made| made.proposal.0) });
    let deployed = serves.deployment.is_some();
    if deployed && serves.version == *version && serves.content == release.content() {
        return conflict(format!("{key} points at {version} already"));
    }
    if serves.environment == Environment::Staging {
        return Ok(());
    }
    if deployed && *version < serves.version {
        return conflict(format!(
            "{version} is below {}, which {key} serves; take {key} back, or propose the change as a higher version",
            serves.version
        ));
    }
    match made {
        Some(made) if made.over_content != serves.content => conflict(format!(
            "{version} was made over {}, and {key} serves {} by now, whose changes it does not have; send it back and begin it again",
            made.over, serves.version
        )),
        _ => Ok(()),
    }
}

/// The release that was left is watched no longer; the proposal of the one that came is live.
async fn live(app: &App, tx: &TeamTx, who: &Caller, (left, made): (&Version, Option<Released>), reason: Option<String>) -> Result<()> {
    if let Some(left) = tx.release(left).await? {
        let before = tx.locked_proposal(left.proposal).await?.filter(|one| matches!(one.state, State::Live { .. }));
        if let Some(before) = before {
            let after = before.clone().supersede(app.now())?;
            keep(app, tx, who, (&before, &after), None).await?;
        }
    }
    let Some(made) = made else { return Ok(()) };
    let before = tx.locked_proposal(made.proposal).await?.ok_or(Error::NotFound("the release's proposal"))?;
    let after = before.clone().promote(who.actor(), app.now())?;
    keep(app, tx, who, (&before, &after), reason).await?;
    watches::begin(tx, &after, app.now()).await
}

/// Takes a proposal that was accepted in staging to production.
pub async fn promote(app: &App, who: &Caller, id: ProposalId, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(Environment::Production))?;
    let proposal = app.store.team_read().await?.proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    // Said here, because a version that is no release yet would be refused as one that is unknown.
    proposal.clone().promote(who.actor(), app.now())?;
    deploy(app, who, &proposal.version, Environment::Production, set_aside).await
}

/// How a release gets through its gate.
pub(super) struct Through {
    pub(super) kind: Move,
    pub(super) eval: Option<EvalId>,
    pub(super) reason: Option<String>,
}

fn through(app: &App, who: &Caller, answer: &gates::Answer, set_aside: Option<&str>) -> Result<Through> {
    let eval = answer.eval.as_ref().map(|eval| eval.id);
    if answer.gate.is_open() {
        return Ok(Through { kind: Move::Deploy, eval, reason: None });
    }
    let Some(why) = set_aside.filter(|why| !why.trim().is_empty()) else {
        let reason = format!("the gate is shut: {}", answer.gate.reasons().join("; "));
        return Err(Error::Conflict { reason, id: None });
    };
    who.may(app, Right::OverrideSafety)?;
    Ok(Through { kind: Move::Override, eval, reason: Some(reason(why)?) })
}

async fn point(
    app: &App,
    tx: &TeamTx,
    who: &Caller,
    number: u64,
    (environment, release, through): (Environment, &Release, Through),
) -> Result<Deployment> {
    let serves = standing(app, tx, environment).await?;
    write(app, tx, who, number, (&serves, (release.version.clone(), release.content()), through)).await
}

/// Writes down that an environment, as it `serves`, is pointed at a version with its content.
pub(super) async fn write(
    app: &App,
    tx: &TeamTx,
    who: &Caller,
    number: u64,
    (serves, (version, content), through): (&Standing, (Version, String), Through),
) -> Result<Deployment> {
    let Through { kind, eval, reason } = through;
    let deployment = Deployment {
        id: DeploymentId::new(),
        number,
        environment: serves.environment,
        version,
        content,
        previous: serves.version.clone(),
        previous_content: serves.content.clone(),
        kind,
        by: who.actor(),
        at: app.now(),
        eval,
        reason,
    };
    tx.insert_deployment(&deployment).await?;
    let action = match kind {
        Move::Deploy => "release.deployed",
        Move::Override => "release.gate-overridden",
        Move::Rollback => "release.rolled-back",
    };
    let act = Act::about("environment", serves.environment.key(), action)
        .change(
            json!({"version": deployment.previous}),
            json!({"version": deployment.version, "content": deployment.content, "eval": eval}),
        )
        .because(deployment.reason.clone());
    audit::write_team(app, tx, who, act).await?;
    Ok(deployment)
}
