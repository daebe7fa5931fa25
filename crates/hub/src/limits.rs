//! How much one may take in an hour: the generic cell rate algorithm, by the same rule in this process and in Redis.

use crate::Hub;
use crate::keys::CacheKey;
use crate::line::Line;
use redis::Script;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often what is paid off is forgotten.
const PRUNE: Duration = Duration::from_mins(1);

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limits/take.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limits/give_back.lua")));

/// How much may be taken: at once as much as in an hour, refilled evenly. So in any time no more than this much and what that time
/// refills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Takes in an hour; none counts as one.
    pub per_hour: u32,
}

/// What became of a take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether it was within the limit; if not, it cost nothing.
    pub allowed: bool,
    /// What may be taken right away after it.
    pub remaining: u32,
    /// When everything may be taken again.
    pub reset_seconds: u64,
    /// When the next may be taken, if this one was refused; else 0.
    pub retry_after_seconds: u64,
}

/// Takes in microseconds of refilling: what was taken is a debt that time pays off.
impl Limit {
    fn each(self) -> i64 {
        3_600_000_000 / i64::from(self.per_hour.max(1))
    }

    fn most(self) -> i64 {
        self.each() * i64::from(self.per_hour.max(1))
    }

    /// The debt after one more take; `None` if that is too much.
    fn take(self, debt: i64) -> Option<i64> {
        let after = debt.max(0) + self.each();
        (after <= self.most()).then_some(after)
    }

    fn taken(self, allowed: bool, debt: i64) -> Taken {
        let seconds = |us: i64| u64::try_from(us).unwrap_or(0).div_ceil(1_000_000);
        let remaining = (self.most() - debt).max(0) / self.each();
        let wait = if allowed { 0 } else { seconds(debt + self.each() - self.most()).max(1) };
        Taken { allowed, remaining: u32::try_from(remaining).unwrap_or(u32::MAX), reset_seconds: seconds(debt), retry_after_seconds: wait }
    }
}

/// The debts this process knows: by whom, the time in microseconds at which all is paid off.
#[derive(Debug)]
pub(crate) struct Takes {
    start: Instant,
    debts: Mutex<Debts>,
}

#[derive(Debug, Default)]
struct Debts {
    paid_at: HashMap<CacheKey, i64>,
    pruned_at: i64,
}

impl Default for Takes {
    fn default() -> Self {
        Self { start: Instant::now(), debts: Mutex::default() }
    }
}

