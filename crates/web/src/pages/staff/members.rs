//! Members as the team sees them: a list, and one customer's account with what was made for them lately.

use super::{ENOUGH, page};
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::{Form, Nothing, Path};
use crate::shell::{QuotaView, Shell};
use crate::views::{day, moment};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::admin::{self, Change, Made};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::accounts::Account;
use domain::faults::{Fault, Faults};
use domain::generations::{Confidence, Status};
use domain::ids::OwnerId;
use domain::roles::{Right, Role};
use domain::tiers::Tier;
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/members", get(list))
        .route("/staff/members/{owner}", get(member))
        .route("/staff/members/{owner}/tier", post(tier))
        .route("/staff/members/{owner}/role", post(role))
        .route("/staff/members/{owner}/second-step", post(second_step))
        .route("/staff/members/{owner}/lift", post(limit))
}

#[derive(askama::Template)]
#[template(path = "staff/members.html")]
struct Members {
    shell: Shell,
    search: String,
    rows: Vec<Row>,
    older: Option<String>,
}

struct Row {
    path: String,
    email: String,
    tier: &'static str,
    role: &'static str,
    since: String,
    /// What is unusual about it.
    marks: Vec<&'static str>,
}

impl Row {
    fn of(account: &Account) -> Self {
        let mut marks = Vec::new();
        if account.verified.is_none() {
            marks.push("not confirmed");
        }
        if account.is_limited(chrono::Utc::now()) {
            marks.push("limited");
        }
        if account.leaving.is_some() {
            marks.push("leaving");
        }
        Self {
            path: paths::member(account.owner),
            email: account.email.to_string(),
            tier: account.tier.name(),
            role: account.role.map_or("", Role::name),
            since: day(account.created),
            marks,
        }
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let search = query.get("search");
    let found = admin::list(&app, &visitor.caller, search, ENOUGH, query.id("before")).await?;
    let (found, last) = page(found, |account| account.owner);
    let older = last.map(|last| paths::with(paths::MEMBERS, &[("search", search), ("before", &last)]));
    let rows = found.iter().map(Row::of).collect();
    render(&Members { shell: Shell::of(&app, &visitor), search: search.to_owned(), rows, older })
}

#[derive(askama::Template)]
#[template(path = "staff/member.html")]
struct MemberPage {
    shell: Shell,
    wrong: Wrong,
    said: Option<&'static str>,
    /// What was typed as a reason.
    reason: String,
    path: String,
    account: Account,
    since: String,
    verified: Option<String>,
    leaving: Option<String>,
    limited_until: Option<String>,
    quota: QuotaView,
    made: Vec<MadeView>,
    /// Whether who looks may change tier and role, and lift what holds this member back.
    may_change: bool,
    may_lift: bool,
    /// Who looks is looking at themselves.
    own: bool,
}

struct MadeView {
    section: String,
    when: String,
    mark: &'static str,
    status: &'static str,
    confidence: &'static str,
    issues: Vec<String>,
}

impl MadeView {
    fn of(app: &App, made: Made) -> Self {
        let release = app.release();
        let template = release.sections().into_iter().find(|template| template.name.as_str() == made.section);
        let section = template.map_or(made.section, |template| template.title.clone());
        let (mark, status) = match made.status {
            Status::Complete => ("✓", "Complete"),
            Status::Partial => ("◐", "Partial"),
            Status::Failed => ("!", "Failed"),
        };
        let confidence = match made.confidence {
            Confidence::Low => "Low",
            Confidence::Medium => "Medium",
            Confidence::High => "High",
        };
        Self { section, when: moment(made.created), mark, status, confidence, issues: made.issues }
    }
}

impl MemberPage {
    async fn load(app: &App, visitor: &Visitor, owner: OwnerId, wrong: Wrong, reason: String) -> Result<Self, PageError> {
        let caller = &visitor.caller;
        let admin::Customer { account, quota, generations } = admin::customer(app, caller, owner).await?;
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong,
            said: None,
            reason,
            path: paths::member(owner),
            since: day(account.created),
            verified: account.verified.map(day),
            leaving: account.leaving.map(|asked| moment(asked + app::accounts::grace(app))),
            limited_until: account.limited_until.filter(|_| account.is_limited(chrono::Utc::now())).map(moment),
            quota: quota.into(),
            made: generations.into_iter().map(|made| MadeView::of(app, made)).collect(),
            may_change: caller.has(app, Right::Administer),
            may_lift: caller.has(app, Right::OverrideSafety),
            own: caller.owner == owner,
            account,
        })
    }

    fn tiers() -> [Tier; 3] {
        Tier::ALL
    }

    fn roles() -> [Role; 5] {
        Role::ALL
    }

    fn is_tier(&self, tier: Tier) -> bool {
        self.account.tier == tier
    }

    fn is_role(&self, role: Role) -> bool {
        self.account.role == Some(role)
    }
}

