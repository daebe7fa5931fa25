//! Use cases: what a person or a job may do. The only room where two ports meet.
//!
//! Each is a free function: the app first, then who asks, then the matter. It decides with `domain`, acts through the ports, and
//! returns a value that knows no HTTP.

pub mod accounts;
mod asking;
pub mod audit;
pub mod briefs;
mod cache;
mod callers;
mod context;
pub mod decisions;
mod desk;
pub mod error;
pub mod evals;
pub mod gates;
pub mod generations;
pub mod jobs;
mod journal;
mod judging;
mod keys;
pub mod limits;
mod live;
mod lost_calls;
pub mod mails;
mod notices;
pub mod playground;
pub mod prompts;
pub mod proposals;
pub mod quotas;
pub mod releases;
mod repair;
pub mod reviews;
pub mod runs;
pub mod scores;
mod shelf;
mod tidying;
mod tracing_spans;
pub mod ventures;
mod watches;

pub use callers::{Caller, Credential};
pub use desk::{Desk, Policy, is_signed, sign};
pub use error::{Error, Result};
pub use keys::RequestKey;
pub use shelf::{Chosen, Shelf};

use ::prompts::{Library, Release};
use chrono::SubsecRound as _;
use domain::Timestamp;
use domain::releases::Serving;
use hub::Hub;
use live::Live;
use llm::Llm;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// The clock; tests set their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How often a process says that it still serves its environment, so that one which is gone does not count for long.
const SAID_EVERY: Duration = Duration::from_secs(30);

/// Everything a use case acts through. Cheap to clone.
#[derive(Clone)]
pub struct App {
    store: Store,
    shelf: Shelf,
    llm: Arc<Llm>,
    clock: Clock,
    hub: Hub,
    desk: Arc<Desk>,
    live: Live,
    tasks: TaskTracker,
    stopping: CancellationToken,
    /// How many evals are at work in this process: two, which are compared and so have to see the same weather.
    evaluating: Arc<Semaphore>,
    /// From when until when this process leaves evals to others.
    leaving_evals: Arc<Mutex<Option<[Instant; 2]>>>,
    /// This process, where it serves an environment, and since when it does.
    serving: Arc<OnceLock<(Uuid, Timestamp)>>,
}

impl App {
    /// An app over its ports. It shares nothing with other processes but the store.
    pub fn new(store: Store, shelf: Shelf, llm: Llm, desk: Desk, clock: Clock) -> Self {
        let hub = Hub::in_process();
        Self {
            store,
            shelf,
            llm: Arc::new(llm),
            clock,
            live: Live::over(hub.clone()),
            hub,
            desk: Arc::new(desk),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            evaluating: Arc::new(Semaphore::new(2)),
            leaving_evals: Arc::default(),
            serving: Arc::default(),
        }
    }

    /// The same app, sharing through this hub.
    #[must_use]
    pub fn sharing(self, hub: Hub) -> Self {
        Self { live: Live::over(hub.clone()), hub, ..self }
    }

    /// The same app by another clock.
    #[must_use]
    pub fn by_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Where what replicas share is at the moment, in two or three words.
    pub fn shared(&self) -> String {
        self.hub.health().to_string()
    }

    /// The templates in use, as far as this process knows.
    pub fn release(&self) -> Arc<Release> {
        self.shelf.release()
    }

    /// All templates and examples.
    pub fn library(&self) -> Arc<Library> {
        self.shelf.library()
    }

    /// Finds out what is deployed. Without it, and without [`App::follow`], the highest release of the files is in use. Where the release
    /// that should be in use cannot be had, [`App::trouble`] says so.
    pub async fn look(&self) -> Result<()> {
        self.shelf.look(&self.store).await?;
        if let Some(news) = self.shelf.untold() {
            // An alert is for people; that it cannot be opened keeps nothing from going on.
            match releases::alert(self, news.0.clone()).await {
                Ok(()) => self.shelf.have_told(news),
                Err(error) => tracing::warn!(%error, "the alert about the release in use could not be changed"),
            }
        }
        Ok(())
    }

    /// Why the release that should be in use is not; what was in use before stays so.
    pub fn trouble(&self) -> Option<String> {
        self.shelf.trouble()
    }

