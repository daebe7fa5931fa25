//! Trying a template out: any version of it or a proposal, any model, any variables. Nothing of what came of it is kept, but that
//! somebody did so is written down; what is worth keeping becomes a test case of a proposal.

use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::evals::{Bench, Spending};
use crate::limits::{self, Limit};
use crate::proposals::{self, Wanted, Whole};
use crate::releases;
use ::evals::{Output, Provider, Target as _};
use chrono::TimeDelta;
use domain::faults::Fault;
use domain::ids::ProposalId;
use domain::proposals::{Proposal, State};
use domain::roles::Right;
use domain::sections::SectionName;
use domain::usage::MicroDollars;
use llm::ModelClass;
use prompts::{Library, Release, suites};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes the variables may have.
const MOST: usize = 64 * 1024;
/// How often somebody may try something out: each time is paid for.
const TRIES: Limit = Limit { per_hour: 60 };

/// What is to be tried.
#[derive(Debug, Clone, Default)]
pub struct Try {
    /// The template's name.
    pub template: String,
    /// A version, or a proposal's id; empty is what is in use.
    pub of: String,
    /// A model as `provider:model`; empty is the route.
    pub model: String,
    /// The variables of a test case, as JSON.
    pub vars: String,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The prompts, system's and user's, or why there are none.
    pub prompts: std::result::Result<(String, String), String>,
    /// The answer with what it took, or why there is none.
    pub answer: std::result::Result<Output, String>,
    /// Milliseconds until it was there.
    pub took_ms: u64,
    /// What was spent, also where no answer came of it.
    pub spent: Spending,
}

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Templates by name, with their titles.
    pub templates: Vec<(String, String)>,
    /// Versions, highest first.
    pub versions: Vec<String>,
    /// Proposals that are open, with their titles.
    pub proposals: Vec<(ProposalId, String)>,
    /// Models of the routes.
    pub models: Vec<String>,
    /// The variables of the template's first test case, as JSON.
    pub sample: String,
}

/// What can be chosen for a template.
pub async fn choices(app: &App, who: &Caller, template: &str) -> Result<Choices> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let (library, release) = (app.library(), app.release());
    let mut models: Vec<String> = [ModelClass::Fast, ModelClass::Reasoning].into_iter().flat_map(|class| app.llm.route(class)).collect();
    models.sort();
    models.dedup();
    let open = proposals::list(app, who, 50, None).await?.into_iter().filter(|one| !one.state.has_ended());
    let name = SectionName::parse(template).ok();
    let first = name.as_ref().and_then(|name| library.tests(name)).and_then(|file| file.cases.first()).and_then(|case| case.get("vars"));
    Ok(Choices {
        templates: release.templates().map(|template| (template.name.to_string(), template.title.clone())).collect(),
        versions: library.releases().into_iter().rev().map(|version| version.to_string()).collect(),
        proposals: open.map(|one| (one.id, one.title)).collect(),
        models,
        sample: first.map_or_else(|| "{}".into(), |vars| format!("{vars:#}")),
    })
}

/// Tries a template out. What the model could not do is told, not an error.
pub async fn try_out(app: &App, who: &Caller, wanted: &Try) -> Result<Tried> {
    who.may(app, Right::EditPrompts)?;
    let vars = variables(&wanted.vars)?;
    let (library, release) = found(app, who, &wanted.of).await?;
    let (name, llm) = (
        wanted.template.trim(),
        match wanted.model.trim() {
            "" => Arc::clone(&app.llm),
            place => Arc::new(app.llm.on(place).map_err(|fault| Error::Invalid(Fault::new("model", fault.to_string()).into()))?),
        },
    );
    let bench = Bench::on(app, &Arc::new(library), &Arc::new(release), llm).map_err(Error::Internal)?;
    let provider = Provider { id: format!("planner:{name}"), label: name.to_owned(), ..Provider::default() };
    if let Some(fault) = bench.check(std::slice::from_ref(&provider)).pop() {
        return Err(Error::Invalid(Fault::new("template", fault).into()));
    }
    once_more(app, who).await?;
    note(app, who, name, "playground.run", json!({"model": wanted.model})).await?;
    let began = Instant::now();
    let answer = bench.call(&provider, "", &vars).await.map_err(|fault| fault.to_string());
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let spent = bench.spending();
    if spent.calls > 0 {
        let Spending { calls, spent: MicroDollars(cost), unpriced, .. } = spent;
        note(app, who, name, "playground.spent", json!({"calls": calls, "costMicroUsd": cost, "unpricedCalls": unpriced})).await?;
    }
    Ok(Tried { prompts: bench.rendered(name, &vars), answer, took_ms, spent })
}

