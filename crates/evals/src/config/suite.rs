//! The tests of a config: where they come from, and the cases they make, one by one.

use super::parts::{referenced, scenarios, test_items, test_list};
use super::reading::{Reading, short};
use super::{Config, files, streams};
use crate::cases::{Case, TestCase};
use crate::faults::Source;
use crate::script::{Code, Limits, Script};
use ::prompts::FileFault;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is kept of files of rows once they are read: so many bytes of all of them together, and so many rows of each. Larger ones are read
/// again each time, and never held.
pub(super) const KEPT: u64 = 512 << 10;
pub(super) const KEPT_ROWS: usize = 4096;

/// Faults of rows that are named before reading a stream gives up.
pub(super) const FAULTS_NAMED: usize = 50;

/// Where tests come from.
#[derive(Debug, Clone)]
pub(super) enum Tests {
    List(Arc<[TestCase]>),
    Stream(PathBuf),
}

/// Tests that run with each of several others' values.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub config: Vec<TestCase>,
    pub tests: Vec<TestCase>,
}

impl Config {
    pub(super) fn read_tests(&mut self, source: Source<'_>, map: &Map<String, Value>) {
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
