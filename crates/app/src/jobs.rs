//! The workers of this process: they claim jobs, renew their leases, hand them to the use case that does them, and say how it ended.
//!
//! Every job may be done twice: its process can die between the last step and the word that it is done.

use crate::App;
use crate::error::{Error, Result};
use crate::{accounts, evals, judging, mails, notices, runs, tidying, watches};
use chrono::TimeDelta;
use domain::ids::OwnerId;
use domain::jobs::{Claimed, Lease, NewJob, Priority, Verdict};
use futures::FutureExt as _;
use serde_json::json;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{LetGo, QueueState, Wanted};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How many renewals a lease lasts for; several may fail before one runs out.
const RENEWALS: u32 = 4;
/// How often the queue is looked at though nobody rang.
const LOOK: Duration = Duration::from_secs(1);

/// What a process's workers do.
#[derive(Debug, Clone, Copy)]
pub struct Workers {
    /// Jobs in work at once.
    pub most: usize,
    /// Which jobs they do.
    pub what: What,
    /// Until when a job is a worker's that does not renew: what a died process delays.
    pub lease: Duration,
}

/// Which jobs a process's workers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Every job, and what is scheduled.
    Everything,
    /// The runs of one owner.
    Runs(OwnerId),
    /// Evals: a process that was started for one must not send mail or write members' plans.
    Evals,
}

impl What {
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Everything => &KINDS,
            Self::Runs(_) => &[runs::KIND],
            Self::Evals => &[evals::KIND],
        }
    }

    fn owner(self) -> Option<OwnerId> {
        match self {
            Self::Runs(owner) => Some(owner),
            Self::Everything | Self::Evals => None,
        }
    }
}

impl Workers {
    fn lease_for(&self) -> TimeDelta {
        TimeDelta::from_std(self.lease).unwrap_or(TimeDelta::MAX)
    }
}

/// Work that the program does by itself: its kind, and when (cron, UTC).
const SCHEDULES: [(&str, &str); 1] = [(tidying::KIND, "17 * * * *")];

/// Every kind of job there is.
const KINDS: [&str; 9] =
    [runs::KIND, mails::KIND, accounts::ARCHIVE, accounts::ERASE, notices::KIND, watches::KIND, tidying::KIND, judging::KIND, evals::KIND];

/// The leases this process holds, each with what stops its work.
#[derive(Debug, Default)]
struct Held(Mutex<HashMap<Lease, CancellationToken>>);

impl Held {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Lease, CancellationToken>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Works until the app shuts down; then hands back what is not finished.
pub async fn work(app: App, workers: Workers) {
    let held = Arc::new(Held::default());
    let mut tending = JoinSet::new();
    tending.spawn(tend(app.clone(), workers, Arc::clone(&held)));
    match app.store.hear().await {
        Ok(Some(hearing)) => drop(tending.spawn(hearing)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "jobs of other processes are looked for every second"),
    }
    claim(&app, workers, &held).await;
    tending.shutdown().await;
}

/// Claims what is due as long as hands are free.
async fn claim(app: &App, workers: Workers, held: &Arc<Held>) {
    let mut working = JoinSet::new();
    let bell = app.store.bell();
    while !app.stopping.is_cancelled() {
        let rung = bell.notified();
        tokio::pin!(rung);
        // From now on a ring is heard, also one during the claim.
        rung.as_mut().enable();
        let free = workers.most.saturating_sub(working.len());
        let kinds: Vec<&str> = workers.what.kinds().iter().copied().filter(|kind| *kind != evals::KIND || !app.leaves_evals()).collect();
        let wanted = Wanted { kinds: &kinds, owner: workers.what.owner(), most: free as u64, lease_for: workers.lease_for() };
        let claimed = if free == 0 || kinds.is_empty() { Ok(Vec::new()) } else { app.store.claim(&wanted, app.now()).await };
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "no jobs can be claimed");
            Vec::new()
        });
        for job in claimed {
            working.spawn(one(app.clone(), job, Arc::clone(held)));
        }
        tokio::select! {
            () = &mut rung => {}
            () = tokio::time::sleep(LOOK) => {}
            () = app.stopping.cancelled() => {}
            _ = working.join_next(), if !working.is_empty() => {}
        }
        while working.try_join_next().is_some() {}
    }
    while working.join_next().await.is_some() {}
}

