//! What durability costs: jobs a second, runs that wait for a slow model at once, answers given again, hot queries over large tables.
//!
//! `cargo bench -p planner --bench durable -- queue | waiting [runs] | cache | store [ventures]`. On a folder; with `DATABASE_URL` and
//! `DATABASE_OWNER_URL` set, on that (empty) Postgres.

use app::jobs::{What, Workers};
use app::{App, Caller, runs};
use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use domain::ids::OwnerId;
use domain::jobs::{NewJob, Priority, Verdict};
use domain::runs::Graph;
use domain::ventures::{Brief, RawBrief};
use planner::config::Config;
use planner::wire;
use std::time::{Duration, Instant};
use store::Wanted;
use testkit::Upstream;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = args.get(1).and_then(|arg| arg.parse().ok());
    let upstream = Upstream::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let mut config = Config::read(None).expect("a configuration");
    config.data.dir = dir.path().to_owned();
    config.keys.gemini = Some("bench".to_owned().into());
    config.keys.gemini_url = Some(upstream.url());
    println!("on {}", if config.keys.database.is_some() { "Postgres" } else { "SQLite" });
    let app = wire::app(&config).await.expect("the app is wired");
    match args.first().map(String::as_str) {
        Some("queue") => queue(&config).await,
        Some("waiting") => waiting(&app, &upstream, number.unwrap_or(50)).await,
        Some("cache") => cache(&app).await,
        Some("store") => hot_queries(&config, number.unwrap_or(100_000)).await,
        _ => println!("say which: queue, waiting [runs], cache, store [ventures]"),
    }
    app.shut_down().await;
}

