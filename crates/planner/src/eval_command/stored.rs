//! Outputs that are there already, such as stored generations: they are judged, nobody is asked.

use anyhow::{Result, anyhow, bail};
use async_trait::async_trait;
use evals::{Output, Provider, Target, TargetError, read_value};
use serde_json::{Map, Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

/// Outputs by their place.
pub(super) struct Stored(Vec<Value>);

const NUMBER: &str = "outputNumber";

impl Stored {
    /// A list of outputs, or of maps with `output`; JSON, YAML, or JSONL with one on each line.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let list = if file.extension().is_some_and(|ending| ending == "jsonl") {
            let text = std::fs::read_to_string(file).map_err(|error| anyhow!("{}: cannot be read ({error})", file.display()))?;
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let read = lines.map(|(at, line)| {
                serde_json::from_str(line).map_err(|error| anyhow!("{}:{}: is not JSON: {error}", file.display(), at + 1))
            });
            read.collect::<Result<Vec<Value>>>()?
        } else {
            match read_value(file).map_err(|fault| anyhow!(fault))? {
                Value::Array(list) => list,
                _ => bail!("{}: is not a list of outputs", file.display()),
            }
        };
        if list.is_empty() {
            bail!("{}: has no outputs", file.display());
        }
        let lacking = list.iter().position(|item| item.is_object() && item.get("output").is_none());
        match lacking {
            Some(at) => {
                bail!("{}: entry {} has no \"output\"; an entry is a text, or a map with output, tags, vars", file.display(), at + 1)
            }
            None => Ok(Self(list)),
        }
    }

    /// A config with one test for each output.
    pub(super) fn config(&self, asserts: &Value) -> Value {
        let tests: Vec<Value> = self.0.iter().enumerate().map(|(at, item)| test(at, item)).collect();
        json!({
            "prompts": [{"raw": format!("output {{{{{NUMBER}}}}}"), "label": "stored outputs"}], "providers": ["model-outputs"],
            "defaultTest": {"assert": asserts, "options": {"disableVarExpansion": true}}, "tests": tests,
        })
    }
}

fn test(at: usize, item: &Value) -> Value {
    let mut vars = item.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
    vars.insert(NUMBER.into(), (at + 1).into());
    let tags: Vec<&str> = item.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let described = item.get("description").and_then(Value::as_str).map(str::to_owned);
    let described = described.unwrap_or_else(|| if tags.is_empty() { format!("output {}", at + 1) } else { tags.join(", ") });
    json!({"description": described, "vars": vars, "metadata": {"tags": tags}})
}

#[async_trait]
impl Target for Stored {
    async fn call(&self, _provider: &Provider, _prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let at = vars.get(NUMBER).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let item = at
            .and_then(|number| self.0.get(number.checked_sub(1)?))
            .ok_or_else(|| TargetError::Failed("there is no such output".into()))?;
        let output = if item.is_object() { item.get("output").cloned().unwrap_or_default() } else { item.clone() };
        let latency_ms = item.get("latencyMs").and_then(Value::as_u64);
        // How long it takes to look an output up says nothing about the one who made it.
        let cached = latency_ms.is_none();
        Ok(Output { output, cost: item.get("cost").and_then(Value::as_f64), cached, latency_ms, ..Output::default() })
    }

    fn identity(&self, _provider: &Provider) -> String {
        let mut hasher = DefaultHasher::new();
        Value::from(self.0.clone()).to_string().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
