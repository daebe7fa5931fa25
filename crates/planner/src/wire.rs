//! The composition root, read top to bottom: library, release, models, store, app.

use crate::BadInput;
use crate::config::Config;
use crate::config::Credentials;
use anyhow::{Context as _, Result, anyhow, bail};
use app::{App, Desk, Policy, Shelf};
use chrono::TimeDelta;
use domain::roles::Environment;
use domain::tiers::{Tier, Tiers};
use domain::usage::MicroDollars;
use hub::Hub;
use integrations::mail::{self, Mailer};
use integrations::sign_in::{self, Providers};
use integrations::supabase::{self, Verifier};
use llm::{ConfigError, Endpoint, Llm, PriceTable};
use prompts::{Library, Release};
use secrecy::ExposeSecret as _;
use semver::Version;
use std::path::Path;
use std::sync::Arc;
use store::Store;

const TIERS: &str = include_str!("../tiers.default.toml");

/// The template library, or every fault in it; the program does not start half.
pub fn library(config: &Config) -> Result<Library> {
    let dir = (!config.prompts.dir.is_empty()).then(|| Path::new(&config.prompts.dir));
    let loaded = Library::load(dir).map_err(|found| {
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        BadInput(format!("the template library has {}", faults(&lines)))
    })?;
    Ok(loaded)
}

/// How many faults there are, and each in a line of its own.
pub fn faults(lines: &[String]) -> String {
    let how_many = if lines.len() == 1 { "a fault".to_owned() } else { format!("{} faults", lines.len()) };
    format!("{how_many}:\n{}", lines.join("\n"))
}

/// The version `PROMPT_VERSION` says, if it says one.
fn pinned(config: &Config, library: &Library) -> Result<Option<Version>> {
    let wanted = config.prompts.version.as_str();
    (!wanted.is_empty()).then(|| version(library, wanted, "PROMPT_VERSION")).transpose()
}

/// The release of the files that is used as long as nothing was deployed: `PROMPT_VERSION`, else the highest.
pub fn release(config: &Config, library: &Library) -> Result<Release> {
    match config.prompts.version.as_str() {
        "" => Ok(library.latest()),
        version => release_named(library, version, "PROMPT_VERSION"),
    }
}

/// The release of a version that somebody gave by `given`.
pub fn release_named(library: &Library, wanted: &str, given: &str) -> Result<Release> {
    let version = version(library, wanted, given)?;
    match library.release(&version) {
        Some(release) if library.releases().contains(&version) => Ok(release),
        _ => bail!("{given} {version} is not in the library; there are {}", known(library)),
    }
}

fn version(library: &Library, wanted: &str, given: &str) -> Result<Version> {
    let wanted = wanted.trim_start_matches('v');
    Version::parse(wanted).map_err(|_| anyhow!("{given} \"{wanted}\" is not a version such as 1.0.0; there are {}", known(library)))
}

