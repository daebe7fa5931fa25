//! A scripted identity provider: `OpenID` Connect as Google speaks it, OAuth 2 as GitHub speaks it, and keys as Supabase shows them.
//!
//! Whoever comes is the person the test has named, at once and without a page. A code works once and only with its verifier, an
//! access token only for who it was given to. It goes wrong on command.

mod github;
mod grants;
mod keys;
mod openid;

pub use keys::{Key, jwks, mint};

use crate::serve::{lock, stopped};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use grants::Grants;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The client id it knows.
pub const CLIENT_ID: &str = "planner-test";
/// The secret of that client.
pub const CLIENT_SECRET: &str = "planner-test-client-secret";

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their number there.
    pub subject: u64,
    /// Their address.
    pub email: String,
    /// Whether it is verified.
    pub verified: bool,
}

/// What goes wrong until the test says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The person says no.
    Declined,
    /// The token address answers with this status.
    Token(u16),
    /// The discovery document answers with this status.
    Discovery(u16),
    /// The keys answer with this status.
    Keys(u16),
    /// What tells of the person (userinfo, `/user`, `/user/emails`) answers with this status.
    User(u16),
    /// The ID token is for another sign-in.
    WrongNonce,
    /// The ID token is for another client.
    WrongAudience,
    /// The ID token is from another issuer.
    WrongIssuer,
    /// The ID token is two minutes over its end.
    Expired,
    /// The ID token was issued in two minutes.
    NotYet,
    /// The ID token is not signed.
    AlgNone,
    /// The ID token is signed with HS256 and the public key.
    SignedWithPublicKey,
    /// The ID token is signed with HS256 and the client's secret.
    SignedWithClientSecret,
    /// The ID token names a key that is not shown.
    UnknownKey,
    /// The ID token has another person in it than was signed.
    Tampered,
    /// There is no ID token.
    NoIdToken,
    /// The ID token has no address in it; GitHub knows no address.
    NoEmail,
}

/// An identity provider that does as it is told, on a port of its own. It stops when it is dropped.
pub struct IdentityProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Closing it is the word to stop.
    _stop: watch::Sender<()>,
    /// Aborts the listener when dropped.
    _tasks: JoinSet<()>,
}

struct Shared {
    url: String,
    script: Mutex<Script>,
}

struct Script {
    person: Person,
    fault: Option<Fault>,
    key: Key<'static>,
    grants: Grants,
    calls: Vec<String>,
}

impl IdentityProvider {
    /// On a free port of the loopback address. Ana comes, `ana@example.com`, verified.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound port");
        let person = Person { subject: 1001, email: "ana@example.com".into(), verified: true };
        let script = Script { person, fault: None, key: Key::Rsa, grants: Grants::default(), calls: Vec::new() };
        let shared = Arc::new(Shared { url: format!("http://{address}"), script: Mutex::new(script) });
        let (stop, stopping) = watch::channel(());
        let app = router(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            drop(axum::serve(listener, app).with_graceful_shutdown(stopped(stopping)).await);
        });
        Self { address, shared, _stop: stop, _tasks: tasks }
    }

    /// Its address: the issuer, and what a GitHub Enterprise server has.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the keys are, for who reads tokens of a Supabase project.
    pub fn jwks_url(&self) -> String {
        format!("{}/auth/v1/.well-known/jwks.json", self.url())
    }

    /// Whoever comes from now on is this person.
    pub fn person(&self, person: Person) -> &Self {
        lock(&self.shared.script).person = person;
        self
    }

    /// What goes wrong from now on.
    pub fn fault(&self, fault: Option<Fault>) -> &Self {
        lock(&self.shared.script).fault = fault;
        self
    }

    /// Signs with this key from now on, [`Key::Rsa`] or [`Key::Ec`], and shows no other.
    pub fn key(&self, key: Key<'static>) -> &Self {
        lock(&self.shared.script).key = key;
        self
    }

    /// The paths it was asked for so far, in order.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.shared.script).calls.clone()
    }

    /// How often this path was asked for.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.shared.script).calls.iter().filter(|call| *call == path).count()
    }
}

impl Shared {
    fn fault(&self) -> Option<Fault> {
        lock(&self.script).fault
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(openid::discovery))
        .route("/jwks", get(openid::keys))
        .route("/auth/v1/.well-known/jwks.json", get(openid::keys))
        .route("/authorize", get(openid::authorize))
        .route("/token", post(openid::token))
        .route("/userinfo", get(openid::user))
        .route("/login/oauth/authorize", get(openid::authorize))
        .route("/login/oauth/access_token", post(github::token))
        .route("/user", get(github::user))
        .route("/user/emails", get(github::emails))
        .route("/api/v3/user", get(github::user))
        .route("/api/v3/user/emails", get(github::emails))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), watch))
        .with_state(shared)
}

/// Writes every call down, and fails those that are to fail.
async fn watch(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    lock(&shared.script).calls.push(path.clone());
    let status = match (shared.fault(), path.as_str()) {
        (Some(Fault::Token(status)), "/token" | "/login/oauth/access_token")
        | (Some(Fault::Discovery(status)), "/.well-known/openid-configuration")
        | (Some(Fault::Keys(status)), "/jwks" | "/auth/v1/.well-known/jwks.json") => Some(status),
        (Some(Fault::User(status)), path) if path.contains("/user") => Some(status),
        _ => None,
    };
    match status.map(StatusCode::from_u16) {
        Some(status) => (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "Scripted to fail.").into_response(),
        None => next.run(request).await,
    }
}
