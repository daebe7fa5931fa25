//! The template library as the team reads it: a line for each template, and one template in all its versions.

use super::{Evaluated, evaluated, plan, routing};
use crate::error::{Error, Result};
use crate::proposals::open_by_template;
use crate::{App, Caller, releases, shelf};
use ::prompts::routing::Routing;
use ::prompts::tokens::{self, TokenReport};
use ::prompts::{Library, Release, Template, TestFile, changes};
use domain::faults::Fault;
use domain::gates::SchemaChange;
use domain::proposals::Proposal;
use domain::releases::Released;
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use semver::Version;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The library in lines.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The release in production.
    pub production: Version,
    /// The release in staging.
    pub staging: Version,
    /// Every template: sections in the order people meet them, then utilities by name.
    pub lines: Vec<Line>,
}

/// One template in a line.
#[derive(Debug, Clone)]
pub struct Line {
    /// As production has it; where it does not, as staging, else as the highest release has it.
    pub template: Arc<Template>,
    /// The version that production serves.
    pub production: Option<Version>,
    /// The version that staging serves.
    pub staging: Option<Version>,
    /// Its test cases.
    pub tests: usize,
    /// What a call of it takes; none where it cannot be rendered with its sample.
    pub report: Option<TokenReport>,
    /// What the newest eval of exactly this template found.
    pub evaluated: Option<Evaluated>,
    /// Changes to it that are on their way.
    pub open: Vec<Proposal>,
}

/// One version of a template, with where it is served.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The version.
    pub version: Version,
    /// The environments that serve it, staging first.
    pub served: Vec<Environment>,
    /// The release it came with, if that was made here.
    pub made: Option<Released>,
}

/// A template in one version, with everything about it.
#[derive(Debug, Clone)]
pub struct Whole {
    /// It, in the version that was asked for.
    pub template: Arc<Template>,
    /// Its file as somebody wrote it.
    pub text: String,
    /// All its versions, highest first.
    pub versions: Vec<Placed>,
    /// Its test cases.
    pub tests: Option<TestFile>,
    /// What a call of this version takes; none where it cannot be rendered with its sample.
    pub report: Option<TokenReport>,
    /// What the newest eval of exactly this version found.
    pub evaluated: Option<Evaluated>,
    /// Which class of model it needs, by that.
    pub routing: Option<Routing>,
    /// Templates that use its output.
    pub dependents: Vec<SectionName>,
    /// Changes to it that are on their way.
    pub open: Vec<Proposal>,
}

/// Two versions of a template.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The version before.
    pub from: Version,
    /// The version after.
    pub to: Version,
    /// Both files.
    pub texts: (String, String),
    /// How the output's schema changes.
    pub schema: SchemaChange,
    /// Tokens of a call, before and after, where both can be rendered.
    pub tokens: Option<(u64, u64)>,
}

/// What each environment serves, staging first, where this process can read it.
async fn served(app: &App, library: &Library) -> Result<[(Version, Option<Release>); 2]> {
    let tx = app.store.team_read().await?;
    let mut found = Vec::new();
    for environment in Environment::ALL {
        let version = releases::standing(app, &tx, environment).await?.version;
        found.push((version.clone(), shelf::named(library, &version)));
    }
    found.try_into().map_err(|_| Error::Internal("there are two environments".into()))
}

/// Every template in a line.
pub async fn list(app: &App, who: &Caller) -> Result<Overview> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let library = app.library();
    let [(staging_version, staging), (production_version, production)] = served(app, &library).await?;
    let latest = Some(library.latest());
    let (mut open, plan) = (open_by_template(app).await?, plan(app));
    let names: BTreeSet<&SectionName> =
        [&production, &staging, &latest].into_iter().flatten().flat_map(Release::templates).map(|t| &t.name).collect();
    let first = |name: &SectionName| [&production, &staging, &latest].into_iter().flatten().find_map(|release| release.template(name));
    let shown: Vec<&Template> = names.iter().filter_map(|name| first(name).map(AsRef::as_ref)).collect();
    let mut evaluated = evaluated(app, &library, shown.iter().copied()).await?;
    let line = |name: &SectionName| {
        let release = [&production, &staging, &latest].into_iter().flatten().find(|release| release.template(name).is_some())?;
        let template = Arc::clone(release.template(name)?);
        let version = |release: &Option<Release>| Some(release.as_ref()?.template(name)?.version.clone());
        Some(Line {
            production: version(&production),
            staging: version(&staging),
            tests: library.test_count(name),
            report: tokens::report(&library, release, &template, &plan).ok(),
            evaluated: evaluated.remove(name),
            open: open.remove(name.as_str()).unwrap_or_default(),
            template,
        })
    };
    let mut lines: Vec<Line> = names.into_iter().filter_map(line).collect();
    lines.sort_by_key(|line| (!line.template.is_section(), line.template.step, line.template.order, line.template.name.clone()));
    Ok(Overview { production: production_version, staging: staging_version, lines })
}

