//! `planner generate "<idea>"`: the whole plan on the command line, with a line per section as it ends.

use anyhow::{Context as _, Result};
use app::jobs::{What, Workers};
use app::runs;
use app::{App, Caller, ventures};
use clap::{Parser, ValueEnum};
use domain::generations::Status;
use domain::ids::OwnerId;
use domain::runs::Happening;
use domain::ventures::{Brief, RawBrief};
use futures::StreamExt as _;
use planner::config::Config;
use planner::{BadInput, wire};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
pub(crate) struct Args {
    /// What is to be sold, in 5 to 500 characters.
    idea: String,
    /// witty-dad, professional, casual-friend, or your own words.
    #[arg(long)]
    voice: Option<String>,
    /// A kind of entrepreneur, for example artisan-maker.
    #[arg(long)]
    persona: Option<String>,
    /// Language of the plan, for example de.
    #[arg(long)]
    language: Option<String>,
    /// Currency of the plan, for example EUR.
    #[arg(long)]
    currency: Option<String>,
    /// Only these sections.
    #[arg(long, value_delimiter = ',')]
    sections: Vec<String>,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Where to write it; standard output when missing.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the database lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Markdown.
    Md,
    /// JSON.
    Json,
}

/// Whose ventures those of the command line are: whoever may run it on this machine.
const LOCAL_OWNER: OwnerId = OwnerId(uuid::Uuid::from_u128(1));

pub(crate) async fn run(mut config: Config, args: Args) -> Result<ExitCode> {
    config.data.dir = args.data.clone().unwrap_or(config.data.dir);
    let raw = RawBrief {
        idea: args.idea.clone(),
        voice: args.voice.clone(),
        persona: args.persona.clone(),
        language: args.language.clone(),
        currency: args.currency.clone(),
        ..RawBrief::default()
    };
    let library = wire::library(&config)?;
    check(&config, &library, &raw, &args)?;
    let app = wire::app_over(&config, library, wire::models(&config)).await?;
    app.ready().await.map_err(|reason| anyhow::anyhow!(reason))?;
    let who = Caller::operator(LOCAL_OWNER);
    let venture = ventures::create(&app, &who, &raw, None).await?;
    let run = runs::start(&app, &who, venture.id, runs::choose(&app, &args.sections)?, None).await?;
    app.start_workers(Workers { most: 1, what: What::Runs(who.owner), ..wire::workers(&config, &app) });
    let failed = follow(&app, &who, run.id, run.sections.len()).await?;
    app.shut_down().await;
    let plan = ventures::plan(&app, &who, venture.id).await?;
    write(&args, &plan)?;
    if plan.is_running() {
        anyhow::bail!("the run was interrupted; what was finished is kept in {}", config.data.dir.display());
    }
    Ok(ExitCode::from(if failed > 0 { 3 } else { 0 }))
}

/// All faults of idea, options, sections and output file at once, before anything is loaded or written.
fn check(config: &Config, library: &prompts::Library, raw: &RawBrief, args: &Args) -> Result<()> {
    let mut faults = Brief::parse(raw).err().unwrap_or_default();
    let release = wire::release(config, library)?;
    let known: Vec<String> = release.sections().iter().map(|t| t.name.to_string()).collect();
    for name in args.sections.iter().filter(|name| !known.contains(name)) {
        faults.add("sections", format!("\"{name}\" is not a section; there are {}", known.join(", ")));
    }
    if let Some(folder) = args.out.as_deref().and_then(std::path::Path::parent).filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        faults.add("out", format!("the folder {} does not exist", folder.display()));
    }
    if faults.is_empty() { Ok(()) } else { Err(BadInput(faults.to_string()).into()) }
}

/// A line on standard error per section; the number of failed ones.
async fn follow(app: &App, who: &Caller, run: domain::ids::RunId, total: usize) -> Result<usize> {
    let (mut done, mut failed) = (0, 0);
    let mut events = Box::pin(runs::follow(app, who, run, 0).await?);
    while let Some(event) = events.next().await {
        let (section, status, confidence, model, reason, duration_ms) = match event?.what {
            Happening::Ended { section, status, confidence, model, reason, duration_ms, .. } => {
                (section, status, confidence, model, reason, duration_ms)
            }
            // The run's own word counts: one that was given up has failed sections that nobody tried.
            Happening::Finished { failed: without, .. } => {
                failed = without.len();
                continue;
            }
            Happening::Started { .. } | Happening::Waiting { .. } => continue,
        };
        done += 1;
        failed += usize::from(status == Status::Failed);
        let seconds = duration_ms / 1000;
        let tenth = duration_ms % 1000 / 100;
        let about = match status {
            Status::Complete => format!("{} confidence · {model}", confidence.key()),
            Status::Partial | Status::Failed => reason.unwrap_or_default(),
        };
        let mark = if status == Status::Failed { "failed" } else { status.key() };
        eprintln!("[{done:>2}/{total}] {:<22} {mark:<8} {seconds:>3}.{tenth} s  {about}", section.as_str());
    }
    Ok(failed)
}

fn write(args: &Args, plan: &ventures::Plan) -> Result<()> {
    let document = plan.document();
    let text = match args.format {
        Format::Md => export::markdown(&document),
        Format::Json => format!("{:#}\n", export::json(&document)),
    };
    match &args.out {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("the plan is finished but {} cannot be written", path.display()))?;
            eprintln!("written to {}", path.display());
        }
        None => std::io::stdout().write_all(text.as_bytes()).context("standard output is closed")?,
    }
    if document.sections.iter().filter_map(|s| s.generation).any(|g| g.draft_model) {
        eprintln!(
            "A small embedded model wrote this draft. For a stronger one set GEMINI_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY, OLLAMA_BASE_URL or LOCAL_MODEL=file.gguf."
        );
    }
    Ok(())
}
