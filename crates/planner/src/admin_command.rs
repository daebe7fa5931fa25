//! `planner admin`: accounts, tiers, roles and tokens, for whoever may use this machine. Every act is in the audit log.

use anyhow::{Context as _, Result};
use app::accounts::admin::{self, Change, NewAccount};
use app::{App, Caller};
use clap::{Args as ClapArgs, Parser, Subcommand};
use domain::accounts::Account;
use domain::ids::OwnerId;
use domain::roles::Role;
use domain::tiers::Tier;
use planner::config::Config;
use planner::{BadInput, wire};
use std::io::BufRead as _;
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
    /// Accounts: make one, change one, list them.
    #[command(subcommand)]
    User(User),
    /// Tokens of the API.
    #[command(subcommand)]
    Token(Token),
}

#[derive(Subcommand)]
enum User {
    /// Makes an account whose address counts as confirmed.
    Add {
        /// Its e-mail address.
        email: String,
        #[command(flatten)]
        standing: Standing,
        /// Reads its password from the first line of standard input; without it, the owner asks for a link to set one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Changes tier or role, from the next request on.
    Set {
        /// Its e-mail address.
        email: String,
        #[command(flatten)]
        standing: Standing,
        /// Takes the role away.
        #[arg(long, conflicts_with = "role")]
        no_role: bool,
        /// Takes the second factor away, for who has lost it.
        #[arg(long)]
        reset_second_factor: bool,
        /// Lifts what holds a member back who has cost too much; the value is the reason, which is written down.
        #[arg(long, value_name = "REASON")]
        lift_limit: Option<String>,
    },
    /// Lists accounts, newest first.
    List {
        /// Only addresses with this in them.
        #[arg(default_value = "")]
        search: String,
        /// How many.
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
}

#[derive(ClapArgs)]
struct Standing {
    /// free, starter or pro.
    #[arg(long)]
    tier: Option<String>,
    /// developer, prompt-engineer, tech-lead, product-manager or support-agent.
    #[arg(long)]
    role: Option<String>,
}

#[derive(Subcommand)]
enum Token {
    /// Makes a token and prints it, this once.
    Add {
        /// The e-mail address of whom it acts for.
        email: String,
        /// What its owner calls it.
        #[arg(long, default_value = "command line")]
        name: String,
        /// What it may do, between commas: read, write, staff.
        #[arg(long, value_delimiter = ',', default_value = "read,write")]
        scopes: Vec<String>,
        /// How many days it is good for; without it, until it is revoked.
        #[arg(long)]
        days: Option<i64>,
    },
}

/// Whoever may use this machine.
fn operator() -> Caller {
    Caller::operator(OwnerId(uuid::Uuid::nil()))
}

pub(crate) async fn run(mut config: Config, args: Args) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    let makes = matches!(args.command, Command::User(User::Add { .. }));
    if config.keys.database.is_none() && !makes && !config.data.dir.is_dir() {
        let dir = config.data.dir.display();
        return Err(BadInput(format!("there is no folder {dir}; run this where the server runs, or name its folder with --data")).into());
    }
    // Nothing is generated here, so no model is loaded and none has to be there.
    let app = wire::app(&config).await?;
    let done = match args.command {
        Command::User(command) => user(&app, command).await,
        Command::Token(Token::Add { email, name, scopes, days }) => token(&app, &email, &name, &scopes, days).await,
    };
    // Mail that was written is sent by the server's workers, or waits for them.
    done.map_err(told)?;
    Ok(ExitCode::SUCCESS)
}

/// What somebody typed wrong ends with exit code 2, every fault on its own line.
fn told(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<app::Error>() {
        Ok(app::Error::Invalid(faults)) => BadInput(faults.to_string()).into(),
        Ok(error @ (app::Error::NotFound(_) | app::Error::Conflict { .. } | app::Error::Forbidden(_))) => {
            BadInput(error.to_string()).into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

impl Standing {
    fn read(&self) -> Result<(Option<Tier>, Option<Role>)> {
        let mut faults = domain::faults::Faults::default();
        let tier = self.tier.as_deref().and_then(|key| {
            let tier = Tier::from_key(key);
            if tier.is_none() {
                faults.add("tier", format!("\"{key}\" is none; there are {}", Tier::ALL.map(Tier::key).join(", ")));
            }
            tier
        });
        let role = self.role.as_deref().and_then(|key| {
            let role = Role::from_key(key);
            if role.is_none() {
                faults.add("role", format!("\"{key}\" is none; there are {}", Role::ALL.map(Role::key).join(", ")));
            }
            role
        });
        if faults.is_empty() { Ok((tier, role)) } else { Err(BadInput(faults.to_string()).into()) }
    }
}

async fn user(app: &App, command: User) -> Result<()> {
    match command {
        User::Add { email, standing, password_stdin } => {
            let (tier, role) = standing.read()?;
            let password = if password_stdin { Some(password()?) } else { None };
            let account = admin::add(app, &operator(), &NewAccount { email, tier, role, password }).await?;
            print(&account);
        }
        User::Set { email, standing, no_role, reset_second_factor, lift_limit } => {
            let (tier, role) = standing.read()?;
            let account = admin::find(app, &operator(), &email).await?;
            if let Some(reason) = lift_limit {
                admin::lift_limit(app, &operator(), account.owner, &reason).await?;
            }
            let role = if no_role { Some(None) } else { role.map(Some) };
            print(&admin::set(app, &operator(), account.owner, Change { tier, role, reset_second_factor }).await?);
        }
        User::List { search, limit } => {
            let accounts = admin::list(app, &operator(), &search, limit.clamp(1, 1000), None).await?;
            if accounts.is_empty() {
                eprintln!("no accounts; make one with: planner admin user add EMAIL --password-stdin");
            }
            accounts.iter().for_each(print);
        }
    }
    Ok(())
}

fn print(account: &Account) {
    let role = account.role.map_or("-", Role::key);
    let state = match (account.verified, account.leaving, account.limited_until) {
        (_, Some(_), _) => "leaving",
        (_, _, Some(until)) if until > chrono::Utc::now() => "limited",
        (None, ..) => "unverified",
        _ => "-",
    };
    println!("{:<40} {:<8} {role:<16} {state:<11} {}", account.email.as_str(), account.tier.key(), account.created.format("%Y-%m-%d"));
}

fn password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password cannot be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn token(app: &App, email: &str, name: &str, scopes: &[String], days: Option<i64>) -> Result<()> {
    let account = admin::find(app, &operator(), email).await?;
    let made = admin::add_token(app, &operator(), account.owner, name, scopes, days).await?;
    eprintln!("this token is shown once; keep it like a password:");
    println!("{}", made.secret);
    Ok(())
}