/// The template of this name in this version; in the one that production serves, where none is named.
pub async fn get(app: &App, who: &Caller, name: &str, version: Option<&str>) -> Result<Whole> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let library = app.library();
    let name = SectionName::parse(name).map_err(|_| Error::NotFound("this template"))?;
    let [(_, staging), (_, production)] = served(app, &library).await?;
    let in_production = production.as_ref().and_then(|release| release.template(&name));
    let template = match version {
        Some(version) => of_version(&library, &name, version)?,
        None => Arc::clone(in_production.or_else(|| library.versions(&name).last()).ok_or(Error::NotFound("this template"))?),
    };
    let made = app.store.team_read().await?.releases().await?;
    let placed = |version: &Version| Placed {
        served: [(Environment::Staging, &staging), (Environment::Production, &production)]
            .into_iter()
            .filter(|(_, release)| release.as_ref().and_then(|one| one.template(&name)).is_some_and(|one| one.version == *version))
            .map(|(environment, _)| environment)
            .collect(),
        made: made.iter().find(|release| release.version == *version).cloned(),
        version: version.clone(),
    };
    let mut versions: Vec<Placed> = library.versions(&name).map(|template| placed(&template.version)).collect();
    versions.reverse();
    let release = shelf::named(&library, &template.version).or_else(|| production.clone()).ok_or(Error::NotFound("this template"))?;
    let mut evaluated = evaluated(app, &library, std::iter::once(&*template)).await?;
    let routing = routing(&release, &evaluated).into_iter().find(|routing| routing.name == name.as_str());
    Ok(Whole {
        evaluated: evaluated.remove(&name),
        routing,
        text: library.source(&template).unwrap_or_default().to_owned(),
        versions,
        tests: library.tests(&name).cloned(),
        report: tokens::report(&library, &release, &template, &plan(app)).ok(),
        dependents: release.dependents(&name),
        open: open_by_template(app).await?.remove(name.as_str()).unwrap_or_default(),
        template,
    })
}

fn of_version(library: &Library, name: &SectionName, version: &str) -> Result<Arc<Template>> {
    let found = library.versions(name).find(|template| template.version.to_string() == version.trim_start_matches('v'));
    found.cloned().ok_or_else(|| {
        let known: Vec<String> = library.versions(name).map(|template| template.version.to_string()).collect();
        match known.as_slice() {
            [] => Error::NotFound("this template"),
            _ => Error::Invalid(
                Fault::new("version", format!("\"{version}\" is no version of {name}; there are {}", known.join(", "))).into(),
            ),
        }
    })
}

/// Two versions of a template beside each other.
pub async fn compare(app: &App, who: &Caller, name: &str, (from, to): (&str, &str)) -> Result<Comparison> {
    who.may(app, Right::ViewPrompts)?;
    app.look().await?;
    let library = app.library();
    let name = SectionName::parse(name).map_err(|_| Error::NotFound("this template"))?;
    let (before, after) = (of_version(&library, &name, from)?, of_version(&library, &name, to)?);
    let text = |template: &Template| library.source(template).unwrap_or_default().to_owned();
    let plan = plan(app);
    let input = |template: &Arc<Template>| {
        let release = shelf::named(&library, &template.version)?;
        tokens::report(&library, &release, template, &plan).ok().map(|report| report.input)
    };
    Ok(Comparison {
        texts: (text(&before), text(&after)),
        schema: changes::schema(&before, &after),
        tokens: input(&before).zip(input(&after)),
        from: before.version.clone(),
        to: after.version.clone(),
    })
}
