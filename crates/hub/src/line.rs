//! The line to Redis: one connection for everything, kept by one task. While it is down nobody waits for it.

use crate::address::Address;
use crate::bells::Bells;
use crate::claims;
use crate::error::Error;
use crate::keys::CacheKey;
use crate::{Health, Settings};
use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisResult, Value};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How often the line is tried while nobody needs it.
const PROBE: Duration = Duration::from_secs(1);
/// How long after it went down a connection is tried; longer each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A line that was up for this long was well.
const STEADY: Duration = Duration::from_secs(10);
/// What may wait to be sent.
const OUTGOING: usize = 4096;

/// What is sent without anybody waiting for it.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// There is news of a topic.
    Ring(Uuid),
    /// A claim is given back.
    Release {
        /// Its key.
        key: String,
        /// Who had it.
        claimant: Uuid,
    },
}

/// The line to Redis.
pub(crate) struct Line {
    address: Address,
    prefix: String,
    patience: Duration,
    /// Who rang, so that nobody hears themselves.
    from: Uuid,
    bells: Arc<Bells>,
    state: Mutex<State>,
    connections: AtomicU64,
    fell: Notify,
    outgoing: mpsc::Sender<Outgoing>,
}

enum State {
    /// Not tried yet.
    New,
    Up {
        connection: MultiplexedConnection,
        /// Which of this line's connections it is.
        number: u64,
    },
    Away {
        since: DateTime<Utc>,
    },
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Line {
    /// A line that is not up yet, and what is to be sent over it.
    pub(crate) fn new(address: Address, settings: &Settings, bells: Arc<Bells>) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (outgoing, sent) = mpsc::channel(OUTGOING);
        let line = Self {
            address,
            prefix: settings.prefix.clone(),
            patience: settings.patience,
            from: Uuid::new_v4(),
            bells,
            state: Mutex::new(State::New),
            connections: AtomicU64::new(0),
            fell: Notify::new(),
            outgoing,
        };
        (Arc::new(line), sent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn health(&self) -> Health {
        match *self.state() {
            State::New => Health::RedisAway { since: Utc::now() },
            State::Up { .. } => Health::Redis,
            State::Away { since } => Health::RedisAway { since },
        }
    }

    /// A key of ours in Redis.
    pub(crate) fn key(&self, kind: &str, key: CacheKey) -> String {
        format!("{}{kind}:{key}", self.prefix)
    }

    fn channel(&self) -> String {
        format!("{}rings", self.prefix)
    }

    /// Puts something out to be sent. When too much waits already it is dropped: others look from time to time, and claims run out.
    pub(crate) fn put_out(&self, what: Outgoing) {
        if self.outgoing.try_send(what).is_err() {
            tracing::debug!("nothing more can be sent to Redis now");
        }
    }

    /// Asks Redis; `None` at once while it is away, and when it gives no good answer within our patience: then it is away from now on.
    pub(crate) async fn ask<T>(&self, work: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>) -> Option<T> {
        let (connection, number) = match &*self.state() {
            State::Up { connection, number } => (connection.clone(), *number),
            State::New | State::Away { .. } => return None,
        };
        let reason = match tokio::time::timeout(self.patience, work(connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(fault)) => self.address.reason(&fault),
            Err(_) => format!("no answer within {} ms", self.patience.as_millis()),
        };
        self.down(Some(number), &reason);
        None
    }

    /// Connects for the first time. Only what no waiting can mend is an error.
    pub(crate) async fn first_connection(self: &Arc<Self>) -> Result<(), Error> {
        match self.connect().await {
            Ok(number) => tracing::debug!(number, "Redis is reached"),
            Err(fault) => match self.address.refusal(&fault) {
                Some(error) => return Err(error),
                None => self.down(None, &self.address.reason(&fault)),
            },
        }
        Ok(())
    }

    /// Makes a connection that hears rings and can write, and puts it to use.
    async fn connect(self: &Arc<Self>) -> RedisResult<u64> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let line = Arc::downgrade(self);
        let heard = move |push: PushInfo| {
            if let Some(line) = line.upgrade() {
                line.hear(&push, number);
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(self.patience))
            .set_push_sender(heard);
        let mut connection = self.address.client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(self.channel()).await?;
        self.probe(connection.clone()).await?;
        let before = std::mem::replace(&mut *self.state(), State::Up { connection, number });
        if let State::Away { .. } = before {
            tracing::info!("Redis is back");
        }
        self.bells.ring_all();
        Ok(number)
    }

    /// A server that only reads, is full or still loads is away as well.
    async fn probe(&self, mut connection: MultiplexedConnection) -> RedisResult<()> {
        let mut set = redis::cmd("SET");
        set.arg(format!("{}probe", self.prefix)).arg(1).arg("PX").arg(5000);
        set.query_async(&mut connection).await
    }

    /// The line is down, if this is still its connection. Whoever listens looks for themselves from now on.
    fn down(&self, number: Option<u64>, reason: &str) {
        let mut state = self.state();
        let now_down = match &*state {
            State::New => number.is_none(),
            State::Up { number: current, .. } => number == Some(*current),
            State::Away { .. } => false,
        };
        if !now_down {
            return;
        }
        let before = std::mem::replace(&mut *state, State::Away { since: Utc::now() });
        drop(state);
        drop(before);
        tracing::warn!(reason, "Redis is away; this process goes on with what it knows itself");
        self.fell.notify_one();
        self.bells.ring_all();
    }

    fn hear(&self, push: &PushInfo, number: u64) {
        match (&push.kind, push.data.as_slice()) {
            (PushKind::Disconnection, _) => self.down(Some(number), "the connection was closed"),
            (PushKind::Message, [_, Value::BulkString(message)]) => {
                if let Some((from, topic)) =
                    message.split_at_checked(16).and_then(|(a, b)| Uuid::from_slice(a).ok().zip(Uuid::from_slice(b).ok()))
                    && from != self.from
                {
                    self.bells.ring(topic);
                }
            }
            _ => {}
        }
    }

    /// Lets go of the connection for good.
    fn hang_up(&self) {
        let before = std::mem::replace(&mut *self.state(), State::Away { since: Utc::now() });
        drop(before);
    }

    /// Watches the connection until it is down.
    async fn watch(&self) {
        loop {
            if self.ask(async |connection| self.probe(connection).await).await.is_none() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(PROBE) => {}
                () = self.fell.notified() => {}
            }
        }
    }

    /// Rings each topic once, however often it was rung meanwhile.
    async fn publish(&self, topics: HashSet<Uuid>) {
        let mut rings = redis::pipe();
        for topic in topics {
            let message = [*self.from.as_bytes(), *topic.as_bytes()].concat();
            rings.cmd("PUBLISH").arg(self.channel()).arg(message).ignore();
        }
        self.ask(async |mut redis| rings.query_async::<()>(&mut redis).await).await;
    }
}

/// Keeps the line up for as long as this process works.
pub(crate) async fn tend(line: Arc<Line>, stopping: CancellationToken) {
    let mut wait = FIRST_WAIT;
    let tending = async {
        loop {
            let since = Instant::now();
            line.watch().await;
            if since.elapsed() > STEADY {
                wait = FIRST_WAIT;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            if let Err(fault) = line.connect().await {
                tracing::debug!(reason = line.address.reason(&fault), "Redis is still away");
            }
        }
    };
    stopping.run_until_cancelled(tending).await;
}

/// Sends what was put out; at the end what is left of it.
pub(crate) async fn send(line: Arc<Line>, mut outgoing: mpsc::Receiver<Outgoing>, stopping: CancellationToken) {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            biased;
            _ = outgoing.recv_many(&mut waiting, 256) => {}
            () = stopping.cancelled() => break,
        }
        let mut topics = HashSet::new();
        for what in waiting.drain(..) {
            match what {
                Outgoing::Ring(topic) => drop(topics.insert(topic)),
                Outgoing::Release { key, claimant } => claims::release(&line, &key, claimant).await,
            }
        }
        if !topics.is_empty() {
            line.publish(topics).await;
        }
    }
    line.hang_up();
}
