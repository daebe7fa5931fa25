//! The template library as the team sees it: a line for each template; one template with its text, its versions and how they differ.

mod tokens;

use super::diffs::{Diff, Source};
use super::evals::words::Figured;
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::requests::Path;
use crate::shell::Shell;
use crate::views::STEPS;
use crate::{Shared, paths};
use ::prompts::ModelClass;
use ::prompts::template::Variable;
use app::App;
pub(crate) use app::prompts::PER_MONTH;
use app::prompts::{self, Comparison, Evaluated, Line, Placed, Whole};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::gates::SchemaStep;
use domain::roles::{Environment, Right};
pub(super) use tokens::{Tokens, change, money};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/prompts", get(list)).route("/staff/prompts/{name}", get(one))
}

#[derive(askama::Template)]
#[template(path = "staff/prompts/list.html")]
struct Library {
    shell: Shell,
    production: String,
    staging: String,
    /// Sections by step, then utilities, each under its heading.
    groups: Vec<(String, Vec<Row>)>,
    templates: usize,
    cases: usize,
}

struct Row {
    path: String,
    title: String,
    name: String,
    production: String,
    staging: String,
    /// Staging serves another version than production.
    ahead: bool,
    tests: usize,
    tokens: Option<u64>,
    cost: Option<String>,
    class: &'static str,
    /// What its newest eval found: where that is, how many pass, and the rubric's mean.
    evaluated: Option<(String, Figured)>,
    open: Vec<(String, String)>,
}

impl Row {
    fn of(line: &Line) -> Self {
        let version = |version: &Option<_>| version.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
        Self {
            path: paths::prompt(line.template.name.as_str()),
            title: line.template.title.clone(),
            name: line.template.name.to_string(),
            production: version(&line.production),
            staging: version(&line.staging),
            ahead: line.production != line.staging,
            tests: line.tests,
            tokens: line.report.as_ref().map(|report| report.input),
            cost: line.report.as_ref().and_then(|report| report.cost_per_thousand).map(money),
            class: class(line.template.model),
            evaluated: line.evaluated.as_ref().map(evaluated),
            open: line.open.iter().map(|proposal| (paths::proposal(proposal.id), proposal.state.name().to_owned())).collect(),
        }
    }
}

/// Where the eval of a template shows its cases, and its figures.
fn evaluated(found: &Evaluated) -> (String, Figured) {
    (paths::eval(found.eval), Figured::of(&found.figures))
}

/// A class of models in a word.
pub(super) const fn class(class: ModelClass) -> &'static str {
    match class {
        ModelClass::Fast => "fast",
        ModelClass::Reasoning => "reasoning",
    }
}

async fn list(State(app): State<App>, Staff(visitor): Staff) -> PageResult<Html<String>> {
    let found = prompts::list(&app, &visitor.caller).await?;
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    for line in &found.lines {
        let step = line.template.step.filter(|_| line.template.is_section());
        let heading = match step {
            Some(step) => format!("{step} · {}", STEPS.get(usize::from(step) - 1).copied().unwrap_or("Later")),
            None => "Utilities".to_owned(),
        };
        match groups.last_mut().filter(|(last, _)| *last == heading) {
            Some((_, rows)) => rows.push(Row::of(line)),
            None => groups.push((heading, vec![Row::of(line)])),
        }
    }
    render(&Library {
        shell: Shell::of(&app, &visitor),
        production: found.production.to_string(),
        staging: found.staging.to_string(),
        templates: found.lines.len(),
        cases: found.lines.iter().map(|line| line.tests).sum(),
        groups,
    })
}

