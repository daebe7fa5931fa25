//! A whole venture as one file.

use crate::Shared;
use crate::api::id;
use crate::api::paging::query;
use crate::api::refusals::{Always, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::requests::Path;
use crate::visitors::Visitor;
use app::{App, ventures};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use export::Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get))
}

/// What kind of file.
#[derive(Debug, Clone, Copy)]
enum Format {
    Json,
    Markdown,
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = query(parts)?;
        match query.iter().find(|(name, _)| name == "format").map(|(_, format)| format.as_str()) {
            None | Some("json") => Ok(Self::Json),
            Some("md") => Ok(Self::Markdown),
            Some(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "format must be json or md")),
        }
    }
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    /// Media type, file name and content.
    fn write(self, document: &Document<'_>) -> (&'static str, &'static str, String) {
        match self {
            Self::Json => ("application/json", "plan.json", format!("{:#}", export::json(document))),
            Self::Markdown => ("text/markdown; charset=utf-8", "plan.md", export::markdown(document)),
        }
    }
}

/// Get a venture as a file
///
/// With the content of every section that was tried.
#[utoipa::path(get, path = "/api/v1/ventures/{id}/export", operation_id = "exportVenture", tag = "Exports",
    params(("id" = Uuid, Path, description = "The venture"),
        ("format" = Option<String>, Query, description = "`json`, which it is if not given, or `md` for Markdown")),
    responses(
        (status = 200, description = "The file.", content((serde_json::Value = "application/json"), (String = "text/markdown"))),
        Unknown, Unreadable, Elsewhere, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path(text): Path<String>, format: Format) -> Result<impl IntoResponse, Problem> {
    let plan = ventures::export(&app, &visitor.caller, id(&text, "this venture")?, format.ending()).await?;
    let (kind, name, file) = format.write(&plan.document());
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, file))
}
