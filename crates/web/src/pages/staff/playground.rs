//! The playground: a template, a version, a model and variables; what it answers; and a test case out of it.

use super::evals::words::readable;
use super::prompts::money;
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Staff;
use crate::pages::render;
use crate::requests::Form;
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::playground::{self, Choices, Tried, Try};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/playground", get(open).post(run))
        .route("/staff/playground/case", post(save))
        .route("/staff/playground/sample", post(sample))
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    template: String,
    #[serde(default)]
    of: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    vars: String,
    #[serde(default)]
    description: String,
}

impl Typed {
    fn wanted(&self) -> Try {
        Try { template: self.template.clone(), of: self.of.clone(), model: self.model.clone(), vars: self.vars.clone() }
    }
}

#[derive(askama::Template)]
#[template(path = "staff/playground.html")]
struct Playground {
    shell: Shell,
    wrong: Wrong,
    typed: Typed,
    choices: Choices,
    answer: Option<AnswerView>,
}

struct AnswerView {
    prompts: Result<(String, String), String>,
    output: Result<String, String>,
    issues: Vec<String>,
    model: String,
    figures: String,
}

impl AnswerView {
    fn of(tried: Tried) -> Self {
        let issue = |issue: &serde_json::Value| issue.get("message").and_then(|message| message.as_str()).map(str::to_owned);
        let found = tried.answer.as_ref().ok();
        let issues = found.and_then(|output| output.metadata.get("issues")).and_then(|issues| issues.as_array()).into_iter().flatten();
        let figures = found.map_or_else(String::new, |output| {
            let cost = output.cost.map_or_else(|| "no price".into(), money);
            format!("{} tokens in, {} out · {cost} · {} ms", output.tokens.prompt, output.tokens.completion, tried.took_ms)
        });
        let model = found.and_then(|output| output.metadata.get("model")).and_then(|model| model.as_str()).unwrap_or_default().to_owned();
        Self {
            issues: issues.filter_map(issue).collect(),
            figures,
            model,
            output: tried.answer.map(|output| readable(&output.output)),
            prompts: tried.prompts,
        }
    }
}

async fn page(app: &App, visitor: &Visitor, mut typed: Typed) -> Result<Playground, PageError> {
    let choices = playground::choices(app, &visitor.caller, &typed.template).await?;
    if typed.template.is_empty() {
        typed.template = choices.templates.first().map(|(name, _)| name.clone()).unwrap_or_default();
    }
    let choices = playground::choices(app, &visitor.caller, &typed.template).await?;
    if typed.vars.trim().is_empty() {
        typed.vars.clone_from(&choices.sample);
    }
    Ok(Playground { shell: Shell::of(app, visitor), wrong: Wrong::default(), typed, choices, answer: None })
}

async fn open(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let of = |name: &str| query.get(name).to_owned();
    let typed = Typed { template: of("template"), of: of("of"), ..Typed::default() };
    render(&page(&app, &visitor, typed).await?)
}

/// The form with the variables of the first test case of the template that was chosen; nothing is run.
async fn sample(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Html<String>> {
    render(&page(&app, &visitor, Typed { vars: String::new(), ..typed }).await?)
}

async fn run(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    let tried = playground::try_out(&app, &visitor.caller, &typed.wanted()).await;
    let mut page = page(&app, &visitor, typed).await?;
    match tried {
        Ok(tried) => {
            page.answer = Some(AnswerView::of(tried));
            Ok(render(&page)?.into_response())
        }
        Err(error) => {
            page.wrong = Wrong::with("try", error)?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn save(State(app): State<App>, Staff(visitor): Staff, Form(typed): Form<Typed>) -> PageResult<Response> {
    match playground::save_case(&app, &visitor.caller, &typed.wanted(), &typed.description).await {
        Ok(proposal) => Ok(Redirect::to(&paths::proposal(proposal.id)).into_response()),
        Err(error) => {
            let page = Playground { wrong: Wrong::with("case", error)?, ..page(&app, &visitor, typed).await? };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}
