//! A venture's page, which fills in while its sections are made.

use crate::error::{PageError, PageResult, Problem};
use crate::pages::forms::Wrong;
use crate::pages::landing::Landing;
use crate::pages::render;
use crate::requests::{Form, Nothing, Path};
use crate::shell::{Shell, clock};
use crate::views::{SectionView, StepView, place_in_line, quota_forecast};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::quotas::Forecast;
use app::runs::{RunEvent, Told};
use app::ventures::{Plan, SectionState};
use app::{App, quotas, runs, ventures};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use chrono::SecondsFormat;
use domain::ids::VentureId;
use domain::runs::{Happening, VentureRun};
use domain::ventures::RawBrief;
use futures::stream::{self, Stream, StreamExt as _};
use serde::Deserialize;
use std::convert::Infallible;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ventures", get(list).post(create))
        .route("/ventures/{id}", get(venture))
        .route("/ventures/{id}/events", get(events))
        .route("/ventures/{id}/sections/{name}", get(section))
        .route("/ventures/{id}/runs", post(run))
        .route("/ventures/{id}/cancel", post(cancel))
        .route("/ventures/{id}/archive", post(archive))
        .route("/ventures/{id}/export/{format}", get(export_file))
}

/// What the idea form sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    product_idea: String,
    #[serde(default)]
    brand_voice: String,
    #[serde(default)]
    own_voice: String,
    #[serde(default)]
    persona: String,
    #[serde(default)]
    experience_level: String,
    #[serde(default)]
    target_market: String,
    #[serde(default)]
    price_range: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    currency: String,
}

impl From<Typed> for RawBrief {
    fn from(typed: Typed) -> Self {
        let given = |text: String| (!text.trim().is_empty()).then_some(text);
        let voice = if typed.brand_voice == "own" { typed.own_voice } else { typed.brand_voice };
        Self {
            idea: typed.product_idea,
            voice: given(voice),
            persona: given(typed.persona),
            experience: given(typed.experience_level),
            target_market: given(typed.target_market),
            price_range: given(typed.price_range),
            language: given(typed.language),
            currency: given(typed.currency),
        }
    }
}

async fn create(State(shared): State<Shared>, visitor: Visitor, jar: CookieJar, Form(typed): Form<Typed>) -> PageResult<Response> {
    let app = &shared.app;
    let raw = RawBrief::from(typed);
    // A faulty form costs nothing, so it is read before the limit is.
    let brief = match ventures::read(&raw) {
        Ok(brief) => brief,
        Err(faults) => return again(app, &visitor, raw, faults.into()).await,
    };
    let pass = shared.limits.plan(app, &visitor).await?;
    match pass.used_for(app, runs::start_new(app, &visitor.caller, brief).await).await {
        Ok(run) => Ok((visitor.keep(app, jar), Redirect::to(&paths::venture(run.venture))).into_response()),
        Err(error) => again(app, &visitor, raw, error).await,
    }
}

/// The form once more, with what was typed, and why nothing was made.
async fn again(app: &App, visitor: &Visitor, typed: RawBrief, why: app::Error) -> PageResult<Response> {
    let wrong = Wrong::with("idea", why)?;
    let page = Landing::load(app, visitor, typed, wrong).await?;
    Ok(page.wrong.answer(render(&page)?))
}

#[derive(askama::Template)]
#[template(path = "ventures/list.html")]
struct ListPage {
    shell: Shell,
    ventures: Vec<(String, String, String, String)>,
}

async fn list(State(app): State<App>, visitor: Visitor) -> PageResult<Html<String>> {
    let ventures = ventures::list(&app, &visitor.caller, 100, None).await?;
    let row = |v: domain::ventures::Venture| {
        (
            paths::venture(v.id),
            v.brief.idea.to_string(),
            v.brief.voice.name().to_owned(),
            v.created.format("%-d %B %Y, %H:%M UTC").to_string(),
        )
    };
    let shell = Shell::with_quota(&app, &visitor).await?;
    render(&ListPage { shell, ventures: ventures.into_iter().map(row).collect() })
}

#[derive(askama::Template)]
#[template(path = "ventures/venture.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the page that is shown or not")]
struct VenturePage {
    shell: Shell,
    path: String,
    idea: String,
    voice: String,
    /// When the run that is going on began, for browsers to read.
    since: Option<String>,
    /// Its place in line, while it waits for its turn.
    place: Option<String>,
    /// When the run goes on that waits for the quota.
    waits_until: Option<String>,
    /// What bringing it up to date would take of the quota.
    forecast: Option<String>,
    cancelled: bool,
    /// It was put away: nothing is made for it until it is taken up again.
    archived: bool,
    ended: usize,
    asked: usize,
    failed: usize,
    draft: bool,
    missing: bool,
    steps: Vec<StepView>,
}

impl VenturePage {
    fn of(plan: &Plan, shell: Shell, forecast: Option<Forecast>) -> Self {
        let currency = plan.venture.brief.currency;
        let (ended, asked) = plan.progress();
        let is_draft = |s: &SectionState| matches!(s, SectionState::Ready { generation, .. } if generation.draft_model);
        Self {
            shell,
            waits_until: plan.waits_until.map(clock),
            forecast: forecast.as_ref().and_then(quota_forecast),
            path: paths::venture(plan.venture.id),
            idea: plan.venture.brief.idea.to_string(),
            voice: plan.venture.brief.voice.name().to_owned(),
            since: plan.running_since().map(|since| since.to_rfc3339_opts(SecondsFormat::Millis, true)),
            place: place_in_line(plan.standing.as_ref()),
            archived: plan.venture.archived.is_some(),
            cancelled: plan.run.as_ref().is_some_and(|r| matches!(r.state, VentureRun::Cancelled { .. })),
            ended,
            asked,
            failed: plan.sections.iter().filter(|s| matches!(s.state, SectionState::Failed { .. })).count(),
            draft: plan.sections.iter().any(|s| is_draft(&s.state)),
            missing: plan.venture.archived.is_none() && !plan.is_running() && !plan.missing().is_empty(),
            steps: StepView::group(plan.sections.iter().map(|s| SectionView::of(s, currency)).collect()),
        }
    }
}