    /// Says that this process serves its environment from now on, and with which models: those are what the gate before that environment
    /// asks for.
    pub async fn begin_serving(&self) -> Result<()> {
        self.serving.get_or_init(|| (Uuid::new_v4(), self.now()));
        match self.served_with() {
            Some(serving) => Ok(self.store.begin_serving(&serving).await?),
            None => Ok(()),
        }
    }

    /// Says that it still does.
    pub async fn keep_serving(&self) -> Result<()> {
        match self.served_with() {
            Some(serving) => Ok(self.store.keep_serving(&serving).await?),
            None => Ok(()),
        }
    }

    fn served_with(&self) -> Option<Serving> {
        let (process, since) = *self.serving.get()?;
        // One that is pinned serves what nobody deploys.
        if self.shelf.chosen() == Chosen::Pinned {
            return None;
        }
        Some(Serving { environment: self.shelf.environment(), process, models: gates::own_models(self), since, seen: self.now() })
    }

    /// Finds out what is deployed again and again, until it shuts down: a deployment or a rollback anywhere holds here at once. Now and
    /// then it says that this process still serves, if it does.
    pub fn follow(&self) {
        let (app, stopping) = (self.clone(), self.stopping.clone());
        self.tasks.spawn(async move {
            let mut said = Instant::now();
            while stopping.run_until_cancelled(tokio::time::sleep(shelf::LOOK)).await.is_some() {
                if let Err(error) = app.look().await {
                    tracing::warn!(%error, "what is deployed could not be found out");
                }
                if said.elapsed() >= SAID_EVERY {
                    said = Instant::now();
                    if let Err(error) = app.keep_serving().await {
                        tracing::warn!(%error, "which models this process serves with could not be written down");
                    }
                }
            }
        });
    }

    /// The models in use, by class, as `provider:model`.
    pub fn models(&self, class: ::prompts::ModelClass) -> Vec<String> {
        self.llm.route(context::model_class(class))
    }

    /// Whether plans are written by the small embedded model, which the pages say.
    pub fn drafts_only(&self) -> bool {
        self.llm.drafts_only()
    }

    /// Whether plans are written inside this program alone, which takes the time it needs.
    pub fn keeps_own_pace(&self) -> bool {
        self.llm.keeps_own_pace()
    }

    /// What is worth the operator's attention though everything runs.
    pub fn warnings(&self) -> Vec<String> {
        let lost = match ::evals::lost_threads() {
            0 => None,
            lost => Some(format!("{lost} scripts of evals never came to an end and keep a core busy each; start this process again")),
        };
        self.llm.warnings().into_iter().chain(self.shelf.warning()).chain(lost).collect()
    }

    /// Whether work can be done: the database answers and a model is there.
    pub async fn ready(&self) -> std::result::Result<(), String> {
        self.store.ping().await.map_err(|e| e.to_string())?;
        self.llm.ready().await
    }

    /// Has this process do jobs until it shuts down.
    pub fn start_workers(&self, workers: jobs::Workers) {
        self.tasks.spawn(jobs::work(self.clone(), workers));
    }

    /// Leaves evals to other processes between two moments from now on, because there is one that this one cannot do.
    fn leave_evals(&self, between: [Duration; 2]) {
        *self.leaving_evals.lock().unwrap_or_else(PoisonError::into_inner) = Some(between.map(|from_now| Instant::now() + from_now));
    }

    /// Whether evals are left to other processes at the moment.
    fn leaves_evals(&self) -> bool {
        self.leaving_evals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|[from, until]| (from..until).contains(&Instant::now()))
    }

    /// How well this process's cache does.
    pub async fn cache_stats(&self) -> hub::CacheStats {
        self.hub.cache_stats().await
    }

    /// How long this process's queries have taken, by name.
    pub fn query_times(&self) -> Vec<store::QueryTimes> {
        self.store.query_times()
    }

    /// Stops taking new sections, waits for what is running to be settled.
    pub async fn shut_down(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.hub.shut_down().await;
    }

    /// The moment, as exactly as databases keep it: what is answered at once and what is read later are the same.
    pub fn now(&self) -> Timestamp {
        (self.clock)().trunc_subsecs(6)
    }
}
