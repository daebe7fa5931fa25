//! How a call to a model goes wrong, by what is done next. No variant carries a key, an address or a prompt.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// 429.
    #[error("is over its rate limit")]
    RateLimited {
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// 5xx, or overloaded by another name.
    #[error("is not available (status {status})")]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("did not answer in time")]
    TimedOut,
    /// The answer broke off.
    #[error("broke off in the middle of its answer")]
    Cut,
    /// It could not be reached.
    #[error("cannot be reached ({0})")]
    Network(String),
    /// A safety filter stopped it.
    #[error("refused to answer ({reason})")]
    Refused {
        /// The provider's word for why.
        reason: String,
    },
    /// It said the request was wrong.
    #[error("did not accept the request ({reason})")]
    BadRequest {
        /// The provider's message, shortened.
        reason: String,
    },
    /// 401 or 403.
    #[error("did not accept the key")]
    Unauthorized,
    /// What came back is not its wire format.
    #[error("answered in a form that cannot be read ({0})")]
    Malformed(String),
    /// The token limit was used up before anything was said.
    #[error("used its whole token budget before answering")]
    Truncated,
    /// The circuit breaker is open after repeated faults.
    #[error("is being left alone after repeated faults")]
    BreakerOpen,
    /// An embedded model that cannot be loaded or run.
    #[error("cannot be used: {0}")]
    Embedded(String),
    /// The caller stopped it.
    #[error("was stopped")]
    Cancelled,
    /// The call could not be written down beforehand, so it was not made.
    #[error("was not asked, because the call could not be recorded")]
    NotRecorded,
    /// It was to be answered from a recording, and is not on it.
    #[error("was not asked, because the recording has no answer to this question")]
    Stale,
    /// Its answer could not be written to the recording.
    #[error("answered, but the recording could not be written ({0})")]
    Unkept(String),
}

impl Fault {
    /// The word it is recorded under.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate-limited",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut => "timed-out",
            Self::Cut => "cut",
            Self::Network(_) => "network",
            Self::Refused { .. } => "refused",
            Self::BadRequest { .. } => "bad-request",
            Self::Unauthorized => "unauthorized",
            Self::Malformed(_) => "malformed",
            Self::Truncated => "truncated",
            Self::BreakerOpen => "breaker-open",
            Self::Embedded(_) => "embedded",
            Self::Cancelled => "cancelled",
            Self::NotRecorded => "not-recorded",
            Self::Stale => "stale",
            Self::Unkept(_) => "unkept",
        }
    }

    /// Whether the same model may do it at another try. A time-out is not among them: it has cost the person the whole wait, so
    /// the next model or the simpler prompt comes first.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Cut | Self::Network(_) | Self::Malformed(_))
    }

    /// Whether nobody else is asked either: the caller stopped it, or what has to be written down could not be.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self, Self::Cancelled | Self::NotRecorded | Self::Stale | Self::Unkept(_))
    }

    /// Whether it says nothing about the question: asked again, there may be an answer.
    pub(crate) const fn is_passing(&self) -> bool {
        self.may_pass() || matches!(self, Self::TimedOut | Self::BreakerOpen | Self::Unauthorized | Self::Embedded(_))
    }

    /// Whether it says something about the provider's health.
    pub(crate) const fn counts(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut | Self::Cut | Self::Network(_))
    }

    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
