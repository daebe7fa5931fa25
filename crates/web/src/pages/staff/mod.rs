//! The team's pages. For whoever is not of the team they are not there.

mod alerts;
mod audit;
mod decisions;
mod diffs;
mod evals;
mod gates;
mod mail;
mod members;
mod people;
mod playground;
mod prompts;
mod proposals;
mod quality;
mod releases;
mod reviews;
mod typed;

use crate::Shared;
use crate::error::PageResult;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::shell::Shell;
use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::roles::Right;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff", get(overview))
        .merge(members::routes())
        .merge(audit::routes())
        .merge(mail::routes())
        .merge(alerts::routes())
        .merge(quality::routes())
        .merge(reviews::routes())
        .merge(decisions::routes())
        .merge(prompts::routes())
        .merge(proposals::routes())
        .merge(releases::routes())
        .merge(evals::routes())
        .merge(playground::routes())
        .layer(axum::middleware::from_fn(typed::keep))
}

/// How many lines a table shows at once.
const SHOWN: u64 = 50;
/// One more, to know whether there are others.
const ENOUGH: u64 = SHOWN + 1;

/// The lines that are shown, and the id of the last one if there are others behind it.
fn page<T, I: ToString>(mut found: Vec<T>, id: impl Fn(&T) -> I) -> (Vec<T>, Option<String>) {
    let more = found.len() as u64 > SHOWN;
    found.truncate(usize::try_from(SHOWN).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more).map(|last| id(last).to_string());
    (found, last)
}

#[derive(askama::Template)]
#[template(path = "staff/overview.html")]
struct Overview {
    shell: Shell,
    role: &'static str,
    /// What the role lets somebody do, in words, and whether it does.
    rights: Vec<(&'static str, bool)>,
}

async fn overview(State(app): State<App>, Staff(visitor): Staff) -> PageResult<Html<String>> {
    let role = visitor.caller.account().and_then(|account| account.role).ok_or(app::Error::NotFound("this page"))?;
    let rights = Right::ALL.into_iter().map(|right| (right.spoken(), role.may(right))).collect();
    render(&Overview { shell: Shell::of(&app, &visitor), role: role.name(), rights })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_there_is_another() {
        assert_eq!(page(vec![3, 2, 1], |n| *n), (vec![3, 2, 1], None));
        let (shown, more) = page((0..51).collect(), |n: &i32| *n);
        assert_eq!((shown.len(), more.as_deref()), (50, Some("49")));
    }
}
