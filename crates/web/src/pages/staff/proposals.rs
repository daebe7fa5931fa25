//! Changes to templates on their way: what waits for whom, and what has ended. One of them is in [`whole`], writing one in [`editing`].

mod editing;
mod files;
mod previews;
mod steps;
mod whole;

pub(super) use files::download;

use super::people::Names;
use super::{ENOUGH, page};
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::shell::Shell;
use crate::views::recently;
use crate::{Shared, paths};
use app::proposals::Step;
use app::{App, Caller, proposals};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Html;
use axum::routing::get;
use domain::proposals::{Proposal, State as Stands};
use domain::roles::Right;

/// The largest form, in bytes: every file of a release with its tests, as browsers write them.
pub(super) const LARGEST: usize = 8 * 1024 * 1024;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/prompts/proposals", get(list))
        .merge(editing::routes())
        .merge(files::routes())
        .merge(steps::routes())
        .merge(whole::routes())
        .layer(DefaultBodyLimit::max(LARGEST))
}

#[derive(askama::Template)]
#[template(path = "staff/proposals/list.html")]
struct Proposals {
    shell: Shell,
    may_propose: bool,
    /// The first page: what waits is on no other.
    first: bool,
    /// What waits, by what it waits for: heading, what has to happen, and the proposals.
    waiting: Vec<(&'static str, &'static str, Vec<Row>)>,
    ended: Vec<Row>,
    older: Option<String>,
}

struct Row {
    path: String,
    title: String,
    version: String,
    state: &'static str,
    author: String,
    updated: String,
    revision: u32,
    /// Whoever looks can take it further.
    turn: bool,
}

impl Row {
    fn of(app: &App, who: &Caller, names: &Names, proposal: &Proposal) -> Self {
        let own = proposal.author.account() == Some(who.owner);
        let further = |step: &Step| match step {
            Step::Approve | Step::Stage | Step::Accept | Step::Promote => true,
            Step::Submit => own,
            _ => false,
        };
        Self {
            turn: proposals::possible(app, who, proposal).iter().any(further),
            path: paths::proposal(proposal.id),
            title: proposal.title.clone(),
            version: proposal.version.to_string(),
            state: proposal.state.name(),
            author: names.of(proposal.author),
            updated: recently(proposal.updated, app.now()),
            revision: proposal.revision,
        }
    }
}

/// What proposals in a state wait for, as a heading.
const fn heading(state: &Stands) -> &'static str {
    match state {
        Stands::Draft => "Being written",
        Stands::InReview { .. } => "To be reviewed",
        Stands::ChangesRequested { .. } => "To be mended",
        Stands::Approved { .. } => "To pass evals and go to staging",
        Stands::Staged { .. } => "To be tried in staging",
        Stands::Accepted { .. } => "To go to production",
        Stands::Live { .. } => "Watched in production",
        _ => "Ended",
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let caller = &visitor.caller;
    let names = Names::load(&app, caller).await?;
    let before = query.id("before");
    let open = if before.is_none() { proposals::open(&app, caller).await? } else { Vec::new() };
    let mut waiting: Vec<(&str, &str, Vec<Row>)> = Vec::new();
    for proposal in &open {
        let (title, row) = (heading(&proposal.state), Row::of(&app, caller, &names, proposal));
        match waiting.last_mut().filter(|(last, ..)| *last == title) {
            Some((.., rows)) => rows.push(row),
            None => waiting.push((title, proposal.state.next(), vec![row])),
        }
    }
    let (found, last) = page(proposals::list(&app, caller, ENOUGH, before).await?, |proposal| proposal.id);
    let ended =
        found.iter().filter(|proposal| proposal.state.has_ended()).map(|proposal| Row::of(&app, caller, &names, proposal)).collect();
    let older = last.map(|last| paths::with(paths::PROPOSALS, &[("before", &last)]));
    let may_propose = caller.has(&app, Right::EditPrompts);
    render(&Proposals { shell: Shell::of(&app, &visitor), may_propose, first: before.is_none(), waiting, ended, older })
}
