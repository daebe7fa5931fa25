//! Where environments point: a proposal becomes a release, a release is deployed through its gate, and taken back at once.

mod reading;

pub use reading::{Place, Whole, whole};

use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::gates;
use crate::proposals::{self, keep, locked};
use crate::shelf::{self, Chosen};
use crate::watches;
use domain::audit::reason;
use domain::faults::Fault;
use domain::ids::{DeploymentId, EvalId, ProposalId};
use domain::proposals::ProposedFile;
use domain::releases::{Deployment, Move, Released, before_last};
use domain::roles::{Environment, Right};
use prompts::{Library, Release};
use semver::Version;
use serde_json::json;
use store::TeamTx;

/// Deployments that are looked through for the way back.
const HISTORY: u64 = 200;

/// Where an environment points.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The environment.
    pub environment: Environment,
    /// The release.
    pub version: Version,
    /// The deployment that says so; none where nothing was deployed yet and the highest release of the files is in use.
    pub deployment: Option<Deployment>,
}

/// Everything about releases and environments.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Where each environment points, staging first.
    pub environments: Vec<Standing>,
    /// Every release, highest first, with the proposal it was made from, if it was made here.
    pub releases: Vec<(Version, Option<Released>)>,
    /// What this process serves, and why.
    pub serving: (Environment, Version, Chosen),
    /// Whether the release in use has other files than the ones that were deployed.
    pub differs: bool,
}

/// Where an environment points.
pub(crate) async fn standing(app: &App, tx: &TeamTx, environment: Environment) -> Result<Standing> {
    let deployment = tx.deployments(environment, 1, None).await?.pop();
    let version = deployment.as_ref().map_or_else(|| app.shelf.files().latest().version, |deployment| deployment.version.clone());
    Ok(Standing { environment, version, deployment })
}

/// Everything about releases and environments.
pub async fn overview(app: &App, who: &Caller) -> Result<Overview> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let tx = app.store.team_read().await?;
    let mut environments = Vec::new();
    for environment in Environment::ALL {
        environments.push(standing(app, &tx, environment).await?);
    }
    let made = tx.releases().await?;
    let with = |version: Version| {
        let made = made.iter().find(|release| release.version == version).cloned();
        (version, made)
    };
    let serving = (app.shelf.environment(), app.release().version.clone(), app.shelf.chosen());
    let releases = app.library().releases().into_iter().rev().map(with).collect();
    Ok(Overview { environments, releases, serving, differs: app.shelf.differs() })
}

/// A release by its version, with the library it is in.
pub async fn named(app: &App, who: &Caller, version: &str) -> Result<(Library, Release)> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let library = app.library();
    let known = || library.releases().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let unknown = |why: &str| Fault::new("version", format!("\"{version}\" {why}; there are {}", known()));
    let parsed =
        Version::parse(version.trim_start_matches('v')).map_err(|_| Error::Invalid(unknown("is not a version such as 1.0.0").into()))?;
    let release = shelf::named(&library, &parsed).ok_or_else(|| Error::Invalid(unknown("is not a release").into()))?;
    Ok((Library::clone(&library), release))
}

/// The files of a release: the templates that came with it, and the test cases of these.
pub async fn files(app: &App, who: &Caller, version: &str) -> Result<Vec<ProposedFile>> {
    who.may(app, Right::ViewPrompts)?;
    let (library, release) = named(app, who, version).await?;
    let mut files = Vec::new();
    for template in release.templates().filter(|template| template.version == release.version) {
        let text = library.source(template).unwrap_or_default().to_owned();
        files.push(ProposedFile { path: format!("v{}/{}.yaml", release.version, template.name), text });
        if let Some(tests) = library.tests(&template.name) {
            files.push(ProposedFile { path: format!("tests/{}.yaml", template.name), text: tests.text.to_string() });
        }
    }
    Ok(files)
}

/// Deployments of an environment, newest first; the next page is what comes `before` the last of this one.
pub async fn history(
    app: &App,
    who: &Caller,
    environment: Environment,
    limit: u64,
    before: Option<DeploymentId>,
) -> Result<Vec<Deployment>> {
    who.may(app, Right::ViewPrompts)?;
    Ok(app.store.team_read().await?.deployments(environment, limit, before).await?)
}

/// Makes a proposal a release and points staging at it, if its gate is open or a tech lead sets it aside with a reason.
///
/// The gate is read inside the transaction: nobody gets through on a verdict about other content.
pub async fn stage(app: &App, who: &Caller, id: ProposalId, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(Environment::Staging))?;
    app.look().await?;
    let (tx, before) = locked(app, id).await?;
    let after = before.clone().stage(who.actor(), app.now())?;
    let files = tx.files(id, before.revision).await?;
    proposals::checked(app, &files)?;
    proposals::up_to_date(app, &tx, &before, &files).await?;
    let (library, release) = proposals::candidate(app, &before, &files)?;
    let answer = gates::ask(app, &tx, &library, &release, Some(id)).await?;
    let through = through(app, who, &answer, set_aside)?;
    let released =
        Released { version: before.version.clone(), content: release.content(), proposal: id, revision: before.revision, at: app.now() };
    match tx.insert_release(&released).await {
        Err(store::Error::Conflict) => {
            return Err(Error::conflict(
                &format!("{} has become a release meanwhile; move the proposal to a higher version", before.version),
                id.0,
            ));
        }
        other => other?,
    }
    let deployment = point(app, &tx, who, (Environment::Staging, &release), through).await?;
    keep(app, &tx, who, (&before, &after), deployment.reason.clone()).await?;
    tx.commit().await?;
    app.look().await?;
    Ok(deployment)
}

