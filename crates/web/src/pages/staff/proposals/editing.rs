//! Writing a proposal: its files as text, checked and rendered before they are kept. Whatever is wrong, what was typed stays.

mod form;

use super::previews::PreviewView;
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::{Form, Path};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::proposals::{self, Wanted};
use app::{App, Caller};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::ProposalId;
use form::{Conflict, EditPage, Typed};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/prompts/proposals/new", get(blank).post(begin))
        .route("/staff/prompts/proposals/new/check", post(check_new))
        .route("/staff/prompts/proposals/preview", post(preview))
        .route("/staff/prompts/proposals/{id}/edit", get(edit).post(save))
        .route("/staff/prompts/proposals/{id}/check", post(check))
}

/// The form for somebody, with a preview of what stands in it.
async fn drawn(app: &App, visitor: &Visitor, id: Option<ProposalId>, typed: Typed) -> Result<EditPage, PageError> {
    let places = proposals::places(app, &visitor.caller).await?;
    let seen = match (&typed.wanted(), typed.path.is_empty()) {
        (Ok(wanted), false) => Some(proposals::preview(app, &visitor.caller, &wanted.files, Some(typed.sample())).await?),
        _ => None,
    };
    Ok(EditPage::of(app, visitor, (id, typed), places, seen.as_ref()))
}

async fn blank(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let wanted = match query.get("template") {
        "" => Wanted::default(),
        name => proposals::draft(&app, &visitor.caller, name).await?,
    };
    render(&drawn(&app, &visitor, None, Typed::from(wanted, 0)).await?)
}

async fn edit(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>) -> PageResult<Html<String>> {
    let id = id(&text, "this proposal")?;
    let proposals::Whole { proposal, files, .. } = proposals::get(&app, &visitor.caller, id).await?;
    proposal.may_edit().map_err(app::Error::from)?;
    let wanted = Wanted { title: proposal.title, why: proposal.why, files, base: Some(proposal.base), author: None };
    render(&drawn(&app, &visitor, Some(id), Typed::from(wanted, proposal.revision)).await?)
}

async fn begin(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    let did = match typed.wanted() {
        Ok(wanted) => proposals::begin(&app, &visitor.caller, &wanted).await,
        Err(unreadable) => Err(unreadable),
    };
    match did {
        Ok(begun) => Ok(Redirect::to(&paths::with(&paths::proposal(begun.id), &[("done", "begun")])).into_response()),
        Err(error) => refused(&app, &visitor, None, typed, error).await,
    }
}

async fn save(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<Typed>) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = match typed.wanted() {
        Ok(wanted) => proposals::save(&app, &visitor.caller, id, typed.revision, &wanted).await,
        Err(unreadable) => Err(unreadable),
    };
    match did {
        Ok(_) => Ok(Redirect::to(&paths::with(&paths::proposal(id), &[("done", "saved")])).into_response()),
        Err(error) => refused(&app, &visitor, Some(id), typed, error).await,
    }
}

/// The form again, with what was typed and what was wrong; where somebody else has saved meanwhile, with what they saved.
async fn refused(app: &App, visitor: &Visitor, id: Option<ProposalId>, typed: Typed, error: app::Error) -> PageResult<Response> {
    let conflict = match (id, &error) {
        (Some(id), app::Error::Conflict { .. }) => meanwhile(app, &visitor.caller, id, &typed).await?,
        _ => None,
    };
    let wrong = Wrong::with("edit", error)?;
    // Saved again, it takes the place of what was saved meanwhile: both have been seen.
    let seen = conflict.as_ref().map_or(typed.revision, |conflict| conflict.revision);
    let page = drawn(app, visitor, id, typed.unpacked(seen)).await?.refused(wrong, conflict);
    Ok(page.wrong.answer(render(&page)?))
}

/// What somebody else has saved since this was opened.
async fn meanwhile(app: &App, who: &Caller, id: ProposalId, typed: &Typed) -> app::Result<Option<Conflict>> {
    let proposals::Whole { proposal, files, .. } = proposals::get(app, who, id).await?;
    let Ok(mine) = typed.wanted() else { return Ok(None) };
    Ok((proposal.revision != typed.revision).then(|| Conflict::of(proposal.revision, &files, &mine.files)))
}

/// The form as it was typed, with the files that were asked for or pasted.
async fn looked_at(app: &App, visitor: &Visitor, id: Option<ProposalId>, typed: Typed) -> PageResult<Response> {
    let more = match typed.wanted() {
        Ok(wanted) if !typed.add.is_empty() => proposals::with_file(app, &visitor.caller, wanted, &typed.add).await,
        other => other,
    };
    match more {
        Ok(wanted) => Ok(render(&drawn(app, visitor, id, typed.holding(wanted)).await?)?.into_response()),
        Err(error) => refused(app, visitor, id, typed, error).await,
    }
}

async fn check_new(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    looked_at(&app, &visitor, None, typed).await
}

async fn check(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<Typed>) -> PageResult<Response> {
    looked_at(&app, &visitor, Some(id(&text, "this proposal")?), typed).await
}

/// The preview alone, for the page to put in while somebody types.
async fn preview(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Html<String>> {
    let seen = proposals::preview(&app, &visitor.caller, &typed.wanted()?.files, Some(typed.sample())).await?;
    render(&PreviewView::of(&seen))
}
