//! The program `planner`: subcommands over the same wiring.

mod admin_command;
mod backup;
mod eval_command;
mod generate;
mod jobs_command;
mod migrate;
mod prompts_command;
mod releases_command;
mod report_command;
mod serve;
mod tokens_command;

use clap::{Parser, Subcommand};
use planner::{BadInput, config};
use std::path::PathBuf;
use std::process::ExitCode;

/// From a product idea to a complete e-commerce plan.
#[derive(Parser)]
#[command(name = "planner", version, about, max_term_width = 110)]
struct Cli {
    /// A configuration file (default: planner.toml, if there is one).
    #[arg(long, global = true, env = "PLANNER_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the pages and the functions.
    Serve(serve::Args),
    /// Makes a plan from an idea, section by section.
    Generate(generate::Args),
    /// Looks at the database's tables, or brings them up to date.
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Looks at the queue of jobs, or steers it.
    Jobs(jobs_command::Args),
    /// Accounts, tiers, roles and tokens.
    Admin(admin_command::Args),
    /// Writes everything into one file, while the program goes on working.
    Backup(backup::BackupArgs),
    /// Brings everything back out of such a file, into either kind of database.
    Restore(backup::RestoreArgs),
    /// Writes down what the team knows, as files.
    Report(report_command::Args),
    /// Runs tests in promptfoo's files against sections, models and web addresses.
    Eval(Box<eval_command::Args>),
    /// Looks at the template library.
    #[command(subcommand)]
    Prompts(prompts_command::Command),
}

/// Exit codes of the command line: 0 complete, 1 anything else, 2 bad input, 3 finished with failed sections, 100 tests that did not pass.
fn main() -> ExitCode {
    // Two TLS back ends are linked; the first thing is to choose one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    init_log(matches!(cli.command, Command::Serve(_)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::anyhow!("no threads can be started: {error}")),
    };
    let result = runtime.block_on(async {
        let (ours, of_eval) = eval_command::told_apart(cli.config, &cli.command);
        let config = config::Config::read(ours.as_deref())?;
        match cli.command {
            Command::Serve(args) => serve::run(config, args).await,
            Command::Generate(args) => generate::run(config, args).await,
            Command::Migrate(command) => migrate::run(config, command).await,
            Command::Jobs(args) => jobs_command::run(config, args).await,
            Command::Admin(args) => admin_command::run(config, args).await,
            Command::Backup(args) => backup::backup(config, args).await,
            Command::Restore(args) => backup::restore(config, args).await,
            Command::Report(args) => report_command::run(config, args).await,
            Command::Prompts(command) => prompts_command::run(config, command).await,
            Command::Eval(args) => Box::pin(eval_command::run(config, of_eval, *args)).await,
        }
    });
    // A model call that cannot be interrupted must not hold up the end of the program.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("planner: {error:#}");
    ExitCode::from(if error.is::<BadInput>() { 2 } else { 1 })
}

fn init_log(server: bool) {
    use tracing_subscriber::EnvFilter;
    let fallback = if server { "info,sqlx=warn,sea_orm=warn,hyper=warn" } else { "error" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(fallback));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
