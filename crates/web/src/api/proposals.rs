//! Proposals, for the team's programs: read, and begun from files. What a person vouches for is done on the pages.

use crate::Shared;
use crate::api::paging::{Listing, Page, PageParams};
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::paths;
use crate::requests::{Asked, Takes};
use crate::visitors::Visitor;
use app::App;
use app::proposals::{self, Wanted};
use app::releases;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::ids::ProposalId;
use domain::proposals as rules;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// The largest body, in bytes: every template of a release with its tests.
const LARGEST: usize = 8 * 1024 * 1024;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, begin)).layer(DefaultBodyLimit::max(LARGEST)).layer(Extension(Takes(LARGEST)))
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
    /// Who began it.
    author: Option<Uuid>,
    /// Everybody who saved a revision of it; none of them can approve or accept it.
    writers: Vec<Uuid>,
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
            writers: kept.writers.iter().filter_map(|by| by.account()).map(|owner| owner.0).collect(),
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
    /// The release they were made from; without it, the one production serves.
    base: Option<String>,
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
        let base = fields.text("base").map(|named| releases::version(&named));
        let base_is_one = base.as_ref().is_none_or(Result::is_ok);
        let wanted = Wanted {
            base: base.and_then(Result::ok),
            author: None,
            title: fields.text("title").unwrap_or_default(),
            why: fields.text("why").unwrap_or_default(),
            files: fields.list("files", "must be a list of objects with a path and a text").unwrap_or_default(),
        };
        let mut faults = fields.all_faults();
        if !base_is_one {
            faults.add("base", "must be a version such as 1.0.0");
        }
        unless_faulty(Self(wanted), faults)
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
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the request answers with what it made the first time.")),
    responses((status = 201, description = "The draft.", body = Proposal, headers(("location" = String, description = "Its page."))),
        BadBody, Conflicting, Unknown, Elsewhere, Always))]
async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Asked { what: Begin(wanted), key }: Asked<Begin>,
) -> Result<impl IntoResponse, Problem> {
    let begun = proposals::begin_once(&app, &visitor.caller, &wanted, key.as_ref()).await?;
    let page = paths::proposal(begun.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, page)], Json(Proposal::from(begun))))
}
