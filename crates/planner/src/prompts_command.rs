//! `planner prompts`: the library as its files have it; proposals, releases and environments as the database has them.

use crate::releases_command;
use crate::tokens_command;
use anyhow::Result;
use clap::Subcommand;
use domain::sections::SectionName;
use planner::config::Config;
use planner::{BadInput, wire};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The templates in use, with version, model class and number of test cases.
    List,
    /// One template: its prompts, variables, schema.
    Show {
        /// Its name, for example smart-goals.
        name: String,
        /// A version instead of the one in use.
        #[arg(long)]
        version: Option<semver::Version>,
    },
    /// Reads and checks every file; reports every fault with file and line.
    Check,
    /// What templates cost: tokens by part, money, what could be saved, and which class of model each needs. Estimated.
    Tokens(tokens_command::Args),
    #[command(flatten)]
    Releases(releases_command::Command),
}

pub(crate) async fn run(config: Config, command: Command) -> Result<ExitCode> {
    match command {
        Command::Releases(command) => releases_command::run(config, command).await,
        Command::List | Command::Show { .. } | Command::Check | Command::Tokens(_) => files(&config, &command),
    }
}

/// What needs no database.
fn files(config: &Config, command: &Command) -> Result<ExitCode> {
    let library = wire::library(config)?;
    match command {
        Command::Releases(_) => {}
        Command::List => {
            let release = wire::release(config, &library)?;
            println!("release {} · {} templates", release.version, release.templates().count());
            println!("{:<24} {:<9} {:<8} {:<10} {:>5}  title", "name", "version", "kind", "model", "tests");
            let mut all: Vec<_> = release.templates().collect();
            all.sort_by_key(|t| (t.step.is_none(), t.step, t.order));
            for t in all {
                let (kind, model) = (format!("{:?}", t.kind).to_lowercase(), format!("{:?}", t.model).to_lowercase());
                let name = t.name.as_str();
                println!("{name:<24} {:<9} {kind:<8} {model:<10} {:>5}  {}", t.version.to_string(), library.test_count(&t.name), t.title);
            }
        }
        Command::Tokens(args) => tokens_command::run(config, &library, args)?,
        Command::Show { name, version } => show(config, &library, name, version.as_ref())?,
        Command::Check => {
            let (releases, examples) = (library.releases(), library.examples().len());
            let templates = library.latest().templates().count();
            for warning in library.warnings() {
                println!("warning: {warning}");
            }
            println!("{} releases, {templates} templates, {examples} examples: no faults", releases.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(config: &Config, library: &prompts::Library, name: &str, version: Option<&semver::Version>) -> Result<()> {
    let release = wire::release(config, library)?;
    let unknown = || {
        let known: Vec<String> = release.templates().map(|t| t.name.to_string()).collect();
        BadInput(format!("\"{name}\" is not a template; there are {}", known.join(", ")))
    };
    let parsed = SectionName::parse(name).map_err(|_| unknown())?;
    let template = match version {
        None => release.template(&parsed).ok_or_else(unknown)?,
        Some(version) => library.versions(&parsed).find(|t| t.version == *version).ok_or_else(|| {
            let known: Vec<String> = library.versions(&parsed).map(|t| t.version.to_string()).collect();
            BadInput(format!("{name} has no version {version}; there are {}", known.join(", ")))
        })?,
    };
    println!("{} {} · {}\n{}\n", template.name, template.version, template.title, template.summary);
    println!(
        "model {:?} · temperature {} · at most {} tokens · {} s",
        template.model, template.temperature, template.max_output_tokens, template.timeout_seconds
    );
    println!("sha256 {}", template.hash);
    for variable in &template.variables {
        let need = if variable.required { "required" } else { "optional" };
        println!("variable {:<36} {:?} {need}", variable.name, variable.kind);
    }
    for (key, text) in template.prompts() {
        println!("\n--- {key}\n{}", text.trim_end());
    }
    println!("\n--- output\n{:#}", template.output);
    Ok(())
}
