//! The gate before an environment, as the store and the library answer it.

use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use crate::proposals::{self, Whole};
use crate::{releases, shelf};
use domain::evals::{Eval, Progress, Subject};
use domain::gates::{self, Gate, Question};
use domain::ids::ProposalId;
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use llm::ModelClass;
use prompts::{Library, Release, Template, changes};
use semver::Version;
use std::sync::Arc;
use store::TeamTx;

/// A gate and the evals it was decided by.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was found.
    pub gate: Gate,
    /// What would be deployed.
    pub candidate: Subject,
    /// Its newest eval, running or finished.
    pub eval: Option<Eval>,
    /// What is deployed in production now.
    pub deployed: Version,
    /// Its newest finished eval with the same models and tests.
    pub baseline: Option<Eval>,
}

/// The templates of a release that the gate has tested: every section, and the utilities that differ from what is deployed. A utility
/// that stays as it is cannot get worse, and is no part of a plan.
pub(crate) fn tested<'a>(release: &'a Release, deployed: Option<&Release>) -> Vec<&'a Arc<Template>> {
    release.templates().filter(|template| template.is_section() || is_new(template, deployed)).collect()
}

/// Whether a template is not as it is deployed.
fn is_new(template: &Template, deployed: Option<&Release>) -> bool {
    deployed.and_then(|deployed| deployed.template(&template.name)).is_none_or(|old| old.hash != template.hash)
}

/// What an eval of a release would be about, today: its content, the models in use, the tests of these templates.
pub(crate) fn subject<'a>(
    app: &App,
    library: &Library,
    release: &Release,
    proposal: Option<ProposalId>,
    tested: impl IntoIterator<Item = &'a Arc<Template>>,
) -> Subject {
    let classes = [("fast", ModelClass::Fast), ("reasoning", ModelClass::Reasoning), ("judge", ModelClass::Judge)];
    let routes = classes.into_iter().map(|(name, class)| (name, app.llm.route(class).join(",")));
    let models: Vec<String> = routes.filter(|(_, route)| !route.is_empty()).map(|(name, route)| format!("{name}={route}")).collect();
    Subject {
        version: release.version.clone(),
        proposal,
        content: release.content(),
        models: models.join(";"),
        suite: library.suite(tested),
    }
}

/// The gate before a release. What is deployed in production is what it is measured against, wherever it goes: staging is for what is
/// meant for production.
pub(crate) async fn ask(app: &App, tx: &TeamTx, library: &Library, release: &Release, proposal: Option<ProposalId>) -> Result<Answer> {
    let deployed = releases::standing(app, tx, Environment::Production).await?.version;
    let before = shelf::named(library, &deployed);
    let tested = tested(release, before.as_ref());
    let candidate = subject(app, library, release, proposal, tested.iter().copied());
    let finished = tx.eval_of(&candidate, Progress::Finished).await?;
    let eval = match finished {
        Some(eval) => Some(eval),
        None => tx.eval_of(&candidate, Progress::Running).await?,
    };
    let baseline = match &before {
        Some(before) => tx.eval_of(&baseline_of(&candidate, before), Progress::Finished).await?,
        None => None,
    };
    let schemas = before.as_ref().map(|before| changes::schemas(before, release)).unwrap_or_default();
    let sections: Vec<SectionName> = tested.iter().map(|template| template.name.clone()).collect();
    let changed: Vec<SectionName> =
        tested.iter().filter(|template| is_new(template, before.as_ref())).map(|template| template.name.clone()).collect();
    let question = Question {
        candidate: &candidate,
        eval: eval.as_ref(),
        deployed: &deployed,
        baseline: baseline.as_ref(),
        schemas: &schemas,
        sections: &sections,
        changed: &changed,
    };
    Ok(Answer { gate: gates::decide(&question), eval, deployed, baseline, candidate })
}

/// What is deployed, asked the candidate's tests: only the same questions can be compared.
pub(crate) fn baseline_of(candidate: &Subject, before: &Release) -> Subject {
    Subject { version: before.version.clone(), proposal: None, content: before.content(), ..candidate.clone() }
}

/// The gate before a proposal.
pub async fn of_proposal(app: &App, who: &Caller, id: ProposalId) -> Result<Answer> {
    who.may(app, Right::ViewPrompts)?;
    let Whole { proposal, files, .. } = proposals::get(app, who, id).await?;
    let (library, release) = proposals::candidate(app, &proposal, &files)?;
    let tx = app.store.team_read().await?;
    ask(app, &tx, &library, &release, Some(id)).await
}

/// The gate before a release of the library.
pub async fn of_release(app: &App, who: &Caller, version: &Version) -> Result<Answer> {
    who.may(app, Right::ViewPrompts)?;
    let library = Library::clone(&app.library()).as_of(version);
    let release = shelf::named(&library, version).ok_or(crate::Error::NotFound("this release"))?;
    let tx = app.store.team_read().await?;
    ask(app, &tx, &library, &release, None).await
}
