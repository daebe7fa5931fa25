//! Processes that are killed at any moment of real runs: nothing that was finished is lost, nothing is made twice, and every call
//! that reached a model is accounted for.

use crate::databases;
use crate::house::KEY;
use app::{App, Caller, runs};
use domain::generations::{Generation, Status};
use domain::ids::OwnerId;
use domain::runs::VentureRun;
use domain::ventures::{Brief, RawBrief};
use llm::PriceTable;
use planner::config::Config;
use planner::wire;
use rand::Rng as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use store::Store;
use tempfile::TempDir;
use testkit::Upstream;

const KILLS: usize = 30;
const SECTIONS: usize = 13;

/// What workers need to know.
struct Place {
    dir: TempDir,
    /// Set for Postgres.
    database: Option<databases::Urls>,
    upstream: Upstream,
}

impl Place {
    async fn new(database: Option<databases::Urls>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let upstream = Upstream::start().await;
        upstream.latency(Duration::from_millis(150));
        Self { dir: TempDir::new().expect("a folder"), database, upstream }
    }

    fn config(&self) -> Config {
        let mut config = Config::defaults().expect("defaults");
        self.dir.path().clone_into(&mut config.data.dir);
        config.keys.gemini = Some(KEY.to_owned().into());
        config.keys.gemini_url = Some(self.upstream.url());
        if let Some(urls) = &self.database {
            config.keys.database = Some(urls.app.clone().into());
            config.keys.database_owner = Some(urls.owner.clone().into());
        }
        config
    }

    fn worker(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_planner"));
        command.args(["serve", "--role", "worker", "--port", "0", "--data"]).arg(self.dir.path());
        command.env_clear().env("GEMINI_API_KEY", KEY).env("GEMINI_BASE_URL", self.upstream.url()).env("PLANNER__JOBS__LEASE_SECONDS", "1");
        if let Some(urls) = &self.database {
            command.env("DATABASE_URL", &urls.app).env("PLANNER__DATABASE__CONNECTIONS", "8");
        }
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_and_doubles_nothing_in_a_folder() {
    chaos(Place::new(None).await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_and_double_nothing_on_a_server() {
    chaos(Place::new(Some(databases::fresh().await)).await, 2).await;
}

async fn chaos(place: Place, workers: usize) {
    let app = wire::app(&place.config()).await.expect("the app is wired");
    let who = Caller::operator(OwnerId::new());
    let mut started = Vec::new();
    let mut children: Vec<Child> = (0..workers).map(|_| place.worker()).collect();
    for kill in 0..KILLS {
        // A new run before every kill, so that each finds work that has just begun and work that is half done.
        let raw = RawBrief { idea: format!("beeswax candles number {kill}"), ..RawBrief::default() };
        started.push(runs::start_new(&app, &who, Brief::parse(&raw).expect("valid")).await.expect("a run"));
        let wait = rand::rng().random_range(150..700);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        // SIGKILL: no word, no hand-back.
        let child = &mut children[kill % workers];
        child.kill().expect("is killed");
        child.wait().expect("is gone");
        children[kill % workers] = place.worker();
    }
    let ended = async {
        for run in &started {
            while runs::see(&app, &who, run.id).await.expect("is seen").run.state.is_open() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), ended).await.expect("every run ends by itself");
    for child in &mut children {
        child.kill().expect("is killed");
        child.wait().expect("is gone");
    }
    check(&place, &app, &who, &started).await;
}

async fn check(place: &Place, app: &App, who: &Caller, started: &[runs::Run]) {
    let store = Store::open(wire::place(&place.config())).await.expect("the store");
    let tx = store.tenant_read(who.owner).await.expect("a transaction");
    let mut recorded = Vec::new();
    for run in started {
        let state = tx.run(run.id).await.expect("reads").expect("is there").state;
        assert!(matches!(&state, VentureRun::Finished { failed, .. } if failed.is_empty()), "{state:?}");
        let made = tx.generations_of_run(run.id).await.expect("reads");
        let finished: Vec<&Generation> = made.iter().filter(|generation| !generation.was_stopped()).collect();
        let sections: HashSet<&str> = finished.iter().map(|generation| generation.section.as_str()).collect();
        assert_eq!((finished.len(), sections.len()), (SECTIONS, SECTIONS), "every section once");
        assert!(finished.iter().all(|generation| generation.status == Status::Complete));
        assert_eq!(tx.current_sections(run.venture).await.expect("reads").len(), SECTIONS);
        assert_eq!(tx.open_calls(run.id).await.expect("reads"), [], "every call is settled");
        recorded.extend(made.into_iter().flat_map(|generation| generation.calls));
    }
    let mut seen = HashMap::new();
    for call in place.upstream.calls() {
        let id = call.request_id.clone().expect("every call has an id");
        assert!(seen.insert(id, call).is_none(), "an id is used once");
    }
    let by_id: BTreeMap<String, _> = recorded.iter().map(|call| (call.id.to_string(), call)).collect();
    assert_eq!(by_id.len(), recorded.len(), "a call is recorded once");
    let unrecorded: Vec<&String> = seen.keys().filter(|id| !by_id.contains_key(*id)).collect();
    assert!(unrecorded.is_empty(), "{} of {} calls reached the model and are not recorded", unrecorded.len(), seen.len());
    let prices = PriceTable::shipped().expect("prices");
    let mut lost = 0;
    for (id, call) in &by_id {
        match (call.outcome.as_str(), seen.get(id)) {
            ("ok", Some(asked)) => {
                assert_eq!((call.tokens.input, call.tokens.output), (asked.input_tokens, asked.output_tokens), "as the model counted");
                let price = prices.price(&call.provider, &asked.model).expect("a price");
                assert_eq!(call.cost, Some(price.of(call.tokens, call.search_queries)));
            }
            // What was asked is paid for, though nobody heard the answer. Some were killed between the record and the request.
            ("lost", _) => {
                lost += 1;
                assert!(call.tokens.input > 0 && call.cost.is_some_and(|cost| cost.0 > 0), "{call:?}");
            }
            (outcome, asked) => panic!("{outcome}, reached the model: {}", asked.is_some()),
        }
    }
    assert!(lost > 0, "no kill met a call under way, so this has tested nothing");
    println!("{} calls recorded, {} reached the model, {lost} lost with their process", recorded.len(), seen.len());
    drop(tx);
    app.shut_down().await;
}
