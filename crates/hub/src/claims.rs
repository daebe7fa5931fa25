//! Who of all replicas makes an answer: the answers in Redis, and short claims on those that are being made.

use crate::flights::Json;
use crate::keys::CacheKey;
use crate::line::{Line, Outgoing};
use redis::Script;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a claim lasts that is not renewed: as long as a replica that died keeps others waiting.
const LEASE: Duration = Duration::from_secs(3);
/// How often a claim is renewed in that time.
const RENEWALS: u32 = 4;
/// How often one looks who waits for a replica.
const LOOK: Duration = Duration::from_millis(150);
/// How long one waits for a replica at most.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

static LOOK_OR_CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local answer = redis.call('GET', KEYS[1])
        if answer then return {'answer', answer, redis.call('PTTL', KEYS[1])} end
        if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'mine', '', 0} end
        return {'busy', '', 0}",
    )
});

static RENEW: LazyLock<Script> =
    LazyLock::new(|| Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"));

static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"));

/// What there is in Redis.
pub(crate) enum Found {
    /// The answer, and how long it is kept there.
    Answer {
        /// As it is kept.
        json: Json,
        /// Until it is dropped there.
        left: Duration,
    },
    /// Nobody makes it: it is ours to make.
    Mine(Claim),
    /// There is no Redis, or waiting for a replica took too long.
    Nothing,
}

/// The right to make an answer; given back when dropped.
pub(crate) struct Claim {
    line: Arc<Line>,
    key: String,
    claimant: Uuid,
}

fn answer_key(line: &Line, key: CacheKey) -> String {
    line.key("answer", key)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Looks for an answer; waits while a replica makes it.
pub(crate) async fn look(line: Option<&Arc<Line>>, key: CacheKey) -> Found {
    let Some(line) = line else { return Found::Nothing };
    let (answer, claim, claimant) = (answer_key(line, key), line.key("making", key), Uuid::new_v4());
    let since = Instant::now();
    while since.elapsed() < LONGEST_WAIT {
        let mut script = LOOK_OR_CLAIM.prepare_invoke();
        script.key(&answer).key(&claim).arg(claimant.to_string()).arg(milliseconds(LEASE));
        let found = line.ask(async |mut redis| script.invoke_async::<(String, Vec<u8>, i64)>(&mut redis).await).await;
        let Some((state, json, left)) = found else { return Found::Nothing };
        match state.as_str() {
            "answer" => return Found::Answer { json: json.into(), left: Duration::from_millis(u64::try_from(left).unwrap_or_default()) },
            "mine" => return Found::Mine(Claim { line: Arc::clone(line), key: claim, claimant }),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
    Found::Nothing
}

/// Keeps an answer for all replicas.
pub(crate) async fn keep(line: &Line, key: CacheKey, json: &Json, ttl: Duration) {
    let mut set = redis::cmd("SET");
    set.arg(answer_key(line, key)).arg(&**json).arg("PX").arg(milliseconds(ttl));
    line.ask(async |mut redis| set.query_async::<()>(&mut redis).await).await;
}

/// Gives a claim back, if it is still this claimant's.
pub(crate) async fn release(line: &Line, key: &str, claimant: Uuid) {
    let mut script = RELEASE.prepare_invoke();
    script.key(key).arg(claimant.to_string());
    line.ask(async |mut redis| script.invoke_async::<()>(&mut redis).await).await;
}

impl Claim {
    /// Does what was claimed, and keeps the claim meanwhile.
    pub(crate) async fn while_held<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.renew() => match never {},
        }
    }

    async fn renew(&self) -> Infallible {
        let mut script = RENEW.prepare_invoke();
        script.key(&self.key).arg(self.claimant.to_string()).arg(milliseconds(LEASE));
        loop {
            tokio::time::sleep(LEASE / RENEWALS).await;
            self.line.ask(async |mut redis| script.invoke_async::<()>(&mut redis).await).await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.line.put_out(Outgoing::Release { key: std::mem::take(&mut self.key), claimant: self.claimant });
    }
}
