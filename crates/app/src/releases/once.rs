//! Deploying and going back for programs, which may send a request again when they got no answer: under one key it is done once, and the
//! same request is answered with what was done.

use super::{Back, deploy, roll_back};
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::keys::{self, Once, RequestKey};
use domain::ids::DeploymentId;
use domain::releases::Deployment;
use domain::roles::{Environment, Right};
use semver::Version;

/// Points an environment at a release as [`deploy`] does, once under a key.
pub async fn deploy_once(
    app: &App,
    who: &Caller,
    (version, environment): (&Version, Environment),
    set_aside: Option<&str>,
    key: Option<&RequestKey>,
) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    let act = {
        let (app, who, version, set_aside) = (app.clone(), who.clone(), version.clone(), set_aside.map(str::to_owned));
        async move { deploy(&app, &who, &version, environment, set_aside.as_deref()).await }
    };
    told(app, keys::once(app, who, key, act, |done| done.id.0).await?).await
}

/// Takes an environment back as [`roll_back`] does, once under a key.
pub async fn roll_back_once(
    app: &App,
    who: &Caller,
    (environment, back): (Environment, &Back),
    why: &str,
    key: Option<&RequestKey>,
) -> Result<Deployment> {
    who.may(app, Right::Deploy(environment))?;
    let act = {
        let (app, who, back, why) = (app.clone(), who.clone(), back.clone(), why.to_owned());
        async move { roll_back(&app, &who, environment, &back, &why).await }
    };
    told(app, keys::once(app, who, key, act, |done| done.id.0).await?).await
}

async fn told(app: &App, done: Once<Deployment>) -> Result<Deployment> {
    match done {
        Once::Now(done) => Ok(done),
        Once::Before(id) => app.store.team_read().await?.deployment(DeploymentId(id)).await?.ok_or(Error::NotFound("this deployment")),
    }
}