/// One attempt at one job.
async fn one(app: App, job: Claimed, held: Arc<Held>) {
    let cancel = app.stopping.child_token();
    held.with(|held| held.insert(job.lease, cancel.clone()));
    // A defect must not keep a lease that is renewed for ever.
    let done = AssertUnwindSafe(Box::pin(attempt(&app, &job, &cancel))).catch_unwind().await;
    let verdict = done.unwrap_or_else(|_| Verdict::Failed("a defect of the program: it panicked".into()));
    match &verdict {
        Verdict::Failed(reason) | Verdict::Dead(reason) | Verdict::Later(reason) => {
            tracing::warn!(job = %job.lease.job, kind = job.kind, attempt = job.attempt, reason, "job not done");
        }
        Verdict::At { reason, .. } => tracing::debug!(job = %job.lease.job, kind = job.kind, reason, "job waits"),
        Verdict::Done | Verdict::HandedBack => {}
    }
    // Until the verdict is kept the lease is renewed: the work is done, only the word of it is missing.
    let mut waits = [1, 2, 4, 8, 16].into_iter();
    while let Err(error) = app.store.end_attempt(&job.lease, &verdict, app.now()).await {
        let Some(wait) = waits.next() else {
            tracing::error!(job = %job.lease.job, ?error, "how the job ended could not be kept; it will be done again");
            break;
        };
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    held.with(|held| held.remove(&job.lease));
}

/// Does a job, or ends what it was for when it is hopeless. In this order, so that a job that is dead has nobody waiting for it.
async fn attempt(app: &App, job: &Claimed, cancel: &CancellationToken) -> Verdict {
    let done = match (job.kind.as_str(), job.is_hopeless()) {
        (runs::KIND, true) => runs::give_up(app, job).await.map(|()| Verdict::Dead("it failed again and again".into())),
        (runs::KIND, false) => runs::execute(app, job, cancel).await,
        (evals::KIND, true) => evals::give_up(app, job).await.map(|()| Verdict::Dead("it failed again and again".into())),
        (evals::KIND, false) => Box::pin(evals::execute(app, job, cancel)).await,
        (_, true) => Ok(Verdict::Dead("it failed again and again".into())),
        (mails::KIND, false) => mails::deliver(app, job).await,
        (accounts::ARCHIVE, false) => accounts::make_archive(app, job).await,
        (accounts::ERASE, false) => accounts::really_erase(app, job).await,
        (notices::KIND, false) => notices::tell(app, job).await,
        (watches::KIND, false) => watches::look(app, job).await,
        (judging::KIND, false) => judging::judge(app, job, cancel).await,
        (_, false) => tidying::tidy(app).await.map(|()| Verdict::Done),
    };
    done.unwrap_or_else(|error| match error {
        Error::Busy(reason) => Verdict::Later(reason.to_string()),
        // The log has the causes, which a stored reason has not.
        error => {
            tracing::error!(job = %job.lease.job, ?error, "job failed");
            Verdict::Failed(error.to_string())
        }
    })
}

/// Renews what this process holds, puts back in line what died ones held, and puts in line what is scheduled.
///
/// In this order: a store that was away for long then gives nobody's work to somebody else.
async fn tend(app: App, workers: Workers, held: Arc<Held>) {
    loop {
        if let Err(error) = renew(&app, workers, &held).await {
            tracing::warn!(%error, "leases could not be renewed");
        } else if let Err(error) = reap(&app).await {
            tracing::warn!(%error, "the queue could not be looked after");
        }
        if workers.what == What::Everything
            && let Err(error) = schedule(&app).await
        {
            tracing::warn!(%error, "scheduled work could not be put in line");
        }
        tokio::time::sleep(workers.lease / RENEWALS).await;
    }
}

/// Renews what is held, and stops the work on what is lost or to be stopped.
async fn renew(app: &App, workers: Workers, held: &Held) -> Result<()> {
    let leases: Vec<Lease> = held.with(|held| held.keys().copied().collect());
    for (lease, why) in app.store.renew(&leases, || app.now(), workers.lease_for()).await? {
        if why == LetGo::Lost {
            tracing::warn!(job = %lease.job, "lease lost: somebody else has this job");
        }
        held.with(|held| held.get(&lease).map(CancellationToken::cancel));
    }
    Ok(())
}

async fn reap(app: &App) -> Result<()> {
    let count = app.store.reap(app.now()).await?;
    if count > 0 {
        tracing::info!(count, "jobs of ended processes are back in line");
        app.store.bell().notify_waiters();
    }
    Ok(())
}

/// Puts in line what was last due: the key has the tick in it, so of all processes one succeeds.
async fn schedule(app: &App) -> Result<()> {
    let now = app.now();
    for (kind, pattern) in SCHEDULES {
        let cron: croner::Cron = pattern.parse().map_err(|fault| Error::Internal(format!("{pattern}: {fault}")))?;
        let Ok(tick) = cron.find_previous_occurrence(&now, true) else { continue };
        let key = format!("{kind}@{}", tick.format("%Y-%m-%dT%H:%M"));
        if app.live.is_scheduled(&key) {
            continue;
        }
        let job = NewJob {
            kind,
            owner: None,
            unique_key: key.clone(),
            payload: json!({}),
            priority: Priority::Program,
            run_at: now,
            now,
            head: None,
        };
        app.store.enqueue_own(&job).await?;
        app.live.scheduled(key);
    }
    Ok(())
}

/// The queue at a glance.
pub async fn state(app: &App) -> Result<QueueState> {
    Ok(app.store.queue().await?)
}
