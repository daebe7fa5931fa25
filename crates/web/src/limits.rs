//! How much one address may ask for.

use crate::Settings;
use crate::error::Problem;
use app::App;
use app::limits::{self, Limit, Taken};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::net::IpAddr;

/// What is limited, for each address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    generations: Limited,
    plans: Limited,
}

#[derive(Debug, Clone, Copy)]
struct Limited {
    name: &'static str,
    /// What a person calls them.
    spoken: &'static str,
    limit: Limit,
}

/// What was let through, and what is left after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    what: Limited,
    address: IpAddr,
    taken: Taken,
}

impl Limits {
    /// Full at first, refilled evenly over the hour.
    pub(crate) fn new(settings: &Settings) -> Self {
        let limited = |name, spoken, per_hour: u32| Limited { name, spoken, limit: Limit { per_hour: per_hour.max(1) } };
        Self {
            generations: limited("generations", "section generations", settings.generations_per_hour),
            plans: limited("plans", "plans", settings.plans_per_hour),
        }
    }

    /// Takes one generation, or says when to come back.
    pub(crate) async fn generation(&self, app: &App, address: IpAddr) -> Result<Pass, Problem> {
        take(app, self.generations, address).await
    }

    /// Takes one plan, or says when to come back.
    pub(crate) async fn plan(&self, app: &App, address: IpAddr) -> Result<Pass, Problem> {
        take(app, self.plans, address).await
    }
}

async fn take(app: &App, what: Limited, address: IpAddr) -> Result<Pass, Problem> {
    let taken = limits::take(app, what.name, &address.to_string(), what.limit).await;
    if taken.allowed {
        return Ok(Pass { what, address, taken });
    }
    let (wait, per_hour) = (taken.retry_after_seconds, what.limit.per_hour);
    let detail = format!("this address has used its {per_hour} {} an hour; the next one is free in {}", what.spoken, spoken(wait));
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(wait))
}

fn spoken(seconds: u64) -> String {
    if seconds < 90 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) }
}

impl Pass {
    /// What was let through came to nothing and does not count.
    pub(crate) async fn give_back(self, app: &App) {
        limits::give_back(app, self.what.name, &self.address.to_string(), self.what.limit).await;
    }

    /// What it was taken for; where nothing came of it, it does not count.
    pub(crate) async fn used_for<T>(self, app: &App, made: app::Result<T>) -> app::Result<T> {
        if made.is_err() {
            self.give_back(app).await;
        }
        made
    }

    /// The `ratelimit-*` headers.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from(self.what.limit.per_hour));
        headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(self.taken.remaining));
        headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(self.taken.reset_seconds));
    }
}
