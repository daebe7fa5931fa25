//! The only place that reads configuration from outside: compiled-in defaults, then a file, then the environment.

use anyhow::{Result, anyhow, bail};
use config::ConfigError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DEFAULTS: &str = include_str!("../planner.default.toml");

/// Keys that hold a list; in the environment its items stand between commas.
const LISTS: [&str; 2] = ["models.fast", "models.reasoning"];

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where and how to listen.
    pub server: Server,
    /// Who may have how much, and for how long.
    pub accounts: Accounts,
    /// How mail leaves.
    pub mail: Mail,
    /// Where things are kept.
    pub data: Data,
    /// How the database is used.
    pub database: Database,
    /// How much work is done at once.
    pub jobs: Jobs,
    /// Which templates are used.
    pub prompts: Prompts,
    /// Which models are asked.
    pub models: Models,
    /// How quality is watched.
    pub quality: Quality,
    /// Read from the environment, never from a file.
    #[serde(skip)]
    pub keys: Keys,
}

/// Where and how to listen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where to listen.
    pub host: String,
    /// Where to listen.
    pub port: u16,
    /// Whether the outside reaches us over TLS.
    pub secure: bool,
    /// Where people reach the program; empty is where it listens.
    pub public_url: String,
    /// Section generations one address may ask of the functions in an hour.
    pub generations_per_hour: u32,
    /// Plans one address may start in an hour.
    pub plans_per_hour: u32,
    /// Proxies in front, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: usize,
}

/// Who may have how much, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// A table of tiers to use instead of the one compiled in.
    pub tiers: String,
    /// How long somebody stays signed in.
    pub session_days: u16,
    /// After how long a guest is forgotten.
    pub guest_days: u16,
    /// How long a deleted account can be taken back.
    pub grace_days: u16,
    /// What a free member may cost in 24 hours.
    pub free_daily_cost_usd: f64,
    /// How long one is held back who cost more.
    pub limited_hours: u16,
    /// Sign-ins that may fail for one account in an hour.
    pub sign_ins_per_account: u32,
    /// Sign-ins that may fail from one address in an hour.
    pub sign_ins_per_address: u32,
    /// Accounts and mails that one address may ask for in an hour.
    pub mails_per_address: u32,
}

/// How mail leaves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who it comes from.
    pub from: String,
    /// Where it is written without a server; empty is a folder in the data.
    pub outbox: String,
}

/// Where things are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Where the database lives.
    pub dir: PathBuf,
}

/// How the database is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Most connections of one process to a server.
    pub connections: u32,
    /// How long to wait for a connection, a lock or a turn to write.
    pub patience_seconds: u64,
    /// How long one statement may take on a server.
    pub statement_timeout_seconds: u64,
    /// Whether the tables are brought up to date at the start.
    pub migrate: bool,
    /// Whether statements stay prepared.
    pub prepared_statements: bool,
    /// A query that takes longer is logged.
    pub slow_query_ms: u64,
}

/// How much work is done at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Jobs in work at once; 0 chooses by the models.
    pub at_once: usize,
    /// How long a job is a process's that does not renew its lease.
    pub lease_seconds: u32,
}

/// Which templates are used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// Release to use whatever is deployed; empty is what is deployed.
    pub version: String,
    /// The environment that is served.
    pub environment: String,
    /// An extra directory of templates; empty is none.
    pub dir: String,
}

/// Which models are asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Route of the class `fast`, as `provider:model`.
    pub fast: Vec<String>,
    /// Route of the class `reasoning`.
    pub reasoning: Vec<String>,
    /// Model that grades what others wrote, as `provider:model`; empty is none.
    pub judge: String,
    /// Where the embedded models are.
    pub dir: PathBuf,
    /// A GGUF file to use instead of the small embedded one.
    pub local: String,
    /// Threads of the embedded model; 0 is one per core.
    pub threads: u32,
    /// A price table to use instead of the one compiled in.
    pub prices: String,
}

/// How quality is watched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Share of what is made that the judge model scores, 0 to 1.
    pub judge_share: f64,
}

