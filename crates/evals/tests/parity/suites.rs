//! What is run: tables of assertions made into a config, and whole configs, each in a folder of its own.

use crate::mock::Mock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A config in a folder of its own.
pub struct Suite {
    pub name: String,
    pub dir: tempfile::TempDir,
}

impl Suite {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), dir: tempfile::tempdir().expect("a folder") }
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("promptfooconfig.yaml")
    }
}

/// A row of a table: an assertion, and outputs it is run on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    assert: Value,
    /// Outputs; a map with `response` is a whole response instead.
    outputs: Vec<Value>,
    #[serde(default)]
    vars: Map<String, Value>,
    /// Whether it is run as written only, and not with `not-`.
    #[serde(default)]
    plain: bool,
}

/// Every suite there is.
pub fn all(mock: &Mock) -> Vec<Suite> {
    let mut suites = Vec::new();
    for table in listed(&crate::here().join("assertions")) {
        suites.push(from_table(&table, mock));
    }
    for folder in listed(&crate::here().join("configs")) {
        suites.push(from_folder(&folder, mock));
    }
    suites
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn from_table(path: &Path, mock: &Mock) -> Suite {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a table");
    let rows: Vec<Row> = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut tests = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for (n, output) in row.outputs.iter().enumerate() {
            let key = format!("{name} {}.{}", at + 1, n + 1);
            mock.answer(&key, output.get("response").cloned().unwrap_or_else(|| json!({"output": output})));
            for negated in [false, true] {
                if negated && row.plain {
                    continue;
                }
                let (mut assert, mut vars) = (row.assert.clone(), row.vars.clone());
                if negated {
                    assert["type"] = format!("not-{}", assert["type"].as_str().expect("a type")).into();
                }
                vars.insert("key".into(), key.as_str().into());
                let words = if negated { " not" } else { "" };
                tests.push(json!({"description": format!("{key}{words}"), "vars": vars, "assert": [assert]}));
            }
        }
    }
    let suite = Suite::new(&name);
    fs::write(suite.dir.path().join("tests.json"), Value::Array(tests).to_string()).expect("written");
    let provider = json!({"id": format!("http://{}/", mock.address), "config": {
        "method": "POST", "headers": {"content-type": "application/json"}, "body": {"prompt": "{{prompt}}"}, "transformResponse": "json"}});
    let config = json!({"prompts": ["{{key}}"], "providers": [provider], "tests": "file://tests.json"});
    // JSON is YAML.
    fs::write(suite.config(), config.to_string()).expect("written");
    suite
}

/// A folder as it is, with the mock's address in the place of `MOCK`.
fn from_folder(path: &Path, mock: &Mock) -> Suite {
    let suite = Suite::new(&path.file_name().expect("a name").to_string_lossy());
    copy(path, suite.dir.path(), mock);
    suite
}

fn copy(from: &Path, to: &Path, mock: &Mock) {
    for path in listed(from) {
        let place = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir_all(&place).expect("made");
            copy(&path, &place, mock);
        } else {
            let text = fs::read_to_string(&path).expect("text").replace("MOCK", &format!("http://{}/", mock.address));
            fs::write(&place, text).expect("written");
        }
    }
}
