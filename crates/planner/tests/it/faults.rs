//! Servers that go away while people work: requests wait briefly and are told, nothing is lost, and everything recovers by itself.

use crate::databases::Servers;
use crate::house::KEY;
use app::jobs::{What, Workers};
use app::{Caller, runs};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::ids::OwnerId;
use domain::runs::VentureRun;
use domain::ventures::{Brief, RawBrief};
use planner::config::Config;
use planner::wire;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use testkit::Upstream;
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_and_a_redis_that_crash_under_load_lose_nothing() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (servers, upstream) = (tokio::task::spawn_blocking(Servers::start).await.expect("joined"), Upstream::start().await);
    upstream.latency(Duration::from_millis(150));
    let mut config = Config::defaults().expect("defaults");
    config.keys.gemini = Some(KEY.to_owned().into());
    config.keys.gemini_url = Some(upstream.url());
    config.keys.database = Some(servers.variable("PLANNER_TEST_PG_APP").into());
    config.keys.database_owner = Some(servers.variable("PLANNER_TEST_PG_OWNER").into());
    config.keys.redis = Some(servers.variable("PLANNER_TEST_REDIS").into());
    config.database.patience_seconds = 2;
    let app = wire::app(&config).await.expect("the app is wired");
    app.start_workers(Workers { most: 16, what: What::Everything, lease: Duration::from_secs(4) });
    let router =
        web::router(app.clone(), &web::Settings { generations_per_hour: 1000, plans_per_hour: 1000, secure: false, trusted_proxies: 0 });
    let who = Caller::operator(OwnerId::new());
    let mut started = Vec::new();
    for at in 0..8 {
        let raw = RawBrief { idea: format!("beeswax candles number {at}"), ..RawBrief::default() };
        started.push(runs::start_new(&app, &who, Brief::parse(&raw).expect("valid")).await.expect("a run"));
    }
    while upstream.calls().len() < 12 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(app.shared(), "redis");
    servers.tell("PLANNER_TEST_REDIS_CTL", "crash").await;
    while upstream.calls().len() < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    servers.tell("PLANNER_TEST_PG_CTL", "crash").await;
    let since = Instant::now();
    let ask = || async {
        let request = Request::get("/ventures").header("accept", "text/html").body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("answers")
    };
    let told = ask().await;
    assert_eq!(told.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(told.headers().contains_key("retry-after"));
    let page = axum::body::to_bytes(told.into_body(), 1_000_000).await.expect("a page");
    assert!(String::from_utf8_lossy(&page).contains("http-equiv=\"refresh\""), "the page comes back by itself");
    assert!(since.elapsed() < Duration::from_secs(8), "it waits briefly: {:?}", since.elapsed());
    servers.tell("PLANNER_TEST_PG_CTL", "start").await;
    servers.tell("PLANNER_TEST_REDIS_CTL", "start").await;
    let ended = async {
        for run in &started {
            loop {
                match runs::see(&app, &who, run.id).await {
                    Ok(seen) if !seen.run.state.is_open() => break,
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(90), ended).await.expect("every run ends by itself");
    assert_eq!(ask().await.status(), StatusCode::OK);
    let back = async {
        while app.shared() != "redis" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("Redis is used again");
    let store = wire::open(&config).await.expect("the store");
    let tx = store.tenant_read(who.owner).await.expect("a transaction");
    let mut recorded = HashSet::new();
    for run in &started {
        let state = tx.run(run.id).await.expect("reads").expect("is there").state;
        assert!(matches!(&state, VentureRun::Finished { failed, .. } if failed.is_empty()), "{state:?}");
        assert_eq!(tx.current_sections(run.venture).await.expect("reads").len(), 13);
        let made = tx.generations_of_run(run.id).await.expect("reads");
        assert_eq!(made.iter().filter(|made| !made.was_stopped()).count(), 13, "every section once");
        recorded.extend(made.into_iter().flat_map(|made| made.calls).map(|call| call.id.to_string()));
    }
    let seen: HashSet<String> = upstream.calls().into_iter().filter_map(|call| call.request_id).collect();
    assert_eq!(seen.difference(&recorded).count(), 0, "every call that reached the model is recorded");
    drop(tx);
    app.shut_down().await;
}
