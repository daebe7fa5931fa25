//! The buttons of a proposal's page: each is one use case, and leads back to the page.

use super::whole::{Typed, WholePage};
use crate::error::PageResult;
use crate::pages::forms::Wrong;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::{Form, Path};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::{App, evals, proposals, releases};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use domain::ids::ProposalId;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/prompts/proposals/{id}/submit", post(submit))
        .route("/staff/prompts/proposals/{id}/comment", post(comment))
        .route("/staff/prompts/proposals/{id}/approve", post(approve))
        .route("/staff/prompts/proposals/{id}/request-changes", post(request_changes))
        .route("/staff/prompts/proposals/{id}/withdraw", post(withdraw))
        .route("/staff/prompts/proposals/{id}/evaluate", post(evaluate))
        .route("/staff/prompts/proposals/{id}/stage", post(stage))
        .route("/staff/prompts/proposals/{id}/accept", post(accept))
        .route("/staff/prompts/proposals/{id}/reject", post(reject))
        .route("/staff/prompts/proposals/{id}/promote", post(promote))
        .route("/staff/prompts/proposals/{id}/move", post(move_to))
        .route("/staff/prompts/proposals/{id}/begin-again", post(begin_again))
}

/// Where a step leads: to the page with what was done, or to the page with what was wrong and what was typed.
async fn settled(
    app: &App,
    visitor: &Visitor,
    id: ProposalId,
    step: &'static str,
    (did, typed): (app::Result<()>, Typed),
) -> PageResult<Response> {
    match did {
        Ok(()) => Ok(Redirect::to(&paths::with(&paths::proposal(id), &[("done", step)])).into_response()),
        // They have not the button either: there is nothing of theirs to keep.
        Err(error @ app::Error::Forbidden(_)) => Err(error.into()),
        Err(error) => {
            let page = WholePage::load(app, visitor, id, None).await?.refused(Wrong::with(step, error)?, typed);
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

type Asked = (State<App>, Staff, Path<String>, Form<Typed>);

async fn submit((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::submit(&app, &visitor.caller, id).await.map(drop);
    settled(&app, &visitor, id, "submit", (did, typed)).await
}

async fn comment((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::comment(&app, &visitor.caller, id, &typed.text).await.map(drop);
    settled(&app, &visitor, id, "comment", (did, typed)).await
}

async fn approve((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::approve(&app, &visitor.caller, id, typed.revision, &typed.text).await.map(drop);
    settled(&app, &visitor, id, "approve", (did, typed)).await
}

async fn request_changes((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::request_changes(&app, &visitor.caller, id, typed.revision, &typed.text).await.map(drop);
    settled(&app, &visitor, id, "request-changes", (did, typed)).await
}

async fn withdraw((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::withdraw(&app, &visitor.caller, id).await.map(drop);
    settled(&app, &visitor, id, "withdraw", (did, typed)).await
}

async fn evaluate((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = evals::ask_for_proposal(&app, &visitor.caller, id).await.map(drop);
    settled(&app, &visitor, id, "evaluate", (did, typed)).await
}

async fn stage((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = releases::stage(&app, &visitor.caller, id, Some(&typed.reason)).await.map(drop);
    settled(&app, &visitor, id, "stage", (did, typed)).await
}

async fn accept((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::accept(&app, &visitor.caller, id, typed.revision, &typed.text).await.map(drop);
    settled(&app, &visitor, id, "accept", (did, typed)).await
}

async fn reject((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = proposals::reject(&app, &visitor.caller, id, typed.revision, &typed.text).await.map(drop);
    settled(&app, &visitor, id, "reject", (did, typed)).await
}

async fn promote((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = releases::promote(&app, &visitor.caller, id, Some(&typed.reason)).await.map(drop);
    settled(&app, &visitor, id, "promote", (did, typed)).await
}

async fn move_to((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    let did = match releases::version(&typed.version) {
        Ok(version) => proposals::move_to(&app, &visitor.caller, id, typed.revision, &version).await.map(drop),
        Err(unreadable) => Err(unreadable),
    };
    settled(&app, &visitor, id, "move", (did, typed)).await
}

async fn begin_again((State(app), Staff(visitor), Path(text), Form(typed)): Asked) -> PageResult<Response> {
    let id = id(&text, "this proposal")?;
    match proposals::begin_again(&app, &visitor.caller, id).await {
        Ok(begun) => Ok(Redirect::to(&paths::with(&paths::proposal(begun.id), &[("done", "begun")])).into_response()),
        Err(error) => settled(&app, &visitor, id, "begin-again", (Err(error), typed)).await,
    }
}
