//! Who asks, and what lets them: every use case is given one of these, and decides by it on its first line.

use crate::App;
use crate::error::{Error, Result};
use domain::accounts::{Account, Scope};
use domain::audit::Actor;
use domain::ids::{OwnerId, SessionId, TokenId};
use domain::roles::Right;
use domain::tiers::Entitlements;
use std::net::IpAddr;
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose ventures these are.
    pub owner: OwnerId,
    who: Who,
    by: Credential,
    address: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Guest,
    Member(Arc<Account>),
    Operator,
}

/// What shows who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing but a guest's cookie, or the machine itself.
    Nothing,
    /// They are signed in.
    Session {
        /// Where.
        id: SessionId,
        /// Whether a second factor was shown.
        second_factor: bool,
    },
    /// A token of the API.
    Token {
        /// Which.
        id: TokenId,
        /// What it may do.
        scopes: Vec<Scope>,
    },
    /// Another service vouches for them.
    Vouched,
}

impl Caller {
    /// Somebody without an account; owns what was made with the same cookie.
    pub const fn guest(owner: OwnerId) -> Self {
        Self { owner, who: Who::Guest, by: Credential::Nothing, address: None }
    }

    /// Whoever may use the command line on this machine, and the program's own jobs: held to no tier.
    pub const fn operator(owner: OwnerId) -> Self {
        Self { owner, who: Who::Operator, by: Credential::Nothing, address: None }
    }

    /// Somebody with an account. Only what proves it may make one.
    pub(crate) fn member(account: Account, by: Credential) -> Self {
        Self { owner: account.owner, who: Who::Member(Arc::new(account)), by, address: None }
    }

    /// The same, asking from there.
    #[must_use]
    pub const fn from(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// From where they ask, as far as that is believed.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What shows who they are.
    pub const fn credential(&self) -> &Credential {
        &self.by
    }

    /// Their account, if they have one.
    pub fn account(&self) -> Option<&Account> {
        match &self.who {
            Who::Member(account) => Some(account),
            Who::Guest | Who::Operator => None,
        }
    }

    /// Whether they came with nothing but a guest's cookie.
    pub const fn is_guest(&self) -> bool {
        matches!(self.who, Who::Guest)
    }

    pub(crate) const fn is_operator(&self) -> bool {
        matches!(self.who, Who::Operator)
    }

    /// What they may have: nothing limits the operator.
    pub fn entitlements<'a>(&self, app: &'a App) -> Option<&'a Entitlements> {
        match &self.who {
            Who::Operator => None,
            Who::Guest => Some(&app.desk.tiers.guest),
            Who::Member(account) => Some(app.desk.entitled(account)),
        }
    }

    /// They may see what is theirs.
    pub fn may_read(&self) -> Result<()> {
        self.scope(Scope::Read)
    }

    /// They may make and change what is theirs.
    pub fn may_write(&self) -> Result<()> {
        self.scope(Scope::Write)?;
        if self.account().is_some_and(|account| account.leaving.is_some()) {
            return Err(Error::forbidden("this account is about to be deleted; keep it on the account page before making anything new"));
        }
        Ok(())
    }

    fn scope(&self, wanted: Scope) -> Result<()> {
        match &self.by {
            Credential::Token { scopes, .. } if !scopes.contains(&wanted) => {
                Err(Error::Forbidden(format!("this token may not do that; it would need the scope \"{}\"", wanted.key())))
            }
            _ => Ok(()),
        }
    }

    /// Their account, which they have to be signed in to.
    pub fn signed_in(&self) -> Result<&Account> {
        self.account().ok_or(Error::NotSignedIn("sign in first"))
    }

    /// Their account, signed in to in a browser: what changes who may come in is not for tokens.
    pub(crate) fn in_person(&self) -> Result<&Account> {
        let account = self.signed_in()?;
        match self.by {
            Credential::Session { .. } => Ok(account),
            _ => Err(Error::forbidden("this is done on the account page, not with a token")),
        }
    }

    /// Whether they have shown all that is asked of the team.
    pub(crate) fn has_shown_enough(&self, app: &App) -> bool {
        !app.desk.policy.staff_second_factor || matches!(self.by, Credential::Session { second_factor: true, .. })
    }

    /// Their account, signed in to in a browser, with an address that is proven.
    pub(crate) fn verified_in_person(&self) -> Result<&Account> {
        let account = self.in_person()?;
        match account.verified {
            Some(_) => Ok(account),
            None => Err(Error::forbidden("confirm your e-mail address first: open the link that was sent to you")),
        }
    }

    /// Holds them to a right of the team. The operator has them all; a token needs the scope for it, and where a second factor is
    /// required of the team, it was shown.
    pub fn may(&self, app: &App, right: Right) -> Result<()> {
        if self.is_operator() {
            return Ok(());
        }
        let account = self.signed_in()?;
        let role = account.role.filter(|_| account.verified.is_some() && account.leaving.is_none());
        let Some(role) = role else { return Err(Error::NotFound("this page")) };
        if !role.may(right) {
            return Err(Error::Forbidden(format!("a {} may not {}", role.name().to_lowercase(), right.spoken())));
        }
        // Also of a token it is asked that its owner has one: without it nobody can make such a token.
        if app.desk.policy.staff_second_factor && !account.has_second_factor {
            return Err(Error::SecondFactor);
        }
        match &self.by {
            Credential::Session { second_factor, .. } if app.desk.policy.staff_second_factor && !second_factor => Err(Error::SecondFactor),
            Credential::Session { .. } => Ok(()),
            Credential::Token { .. } => self.scope(Scope::Staff),
            Credential::Vouched | Credential::Nothing => Err(Error::forbidden("sign in here to use the rights of your role")),
        }
    }

    /// Whether they have a right, for pages that show only what may be used.
    pub fn has(&self, app: &App, right: Right) -> bool {
        self.may(app, right).is_ok()
    }

    /// As the audit log names them.
    pub(crate) fn actor(&self) -> Actor {
        match &self.who {
            Who::Operator => Actor::CommandLine,
            Who::Guest | Who::Member(_) => Actor::Account(self.owner),
        }
    }
}
