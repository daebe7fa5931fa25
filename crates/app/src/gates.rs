//! The gate before an environment, as the store and the library answer it.

use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use crate::proposals::{self, Whole};
use crate::{releases, shelf};
use domain::evals::{Eval, Progress, Subject};
use domain::gates::{self, Gate, Models, Question};
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
    /// The environment it stands before, and whose models were taken.
    pub models: Models,
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

/// The models of each class that this process asks, as an eval names them.
pub(crate) fn own_models(app: &App) -> String {
    let classes = [("fast", ModelClass::Fast), ("reasoning", ModelClass::Reasoning), ("judge", ModelClass::Judge)];
    let routes = classes.into_iter().map(|(name, class)| (name, app.llm.route(class).join(",")));
    let models: Vec<String> = routes.filter(|(_, route)| !route.is_empty()).map(|(name, route)| format!("{name}={route}")).collect();
    models.join(";")
}

/// The models an environment is served with, as its processes said; those of this process where none has said anything.
pub(crate) async fn models_of(app: &App, tx: &TeamTx, environment: Environment) -> Result<Models> {
    Ok(Models::of(environment, tx.serving(environment).await?, own_models(app)))
}

/// The environments that are served with different models, each with its own; one alone where they are the same.
pub(crate) async fn all_models(app: &App, tx: &TeamTx) -> Result<Vec<Models>> {
    let mut all: Vec<Models> = Vec::new();
    // What is meant for production counts there, so that stands for both where they are the same.
    for environment in [Environment::Production, Environment::Staging] {
        let models = models_of(app, tx, environment).await?;
        if all.iter().all(|other| other.route != models.route) {
            all.insert(0, models);
        }
    }
    Ok(all)
}

/// What an eval of a release would be about, today: its content, these models, the tests of these templates.
pub(crate) fn subject<'a>(
    models: &str,
    library: &Library,
    release: &Release,
    proposal: Option<ProposalId>,
    tested: impl IntoIterator<Item = &'a Arc<Template>>,
) -> Subject {
    Subject {
        version: release.version.clone(),
        proposal,
        content: release.content(),
        models: models.to_owned(),
        suite: library.suite(tested),
    }
}

/// The gate before an environment, with its models. What is deployed in production is what a release is measured against, wherever it goes:
/// staging is for what is meant for production.
pub(crate) async fn ask(
    app: &App,
    tx: &TeamTx,
    models: Models,
    (library, release): (&Library, &Release),
    proposal: Option<ProposalId>,
) -> Result<Answer> {
    let deployed = releases::standing(app, tx, Environment::Production).await?.version;
    let before = shelf::named(library, &deployed);
    let tested = tested(release, before.as_ref());
    let candidate = subject(&models.route, library, release, proposal, tested.iter().copied());
    let finished = tx.eval_of(&candidate, Progress::Finished).await?;
    let eval = match finished {
        Some(eval) => Some(eval),
        None => tx.eval_of(&candidate, Progress::Running).await?,
    };
    let times = tx.times_evaluated(&candidate).await?;
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
        models: &models,
        eval: eval.as_ref(),
        times,
        deployed: &deployed,
        baseline: baseline.as_ref(),
        schemas: &schemas,
        sections: &sections,
        changed: &changed,
    };
    let gate = gates::decide(&question);
    Ok(Answer { models, gate, candidate, eval, deployed, baseline })
}

/// What is deployed, asked the candidate's tests: only the same questions can be compared.
pub(crate) fn baseline_of(candidate: &Subject, before: &Release) -> Subject {
    Subject { version: before.version.clone(), proposal: None, content: before.content(), ..candidate.clone() }
}

/// The gate before the environment a proposal goes to next: production once it is in staging.
pub async fn of_proposal(app: &App, who: &Caller, id: ProposalId) -> Result<Answer> {
    who.may(app, Right::ViewPrompts)?;
    let Whole { proposal, files, .. } = proposals::get(app, who, id).await?;
    let (library, release) = proposals::candidate(app, &proposal, &files)?;
    let next = if proposal.state.is_released() { Environment::Production } else { Environment::Staging };
    let tx = app.store.team_read().await?;
    let models = models_of(app, &tx, next).await?;
    ask(app, &tx, models, (&library, &release), Some(id)).await
}

/// The gate before a release of the library: one before both environments, or one before each where they are served with different
/// models.
pub async fn of_release(app: &App, who: &Caller, version: &Version) -> Result<Vec<Answer>> {
    who.may(app, Right::ViewPrompts)?;
    let library = Library::clone(&app.library()).as_of(version);
    let release = shelf::named(&library, version).ok_or(crate::Error::NotFound("this release"))?;
    let tx = app.store.team_read().await?;
    let mut answers = Vec::new();
    for models in all_models(app, &tx).await? {
        answers.push(ask(app, &tx, models, (&library, &release), None).await?);
    }
    Ok(answers)
}
