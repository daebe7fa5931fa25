//! A config file as a whole: read, checked, every fault named; its tests come one by one, so that a suite may be larger than memory.

mod files;
pub(crate) mod names;
mod parts;
mod prompts;
mod reading;
mod references;
mod shorthand;
mod streams;
#[cfg(test)]
mod tests;

use crate::cases::{Case, TestCase};
use crate::faults::{Source, parse, read_text};
use crate::script::{Code, Limits, Script};
use ::prompts::FileFault;
use names::Names;
use parts::{derived, evaluate, object, referenced, scenarios, test_items, test_list};
use reading::{Reading, short};
use references::{Context, Templates};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// What is kept of files of rows once they are read: so many bytes of all of them together, and so many rows of each. Larger ones are read
/// again each time, and never held.
const KEPT: u64 = 512 << 10;
const KEPT_ROWS: usize = 4096;

/// Faults of rows that are named before reading a stream gives up.
const FAULTS_NAMED: usize = 50;

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

#[derive(Debug, Clone)]
enum Tests {
    List(Arc<[TestCase]>),
    Stream(PathBuf),
}

#[derive(Debug, Clone)]
struct Scenario {
    config: Vec<TestCase>,
    tests: Vec<TestCase>,
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

    fn read_tests(&mut self, source: Source<'_>, map: &Map<String, Value>) {
        let dir = source.dir();
        let context = self.context.clone();
        let mut reading = Reading { source, context: &context, dir: &dir };
        if let Some(default) = map.get("defaultTest") {
            let read = |reading: &mut Reading<'_, '_>, value: &Value| reading.test(value);
            self.default_test = referenced(&mut reading, default, read);
        }
        match map.get("tests") {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                let mut inline = Vec::new();
                test_items(&mut reading, "tests", items, |reading, item| {
                    if let Value::String(path) = item {
                        self.sources.push(Tests::List(std::mem::take(&mut inline).into()));
                        self.read_test_files(reading, path);
                    } else {
                        inline.push(reading.test(item));
                    }
                });
                self.sources.push(Tests::List(inline.into()));
            }
            Some(Value::String(path)) => self.read_test_files(&mut reading, path),
            Some(other) => reading.source.fault("tests:", format!("tests are a list, or a file's name, not {}", short(other))),
        }
        self.scenarios = scenarios(&mut reading, map);
        self.tests += self.sources.iter().map(|s| if let Tests::List(list) = s { list.len() } else { 0 }).sum::<usize>();
        self.tests += self.scenarios.iter().map(|s| s.config.len() * s.tests.len()).sum::<usize>();
    }

    /// Tests in other files: lists and short streams are read, long ones are looked through row by row and counted.
    fn read_test_files(&mut self, reading: &mut Reading<'_, '_>, name: &str) {
        if name.starts_with("http") || name.starts_with("huggingface:") {
            return reading.source.fault(name, format!("tests from {name} are not supported; save them as a CSV file"));
        }
        let found = match files::find(reading.dir, files::reference(name).unwrap_or(name), &reading.source.file) {
            Ok(found) => found,
            Err(fault) => return reading.source.fault(name, fault.message),
        };
        for path in found {
            match files::ending(&path).as_str() {
                "csv" | "jsonl" => {
                    let (source, faults) = self.look_through(path);
                    reading.source.extend(faults);
                    self.sources.push(source);
                }
                "yaml" | "yml" | "json" => {
                    let (list, faults) = test_list(&path, &self.context);
                    reading.source.extend(faults);
                    self.sources.push(Tests::List(list.into()));
                }
                _ => reading.source.fault(name, format!("{} is neither YAML, JSON, JSONL nor CSV", path.display())),
            }
        }
    }

    fn look_through(&mut self, path: PathBuf) -> (Tests, Vec<FileFault>) {
        let mut faults = Vec::new();
        let mut kept = self.may_keep(&path).then(Vec::new);
        for row in streams::read(&path, &self.context) {
            if let Some(many) = kept.take_if(|kept| kept.len() >= KEPT_ROWS) {
                self.tests += many.len();
            }
            match (row, &mut kept) {
                (Ok(test), Some(kept)) => kept.push(test),
                (Ok(_), None) => self.tests += 1,
                (Err(more), _) => faults.extend(more),
            }
            if faults.len() >= FAULTS_NAMED {
                faults.push(crate::faults::fault(&path, None, format!("has more faults; the first {FAULTS_NAMED} are named")));
                break;
            }
        }
        (kept.map_or(Tests::Stream(path), |kept| Tests::List(kept.into())), faults)
    }

    /// Whether a file of rows is small enough to be kept, and its rows are no larger than they look: what they refer to would be with them.
    fn may_keep(&mut self, path: &Path) -> bool {
        let size = path.metadata().ok().filter(std::fs::Metadata::is_file).map_or(u64::MAX, |file| file.len());
        let refers = |text: String| text.contains("file://") || text.contains("$ref");
        let keeps = size <= self.to_keep && std::fs::read_to_string(path).is_ok_and(|text| !refers(text));
        self.to_keep -= if keeps { size } else { 0 };
        keeps
    }

    /// Every case of the suite, in order, merged with the defaults and with array variables expanded.
    pub fn cases(&self) -> impl Iterator<Item = Result<Case, Vec<FileFault>>> + Send + '_ {
        let listed = self.sources.iter().flat_map(|source| -> Box<dyn Iterator<Item = streams::Row> + Send + '_> {
            match source {
                Tests::List(list) => Box::new(list.iter().cloned().map(Ok)),
                Tests::Stream(path) => streams::read(path, &self.context),
            }
        });
        let crossed = self.scenarios.iter().flat_map(|scenario| {
            scenario.config.iter().flat_map(move |config| scenario.tests.iter().map(move |test| Ok(test.merged(config))))
        });
        // A config without tests asks each prompt once.
        let bare = (self.sources.is_empty() && self.scenarios.is_empty()).then(|| Ok(TestCase::default()));
        let mut index = 0;
        let rows = listed.chain(crossed).chain(bare).flat_map(|test| -> Box<dyn Iterator<Item = Result<Case, Vec<FileFault>>> + Send> {
            match test {
                Ok(test) => Box::new(expanded(&test.over(&self.default_test)).map(Ok)),
                Err(faults) => Box::new(std::iter::once(Err(faults))),
            }
        });
        rows.map(move |row| {
            let case = Case { index, ..row? };
            index += 1;
            Ok(case)
        })
    }
}

