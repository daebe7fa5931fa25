//! Several processes that share a database and a Redis: a limit holds for all of them, and news of a run made by one reaches the others.

use crate::databases::{Servers, fresh, variable};
use crate::house::{KEY, new_idea};
use app::jobs::Workers;
use app::{App, Caller, runs};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use domain::ids::OwnerId;
use domain::ventures::{Brief, RawBrief};
use futures::StreamExt as _;
use planner::config::Config;
use planner::wire;
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::{Fault, Upstream};
use tower::ServiceExt as _;

struct Replica {
    app: App,
    router: Router,
}

impl Replica {
    async fn start(config: &Config) -> Self {
        let app = wire::app(config).await.expect("the app is wired");
        let settings = web::Settings { generations_per_hour: 2, plans_per_hour: 1, secure: false, trusted_proxies: 1 };
        Self { router: web::router(app.clone(), &settings), app }
    }

    /// A section for somebody at this address.
    async fn generate(&self, address: &str) -> Response<Body> {
        let request = Request::post("/functions/v1/generate-swot")
            .header("content-type", "application/json")
            .header("x-forwarded-for", format!("6.6.6.6, {address}"));
        self.router.clone().oneshot(request.body(Body::from(new_idea().to_string())).expect("a request")).await.expect("answers")
    }

    /// Where it says that it shares.
    async fn shared(&self) -> String {
        let request = Request::get("/readyz").body(Body::empty()).expect("a request");
        let body = self.router.clone().oneshot(request).await.expect("answers").into_body();
        let body: Value = serde_json::from_slice(&axum::body::to_bytes(body, 100_000).await.expect("a body")).expect("JSON");
        body["shared"].as_str().expect("a text").to_owned()
    }
}

fn config(upstream: &Upstream, database: (String, String), redis: String) -> Config {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::defaults().expect("defaults");
    config.keys.gemini = Some(KEY.to_owned().into());
    config.keys.gemini_url = Some(upstream.url());
    config.keys.database = Some(database.0.into());
    config.keys.database_owner = Some(database.1.into());
    config.keys.redis = Some(redis.into());
    config
}

/// Somewhere nobody else is: the Redis of the tests is shared by all of them.
fn somewhere() -> String {
    let [.., a, b, c] = *uuid::Uuid::new_v4().as_bytes();
    format!("10.{a}.{b}.{c}")
}

fn left(response: &Response<Body>) -> &str {
    response.headers().get("ratelimit-remaining").and_then(|left| left.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_holds_for_all_replicas_and_each_address() {
    let (upstream, urls) = (Upstream::start().await, fresh().await);
    let config = config(&upstream, (urls.app, urls.owner), variable("PLANNER_TEST_REDIS"));
    let (one, two) = (Replica::start(&config).await, Replica::start(&config).await);
    assert_eq!((one.shared().await.as_str(), two.shared().await.as_str()), ("redis", "redis"));
    let (ana, bob) = (somewhere(), somewhere());
    assert_eq!(left(&one.generate(&ana).await), "1");
    // What failed does not count.
    upstream.always(Some(Fault::Status { code: 400, retry_after: None }));
    assert_eq!(two.generate(&ana).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    upstream.reset();
    assert_eq!(left(&two.generate(&ana).await), "0");
    for replica in [&one, &two] {
        let refused = replica.generate(&ana).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key("retry-after"));
    }
    assert_eq!(left(&one.generate(&bob).await), "1");
    one.app.shut_down().await;
    two.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_at_one_replica_hears_what_another_makes() {
    let (upstream, urls) = (Upstream::start().await, fresh().await);
    let config = config(&upstream, (urls.app, urls.owner), variable("PLANNER_TEST_REDIS"));
    let (maker, watcher) = (Replica::start(&config).await, Replica::start(&config).await);
    upstream.latency(Duration::from_millis(200));
    let who = Caller::operator(OwnerId::new());
    let raw = RawBrief { idea: "beeswax candles".into(), ..RawBrief::default() };
    let run = runs::start_new(&watcher.app, &who, Brief::parse(&raw).expect("valid")).await.expect("a run");
    maker.app.start_workers(Workers { most: 16, ..wire::workers(&config, &maker.app) });
    let watch = async |replica: &Replica| {
        let events = runs::follow(&replica.app, &who, run.id, 0).await.expect("events");
        let times: Vec<Instant> = events.map(|event| event.map(|_| Instant::now()).expect("an event")).collect().await;
        times
    };
    let both = tokio::time::timeout(Duration::from_mins(1), async { tokio::join!(watch(&maker), watch(&watcher)) });
    let (near, far) = both.await.expect("the run ends");
    assert_eq!(near.len(), far.len());
    assert!(far.len() >= 27, "every section's beginning and end, and the run's");
    let late = far.iter().zip(&near).map(|(far, near)| far.saturating_duration_since(*near)).max().expect("events");
    assert!(late < Duration::from_secs(2), "it was not looked for, which takes up to 5 s, but rung: {late:?}");
    maker.app.shut_down().await;
    watcher.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_goes_away_is_not_missed() {
    let (servers, upstream) = (tokio::task::spawn_blocking(Servers::start).await.expect("joined"), Upstream::start().await);
    let database = (servers.variable("PLANNER_TEST_PG_APP"), servers.variable("PLANNER_TEST_PG_OWNER"));
    let config = config(&upstream, database, servers.variable("PLANNER_TEST_REDIS"));
    let replica = Replica::start(&config).await;
    let until = async |wanted: fn(&str) -> bool| {
        let since = Instant::now();
        while !wanted(&replica.shared().await) {
            assert!(since.elapsed() < Duration::from_secs(30), "not yet, but {}", replica.shared().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until(|shared| shared == "redis").await;
    let ana = somewhere();
    assert_eq!(left(&replica.generate(&ana).await), "1");
    servers.tell("PLANNER_TEST_REDIS_CTL", "crash").await;
    until(|shared| shared.starts_with("redis away since 20")).await;
    assert_eq!(left(&replica.generate(&ana).await), "0", "what was taken before is remembered");
    assert_eq!(replica.generate(&ana).await.status(), StatusCode::TOO_MANY_REQUESTS);
    servers.tell("PLANNER_TEST_REDIS_CTL", "start").await;
    until(|shared| shared == "redis").await;
    assert_eq!(replica.generate(&somewhere()).await.status(), StatusCode::OK);
    replica.app.shut_down().await;
}
