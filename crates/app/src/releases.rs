//! Where environments point: what each serves, every release there is, and what was done. What is done to them stands below.

mod back;
mod deploying;
mod once;
mod reading;

pub(crate) use back::leave_staging;
pub use back::{Back, roll_back, rolled_back};
pub use deploying::{deploy, promote, stage};
pub use once::{deploy_once, roll_back_once};
pub use reading::{Place, Whole, whole};

use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::shelf::{self, Chosen};
use domain::alerts::Alert;
use domain::faults::Fault;
use domain::ids::AlertId;
use domain::proposals::{Proposal, ProposedFile};
use domain::releases::{Deployment, Released, was_taken_back};
use domain::roles::{Environment, Right};
use prompts::{LeftOut, Library, Release};
use semver::Version;
use serde_json::json;
use store::TeamTx;

/// Deployments of an environment that are looked through for what it has had.
const HISTORY: u64 = 200;

/// Where an environment points.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The environment.
    pub environment: Environment,
    /// The release.
    pub version: Version,
    /// SHA-256 over its templates.
    pub content: String,
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
    /// The release that production was taken back from and that staging still serves.
    pub left_in_staging: Option<Version>,
    /// Whether the release in use has other files than the ones that were deployed.
    pub differs: bool,
    /// Releases that were made from proposals and that this process cannot read.
    pub left_out: Vec<LeftOut>,
    /// Why this process does not serve what it should, if it does not.
    pub trouble: Option<String>,
}

/// Where an environment points.
pub(crate) async fn standing(app: &App, tx: &TeamTx, environment: Environment) -> Result<Standing> {
    let deployment = tx.deployments(environment, 1, None).await?.pop();
    let (version, content) = if let Some(deployment) = &deployment {
        (deployment.version.clone(), deployment.content.clone())
    } else {
        let latest = app.shelf.files().latest();
        (latest.version.clone(), latest.content())
    };
    Ok(Standing { environment, version, content, deployment })
}

/// Refuses unless staging serves exactly what a proposal became: nobody can have tried anything else there.
pub(crate) async fn is_in_staging(app: &App, tx: &TeamTx, proposal: &Proposal) -> Result<()> {
    let serves = standing(app, tx, Environment::Staging).await?;
    match tx.release(&proposal.version).await? {
        Some(made) if serves.version == made.version && serves.content == made.content => Ok(()),
        _ => {
            let reason = format!("staging serves {}, not {}; point it there and try it, then decide", serves.version, proposal.version);
            Err(Error::conflict(&reason, proposal.id.0))
        }
    }
}

/// What is done holds already: that this process does not know yet is no reason to say that it failed. It looks again in a moment.
async fn look_again(app: &App) {
    if let Err(error) = app.look().await {
        tracing::warn!(%error, "what was deployed just now could not be found out; the next look does");
    }
}

/// Opens the alert about what this process serves, or closes it when there is nothing to say any more.
pub(crate) async fn alert(app: &App, warning: Option<String>) -> Result<()> {
    let (tx, environment) = (app.store.team().await?, app.shelf.environment().key());
    match warning {
        None => drop(tx.close_team_alerts(Alert::RELEASE, environment, app.now()).await?),
        Some(warning) => {
            let (id, kind, subject) = (AlertId::new(), Alert::RELEASE.into(), environment.into());
            let (detail, opened) = (json!({"environment": environment, "warning": warning}), app.now());
            let alert = Alert { id, kind, owner: None, subject, detail, opened, acknowledged: None, closed: None };
            tx.open_team_alert(&alert).await?;
        }
    }
    Ok(tx.commit().await?)
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
    let left_in_staging = left_in_staging(&tx, &environments).await?;
    let made = tx.releases().await?;
    let with = |version: Version| {
        let made = made.iter().find(|release| release.version == version).cloned();
        (version, made)
    };
    let serving = (app.shelf.environment(), app.release().version.clone(), app.shelf.chosen());
    let releases = app.library().releases().into_iter().rev().map(with).collect();
    let (differs, trouble, left_out) = (app.shelf.differs(), app.shelf.trouble(), app.shelf.left_out().to_vec());
    Ok(Overview { environments, releases, serving, left_in_staging, differs, left_out, trouble })
}

/// What production was taken back from, where staging still serves it: whoever tries something there tries what members do not get.
async fn left_in_staging(tx: &TeamTx, environments: &[Standing]) -> Result<Option<Version>> {
    // What was never deployed there cannot be taken back there.
    let staging = environments.iter().find(|one| one.environment == Environment::Staging && one.deployment.is_some());
    let Some(staging) = staging else { return Ok(None) };
    let history = tx.deployments(Environment::Production, HISTORY, None).await?;
    Ok(was_taken_back(&history, &staging.version, &staging.content).then(|| staging.version.clone()))
}

/// A release by its version, with the library it is in and the test cases it has.
pub async fn named(app: &App, who: &Caller, version: &str) -> Result<(Library, Release)> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let library = app.library();
    let known = || library.releases().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let unknown = |why: &str| Fault::new("version", format!("\"{version}\" {why}; there are {}", known()));
    let parsed =
        Version::parse(version.trim_start_matches('v')).map_err(|_| Error::Invalid(unknown("is not a version such as 1.0.0").into()))?;
    let release = shelf::named(&library, &parsed).ok_or_else(|| Error::Invalid(unknown("is not a release").into()))?;
    Ok((Library::clone(&library).as_of(&parsed), release))
}

/// The files of a release: those of its proposal, if it was made from one; else the templates that came with it, and their test cases as
/// they are today, because files do not tell which they had.
pub async fn files(app: &App, who: &Caller, version: &str) -> Result<Vec<ProposedFile>> {
    who.may(app, Right::ViewPrompts)?;
    let (library, release) = named(app, who, version).await?;
    let tx = app.store.team_read().await?;
    if let Some(made) = tx.release(&release.version).await? {
        return Ok(tx.files(made.proposal, made.revision).await?);
    }
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

/// Deployments of an environment, newest first; the next page is what comes before the number of the last of this one.
pub async fn history(app: &App, who: &Caller, environment: Environment, limit: u64, before: Option<u64>) -> Result<Vec<Deployment>> {
    who.may(app, Right::ViewPrompts)?;
    Ok(app.store.team_read().await?.deployments(environment, limit, before).await?)
}

/// Reads a version that somebody typed.
///
/// # Errors
/// When it is none.
pub fn version(text: &str) -> Result<Version> {
    let said = || Fault::new("version", format!("\"{}\" is not a version; write one such as 1.2.0", text.trim()));
    Version::parse(text.trim().trim_start_matches('v')).map_err(|_| Error::Invalid(said().into()))
}
