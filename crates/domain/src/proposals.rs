//! A change to the template library on its way through review: what state it is in, who may take it further, and what takes it back.
//!
//! A state carries exactly what is true in it; every step consumes the state it starts from. Who has which right is decided in
//! [`crate::roles`]; here stands what depends on who did the steps before.

mod states;
mod steps;
mod words;

pub use states::State;
pub use steps::{Refusal, WATCH};
pub use words::{about, said};

use crate::Timestamp;
use crate::audit::Actor;
use crate::ids::{CommentId, ProposalId};
use semver::Version;
use serde::{Deserialize, Serialize};

/// A proposal without its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// What it changes, in a line.
    pub title: String,
    /// Why.
    pub why: String,
    /// The release it becomes.
    pub version: Version,
    /// The release it was made from.
    pub base: Version,
    /// Who began it.
    pub author: Actor,
    /// Everybody of whom there are words in it: whoever saved one of its revisions, or one of the proposal it was begun again from. None of
    /// them vouches for it.
    pub writers: Vec<Actor>,
    /// Where it stands.
    pub state: State,
    /// Counts the changes to its files; a verdict is about one of them.
    pub revision: u32,
    /// When it was begun.
    pub created: Timestamp,
    /// When something happened to it last.
    pub updated: Timestamp,
}

/// One file a proposal changes or adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedFile {
    /// Where it stands in the library: `v1.1.0/swot.yaml` or `tests/swot.yaml`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// What was said about a proposal, and with what verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// About which.
    pub proposal: ProposalId,
    /// About which revision of it.
    pub revision: u32,
    /// Who said it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// A step that was taken with it, such as `approved`; a plain remark has none.
    pub step: Option<String>,
    /// What was said.
    pub text: String,
}
