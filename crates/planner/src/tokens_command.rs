//! `planner prompts tokens`: what templates cost, as tables for people or as JSON for programs. The figures are `prompts`' matter.

use anyhow::{Context as _, Result};
use app::prompts::{PER_MONTH, TokenOverview, overview};
use planner::config::Config;
use planner::{BadInput, wire};
use prompts::routing::{ClassEvidence, Evidence};
use prompts::tokens::{Plan, PricedModel, TokenReport};
use prompts::{Library, ModelClass, Release};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// One template, for example smart-goals; all without it.
    name: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Results of evals, JSONL or promptfoo's JSON, as evidence for the routing table.
    #[arg(long, value_name = "FILE")]
    evals: Vec<PathBuf>,
    /// Generations of each template a month that savings are computed for.
    #[arg(long, default_value_t = PER_MONTH, value_name = "N")]
    per_month: u32,
    /// The model of the class fast to compute with, as provider:model; else the first of the route.
    #[arg(long, value_name = "MODEL")]
    fast: Option<String>,
    /// The model of the class reasoning to compute with.
    #[arg(long, value_name = "MODEL")]
    reasoning: Option<String>,
}

pub(crate) fn run(config: &Config, library: &Library, args: &Args) -> Result<()> {
    let release = wire::release(config, library)?;
    let plan = plan(config, args)?;
    let evidence = evidence(config, &release, args, &plan)?;
    let mut found = overview(library, &release, &plan, &evidence)?;
    if let Some(name) = &args.name {
        found.templates.retain(|t| t.name == *name);
        found.routing.retain(|r| r.name == *name);
        if found.templates.is_empty() {
            let known: Vec<String> = release.templates().map(|t| t.name.to_string()).collect();
            return Err(BadInput(format!("\"{name}\" is not a template; there are {}", known.join(", "))).into());
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        if evidence.unplaced > 0 {
            println!("{} results name no template or no model of a route and are left out", evidence.unplaced);
        }
        print(&found);
    }
    Ok(())
}

fn plan(config: &Config, args: &Args) -> Result<Plan> {
    let (settings, table) = (wire::models(config), wire::prices(config)?);
    let first_of = |class, given: &Option<String>| {
        let name = given.clone().or_else(|| settings.route(class).into_iter().next()).unwrap_or_default();
        let Some((provider, model)) = name.split_once(':') else {
            return Err(BadInput(format!("\"{name}\" is not a model; write provider:model, for example gemini:gemini-2.5-flash")));
        };
        let price = table.price(provider, model);
        Ok(PricedModel { name, price })
    };
    Ok(Plan {
        fast: first_of(llm::ModelClass::Fast, &args.fast)?,
        reasoning: first_of(llm::ModelClass::Reasoning, &args.reasoning)?,
        per_month: args.per_month,
    })
}

fn evidence(config: &Config, release: &Release, args: &Args, plan: &Plan) -> Result<Evidence> {
    let settings = wire::models(config);
    let (fast, reasoning) = (settings.route(llm::ModelClass::Fast), settings.route(llm::ModelClass::Reasoning));
    let stands = |route: &[String], model: &str| route.iter().position(|name| name == model);
    // A model of both routes belongs where it comes first.
    let class_of = |model: &str| match (stands(&fast, model), stands(&reasoning, model)) {
        _ if model == plan.fast.name => Some(ModelClass::Fast),
        _ if model == plan.reasoning.name => Some(ModelClass::Reasoning),
        (Some(f), Some(r)) if r < f => Some(ModelClass::Reasoning),
        (Some(_), _) => Some(ModelClass::Fast),
        (None, Some(_)) => Some(ModelClass::Reasoning),
        (None, None) => None,
    };
    let mut evidence = Evidence::default();
    for path in &args.evals {
        for (line, row) in rows(path)? {
            if !evidence.add(&row, release, &class_of) {
                return Err(
                    BadInput(format!("{}:{line}: is no result of an eval; use the JSONL or JSON output of a run", path.display())).into()
                );
            }
        }
    }
    Ok(evidence)
}

/// The results of a file with their lines, or with their places in the list, from 1.
fn rows(path: &Path) -> Result<Vec<(usize, Value)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if path.extension().is_some_and(|ending| ending == "json") {
        let whole: Value = serde_json::from_str(&text).map_err(|e| BadInput(format!("{}: is not JSON: {e}", path.display())))?;
        let list = whole.pointer("/results/results").and_then(Value::as_array);
        let list = list.ok_or_else(|| BadInput(format!("{}: has no results.results; use the JSON output of a run", path.display())))?;
        return Ok(list.iter().cloned().enumerate().map(|(at, row)| (at + 1, row)).collect());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let row = serde_json::from_str(line).map_err(|e| BadInput(format!("{}:{}: is not JSON: {e}", path.display(), at + 1)))?;
            Ok((at + 1, row))
        })
        .collect()
}