/// The cases of a test, each made when it is asked for: together they may be larger than memory.
fn expanded(test: &TestCase) -> impl Iterator<Item = Case> + Send + use<> {
    let (test, mut broken) = transformed(test.clone());
    let count = test.combinations().unwrap_or_else(|why| {
        broken = Some(why);
        1
    });
    (0..count).map(move |number| {
        let vars = test.combination(number);
        Case { index: 0, test: TestCase { vars, ..test.clone() }, broken: broken.clone() }
    })
}

/// The test with what its `transformVars` makes of its variables, or why it makes nothing.
fn transformed(mut test: TestCase) -> (TestCase, Option<String>) {
    let Some(code) = &test.options.transform_vars else { return (test, None) };
    let context = serde_json::json!({"prompt": {}, "uuid": uuid::Uuid::new_v4()});
    let (code, first) = (Code::Transform(code.clone()), Value::Object(test.vars.clone()));
    match (Script { code, name: "vars", first, context, limits: Limits::default() }).run_here() {
        Ok(Value::Object(made)) => {
            test.vars.extend(made);
            (test, None)
        }
        Ok(other) => (test, Some(format!("transformVars: it returned {}, not a map of variables", short(&other)))),
        Err(why) => (test, Some(format!("transformVars: {why}"))),
    }
}

/// Assertions out of a list in a config's form, for tests of this room.
#[cfg(test)]
pub(crate) fn assertions_of(list: &Value) -> Vec<crate::cases::Assert> {
    let mut faults = Vec::new();
    let source = Source::new(Path::new("test.yaml"), String::new(), &mut faults);
    let context = Context::default();
    let test = Reading { source, context: &context, dir: Path::new(".") }.test(&serde_json::json!({"assert": list}));
    assert!(faults.is_empty(), "{faults:?}");
    test.asserts
}