impl Takes {
    fn with<T>(&self, work: impl FnOnce(&mut Debts, i64) -> T) -> T {
        let now = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        work(&mut self.debts.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

impl Debts {
    fn take(&mut self, who: CacheKey, limit: Limit, now: i64) -> Taken {
        self.prune(now);
        let debt = self.debt(who, now);
        match limit.take(debt) {
            Some(after) => {
                self.owe(who, after, now);
                limit.taken(true, after)
            }
            None => limit.taken(false, debt),
        }
    }

    fn debt(&self, who: CacheKey, now: i64) -> i64 {
        self.paid_at.get(&who).map_or(0, |paid| (paid - now).max(0))
    }

    fn owe(&mut self, who: CacheKey, debt: i64, now: i64) {
        if debt > 0 {
            self.paid_at.insert(who, now + debt);
        } else {
            self.paid_at.remove(&who);
        }
    }

    fn prune(&mut self, now: i64) {
        if now - self.pruned_at >= i64::try_from(PRUNE.as_micros()).unwrap_or(i64::MAX) {
            self.pruned_at = now;
            self.paid_at.retain(|_, paid| *paid > now);
            self.paid_at.shrink_to(self.paid_at.len() * 2);
        }
    }
}

/// Addresses are hashed: a key in Redis says nothing about who took.
fn key(name: &str, who: &str) -> CacheKey {
    CacheKey::builder().part("limit", name).part("who", who).finish()
}

/// Whether it was allowed, and the debt after it.
async fn take_in_redis(line: &Line, key: CacheKey, limit: Limit) -> Option<(bool, i64)> {
    let mut script = TAKE.prepare_invoke();
    script.key(line.key("limit", key)).arg(limit.each()).arg(limit.most());
    line.ask(async |mut redis| script.invoke_async(&mut redis).await).await
}

async fn give_back_in_redis(line: &Line, key: CacheKey, limit: Limit) {
    let mut script = GIVE_BACK.prepare_invoke();
    script.key(line.key("limit", key)).arg(limit.each());
    line.ask(async |mut redis| script.invoke_async::<()>(&mut redis).await).await;
}

impl Hub {
    /// Takes one of what is limited under this name from `who`, or says when to come back.
    pub async fn take(&self, name: &str, who: &str, limit: Limit) -> Taken {
        let key = key(name, who);
        if let Some(line) = &self.0.line
            && let Some((allowed, debt)) = take_in_redis(line, key, limit).await
        {
            // Known here too, so that a Redis that goes away does not begin everybody's hour anew.
            self.0.takes.with(|debts, now| {
                debts.prune(now);
                debts.owe(key, debt, now);
            });
            return limit.taken(allowed, debt);
        }
        self.0.takes.with(|debts, now| debts.take(key, limit, now))
    }

    /// Gives back one that was taken and not used.
    pub async fn give_back(&self, name: &str, who: &str, limit: Limit) {
        let key = key(name, who);
        if let Some(line) = &self.0.line {
            give_back_in_redis(line, key, limit).await;
        }
        self.0.takes.with(|debts, now| debts.owe(key, debts.debt(key, now) - limit.each(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    fn somebody(n: u8) -> CacheKey {
        key("generations", &n.to_string())
    }

    #[test]
    fn an_hour_is_refilled_evenly() {
        let (mut debts, limit, who) = (Debts::default(), Limit { per_hour: 60 }, somebody(1));
        for left in (0..60).rev() {
            let taken = debts.take(who, limit, 0);
            assert_eq!((taken.allowed, taken.remaining, taken.reset_seconds), (true, left, u64::from(60 - left) * 60));
        }
        let refused = debts.take(who, limit, 15 * SECOND);
        assert_eq!((refused.allowed, refused.remaining, refused.retry_after_seconds), (false, 0, 45));
        assert!(debts.take(who, limit, 60 * SECOND).allowed);
        assert!(!debts.take(who, limit, 60 * SECOND).allowed);
        assert!(debts.take(somebody(2), limit, 0).allowed, "others have their own");
    }

    #[test]
    fn nobody_is_remembered_who_owes_nothing() {
        let (mut debts, limit) = (Debts::default(), Limit { per_hour: 3600 });
        for n in 0..100 {
            debts.take(somebody(n), limit, 0);
        }
        debts.take(somebody(200), limit, 61 * SECOND);
        assert_eq!(debts.paid_at.len(), 1);
    }

    proptest! {
        /// Whenever they come: in every stretch of time no more than the limit and what that time refills, and what is refused may
        /// be had when it was said.
        #[test]
        fn never_more_than_the_limit(per_hour in 1..200_u32, steps in prop::collection::vec((0..120 * SECOND, prop::bool::weighted(0.1)), 1..400)) {
            let (limit, mut debts, mut now, mut allowed) = (Limit { per_hour }, Debts::default(), 0, Vec::new());
            for (step, give_back) in steps {
                now += step;
                let taken = debts.take(somebody(1), limit, now);
                prop_assert!(taken.remaining <= per_hour);
                prop_assert_eq!(taken.allowed, taken.retry_after_seconds == 0);
                if !taken.allowed {
                    let later = now + i64::try_from(taken.retry_after_seconds).expect("seconds") * SECOND;
                    prop_assert!(limit.take(debts.debt(somebody(1), later)).is_some());
                } else if give_back {
                    debts.owe(somebody(1), debts.debt(somebody(1), now) - limit.each(), now);
                } else {
                    allowed.push(now);
                }
            }
            for (i, from) in allowed.iter().enumerate() {
                for (j, to) in allowed.iter().enumerate().skip(i) {
                    let most = i64::from(per_hour) + (to - from) / limit.each();
                    prop_assert!(i64::try_from(j - i + 1).expect("few") <= most);
                }
            }
        }
    }
}
