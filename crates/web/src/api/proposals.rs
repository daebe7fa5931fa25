//! Proposals, for the team's programs: read, and begun from files. What a person vouches for is done on the pages.

use crate::Shared;
use crate::api::paging::{Listing, Page, PageParams};
use crate::api::refusals::{Always, BadBody, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::paths;
use crate::requests::Asked;
use crate::visitors::Visitor;
use app::App;
use app::proposals::{self, Wanted};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::ids::ProposalId;
use domain::proposals as rules;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, begin))
}

/// A change to the template library on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Proposal {
    id: Uuid,
    title: String,
    why: String,
    /// The release it becomes.
    version: String,
    /// The release it was made from.
    base: String,
    /// `draft`, `in-review`, `changes-requested`, `approved`, `staged`, `accepted`, `live`, `settled`, `rejected`, `rolled-back`,
    /// `withdrawn`.
    state: &'static str,
    /// What has to happen next, and who does it.
    next: &'static str,
    revision: u32,
    /// Who wrote it; `null` for the command line.
    author: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<rules::Proposal> for Proposal {
    fn from(kept: rules::Proposal) -> Self {
        Self {
            id: kept.id.0,
            version: kept.version.to_string(),
            base: kept.base.to_string(),
            state: kept.state.key(),
            next: kept.state.next(),
            revision: kept.revision,
            author: kept.author.account().map(|owner| owner.0),
            created_at: kept.created,
            updated_at: kept.updated,
            title: kept.title,
            why: kept.why,
        }
    }
}

/// What is proposed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the shape of `Begin`, which is read field by field")]
pub(crate) struct NewProposal {
    /// What changes, in a line.
    title: String,
    /// Why.
    why: String,
    /// Templates of one version, and test cases.
    files: Vec<File>,
}

/// A file of the library.
#[derive(Debug, ToSchema)]
#[schema(as = ProposedFile)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) struct File {
    /// Its place: `v1.1.0/swot.yaml` or `tests/swot.yaml`.
    path: String,
    /// All of it.
    text: String,
}

struct Begin(Wanted);

impl Read for Begin {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let wanted = Wanted {
            title: fields.text("title").unwrap_or_default(),
            why: fields.text("why").unwrap_or_default(),
            files: fields.list("files", "must be a list of objects with a path and a text").unwrap_or_default(),
        };
        unless_faulty(Self(wanted), fields.all_faults())
    }
}

/// List proposals
///
/// Newest first. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/proposals", operation_id = "listProposals", tag = "Team", params(PageParams),
    responses((status = 200, description = "A page of them.", body = Listing<Proposal>), Unreadable, Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor, page: Page) -> Result<Json<Listing<Proposal>>, Problem> {
    let found = proposals::list(&app, &visitor.caller, page.enough(), page.before.map(ProposalId)).await?;
    Ok(Json(page.of(found, |proposal| proposal.id.0, Proposal::from)))
}

/// Propose a change
///
/// Nothing is kept that could not become a release: `errors` names every fault of every file with its line. It is a draft until its
/// author submits it on its page, whose address is in `location`. For whoever may edit prompts; a token needs the scope `staff`.
#[utoipa::path(post, path = "/api/v1/proposals", operation_id = "beginProposal", tag = "Team", request_body = NewProposal,
    responses((status = 201, description = "The draft.", body = Proposal, headers(("location" = String, description = "Its page."))),
        BadBody, Unknown, Elsewhere, Always))]
async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Asked { what: Begin(wanted), .. }: Asked<Begin>,
) -> Result<impl IntoResponse, Problem> {
    let begun = proposals::begin(&app, &visitor.caller, &wanted).await?;
    let page = paths::proposal(begun.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, page)], Json(Proposal::from(begun))))
}
