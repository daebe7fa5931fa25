//! `planner eval --compare before:after`: two releases by the same tests, and what is different by more than chance.

use super::suite::Suite;
use super::{RunArgs, Work, ask, bench_over, deployed, interrupted, plain, secrets, writable};
use anyhow::{Context as _, Result, anyhow, bail};
use app::evals::{Deployed, Sections};
use app::proposals;
use domain::ids::ProposalId;
use domain::roles::Environment;
use evals::{Change, Comparison, Difference, Estimate, Format, Metric, Part};
use planner::config::{self, Config};
use planner::wire;
use prompts::{Library, Release};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Metrics that decide the exit code. What a longer prompt takes in tokens and money is shown, and for a person to weigh.
const DECIDING: [&str; 5] = ["pass rate", "score", "rubric", "latency p50", "latency p95"];

/// Changed cases that are listed.
const LISTED: usize = 20;

/// One side of a comparison.
enum Side {
    /// Results that are there.
    Results(PathBuf),
    /// A release, with the library it is in.
    Release(Box<(Library, Release)>),
}

/// What only the database knows.
enum Kept {
    In(Environment),
    Proposed(ProposalId),
}

pub(super) async fn run(config: Config, args: RunArgs, sides: &str) -> Result<ExitCode> {
    let (before, after) = sides.split_once(':').ok_or_else(|| anyhow!("--compare {sides}: is not BEFORE:AFTER, such as v1.0.0:v1.1.0"))?;
    for path in &args.output {
        writable(path)?;
        if Format::of(path) != Some(Format::Json) {
            bail!("--output {}: a comparison is written as .json", path.display());
        }
    }
    let (first, second) = (side(&config, before).await?, side(&config, after).await?);
    // The same questions to both: those of what comes after.
    let tests = match (&second, &first) {
        (Side::Release(found), _) | (_, Side::Release(found)) => found.0.clone(),
        _ => wire::library(&config).map_err(plain)?,
    };
    let first = results(&config, &args, before, first, &tests).await?;
    let second = results(&config, &args, after, second, &tests).await?;
    let comparison = evals::compare(&first.0, &second.0).context("the results cannot be compared")?;
    for (path, temporary) in [first, second] {
        if temporary {
            drop(std::fs::remove_file(path));
        }
    }
    print(&comparison, before, after);
    for path in &args.output {
        let text = serde_json::to_string_pretty(&comparison)?;
        std::fs::write(path, text).with_context(|| format!("the comparison {} cannot be written", path.display()))?;
        eprintln!("written to {}", path.display());
    }
    let parts = std::iter::once(&comparison.whole).chain(&comparison.sections);
    let decides = |metric: &&Metric| DECIDING.contains(&metric.name);
    let worse = parts.flat_map(|part| &part.metrics).filter(decides).any(|metric| metric.verdict == Difference::Worse);
    Ok(ExitCode::from(if worse { 100 } else { 0 }))
}

/// What a side names. Only environments and proposals need the database.
async fn side(config: &Config, name: &str) -> Result<Side> {
    if Path::new(name).is_file() {
        return Ok(Side::Results(name.into()));
    }
    let kept = match (Environment::from_key(name), name.parse::<ProposalId>()) {
        (Some(environment), _) => Kept::In(environment),
        (None, Ok(id)) => Kept::Proposed(id),
        (None, Err(_)) => {
            let library = wire::library(config).map_err(plain)?;
            let release = wire::release_named(&library, name, "--compare").context(
                "a side is a version, staging, production, a proposal's id, or the JSONL of an earlier run; releases made here have an id",
            )?;
            return Ok(Side::Release(Box::new((library, release))));
        }
    };
    if !deployed::is_known(config) {
        bail!("--compare {name}: there is no database in {}; run this where the server runs", config.data.dir.display());
    }
    let app = wire::app(config).await?;
    let found = match kept {
        Kept::In(environment) => deployed::at(&app, environment).await,
        Kept::Proposed(id) => proposals::as_release(&app, &deployed::operator(), id).await.map_err(Into::into),
    };
    app.shut_down().await;
    Ok(Side::Release(Box::new(found?)))
}

/// The results of a side, and whether nobody needs the file afterwards.
async fn results(config: &Config, args: &RunArgs, name: &str, side: Side, tests: &Library) -> Result<(PathBuf, bool)> {
    let (library, release) = match side {
        Side::Results(file) => return Ok((file, false)),
        Side::Release(found) => *found,
    };
    let env = config::variables(args.env_file.as_deref())?;
    let config = config.clone().over(&env);
    let suite = Suite::of_release(&library, tests, &release, args)?;
    let sections = Sections { library: Arc::new(library), release: Arc::new(release), deployed: Deployed::new() };
    let bench = bench_over(&config, (&suite, args, &env), Some(sections))?;
    let faults = bench.check(&suite.config.providers);
    if !faults.is_empty() {
        bail!("{name} cannot be asked:\n{}", faults.join("\n"));
    }
    let args = RunArgs { output: Vec::new(), ..args.clone() };
    let work = Work::begin(&args)?.without(secrets(&config, &suite, &env));
    let (summary, report) = tokio::select! {
        done = ask(&suite, &bench, &args, &work) => done?,
        () = interrupted() => return Err(work.interrupted()),
    };
    eprintln!("== {name}");
    report.print(&summary, bench.spending(), &args);
    Ok((work.jsonl, true))
}

fn print(comparison: &Comparison, before: &str, after: &str) {
    for part in std::iter::once(&comparison.whole).chain(&comparison.sections) {
        table(part, before, after);
    }
    list("got worse", &comparison.worse);
    list("got better", &comparison.better);
    for (name, only) in [(before, &comparison.only_before), (after, &comparison.only_after)] {
        if !only.is_empty() {
            println!("\n{} cases only {name} has", only.len());
        }
    }
}

fn table(part: &Part, before: &str, after: &str) {
    let name = if part.section.is_empty() { "all sections" } else { part.section.as_str() };
    println!("\n{name}, {} cases in both\n{:<14} {before:>14} {after:>14}  difference, 95 % interval", part.pairs, "");
    for metric in &part.metrics {
        // Dollars of one answer are small.
        let digits = if metric.name == "cost" { 6 } else { 4 };
        let figure = |figure: Option<Estimate>| figure.map_or_else(|| "-".into(), |figure| format!("{:.digits$}", figure.value));
        let between =
            metric.difference.map_or_else(String::new, |d| format!("{:+.digits$} ({:+.digits$} to {:+.digits$})", d.value, d.low, d.high));
        println!("{:<14} {:>14} {:>14}  {between:<34} {}", metric.name, figure(metric.before), figure(metric.after), metric.verdict);
    }
}

fn list(what: &str, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    println!("\n{} cases {what}", changes.len());
    for change in changes.iter().take(LISTED) {
        println!("  {}: {} ({:+.2}) {}", change.section, change.case, change.score_delta, change.reason);
    }
}
