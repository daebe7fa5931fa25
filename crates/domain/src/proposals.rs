//! A change to the template library on its way through review: what state it is in, who may take it further, and what takes it back.
//!
//! A state carries exactly what is true in it; every step consumes the state it starts from. Who has which right is decided in
//! [`crate::roles`]; here stands what depends on who did the steps before.

use crate::Timestamp;
use crate::audit::Actor;
use crate::faults::{Fault, Faults};
use crate::ids::{CommentId, ProposalId};
use chrono::TimeDelta;
use semver::Version;
use serde::{Deserialize, Serialize};

/// How long a release is watched after it went to production.
pub const WATCH: TimeDelta = TimeDelta::hours(24);

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
            Self::InReview { .. } => "A prompt engineer or tech lead who did not write it reviews it.",
            Self::ChangesRequested { .. } => "Its author mends it and submits it again.",
            Self::Approved { .. } => "It passes its evals; then a prompt engineer or tech lead takes it to staging.",
            Self::Staged { .. } => "Somebody of the team who did not write it tries it in staging and accepts it or sends it back.",
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
            Self::Staged { .. } | Self::Accepted { .. } | Self::Live { .. } => true,
            Self::Settled { .. } | Self::Rejected { .. } | Self::RolledBack { .. } => true,
        }
    }
}

/// Why a step cannot be taken: a sentence that says what would have to be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

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
    /// Who wrote it.
    pub author: Actor,
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

/// The longest title, in characters.
const TITLE: usize = 120;
/// The longest text anybody writes about a proposal.
const TEXT: usize = 4_000;

/// Checks a proposal's title and its reason.
///
/// # Errors
/// Every fault of both.
pub fn about(title: &str, why: &str) -> Result<(String, String), Faults> {
    let mut faults = Faults::default();
    let title = faults.take(line("title", title));
    let why = faults.take(said("why", why));
    title.zip(why).filter(|_| faults.is_empty()).ok_or(faults)
}

fn line(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    match text.chars().count() {
        0..3 => Err(Fault::new(field, "say in a few words what changes").into()),
        length if length > TITLE => Err(Fault::new(field, format!("has {length} characters; at most {TITLE} are kept")).into()),
        _ if text.chars().any(char::is_control) => Err(Fault::new(field, "goes over one line only").into()),
        _ => Ok(text.to_owned()),
    }
}

/// Checks what somebody says about a proposal.
///
/// # Errors
/// When it says nothing, or too much.
pub fn said(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Fault::new(field, "is empty; say it in a sentence").into()),
        length if length > TEXT => Err(Fault::new(field, format!("has {length} characters; at most {TEXT} are kept")).into()),
        _ => Ok(text.to_owned()),
    }
}

impl Proposal {
    fn cannot<T>(&self, what: &str) -> Result<T, Refusal> {
        Err(Refusal(format!("a proposal that is {} cannot be {what}: {}", self.state.name().to_lowercase(), self.state.next())))
    }

    fn to(self, state: State, at: Timestamp) -> Self {
        Self { state, updated: at, ..self }
    }

    /// Somebody else than its author; the command line and the program are nobody who can vouch for it.
    fn by_another(&self, by: Actor, what: &str) -> Result<(), Refusal> {
        match by {
            Actor::Account(_) if by != self.author => Ok(()),
            Actor::Account(_) => Err(Refusal(format!("nobody {what} their own proposal; somebody else of the team can"))),
            Actor::CommandLine | Actor::Program => Err(Refusal(format!("a person {what} a proposal, signed in on its page"))),
        }
    }

    /// Whether its files may be changed; whoever changes them takes back what was said of the revision before.
    pub fn may_edit(&self) -> Result<(), Refusal> {
        match self.state {
            State::Draft | State::InReview { .. } | State::ChangesRequested { .. } | State::Approved { .. } => Ok(()),
            _ => self.cannot("edited"),
        }
    }

    /// Another revision of its files: it is a draft again.
    ///
    /// # Errors
    /// [`Refusal`] once it is a release.
    pub fn edit(self, at: Timestamp) -> Result<Self, Refusal> {
        self.may_edit()?;
        Ok(Self { revision: self.revision + 1, ..self.to(State::Draft, at) })
    }

