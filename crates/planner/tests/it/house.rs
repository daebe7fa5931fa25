//! A planner in a temporary folder over a scripted upstream.

use crate::databases;
use app::jobs::Workers;
use app::{App, Guest, runs, ventures};
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
use std::time::Duration;
use store::{Run, Store};
use tempfile::TempDir;
use testkit::Upstream;
use tower::ServiceExt as _;

/// The key the upstream is asked with; it may be seen nowhere else.
pub const KEY: &str = "planted-secret-key-4711";

/// The cookie of somebody who comes back.
pub const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub struct House {
    pub app: App,
    pub upstream: Upstream,
    pub router: Router,
    pub dir: TempDir,
}

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

    async fn built(place: impl FnOnce(&mut Config)) -> Self {
        let (upstream, dir) = Self::ground().await;
        let mut config = config(&upstream, dir.path());
        place(&mut config);
        let app = idle_app(&config, |_| {}).await;
        Self::around(app, upstream, dir)
    }

    async fn ground() -> (Upstream, TempDir) {
        // What `main` does first; the second call in one process changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        (Upstream::start().await, TempDir::new().expect("a temporary folder"))
    }

    fn around(app: App, upstream: Upstream, dir: TempDir) -> Self {
        let settings = web::Settings { generations_per_hour: 1000, plans_per_hour: 1000, secure: false, trusted_proxies: 0 };
        let router = web::router(app.clone(), &settings);
        Self { app, upstream, router, dir }
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000_000).await.expect("a whole body");
        let reply = Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() };
        assert!(!reply.body.contains(KEY), "the key is in a response");
        assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", reply.body);
        reply
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Reply {
        let request = Request::get(path).header("accept", "text/html").header("cookie", cookie);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub async fn function(&self, name: &str, body: &Value) -> Reply {
        let request = Request::post(format!("/functions/v1/{name}")).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// Sends the idea form; the venture's path and the cookie.
    pub async fn make_plan(&self, idea: &str) -> (String, String) {
        let body = format!("productIdea={}&brandVoice=professional", idea.replace(' ', "+"));
        let request = Request::post("/ventures").header("content-type", "application/x-www-form-urlencoded").body(Body::from(body));
        let reply = self.send(request.expect("a request")).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        let cookie = reply.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        (reply.header("location").to_owned(), cookie)
    }

    /// A venture with a run that nobody drives, as a process that died leaves it behind.
    pub async fn unfinished_run(&self, who: &Guest, idea: &str) -> (Venture, RunId) {
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
    app.start_workers(Workers { most: 16, only: None, lease: Duration::from_secs(12) });
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
