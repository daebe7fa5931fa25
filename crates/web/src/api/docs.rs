//! The document about the API, made from its routes, and a page to browse it.
//!
//! The page is Swagger UI in its base layout: that one runs under our content security policy, without a style or script inline and
//! with nothing from elsewhere.

use crate::Shared;
use crate::error::{FaultShape, Written};
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_swagger_ui::{Config, SwaggerUi};

const ADDRESS: &str = "/api/v1/openapi.json";

/// What is said about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    components(schemas(Written, FaultShape)),
    info(title = "E-commerce Planner", license(name = "Proprietary"), description = "From a product idea to a complete e-commerce plan: make a venture, start a run, follow its events, read its sections.\n\nEverything belongs to the guest whose cookie `planner_guest` comes along; the answer to a new venture sets it. Errors are `application/problem+json`: `detail` says what is wrong and what to do, `errors` names each faulty field."),
    tags((name = "Ventures"), (name = "Runs"), (name = "Sections"), (name = "Exports")),
)]
struct About;

pub(crate) fn about() -> Document {
    About::openapi()
}

pub(crate) fn routes(document: &Document) -> Router<Shared> {
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let serve = move || async move { ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], text) };
    let pages: Router<Shared> = SwaggerUi::new("/api/docs").config(Config::new([ADDRESS]).validator_url("none").use_base_layout()).into();
    Router::new().route(ADDRESS, get(serve)).merge(pages)
}
