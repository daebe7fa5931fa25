//! `planner backup` and `planner restore`: everything into one file, and back.

use anyhow::Result;
use clap::Parser;
use planner::config::Config;
use planner::wire;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Copied, Overwrite};

#[derive(Parser)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not exist.
    file: PathBuf,
    /// Where the database lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Parser)]
pub(crate) struct RestoreArgs {
    /// The file to read.
    file: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    force: bool,
    /// Where the database lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) async fn backup(mut config: Config, args: BackupArgs) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    let store = wire::connect(&config).await?;
    list(&store.back_up(&args.file).await?);
    println!("everything is in {}", args.file.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restore(mut config: Config, args: RestoreArgs) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    let store = wire::open(&config).await?;
    let overwrite = if args.force { Overwrite::Yes } else { Overwrite::No };
    list(&store.restore(&args.file, overwrite).await?);
    println!("everything is back from {}", args.file.display());
    Ok(ExitCode::SUCCESS)
}

fn list(copied: &[Copied]) {
    for Copied { table, rows, sha256 } in copied {
        println!("{rows:>9}  {table:<18} sha256 {}", sha256.get(..12).unwrap_or_default());
    }
}
