//! The only place that reads configuration from outside: compiled-in defaults, then a file, then the environment.

use anyhow::{Result, anyhow, bail};
use config::ConfigError;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const DEFAULTS: &str = include_str!("../planner.default.toml");

/// Keys that hold a list; in the environment its items stand between commas.
const LISTS: [&str; 2] = ["models.fast", "models.reasoning"];

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: Data,
    pub(crate) database: Database,
    pub(crate) jobs: Jobs,
    pub(crate) prompts: Prompts,
    pub(crate) models: Models,
    /// Read from the environment, never from a file.
    #[serde(skip)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) secure: bool,
    pub(crate) generations_per_hour: u32,
    pub(crate) plans_per_hour: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) connections: u32,
    pub(crate) statement_timeout_seconds: u64,
    pub(crate) migrate: bool,
    pub(crate) prepared_statements: bool,
    pub(crate) slow_query_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jobs {
    pub(crate) at_once: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompts {
    pub(crate) version: String,
    pub(crate) dir: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Models {
    pub(crate) fast: Vec<String>,
    pub(crate) reasoning: Vec<String>,
    pub(crate) dir: PathBuf,
    pub(crate) local: String,
    pub(crate) threads: u32,
    pub(crate) prices: String,
}

/// Credentials and addresses of providers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) gemini: Option<SecretString>,
    pub(crate) openai: Option<SecretString>,
    pub(crate) anthropic: Option<SecretString>,
    pub(crate) gemini_url: Option<String>,
    pub(crate) openai_url: Option<String>,
    pub(crate) anthropic_url: Option<String>,
    pub(crate) ollama_url: Option<String>,
    pub(crate) database: Option<SecretString>,
    pub(crate) database_owner: Option<SecretString>,
    pub(crate) redis: Option<SecretString>,
}

/// The error, with the variable it came from where it came from one.
fn traced(error: ConfigError) -> anyhow::Error {
    let key = match &error {
        ConfigError::Type { key: Some(key), .. } | ConfigError::At { key: Some(key), .. } => Some(key),
        _ => None,
    };
    let variable = key.map(|key| format!("PLANNER__{}", key.replace('.', "__").to_uppercase()));
    match variable.filter(|name| std::env::var_os(name).is_some()) {
        Some(variable) => anyhow!(error).context(format!("{variable} cannot be used")),
        None => anyhow!(error).context("the configuration cannot be read"),
    }
}

impl Config {
    /// Reads all three layers; a file that was named must exist.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self> {
        let mut builder = config::Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        let named = file.map(Path::to_owned);
        if let Some(path) = named.as_ref().filter(|path| !path.exists()) {
            bail!("the configuration file {} does not exist", path.display());
        }
        let path = named.unwrap_or_else(|| PathBuf::from("planner.toml"));
        builder = builder.add_source(config::File::from(path.as_path()).format(config::FileFormat::Toml).required(false));
        let mut environment = config::Environment::with_prefix("PLANNER").prefix_separator("__").separator("__").try_parsing(true);
        environment = environment.list_separator(",");
        for list in LISTS {
            environment = environment.with_list_parse_key(list);
        }
        builder = builder.add_source(environment);
        let mut config: Self = builder.build().and_then(config::Config::try_deserialize).map_err(traced)?;
        for route in [&mut config.models.fast, &mut config.models.reasoning] {
            *route = route.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        }
        config.environment();
        Ok(config)
    }

    /// The short names people know.
    fn environment(&mut self) {
        let text = |name: &str| std::env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let secret = |name: &str| text(name).map(SecretString::from);
        if let Some(version) = text("PROMPT_VERSION") {
            self.prompts.version = version;
        }
        if let Some(dir) = text("PLANNER_PROMPTS") {
            self.prompts.dir = dir;
        }
        if let Some(dir) = text("PLANNER_MODELS") {
            self.models.dir = dir.into();
        }
        if let Some(file) = text("LOCAL_MODEL") {
            self.models.local = file;
        }
        if let Some(dir) = text("PLANNER_DATA") {
            self.data.dir = dir.into();
        }
        self.keys = Keys {
            gemini: secret("GEMINI_API_KEY"),
            openai: secret("OPENAI_API_KEY"),
            anthropic: secret("ANTHROPIC_API_KEY"),
            gemini_url: text("GEMINI_BASE_URL"),
            openai_url: text("OPENAI_BASE_URL"),
            anthropic_url: text("ANTHROPIC_BASE_URL"),
            ollama_url: text("OLLAMA_BASE_URL"),
            database: secret("DATABASE_URL"),
            database_owner: secret("DATABASE_OWNER_URL"),
            redis: secret("REDIS_URL"),
        };
    }
}
