//! The composition root, read top to bottom: library, release, models, store, app.

use crate::BadInput;
use crate::config::Config;
use anyhow::{Context as _, Result, anyhow, bail};
use app::App;
use hub::Hub;
use llm::{ConfigError, Endpoint, Llm, PriceTable};
use prompts::{Library, Release};
use semver::Version;
use std::path::Path;
use std::sync::Arc;
use store::Store;

/// The template library, or every fault in it; the program does not start half.
pub fn library(config: &Config) -> Result<Library> {
    let dir = (!config.prompts.dir.is_empty()).then(|| Path::new(&config.prompts.dir));
    let loaded = Library::load(dir).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        BadInput(format!("the template library has {} faults:\n{}", lines.len(), lines.join("\n")))
    })?;
    Ok(loaded)
}

/// The release the environment points at: `PROMPT_VERSION`, else the highest.
pub fn release(config: &Config, library: &Library) -> Result<Release> {
    let wanted = config.prompts.version.trim_start_matches('v');
    if wanted.is_empty() {
        return Ok(library.latest());
    }
    let known = || library.releases().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let version =
        Version::parse(wanted).map_err(|_| anyhow!("PROMPT_VERSION \"{wanted}\" is not a version such as 1.0.0; there are {}", known()))?;
    match library.release(&version) {
        Some(release) if library.releases().contains(&version) => Ok(release),
        _ => bail!("PROMPT_VERSION {version} is not in the library; there are {}", known()),
    }
}

/// How many jobs this process does at once: a machine's own model has no use for more than a few.
pub fn workers(config: &Config, app: &App) -> app::jobs::Workers {
    let most = match config.jobs.at_once {
        0 if app.drafts_only() => 2,
        0 => 256,
        most => most,
    };
    app::jobs::Workers { most, only: None, lease: std::time::Duration::from_secs(config.jobs.lease_seconds.max(1).into()) }
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

/// The app over a library that is read and models that are described.
pub async fn app_over(config: &Config, library: Library, models: llm::Settings) -> Result<App> {
    let release = release(config, &library)?;
    let llm = llm(config, models)?;
    let store = open(config).await?;
    let hub = hub(config).await?;
    Ok(App::new(store, Arc::new(library), release, llm, Arc::new(chrono::Utc::now)).sharing(hub))
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

fn llm(config: &Config, settings: llm::Settings) -> Result<Llm> {
    let models = &config.models;
    let prices = if models.prices.is_empty() {
        PriceTable::shipped()?
    } else {
        let text = std::fs::read_to_string(&models.prices).with_context(|| format!("the price table {} cannot be read", models.prices))?;
        PriceTable::read(&text)?
    };
    Llm::new(settings, prices, Arc::new(chrono::Utc::now)).map_err(|error| match where_set(&error, config) {
        Some(place) => anyhow!(error).context(format!("{place} cannot be used")),
        None => anyhow!(error),
    })
}

/// The setting a faulty place of a route came from, by both its names.
fn where_set(error: &ConfigError, config: &Config) -> Option<&'static str> {
    let ConfigError::Route(name) = error else { return None };
    let routes = [
        (&config.models.fast, "models.fast (in the environment PLANNER__MODELS__FAST)"),
        (&config.models.reasoning, "models.reasoning (in the environment PLANNER__MODELS__REASONING)"),
    ];
    routes.into_iter().find_map(|(route, place)| route.contains(name).then_some(place))
}
