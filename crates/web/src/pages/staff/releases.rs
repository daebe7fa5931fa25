//! Where environments point: what each serves, since when and by whom, the way back, and every release there is.

mod one;

use super::people::Names;
use super::{ENOUGH, page};
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Staff;
use crate::pages::render;
use crate::requests::Form;
use crate::shell::Shell;
use crate::views::{moment, recently};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::releases::{self, Back, Standing};
use app::{App, Chosen};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::faults::{Fault, Faults};
use domain::releases::{Deployment, Move, ways_back};
use domain::roles::{Environment, Right};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/releases", get(list)).route("/staff/releases/roll-back", post(roll_back)).merge(one::routes())
}

/// Deployments that are looked through for what an environment has had.
const HISTORY: u64 = 200;

/// What somebody typed on one of these pages.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    environment: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    reason: String,
}

#[derive(askama::Template)]
#[template(path = "staff/releases/list.html")]
struct Releases {
    shell: Shell,
    wrong: Wrong,
    typed: Typed,
    said: Option<String>,
    environments: Vec<Served>,
    /// The version this process is pinned to, whatever is deployed.
    pinned: Option<String>,
    /// The version production was taken back from and staging still serves.
    left_in_staging: Option<String>,
    /// The version whose files are not what was deployed.
    differs: Option<String>,
    /// Why this process does not serve what it should.
    trouble: Option<String>,
    /// Versions that cannot be read, and why.
    unreadable: Vec<(String, String)>,
    rows: Vec<Row>,
    history: Vec<Moved>,
    older: Option<String>,
}

/// What an environment serves.
struct Served {
    key: &'static str,
    name: &'static str,
    version: String,
    path: String,
    since: Option<(String, String, &'static str)>,
    reason: Option<String>,
    eval: Option<String>,
    /// What it can be taken back to, by who looks: the first is where it goes when nothing is chosen.
    back: Vec<String>,
}

struct Row {
    version: String,
    path: String,
    places: Vec<&'static str>,
    /// The proposal it was made from, and when.
    made: Option<(String, String)>,
}

/// A line of the history.
struct Moved {
    at: String,
    environment: &'static str,
    what: &'static str,
    from: String,
    to: String,
    by: String,
    reason: Option<String>,
    eval: Option<String>,
}

const fn name(environment: Environment) -> &'static str {
    match environment {
        Environment::Staging => "Staging",
        Environment::Production => "Production",
    }
}

/// What was done, to be read before who did it.
const fn done(kind: Move) -> &'static str {
    match kind {
        Move::Deploy => "Deployed",
        Move::Override => "Deployed past its gate",
        Move::Rollback => "Rolled back",
    }
}

impl Served {
    fn of(app: &App, names: &Names, standing: &Standing, back: Vec<String>) -> Self {
        let deployment = standing.deployment.as_ref();
        Self {
            key: standing.environment.key(),
            name: name(standing.environment),
            version: standing.version.to_string(),
            path: paths::release(&standing.version.to_string()),
            since: deployment.map(|one| (recently(one.at, app.now()), names.of(one.by), done(one.kind))),
            reason: deployment.and_then(|one| one.reason.clone()),
            eval: deployment.and_then(|one| one.eval).map(paths::eval),
            back,
        }
    }
}

impl Moved {
    fn of(names: &Names, one: &Deployment) -> Self {
        Self {
            at: moment(one.at),
            environment: name(one.environment),
            what: done(one.kind),
            from: one.previous.to_string(),
            to: one.version.to_string(),
            by: names.of(one.by),
            reason: one.reason.clone(),
            eval: one.eval.map(paths::eval),
        }
    }
}

impl Releases {
    async fn load(app: &App, visitor: &Visitor, before: Option<u64>) -> Result<Self, PageError> {
        let caller = &visitor.caller;
        let (overview, names) = (releases::overview(app, caller).await?, Names::load(app, caller).await?);
        let (mut environments, mut moves) = (Vec::new(), Vec::new());
        for standing in &overview.environments {
            let environment = standing.environment;
            let may = caller.has(app, Right::Deploy(environment));
            let had = if may { releases::history(app, caller, environment, HISTORY, None).await? } else { Vec::new() };
            let back = ways_back(&had).iter().map(|way| way.version.to_string()).collect();
            environments.push(Served::of(app, &names, standing, back));
            moves.extend(releases::history(app, caller, environment, ENOUGH, before).await?);
        }
        moves.sort_by_key(|one| std::cmp::Reverse(one.number));
        let (moves, last) = page(moves, |one| one.number);
        let (_, serving, chosen) = &overview.serving;
        let row = |(version, made): &(_, Option<domain::releases::Released>)| Row {
            places: overview.environments.iter().filter(|one| one.version == *version).map(|one| one.environment.key()).collect(),
            path: paths::release(&ToString::to_string(version)),
            made: made.as_ref().map(|made| (paths::proposal(made.proposal), moment(made.at))),
            version: ToString::to_string(version),
        };
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong: Wrong::default(),
            typed: Typed::default(),
            said: None,
            pinned: (*chosen == Chosen::Pinned).then(|| serving.to_string()),
            left_in_staging: overview.left_in_staging.as_ref().map(ToString::to_string),
            differs: overview.differs.then(|| serving.to_string()),
            trouble: overview.trouble.clone(),
            unreadable: overview.left_out.iter().map(|one| (one.version.to_string(), one.why.clone())).collect(),
            rows: overview.releases.iter().map(row).collect(),
            history: moves.iter().map(|one| Moved::of(&names, one)).collect(),
            older: last.map(|last| paths::with(paths::RELEASES, &[("before", &last)])),
            environments,
        })
    }

    /// What is wrong with the reason that was given for this environment.
    fn fault(&self, key: &str) -> Option<String> {
        self.wrong.at("roll-back", "reason", "The reason").filter(|_| self.is_typed(key))
    }

    /// Whether the form that was wrong is the one of this environment.
    fn is_typed(&self, key: &str) -> bool {
        self.wrong.is("roll-back") && self.typed.environment == key
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let page = Releases::load(&app, &visitor, query.get("before").parse().ok()).await?;
    let serves = |key: &str| page.environments.iter().find(|one| one.key == key).map(|one| (one.name, one.version.clone()));
    let said = serves(query.get("done")).map(|(name, version)| format!("{name} serves {version} now, in every process."));
    render(&Releases { said, ..page })
}

/// Reads which environment is meant.
fn environment(typed: &Typed) -> app::Result<Environment> {
    let unknown = || Faults::from(Fault::new("environment", "is none that there is; there are staging and production")).into();
    Environment::from_key(&typed.environment).ok_or_else(unknown)
}

async fn take_back(app: &App, visitor: &Visitor, typed: &Typed) -> app::Result<Deployment> {
    let read = |text: &str| if text.is_empty() { Ok(None) } else { releases::version(text).map(Some) };
    let back = Back { from: read(&typed.from)?, to: read(&typed.version)? };
    releases::roll_back(app, &visitor.caller, environment(typed)?, &back, &typed.reason).await
}

async fn roll_back(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    match take_back(&app, &visitor, &typed).await {
        Ok(moved) => Ok(Redirect::to(&paths::with(paths::RELEASES, &[("done", moved.environment.key())])).into_response()),
        Err(error) => {
            let wrong = Wrong::with("roll-back", error)?;
            let page = Releases { wrong, typed, ..Releases::load(&app, &visitor, None).await? };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}
