//! `planner eval`: tests in promptfoo's files, and the library's own, without a server, an account or a database.

mod compare;
mod deployed;
mod options;
mod report;
mod secrets;
mod stored;
mod suite;
mod work;

use anyhow::{Result, anyhow, bail};
use app::evals::{Bench, Sections, Setup};
use clap::{Args as ClapArgs, Parser, Subcommand};
use evals::{Failing, Filter, Helpers, Options, Summary, Target};
use llm::Tape;
use planner::config::{self, Config};
use planner::wire;
use report::{Exit, Report};
use secrets::secrets;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use suite::Suite;
use work::{Work, onto_nothing, writable};

#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Reads a config and every file it names, asks nobody, and says everything that is wrong.
    Validate {
        /// The config.
        #[arg(short = 'c', value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(ClapArgs, Default, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct RunArgs {
    /// The config (default: promptfooconfig.yaml here, else prompts/promptfoo.config.yaml); --config FILE.yaml is the same.
    #[arg(short = 'c', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Files of prompts, instead of the config's.
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    prompts: Vec<PathBuf>,
    /// Who answers, instead of the config's providers: planner:swot, google:gemini-2.5-flash, echo, ...
    #[arg(short = 'r', long, value_name = "ID", num_args = 1..)]
    providers: Vec<String>,
    /// A file of tests, instead of the config's.
    #[arg(short, long, value_name = "FILE")]
    tests: Option<PathBuf>,
    /// A file of assertions for every test.
    #[arg(short, long, value_name = "FILE")]
    assertions: Option<PathBuf>,
    /// Outputs to judge instead of asking anybody: a list of texts, or of {output, tags, vars}; JSON, YAML or JSONL.
    #[arg(long, value_name = "FILE", requires = "assertions")]
    model_outputs: Option<PathBuf>,
    /// The library's own tests of these templates, without a config.
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with_all = ["file", "model_outputs"])]
    section: Vec<String>,
    /// The release whose templates the library's own tests are for; without --section, of all of them, the utilities' too.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["file", "model_outputs"])]
    release: Option<String>,
    /// Two of the library's releases by the same tests: BEFORE:AFTER, each a version, staging, production, a proposal's id, or the JSONL of
    /// an earlier run. Exits with 100 when something got worse by more than chance.
    #[arg(long, value_name = "BEFORE:AFTER", conflicts_with_all = ["file", "model_outputs", "release", "resume", "tests", "providers"])]
    compare: Option<String>,
    /// Where results go, by ending: .json, .jsonl, .csv, .html, .junit.xml.
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    output: Vec<PathBuf>,
    /// Calls at a time.
    #[arg(short = 'j', long, value_name = "N", value_parser = at_least_one)]
    max_concurrency: Option<usize>,
    /// How often each test runs.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    repeat: Option<usize>,
    /// Milliseconds to wait before each call.
    #[arg(long, value_name = "MS")]
    delay: Option<u64>,
    /// Writes every answer to a recording; what is on it already is not asked again.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Answers from a recording, without a network and for nothing.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Goes on with the JSONL of a run that was cut; what was an error is asked again.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// The same as --resume alone: errors are asked again.
    #[arg(long, requires = "resume")]
    retry_errors: bool,
    #[command(flatten)]
    filters: Filters,
    /// A variable of every test, as name=value.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    vars: Vec<(String, String)>,
    /// A tag of the run, as name=value.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// A file of variables of the environment.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Who judges, as provider:model.
    #[arg(long, value_name = "ID")]
    grader: Option<String>,
    /// Does not list the tests that did not pass.
    #[arg(long)]
    no_table: bool,
    /// Nothing is ever taken from a cache; accepted for promptfoo's sake.
    #[arg(long)]
    no_cache: bool,
    /// Nothing is kept but what --output says; accepted for promptfoo's sake.
    #[arg(long)]
    no_write: bool,
    /// No progress on standard error.
    #[arg(long)]
    no_progress_bar: bool,
}

