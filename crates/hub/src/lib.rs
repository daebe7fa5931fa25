//! What replicas share for a moment: cached answers, limits, rings; in process, or in Redis.
//!
//! Nothing here is the truth: that is in the store. Whatever becomes of Redis, every call answers from what this process knows, and
//! returns to Redis by itself.

mod address;
mod answers;
mod bells;
mod claims;
mod error;
mod flights;
mod keys;
mod limits;
mod line;

pub use answers::{CacheStats, Hit};
pub use bells::Listener;
pub use error::Error;
pub use keys::{CacheKey, CacheKeyBuilder};
pub use limits::{Limit, Taken};

use answers::Answers;
use bells::Bells;
use chrono::{DateTime, SecondsFormat, Utc};
use limits::Takes;
use line::Line;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How this room behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of a Redis to share through; without one everything stays in this process.
    pub redis: Option<SecretString>,
    /// What every key in Redis begins with; replicas that share have the same.
    pub prefix: String,
    /// Answers kept in this process at most.
    pub cache_entries: u64,
    /// How long a call waits for Redis before it goes on without.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { redis: None, prefix: "planner:".into(), cache_entries: 2000, patience: Duration::from_millis(300) }
    }
}

/// Where what is shared is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// In this process, as configured.
    InProcess,
    /// In Redis.
    Redis,
    /// In this process, because Redis does not answer.
    RedisAway {
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("in-process"),
            Self::Redis => f.write_str("redis"),
            Self::RedisAway { since } => write!(f, "redis away since {}", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        }
    }
}

/// What this process shares with its replicas. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    answers: Answers,
    takes: Takes,
    bells: Arc<Bells>,
    line: Option<Arc<Line>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Hub {
    /// A hub that is reached, or one that works in process until Redis is.
    ///
    /// An address that can never work is an [`Error`] that names its faulty part and never the password. A server that is not there is
    /// none: it is said in the log and tried again.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let bells = Arc::new(Bells::default());
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let line = match &settings.redis {
            Some(url) => {
                let (line, outgoing) = Line::new(address::read(url)?, &settings, Arc::clone(&bells));
                line.first_connection().await?;
                tasks.spawn(line::tend(Arc::clone(&line), stopping.clone()));
                tasks.spawn(line::send(Arc::clone(&line), outgoing, stopping.clone()));
                Some(line)
            }
            None => None,
        };
        let answers = Answers::new(settings.cache_entries);
        Ok(Self(Arc::new(Inner { answers, takes: Takes::default(), bells, line, tasks, stopping })))
    }

    /// A hub of this process alone.
    pub fn in_process() -> Self {
        let answers = Answers::new(Settings::default().cache_entries);
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        Self(Arc::new(Inner { answers, takes: Takes::default(), bells: Arc::default(), line: None, tasks, stopping }))
    }

    /// Where what is shared is at the moment.
    pub fn health(&self) -> Health {
        self.0.line.as_ref().map_or(Health::InProcess, |line| line.health())
    }

    /// There is news of a topic: whoever listens to it hears of it, in this process at once, in others by Redis.
    ///
    /// A ring can be lost with the connection, so listeners look from time to time as well.
    pub fn ring(&self, topic: Uuid) {
        self.0.bells.ring(topic);
        if let Some(line) = &self.0.line {
            line.put_out(line::Outgoing::Ring(topic));
        }
    }

    /// Hears every ring for a topic from now on.
    pub fn listen(&self, topic: Uuid) -> Listener {
        Bells::listen(&self.0.bells, topic)
    }

    /// Sends what was rung, then lets go of Redis. Calls after this answer from this process.
    pub async fn shut_down(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
