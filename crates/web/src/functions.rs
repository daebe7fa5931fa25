//! `/functions/v1/generate-<section>`: what a Supabase project's edge functions offered, so that a front end made for them works
//! against us unchanged.

use crate::Shared;
use crate::error::Problem;
use crate::fields::Fields;
use crate::limits;
use crate::requests::{Asked, IDEMPOTENCY_KEY, LARGEST, Path};
use crate::visitors::Visitor;
use app::briefs::{self, Said};
use app::generations::{self, Order};
use app::{App, Caller, RequestKey};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::faults::Faults;
use domain::generations::Generation;
use domain::ids::VentureId;
use domain::sections::SectionName;

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
    Asked { what, key }: Asked<Fields>,
) -> Result<Response, Problem> {
    let app = &shared.app;
    let section = section(app, &name)?;
    let order = Order { fresh: asks_anew(&headers), ..order(app, section, what, key)? };
    let caller = visitor.asking_again(headers.get(IDEMPOTENCY_KEY));
    let pass = shared.limits.generation(app, &visitor).await?;
    match answer(app, &caller, order).await {
        Ok((generation, mut response)) => {
            pass.write(response.headers_mut());
            limits::describe_quota(app, &caller, response.headers_mut()).await;
            // An answer that is given again costs nothing, of the limit neither.
            if generation.cached {
                pass.give_back(app).await;
            }
            Ok(response)
        }
        Err(problem) => {
            pass.give_back(app).await;
            Err(problem)
        }
    }
}

/// Whether the caller wants no answer that was given before, as HTTP says it.
fn asks_anew(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-cache"))
}

async fn answer(app: &App, caller: &Caller, order: Order) -> Result<(Generation, Response), Problem> {
    let generation = generations::generate_for_caller(app, caller, order).await?;
    let output = generations::promised(&generation)?;
    let mut response = Json(output).into_response();
    describe(&generation, response.headers_mut());
    Ok((generation, response))
}

fn section(app: &App, function: &str) -> Result<SectionName, Problem> {
    let name = function.strip_prefix("generate-").and_then(|name| SectionName::parse(name).ok());
    name.filter(|name| app.release().section(name).is_some()).ok_or_else(|| {
        let known: Vec<String> = app.release().sections().iter().map(|t| format!("generate-{}", t.name)).collect();
        Problem::new(StatusCode::NOT_FOUND, format!("there is no such function; there are {}", known.join(", ")))
    })
}

/// Reads the body into an order, or names every fault of every field.
fn order(app: &App, section: SectionName, mut body: Fields, key: Option<RequestKey>) -> Result<Order, Problem> {
    let venture = body.text("ventureId");
    body.refuse_privileges();
    let mut faults = body.faults();
    let venture = faults.take(venture.map(|id| id.parse::<VentureId>().map_err(|_| unknown_venture())).transpose()).flatten();
    let release = app.release();
    let said = release.section(&section).and_then(|template| faults.take(briefs::read(&release, template, body.given())));
    match said {
        Some(Said { brief, feedback, earlier }) if faults.is_empty() => {
            let seed = uuid::Uuid::new_v4().as_u64_pair().0;
            Ok(Order { section, brief, venture, run: None, lease: None, earlier, feedback, seed, key, fresh: false, reserved: None })
        }
        _ => Err(app::Error::Invalid(faults).into()),
    }
}

fn unknown_venture() -> Faults {
    domain::faults::Fault::new("ventureId", "is not a venture's id").into()
}

fn describe(generation: &Generation, headers: &mut HeaderMap) {
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("x-generation-id", generation.id.to_string());
    put("x-prompt-version", generation.prompt_version.clone());
    put("x-cache", if generation.cached { "hit" } else { "miss" }.into());
    put("x-confidence", generation.confidence.key().into());
    put("x-trace-id", generation.trace.0.simple().to_string());
    put("x-model", generation.model.clone());
    let domain::usage::Usage { tokens, cost, .. } = generation.usage;
    put("x-input-tokens", tokens.input.to_string());
    put("x-output-tokens", tokens.output.to_string());
    // Without a price nobody knows what it cost, and nothing is said.
    if let Some(cost) = cost {
        put("x-cost-usd", cost.to_string().trim_start_matches('$').to_owned());
    }
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
        HeaderValue::from_static("authorization, x-client-info, apikey, content-type, x-region, idempotency-key, cache-control"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-generation-id, x-prompt-version, x-cache, x-confidence, x-trace-id, x-model, x-input-tokens, x-output-tokens, x-cost-usd, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after"),
    );
    response
}
