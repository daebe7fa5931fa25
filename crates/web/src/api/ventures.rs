//! Ventures: made from a brief, listed, put away.

use crate::Shared;
use crate::api::id;
use crate::api::paging::{Listing, Page, PageParams};
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::{App, ventures};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::ids::VentureId;
use domain::ventures::RawBrief;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, change))
}

/// One business idea and everything made for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Venture {
    id: Uuid,
    /// What is to be sold.
    #[schema(examples("vegan leather hiking boots"))]
    product_idea: String,
    /// How it speaks: `witty-dad`, `professional`, `casual-friend` or the owner's own words.
    brand_voice: String,
    /// Who asks, by key.
    persona: Option<String>,
    /// `beginner`, `intermediate` or `expert`.
    experience_level: String,
    target_market: Option<String>,
    price_range: Option<String>,
    /// The language of the plan, as in ISO 639-1.
    language: String,
    /// The currency of the plan, as in ISO 4217.
    currency: String,
    created_at: DateTime<Utc>,
    /// When it was put away; `null` while it is in use.
    archived_at: Option<DateTime<Utc>>,
}

impl From<domain::ventures::Venture> for Venture {
    fn from(venture: domain::ventures::Venture) -> Self {
        let brief = venture.brief;
        Self {
            id: venture.id.0,
            product_idea: brief.idea.to_string(),
            brand_voice: brief.voice.key().to_owned(),
            persona: brief.persona.map(|persona| persona.key.to_owned()),
            experience_level: brief.experience.key().to_owned(),
            target_market: brief.target_market,
            price_range: brief.price_range,
            language: brief.language.code.to_owned(),
            currency: brief.currency.code.to_owned(),
            created_at: venture.created,
            archived_at: venture.archived,
        }
    }
}

/// What a venture is about.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", examples(json!({"productIdea": "vegan leather hiking boots", "brandVoice": "professional", "currency": "EUR"})))]
#[expect(dead_code, reason = "the shape in the document; `Fields::brief` reads it, with every fault at once")]
pub(crate) struct NewVenture {
    /// What is to be sold, in 5 to 500 characters.
    #[schema(examples("vegan leather hiking boots"))]
    product_idea: String,
    /// `witty-dad`, `professional`, `casual-friend`, or a voice of your own in two words or more; `professional` if not given.
    brand_voice: Option<String>,
    /// Who asks, such as `artisan-maker`; it sets the experience and the tone.
    persona: Option<String>,
    /// `beginner`, `intermediate` or `expert`.
    experience_level: Option<String>,
    /// At most 200 characters.
    target_market: Option<String>,
    /// At most 200 characters.
    price_range: Option<String>,
    /// As in ISO 639-1; `en` if not given.
    language: Option<String>,
    /// As in ISO 4217; `USD` if not given.
    currency: Option<String>,
}

/// A brief that was read and is not faulty.
struct Told(RawBrief);

impl Read for Told {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let raw = fields.brief();
        let mut faults = fields.all_faults();
        if let Err(Faults(more)) = ventures::read(&raw) {
            // A field that is no text is not empty as well.
            let known: Vec<String> = faults.0.iter().map(|fault| fault.field.clone()).collect();
            faults.0.extend(more.into_iter().filter(|fault| !known.contains(&fault.field)));
        }
        unless_faulty(Self(raw), faults)
    }
}

/// What is to change about a venture.
#[derive(Debug, ToSchema)]
pub(crate) struct Change {
    /// `true` puts it away: nothing is made for it any more. `false` takes it up again.
    archived: bool,
}

impl Read for Change {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let archived = fields.flag("archived");
        let mut faults = fields.all_faults();
        if archived.is_none() && faults.is_empty() {
            faults.add("archived", "is missing; it must be true or false");
        }
        unless_faulty(Self { archived: archived.unwrap_or_default() }, faults)
    }
}

/// Make a venture
///
/// The answer sets the cookie `planner_guest`; whoever sends it has the venture. Nothing is generated yet: start a run for that.
#[utoipa::path(post, path = "/api/v1/ventures", operation_id = "createVenture", tag = "Ventures", request_body = NewVenture,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the request answers with what it made the first time.")),
    responses(
        (status = 201, description = "It is made.", body = Venture, headers(("location" = String, description = "Its address"))),
        BadBody, Conflicting, Elsewhere, Always))]
async fn create(
    State(shared): State<Shared>,
    visitor: Visitor,
    jar: CookieJar,
    Asked { what: Told(raw), key }: Asked<Told>,
) -> Result<impl IntoResponse, Problem> {
    let app = &shared.app;
    let pass = shared.limits.plan(app, &visitor).await?;
    let venture = pass.used_for(app, ventures::create(app, &visitor.caller, &raw, key.as_ref()).await).await?;
    let location = [(header::LOCATION, format!("/api/v1/ventures/{}", venture.id))];
    Ok((StatusCode::CREATED, visitor.keep(app, jar), location, Json(Venture::from(venture))))
}

/// List ventures
///
/// Your own, newest first.
#[utoipa::path(get, path = "/api/v1/ventures", operation_id = "listVentures", tag = "Ventures", params(PageParams),
    responses((status = 200, description = "A page of them.", body = Listing<Venture>), Unreadable, Always))]
async fn list(State(app): State<App>, visitor: Visitor, page: Page) -> Result<Json<Listing<Venture>>, Problem> {
    let found = ventures::list(&app, &visitor.caller, page.enough(), page.before.map(VentureId)).await?;
    Ok(Json(page.of(found, |venture| venture.id.0, Venture::from)))
}

/// Get a venture
#[utoipa::path(get, path = "/api/v1/ventures/{id}", operation_id = "getVenture", tag = "Ventures",
    params(("id" = Uuid, Path, description = "The venture")),
    responses((status = 200, description = "The venture.", body = Venture), Unknown, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Json<Venture>, Problem> {
    let venture = ventures::get(&app, &visitor.caller, id(&text, "this venture")?).await?;
    Ok(Json(venture.into()))
}

/// Put a venture away, or take it up again
///
/// One that a run is going on for cannot be put away.
#[utoipa::path(patch, path = "/api/v1/ventures/{id}", operation_id = "changeVenture", tag = "Ventures", request_body = Change,
    params(("id" = Uuid, Path, description = "The venture")),
    responses((status = 200, description = "The venture as it is now.", body = Venture), Unknown, BadBody, Conflicting, Elsewhere, Always))]
async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(text): Path<String>,
    Asked { what, .. }: Asked<Change>,
) -> Result<Json<Venture>, Problem> {
    let venture = ventures::archive(&app, &visitor.caller, id(&text, "this venture")?, what.archived).await?;
    Ok(Json(venture.into()))
}