fn id(text: &str) -> Result<VentureId, Problem> {
    // What is no id is nobody's venture: the same answer as for a foreign one.
    text.parse().map_err(|_| app::Error::NotFound("this venture").into())
}

async fn venture(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> PageResult<Html<String>> {
    let plan = ventures::plan(&app, &visitor.caller, id(&text)?).await?;
    let missing = plan.missing().len();
    let forecast = if missing > 0 && !plan.is_running() { quotas::forecast(&app, &visitor.caller, missing).await? } else { None };
    let shell = Shell::with_quota(&app, &visitor).await?;
    render(&VenturePage::of(&plan, shell, forecast))
}

async fn section(State(app): State<App>, visitor: Visitor, Path((text, name)): Path<(String, String)>) -> PageResult<Html<String>> {
    let plan = ventures::plan(&app, &visitor.caller, id(&text)?).await?;
    let section = plan.sections.iter().find(|s| s.template.name.as_str() == name).ok_or(app::Error::NotFound("this section"))?;
    render(&SectionView::of(section, plan.venture.brief.currency))
}

/// First where every section stands, then what changes, until the run is over.
async fn events(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Response, Problem> {
    let plan = ventures::plan(&app, &visitor.caller, id(&text)?).await?;
    let currency = plan.venture.brief.currency;
    let first: Vec<Event> = plan
        .sections
        .iter()
        .map(|s| SectionView::of(s, currency))
        .map(|view| Event::default().event("section").data(format!("{} {}", view.name, view.stamp)))
        .collect();
    let waits = plan.waits_until.map(|until| Event::default().event("waits").data(clock(until)));
    let first = stream::iter(first.into_iter().chain(waits).map(Ok::<_, Infallible>));
    // Browsers drop events without data.
    let end = stream::once(async { Ok(Event::default().event("finished").data("end")) });
    let all: std::pin::Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>> = match plan.run.as_ref().filter(|_| plan.is_running())
    {
        None => Box::pin(first.chain(end)),
        Some(run) => {
            let changes = runs::watch(&app, &visitor.caller, run.id, plan.last_event).await?;
            Box::pin(first.chain(changes.flat_map(|change| stream::iter(shown(change)).map(Ok))).chain(end))
        }
    };
    let mut response = Sse::new(all).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What the page is told of a change.
fn shown(change: app::Result<Told>) -> Vec<Event> {
    let event = |kind: &str, data: String| Event::default().event(kind).data(data);
    match change {
        Ok(Told::Queued(standing)) => vec![event("place", place_in_line(Some(&standing)).unwrap_or_default())],
        // Its turn has come.
        Ok(Told::Happened(RunEvent { what: Happening::Started { section }, .. })) => {
            vec![event("place", "-".into()), event("section", format!("{section} writing"))]
        }
        Ok(Told::Happened(RunEvent { what: Happening::Ended { section, .. }, .. })) => vec![event("section", format!("{section} ended"))],
        Ok(Told::Happened(RunEvent { what: Happening::Finished { .. }, .. })) => Vec::new(),
        // The page looks at everything again: it says until when the run waits, or that nothing can be seen.
        Ok(Told::Happened(RunEvent { what: Happening::Waiting { .. }, .. })) | Err(_) => vec![event("reload", "all".into())],
    }
}

async fn run(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Redirect> {
    let id = id(&text)?;
    let pass = shared.limits.plan(&shared.app, &visitor).await?;
    pass.used_for(&shared.app, ventures::complete(&shared.app, &visitor.caller, id).await).await?;
    Ok(Redirect::to(&paths::venture(id)))
}

async fn cancel(
    State(app): State<App>,
    visitor: Visitor,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Redirect> {
    let id = id(&text)?;
    runs::cancel_latest(&app, &visitor.caller, id).await?;
    Ok(Redirect::to(&paths::venture(id)))
}

/// Whether a venture is put away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Away {
    away: bool,
}

async fn archive(
    State(app): State<App>,
    visitor: Visitor,
    Path(text): Path<String>,
    Form(Away { away }): Form<Away>,
) -> PageResult<Redirect> {
    let id = id(&text)?;
    ventures::archive(&app, &visitor.caller, id, away).await?;
    Ok(Redirect::to(&paths::venture(id)))
}

async fn export_file(State(app): State<App>, visitor: Visitor, Path((text, format)): Path<(String, String)>) -> PageResult<Response> {
    let ending = format.rsplit('.').next().unwrap_or_default();
    let plan = match ending {
        "md" | "json" => ventures::export(&app, &visitor.caller, id(&text)?, ending).await?,
        _ => ventures::plan(&app, &visitor.caller, id(&text)?).await?,
    };
    let document = plan.document();
    let (kind, body) = match format.as_str() {
        "plan.md" => ("text/markdown; charset=utf-8", export::markdown(&document)),
        "plan.json" => ("application/json", format!("{:#}", export::json(&document))),
        _ => return Err(PageError(Problem::new(StatusCode::NOT_FOUND, "exports are plan.md and plan.json"))),
    };
    let disposition = format!("attachment; filename=\"{format}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response())
}