fn print(found: &TokenOverview) {
    println!("release {} · tokens {}", found.release, found.counter);
    println!("output is what the curated examples hold (<= the limit, where there are none); what a model thinks comes on top\n");
    println!(
        "{:<22} {:<10} {:>6} {:>8} {:>7} {:>6} {:>6} {:>7} {:>7} {:>5} {:>10}  model",
        "template", "class", "system", "few-shot", "context", "user", "schema", "input", "output", "calls", "$ / 1,000"
    );
    for t in &found.templates {
        print_line(t);
    }
    println!("\nwhat could be saved, at {} generations of each template a month", found.per_month);
    for t in found.templates.iter().filter(|t| !t.suggestions.is_empty()) {
        println!("{}", t.name);
        for s in &t.suggestions {
            let money = s.monthly.map_or_else(|| "unknown".into(), |monthly| format!("${monthly:.2}"));
            println!("  {:>9} a month  {:>5} tokens  {}: {} ({})", money, s.tokens, s.place, s.message, s.kind);
        }
    }
    if found.templates.iter().all(|t| t.suggestions.is_empty()) {
        println!("nothing was found");
    }
    println!("\nwhich class of model each needs");
    println!("{:<22} {:<10} {:<34} {:<34} verdict", "template", "declared", "fast", "reasoning");
    for r in &found.routing {
        let of = |class| r.evidence.iter().find(|e| e.class == class).map_or_else(|| "-".into(), tried);
        let (fast, reasoning) = (of(ModelClass::Fast), of(ModelClass::Reasoning));
        println!("{:<22} {:<10} {fast:<34} {reasoning:<34} {}", r.name, spoken(r.declared), r.verdict.text());
    }
}

fn print_line(t: &TokenReport) {
    let (parts, limit) = (t.parts, if t.output_is_limit { "<=" } else { "" });
    let cost = t.cost_per_thousand.map_or_else(|| "unknown".into(), |cost| format!("{cost:.2}"));
    println!(
        "{:<22} {:<10} {:>6} {:>8} {:>7} {:>6} {:>6} {:>7} {:>7} {:>5} {cost:>10}  {}",
        t.name,
        spoken(t.class),
        parts.system,
        parts.few_shot,
        parts.context,
        parts.user,
        parts.schema,
        t.input,
        format!("{limit}{}", t.output),
        t.calls,
        t.model
    );
}

const fn spoken(class: ModelClass) -> &'static str {
    match class {
        ModelClass::Fast => "fast",
        ModelClass::Reasoning => "reasoning",
    }
}

fn tried(evidence: &ClassEvidence) -> String {
    let time = evidence.p50_ms.map_or_else(|| "time unknown".into(), |ms| format!("{ms} ms"));
    let cost = evidence.mean_cost.map_or_else(|| "cost unknown".into(), |cost| format!("${cost:.4}"));
    format!("{}/{} = {:.0} %, {time}, {cost}", evidence.passed, evidence.cases, evidence.pass_rate() * 100.0)
}
