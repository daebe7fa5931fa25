//! `/functions/v1/generate-<section>`: what a Supabase project's edge functions offered, so that a front end made for them works
//! against us unchanged.

use crate::Shared;
use crate::error::Problem;
use crate::requests::Path;
use crate::visitors::Visitor;
use app::App;
use app::generations::{self, Order};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::faults::Faults;
use domain::generations::Generation;
use domain::ids::VentureId;
use domain::sections::SectionName;
use domain::ventures::{Brief, RawBrief, feedback};
use serde_json::{Map, Value};

/// Largest body, in bytes: an idea and every earlier section fit many times.
const LARGEST: usize = 256 * 1024;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/functions/v1/{name}", post(generate).options(preflight))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(axum::middleware::map_response(cross_origin))
}

async fn generate(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Problem> {
    let app = &shared.app;
    let section = section(app, &name)?;
    let body = object(&headers, body)?;
    let order = order(app, section, &body)?;
    let left = shared.limits.generation(visitor.address)?;
    let generation = generations::generate_for_caller(app, &visitor.guest, order).await?;
    let output = generations::promised(&generation)?;
    let mut response = Json(output).into_response();
    describe(&generation, response.headers_mut());
    left.write(response.headers_mut());
    Ok(response)
}

fn section(app: &App, function: &str) -> Result<SectionName, Problem> {
    let name = function.strip_prefix("generate-").and_then(|name| SectionName::parse(name).ok());
    name.filter(|name| app.release().section(name).is_some()).ok_or_else(|| {
        let known: Vec<String> = app.release().sections().iter().map(|t| format!("generate-{}", t.name)).collect();
        Problem::new(StatusCode::NOT_FOUND, format!("there is no such function; there are {}", known.join(", ")))
    })
}

fn object(headers: &HeaderMap, body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> Result<Map<String, Value>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as content-type: application/json"));
    }
    let body = body.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} KiB", LARGEST / 1024))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "the body could not be read to its end"),
    })?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the body must be a JSON object such as {\"productIdea\": \"...\", \"brandVoice\": \"...\"}",
        )),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))),
    }
}

/// Reads the body into an order, or names every fault of every field.
fn order(app: &App, section: SectionName, body: &Map<String, Value>) -> Result<Order, Problem> {
    let mut faults = Faults::default();
    let mut text = |key: &str| match body.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            faults.add(key, "must be a text");
            None
        }
    };
    let raw = RawBrief {
        idea: text("productIdea").unwrap_or_default(),
        voice: text("brandVoice"),
        persona: text("persona"),
        experience: text("experienceLevel"),
        target_market: text("targetMarket"),
        price_range: text("priceRange"),
        language: text("language"),
        currency: text("currency"),
    };
    let venture = text("ventureId");
    let venture = faults.take(venture.map(|id| id.parse::<VentureId>().map_err(|_| unknown_venture())).transpose()).flatten();
    let brief = faults.take(Brief::parse(&raw));
    let feedback = faults.take(texts(body.get("previousFeedback")).and_then(|given| feedback(&given)));
    let earlier = faults.take(earlier(app, &section, body));
    match (brief, feedback, earlier) {
        (Some(brief), Some(feedback), Some(earlier)) if faults.is_empty() => {
            let seed = uuid::Uuid::new_v4().as_u64_pair().0;
            Ok(Order { section, brief, venture, run: None, lease: None, earlier, feedback, seed, key: None })
        }
        _ => Err(app::Error::Invalid(faults).into()),
    }
}

fn unknown_venture() -> Faults {
    domain::faults::Fault::new("ventureId", "is not a venture's id").into()
}

fn texts(given: Option<&Value>) -> Result<Vec<String>, Faults> {
    let wrong = || Faults::from(domain::faults::Fault::new("previousFeedback", "must be a list of texts"));
    match given {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|i| i.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

/// Earlier sections the body brings along under their camelCase names; each must have its section's form.
fn earlier(app: &App, section: &SectionName, body: &Map<String, Value>) -> Result<Map<String, Value>, Faults> {
    let mut faults = Faults::default();
    let mut found = Map::new();
    let needed = app.release().section(section).map(|t| t.depends_on.clone()).unwrap_or_default();
    for template in needed.iter().filter_map(|name| app.release().section(name)) {
        let key = template.name.camel();
        let Some(value) = body.get(&key).filter(|v| !v.is_null()) else { continue };
        for issue in template.check_output(value).iter().filter(|i| i.rule == "schema").take(5) {
            faults.add(format!("{key}{}", issue.at), issue.message.clone());
        }
        found.insert(key, value.clone());
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn describe(generation: &Generation, headers: &mut HeaderMap) {
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("x-generation-id", generation.id.to_string());
    put("x-prompt-version", generation.prompt_version.clone());
    put("x-cache", "miss".into());
    put("x-confidence", generation.confidence.key().into());
    put("x-trace-id", generation.trace.0.simple().to_string());
    put("x-model", generation.model.clone());
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Front ends on other origins call these functions, as they called Supabase's.
async fn cross_origin(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, x-client-info, apikey, content-type, x-region"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-generation-id, x-prompt-version, x-cache, x-confidence, x-trace-id, x-model, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after"),
    );
    response
}