#[derive(askama::Template)]
#[template(path = "staff/prompts/one.html")]
struct OnePage {
    shell: Shell,
    whole: Whole,
    name: String,
    version: String,
    path: String,
    /// Where a change begins, for who may.
    propose: Option<String>,
    variables: Vec<Described>,
    facts: Vec<(&'static str, String)>,
    links: Vec<(&'static str, Vec<String>)>,
    versions: Vec<VersionRow>,
    /// What is chosen to be compared.
    chosen: (String, String),
    compared: Option<Compared>,
    tokens: Option<Tokens>,
    evaluated: Option<(String, Figured)>,
    /// What evals say of the class of model it asks for.
    routing: Option<&'static str>,
    source: Source,
    tests: Option<(usize, Source)>,
    schema: Source,
    open: Vec<(String, String, &'static str)>,
}

struct VersionRow {
    version: String,
    path: String,
    here: bool,
    served: Vec<&'static str>,
    /// The proposal it was made by.
    made: Option<String>,
}

impl VersionRow {
    fn of(placed: &Placed, name: &str, shown: &str) -> Self {
        let version = placed.version.to_string();
        Self {
            path: paths::with(&paths::prompt(name), &[("version", &version)]),
            here: version == shown,
            served: placed.served.iter().map(|environment| served(*environment)).collect(),
            made: placed.made.as_ref().map(|made| paths::proposal(made.proposal)),
            version,
        }
    }
}

const fn served(environment: Environment) -> &'static str {
    match environment {
        Environment::Staging => "in staging",
        Environment::Production => "in production",
    }
}

/// Two versions beside each other.
struct Compared {
    from: String,
    to: String,
    diff: Diff,
    schema: String,
    tokens: Option<String>,
}

impl Compared {
    fn of(found: Comparison) -> Self {
        let Comparison { from, to, texts, schema, tokens } = found;
        let paths = schema.paths.join(", ");
        Self {
            diff: Diff::of(format!("From {from} to {to}"), &texts.0, &texts.1),
            schema: match schema.step {
                SchemaStep::Same => "The output promises the same.".to_owned(),
                SchemaStep::Adds => format!("The output promises more: {paths}."),
                SchemaStep::Breaks => format!("The output breaks what readers rely on: {paths}."),
            },
            tokens: tokens.map(|(before, after)| tokens::change(before, after)),
            from: from.to_string(),
            to: to.to_string(),
        }
    }
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(name): Path<String>, query: Query) -> PageResult<Html<String>> {
    let (caller, version) = (&visitor.caller, query.get("version"));
    let (from, to) = (query.get("from"), query.get("to"));
    let shown = [version, to].into_iter().find(|version| !version.is_empty());
    let whole = prompts::get(&app, caller, &name, shown).await?;
    let compared = if from.is_empty() || to.is_empty() { None } else { Some(prompts::compare(&app, caller, &name, (from, to)).await?) };
    let propose = caller.has(&app, Right::EditPrompts).then(|| paths::propose(&name));
    render(&OnePage::of(Shell::of(&app, &visitor), whole, compared.map(Compared::of), propose))
}

/// A variable as the page shows it.
struct Described {
    name: String,
    /// Its type, whether it has to be there, and what it may be, in words.
    kind: String,
}

impl Described {
    fn of(variable: &Variable) -> Self {
        let mut words = vec![format!("{:?}", variable.kind).to_lowercase()];
        words.extend(variable.required.then(|| "required".to_owned()));
        words.extend(variable.default.as_ref().map(|value| format!("else {value}")));
        words.extend(variable.allowed.as_ref().map(|allowed| format!("one of {}", allowed.join(", "))));
        Self { name: variable.name.clone(), kind: words.join(" · ") }
    }
}

impl OnePage {
    fn of(shell: Shell, whole: Whole, compared: Option<Compared>, propose: Option<String>) -> Self {
        let template = &whole.template;
        let (name, version) = (template.name.to_string(), template.version.to_string());
        let next = whole.versions.iter().skip_while(|placed| placed.version != template.version).nth(1);
        let chosen = match &compared {
            Some(compared) => (compared.from.clone(), compared.to.clone()),
            // With the one before it; the lowest with the highest.
            None => match (next, whole.versions.first()) {
                (Some(older), _) => (older.version.to_string(), version.clone()),
                (None, Some(highest)) => (version.clone(), highest.version.to_string()),
                (None, None) => (version.clone(), version.clone()),
            },
        };
        let names = |names: &[domain::sections::SectionName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            path: paths::prompt(&name),
            propose,
            facts: facts(&whole),
            links: vec![("Builds on", names(&template.depends_on)), ("Used by", names(&whole.dependents))],
            versions: whole.versions.iter().map(|placed| VersionRow::of(placed, &name, &version)).collect(),
            chosen,
            compared,
            tokens: whole.report.as_ref().map(Tokens::of),
            evaluated: whole.evaluated.as_ref().map(evaluated),
            routing: whole.routing.as_ref().map(|routing| routing.verdict.text()),
            source: Source::of(format!("{name} {version}"), &whole.text),
            tests: whole.tests.as_ref().map(|tests| (tests.cases.len(), Source::of(format!("Test cases of {name}"), &tests.text))),
            schema: Source::of(format!("Output schema of {name} {version}"), &format!("{:#}", template.output)),
            open: whole.open.iter().map(|one| (paths::proposal(one.id), one.title.clone(), one.state.name())).collect(),
            variables: template.variables.iter().map(Described::of).collect(),
            shell,
            name,
            version,
            whole,
        }
    }

    fn is_from(&self, version: &str) -> bool {
        self.chosen.0 == version
    }

    fn is_to(&self, version: &str) -> bool {
        self.chosen.1 == version
    }
}

/// Seconds in the largest unit that fits.
fn lasting(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn facts(whole: &Whole) -> Vec<(&'static str, String)> {
    let template = &whole.template;
    let framework: Vec<String> =
        template.framework.iter().filter_map(|one| Some(serde_json::to_value(one).ok()?.as_str()?.to_owned())).collect();
    let mut facts = vec![
        ("Model class", class(template.model).to_owned()),
        ("Temperature", format!("{:.1}", template.temperature)),
        ("Longest answer", format!("{} tokens", template.max_output_tokens)),
        ("Time for a call", format!("{} s", template.timeout_seconds)),
        ("Searches the web", if template.grounding { "yes, before it writes".into() } else { "no".to_owned() }),
        ("Techniques", framework.join(", ")),
        ("Guardrails", template.guardrails.len().to_string()),
    ];
    if let Some(cache) = &template.cache {
        facts.push(("Answers are reused for", lasting(cache.ttl)));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}
