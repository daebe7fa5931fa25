//! Tests and assertions out of a file's values; everything wrong is named, and reading goes on.

use super::files;
use super::references::Context;
use crate::cases::{Assert, AssertSet, Assertion, MeteorWeights, TestCase, TestOptions};
use crate::faults::{Source, parse, read_text, yaml};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

const TEST: [&str; 13] = [
    "description",
    "vars",
    "provider",
    "providers",
    "prompts",
    "assert",
    "threshold",
    "metadata",
    "options",
    "id",
    "tags",
    "$schema",
    "providerOutput",
];
const TEST_REFUSED: [&str; 2] = ["assertScoringFunction", "providerOutput"];
const OPTIONS: [&str; 10] = [
    "transform",
    "postprocess",
    "transformVars",
    "prefix",
    "suffix",
    "provider",
    "rubricPrompt",
    "disableVarExpansion",
    "disableDefaultAsserts",
    "disableConversationVar",
];
const OPTIONS_REFUSED: [&str; 2] = ["storeOutputAs", "runSerially"];
const ASSERTION: [&str; 10] =
    ["type", "value", "threshold", "weight", "metric", "transform", "provider", "rubricPrompt", "config", "description"];
/// What `meteor` has besides, see [`MeteorWeights`].
const METEOR: [&str; 3] = ["alpha", "beta", "gamma"];
const ASSERTION_REFUSED: [&str; 1] = ["contextTransform"];
const SET: [&str; 6] = ["type", "assert", "threshold", "weight", "metric", "config"];

/// Reads tests of one file.
pub(crate) struct Reading<'a, 'f> {
    /// The file.
    pub source: Source<'f>,
    /// What tests may refer to.
    pub context: &'a Context,
    /// Where `file://` references start.
    pub dir: &'a Path,
}

impl Reading<'_, '_> {
    /// A test, as far as it can be understood.
    pub fn test(&mut self, value: &Value) -> TestCase {
        let Value::Object(map) = value else {
            self.source.fault("", format!("a test is a map of keys such as vars and assert, not {}", short(value)));
            return TestCase::default();
        };
        self.source.check_keys("a test", map, &TEST, &TEST_REFUSED);
        let (providers, prompts) = self.named(map);
        TestCase {
            description: self.text(map, "description"),
            vars: self.vars(map.get("vars")),
            providers,
            prompts,
            asserts: map.get("assert").map(|a| self.asserts(a)).unwrap_or_default(),
            threshold: self.number(map, "threshold"),
            metadata: self.map(map, "metadata"),
            options: {
                let options = self.map(map, "options");
                self.options(&options)
            },
        }
    }

    /// The providers and prompts a test restricts itself to; names of nobody are faults.
    fn named(&mut self, map: &Map<String, Value>) -> (Vec<String>, Vec<String>) {
        let (mut providers, prompts) = (self.names(map, "providers"), self.names(map, "prompts"));
        providers.extend(self.names(map, "provider"));
        for (needle, message) in self.context.names.faults(&providers, &prompts) {
            self.source.fault(&needle, format!("a test names what is not there: {message}"));
        }
        (providers, prompts)
    }

