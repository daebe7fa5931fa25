//! The states of a proposal, each with exactly what is true in it.

use crate::Timestamp;
use crate::audit::Actor;
use serde::{Deserialize, Serialize};

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum State {
    /// Its author works on it.
    Draft,
    /// Somebody else has to look at it.
    InReview {
        /// Since when.
        since: Timestamp,
    },
    /// Its author has to mend it.
    ChangesRequested {
        /// Who asked for that.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// Somebody else found it good: it has to pass its evals.
    Approved {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It is a release, in staging, to be tried by hand.
    Staged {
        /// Who put it there.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It was tried by hand and found good: a tech lead may take it to production.
    Accepted {
        /// Who tried it.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It is in production and watched.
    Live {
        /// Who took it there.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Until when it is watched.
        watched_until: Timestamp,
    },
    /// It went through the watch.
    Settled {
        /// When.
        at: Timestamp,
    },
    /// It was tried, or was to go to production, and was sent back: what is a release cannot be edited, so its author begins anew.
    Rejected {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It was taken out of production again.
    RolledBack {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It was given up.
    Withdrawn {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
    },
}

impl State {
    /// Its name as it is stored.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview { .. } => "in-review",
            Self::ChangesRequested { .. } => "changes-requested",
            Self::Approved { .. } => "approved",
            Self::Staged { .. } => "staged",
            Self::Accepted { .. } => "accepted",
            Self::Live { .. } => "live",
            Self::Settled { .. } => "settled",
            Self::Rejected { .. } => "rejected",
            Self::RolledBack { .. } => "rolled-back",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }

    /// Since when it stands there; a draft has no such moment.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Draft => None,
            Self::InReview { since } => Some(*since),
            Self::ChangesRequested { at, .. } | Self::Approved { at, .. } | Self::Staged { at, .. } | Self::Accepted { at, .. } => {
                Some(*at)
            }
            Self::Live { at, .. }
            | Self::Settled { at }
            | Self::Withdrawn { at, .. }
            | Self::Rejected { at, .. }
            | Self::RolledBack { at, .. } => Some(*at),
        }
    }

    /// In words, for pages and mail.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::InReview { .. } => "In review",
            Self::ChangesRequested { .. } => "Changes requested",
            Self::Approved { .. } => "Approved",
            Self::Staged { .. } => "In staging",
            Self::Accepted { .. } => "Accepted",
            Self::Live { .. } => "In production, watched",
            Self::Settled { .. } => "Settled",
            Self::Rejected { .. } => "Sent back",
            Self::RolledBack { .. } => "Rolled back",
            Self::Withdrawn { .. } => "Withdrawn",
        }
    }

    /// What has to happen next, and who does it.
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Draft => "Its author submits it for review.",
            Self::InReview { .. } => "A prompt engineer or tech lead who wrote nothing of it reviews it.",
            Self::ChangesRequested { .. } => "Its author mends it and submits it again.",
            Self::Approved { .. } => "It passes its evals; then a prompt engineer or tech lead takes it to staging.",
            Self::Staged { .. } => "Somebody of the team who wrote nothing of it tries it in staging and accepts it or sends it back.",
            Self::Accepted { .. } => "A tech lead takes it to production.",
            Self::Live { .. } => "It is watched for 24 hours; then it counts as settled.",
            Self::Rejected { .. } | Self::RolledBack { .. } => "Its author begins a new proposal from it.",
            Self::Settled { .. } | Self::Withdrawn { .. } => "Nothing: it has ended.",
        }
    }

    /// Whether nothing can happen to it any more.
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Settled { .. } | Self::Rejected { .. } | Self::RolledBack { .. } | Self::Withdrawn { .. })
    }

    /// Whether it is part of the library as a release.
    pub const fn is_released(&self) -> bool {
        match self {
            Self::Draft | Self::InReview { .. } | Self::ChangesRequested { .. } | Self::Approved { .. } | Self::Withdrawn { .. } => false,
            Self::Staged { .. }
            | Self::Accepted { .. }
            | Self::Live { .. }
            | Self::Settled { .. }
            | Self::Rejected { .. }
            | Self::RolledBack { .. } => true,
        }
    }
}
