//! What happens in a run, as server-sent events: numbered, so that whoever lost the connection goes on where they were.

use crate::Shared;
use crate::api::id;
use crate::api::paging::query;
use crate::api::refusals::{Always, Unknown, Unreadable};
use crate::api::runs::place;
use crate::api::versions::{Confidence, Status};
use crate::error::Problem;
use crate::requests::Path;
use crate::visitors::Visitor;
use app::App;
use app::runs::{self, Told};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::RunId;
use domain::runs::Happening;
use futures::StreamExt as _;
use serde::Serialize;
use std::convert::Infallible;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// The data of an event; `event:` says the same as `type`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum RunEvent {
    /// The run waits for its turn. It comes at first and whenever that has changed, and has no `id:`.
    #[serde(rename_all = "camelCase")]
    Queued {
        /// How many jobs come first.
        ahead: Option<u64>,
        /// In how many seconds it will probably begin, where that is known.
        expected_seconds: Option<u64>,
    },
    /// A section is being written. It may be said again after the process that wrote it has died.
    #[serde(rename_all = "camelCase")]
    Started {
        at: DateTime<Utc>,
        /// The section's name.
        section: String,
    },
    /// A section has ended and is kept.
    #[serde(rename_all = "camelCase")]
    Ended {
        at: DateTime<Utc>,
        /// The section's name.
        section: String,
        /// The version that was made.
        version: Uuid,
        status: Status,
        confidence: Confidence,
        /// Who wrote it, as `provider:model`.
        model: String,
        /// What went wrong.
        reason: Option<String>,
        duration_ms: u64,
    },
    /// It goes on at `until`: by then its owner has had as many generations as their tier gives.
    #[serde(rename_all = "camelCase")]
    Waiting { at: DateTime<Utc>, until: DateTime<Utc> },
    /// The run is over. No event comes after this one.
    #[serde(rename_all = "camelCase")]
    Finished {
        at: DateTime<Utc>,
        /// The names of the sections that could not be made.
        failed: Vec<String>,
        /// Whether it was stopped.
        cancelled: bool,
    },
}

impl RunEvent {
    fn of(at: DateTime<Utc>, what: Happening) -> Self {
        match what {
            Happening::Started { section } => Self::Started { at, section: section.to_string() },
            Happening::Ended { section, generation, status, confidence, model, reason, duration_ms } => Self::Ended {
                at,
                section: section.to_string(),
                version: generation.0,
                status: status.into(),
                confidence: confidence.into(),
                model,
                reason,
                duration_ms,
            },
            Happening::Waiting { until } => Self::Waiting { at, until },
            Happening::Finished { failed, cancelled } => {
                Self::Finished { at, failed: failed.iter().map(ToString::to_string).collect(), cancelled }
            }
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::Waiting { .. } => "waiting",
            Self::Finished { .. } => "finished",
        }
    }
}

/// The number of the last event the follower has seen.
struct After(u64);

impl<S: Send + Sync> FromRequestParts<S> for After {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A browser that comes back asks the same address again, and the header knows better.
        if let Some(last) = last_event_id(&parts.headers) {
            return number(last, "Last-Event-ID").map(Self);
        }
        let query = query(parts)?;
        let after = query.iter().find(|(name, _)| name == "after");
        after.map_or(Ok(0), |(_, text)| number(text, "after")).map(Self)
    }
}

fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?")).filter(|text| !text.is_empty())
}

fn number(text: &str, name: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, format!("{name} must be the number of an event, from 0")))
}

/// Follow a run
///
/// Server-sent events until the run is over; the last one is `finished`. Whoever lost the connection sends the last `id:` as
/// `Last-Event-ID` (browsers do so by themselves) or as `after`, and misses nothing.
#[utoipa::path(get, path = "/api/v1/runs/{id}/events", operation_id = "followRun", tag = "Runs",
    params(("id" = Uuid, Path, description = "The run"),
        ("after" = Option<u64>, Query, description = "Only events after the one of this number"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same; it counts if both are there")),
    responses(
        (status = 200, description = "The events, each with its number, its type and data.", body = RunEvent, content_type = "text/event-stream"),
        (status = 204, description = "The run is over and everything has been told: browsers stop coming back."),
        Unknown, Unreadable, Always))]
async fn follow(State(app): State<App>, visitor: Visitor, Path(text): Path<String>, After(after): After) -> Result<Response, Problem> {
    let run: RunId = id(&text, "this run")?;
    if runs::is_told(&app, &visitor.caller, run, after).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let told = runs::watch(&app, &visitor.caller, run, after).await?;
    // When the store is away the stream ends, and the follower comes back with the number of the last event.
    let events = told.take_while(|told| std::future::ready(told.is_ok())).filter_map(|told| std::future::ready(told.ok().and_then(event)));
    let mut response = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn event(told: Told) -> Option<Event> {
    let (number, data) = match told {
        Told::Queued(standing) => {
            let (ahead, expected_seconds) = place(Some(&standing));
            (None, RunEvent::Queued { ahead, expected_seconds })
        }
        Told::Happened(happened) => (Some(happened.number), RunEvent::of(happened.at, happened.what)),
    };
    let event = Event::default().event(data.kind()).json_data(&data).ok()?;
    Some(match number {
        Some(number) => event.id(number.to_string()),
        None => event,
    })
}
