//! `planner report decisions`: what the team has written down, as a file.

use anyhow::{Context as _, Result};
use app::{Caller, decisions};
use clap::{Parser, Subcommand};
use domain::ids::OwnerId;
use planner::config::Config;
use planner::{BadInput, wire};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
pub(crate) struct Args {
    /// Where the database lives.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The decision log of quality, as Markdown.
    Decisions {
        /// The file to write; without it, standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(crate) async fn run(mut config: Config, args: Args) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    if config.keys.database.is_none() && !config.data.dir.is_dir() {
        let dir = config.data.dir.display();
        return Err(BadInput(format!("there is no folder {dir}; run this where the server runs, or name its folder with --data")).into());
    }
    let app = wire::app(&config).await?;
    let Command::Decisions { out } = args.command;
    let log = decisions::export(&app, &Caller::operator(OwnerId(uuid::Uuid::nil()))).await?;
    match out {
        None => print!("{log}"),
        Some(file) => std::fs::write(&file, log).with_context(|| format!("{} cannot be written", file.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}
