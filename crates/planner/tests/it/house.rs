//! A planner in a temporary folder over a scripted upstream.

use crate::databases;
use crate::people::Browser;
use app::jobs::{What, Workers};
use app::{App, Caller, runs, ventures};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use domain::ids::{OwnerId, RunId};
use domain::runs::VentureRun;
use domain::ventures::{RawBrief, Venture};
use planner::config::Config;
use planner::wire;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use store::{Run, Store};
use tempfile::TempDir;
use testkit::Upstream;
use tower::ServiceExt as _;

/// The key the upstream is asked with; it may be seen nowhere else.
pub const KEY: &str = "planted-secret-key-4711";

/// What is in the cookie of a guest who comes back.
pub const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The cookie of that guest, as this house signs it.
pub fn guest_cookie(app: &App) -> String {
    format!("planner_guest={TOKEN}.{}", app::sign(app, "guest", TOKEN))
}

pub struct House {
    pub app: App,
    pub upstream: Upstream,
    pub router: Router,
    pub dir: TempDir,
    config: Config,
    /// Everything that was answered, with the request, but for the cookies that have to hold secrets.
    transcript: Mutex<Vec<(String, String)>>,
}

const SETTINGS: web::Settings = web::Settings { generations_per_hour: 1000, plans_per_hour: 1000, secure: false, trusted_proxies: 0 };

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

impl House {
    /// Requests whose answers have this in them.
    pub fn answers_with(&self, text: &str) -> Vec<String> {
        let transcript = self.transcript.lock().expect("no panic meanwhile");
        transcript.iter().filter(|(_, answer)| answer.contains(text)).map(|(asked, _)| asked.clone()).collect()
    }

    pub async fn open() -> Self {
        Self::with(None, |_| {}).await
    }

    /// On a fresh database of the Postgres server of the tests.
    pub async fn on_postgres() -> Self {
        let urls = databases::fresh().await;
        let house =
            Self::built(|config| (config.keys.database, config.keys.database_owner) = (Some(urls.app.into()), Some(urls.owner.into())));
        let house = house.await;
        house.start_workers();
        house
    }

    /// Nobody does its jobs until [`House::start_workers`].
    pub async fn without_workers() -> Self {
        Self::built(|_| {}).await
    }

    pub fn start_workers(&self) {
        start_workers(&self.app);
    }

    pub async fn with(prompts: Option<&Path>, change: impl FnOnce(&mut llm::Settings)) -> Self {
        let (upstream, dir) = Self::ground().await;
        let app = app(&upstream, dir.path(), prompts, change).await;
        Self::around(app, upstream, dir)
    }

    /// With another configuration, and workers.
    pub async fn furnished(change: impl FnOnce(&mut Config)) -> Self {
        let house = Self::built(change).await;
        house.start_workers();
        house
    }

    /// The same on a fresh database of the Postgres server of the tests.
    pub async fn furnished_on_postgres(change: impl FnOnce(&mut Config)) -> Self {
        let urls = databases::fresh().await;
        Self::furnished(|config| {
            (config.keys.database, config.keys.database_owner) = (Some(urls.app.into()), Some(urls.owner.into()));
            change(config);
        })
        .await
    }

    async fn built(place: impl FnOnce(&mut Config)) -> Self {
        let (upstream, dir) = Self::ground().await;
        let mut config = config(&upstream, dir.path());
        place(&mut config);
        let app = idle_app(&config, |_| {}).await;
        let mut house = Self::around(app, upstream, dir);
        house.config = config;
        house
    }

    /// Another process over the same database, whose jobs nobody does.
    pub async fn replica(&self) -> Router {
        web::router(self.other(|_| {}).await, &SETTINGS)
    }

    /// The same with another configuration.
    pub async fn other(&self, change: impl FnOnce(&mut Config)) -> App {
        let mut config = self.config.clone();
        change(&mut config);
        idle_app(&config, |_| {}).await
    }

    /// The store below, for what no page shows.
    pub async fn store(&self) -> Store {
        Store::open(wire::place(&self.config)).await.expect("a store")
    }

    async fn ground() -> (Upstream, TempDir) {
        // What `main` does first; the second call in one process changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        (Upstream::start().await, TempDir::new().expect("a temporary folder"))
    }

