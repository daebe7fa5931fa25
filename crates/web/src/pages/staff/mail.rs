//! The mail of the place, for tech leads: what was written to whom, and whether it left. Of a mail only its plain part is shown.

use super::{ENOUGH, page};
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::Path;
use crate::shell::Shell;
use crate::views::moment;
use crate::{Shared, paths};
use app::{App, mails};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::mails::Mail;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/mail", get(list)).route("/staff/mail/{id}", get(one))
}

#[derive(askama::Template)]
#[template(path = "staff/mails.html")]
struct Mails {
    shell: Shell,
    rows: Vec<Row>,
    older: Option<String>,
}

struct Row {
    path: String,
    to: String,
    subject: String,
    written: String,
    sent: Option<String>,
}

impl Row {
    fn of(mail: &Mail) -> Self {
        Self {
            path: paths::mail(mail.id),
            to: mail.to.to_string(),
            subject: mail.subject.clone(),
            written: moment(mail.created),
            sent: mail.sent.map(moment),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "staff/mail.html")]
struct MailPage {
    shell: Shell,
    row: Row,
    member: String,
    text: String,
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let found = mails::list(&app, &visitor.caller, ENOUGH, query.id("before")).await?;
    let (found, last) = page(found, |mail| mail.id);
    let older = last.map(|last| paths::with(paths::MAIL, &[("before", &last)]));
    render(&Mails { shell: Shell::of(&app, &visitor), rows: found.iter().map(Row::of).collect(), older })
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>) -> PageResult<Html<String>> {
    let mail = mails::get(&app, &visitor.caller, id(&text, "this mail")?).await?;
    let (shell, row, member) = (Shell::of(&app, &visitor), Row::of(&mail), paths::member(mail.owner));
    render(&MailPage { shell, row, member, text: mail.text })
}
