//! How much one address may ask for.

use crate::Settings;
use crate::error::Problem;
use crate::visitors::Visitor;
use app::accounts::place;
use app::limits::{self, Limit, Taken};
use app::{App, Caller, quotas};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use domain::quotas::Quota;
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
pub(crate) struct Pass(Option<Through>);

#[derive(Debug, Clone, Copy)]
struct Through {
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

    /// Takes one generation, or says when to come back. Members are held by their quota instead.
    pub(crate) async fn generation(&self, app: &App, visitor: &Visitor) -> Result<Pass, Problem> {
        take(app, self.generations, visitor).await
    }

    /// Takes one plan, or says when to come back. Members are held by their tier instead.
    pub(crate) async fn plan(&self, app: &App, visitor: &Visitor) -> Result<Pass, Problem> {
        take(app, self.plans, visitor).await
    }
}

async fn take(app: &App, what: Limited, visitor: &Visitor) -> Result<Pass, Problem> {
    if !visitor.caller.is_guest() {
        return Ok(Pass(None));
    }
    let address = visitor.address;
    let taken = limits::take(app, what.name, &place(address), what.limit).await;
    if taken.allowed {
        return Ok(Pass(Some(Through { what, address, taken })));
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
        if let Some(Through { what, address, .. }) = self.0 {
            limits::give_back(app, what.name, &place(address), what.limit).await;
        }
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
        if let Some(Through { what, taken, .. }) = self.0 {
            put(headers, what.limit.per_hour, taken.remaining, taken.reset_seconds);
        }
    }
}

/// The same for a member: where their quota stands.
pub(crate) async fn describe_quota(app: &App, caller: &Caller, headers: &mut HeaderMap) {
    if caller.account().is_none() {
        return;
    }
    // What was paid for is answered, also when nobody can say what is left.
    match quotas::standing(app, caller).await {
        Ok(Some(quota)) => {
            let reset = quota.next_back.map_or(0, |at| (at - app.now()).num_seconds().max(1));
            write_quota(&quota, u64::try_from(reset).unwrap_or(1), headers);
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "where a quota stands could not be read"),
    }
}

/// The same for somebody whom a quota holds; `reset` is how long it takes until something comes back.
pub(crate) fn write_quota(quota: &Quota, reset: u64, headers: &mut HeaderMap) {
    if let (Some(most), Some(left)) = (quota.allowed.most(), quota.left()) {
        put(headers, most, left, reset);
    }
}

fn put(headers: &mut HeaderMap, limit: u32, remaining: u32, reset: u64) {
    headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from(limit));
    headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(remaining));
    headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(reset));
}
