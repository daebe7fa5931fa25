//! Alerts: what the team has to look at, and what it has looked at.

use super::{ENOUGH, page};
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::views::{moment, short_id};
use crate::{Shared, paths};
use app::App;
use app::accounts::admin;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use domain::alerts::Alert;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/alerts", get(list)).route("/staff/alerts/{id}/acknowledge", post(acknowledge))
}

#[derive(askama::Template)]
#[template(path = "staff/alerts.html")]
struct Alerts {
    shell: Shell,
    open: Vec<View>,
    closed: Vec<View>,
    older: Option<String>,
}

struct View {
    action: String,
    title: String,
    about: Option<(String, String)>,
    detail: String,
    opened: String,
    acknowledged: Option<String>,
    closed: Option<String>,
}

impl View {
    fn of(alert: &Alert) -> Self {
        Self {
            action: paths::alert(alert.id),
            title: title(&alert.kind),
            about: alert.owner.map(|owner| (paths::member(owner), format!("member …{}", short_id(&owner.to_string())))),
            detail: alert.detail.to_string(),
            opened: moment(alert.opened),
            acknowledged: alert.acknowledged.map(moment),
            closed: alert.closed.map(moment),
        }
    }
}

/// What a kind of alert says; a kind without words of its own says its name.
fn title(kind: &str) -> String {
    match kind {
        Alert::MEMBER_COST => "A free member cost more in a day than the tier covers".into(),
        Alert::RELEASE => "A process does not serve the release that was deployed, as it was deployed".into(),
        other => other.to_owned(),
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let found = admin::alerts(&app, &visitor.caller, ENOUGH, query.id("before")).await?;
    let (found, last) = page(found, |alert| alert.id);
    let older = last.map(|last| paths::with(paths::ALERTS, &[("before", &last)]));
    let (closed, open): (Vec<View>, Vec<View>) = found.iter().map(View::of).partition(|view| view.closed.is_some());
    render(&Alerts { shell: Shell::of(&app, &visitor), open, closed, older })
}

async fn acknowledge(
    State(app): State<App>,
    Staff(visitor): Staff,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Redirect> {
    admin::acknowledge(&app, &visitor.caller, id(&text, "this alert")?).await?;
    Ok(Redirect::to(paths::ALERTS))
}
