//! The steps of a proposal: every one consumes the state it starts from, and asks who did the steps before.

use super::{Proposal, State};
use crate::Timestamp;
use crate::audit::Actor;
use chrono::TimeDelta;

/// How long a release is watched after it went to production.
pub const WATCH: TimeDelta = TimeDelta::hours(24);

/// Why a step cannot be taken: a sentence that says what would have to be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Proposal {
    fn cannot<T>(&self, what: &str) -> Result<T, Refusal> {
        Err(Refusal(format!("a proposal that is {} cannot be {what}: {}", self.state.name().to_lowercase(), self.state.next())))
    }

    fn to(self, state: State, at: Timestamp) -> Self {
        Self { state, updated: at, ..self }
    }

    /// Whether there are words of theirs in it.
    pub fn is_by(&self, somebody: Actor) -> bool {
        self.writers.contains(&somebody)
    }

    /// Somebody of whom there are no words in it; the command line and the program are nobody who can vouch for it.
    fn by_another(&self, by: Actor, what: &str) -> Result<(), Refusal> {
        match by {
            Actor::Account(_) if !self.is_by(by) => Ok(()),
            Actor::Account(_) if by == self.author => {
                Err(Refusal(format!("nobody {what} their own proposal; somebody else of the team can")))
            }
            Actor::Account(_) => {
                Err(Refusal(format!("nobody {what} what they have written along; somebody who saved none of its revisions can")))
            }
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

    /// Another revision of its files, by somebody who is one of its writers from now on: it is a draft again.
    ///
    /// # Errors
    /// [`Refusal`] once it is a release.
    pub fn edit(mut self, by: Actor, at: Timestamp) -> Result<Self, Refusal> {
        self.may_edit()?;
        self.written_by(&[by]);
        Ok(Self { revision: self.revision + 1, ..self.to(State::Draft, at) })
    }

    /// There are words of theirs in it, too.
    pub fn written_by(&mut self, more: &[Actor]) {
        for by in more {
            if !self.is_by(*by) {
                self.writers.push(*by);
            }
        }
    }

    /// Another title or reason: the revision stays what it is, and so does what was said of it.
    ///
    /// # Errors
    /// [`Refusal`] once it is a release.
    pub fn describe(self, title: String, why: String, at: Timestamp) -> Result<Self, Refusal> {
        self.may_edit()?;
        Ok(Self { title, why, updated: at, ..self })
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
    use crate::ids::{OwnerId, ProposalId};
    use semver::Version;

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
            writers: vec![author],
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
            assert!(staged.clone().accept(by, at(4)).is_err() && staged.reject(by, at(4), "no").is_err(), "{by:?}");
        }
    }

    #[test]
    fn whoever_saves_along_vouches_for_it_no_more_than_its_author() {
        let (author, along) = people();
        let (third, fourth) = people();
        let written = draft(author).edit(along, at(1)).and_then(|p| p.submit(at(2))).expect("is a draft");
        for by in [author, along] {
            assert!(written.clone().approve(by, at(3)).is_err() && written.clone().request_changes(by, at(3)).is_err(), "{by:?}");
        }
        let staged = written.approve(third, at(3)).and_then(|p| p.stage(along, at(4))).expect("who has not written it");
        assert!(staged.clone().accept(along, at(5)).is_err() && staged.clone().reject(author, at(5), "no").is_err());
        // Who approved it may accept it: their words are not in it.
        assert!(staged.clone().accept(third, at(5)).is_ok() && staged.accept(fourth, at(5)).is_ok());
        let again = Proposal { author: along, writers: vec![author, along], ..draft(along) };
        assert!(again.submit(at(6)).and_then(|p| p.approve(author, at(7))).is_err(), "the words stay theirs, whoever begins again");
    }

    #[test]
    fn another_title_leaves_verdict_and_revision() {
        let (author, other) = people();
        let approved = draft(author).submit(at(1)).and_then(|p| p.approve(other, at(2))).expect("approved");
        let said = approved.clone().describe("Shorter".into(), "Phones.".into(), at(3)).expect("not a release yet");
        assert_eq!((&said.state, said.revision, said.updated), (&approved.state, 1, at(3)));
        assert_eq!(said.state.since(), Some(at(2)));
        let staged = said.stage(author, at(4)).expect("approved");
        assert!(staged.describe("Other".into(), "x".into(), at(5)).is_err());
    }

    #[test]
    fn an_edit_takes_the_verdict_back_until_it_is_a_release() {
        let (author, other) = people();
        let approved = draft(author).submit(at(1)).and_then(|p| p.approve(other, at(2))).expect("approved");
        let edited = approved.clone().edit(author, at(3)).expect("not a release yet");
        assert_eq!((edited.state.key(), edited.revision), ("draft", 2));
        let staged = approved.stage(author, at(3)).expect("approved");
        assert!(staged.clone().edit(author, at(4)).is_err() && staged.clone().withdraw(author, at(4)).is_err());
        assert!(staged.promote(other, at(4)).is_err(), "nobody has accepted it");
    }
}