    /// Its author, or whoever edits along, asks for a review.
    ///
    /// # Errors
    /// [`Refusal`] when there is nothing to review.
    pub fn submit(self, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Draft | State::ChangesRequested { .. } => Ok(self.to(State::InReview { since: at }, at)),
            _ => self.cannot("submitted"),
        }
    }

    /// Somebody else wants it mended.
    ///
    /// # Errors
    /// [`Refusal`] when it is not in review, or it is their own.
    pub fn request_changes(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        self.by_another(by, "reviews")?;
        match self.state {
            State::InReview { .. } | State::Approved { .. } => Ok(self.to(State::ChangesRequested { by, at }, at)),
            _ => self.cannot("sent back by a review"),
        }
    }

    /// Somebody else finds it good.
    ///
    /// # Errors
    /// [`Refusal`] when it is not in review, or it is their own.
    pub fn approve(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        self.by_another(by, "approves")?;
        match self.state {
            State::InReview { .. } => Ok(self.to(State::Approved { by, at }, at)),
            _ => self.cannot("approved"),
        }
    }

    /// It is put into staging.
    ///
    /// # Errors
    /// [`Refusal`] when it was not approved.
    pub fn stage(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Approved { .. } => Ok(self.to(State::Staged { by, at }, at)),
            _ => self.cannot("put into staging"),
        }
    }

    /// Somebody else has tried it in staging and finds it good.
    ///
    /// # Errors
    /// [`Refusal`] when it is not in staging, or it is their own.
    pub fn accept(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        self.by_another(by, "accepts")?;
        match self.state {
            State::Staged { .. } => Ok(self.to(State::Accepted { by, at }, at)),
            _ => self.cannot("accepted"),
        }
    }

    /// It is taken to production, and watched from now on.
    ///
    /// # Errors
    /// [`Refusal`] when nobody has accepted it in staging.
    pub fn promote(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Accepted { .. } => Ok(self.to(State::Live { by, at, watched_until: at + WATCH }, at)),
            _ => self.cannot("taken to production"),
        }
    }

    /// The watch is over.
    ///
    /// # Errors
    /// [`Refusal`] before its end.
    pub fn settle(self, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Live { watched_until, .. } if at >= watched_until => Ok(self.to(State::Settled { at }, at)),
            State::Live { watched_until, .. } => Err(Refusal(format!("it is watched until {}", watched_until.format("%-d %B %H:%M UTC")))),
            _ => self.cannot("settled"),
        }
    }

    /// Whoever tried it, or is to take it to production, sends it back.
    ///
    /// # Errors
    /// [`Refusal`] when it is not on its way from staging to production, or it is their own.
    pub fn reject(self, by: Actor, at: Timestamp, reason: &str) -> Result<Self, Refusal> {
        self.by_another(by, "sends back")?;
        match self.state {
            State::Staged { .. } | State::Accepted { .. } => Ok(self.to(State::Rejected { by, at, reason: reason.to_owned() }, at)),
            _ => self.cannot("sent back from staging"),
        }
    }

    /// It is taken out of production again.
    ///
    /// # Errors
    /// [`Refusal`] when it is not there.
    pub fn roll_back(self, by: Actor, at: Timestamp, reason: &str) -> Result<Self, Refusal> {
        match self.state {
            State::Live { .. } | State::Settled { .. } => Ok(self.to(State::RolledBack { by, at, reason: reason.to_owned() }, at)),
            _ => self.cannot("rolled back"),
        }
    }

    /// Another release has taken its place in production while it was watched: there is nothing to watch any more.
    ///
    /// # Errors
    /// [`Refusal`] when it is not watched.
    pub fn supersede(self, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Live { .. } => Ok(self.to(State::Settled { at }, at)),
            _ => self.cannot("superseded"),
        }
    }

    /// Staging is taken back from it before it went to production: it was sent back, by whoever did that.
    ///
    /// # Errors
    /// [`Refusal`] when it is not on its way from staging to production.
    pub fn leave_staging(self, by: Actor, at: Timestamp, reason: &str) -> Result<Self, Refusal> {
        match self.state {
            State::Staged { .. } | State::Accepted { .. } => Ok(self.to(State::Rejected { by, at, reason: reason.to_owned() }, at)),
            _ => self.cannot("sent back from staging"),
        }
    }

    /// It is given up.
    ///
    /// # Errors
    /// [`Refusal`] once it is a release.
    pub fn withdraw(self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        match self.state {
            State::Draft | State::InReview { .. } | State::ChangesRequested { .. } | State::Approved { .. } => {
                Ok(self.to(State::Withdrawn { by, at }, at))
            }
            _ => self.cannot("withdrawn"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OwnerId;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn draft(author: Actor) -> Proposal {
        Proposal {
            id: ProposalId::new(),
            title: "Shorter goals".into(),
            why: "They are read on a phone.".into(),
            version: Version::new(1, 1, 0),
            base: Version::new(1, 0, 0),
            author,
            state: State::Draft,
            revision: 1,
            created: at(0),
            updated: at(0),
        }
    }

    fn people() -> (Actor, Actor) {
        (Actor::Account(OwnerId::new()), Actor::Account(OwnerId::new()))
    }

    #[test]
    fn the_whole_life_goes_one_way() {
        let (author, other) = people();
        let live = draft(author).submit(at(1)).and_then(|p| p.approve(other, at(2))).and_then(|p| p.stage(author, at(3)));
        let live = live.and_then(|p| p.accept(other, at(4))).and_then(|p| p.promote(other, at(5))).expect("every step in turn");
        assert!(live.clone().settle(at(28)).is_err(), "the watch is not over");
        let settled = live.clone().settle(at(29)).expect("24 hours later");
        assert!(settled.state.has_ended());
        assert_eq!(live.clone().supersede(at(6)).expect("another one follows").state.key(), "settled");
        assert!(live.clone().leave_staging(other, at(6), "no").is_err(), "it is in production");
        let back = live.roll_back(other, at(6), "p95 doubled").expect("at any time");
        assert!(back.state.is_released() && back.state.has_ended());
    }

    #[test]
    fn nobody_vouches_for_their_own_work_and_no_machine_does() {
        let (author, other) = people();
        let review = || draft(author).submit(at(1)).expect("is a draft");
        for by in [author, Actor::CommandLine, Actor::Program] {
            assert!(review().approve(by, at(2)).is_err(), "{by:?}");
            assert!(review().request_changes(by, at(2)).is_err(), "{by:?}");
            let staged = review().approve(other, at(2)).and_then(|p| p.stage(author, at(3))).expect("staging is no verdict");
            assert!(staged.clone().accept(by, at(4)).is_err() && staged.clone().reject(by, at(4), "no").is_err(), "{by:?}");
            assert_eq!(staged.leave_staging(by, at(4), "no").expect("to take staging back is no verdict").state.key(), "rejected");
        }
    }

    #[test]
    fn an_edit_takes_the_verdict_back_until_it_is_a_release() {
        let (author, other) = people();
        let approved = draft(author).submit(at(1)).and_then(|p| p.approve(other, at(2))).expect("approved");
        let edited = approved.clone().edit(at(3)).expect("not a release yet");
        assert_eq!((edited.state.key(), edited.revision), ("draft", 2));
        let staged = approved.stage(author, at(3)).expect("approved");
        assert!(staged.clone().edit(at(4)).is_err() && staged.clone().withdraw(author, at(4)).is_err());
        assert!(staged.promote(other, at(4)).is_err(), "nobody has accepted it");
    }

    #[test]
    fn what_is_said_is_held_to_a_length() {
        assert!(about("ok", "why").is_err_and(|faults| faults.0.len() == 1));
        assert!(about("one\ntwo", " ").is_err_and(|faults| faults.0.len() == 2));
        assert!(about(&"x".repeat(121), "why").is_err());
        assert_eq!(about(" Shorter goals ", " why ").expect("fits"), ("Shorter goals".into(), "why".into()));
    }
}
