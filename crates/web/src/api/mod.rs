//! `/api/v1`: what the pages do, for programs. Each file has a noun's JSON, its handlers and its routes; the `OpenAPI` document is
//! made from them, so a route that is not in it cannot be added.

mod account;
mod audit;
mod docs;
mod evals;
mod events;
mod exports;
mod paging;
mod prompts;
mod proposals;
mod refusals;
mod releases;
mod runs;
mod sections;
mod ventures;
mod versions;

use crate::Shared;
use crate::error::Problem;
use crate::guards;
use crate::requests::LARGEST;
use app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use domain::sections::SectionName;
use std::str::FromStr;
use utoipa_axum::router::OpenApiRouter;

/// The routes, and the document about them.
pub(crate) fn routes() -> Router<Shared> {
    let nouns = OpenApiRouter::with_openapi(docs::about())
        .merge(ventures::routes())
        .merge(runs::routes())
        .merge(events::routes())
        .merge(sections::routes())
        .merge(versions::routes())
        .merge(exports::routes())
        .merge(account::routes())
        .merge(audit::routes())
        .merge(prompts::routes())
        .merge(proposals::routes())
        .merge(releases::routes())
        .merge(evals::routes());
    let (routes, document) = nouns.split_for_parts();
    let routes = routes.layer(DefaultBodyLimit::max(LARGEST)).layer(middleware::map_response(guards::unkept));
    routes.merge(docs::routes(&document))
}

/// An id out of an address. What is no id names nothing, like one that nobody has.
fn id<T: FromStr>(text: &str, what: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| app::Error::NotFound(what).into())
}

/// A section out of an address; where there is none of this name, the faults say which there are.
fn section(app: &App, name: &str) -> Result<SectionName, Problem> {
    let chosen = app::runs::choose(app, &[name.to_owned()])?;
    chosen.into_iter().next().ok_or_else(|| app::Error::NotFound("this section").into())
}
