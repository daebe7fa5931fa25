//! Evals: what was tested with what result, every case of one, and two beside each other.

mod case;
mod compare;
mod one;
pub(super) mod words;

use super::people::Names;
use super::{ENOUGH, page};
use crate::error::PageResult;
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Staff;
use crate::pages::render;
use crate::requests::Form;
use crate::shell::Shell;
use crate::views::recently;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::evals::Listed;
use app::{App, evals, releases};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::evals::Progress;
use domain::roles::Right;
use words::Figured;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/evals", get(list).post(begin)).merge(one::routes()).merge(case::routes()).merge(compare::routes())
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    version: String,
}

#[derive(askama::Template)]
#[template(path = "staff/evals/list.html")]
struct Evals {
    shell: Shell,
    wrong: Wrong,
    may_run: bool,
    /// Every release there is, and which of them production has.
    releases: Vec<(String, bool)>,
    rows: Vec<Row>,
    older: Option<String>,
}

struct Row {
    path: String,
    version: String,
    proposal: Option<String>,
    by: String,
    when: String,
    progress: Progress,
    total: Figured,
    /// Beside the one before it with the same tests and models.
    beside: Option<String>,
}

impl Row {
    fn of(app: &App, names: &Names, Listed { eval, before }: &Listed) -> Self {
        Self {
            path: paths::eval(eval.id),
            version: eval.subject.version.to_string(),
            proposal: eval.subject.proposal.map(paths::proposal),
            by: names.of(eval.by),
            when: recently(eval.created, app.now()),
            progress: eval.progress,
            total: Figured::of(&eval.total),
            beside: before.map(|before| paths::evals_beside(before, eval.id)),
        }
    }
}

impl Evals {
    async fn load(app: &App, visitor: &Visitor, query: &Query) -> app::Result<Self> {
        let caller = &visitor.caller;
        let found = evals::listed(app, caller, ENOUGH, query.id("before")).await?;
        let (names, overview) = (Names::load(app, caller).await?, releases::overview(app, caller).await?);
        let (found, last) = page(found, |listed| listed.eval.id);
        let production = overview.environments.last().map(|standing| standing.version.clone());
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong: Wrong::default(),
            may_run: caller.has(app, Right::EditPrompts),
            releases: overview.releases.iter().map(|(version, _)| (version.to_string(), Some(version) == production.as_ref())).collect(),
            rows: found.iter().map(|listed| Row::of(app, &names, listed)).collect(),
            older: last.map(|last| paths::with(paths::EVALS, &[("before", &last)])),
        })
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    render(&Evals::load(&app, &visitor, &query).await?)
}

async fn begin(State(app): State<App>, Staff(visitor): Staff, query: Query, Form(typed): Form<Typed>) -> PageResult<Response> {
    match evals::ask_for_release(&app, &visitor.caller, &typed.version).await {
        Ok(begun) => Ok(Redirect::to(&paths::eval(begun.eval.id)).into_response()),
        Err(error) => {
            let page = Evals { wrong: Wrong::with("begin", error)?, ..Evals::load(&app, &visitor, &query).await? };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}
