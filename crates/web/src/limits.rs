//! How much one address may ask for; in process, per replica.

use crate::Settings;
use crate::error::Problem;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;

type Limiter = RateLimiter<IpAddr, governor::state::keyed::DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

/// The limits of this process.
pub struct Limits {
    generations: (Limiter, u32),
    plans: (Limiter, u32),
}

/// What is left after a request was let through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    limit: u32,
    remaining: u32,
    reset: u64,
}

impl Limits {
    /// Full at first, refilled evenly over the hour.
    pub fn new(settings: &Settings) -> Self {
        Self { generations: hourly(settings.generations_per_hour), plans: hourly(settings.plans_per_hour) }
    }

    /// Takes one generation, or says when to come back.
    pub(crate) fn generation(&self, address: IpAddr) -> Result<Left, Problem> {
        take(&self.generations, address, "section generations")
    }

    /// Takes one plan, or says when to come back.
    pub(crate) fn plan(&self, address: IpAddr) -> Result<Left, Problem> {
        take(&self.plans, address, "plans")
    }
}

fn hourly(count: u32) -> (Limiter, u32) {
    let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    let limiter: DefaultKeyedRateLimiter<IpAddr> = RateLimiter::keyed(Quota::per_hour(count));
    (limiter.with_middleware(), count.get())
}

fn take((limiter, limit): &(Limiter, u32), address: IpAddr, what: &str) -> Result<Left, Problem> {
    let refill = 3600 / u64::from(*limit).max(1);
    match limiter.check_key(&address) {
        Ok(snapshot) => {
            let remaining = snapshot.remaining_burst_capacity();
            Ok(Left { limit: *limit, remaining, reset: refill * u64::from(limit - remaining.min(*limit)) })
        }
        Err(refused) => {
            let wait = refused.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            let detail = format!("this address has used its {limit} {what} an hour; the next one is free in {}", spoken(wait));
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(wait))
        }
    }
}

fn spoken(seconds: u64) -> String {
    if seconds < 90 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) }
}

impl Left {
    /// The `ratelimit-*` headers.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from(self.limit));
        headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(self.remaining));
        headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(self.reset));
    }
}