/// Points an environment at a release of the library, if its gate is open or a tech lead sets it aside with a reason. A release that was
/// made from a proposal goes its way: to production only once it was accepted in staging.
pub async fn deploy(app: &App, who: &Caller, version: &Version, environment: Environment, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    app.look().await?;
    let library = app.library();
    let release = shelf::named(&library, version).ok_or_else(|| {
        let known: Vec<String> = library.releases().iter().map(ToString::to_string).collect();
        Error::Invalid(Fault::new("version", format!("{version} is not a release; there are {}", known.join(", "))).into())
    })?;
    let tx = app.store.team().await?;
    let current = tx.locked_deployment(environment).await?;
    if current.is_some_and(|current| current.version == *version && current.content == release.content()) {
        return Err(Error::Conflict { reason: format!("{} points at {version} already", environment.key()), id: None });
    }
    let made = tx.release(version).await?;
    let answer = gates::ask(app, &tx, &library, &release, made.as_ref().map(|made| made.proposal)).await?;
    let through = through(app, who, &answer, set_aside)?;
    let deployment = point(app, &tx, who, (environment, &release), through).await?;
    if let Some(made) = made.filter(|_| environment == Environment::Production) {
        let before = tx.locked_proposal(made.proposal).await?.ok_or(Error::NotFound("the release's proposal"))?;
        let after = before.clone().promote(who.actor(), app.now())?;
        keep(app, &tx, who, (&before, &after), deployment.reason.clone()).await?;
        watches::begin(&tx, &after, app.now()).await?;
    }
    tx.commit().await?;
    app.look().await?;
    Ok(deployment)
}

/// Takes a proposal that was accepted in staging to production.
pub async fn promote(app: &App, who: &Caller, id: ProposalId, set_aside: Option<&str>) -> Result<Deployment> {
    who.may(app, Right::Deploy(Environment::Production))?;
    let proposal = app.store.team_read().await?.proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    // Said here, because a version that is no release yet would be refused as one that is unknown.
    proposal.clone().promote(who.actor(), app.now())?;
    deploy(app, who, &proposal.version, Environment::Production, set_aside).await
}

/// Reads a version that somebody typed.
///
/// # Errors
/// When it is none.
pub fn version(text: &str) -> Result<Version> {
    let said = || Fault::new("version", format!("\"{}\" is not a version; write one such as 1.2.0", text.trim()));
    Version::parse(text.trim().trim_start_matches('v')).map_err(|_| Error::Invalid(said().into()))
}

/// How a release gets through its gate.
struct Through {
    kind: Move,
    eval: Option<EvalId>,
    reason: Option<String>,
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
    (environment, release): (Environment, &Release),
    through: Through,
) -> Result<Deployment> {
    let previous = standing(app, tx, environment).await?.version;
    let Through { kind, eval, reason } = through;
    let deployment = Deployment {
        id: DeploymentId::new(),
        environment,
        version: release.version.clone(),
        content: release.content(),
        previous,
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
    let act = Act::about("environment", environment.key(), action)
        .change(
            json!({"version": deployment.previous}),
            json!({"version": deployment.version, "content": deployment.content, "eval": eval}),
        )
        .because(deployment.reason.clone());
    audit::write_team(app, tx, who, act).await?;
    Ok(deployment)
}

/// Takes an environment back to a release it had before, at once and in every process. Without a version: to the one before the last.
/// There is no gate: it was there before.
pub async fn roll_back(app: &App, who: &Caller, environment: Environment, to: Option<&Version>, why: &str) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    let why = reason(why)?;
    app.look().await?;
    let tx = app.store.team().await?;
    tx.locked_deployment(environment).await?;
    let history = tx.deployments(environment, HISTORY, None).await?;
    let current = history.first().ok_or_else(|| nothing_to_go_back_to(environment))?;
    let served = |version: &Version| history.iter().any(|one| one.version == *version || one.previous == *version);
    let target = match to {
        Some(version) if *version == current.version => {
            return Err(Error::Conflict { reason: format!("{} points at {version} already", environment.key()), id: None });
        }
        Some(version) if !served(version) => {
            let reason = format!("{version} has never been in {}; it has to be deployed, through its gate", environment.key());
            return Err(Error::Conflict { reason, id: None });
        }
        Some(version) => version.clone(),
        None => before_last(&history).ok_or_else(|| nothing_to_go_back_to(environment))?,
    };
    let library = app.library();
    let release = shelf::named(&library, &target);
    let release = release.ok_or_else(|| Error::Conflict { reason: format!("{target} is not in the library any more"), id: None })?;
    let left = current.version.clone();
    let through = Through { kind: Move::Rollback, eval: None, reason: Some(why.clone()) };
    let deployment = point(app, &tx, who, (environment, &release), through).await?;
    if environment == Environment::Production {
        end_life(app, &tx, who, &left, &why).await?;
    }
    tx.commit().await?;
    app.look().await?;
    Ok(deployment)
}

fn nothing_to_go_back_to(environment: Environment) -> Error {
    Error::Conflict { reason: format!("{} has had no other release to go back to", environment.key()), id: None }
}

/// The proposal of the release that was left, if it has one, was rolled back.
async fn end_life(app: &App, tx: &TeamTx, who: &Caller, left: &Version, why: &str) -> Result<()> {
    let Some(made) = tx.release(left).await? else { return Ok(()) };
    let Some(before) = tx.locked_proposal(made.proposal).await? else { return Ok(()) };
    match before.clone().roll_back(who.actor(), app.now(), why) {
        Ok(after) => keep(app, tx, who, (&before, &after), Some(why.to_owned())).await,
        // It has ended otherwise before.
        Err(_) => Ok(()),
    }
}
