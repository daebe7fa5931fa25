//! What environments point at, for evals that name one. Only the database knows; evals that name none need no database.

use anyhow::Result;
use app::evals::Deployed;
use app::{App, Caller, releases};
use domain::ids::OwnerId;
use domain::roles::Environment;
use evals::Provider;
use planner::config::Config;
use planner::wire;
use prompts::{Library, Release};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whoever may use this machine.
pub(super) fn operator() -> Caller {
    Caller::operator(OwnerId(uuid::Uuid::nil()))
}

/// Whether a database is within reach that can know.
pub(super) fn is_known(config: &Config) -> bool {
    config.keys.database.is_some() || config.data.dir.is_dir()
}

/// The release an environment points at, with the library it is in.
pub(super) async fn at(app: &App, environment: Environment) -> Result<(Library, Release)> {
    let who = operator();
    let standing = releases::overview(app, &who).await?.environments.into_iter().find(|one| one.environment == environment);
    let version = standing.map(|one| one.version.to_string()).unwrap_or_default();
    Ok(releases::named(app, &who, &version).await?)
}

/// The releases of the environments these providers name. Where no database is within reach, that is said, and the release in use is meant.
pub(super) async fn meant(config: &Config, providers: &[Provider], in_use: &Release) -> Result<Deployed> {
    let named = providers.iter().filter_map(|provider| provider.id.strip_prefix("planner:")?.split_once('@'));
    let environments: BTreeSet<&str> = named.map(|(_, of)| of).filter(|of| Environment::from_key(of).is_some()).collect();
    if environments.is_empty() {
        return Ok(Deployed::new());
    }
    if !is_known(config) {
        let which = environments.into_iter().collect::<Vec<_>>().join(" and ");
        eprintln!(
            "{which}: taken for {}, the release in use, because there is no database in {}",
            in_use.version,
            config.data.dir.display()
        );
        return Ok(Deployed::new());
    }
    let app = wire::app(config).await?;
    let mut found = Deployed::new();
    for environment in environments.into_iter().filter_map(Environment::from_key) {
        match at(&app, environment).await {
            Ok((_, release)) => drop(found.insert(environment.key().to_owned(), Arc::new(release))),
            Err(error) => {
                app.shut_down().await;
                return Err(error);
            }
        }
    }
    app.shut_down().await;
    Ok(found)
}