/// Which tests run.
#[derive(ClapArgs, Default, Clone)]
#[expect(clippy::struct_field_names, reason = "they are called as the options are, which are promptfoo's")]
pub(crate) struct Filters {
    /// The first N.
    #[arg(long, value_name = "N")]
    filter_first_n: Option<usize>,
    /// N by chance.
    #[arg(long, value_name = "N")]
    filter_sample: Option<usize>,
    /// From place A to before place B, counted from 0.
    #[arg(long, value_name = "A:B", value_parser = range)]
    filter_range: Option<(usize, usize)>,
    /// Those whose description matches.
    #[arg(long, value_name = "REGEX")]
    filter_pattern: Option<String>,
    /// Those that did not pass in an earlier run.
    #[arg(long, value_name = "RESULTS", conflicts_with = "filter_errors_only")]
    filter_failing: Option<PathBuf>,
    /// Those that were errors in an earlier run.
    #[arg(long, value_name = "RESULTS")]
    filter_errors_only: Option<PathBuf>,
    /// Those with this in their metadata, as key=value.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    filter_metadata: Vec<(String, String)>,
    /// Providers whose id or label matches.
    #[arg(long, visible_alias = "filter-targets", value_name = "REGEX")]
    filter_providers: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    pair.map(|(name, value)| (name.trim().to_owned(), value.to_owned())).ok_or_else(|| format!("\"{text}\" is not name=value"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("\"{text}\" is not a whole number from 1"))
}

fn range(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("\"{text}\" is not A:B, such as 0:10");
    let (from, to) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str, empty: usize| if part.is_empty() { Ok(empty) } else { part.parse().map_err(|_| wrong()) };
    let (from, to) = (number(from, 0)?, number(to, usize::MAX)?);
    if from < to { Ok((from, to)) } else { Err(wrong()) }
}

/// promptfoo calls its config `--config`; ours is a TOML file. By the ending it is clear which one is meant.
pub(crate) fn told_apart(given: Option<PathBuf>, command: &crate::Command) -> (Option<PathBuf>, Option<PathBuf>) {
    let of_eval = |path: &PathBuf| path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
    match given {
        Some(path) if matches!(command, crate::Command::Eval(_)) && of_eval(&path) => (None, Some(path)),
        given => (given, None),
    }
}

pub(crate) async fn run(config: Config, named: Option<PathBuf>, args: Args) -> Result<ExitCode> {
    let mut args = match args.command {
        Some(Command::Validate { file }) => return validate(&config, file.or(named)).await,
        None => args.run,
    };
    args.file = args.file.or(named);
    if let Some(sides) = args.compare.take() {
        return compare::run(config, args, &sides).await;
    }
    let exit = Exit::from_environment()?;
    let env = config::variables(args.env_file.as_deref())?;
    let config = config.over(&env);
    let mut suite = Suite::read(&config, &args).map_err(plain)?;
    let args = options::with_config(args, &suite.config.raw)?;
    args.output.iter().try_for_each(|path| writable(path))?;
    onto_nothing(&args)?;
    let config = config.over(&with_own(&env, &suite));
    for (name, value) in env.iter().filter(|(name, _)| !suite.config.env.contains_key(*name)).collect::<Vec<_>>() {
        suite.config.env.insert(name.clone(), value.as_str().into());
    }
    suite.config.evaluate.delay_ms = args.delay.or(suite.config.evaluate.delay_ms);
    let bench = bench(&config, &suite, &args, &env).await?;
    let mut faults = if suite.stored.is_some() { Vec::new() } else { bench.check(&suite.config.providers) };
    faults.extend(bench.check_judge().err());
    if !faults.is_empty() {
        bail!("the eval cannot be run:\n{}", faults.join("\n"));
    }
    if args.max_concurrency.is_some_and(|calls| calls > 1) && suite.config.evaluate.delay_ms.is_some_and(|ms| ms > 0) {
        eprintln!("one call at a time, because a delay between calls was asked for");
    }
    let work = Work::begin(&args)?.without(secrets(&config, &suite, &env));
    let summary = tokio::select! {
        summary = ask(&suite, &bench, &args, &work) => summary?,
        () = interrupted() => return Err(work.interrupted()),
    };
    let (summary, report) = summary;
    report.print(&summary, bench.spending(), &args);
    work.write(&suite.config, &summary, &args.output)?;
    Ok(exit.code(&summary))
}

/// Faults of the library say by themselves what is wrong; the exit code of everything but tests is 1 here, as in promptfoo.
fn plain(error: anyhow::Error) -> anyhow::Error {
    if error.is::<planner::BadInput>() { anyhow!("{error:#}") } else { error }
}

/// The environment with what the config sets itself, which counts for more.
fn with_own(env: &BTreeMap<String, String>, suite: &Suite) -> BTreeMap<String, String> {
    let own = suite.config.env.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    env.clone().into_iter().chain(own.filter(|(_, value)| !value.contains("{{"))).collect()
}

async fn validate(config: &Config, file: Option<PathBuf>) -> Result<ExitCode> {
    let args = RunArgs { file, ..RunArgs::default() };
    let env = config::variables(None)?;
    let suite = Suite::read(config, &args).map_err(plain)?;
    let args = options::with_config(args, &suite.config.raw)?;
    let config = config.clone().over(&with_own(&env, &suite));
    let faults = bench(&config, &suite, &args, &env).await?.check(&suite.config.providers);
    if !faults.is_empty() {
        bail!("the config cannot be run:\n{}", faults.join("\n"));
    }
    evals::expected(&suite.config, &Options::default())?;
    let (prompts, providers) = (suite.config.prompts.len(), suite.config.providers.len());
    println!("{}: {prompts} prompts, {providers} providers, {} tests: no faults", suite.name, suite.config.tests);
    Ok(ExitCode::SUCCESS)
}

/// Whoever answers and judges.
async fn bench(config: &Config, suite: &Suite, args: &RunArgs, env: &BTreeMap<String, String>) -> Result<Bench> {
    // Reading and checking the library takes longer than many a suite.
    if suite.stored.is_some() || !Bench::needs_sections(&suite.config.providers, &suite.config.env) {
        return bench_over(config, (suite, args, env), None);
    }
    let library = wire::library(config).map_err(plain)?;
    let release = wire::release(config, &library)?;
    let deployed = deployed::meant(config, &suite.config.providers, &release).await?;
    bench_over(config, (suite, args, env), Some(Sections { library: Arc::new(library), release: Arc::new(release), deployed }))
}

fn bench_over(
    config: &Config,
    (suite, args, env): (&Suite, &RunArgs, &BTreeMap<String, String>),
    sections: Option<Sections>,
) -> Result<Bench> {
    let secrets = secrets(config, suite, env);
    let tape = match (&args.record, &args.replay) {
        (Some(file), _) => Some(Tape::record(file, secrets)?),
        (_, Some(file)) => Some(Tape::replay(file, secrets)?),
        _ => None,
    };
    let judge = args.grader.clone().or_else(|| Some(config.models.judge.clone()).filter(|judge| !judge.is_empty()));
    let setup = Setup {
        sections,
        models: llm::Settings { tape: tape.map(Arc::new), ..wire::models(config) },
        prices: wire::prices(config)?,
        clock: Arc::new(chrono::Utc::now),
        judge,
        env: suite.config.env.clone(),
        names_judges: true,
    };
    Bench::new(setup).map_err(|why| anyhow!(why))
}

async fn ask(suite: &Suite, bench: &Bench, args: &RunArgs, work: &Work) -> Result<(Summary, Report)> {
    let target: &dyn Target = match &suite.stored {
        Some(stored) => stored,
        None => bench,
    };
    let options = Options {
        concurrency: args.max_concurrency,
        repeat: args.repeat,
        filter: filter(&args.filters)?,
        resume: args.resume.clone(),
        helpers: Helpers { embedder: Some(bench), grader: Some(bench), webhook: Some(bench) },
    };
    let total = evals::expected(&suite.config, &options)?;
    let sink = work.sink(args.resume.is_some())?;
    let mut report = Report::begin(sink, work.scrubber.clone(), total, args.no_progress_bar);
    let summary = evals::run(&suite.config, target, &options, &mut report).await;
    report.end();
    Ok((summary?, report))
}

fn filter(filters: &Filters) -> Result<Filter> {
    let earlier = filters.filter_failing.as_ref().map(|file| (file, false));
    let earlier = earlier.or(filters.filter_errors_only.as_ref().map(|file| (file, true)));
    Ok(Filter {
        only: None,
        pattern: filters.filter_pattern.clone(),
        range: filters.filter_range,
        first: filters.filter_first_n,
        sample: filters.filter_sample,
        metadata: filters.filter_metadata.clone(),
        providers: filters.filter_providers.clone(),
        failing: earlier.map(|(file, errors)| Failing::read(file, errors)).transpose()?,
    })
}

/// Returns when somebody wants it to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut term) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

/// A map out of pairs.
fn map(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}
