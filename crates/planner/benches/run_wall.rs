//! One venture run's wall time over its critical path, on a scripted upstream of 500 ms a call.
//!
//! `cargo bench -p planner --bench run_wall`

use app::{App, Caller, runs, ventures};
use domain::ids::OwnerId;
use domain::runs::Graph;
use domain::ventures::RawBrief;
use futures::StreamExt as _;
use llm::{Endpoint, Llm, PriceTable};
use prompts::Library;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use testkit::Upstream;

const LATENCY: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let upstream = Upstream::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let settings =
        llm::Settings { gemini: Endpoint { key: Some("bench".to_owned().into()), url: Some(upstream.url()) }, ..llm::Settings::default() };
    let library = Library::load(None).expect("the library");
    let release = library.latest();
    // A grounded section makes two calls, one after the other.
    let weight = |name: &domain::sections::SectionName| if release.section(name).is_some_and(|t| t.grounding) { 2.0 } else { 1.0 };
    let path = Graph::new(release.sections().iter().map(|t| (t.name.clone(), t.depends_on.clone()))).critical_path(weight);
    let llm = Llm::new(settings, PriceTable::shipped().expect("prices"), Arc::new(chrono::Utc::now)).expect("models");
    let shelf = app::Shelf::new(library, domain::roles::Environment::Production, None).expect("templates");
    let store = Store::open(dir.path()).await.expect("a store");
    let desk = planner::wire::desk(&planner::config::Config::defaults().expect("defaults"), &store).await.expect("a desk");
    let app = App::new(store, shelf, llm, desk, Arc::new(chrono::Utc::now));
    app.start_workers(app::jobs::Workers { most: 8, what: app::jobs::What::Everything, lease: std::time::Duration::from_secs(12) });
    let who = Caller::operator(OwnerId::new());
    once(&app, &who).await;
    upstream.latency(LATENCY);
    let critical = LATENCY.as_secs_f64() * path;
    for _ in 0..5 {
        let wall = once(&app, &who).await.as_secs_f64();
        println!("13 sections: wall {wall:.3} s, critical path {critical:.3} s, ratio {:.3}", wall / critical);
    }
}

async fn once(app: &App, who: &Caller) -> Duration {
    let raw = RawBrief { idea: "vegan leather hiking boots".into(), ..RawBrief::default() };
    let venture = ventures::create(app, who, &raw, None).await.expect("a venture");
    let started = Instant::now();
    let run = runs::start(app, who, venture.id, runs::choose(app, &[]).expect("all"), None).await.expect("a run");
    let events = runs::follow(app, who, run.id, 0).await.expect("events");
    assert!(events.map(|event| event.expect("an event")).count().await > 0);
    started.elapsed()
}
