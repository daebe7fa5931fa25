//! `planner prompts diff | propose | evaluate | release | deploy | rollback | export | status`: proposals, releases and environments from the command
//! line, by whoever may use this machine. What a person has to vouch for, a review, is done on the pages.

mod folders;

use anyhow::{Result, bail};
use app::evals::Standing;
use app::jobs::{What, Workers};
use app::proposals::{self, Wanted};
use app::releases::{self, Back, Overview};
use app::{App, Caller, Chosen, evals, gates};
use clap::{Args as ClapArgs, Subcommand};
use domain::evals::{Eval, Progress};
use domain::ids::{OwnerId, ProposalId};
use domain::proposals::ProposedFile;
use domain::releases::Deployment;
use domain::roles::Environment;
use planner::config::Config;
use planner::{BadInput, wire};
use prompts::{LeftOut, changes, diffs};
use semver::Version;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Where each environment points, every release, and the proposals that are open.
    Status(Place),
    /// What differs between two releases, or between a release and a proposal.
    Diff {
        /// A version such as 1.0.0, or a proposal's id.
        from: String,
        /// The same.
        to: String,
        /// Only this template.
        name: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Proposes files of a prompts folder: templates of one version, v1.1.0/swot.yaml, and test cases, tests/swot.yaml.
    Propose {
        /// The files, or the folder of a release such as prompts/v1.1.0.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What changes, in a line; with --into, what the proposal says already if not given.
        #[arg(long, required_unless_present = "into")]
        title: Option<String>,
        /// Why; the same.
        #[arg(long, required_unless_present = "into")]
        why: Option<String>,
        /// Who of the team wrote this, by their e-mail address: they cannot approve it.
        #[arg(long, value_name = "EMAIL")]
        author: String,
        /// The release the files were made from; without it, the one production serves, or what the proposal says already.
        #[arg(long, value_name = "VERSION")]
        base: Option<Version>,
        /// A proposal to save them to, instead of a new one.
        #[arg(long, value_name = "PROPOSAL", requires = "revision")]
        into: Option<ProposalId>,
        /// The revision of it that the files were made from, as propose and export print it: what somebody else saved since stays.
        #[arg(long, value_name = "NUMBER", requires = "into")]
        revision: Option<u32>,
        /// Asks for its review at once.
        #[arg(long)]
        submit: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Runs the tests the gate asks about, of the sections and of changed utilities, against a proposal or a release, and against what
    /// production has.
    Evaluate {
        /// A proposal's id, or a version.
        what: String,
        #[command(flatten)]
        place: Place,
    },
    /// Makes an approved proposal a release, and points staging at it through its gate.
    Release {
        /// Its id.
        proposal: ProposalId,
        /// Sets the gate aside, with the reason why; it is written down.
        #[arg(long, value_name = "REASON")]
        r#override: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Points an environment at a release through its gate.
    Deploy {
        /// The release.
        version: Version,
        /// staging or production.
        #[arg(long, value_name = "ENVIRONMENT")]
        to: String,
        /// Sets the gate aside, with the reason why; it is written down.
        #[arg(long, value_name = "REASON")]
        r#override: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Takes an environment back to a release it had before, at once and in every process.
    Rollback {
        /// The release; without it, the one before.
        version: Option<Version>,
        /// The release to leave: where it has been left already nothing is done, so that asking twice goes back once.
        #[arg(long, value_name = "VERSION")]
        from: Option<Version>,
        /// staging or production.
        #[arg(long = "in", value_name = "ENVIRONMENT", default_value = "production")]
        environment: String,
        /// Why; it is written down.
        #[arg(long, value_name = "REASON")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// Writes a proposal's files, or those of a release, into a prompts folder.
    Export {
        /// A proposal's id, or a version.
        what: String,
        /// The folder; files that are there are replaced.
        #[arg(long, value_name = "DIR", default_value = "prompts")]
        out: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(ClapArgs)]
pub(crate) struct Place {
    /// Where the database lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Command {
    fn place(&mut self) -> Option<PathBuf> {
        match self {
            Self::Status(place)
            | Self::Diff { place, .. }
            | Self::Propose { place, .. }
            | Self::Evaluate { place, .. }
            | Self::Release { place, .. }
            | Self::Deploy { place, .. }
            | Self::Rollback { place, .. }
            | Self::Export { place, .. } => place.data.take(),
        }
    }
}

pub(crate) async fn run(mut config: Config, mut command: Command) -> Result<ExitCode> {
    config.data.dir = command.place().unwrap_or(config.data.dir);
    let who = Caller::operator(OwnerId(uuid::Uuid::nil()));
    // Read before a database is made for nothing.
    let files = match &command {
        Command::Propose { files, .. } => folders::read(files)?,
        _ => Vec::new(),
    };
    let app = wire::app_whatever_is_deployed(&config, wire::library(&config)?, wire::models(&config)).await?;
    let done = act(&app, &who, command, files).await;
    app.shut_down().await;
    done
}

async fn act(app: &App, who: &Caller, command: Command, files: Vec<ProposedFile>) -> Result<ExitCode> {
    match command {
        Command::Status(_) => status(app, who).await?,
        Command::Diff { from, to, name, .. } => diff(app, who, (&from, &to), name.as_deref()).await?,
        Command::Propose { title, why, author, base, into, revision, submit, .. } => {
            let (mut title, mut why) = (title.unwrap_or_default(), why.unwrap_or_default());
            if let Some(id) = into.filter(|_| title.is_empty() || why.is_empty()) {
                let said = proposals::get(app, who, id).await.map_err(plain)?.proposal;
                title = if title.is_empty() { said.title } else { title };
                why = if why.is_empty() { said.why } else { why };
            }
            let wanted = Wanted { title, why, files, base, author: Some(author) };
            propose(app, who, &wanted, into.zip(revision), submit).await?;
        }
        Command::Evaluate { what, .. } => return evaluate(app, who, &what).await,
        Command::Release { proposal, r#override, .. } => {
            say(&releases::stage(app, who, proposal, r#override.as_deref()).await.map_err(plain)?);
        }
        Command::Deploy { version, to, r#override, .. } => {
            say(&releases::deploy(app, who, &version, environment(&to)?, r#override.as_deref()).await.map_err(plain)?);
        }
        Command::Rollback { version, from, environment: name, reason, .. } => {
            roll_back(app, who, environment(&name)?, &Back { from, to: version }, &reason).await?;
        }
        Command::Export { what, out, .. } => export(app, who, &what, &out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What a person gave that is not right exits with 2; everything else with 1.
fn plain(error: app::Error) -> anyhow::Error {
    match error {
        app::Error::Invalid(faults) => BadInput(faults.to_string()).into(),
        other => other.into(),
    }
}

fn environment(name: &str) -> Result<Environment> {
    Ok(Environment::from_key(name)
        .ok_or_else(|| BadInput(format!("\"{name}\" is not an environment; there are staging and production")))?)
}

fn say(deployment: &Deployment) {
    let Deployment { environment, version, previous, kind, .. } = deployment;
    println!("{} points at {version} (before: {previous}, by {})", environment.key(), kind.key());
}

/// Takes an environment back. Asked for once more with the release to leave, it says that this was done, as long as what was brought back
/// then is in use.
async fn roll_back(app: &App, who: &Caller, environment: Environment, back: &Back, why: &str) -> Result<()> {
    match releases::roll_back(app, who, environment, back, why).await {
        Err(refused @ app::Error::Conflict { .. }) => {
            let Some(done) = releases::rolled_back(app, who, environment, back).await.map_err(plain)? else { return Err(plain(refused)) };
            let (key, at) = (environment.key(), done.at.format("%Y-%m-%d %H:%M UTC"));
            println!("{key} has left {} already, at {at}, and points at {}: nothing had to be done", done.previous, done.version);
        }
        done => say(&done.map_err(plain)?),
    }
    // It is done, whatever can be said of staging.
    match releases::overview(app, who).await {
        Ok(overview) => tell_left_in_staging(&overview),
        Err(error) => eprintln!("what staging serves could not be found out ({error}); planner prompts status says it"),
    }
    Ok(())
}

fn tell_left_in_staging(overview: &Overview) {
    if let Some(version) = &overview.left_in_staging {
        println!(
            "production was taken back from {version}, and staging still serves it: take staging back too, with `planner prompts rollback --in \
             staging --from {version} --reason \"...\"`, or stage the release that mends it"
        );
    }
}

async fn status(app: &App, who: &Caller) -> Result<()> {
    let overview = releases::overview(app, who).await.map_err(plain)?;
    for standing in &overview.environments {
        let since = match &standing.deployment {
            Some(deployment) => format!("since {} ({})", deployment.at.format("%Y-%m-%d %H:%M UTC"), deployment.kind.key()),
            None => "nothing was deployed yet: the highest release of the files".into(),
        };
        println!("{:<11} {:<9} {since}", standing.environment.key(), standing.version.to_string());
    }
    let (environment, version, chosen) = &overview.serving;
    if *chosen == Chosen::Pinned {
        println!("PROMPT_VERSION has every process that is started with it use {version}, whatever is deployed to {}", environment.key());
    }
    tell_left_in_staging(&overview);
    if overview.differs {
        println!("warning: the files of {version} are not what they were when it was deployed");
    }
    if let Some(trouble) = &overview.trouble {
        println!("warning: {trouble}");
    }
    for LeftOut { version, why } in &overview.left_out {
        println!("release     {:<9} cannot be read by this program: {why}", version.to_string());
    }
    for (version, made) in &overview.releases {
        println!(
            "release     {:<9} {}",
            version.to_string(),
            made.as_ref().map_or("from the files".into(), |made| made.proposal.to_string())
        );
    }
    for proposal in proposals::list(app, who, 50, None).await.map_err(plain)?.iter().filter(|proposal| !proposal.state.has_ended()) {
        println!("proposal    {:<9} {}  {}  {}", proposal.version.to_string(), proposal.id, proposal.state.key(), proposal.title);
    }
    Ok(())
}

async fn diff(app: &App, who: &Caller, (from, to): (&str, &str), name: Option<&str>) -> Result<()> {
    let (before, after) = (release(app, who, from).await?, release(app, who, to).await?);
    let mut differ = changes::differing(&before.1, &after.1);
    if let Some(name) = name {
        differ.retain(|(before, after)| before.or(*after).is_some_and(|template| template.name.as_str() == name));
    }
    if differ.is_empty() {
        eprintln!("{from} and {to} have the same templates");
    }
    for (old, new) in differ {
        let text = |library: &prompts::Library, template: Option<&prompts::Template>| {
            template.and_then(|template| library.source(template)).unwrap_or_default().to_owned()
        };
        let title = |label: &str, template: Option<&prompts::Template>| match template {
            Some(template) => format!("{label}/{}.yaml", template.name),
            None => "/dev/null".into(),
        };
        println!("--- {}\n+++ {}", title(from, old), title(to, new));
        print!("{}", diffs::unified(&text(&before.0, old), &text(&after.0, new)));
    }
    Ok(())
}

/// A release, with the library it is in: by its version, or as a proposal would make it.
async fn release(app: &App, who: &Caller, what: &str) -> Result<(prompts::Library, prompts::Release)> {
    let found = match what.parse::<ProposalId>() {
        Ok(id) => proposals::as_release(app, who, id).await,
        Err(_) => releases::named(app, who, what).await,
    };
    found.map_err(plain)
}

async fn propose(app: &App, who: &Caller, wanted: &Wanted, into: Option<(ProposalId, u32)>, submit: bool) -> Result<()> {
    let mut proposal = match into {
        None => proposals::begin(app, who, wanted).await,
        Some((id, seen)) => proposals::save(app, who, id, seen, wanted).await,
    }
    .map_err(plain)?;
    if submit {
        proposal = proposals::submit(app, who, proposal.id).await.map_err(plain)?;
    }
    println!("{}", proposal.id);
    eprintln!("release {} · revision {} · {}. {}", proposal.version, proposal.revision, proposal.state.name(), proposal.state.next());
    Ok(())
}

/// Waits for the evals the gate asks for; another process may do them, or this one. Exits with 100 when the gate stays shut.
async fn evaluate(app: &App, who: &Caller, what: &str) -> Result<ExitCode> {
    app.ready().await.map_err(|reason| anyhow::anyhow!(reason))?;
    let proposal = what.parse::<ProposalId>().ok();
    let begun = match proposal {
        Some(id) => evals::ask_for_proposal(app, who, id).await,
        None => evals::ask_for_release(app, who, what).await,
    }
    .map_err(plain)?;
    app.start_workers(Workers { most: 2, what: What::Evals, lease: Duration::from_secs(12) });
    let version = begun.eval.subject.version.clone();
    for eval in std::iter::once(&begun.eval).chain(&begun.baseline).chain(&begun.also) {
        ended(app, who, eval).await?;
    }
    let answers = match proposal {
        Some(id) => gates::of_proposal(app, who, id).await.map(|answer| vec![answer]),
        None => gates::of_release(app, who, &version).await,
    }
    .map_err(plain)?;
    for answer in &answers {
        if answers.len() > 1 {
            println!("{}:", answer.models.environment.key());
        }
        for check in &answer.gate.checks {
            println!("{:<4} {:<13} {}", if check.passed { "ok" } else { "shut" }, check.name, check.detail);
        }
    }
    Ok(ExitCode::from(if answers.iter().all(|answer| answer.gate.is_open()) { 0 } else { 100 }))
}

/// Returns when an eval has ended, and says meanwhile how far it is.
async fn ended(app: &App, who: &Caller, eval: &Eval) -> Result<()> {
    let mut said = u32::MAX;
    loop {
        let now = evals::get(app, who, eval.id).await.map_err(plain)?;
        match now.progress {
            Progress::Running => {}
            Progress::Finished => return Ok(()),
            Progress::Stopped => bail!("the eval of {} was stopped: {}", now.subject.version, now.reason.unwrap_or_default()),
        }
        let Standing { judged, of, .. } = evals::standing(app, who, eval.id).await.map_err(plain)?;
        if judged != said {
            said = judged;
            eprintln!("{}: {judged} of {of} cases judged", now.subject.version);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn export(app: &App, who: &Caller, what: &str, out: &Path) -> Result<()> {
    let files = match what.parse::<ProposalId>() {
        Ok(id) => {
            let whole = proposals::get(app, who, id).await.map_err(plain)?;
            eprintln!("revision {} of {id}; save it again with: propose --into {id} --revision {0}", whole.proposal.revision);
            whole.files
        }
        Err(_) => releases::files(app, who, what).await.map_err(plain)?,
    };
    folders::put(&files, out)
}
