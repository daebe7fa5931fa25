//! What this process knows by heart: who waits for news of which run. The store has the truth; this only saves looking.

use domain::ids::RunId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Who waits for what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    listeners: HashMap<RunId, Arc<Notify>>,
    scheduled: HashSet<String>,
    working: HashMap<RunId, CancellationToken>,
}

/// Waits for news of one run.
#[derive(Debug)]
pub(crate) struct Listener {
    live: Live,
    run: RunId,
    bell: Arc<Notify>,
}

impl Live {
    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is news of a run.
    pub(crate) fn ring(&self, run: RunId) {
        if let Some(bell) = self.with(|known| known.listeners.get(&run).cloned()) {
            bell.notify_waiters();
        }
    }

    /// Waits for news of a run.
    pub(crate) fn listen(&self, run: RunId) -> Listener {
        let bell = self.with(|known| Arc::clone(known.listeners.entry(run).or_default()));
        Listener { live: self.clone(), run, bell }
    }

    /// This process works on a run, until `work` is dropped; a stop is heard at once.
    pub(crate) fn working(&self, run: RunId, cancel: &CancellationToken) -> Working {
        self.with(|known| known.working.insert(run, cancel.clone()));
        Working { live: self.clone(), run }
    }

    /// Has this process stop working on a run, if it does.
    pub(crate) fn stop(&self, run: RunId) {
        self.with(|known| known.working.get(&run).map(CancellationToken::cancel));
    }

    /// Whether this scheduled job was put in line, as far as this process knows.
    pub(crate) fn is_scheduled(&self, key: &str) -> bool {
        self.with(|known| known.scheduled.contains(key))
    }

    /// This scheduled job is in line.
    pub(crate) fn scheduled(&self, key: String) {
        self.with(|known| {
            // Yesterday's are never asked for again.
            if known.scheduled.len() > 100 {
                known.scheduled.clear();
            }
            known.scheduled.insert(key);
        });
    }
}

/// This process works on a run.
#[derive(Debug)]
pub(crate) struct Working {
    live: Live,
    run: RunId,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.live.with(|known| known.working.remove(&self.run));
    }
}

impl Listener {
    /// Rung from now on.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.live.with(|known| {
            // This one and the map's are the last two.
            if known.listeners.get(&self.run).is_some_and(|bell| Arc::strong_count(bell) <= 2) {
                known.listeners.remove(&self.run);
            }
        });
    }
}