/// Jobs a second, from put in line to done, with eight workers that claim eight at a time.
async fn queue(config: &Config) {
    const JOBS: usize = 2000;
    let store = wire::open(config).await.expect("the store");
    let started = Instant::now();
    for at in 0..JOBS {
        let (owner, now) = (OwnerId::new(), chrono::Utc::now());
        let (unique_key, payload) = (format!("{at}-{owner}"), serde_json::json!({}));
        let job = NewJob { kind: "bench", owner: Some(owner), unique_key, payload, priority: Priority::Free, run_at: now, now, head: None };
        let tx = store.tenant(owner).await.expect("begins");
        tx.enqueue(&job).await.expect("is put in line");
        tx.commit().await.expect("commits");
    }
    let put = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        workers.spawn(async move {
            let wanted = Wanted { kinds: &["bench"], owner: None, most: 8, lease_for: TimeDelta::seconds(60) };
            loop {
                let claimed = store.claim(&wanted, chrono::Utc::now()).await.expect("claims");
                if claimed.is_empty() {
                    return;
                }
                for job in claimed {
                    store.end_attempt(&job.lease, &Verdict::Done, chrono::Utc::now()).await.expect("ends");
                }
            }
        });
    }
    workers.join_all().await;
    let done = started.elapsed().as_secs_f64();
    println!("{JOBS} jobs: put in line {:.0} a second, claimed and done {:.0} a second", rate(JOBS, put), rate(JOBS, done));
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// Runs of all sections that wait at once for a model that takes three seconds a call, beside the critical path of one.
async fn waiting(app: &App, upstream: &Upstream, count: usize) {
    const LATENCY: Duration = Duration::from_secs(3);
    upstream.latency(LATENCY);
    let release = app.release();
    // A grounded section makes two calls, one after the other.
    let weight = |name: &domain::sections::SectionName| if release.section(name).is_some_and(|t| t.grounding) { 2.0 } else { 1.0 };
    let path = Graph::new(release.sections().iter().map(|t| (t.name.clone(), t.depends_on.clone()))).critical_path(weight);
    let critical = LATENCY.as_secs_f64() * path;
    app.start_workers(Workers { most: 4096, what: What::Everything, lease: Duration::from_mins(1) });
    let mut going = JoinSet::new();
    for at in 0..count {
        let app = app.clone();
        going.spawn(async move {
            let who = Caller::operator(OwnerId::new());
            let raw = RawBrief { idea: format!("beeswax candles number {at}"), ..RawBrief::default() };
            let started = Instant::now();
            let run = runs::start_new(&app, &who, Brief::parse(&raw).expect("valid")).await.expect("a run");
            let events = runs::follow(&app, &who, run.id, 0).await.expect("events");
            assert!(futures::StreamExt::collect::<Vec<_>>(events).await.into_iter().all(|event| event.is_ok()));
            started.elapsed().as_secs_f64()
        });
    }
    let mut walls = going.join_all().await;
    walls.sort_by(f64::total_cmp);
    let added = |q: f64| (at(&walls, q) / critical - 1.0) * 100.0;
    println!(
        "{count} runs at once, critical path {critical:.1} s: added latency p50 {:.1} %, p95 {:.1} %, worst {:.1} %",
        added(0.5),
        added(0.95),
        added(1.0)
    );
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
fn at(sorted: &[f64], q: f64) -> f64 {
    sorted.get((q * (sorted.len().max(1) - 1) as f64) as usize).copied().unwrap_or_default()
}

/// What a function call takes that is answered from the cache: from the request to the whole response, its generation kept.
async fn cache(app: &App) {
    let router = web::router(app.clone(), &web_settings());
    let body = serde_json::json!({"productIdea": "beeswax candles", "brandVoice": "professional"}).to_string();
    let mut taken = Vec::new();
    for round in 0..=1000 {
        let request = Request::post("/functions/v1/generate-smart-goals").header("content-type", "application/json");
        let started = Instant::now();
        let reply = router.clone().oneshot(request.body(Body::from(body.clone())).expect("a request")).await.expect("answers");
        let hit = reply.headers().get("x-cache").is_some_and(|value| value == "hit");
        axum::body::to_bytes(reply.into_body(), 1_000_000).await.expect("a body");
        if round > 0 {
            assert!(hit, "round {round} is no hit");
            taken.push(started.elapsed().as_secs_f64() * 1000.0);
        }
    }
    taken.sort_by(f64::total_cmp);
    println!("answered from the cache: p50 {:.2} ms, p95 {:.2} ms", at(&taken, 0.5), at(&taken, 0.95));
}

fn web_settings() -> web::Settings {
    web::Settings { generations_per_hour: 1_000_000, plans_per_hour: 1_000_000, secure: false, trusted_proxies: 0 }
}

/// Hot queries over so many ventures, each with a run and a current section.
async fn hot_queries(config: &Config, ventures: usize) {
    let store = wire::open(config).await.expect("the store");
    fill::ventures(&store, ventures).await;
    let measured = wire::open(config).await.expect("the store");
    let owners = fill::some_owners();
    for owner in owners.iter().cycle().take(500) {
        let tx = measured.tenant_read(*owner).await.expect("begins");
        for venture in tx.ventures(20, None).await.expect("reads").into_iter().take(2) {
            tx.venture(venture.id).await.expect("reads");
            tx.latest_run(venture.id).await.expect("reads");
            tx.current_sections(venture.id).await.expect("reads");
        }
    }
    for times in measured.query_times().into_iter().filter(|times| times.count >= 100) {
        println!("{:<70} {:>6} times  p50 {:>8.3?}  p95 {:>8.3?}  max {:>8.3?}", times.name, times.count, times.p50, times.p95, times.max);
    }
}

mod fill {
    use domain::ids::{OwnerId, VentureId};
    use domain::runs::VentureRun;
    use domain::ventures::{Brief, RawBrief, Venture};
    use store::{Run, Store};

    /// Ventures of as many owners as a tenth of them, in transactions of one owner each.
    pub async fn ventures(store: &Store, count: usize) {
        let raw = RawBrief { idea: "beeswax candles with pressed flowers".into(), ..RawBrief::default() };
        let brief = Brief::parse(&raw).expect("valid");
        for owner in (0..count / 10).map(owner) {
            let tx = store.tenant(owner).await.expect("begins");
            for _ in 0..10 {
                let created = chrono::Utc::now();
                let venture = Venture { id: VentureId::new(), owner, brief: brief.clone(), created, archived: None };
                tx.insert_venture(&venture).await.expect("is added");
                let state = VentureRun::Finished { at: created, failed: Vec::new() };
                let run = Run { id: domain::ids::RunId::new(), owner, venture: venture.id, sections: Vec::new(), state, created };
                tx.insert_run(&run).await.expect("is added");
            }
            tx.commit().await.expect("commits");
        }
    }

    fn owner(at: usize) -> OwnerId {
        OwnerId(uuid::Uuid::from_u128(at as u128 + 1000))
    }

    pub fn some_owners() -> Vec<OwnerId> {
        (0..100).map(|at| owner(at * 7)).collect()
    }
}