    /// The names under a key: one, or a list; of a map, its id.
    fn names(&mut self, map: &Map<String, Value>, key: &str) -> Vec<String> {
        let name = |value: &Value| match value {
            Value::Object(map) if map.len() == 1 => map.get("id").and_then(Value::as_str).map(str::to_owned),
            other => other.as_str().map(str::to_owned),
        };
        let items = match map.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) if !items.is_empty() => items.as_slice(),
            Some(Value::Array(_)) => &[Value::Null],
            Some(one) => std::slice::from_ref(one),
        };
        let found: Option<Vec<String>> = items.iter().map(name).collect();
        found.unwrap_or_else(|| {
            let given = short(map.get(key).unwrap_or(&Value::Null));
            self.source.fault(&format!("{key}:"), format!("\"{key}\" of a test are names of the config's {key}, not {given}"));
            Vec::new()
        })
    }

    /// Code that stands in the file itself.
    fn code(&mut self, map: &Map<String, Value>, key: &str) -> Option<String> {
        let code = self.text(map, key)?;
        if files::reference(&code).is_some() {
            self.source.fault(&code, format!("\"{key}\" in a file of its own ({code}) is not supported; write the JavaScript here"));
            return None;
        }
        Some(code)
    }

    /// The judge's prompt: a text or a chat, or the file that holds it.
    fn rubric_prompt(&mut self, map: &Map<String, Value>) -> Value {
        let given = map.get("rubricPrompt").cloned().unwrap_or_default();
        match self.value("rubricPrompt", given.clone()) {
            (_, Some(_)) => {
                self.source.fault("rubricPrompt:", format!("{} is a program; a judge's prompt is a text or a chat", short(&given)));
                Value::Null
            }
            (prompt @ (Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_)), None) => prompt,
            (other, None) => {
                self.source.fault("rubricPrompt:", format!("\"rubricPrompt\" is a text or a chat, not {}", short(&other)));
                Value::Null
            }
        }
    }

    fn vars(&mut self, value: Option<&Value>) -> Map<String, Value> {
        let mut vars = match value {
            None | Some(Value::Null) => return Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(Value::String(text)) if files::reference(text).is_some() => match self.load(text) {
                Value::Object(map) => map,
                _ => return Map::new(),
            },
            Some(other) => {
                self.source.fault("vars:", format!("vars are a map of names, not {}", short(other)));
                return Map::new();
            }
        };
        for value in vars.values_mut() {
            self.resolve(value);
        }
        vars
    }

    /// Puts the file's content in the place of a `file://` reference, also inside a list.
    fn resolve(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if files::reference(text).is_some() => *value = self.load(&text.clone()),
            Value::Array(items) => items.iter_mut().for_each(|item| self.resolve(item)),
            _ => {}
        }
    }

    fn load(&mut self, text: &str) -> Value {
        let path = files::reference(text).unwrap_or(text);
        files::variable(self.dir, path, &self.source.file.clone()).unwrap_or_else(|fault| {
            let here = fault.file == self.source.file.display().to_string();
            if here {
                self.source.fault(text, fault.message);
            } else {
                self.source.extend(vec![fault]);
            }
            Value::Null
        })
    }

    fn options(&mut self, map: &Map<String, Value>) -> TestOptions {
        self.source.check_keys("a test's options", map, &OPTIONS, &OPTIONS_REFUSED);
        TestOptions {
            transform: self.code(map, "transform").or_else(|| self.code(map, "postprocess")),
            transform_vars: self.code(map, "transformVars"),
            prefix: self.text(map, "prefix").unwrap_or_default(),
            suffix: self.text(map, "suffix").unwrap_or_default(),
            provider: map.get("provider").cloned().unwrap_or_default(),
            rubric_prompt: self.rubric_prompt(map),
            disable_var_expansion: self.flag(map, "disableVarExpansion"),
            disable_default_asserts: self.flag(map, "disableDefaultAsserts"),
        }
    }

    fn asserts(&mut self, value: &Value) -> Vec<Assert> {
        let Value::Array(items) = value else {
            self.source.fault("assert:", format!("assert is a list, not {}", short(value)));
            return Vec::new();
        };
        items.iter().filter_map(|item| self.assert(item)).collect()
    }

    fn assert(&mut self, item: &Value) -> Option<Assert> {
        let map = self.dereference(item)?;
        if map.get("type").and_then(Value::as_str) != Some("assert-set") {
            return self.assertion(map).map(|one| Assert::One(Arc::new(one)));
        }
        self.source.check_keys("an assert-set", &map, &SET, &[]);
        let Some(Value::Array(items)) = map.get("assert") else {
            self.source.fault("assert-set", "an assert-set needs a list \"assert\"");
            return None;
        };
        let mut asserts = Vec::new();
        for item in items {
            match self.dereference(item) {
                Some(inner) if inner.get("type").and_then(Value::as_str) == Some("assert-set") => {
                    self.source.fault("assert-set", "an assert-set cannot stand in an assert-set");
                }
                Some(inner) => asserts.extend(self.assertion(inner)),
                None => {}
            }
        }
        let (threshold, weight) = (self.number(&map, "threshold"), self.number(&map, "weight").unwrap_or(1.0));
        Some(Assert::Set(Arc::new(AssertSet { asserts, threshold, weight, metric: self.text(&map, "metric"), raw: Value::Object(map) })))
    }

    fn dereference(&mut self, item: &Value) -> Option<Map<String, Value>> {
        let resolved = self.context.templates.resolve(item);
        match resolved {
            Ok(map) => Some(map),
            Err((needle, message)) => {
                self.source.fault(&needle, message);
                None
            }
        }
    }

    fn assertion(&mut self, map: Map<String, Value>) -> Option<Assertion> {
        let own: &[&str] = if matches!(map.get("type").and_then(Value::as_str), Some("meteor" | "not-meteor")) { &METEOR } else { &[] };
        self.source.check_keys("an assertion", &map, &[&ASSERTION, own].concat(), &ASSERTION_REFUSED);
        let Some(name) = self.text(&map, "type") else {
            self.source.fault("assert:", format!("an assertion has no \"type\": {}", short(&Value::Object(map))));
            return None;
        };
        let (negated, kind) = name.strip_prefix("not-").map_or((false, name.as_str()), |kind| (true, kind));
        let (value, function) = self.value(kind, map.get("value").cloned().unwrap_or_default());
        Some(Assertion {
            kind: kind.to_owned(),
            negated,
            value,
            function,
            threshold: self.number(&map, "threshold"),
            weight: self.number(&map, "weight").unwrap_or(1.0),
            metric: self.text(&map, "metric"),
            transform: self.code(&map, "transform"),
            provider: map.get("provider").cloned().unwrap_or_default(),
            rubric_prompt: self.rubric_prompt(&map),
            config: map.get("config").cloned().unwrap_or_default(),
            meteor: self.meteor(&map),
            raw: Value::Object(map),
        })
    }

    fn meteor(&mut self, map: &Map<String, Value>) -> MeteorWeights {
        let usual = MeteorWeights::default();
        let [alpha, beta, gamma] = METEOR.map(|key| self.number(map, key));
        MeteorWeights { alpha: alpha.unwrap_or(usual.alpha), beta: beta.unwrap_or(usual.beta), gamma: gamma.unwrap_or(usual.gamma) }
    }

    /// What an assertion compares with, and the function's name when that is the text of a JavaScript file.
    fn value(&mut self, kind: &str, value: Value) -> (Value, Option<String>) {
        let Some(whole) = value.as_str().and_then(files::reference).map(str::to_owned) else { return (value, None) };
        let (path, function) = match whole.split_once(".js:") {
            Some((path, function)) => (format!("{path}.js"), function.to_owned()),
            None => (whole.clone(), String::new()),
        };
        let file = self.dir.join(&path);
        let read = read_text(&file).map_err(|mut f| {
            f.message = format!("file://{path}, the value of {kind}, {}", f.message);
            f
        });
        let loaded = read.and_then(|text| match files::ending(&file).as_str() {
            "js" | "cjs" => Ok((Value::String(text), Some(function))),
            "json" | "yaml" | "yml" => parse(&file, &text).map(|v| (v, None)),
            // A schema in a text file is YAML; everything else is the text.
            "txt" if kind.ends_with("-json") => Ok((yaml(&text).unwrap_or(Value::String(text)), None)),
            _ => Ok((Value::String(text.trim_end().to_owned()), None)),
        });
        loaded.unwrap_or_else(|fault| {
            self.source.fault(&whole, fault.message);
            (Value::Null, None)
        })
    }

    fn text(&mut self, map: &Map<String, Value>, key: &str) -> Option<String> {
        match map.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            other => {
                self.source.fault(&format!("{key}:"), format!("\"{key}\" is a text, not {}", short(other)));
                None
            }
        }
    }

    fn number(&mut self, map: &Map<String, Value>, key: &str) -> Option<f64> {
        match map.get(key)? {
            Value::Null => None,
            Value::Number(number) => number.as_f64(),
            other => {
                self.source.fault(&format!("{key}:"), format!("\"{key}\" is a number, not {}", short(other)));
                None
            }
        }
    }

    fn flag(&mut self, map: &Map<String, Value>, key: &str) -> bool {
        match map.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.source.fault(&format!("{key}:"), format!("\"{key}\" is true or false, not {}", short(other)));
                false
            }
        }
    }

    fn map(&mut self, map: &Map<String, Value>, key: &str) -> Map<String, Value> {
        if map.get(key).is_some_and(|v| !v.is_object() && !v.is_null()) {
            self.source.fault(&format!("{key}:"), format!("\"{key}\" is a map of keys"));
        }
        map.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

/// A value in few words, for messages.
pub(crate) fn short(value: &Value) -> String {
    let text: String = value.to_string().chars().take(60).collect();
    if text.chars().count() == 60 { format!("{text}…") } else { text }
}
