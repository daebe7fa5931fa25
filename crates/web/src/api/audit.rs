//! The audit log, for tech leads.

use crate::Shared;
use crate::api::paging::{Listing, Page, PageParams, query};
use crate::api::refusals::{Always, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::visitors::Visitor;
use app::App;
use app::audit::{self, AuditSearch};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use domain::audit::Entry;
use domain::ids::AuditId;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One line of the log. It names accounts by id and holds nothing of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    id: Uuid,
    at: DateTime<Utc>,
    /// `account`, `command-line` or `program`.
    actor_kind: String,
    actor: Option<Uuid>,
    /// Such as `account.tier`.
    action: String,
    subject_kind: String,
    subject: String,
    /// From which network, as precisely as it is kept.
    network: Option<String>,
    before: Value,
    after: Value,
    reason: Option<String>,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.0,
            at: entry.at,
            actor_kind: entry.actor.key().to_owned(),
            actor: entry.actor.account().map(|owner| owner.0),
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject: entry.subject,
            network: entry.network,
            before: entry.before,
            after: entry.after,
            reason: entry.reason,
        }
    }
}

/// What the log is searched for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read field by field, to say what is wrong")]
pub(crate) struct SearchParams {
    /// A subject, the beginning of an action, or part of a reason.
    text: Option<String>,
    /// Who did it.
    actor: Option<Uuid>,
    /// Exactly this action.
    action: Option<String>,
}

struct Wanted(AuditSearch);

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut wanted = AuditSearch::default();
        for (name, value) in query(parts)?.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "text" => wanted.text = Some(value),
                "action" => wanted.action = Some(value),
                "actor" => {
                    let actor = value.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "actor must be the id of an account"))?;
                    wanted.actor = Some(actor);
                }
                _ => {}
            }
        }
        Ok(Self(wanted))
    }
}

/// Search the audit log
///
/// Who did what to what, when, from where, before and after; newest first. For tech leads.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "searchAudit", tag = "Team", params(PageParams, SearchParams),
    responses((status = 200, description = "A page of it.", body = Listing<Line>), Unreadable, Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor, page: Page, Wanted(wanted): Wanted) -> Result<Json<Listing<Line>>, Problem> {
    let found = audit::search(&app, &visitor.caller, &wanted, page.enough(), page.before.map(AuditId)).await?;
    Ok(Json(page.of(found, |entry| entry.id.0, Line::from)))
}
