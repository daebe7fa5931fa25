//! Typed ids, so that a run's id can never be passed where a venture's is wanted.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// Whom a venture belongs to: a guest, or a member, whose account has the same id.
    OwnerId,
    /// One business idea and everything made for it.
    VentureId,
    /// One attempt to produce one section.
    GenerationId,
    /// One run over the sections of a venture.
    RunId,
    /// The tree of spans of one generation.
    TraceId,
    /// One timed step of a trace.
    SpanId,
    /// One call to a model; sent along, so that a provider's log and ours name the same call.
    CallId,
    /// One piece of work in the queue.
    JobId,
    /// One browser somebody is signed in with.
    SessionId,
    /// One token of the API.
    TokenId,
    /// One line of the audit log.
    AuditId,
    /// One alert.
    AlertId,
    /// One mail.
    MailId,
    /// One file with everything of a member.
    ArchiveId,
    /// A change to the template library on its way through review.
    ProposalId,
    /// Something said about a proposal.
    CommentId,
    /// A release that an environment was pointed at.
    DeploymentId,
    /// A run of test cases against templates.
    EvalId,
    /// One judgement of a generation by the rubric.
    ScoreId,
    /// One line of the decision log.
    DecisionId,
}
