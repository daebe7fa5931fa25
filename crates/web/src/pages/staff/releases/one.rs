//! One release: what came with it, its gate, and putting it somewhere.

use super::{Typed, environment, name};
use crate::error::{PageError, PageResult};
use crate::pages::forms::Wrong;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::pages::staff::gates::GateView;
use crate::pages::staff::proposals::download;
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::views::moment;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::gates::Answer;
use app::releases::{self, Place, Whole};
use app::{App, evals, proposals};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::roles::Right;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/releases/{version}", get(one))
        .route("/staff/releases/{version}/evaluate", post(evaluate))
        .route("/staff/releases/{version}/deploy", post(deploy))
        .route("/staff/releases/{version}/files.zip", get(files))
}

#[derive(askama::Template)]
#[template(path = "staff/releases/one.html")]
struct ReleasePage {
    shell: Shell,
    wrong: Wrong,
    typed: Typed,
    version: String,
    path: String,
    /// The proposal it was made from: address, title, state, when.
    made: Option<(String, String, &'static str, String)>,
    /// Templates that came with it: address, title, name.
    templates: Vec<(String, String, String)>,
    /// One for all, or one before each environment.
    gates: Vec<GateView>,
    may_evaluate: bool,
    places: Vec<PlaceView>,
}

struct PlaceView {
    key: &'static str,
    name: &'static str,
    serves: String,
    here: bool,
    way: Way,
}

/// How this person may put the release there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Not at all, or it is there.
    Closed,
    /// Through the gate, which is open.
    Open,
    /// Past the gate, which is shut, with a reason.
    Past,
}

impl PlaceView {
    fn is_closed(&self) -> bool {
        self.way == Way::Closed
    }

    fn is_open(&self) -> bool {
        self.way == Way::Open
    }

    fn of(place: &Place, answers: &[Answer]) -> Self {
        let own = answers.iter().find(|answer| answer.models.environment == place.standing.environment).or(answers.first());
        let way = match own.is_some_and(|answer| answer.gate.is_open()) {
            true if place.may => Way::Open,
            false if place.may_override => Way::Past,
            _ => Way::Closed,
        };
        Self {
            key: place.standing.environment.key(),
            name: name(place.standing.environment),
            serves: place.standing.version.to_string(),
            here: place.here,
            way,
        }
    }
}

impl ReleasePage {
    async fn load(app: &App, visitor: &Visitor, text: &str) -> Result<Self, PageError> {
        let version = releases::version(text).map_err(|_| app::Error::NotFound("this release"))?;
        let Whole { version, templates, made, proposal, answers, places } = releases::whole(app, &visitor.caller, &version).await?;
        let version = version.to_string();
        let template = |name: &str| paths::with(&paths::prompt(name), &[("version", &version)]);
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong: Wrong::default(),
            typed: Typed::default(),
            path: paths::release(&version),
            made: made.zip(proposal).map(|(made, one)| (paths::proposal(one.id), one.title, one.state.name(), moment(made.at))),
            templates: templates.iter().map(|one| (template(one.name.as_str()), one.title.clone(), one.name.to_string())).collect(),
            gates: answers.iter().map(GateView::of).collect(),
            may_evaluate: visitor.caller.has(app, Right::EditPrompts),
            places: places.iter().map(|place| PlaceView::of(place, &answers)).collect(),
            version,
        })
    }

    /// What is wrong with the reason that was given for this environment.
    fn fault(&self, key: &str) -> Option<String> {
        self.wrong.at("deploy", "reason", "The reason").filter(|_| self.is_typed(key))
    }

    /// Whether an eval may open a gate that is shut, and none is under way.
    fn wants_eval(&self) -> bool {
        self.may_evaluate && self.gates.iter().any(|gate| !gate.open) && self.gates.iter().all(|gate| !gate.running)
    }

    fn is_typed(&self, key: &str) -> bool {
        self.typed.environment == key
    }
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>) -> PageResult<Html<String>> {
    render(&ReleasePage::load(&app, &visitor, &text).await?)
}

async fn put(app: &App, visitor: &Visitor, text: &str, typed: &Typed) -> app::Result<()> {
    let version = releases::version(text)?;
    releases::deploy(app, &visitor.caller, &version, environment(typed)?, Some(&typed.reason)).await.map(drop)
}

async fn evaluate(
    State(app): State<App>,
    Staff(visitor): Staff,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Redirect> {
    evals::ask_for_release(&app, &visitor.caller, &text).await?;
    Ok(Redirect::to(&format!("{}#gate", paths::release(&text))))
}

async fn deploy(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<Typed>) -> PageResult<Response> {
    match put(&app, &visitor, &text, &typed).await {
        Err(error @ app::Error::Forbidden(_)) => Err(error.into()),
        Ok(()) => Ok(Redirect::to(&paths::with(paths::RELEASES, &[("done", &typed.environment)])).into_response()),
        Err(error) => {
            let wrong = Wrong::with("deploy", error)?;
            let page = ReleasePage { wrong, typed, ..ReleasePage::load(&app, &visitor, &text).await? };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn files(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>) -> PageResult<Response> {
    let files = releases::files(&app, &visitor.caller, &text).await?;
    Ok(download("application/zip", "prompts.zip", proposals::zipped(&files)?))
}
