//! HTTP in, HTTP out: pages, functions, the API, health. A handler reads the request, calls one use case and renders what came back.

mod api;
mod assets;
mod connections;
mod error;
mod fields;
mod functions;
mod guards;
mod health;
mod limits;
pub mod pages;
mod paths;
mod requests;
mod shell;
mod views;
mod visitors;

pub use connections::{Patience, serve};

use app::App;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware;
use limits::Limits;
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
    /// Proxies in front of this process, whose `X-Forwarded-For` is believed; without one an address is the peer's.
    pub trusted_proxies: usize,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    app: App,
    limits: Limits,
    secure: bool,
    trusted_proxies: usize,
}

impl Shared {
    fn new(app: App, settings: &Settings) -> Self {
        Self { app, limits: Limits::new(settings), secure: settings.secure, trusted_proxies: settings.trusted_proxies }
    }
}

impl FromRef<Shared> for App {
    fn from_ref(shared: &Shared) -> Self {
        shared.app.clone()
    }
}

/// Only whether the process lives and can work, for one that answers nobody else.
pub fn health_only(app: App, settings: &Settings) -> Router {
    let shared = Shared::new(app, settings);
    health::routes().fallback(error::not_found).with_state(shared)
}

/// Every route over the app. Serve it with connect info, which the limits per address need.
pub fn router(app: App, settings: &Settings) -> Router {
    let shared = Shared::new(app, settings);
    Router::new()
        .merge(pages::routes())
        .merge(functions::routes())
        .merge(api::routes())
        .merge(health::routes())
        .merge(assets::routes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(middleware::from_fn(guards::same_site))
        .layer(middleware::map_request(connections::impatient))
        .layer(middleware::from_fn_with_state(shared.clone(), guards::security_headers))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(shared)
}
