//! Who is of the team, by name: for the pages on which its members work together.

use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use domain::accounts::Email;
use domain::ids::OwnerId;
use domain::roles::{Right, Role};
use std::collections::BTreeMap;

/// The addresses and roles of everybody who has a role, for whoever works on prompts with them. Customers are not among them.
pub async fn team(app: &App, who: &Caller) -> Result<BTreeMap<OwnerId, (Email, Role)>> {
    who.may(app, Right::ViewPrompts)?;
    let members = app.store.team_members().await?;
    Ok(members.into_iter().filter_map(|account| Some((account.owner, (account.email, account.role?)))).collect())
}
