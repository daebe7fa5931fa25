//! Why a use case could not do what was asked; no HTTP in it.

use domain::Timestamp;
use domain::faults::Faults;
use domain::quotas::Quota;
use std::time::Duration;
use uuid::Uuid;

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or not theirs: these look the same.
    #[error("{0} was not found")]
    NotFound(&'static str),
    /// What was given is wrong; every fault is named.
    #[error("{0}")]
    Invalid(Faults),
    /// Nobody is signed in who could do it; or what was shown to prove who they are proves nothing.
    #[error("{0}")]
    NotSignedIn(&'static str),
    /// A token that was shown proves nothing; it says why.
    #[error("{0}")]
    TokenRefused(String),
    /// They are known, and may not.
    #[error("{0}")]
    Forbidden(String),
    /// Their role asks for a second factor, which was not shown.
    #[error("your role asks for a second factor; set it up on the account page, then sign in with it")]
    SecondFactor,
    /// They have had as much as they may for now.
    #[error("{reason}")]
    TooMuch {
        /// A sentence for the person who asked.
        reason: String,
        /// When they may go on.
        until: Timestamp,
        /// How long that is from now.
        retry_after: Duration,
        /// Where they stand, if it is the quota of their tier.
        quota: Option<Quota>,
    },
    /// It does not go with what is there.
    #[error("{reason}")]
    Conflict {
        /// A sentence for the person who asked.
        reason: String,
        /// What it does not go with, if that has an id.
        id: Option<Uuid>,
    },
    /// Somebody else has taken this piece of work over.
    #[error("this piece of work is somebody else's by now")]
    LeaseLost,
    /// No model could do it now.
    #[error("{reason}")]
    NoModel {
        /// A sentence for the person who asked.
        reason: String,
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// The program is shutting down.
    #[error("the server is restarting; try again in a moment")]
    Stopping,
    /// The store cannot do it now; nothing was changed.
    #[error("{0}")]
    Busy(#[source] store::Error),
    /// The store could not do it.
    #[error(transparent)]
    Store(store::Error),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn forbidden(reason: &str) -> Self {
        Self::Forbidden(reason.to_owned())
    }

    pub(crate) fn conflict(reason: &str, id: Uuid) -> Self {
        Self::Conflict { reason: reason.to_owned(), id: (!id.is_nil()).then_some(id) }
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) | store::Error::Full => Self::Busy(error),
            store::Error::LeaseLost => Self::LeaseLost,
            other => Self::Store(other),
        }
    }
}
