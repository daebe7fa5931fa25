//! Cached answers: exactly one making of each at a time, kept in this process and in Redis for a while.

use crate::Hub;
use crate::claims::{self, Found};
use crate::flights::{Flights, Json};
use crate::keys::CacheKey;
use moka::future::Cache;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// It was made for this caller.
    Made,
    /// It was made for another caller of this process while this one waited.
    Shared,
    /// This process had kept it.
    Process,
    /// A replica had made it, before or meanwhile.
    Redis,
}

/// How well the cache of this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStats {
    /// Answers that need not be made, since the start.
    pub hits: u64,
    /// Answers that had to be made, since the start.
    pub misses: u64,
    /// Answers kept in this process now.
    pub entries: u64,
}

#[derive(Debug)]
pub(crate) struct Answers {
    kept: Cache<CacheKey, Kept>,
    flights: Flights,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Clone)]
struct Kept {
    json: Json,
    ttl: Duration,
}

/// Each answer is kept for as long as its maker says.
struct AsLongAsSaid;

impl moka::Expiry<CacheKey, Kept> for AsLongAsSaid {
    fn expire_after_create(&self, _: &CacheKey, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &CacheKey, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

impl Answers {
    pub(crate) fn new(entries: u64) -> Self {
        let kept = Cache::builder().max_capacity(entries).expire_after(AsLongAsSaid).build();
        Self { kept, flights: Flights::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    async fn kept<T: DeserializeOwned>(&self, key: &CacheKey) -> Option<T> {
        read(&self.kept.get(key).await?.json)
    }

    async fn keep(&self, key: CacheKey, json: Json, ttl: Duration) {
        if !ttl.is_zero() {
            self.kept.insert(key, Kept { json, ttl }).await;
        }
    }
}

/// What was kept by another version of this program may not be readable; then it is made anew.
fn read<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).inspect_err(|error| tracing::debug!(%error, "a cached answer cannot be read")).ok()
}

fn write<T: Serialize>(value: &T) -> Option<Json> {
    serde_json::to_vec(value).inspect_err(|error| tracing::error!(%error, "an answer cannot be cached")).ok().map(Json::from)
}

impl Hub {
    /// The answer to a question, from the cache or by `make`, and where it came from. `make` says whether its answer may be kept.
    ///
    /// Of all simultaneous callers with one key in this process one makes it and the others wait; what is made is theirs too, kept or
    /// not. If making fails, or the maker hangs up, the next who waits makes it. A replica that is making it is waited for as well.
    pub async fn cached<T, E>(&self, key: &CacheKey, ttl: Duration, make: impl Future<Output = Result<(T, bool), E>>) -> Result<(T, Hit), E>
    where
        T: Serialize + DeserializeOwned,
    {
        let answered = self.answer(*key, ttl, make).await;
        let answers = &self.0.answers;
        let count = if matches!(answered, Ok((_, hit)) if hit != Hit::Made) { &answers.hits } else { &answers.misses };
        count.fetch_add(1, Ordering::Relaxed);
        answered
    }

    async fn answer<T, E>(&self, key: CacheKey, ttl: Duration, make: impl Future<Output = Result<(T, bool), E>>) -> Result<(T, Hit), E>
    where
        T: Serialize + DeserializeOwned,
    {
        let answers = &self.0.answers;
        if let Some(value) = answers.kept(&key).await {
            return Ok((value, Hit::Process));
        }
        let flight = answers.flights.join(key);
        let turn = flight.turn().await;
        if let Some(value) = turn.as_deref().and_then(read) {
            return Ok((value, Hit::Shared));
        }
        // It may have landed between the first look and the joining.
        if let Some(value) = answers.kept(&key).await {
            return Ok((value, Hit::Process));
        }
        let claim = match claims::look(self.0.line.as_ref(), key).await {
            Found::Answer { json, left } => match read(&json) {
                Some(value) => {
                    answers.keep(key, json.clone(), left).await;
                    flight.land(turn, json);
                    return Ok((value, Hit::Redis));
                }
                None => None,
            },
            Found::Mine(claim) => Some(claim),
            Found::Nothing => None,
        };
        let (value, keep) = match &claim {
            Some(claim) => claim.while_held(make).await?,
            None => make.await?,
        };
        let Some(json) = write(&value) else { return Ok((value, Hit::Made)) };
        if keep {
            answers.keep(key, json.clone(), ttl).await;
        }
        flight.land(turn, json.clone());
        if keep && let Some(line) = &self.0.line {
            claims::keep(line, key, &json, ttl).await;
        }
        Ok((value, Hit::Made))
    }

    /// How well the cache of this process does.
    pub async fn cache_stats(&self) -> CacheStats {
        let Answers { kept, hits, misses, .. } = &self.0.answers;
        kept.run_pending_tasks().await;
        CacheStats { hits: hits.load(Ordering::Relaxed), misses: misses.load(Ordering::Relaxed), entries: kept.entry_count() }
    }
}