fn known(library: &Library) -> String {
    library.releases().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The environment this process serves.
pub fn environment(config: &Config) -> Result<Environment> {
    let key = config.prompts.environment.as_str();
    Environment::from_key(key).ok_or_else(|| anyhow!("prompts.environment \"{key}\" is not one; there are staging and production"))
}

/// How many jobs this process does at once: a machine's own model has no use for more than a few.
pub fn workers(config: &Config, app: &App) -> app::jobs::Workers {
    let most = match config.jobs.at_once {
        0 if app.drafts_only() => 2,
        0 => 256,
        most => most,
    };
    app::jobs::Workers {
        most,
        what: app::jobs::What::Everything,
        lease: std::time::Duration::from_secs(config.jobs.lease_seconds.max(1).into()),
    }
}

/// Where the database is.
pub fn place(config: &Config) -> store::Settings {
    let place = match &config.keys.database {
        Some(url) => store::Place::Server { url: url.clone(), owner: config.keys.database_owner.clone() },
        None => store::Place::Folder(config.data.dir.clone()),
    };
    let database = &config.database;
    store::Settings {
        connections: database.connections,
        patience: std::time::Duration::from_secs(database.patience_seconds.max(1)),
        statement_timeout: std::time::Duration::from_secs(database.statement_timeout_seconds),
        migrate: database.migrate,
        prepared_statements: database.prepared_statements,
        slow: std::time::Duration::from_millis(database.slow_query_ms),
        ..store::Settings::at(place)
    }
}

/// Opens the database.
pub async fn open(config: &Config) -> Result<Store> {
    Ok(Store::open(place(config)).await?)
}

/// Connects to the database without a look at its tables.
pub async fn connect(config: &Config) -> Result<Store> {
    Ok(Store::connect(&place(config)).await?)
}

/// The app as the configuration describes it.
pub async fn app(config: &Config) -> Result<App> {
    app_over(config, library(config)?, models(config)).await
}

/// The app over a library that is read and models that are described. It serves what is deployed, or is not made.
pub async fn app_over(config: &Config, library: Library, models: llm::Settings) -> Result<App> {
    let app = app_whatever_is_deployed(config, library, models).await?;
    match app.trouble() {
        Some(trouble) => bail!("{trouble}"),
        None => Ok(app),
    }
}

/// The same, though what is deployed cannot be had: to take it back.
pub async fn app_whatever_is_deployed(config: &Config, library: Library, models: llm::Settings) -> Result<App> {
    let pinned = pinned(config, &library)?;
    let shelf = Shelf::new(library, environment(config)?, pinned).map_err(|fault| anyhow!(fault))?;
    let llm = llm(config, models)?;
    let store = open(config).await?;
    let hub = hub(config).await?;
    let desk = desk(config, &store).await?;
    let app = App::new(store, shelf, llm, desk, Arc::new(chrono::Utc::now)).sharing(hub);
    // What is deployed is known before the first request.
    app.look().await.map_err(|error| anyhow!("{error}"))?;
    Ok(app)
}

/// What accounts stand on.
pub async fn desk(config: &Config, store: &Store) -> Result<Desk> {
    let tiers = tiers(config)?;
    let share = config.quality.judge_share;
    if !(0.0..=1.0).contains(&share) {
        bail!("quality.judge_share (in the environment PLANNER__QUALITY__JUDGE_SHARE) is {share}; it must be from 0 to 1");
    }
    store.set_tier_limits(&Tier::ALL.map(|tier| (tier, tiers.of(tier).ventures.most()))).await?;
    let fresh = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let secret = match &config.keys.signing {
        Some(secret) if secret.expose_secret().len() < 32 => bail!("PLANNER_SECRET is shorter than 32 characters"),
        Some(secret) => secret.clone(),
        None => store.secret("signing", &fresh).await?.into(),
    };
    let (public_url, keys) = (public_url(config), &config.keys);
    let outbox = if config.mail.outbox.is_empty() { config.data.dir.join("outbox") } else { config.mail.outbox.clone().into() };
    let mailer = Mailer::new(mail::Settings { smtp: keys.smtp.clone(), from: config.mail.from.clone(), outbox })?;
    let client =
        |given: &Option<Credentials>| given.clone().map(|Credentials { id, secret, url }| sign_in::Client { id, secret, base: url });
    let (google, github) = (client(&keys.google), client(&keys.github));
    let providers = Providers::new(sign_in::Settings { google, github, public_url: public_url.clone() })?;
    let project = keys.supabase_url.as_ref().map(|url| format!("{}/auth/v1", url.trim_end_matches('/')));
    let supabase = Verifier::new(supabase::Settings {
        secret: keys.supabase_secret.clone(),
        jwks_url: project.as_ref().filter(|_| keys.supabase_secret.is_none()).map(|url| format!("{url}/.well-known/jwks.json")),
        issuer: project,
        audience: "authenticated".into(),
    })?;
    Ok(Desk { tiers, policy: policy(config), mailer, providers, supabase, public_url, secret })
}

fn tiers(config: &Config) -> Result<Tiers> {
    let file = &config.accounts.tiers;
    if file.is_empty() {
        return toml::from_str(TIERS).context("the table of tiers compiled in is broken");
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("the table of tiers {file} cannot be read"))?;
    toml::from_str(&text).with_context(|| format!("the table of tiers {file} is not right"))
}

/// Where people reach the program, without a slash at its end.
pub fn public_url(config: &Config) -> String {
    let server = &config.server;
    if server.public_url.is_empty() {
        let host = if server.host == "0.0.0.0" { "localhost" } else { &server.host };
        return format!("http://{host}:{}", server.port);
    }
    server.public_url.trim_end_matches('/').to_owned()
}

fn policy(config: &Config) -> Policy {
    let accounts = &config.accounts;
    let days = |days: u16| TimeDelta::days(days.into());
    #[expect(clippy::cast_possible_truncation, reason = "an amount of dollars, in millionths")]
    let cost = (accounts.free_daily_cost_usd * 1e6).round() as i64;
    Policy {
        free_member_daily_cost: MicroDollars(cost),
        limited_for: TimeDelta::hours(accounts.limited_hours.into()),
        staff_second_factor: config.server.secure,
        session: days(accounts.session_days.max(1)),
        grace: days(accounts.grace_days),
        guests: days(accounts.guest_days.max(1)),
        sign_ins_per_account: accounts.sign_ins_per_account,
        sign_ins_per_address: accounts.sign_ins_per_address,
        mails_per_address: accounts.mails_per_address,
        judge_share: config.quality.judge_share,
    }
}

/// What is shared with replicas: through Redis, where there is one.
async fn hub(config: &Config) -> Result<Hub> {
    let settings = hub::Settings { redis: config.keys.redis.clone(), ..hub::Settings::default() };
    Hub::open(settings).await.context("REDIS_URL is not right")
}

/// How models are reached.
pub fn models(config: &Config) -> llm::Settings {
    let (models, keys) = (&config.models, &config.keys);
    let cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(2));
    let endpoint = |key: &Option<secrecy::SecretString>, url: &Option<String>| Endpoint { key: key.clone(), url: url.clone() };
    let mut settings = llm::Settings {
        fast: models.fast.clone(),
        reasoning: models.reasoning.clone(),
        judge: models.judge.clone(),
        gemini: endpoint(&keys.gemini, &keys.gemini_url),
        openai: endpoint(&keys.openai, &keys.openai_url),
        anthropic: endpoint(&keys.anthropic, &keys.anthropic_url),
        ollama: endpoint(&None, &keys.ollama_url),
        gguf: models.dir.join("smollm2-135m-instruct-q4_1.gguf"),
        embedder: models.dir.join("all-minilm-l6-v2"),
        threads: if models.threads == 0 { cores } else { models.threads },
        ..llm::Settings::default()
    };
    if !models.local.is_empty() {
        settings.gguf = models.local.clone().into();
        settings.gguf_chosen = true;
    }
    settings
}

