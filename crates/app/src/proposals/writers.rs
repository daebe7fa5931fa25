//! Whose words a proposal is made of: nobody of them vouches for it, so that four eyes are four.

use super::{Wanted, fault};
use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use domain::accounts::Email;
use domain::audit::Actor;
use domain::roles::Right;

/// Who wrote what somebody proposes: they themselves, or whom the command line names, because it is nobody that could be told apart from
/// whoever approves it on the page.
pub(super) async fn of(app: &App, who: &Caller, wanted: &Wanted) -> Result<Actor> {
    let named = wanted.author.as_deref().map(str::trim);
    match (who.is_operator(), named) {
        (false, None) => Ok(who.actor()),
        (false, Some(_)) => Err(fault("author", "is whoever is signed in; only the command line names somebody")),
        (true, None) => {
            Err(fault("author", "is missing; say by an e-mail address of the team who wrote this, because they cannot approve it"))
        }
        (true, Some(address)) => {
            let email = Email::parse(address)?;
            let account = app.store.account_by_email(&email).await?;
            let writes = account.filter(|account| account.verified.is_some() && account.leaving.is_none());
            match writes.filter(|account| account.role.is_some_and(|role| role.may(Right::EditPrompts))) {
                Some(account) => Ok(Actor::Account(account.owner)),
                None => Err(fault("author", format!("\"{address}\" is nobody of the team who may edit prompts"))),
            }
        }
    }
}
