//! `planner migrate`: the changes to the tables, listed or made.

use anyhow::Result;
use clap::Subcommand;
use planner::config::Config;
use planner::wire;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the changes that this version knows, and whether the database has them.
    Status {
        /// Where the database lives.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Makes the changes that are missing, all or none.
    Up {
        /// Where the database lives.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

pub(crate) async fn run(mut config: Config, command: Command) -> Result<ExitCode> {
    let (Command::Status { data } | Command::Up { data }) = &command;
    config.data.dir = data.clone().unwrap_or(config.data.dir);
    let store = wire::connect(&config).await?;
    if matches!(command, Command::Up { .. }) {
        match store.migrate().await? {
            0 => println!("nothing to do: the tables are up to date"),
            made => println!("{made} changes made"),
        }
    }
    for change in store.changes().await? {
        println!("{} {}", if change.applied { "applied" } else { "missing" }, change.name);
    }
    Ok(ExitCode::SUCCESS)
}