/// Credentials and addresses of providers.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Gemini's key.
    pub gemini: Option<SecretString>,
    /// `OpenAI`'s key.
    pub openai: Option<SecretString>,
    /// Anthropic's key.
    pub anthropic: Option<SecretString>,
    /// Gemini's address, where it is another.
    pub gemini_url: Option<String>,
    /// The address of whatever speaks `OpenAI`'s dialect.
    pub openai_url: Option<String>,
    /// Anthropic's address, where it is another.
    pub anthropic_url: Option<String>,
    /// Ollama's address.
    pub ollama_url: Option<String>,
    /// The database server's address; it has a password in it.
    pub database: Option<SecretString>,
    /// The same for the user who owns the tables.
    pub database_owner: Option<SecretString>,
    /// Redis's address.
    pub redis: Option<SecretString>,
    /// The mail server's address; it has a password in it.
    pub smtp: Option<SecretString>,
    /// What cookies and forms are signed with; without it the database keeps one.
    pub signing: Option<SecretString>,
    /// Signing in with Google: id and secret.
    pub google: Option<Credentials>,
    /// Signing in with GitHub: id and secret.
    pub github: Option<Credentials>,
    /// What a Supabase project signs its tokens with (HS256).
    pub supabase_secret: Option<SecretString>,
    /// A Supabase project's address, whose published keys its tokens are signed with.
    pub supabase_url: Option<String>,
}

impl Keys {
    /// The values themselves, for whoever has to keep them out of what is written.
    pub fn known(&self) -> Vec<String> {
        let clients = [&self.google, &self.github].map(|client| client.as_ref().map(|credentials| &credentials.secret));
        let own = [&self.gemini, &self.openai, &self.anthropic, &self.database, &self.database_owner, &self.redis, &self.smtp];
        let own = own.into_iter().chain([&self.signing, &self.supabase_secret]).map(Option::as_ref);
        own.chain(clients).flatten().map(|secret| secret.expose_secret().to_owned()).collect()
    }
}

/// How a provider knows us.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Our id there.
    pub id: String,
    /// What proves that it is us.
    pub secret: SecretString,
    /// The provider's address, where it is another.
    pub url: Option<String>,
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

/// Everything in the environment that is text; a file of lines `NAME=value` counts for more.
pub fn variables(file: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let mut all: BTreeMap<String, String> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let Some(path) = file else { return Ok(all) };
    let text =
        std::fs::read_to_string(path).map_err(|error| anyhow!("the file of variables {} cannot be read ({error})", path.display()))?;
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let pair = line.trim().strip_prefix("export ").unwrap_or(line.trim()).split_once('=');
        let Some((name, value)) = pair.filter(|(name, _)| !name.trim().is_empty()) else {
            bail!("{}:{}: is not NAME=value", path.display(), at + 1);
        };
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        all.insert(name.trim().to_owned(), quoted.unwrap_or(value).to_owned());
    }
    Ok(all)
}

impl Config {
    /// What is compiled in and nothing from outside.
    pub fn defaults() -> Result<Self> {
        let builder = config::Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        builder.build().and_then(config::Config::try_deserialize).map_err(traced)
    }

    /// Reads all three layers; a file that was named must exist.
    pub fn read(file: Option<&Path>) -> Result<Self> {
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
        config.environment(&|name| std::env::var(name).ok());
        Ok(config)
    }

    /// The same with the short names people know taken from `env` where it has them, as a file of variables sets them.
    #[must_use]
    pub fn over(mut self, env: &BTreeMap<String, String>) -> Self {
        self.environment(&|name| env.get(name).cloned());
        self
    }

    /// The short names people know.
    fn environment(&mut self, look: &dyn Fn(&str) -> Option<String>) {
        let text = |name: &str| look(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let secret = |name: &str| text(name).map(SecretString::from);
        let credentials = |name: &str| {
            let (id, secret) = (text(&format!("{name}_CLIENT_ID"))?, secret(&format!("{name}_CLIENT_SECRET"))?);
            Some(Credentials { id, secret, url: text(&format!("{name}_URL")) })
        };
        if let Some(version) = text("PROMPT_VERSION") {
            self.prompts.version = version;
        }
        if let Some(environment) = text("PLANNER_ENVIRONMENT") {
            self.prompts.environment = environment;
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
            smtp: secret("SMTP_URL"),
            signing: secret("PLANNER_SECRET"),
            google: credentials("GOOGLE"),
            github: credentials("GITHUB"),
            supabase_secret: secret("SUPABASE_JWT_SECRET"),
            supabase_url: text("SUPABASE_URL"),
        };
    }
}
