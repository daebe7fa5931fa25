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
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

const ADDRESS: &str = "/api/v1/openapi.json";

/// What is said about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    components(schemas(Written, FaultShape)),
    info(title = "E-commerce Planner", license(name = "Proprietary"), description = "From a product idea to a complete e-commerce plan: make a venture, start a run, follow its events, read its sections.\n\nWho asks is said by `Authorization: Bearer` and a token from the account page, or by the cookie of somebody signed in. Without either, everything belongs to the guest whose cookie `planner_guest` comes along; the answer to a new venture sets it. Errors are `application/problem+json`: `detail` says what is wrong and what to do, `errors` names each faulty field."),
    modifiers(&Credentials),
    tags((name = "Ventures"), (name = "Runs"), (name = "Sections"), (name = "Exports"), (name = "Account"), (name = "Team")),
)]
struct About;

/// How a request says who asks; none is needed to be a guest.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token from the account page.")).build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
        let optional: [&str; 0] = [];
        document.security = Some(vec![SecurityRequirement::default(), SecurityRequirement::new("token", optional)]);
    }
}

pub(crate) fn about() -> Document {
    About::openapi()
}

pub(crate) fn routes(document: &Document) -> Router<Shared> {
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let serve = move || async move { ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], text) };
    let pages: Router<Shared> = SwaggerUi::new("/api/docs").config(Config::new([ADDRESS]).validator_url("none").use_base_layout()).into();
    Router::new().route(ADDRESS, get(serve)).merge(pages)
}