    fn around(app: App, upstream: Upstream, dir: TempDir) -> Self {
        let router = web::router(app.clone(), &SETTINGS);
        let config = config(&upstream, dir.path());
        Self { app, upstream, router, dir, config, transcript: Mutex::default() }
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let asked = format!("{} {}", request.method(), request.uri());
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000_000).await.expect("a whole body");
        let reply = Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() };
        assert!(!reply.body.contains(KEY), "the key is in a response");
        let headers = reply.headers.iter().filter(|(name, _)| *name != "set-cookie");
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
        let headers = headers.join("\n");
        self.transcript.lock().expect("no panic meanwhile").push((asked, format!("{headers}\n{}", reply.body)));
        assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", reply.body);
        reply
    }

    /// What is no text.
    pub async fn bytes(&self, path: &str, cookie: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::get(path).header("cookie", cookie).body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let status = response.status();
        (status, axum::body::to_bytes(response.into_body(), 10_000_000).await.expect("a whole body").to_vec())
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Reply {
        let request = Request::get(path).header("accept", "text/html").header("cookie", cookie);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub async fn function(&self, name: &str, body: &Value) -> Reply {
        self.function_by(name, body, ("x-nothing", "")).await
    }

    /// Calls a function with a cookie or a token.
    pub async fn function_by(&self, name: &str, body: &Value, (header, value): (&str, &str)) -> Reply {
        let request = Request::post(format!("/functions/v1/{name}")).header("content-type", "application/json").header(header, value);
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// Sends the idea form; the venture's path and the cookie.
    pub async fn make_plan(&self, idea: &str) -> (String, String) {
        let mut browser = Browser::default();
        let reply = browser.send(self, "/", "/ventures", &[("productIdea", idea), ("brandVoice", "professional")]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        (reply.header("location").to_owned(), browser.cookies())
    }

    /// A venture with a run that nobody drives, as a process that died leaves it behind.
    pub async fn unfinished_run(&self, who: &Caller, idea: &str) -> (Venture, RunId) {
        let venture =
            ventures::create(&self.app, who, &RawBrief { idea: idea.into(), ..RawBrief::default() }, None).await.expect("a venture");
        let (id, created) = (RunId::new(), chrono::Utc::now());
        let sections = runs::choose(&self.app, &[]).expect("all");
        let state = VentureRun::Running { since: created };
        let store = Store::open(self.dir.path()).await.expect("a store");
        let tx = store.tenant(who.owner).await.expect("a transaction");
        tx.insert_run(&Run { id, owner: who.owner, venture: venture.id, sections, state, created }).await.expect("kept");
        tx.commit().await.expect("kept");
        (venture, id)
    }

    /// Reads the events of a venture until its run is over.
    pub async fn until_finished(&self, path: &str, cookie: &str) {
        let events = format!("{path}/events");
        let events = self.get(&events, cookie);
        let reply = tokio::time::timeout(Duration::from_mins(1), events).await.expect("the run ends");
        assert!(reply.body.contains("event: finished"), "{}", reply.body);
    }
}

impl Drop for House {
    /// A story is over when everything it scripted has happened and the upstream understood every call.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_eq!(self.upstream.waiting(), [], "scripted faults that no call has met");
        let rejected = self.upstream.calls().into_iter().filter(|call| call.fault.as_deref() == Some("rejected"));
        assert_eq!(rejected.map(|call| call.path).collect::<Vec<_>>(), [""; 0], "calls the upstream could not read");
    }
}

pub async fn app(upstream: &Upstream, dir: &Path, prompts: Option<&Path>, change: impl FnOnce(&mut llm::Settings)) -> App {
    let mut config = config(upstream, dir);
    config.prompts.dir = prompts.map(|dir| dir.display().to_string()).unwrap_or_default();
    let app = idle_app(&config, change).await;
    start_workers(&app);
    app
}

fn start_workers(app: &App) {
    app.start_workers(Workers { most: 16, what: What::Everything, lease: Duration::from_secs(12) });
}

fn config(upstream: &Upstream, dir: &Path) -> Config {
    let mut config = Config::defaults().expect("defaults");
    dir.clone_into(&mut config.data.dir);
    config.keys.gemini = Some(KEY.to_owned().into());
    config.keys.gemini_url = Some(upstream.url());
    config
}

async fn idle_app(config: &Config, change: impl FnOnce(&mut llm::Settings)) -> App {
    let mut models = wire::models(config);
    (models.first_wait, models.longest_wait, models.breaker_after) = (Duration::from_millis(1), Duration::from_millis(1500), 1000);
    change(&mut models);
    assert!(!format!("{models:?} {config:?}").contains(KEY), "the key can be printed");
    let library = wire::library(config).unwrap_or_else(|faults| panic!("{faults}"));
    wire::app_over(config, library, models).await.expect("the app is wired")
}

/// A question that nobody has asked before, so that no answer to it is kept.
pub fn new_idea() -> Value {
    // Not numbered from 0: the Redis of the tests outlives a process and remembers what the last one asked.
    let number = uuid::Uuid::new_v4().as_fields().0;
    json!({"productIdea": format!("vegan leather hiking boots, pair {number}"), "brandVoice": "professional"})
}

pub fn idea() -> Value {
    json!({"productIdea": "vegan leather hiking boots for women", "brandVoice": "professional"})
}

/// Whose a visitor's work is: a hash of the cookie. It stays what it is, or everybody's ventures would be lost to them.
pub fn owner(token: &str) -> OwnerId {
    let digest = sha2::Sha256::digest(token.as_bytes());
    OwnerId(uuid::Builder::from_custom_bytes(digest[..16].try_into().expect("16 bytes")).into_uuid())
}
