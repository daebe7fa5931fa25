//! The audit log, for tech leads. It names accounts by id; here they are shown by their address while they have one.

use super::{ENOUGH, page};
use crate::error::PageResult;
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Staff;
use crate::pages::render;
use crate::shell::Shell;
use crate::views::{short_id, stamp};
use crate::{Shared, paths};
use app::App;
use app::Caller;
use app::accounts::admin;
use app::audit::{self, AuditSearch};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::accounts::Email;
use domain::audit::{Actor, Entry};
use domain::faults::{Fault, Faults};
use domain::ids::OwnerId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/audit", get(list))
}

#[derive(askama::Template)]
#[template(path = "staff/audit.html")]
struct Log {
    shell: Shell,
    wrong: Wrong,
    text: String,
    actor: String,
    action: String,
    lines: Vec<Line>,
    older: Option<String>,
}

struct Line {
    at: String,
    actor: Named,
    action: String,
    subject: Named,
    before: Option<String>,
    after: Option<String>,
    reason: Option<String>,
    network: String,
}

/// Somebody or something, with a page of theirs if there is one.
struct Named {
    name: String,
    path: Option<String>,
}

impl Named {
    fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), path: None }
    }

    fn account(owner: OwnerId, addresses: &BTreeMap<OwnerId, Email>) -> Self {
        match addresses.get(&owner) {
            Some(email) => Self { name: email.to_string(), path: Some(paths::member(owner)) },
            None => Self { name: format!("deleted account …{}", short_id(&owner.to_string())), path: None },
        }
    }
}

/// The account a line is about.
fn subject(entry: &Entry) -> Option<OwnerId> {
    (entry.subject_kind == "account").then(|| entry.subject.parse().ok()).flatten()
}

fn compact(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

impl Line {
    fn of(entry: Entry, addresses: &BTreeMap<OwnerId, Email>) -> Self {
        let subject = match subject(&entry) {
            Some(owner) if entry.actor.account() == Some(owner) => Named::plain("themselves"),
            Some(owner) => Named::account(owner, addresses),
            None => Named::plain(&format!("{} …{}", entry.subject_kind, short_id(&entry.subject))),
        };
        Self {
            at: stamp(entry.at),
            actor: match entry.actor {
                Actor::Account(owner) => Named::account(owner, addresses),
                Actor::CommandLine => Named::plain("command line"),
                Actor::Program => Named::plain("the program"),
            },
            action: entry.action,
            subject,
            before: compact(&entry.before),
            after: compact(&entry.after),
            reason: entry.reason,
            network: entry.network.unwrap_or_default(),
        }
    }
}

/// Who was meant: an id, or the address of an account there is.
async fn actor(app: &App, who: &Caller, text: &str) -> app::Result<Option<OwnerId>> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(owner) = text.parse() {
        return Ok(Some(owner));
    }
    match admin::find(app, who, text).await {
        Ok(account) => Ok(Some(account.owner)),
        Err(app::Error::NotFound(_) | app::Error::Invalid(_)) => {
            Err(Faults::from(Fault::new("actor", "is neither the address of an account nor the id of one")).into())
        }
        Err(other) => Err(other),
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Response> {
    let (text, by, action) = (query.get("text"), query.get("actor"), query.get("action"));
    let (actor, wrong) = match actor(&app, &visitor.caller, by).await {
        Ok(actor) => (actor, Wrong::default()),
        Err(error @ app::Error::Invalid(_)) => (None, Wrong::with("search", error)?),
        Err(other) => return Err(other.into()),
    };
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wanted = AuditSearch { text: given(text), actor, action: given(action) };
    let found = audit::search(&app, &visitor.caller, &wanted, ENOUGH, query.id("before")).await?;
    let (found, last) = page(found, |entry| entry.id);
    let owners: BTreeSet<OwnerId> = found.iter().flat_map(|entry| [entry.actor.account(), subject(entry)]).flatten().collect();
    let addresses = admin::addresses(&app, &visitor.caller, &owners).await?;
    let page = Log {
        shell: Shell::of(&app, &visitor),
        wrong,
        text: text.to_owned(),
        actor: by.to_owned(),
        action: action.to_owned(),
        lines: found.into_iter().map(|entry| Line::of(entry, &addresses)).collect(),
        older: last.map(|last| paths::with(paths::AUDIT, &[("text", text), ("actor", by), ("action", action), ("before", &last)])),
    };
    if page.wrong.is("search") { Ok(page.wrong.answer(render(&page)?)) } else { Ok(render(&page)?.into_response()) }
}
