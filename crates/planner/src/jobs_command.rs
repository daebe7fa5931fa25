//! `planner jobs`: the queue, looked at and steered.

use anyhow::Result;
use clap::{Parser, Subcommand};
use domain::ids::JobId;
use planner::config::Config;
use planner::{BadInput, wire};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Where the database lives.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

/// The kinds there are.
const KINDS: [&str; 2] = ["run", "tidy"];

#[derive(Subcommand)]
enum Command {
    /// How many wait, are in work, were given up, and which kinds are paused.
    Status,
    /// Jobs that were given up, with the reason.
    Dead,
    /// Puts a job that was given up back in line.
    Revive {
        /// Its id, as `dead` lists it.
        id: JobId,
    },
    /// Has nobody begin jobs of a kind (run, tidy); those in work are finished.
    Pause {
        /// The kind.
        kind: String,
    },
    /// Lets jobs of a kind be begun again.
    Resume {
        /// The kind.
        kind: String,
    },
}

pub(crate) async fn run(mut config: Config, args: Args) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    if let Command::Pause { kind } | Command::Resume { kind } = &args.command
        && !KINDS.contains(&kind.as_str())
    {
        return Err(BadInput(format!("\"{kind}\" is not a kind of job; there are {}", KINDS.join(", "))).into());
    }
    let (store, now) = (wire::open(&config).await?, chrono::Utc::now());
    match args.command {
        Command::Status => {}
        Command::Dead => {
            for (id, kind, reason) in store.dead_jobs(1000).await? {
                println!("{id}  {kind}  {reason}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        Command::Revive { id } => {
            if !store.revive_job(id, now).await? {
                return Err(BadInput(format!("{id} is not a job that was given up; `planner jobs dead` lists them")).into());
            }
        }
        Command::Pause { kind } => store.pause_jobs(&kind, now).await?,
        Command::Resume { kind } => store.let_jobs_on(&kind).await?,
    }
    let queue = store.queue().await?;
    println!("{} waiting, {} in work, {} given up", queue.waiting, queue.running, queue.dead);
    for kind in &queue.paused {
        println!("{kind} is paused; `planner jobs resume {kind}` lets it go on");
    }
    Ok(ExitCode::SUCCESS)
}