async fn member(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, query: Query) -> PageResult<Html<String>> {
    let owner = id(&text, "this member")?;
    let page = MemberPage::load(&app, &visitor, owner, Wrong::default(), String::new()).await?;
    let said = match query.get("done") {
        "tier" => Some("The tier is changed. It holds from the next request on."),
        "role" => Some("The role is changed. It holds from the next request on."),
        "second-step" => Some("The second step is taken away, and every session was ended."),
        "limit" => Some("The limit is lifted. Your reason is in the audit log."),
        _ => None,
    };
    render(&MemberPage { said, ..page })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToTier {
    #[serde(default)]
    tier: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToRole {
    #[serde(default)]
    role: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    #[serde(default)]
    reason: String,
}

/// Where a form of a member's page leads.
async fn settled(
    app: &App,
    visitor: &Visitor,
    owner: OwnerId,
    form: &'static str,
    (did, reason): (app::Result<()>, String),
) -> PageResult<Response> {
    match did {
        Ok(()) => Ok(Redirect::to(&paths::with(&paths::member(owner), &[("done", form)])).into_response()),
        Err(error) => {
            let page = MemberPage::load(app, visitor, owner, Wrong::with(form, error)?, reason).await?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

fn none_of_these(field: &str) -> app::Error {
    Faults::from(Fault::new(field, "is none that there is; choose one from the list")).into()
}

async fn change(app: &App, visitor: &Visitor, owner: OwnerId, wanted: Option<Change>, field: &str) -> app::Result<()> {
    let change = wanted.ok_or_else(|| none_of_these(field))?;
    admin::set(app, &visitor.caller, owner, change).await.map(drop)
}

async fn tier(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<ToTier>) -> PageResult<Response> {
    let owner = id(&text, "this member")?;
    let wanted = Tier::from_key(&typed.tier).map(|tier| Change { tier: Some(tier), ..Change::default() });
    let did = change(&app, &visitor, owner, wanted, "tier").await;
    settled(&app, &visitor, owner, "tier", (did, String::new())).await
}

async fn role(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<ToRole>) -> PageResult<Response> {
    let owner = id(&text, "this member")?;
    let to = |role| Change { role: Some(role), ..Change::default() };
    let wanted = if typed.role == "none" { Some(to(None)) } else { Role::from_key(&typed.role).map(|role| to(Some(role))) };
    let did = change(&app, &visitor, owner, wanted, "role").await;
    settled(&app, &visitor, owner, "role", (did, String::new())).await
}

async fn second_step(
    State(app): State<App>,
    Staff(visitor): Staff,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Response> {
    let owner = id(&text, "this member")?;
    let wanted = Change { reset_second_factor: true, ..Change::default() };
    let did = change(&app, &visitor, owner, Some(wanted), "second-step").await;
    settled(&app, &visitor, owner, "second-step", (did, String::new())).await
}

async fn limit(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, Form(typed): Form<Why>) -> PageResult<Response> {
    let owner = id(&text, "this member")?;
    let did = admin::lift_limit(&app, &visitor.caller, owner, &typed.reason).await;
    settled(&app, &visitor, owner, "limit", (did, typed.reason)).await
}
