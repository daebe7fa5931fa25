//! A config file as a whole: read, checked, every fault named; its tests come one by one, so that a suite may be larger than memory.

mod files;
pub(crate) mod names;
mod parts;
mod prompts;
mod reading;
mod references;
mod shorthand;
mod streams;
mod suite;
#[cfg(test)]
mod tests;

use crate::cases::TestCase;
use crate::faults::{Source, parse, read_text};
use ::prompts::FileFault;
use names::Names;
use parts::{derived, evaluate, object};
use reading::short;
use references::{Context, Templates};
use serde_json::{Map, Value};
use std::path::Path;
use suite::{KEPT, Scenario, Tests};

const KEYS: [&str; 18] = [
    "$schema",
    "description",
    "tags",
    "prompts",
    "providers",
    "targets",
    "tests",
    "defaultTest",
    "scenarios",
    "outputPath",
    "evaluateOptions",
    "commandLineOptions",
    "env",
    "assertionTemplates",
    "derivedMetrics",
    "sharing",
    "writeLatestResults",
    "metadata",
];
const REFUSED: [&str; 2] = ["extensions", "nunjucksFilters"];

/// An eval, as its config file describes it.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it is about.
    pub description: Option<String>,
    /// The prompts, in order.
    pub prompts: Vec<Prompt>,
    /// Who answers them, in order.
    pub providers: Vec<Provider>,
    /// How it is run, where the caller does not say otherwise.
    pub evaluate: EvaluateOptions,
    /// Metrics computed from others, in order.
    pub derived_metrics: Vec<DerivedMetric>,
    /// What templates see as `env`.
    pub env: Map<String, Value>,
    /// The config's own metadata, such as a gate.
    pub metadata: Map<String, Value>,
    /// The whole config as the file wrote it, for result files.
    pub raw: Value,
    /// Tests in the suite before array variables are expanded.
    pub tests: usize,
    default_test: TestCase,
    sources: Vec<Tests>,
    scenarios: Vec<Scenario>,
    context: Context,
    /// How many bytes of files of rows may still be kept.
    to_keep: u64,
}

/// A prompt: its template and what it is called in results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is called; what it reads when it has no name.
    pub label: String,
    /// The template: text, or JSON of a chat.
    pub raw: String,
}

/// Who answers prompts. This room does not interpret it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provider {
    /// Such as `planner:swot@v1.0.0`, `google:gemini-2.5-flash`, `echo`.
    pub id: String,
    /// What it is called in results.
    pub label: String,
    /// Its settings.
    pub config: Value,
    /// The labels of the prompts it answers; all when empty.
    pub prompts: Vec<String>,
    /// JavaScript that makes the output out of what it answered.
    pub transform: Option<String>,
    /// Milliseconds to wait before each call.
    pub delay_ms: u64,
    /// Its environment.
    pub env: Value,
}

/// How an eval is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvaluateOptions {
    /// Calls at a time.
    pub max_concurrency: Option<usize>,
    /// How often each test runs.
    pub repeat: Option<usize>,
    /// Milliseconds to wait before each call.
    pub delay_ms: Option<u64>,
    /// Milliseconds a call may take.
    pub timeout_ms: Option<u64>,
    /// Milliseconds the whole run may take.
    pub max_eval_time_ms: Option<u64>,
}

/// A metric that is computed from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedMetric {
    /// Its name.
    pub name: String,
    /// An expression over the names of metrics; `__count` is the number of tests.
    pub value: String,
}

impl Config {
    /// Reads a config and every file it names, or says everything that is wrong with them.
    pub fn read(path: &Path) -> Result<Self, Vec<FileFault>> {
        Self::read_changed(path, |_| {})
    }

    /// The same, with the keys of the file changed before they are understood, as a command line does.
    pub fn read_changed(path: &Path, change: impl FnOnce(&mut Map<String, Value>)) -> Result<Self, Vec<FileFault>> {
        let text = read_text(path).map_err(|f| vec![f])?;
        let mut value = parse(path, &text).map_err(|f| vec![f])?;
        if let Value::Object(map) = &mut value {
            change(map);
        }
        Self::understand(path, text, &value)
    }

    /// A config that stands in no file. Relative paths in it start from the folder of `path`, whose name stands in faults.
    pub fn of(path: &Path, value: &Value) -> Result<Self, Vec<FileFault>> {
        Self::understand(path, String::new(), value)
    }

    fn understand(path: &Path, text: String, value: &Value) -> Result<Self, Vec<FileFault>> {
        let mut faults = Vec::new();
        let mut source = Source::new(path, text, &mut faults);
        let Value::Object(map) = value else {
            source.fault("", format!("is not a config: a map with prompts, providers and tests, not {}", short(value)));
            return Err(faults);
        };
        source.check_keys("a config", map, &KEYS, &REFUSED);
        let templates = Templates(object(&mut source, map, "assertionTemplates"));
        for (needle, message) in templates.faults() {
            source.fault(&needle, message);
        }
        let mut config = Self {
            description: map.get("description").and_then(Value::as_str).map(str::to_owned),
            prompts: map.get("prompts").map(|p| prompts::prompts(&mut source, p)).unwrap_or_default(),
            providers: map.get("providers").or_else(|| map.get("targets")).map(|p| prompts::providers(&mut source, p)).unwrap_or_default(),
            evaluate: evaluate(&mut source, map),
            derived_metrics: derived(&mut source, map),
            env: object(&mut source, map, "env"),
            metadata: object(&mut source, map, "metadata"),
            raw: value.clone(),
            tests: 0,
            default_test: TestCase::default(),
            sources: Vec::new(),
            scenarios: Vec::new(),
            context: Context::default(),
            to_keep: KEPT,
        };
        if config.prompts.is_empty() {
            source.fault("prompts", "has no prompts; add at least one, '{{prompt}}' if the tests hold whole prompts");
        }
        if config.providers.is_empty() {
            source.fault("providers", "has no providers; add at least one, 'echo' to see the prompts themselves");
        }
        for (needle, message) in config.unanswered() {
            source.fault(&needle, message);
        }
        config.context = Context { templates, names: Names::of(&config.providers, &config.prompts) };
        config.read_tests(source, map);
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// Names of prompts under a provider that mean none.
    fn unanswered(&self) -> Vec<(String, String)> {
        let asked = self.providers.iter().flat_map(|provider| provider.prompts.iter().map(move |name| (provider, name)));
        let nothing = |name: &String| !self.prompts.iter().any(|p| names::mean_prompt(std::slice::from_ref(name), &p.label, &p.raw));
        let known = self.prompts.iter().map(|p| p.label.as_str()).collect::<Vec<_>>().join(", ");
        asked
            .filter(|(_, name)| nothing(name))
            .map(|(provider, name)| {
                (name.clone(), format!("prompt \"{name}\" of provider \"{}\" is none of the config's; there are {known}", provider.label))
            })
            .collect()
    }
}

/// Assertions out of a list in a config's form, for tests of this room.
#[cfg(test)]
pub(crate) fn assertions_of(list: &Value) -> Vec<crate::cases::Assert> {
    let mut faults = Vec::new();
    let source = Source::new(Path::new("test.yaml"), String::new(), &mut faults);
    let context = Context::default();
    let test = reading::Reading { source, context: &context, dir: Path::new(".") }.test(&serde_json::json!({"assert": list}));
    assert!(faults.is_empty(), "{faults:?}");
    test.asserts
}
