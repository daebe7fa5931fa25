//! The decision log of quality: read, added to, and taken along as Markdown.

use super::{ENOUGH, page};
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Staff;
use crate::pages::render;
use crate::requests::Form;
use crate::shell::Shell;
use crate::views::{day, short_id};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::decisions::{self, Told};
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::decisions::RawDecision;
use domain::ids::DecisionId;
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/decisions", get(list).post(add)).route("/staff/decisions/log.md", get(download))
}

#[derive(askama::Template)]
#[template(path = "staff/decisions.html")]
struct Decisions {
    shell: Shell,
    wrong: Wrong,
    said: Option<&'static str>,
    typed: RawDecision,
    /// Names and titles of the sections there are.
    sections: Vec<(String, String)>,
    lines: Vec<Line>,
    older: Option<String>,
}

struct Line {
    on: String,
    by: String,
    found: String,
    decision: String,
    section: Option<String>,
    version: Option<String>,
    /// Scores: what they are called, and where they are seen.
    scores: Vec<(String, String)>,
    /// Scores that went with their owner.
    gone: usize,
    /// Version and scores are told once whoever looks has scored what they are about.
    held_back: bool,
}

impl Line {
    fn of(told: Told) -> Self {
        let Told { decision, by, scores, gone, held_back } = told;
        Self {
            on: day(decision.at),
            by: by.map_or_else(|| "somebody without an account".to_owned(), |email| email.to_string()),
            gone,
            held_back,
            section: decision.evidence.section.map(|section| section.to_string()),
            version: decision.evidence.version,
            scores: scores.into_iter().map(|(id, of)| (format!("…{}", short_id(&id.to_string())), paths::review(of))).collect(),
            found: decision.found,
            decision: decision.decision,
        }
    }
}

impl Decisions {
    async fn load(
        app: &App,
        visitor: &Visitor,
        before: Option<DecisionId>,
        (wrong, typed): (Wrong, RawDecision),
    ) -> Result<Self, PageError> {
        let found = decisions::list(app, &visitor.caller, ENOUGH, before).await?;
        let (found, last) = page(found, |told| told.decision.id);
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong,
            said: None,
            typed,
            sections: app.release().templates().map(|template| (template.name.to_string(), template.title.clone())).collect(),
            lines: found.into_iter().map(Line::of).collect(),
            older: last.map(|last| paths::with(paths::DECISIONS, &[("before", &last)])),
        })
    }

    fn is_section(&self, name: &str) -> bool {
        self.typed.section == name
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let asked = |name| query.get(name).to_owned();
    let typed = RawDecision { section: asked("section"), version: asked("version"), scores: asked("scores"), ..RawDecision::default() };
    let page = Decisions::load(&app, &visitor, query.id("before"), (Wrong::default(), typed)).await?;
    let said = (query.get("done") == "added").then_some("The decision is in the log.");
    render(&Decisions { said, ..page })
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Typed {
    found: String,
    decision: String,
    section: String,
    version: String,
    scores: String,
}

async fn add(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    let Typed { found, decision, section, version, scores } = typed;
    let typed = RawDecision { found, decision, section, version, scores };
    match decisions::add(&app, &visitor.caller, &typed).await {
        Ok(_) => Ok(Redirect::to(&paths::with(paths::DECISIONS, &[("done", "added")])).into_response()),
        Err(error) => {
            let page = Decisions::load(&app, &visitor, None, (Wrong::with("decision", error)?, typed)).await?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn download(State(app): State<App>, Staff(visitor): Staff) -> PageResult<Response> {
    let log = decisions::export(&app, &visitor.caller).await?;
    let kind =
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"decisions.md\"")];
    Ok((kind, log).into_response())
}