/// Takes one of the tries of somebody's hour, or says when the next one is free.
async fn once_more(app: &App, who: &Caller) -> Result<()> {
    let taken = limits::take(app, "playground", &who.owner.to_string(), TRIES).await;
    if taken.allowed {
        return Ok(());
    }
    let retry_after = Duration::from_secs(taken.retry_after_seconds);
    let reason =
        format!("you have tried out {} templates within the hour; the next is free in {} s", TRIES.per_hour, taken.retry_after_seconds);
    let until = app.now() + TimeDelta::from_std(retry_after).unwrap_or_default();
    Err(Error::TooMuch { reason, until, retry_after, quota: None })
}

async fn note(app: &App, who: &Caller, template: &str, action: &'static str, what: Value) -> Result<()> {
    let tx = app.store.team().await?;
    audit::write_team(app, &tx, who, Act::about("template", template, action).change(Value::Null, what)).await?;
    Ok(tx.commit().await?)
}

async fn found(app: &App, who: &Caller, of: &str) -> Result<(Library, Release)> {
    match (of.trim(), of.trim().parse::<ProposalId>()) {
        (_, Ok(id)) => proposals::as_release(app, who, id).await,
        ("", _) => {
            app.look().await?;
            Ok((Library::clone(&app.library()), Release::clone(&app.release())))
        }
        (version, _) => releases::named(app, who, version).await,
    }
}

fn variables(text: &str) -> Result<Map<String, Value>> {
    let fault = |message: String| Error::Invalid(Fault::new("vars", message).into());
    if text.len() > MOST {
        return Err(fault(format!("has {} bytes; at most {MOST} are read", text.len())));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(vars)) => Ok(vars),
        Ok(_) => Err(fault("is not an object; write {\"productIdea\": \"...\"}".into())),
        Err(error) => Err(fault(format!("is not JSON: {error}"))),
    }
}

/// One's own open draft that has the template: the one it was tried out in, else the newest.
async fn own_draft(app: &App, who: &Caller, wanted: &Try) -> Result<Option<Whole>> {
    let place = format!("/{}.yaml", wanted.template.trim());
    let mut mine = proposals::list(app, who, 50, None).await?;
    mine.retain(|one| one.author == who.actor() && one.state == State::Draft);
    let of = wanted.of.trim().parse::<ProposalId>().ok();
    mine.sort_by_key(|one| Some(one.id) != of);
    for one in mine {
        let whole = proposals::get(app, who, one.id).await?;
        if whole.files.iter().any(|file| file.path.starts_with('v') && file.path.ends_with(&place)) {
            return Ok(Some(whole));
        }
    }
    Ok(None)
}

/// Keeps what was tried as a test case: in one's own open draft that has the template, or in a new proposal. It is held to the form that
/// the template has there.
pub async fn save_case(app: &App, who: &Caller, wanted: &Try, description: &str) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    let vars = variables(&wanted.vars)?;
    let description = description.trim();
    if !(3..=200).contains(&description.chars().count()) {
        return Err(Error::Invalid(Fault::new("description", "say in 3 to 200 characters what the case is about").into()));
    }
    let (name, tests) = (wanted.template.trim(), format!("tests/{}.yaml", wanted.template.trim()));
    let found = own_draft(app, who, wanted).await?;
    let mut with = match &found {
        Some(whole) => {
            let (title, why, files) = (whole.proposal.title.clone(), whole.proposal.why.clone(), whole.files.clone());
            Wanted { title, why, files, ..Wanted::default() }
        }
        None => Wanted {
            title: format!("A test case for {name}"),
            why: format!("Found in the playground: {description}"),
            ..proposals::draft(app, who, name).await?
        },
    };
    if !with.files.iter().any(|file| file.path == tests) {
        with = proposals::with_file(app, who, with, &tests).await?;
    }
    let form = proposals::template_of(app, &with.files, name)?.map_or(Value::Null, |template| suites::schema_of(&template));
    let case = json!({
        "description": description,
        "metadata": {"kind": "edge"},
        "vars": vars,
        "assert": [{"type": "is-json", "value": form}, {"type": "not-icontains", "value": "[insert"}, {"type": "not-icontains", "value": "coming soon"}],
    });
    for file in with.files.iter_mut().filter(|file| file.path == tests) {
        // JSON is YAML, on one line.
        file.text = format!("{}\n- {case}\n", file.text.trim_end());
    }
    match found {
        Some(whole) => proposals::save(app, who, whole.proposal.id, whole.proposal.revision, &with).await,
        None => proposals::begin(app, who, &with).await,
    }
}
