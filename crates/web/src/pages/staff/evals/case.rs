//! One case of an eval: what it asked, what came back, and why it has its verdict.

use super::one::figures;
use super::words::{outcome, readable};
use crate::error::PageResult;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::Path;
use crate::shell::Shell;
use crate::{Shared, paths};
use app::evals::{self, Case};
use app::{App, Error};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::evals::Outcome;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/evals/{id}/cases/{number}", get(one))
}

#[derive(askama::Template)]
#[template(path = "staff/evals/case.html")]
struct CasePage {
    shell: Shell,
    version: String,
    eval: String,
    /// All cases of its section.
    section: (String, String),
    description: String,
    outcome: &'static str,
    tone: &'static str,
    figures: String,
    reasons: Vec<String>,
    vars: String,
    output: String,
    number: u32,
    before: Option<String>,
    after: Option<String>,
}

/// Cases are counted from 1 on pages, as people count.
async fn one(State(app): State<App>, Staff(visitor): Staff, Path((text, number)): Path<(String, String)>) -> PageResult<Html<String>> {
    let wanted = number.parse::<u32>().ok().and_then(|number| number.checked_sub(1)).ok_or(Error::NotFound("this case"))?;
    let Case { eval, verdict, texts } = evals::case(&app, &visitor.caller, id(&text, "this eval")?, wanted).await?;
    let path = paths::eval(eval.id);
    let number = verdict.number + 1;
    let section = verdict.section.to_string();
    render(&CasePage {
        shell: Shell::of(&app, &visitor),
        version: eval.subject.version.to_string(),
        section: (section.clone(), format!("{}#cases", paths::with(&path, &[("section", &section)]))),
        outcome: outcome(&verdict),
        tone: if verdict.outcome == Outcome::Pass { "pass" } else { "short" },
        figures: figures(&verdict),
        vars: readable(&texts.vars),
        output: readable(&texts.output),
        before: (number > 1).then(|| format!("{path}/cases/{}", number - 1)),
        after: (number < eval.cases).then(|| format!("{path}/cases/{}", number + 1)),
        description: verdict.description,
        reasons: verdict.reasons,
        eval: path,
        number,
    })
}
