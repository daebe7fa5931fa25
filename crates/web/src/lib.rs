//! HTTP in, HTTP out: pages, functions, the API, health. A handler reads the request, calls one use case and renders what came back.

mod api;
mod assets;
mod error;
mod fields;
mod functions;
mod guards;
mod health;
mod limits;
pub mod pages;
mod paths;
mod requests;
mod views;
mod visitors;

pub use limits::Limits;

use app::App;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// How this room behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Section generations one address may ask of the functions in an hour.
    pub generations_per_hour: u32,
    /// Plans one address may start in an hour.
    pub plans_per_hour: u32,
    /// Whether the outside reaches us over TLS: cookies are then marked `Secure`.
    pub secure: bool,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    app: App,
    limits: Arc<Limits>,
    secure: bool,
}

impl FromRef<Shared> for App {
    fn from_ref(shared: &Shared) -> Self {
        shared.app.clone()
    }
}

/// Only whether the process lives and can work, for one that answers nobody else.
pub fn health_only(app: App, settings: &Settings) -> Router {
    let shared = Shared { app, limits: Arc::new(Limits::new(settings)), secure: settings.secure };
    health::routes().fallback(error::not_found).with_state(shared)
}

/// Every route over the app. Serve it with connect info, which the limits per address need.
pub fn router(app: App, settings: &Settings) -> Router {
    let shared = Shared { app, limits: Arc::new(Limits::new(settings)), secure: settings.secure };
    Router::new()
        .merge(pages::routes())
        .merge(functions::routes())
        .merge(api::routes())
        .merge(health::routes())
        .merge(assets::routes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(middleware::from_fn(guards::same_site))
        .layer(middleware::from_fn(guards::security_headers))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(shared)
}
