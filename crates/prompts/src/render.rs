//! From a template and a context to the prompts a model gets.

use crate::template::{Template, Variable, VariableType};
use handlebars::Handlebars;
use serde_json::{Map, Value};

/// The prompts, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// For the system's place.
    pub system: String,
    /// For the user's place.
    pub user: String,
    /// The simpler user prompt.
    pub fallback: Option<String>,
}

/// Why a prompt could not be rendered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// A required variable has no value.
    #[error("the variable {0} is required and has no value")]
    Missing(String),
    /// A value is of another type, or not among the allowed ones.
    #[error("the variable {name} {reason}")]
    Unfit {
        /// Its path.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The text refers to something that is not there.
    #[error("{prompt}: {reason}")]
    Text {
        /// Which prompt.
        prompt: &'static str,
        /// What Handlebars said.
        reason: String,
    },
}

impl Template {
    /// Renders the prompts with the declared variables of `context` and nothing else. Values are data: template syntax in them
    /// stays text, and nothing is escaped, because models read plain text.
    pub fn render(&self, context: &Value) -> Result<Rendered, RenderError> {
        let data = declared(&self.variables, context)?;
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(handlebars::no_escape);
        let text = |prompt: &'static str, source: &str| {
            engine
                .render_template(source, &data)
                .map(|text| text.trim().to_owned())
                .map_err(|error| RenderError::Text { prompt, reason: error.reason().to_string() })
        };
        Ok(Rendered {
            system: text("systemPrompt", &self.system_prompt)?,
            user: text("userPrompt", &self.user_prompt)?,
            fallback: self.fallback_prompt.as_deref().map(|source| text("fallbackPrompt", source)).transpose()?,
        })
    }
}

/// Only what is declared, with defaults filled in, types and enumerations checked.
fn declared(variables: &[Variable], context: &Value) -> Result<Value, RenderError> {
    let mut data = Value::Object(Map::new());
    for variable in variables {
        let given = at(context, &variable.name).filter(|v| !is_empty(v)).or(variable.default.as_ref());
        match given {
            Some(value) => {
                check(variable, value)?;
                put(&mut data, &variable.name, value.clone());
            }
            None if variable.required => return Err(RenderError::Missing(variable.name.clone())),
            None => {}
        }
    }
    Ok(data)
}

fn at<'a>(context: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(context, |here, key| here.get(key))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn put(data: &mut Value, path: &str, value: Value) {
    let mut here = data;
    for key in path.split('.') {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        here = &mut here[key];
    }
    *here = value;
}

fn check(variable: &Variable, value: &Value) -> Result<(), RenderError> {
    let fits = match variable.kind {
        VariableType::String => value.is_string(),
        VariableType::Integer => value.is_i64() || value.is_u64(),
        VariableType::Number => value.is_number(),
        VariableType::Boolean => value.is_boolean(),
        VariableType::List => value.is_array(),
        VariableType::Object => value.is_object(),
    };
    let unfit = |reason: String| Err(RenderError::Unfit { name: variable.name.clone(), reason });
    if !fits {
        return unfit(format!("is not of type {:?}", variable.kind).to_lowercase());
    }
    match (&variable.allowed, value.as_str()) {
        (Some(allowed), Some(text)) if !allowed.iter().any(|a| a == text) => unfit(format!("must be one of {}", allowed.join(", "))),
        _ => Ok(()),
    }
}