/// What models charge: the table that was set, else the one compiled in.
pub fn prices(config: &Config) -> Result<PriceTable> {
    let set = &config.models.prices;
    if set.is_empty() {
        return Ok(PriceTable::shipped()?);
    }
    let text = std::fs::read_to_string(set).with_context(|| format!("the price table {set} cannot be read"))?;
    Ok(PriceTable::read(&text)?)
}

fn llm(config: &Config, settings: llm::Settings) -> Result<Llm> {
    let prices = prices(config)?;
    Llm::new(settings, prices, Arc::new(chrono::Utc::now)).map_err(|error| match where_set(&error, config) {
        Some(place) => anyhow!(error).context(format!("{place} cannot be used")),
        None => anyhow!(error),
    })
}

/// The setting a faulty place of a route came from, by both its names.
fn where_set(error: &ConfigError, config: &Config) -> Option<&'static str> {
    let ConfigError::Route(name) = error else { return None };
    let judge = vec![config.models.judge.clone()];
    let routes = [
        (&judge, "models.judge (in the environment PLANNER__MODELS__JUDGE)"),
        (&config.models.fast, "models.fast (in the environment PLANNER__MODELS__FAST)"),
        (&config.models.reasoning, "models.reasoning (in the environment PLANNER__MODELS__REASONING)"),
    ];
    routes.into_iter().find_map(|(route, place)| route.contains(name).then_some(place))
}
