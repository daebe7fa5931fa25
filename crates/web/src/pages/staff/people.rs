//! The team by name, on the pages where its members work together.

use crate::views::sentence;
use app::accounts;
use app::{App, Caller};
use domain::accounts::Email;
use domain::audit::Actor;
use domain::ids::OwnerId;
use domain::roles::Role;
use std::collections::BTreeMap;

/// Who is who, to whom looks.
pub(super) struct Names {
    team: BTreeMap<OwnerId, (Email, Role)>,
    own: OwnerId,
}

impl Names {
    pub(super) async fn load(app: &App, who: &Caller) -> app::Result<Self> {
        Ok(Self { team: accounts::team(app, who).await?, own: who.owner })
    }

    /// As it stands at the beginning of a sentence.
    pub(super) fn first(&self, actor: Actor) -> String {
        match actor {
            Actor::Account(owner) if self.team.contains_key(&owner) && owner != self.own => self.of(actor),
            // An address is no word, and stays as it is.
            _ => sentence(&self.of(actor)).trim_end_matches('.').to_owned(),
        }
    }

    /// As it stands in the middle of a sentence.
    pub(super) fn of(&self, actor: Actor) -> String {
        match actor {
            Actor::Account(owner) if owner == self.own => "you".into(),
            Actor::Account(owner) => match self.team.get(&owner) {
                Some((email, _)) => email.to_string(),
                None => "somebody who has left the team".into(),
            },
            Actor::CommandLine => "the command line".into(),
            Actor::Program => "the program".into(),
        }
    }
}
