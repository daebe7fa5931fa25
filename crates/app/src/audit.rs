//! The audit log: written in the transaction that does what it tells of, read by tech leads.

use crate::App;
use crate::callers::Caller;
use crate::error::Result;
use domain::Timestamp;
use domain::audit::{Actor, Entry, network};
use domain::decisions::Decision;
use domain::ids::{AuditId, OwnerId};
use domain::roles::Right;
use serde_json::Value;
use std::fmt::Display;
pub use store::AuditSearch;
use store::{TeamTx, TenantTx};

/// What was done, to be written down.
pub(crate) struct Act<'a> {
    /// Such as `account.tier`.
    pub action: &'a str,
    /// To which kind of thing.
    pub kind: &'static str,
    /// To which of them.
    pub subject: String,
    pub before: Value,
    pub after: Value,
    pub reason: Option<String>,
}

impl<'a> Act<'a> {
    pub(crate) fn on(account: OwnerId, action: &'a str) -> Self {
        Self::about("account", account, action)
    }

    pub(crate) fn about(kind: &'static str, subject: impl Display, action: &'a str) -> Self {
        Self { action, kind, subject: subject.to_string(), before: Value::Null, after: Value::Null, reason: None }
    }

    pub(crate) fn change(self, before: Value, after: Value) -> Self {
        Self { before, after, ..self }
    }

    pub(crate) fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    fn entry(self, actor: Actor, network: Option<String>, at: Timestamp) -> Entry {
        Entry {
            id: AuditId::new(),
            at,
            actor,
            action: self.action.to_owned(),
            subject_kind: self.kind.into(),
            subject: self.subject,
            network,
            before: self.before,
            after: self.after,
            reason: self.reason,
        }
    }
}

/// Writes down what somebody does, with the rest of the transaction.
pub(crate) async fn write(app: &App, tx: &TenantTx, who: &Caller, act: Act<'_>) -> Result<()> {
    Ok(tx.audit(&act.entry(who.actor(), who.address().map(network), app.now())).await?)
}

/// Writes down what somebody does to what belongs to the team, with the rest of the transaction.
pub(crate) async fn write_team(app: &App, tx: &TeamTx, who: &Caller, act: Act<'_>) -> Result<()> {
    Ok(tx.audit(&act.entry(who.actor(), who.address().map(network), app.now())).await?)
}

/// Writes down what the program does to it by itself.
pub(crate) async fn team_by_program(tx: &TeamTx, at: Timestamp, act: Act<'_>) -> Result<()> {
    Ok(tx.audit(&act.entry(Actor::Program, None, at)).await?)
}

/// What the log says of a decision about quality, to be kept with it.
pub(crate) fn about_decision(app: &App, who: &Caller, decision: &Decision) -> Entry {
    Entry {
        id: AuditId::new(),
        at: app.now(),
        actor: who.actor(),
        action: "decision.made".into(),
        subject_kind: "decision".into(),
        subject: decision.id.to_string(),
        network: who.address().map(network),
        before: Value::Null,
        after: Value::Null,
        reason: None,
    }
}

/// Writes down what the program does by itself.
pub(crate) async fn by_program(tx: &TenantTx, at: Timestamp, action: &str, account: OwnerId, after: Value) -> Result<()> {
    Ok(tx.audit(&Act::on(account, action).change(Value::Null, after).entry(Actor::Program, None, at)).await?)
}

/// The log, newest first; the next page is what comes `before` the last of this one. For tech leads.
pub async fn search(app: &App, who: &Caller, wanted: &AuditSearch, limit: u64, before: Option<AuditId>) -> Result<Vec<Entry>> {
    who.may(app, Right::Administer)?;
    Ok(app.store.audit_log(wanted, limit, before).await?)
}
