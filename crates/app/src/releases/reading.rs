//! One release as the team reads it: what came with it, its gate, and where this person may put it.

use super::{Standing, standing};
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::gates::{self, Answer};
use crate::shelf;
use domain::proposals::Proposal;
use domain::releases::Released;
use domain::roles::{Environment, Right};
use prompts::Template;
use semver::Version;
use std::sync::Arc;

/// A release with everything about it.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its version.
    pub version: Version,
    /// The templates that came with it, by name.
    pub templates: Vec<Arc<Template>>,
    /// How it was made, if it was made here.
    pub made: Option<Released>,
    /// The proposal it was made from.
    pub proposal: Option<Proposal>,
    /// Its gate; one before each environment where they are served with different models.
    pub answers: Vec<Answer>,
    /// The environments, staging first.
    pub places: Vec<Place>,
}

/// A release beside an environment.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where the environment points.
    pub standing: Standing,
    /// Whether it points at this release.
    pub here: bool,
    /// Whether this person may point it at this release, as far as it has come. The use case asks again.
    pub may: bool,
    /// Whether they may set its gate aside.
    pub may_override: bool,
}

/// A release of the library.
pub async fn whole(app: &App, who: &Caller, version: &Version) -> Result<Whole> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let release = shelf::named(&app.library(), version).ok_or(Error::NotFound("this release"))?;
    let answers = gates::of_release(app, who, version).await?;
    let tx = app.store.team_read().await?;
    let made = tx.release(version).await?;
    let proposal = match &made {
        Some(made) => tx.proposal(made.proposal).await?,
        None => None,
    };
    let mut places = Vec::new();
    for environment in Environment::ALL {
        let standing = standing(app, &tx, environment).await?;
        let here = standing.version == *version;
        let goes = |proposal: &Proposal| environment == Environment::Staging || proposal.clone().promote(who.actor(), app.now()).is_ok();
        let may = !here && who.has(app, Right::Deploy(environment)) && proposal.as_ref().is_none_or(goes);
        places.push(Place { standing, here, may, may_override: may && who.has(app, Right::OverrideSafety) });
    }
    let templates = release.templates().filter(|template| template.version == *version).cloned().collect();
    Ok(Whole { version: version.clone(), templates, made, proposal, answers, places })
}
