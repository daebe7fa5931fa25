//! What this process knows by heart: what it works on, and who waits for news of which run. The store has the truth; this only saves
//! looking.

use domain::ids::RunId;
use hub::{Health, Hub, Listener};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a follower looks though nobody rang: another process may do the run.
const LOOK: Duration = Duration::from_secs(1);
/// The same where other processes ring here: a ring may still be lost.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// What this process works on, and who waits for what.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    known: Arc<Mutex<Known>>,
    hub: Hub,
}

#[derive(Debug, Default)]
struct Known {
    scheduled: HashSet<String>,
    working: HashMap<RunId, (u64, CancellationToken)>,
    turns: u64,
}

impl Live {
    /// Hears of runs through this hub.
    pub(crate) fn over(hub: Hub) -> Self {
        Self { known: Arc::default(), hub }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is news of a run.
    pub(crate) fn ring(&self, run: RunId) {
        self.hub.ring(run.0);
    }

    /// Hears of a run from now on.
    pub(crate) fn listen(&self, run: RunId) -> Listener {
        self.hub.listen(run.0)
    }

    /// Waits until it makes sense to look for news of a run.
    pub(crate) async fn worth_a_look(&self, listener: &mut Listener) {
        let look = if self.hub.health() == Health::Redis { LOOK_ANYWAY } else { LOOK };
        let _ = tokio::time::timeout(look, listener.rung()).await;
    }

    /// This process works on a run, until `work` is dropped; a stop is heard at once.
    pub(crate) fn working(&self, run: RunId, cancel: &CancellationToken) -> Working {
        let turn = self.with(|known| {
            known.turns += 1;
            known.working.insert(run, (known.turns, cancel.clone()));
            known.turns
        });
        Working { live: self.clone(), run, turn }
    }

    /// Has this process stop working on a run, if it does.
    pub(crate) fn stop(&self, run: RunId) {
        self.with(|known| known.working.get(&run).map(|(_, cancel)| cancel.cancel()));
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
    turn: u64,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.live.with(|known| {
            // The same run may have been taken up again meanwhile.
            if known.working.get(&self.run).is_some_and(|(turn, _)| *turn == self.turn) {
                known.working.remove(&self.run);
            }
        });
    }
}
