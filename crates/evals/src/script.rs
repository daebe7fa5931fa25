//! JavaScript of assertions, transforms and derived metrics: an embedded engine with limits of time and memory, and no outside: no
//! files, no network, no modules, no clock to wait on. Each script has globals of its own: none can change what another sees.

mod code;
mod host;
#[cfg(test)]
mod tests;

use host::{Engine, caught, lenient, to_js};
pub use host::{GIVEN_UP as LOST, lost_threads};
use rquickjs::{Function, Value as Js};
use serde_json::{Map, Value};
use std::time::Duration;

/// How much a script may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub time: Duration,
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(2), memory: 64 << 20 }
    }
}

/// How a script ended when it did not give a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptError {
    /// It threw, or is no JavaScript.
    #[error("{0}")]
    Threw(String),
    /// It was stopped.
    #[error("{0}")]
    Stopped(String),
}

/// A piece of JavaScript, by how its value comes out of it.
#[derive(Debug, Clone)]
pub(crate) enum Code {
    /// An assertion: an expression, declarations and an expression, or the body of a function when it has several lines.
    Inline(String),
    /// A transform: an expression, or the body of a function when it has several lines.
    Transform(String),
    /// The text of a `CommonJS` file, and the export that is the function; the file's own when empty.
    File {
        /// The text.
        text: String,
        /// The export.
        export: String,
    },
    /// An expression over the named values.
    Expression(String),
    /// An expression over the fields of what it is given, or a function of them in their order.
    Over(String, Vec<String>),
}

/// A call of a script: with `first`, which it sees as `name`, and `context`.
#[derive(Debug)]
pub(crate) struct Script {
    pub code: Code,
    pub name: &'static str,
    pub first: Value,
    pub context: Value,
    pub limits: Limits,
}

impl Script {
    /// What it returns.
    pub async fn run(self) -> Result<Value, ScriptError> {
        host::run(self.limits, Box::new(move |engine| self.on(engine))).await
    }

    /// The same for callers that cannot await.
    pub fn run_here(self) -> Result<Value, ScriptError> {
        host::run_here(self.limits, Box::new(move |engine| self.on(engine)))
    }

    fn on(&self, engine: &Engine) -> Result<Value, ScriptError> {
        engine.run(|ctx| {
            let (first, context) = (to_js(ctx, &self.first)?, to_js(ctx, &self.context)?);
            let function = code::function(ctx, &self.code, self.name)?;
            caught(ctx, function.call::<_, Js<'_>>((first, context)))
        })
    }
}

/// A JavaScript expression over named values, or a function that takes them in their order, within the limits of all scripts. For what
/// promptfoo's configs say of web addresses: `transformResponse` over `json`, `text`, `context`; `validateStatus` over `status`.
pub async fn evaluate(code: &str, given: &[(&str, Value)]) -> Result<Value, String> {
    let names = given.iter().map(|(name, _)| (*name).to_owned()).collect();
    let first = Value::Object(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    let code = Code::Over(code.to_owned(), names);
    let script = Script { code, name: "given", first, context: Value::Null, limits: Limits::default() };
    script.run().await.map_err(|error| error.to_string())
}

/// Whether a pattern, as JavaScript understands it, is found in a text.
pub(crate) async fn matches(pattern: &str, text: &str, limits: Limits) -> Result<bool, ScriptError> {
    let (pattern, text) = (pattern.to_owned(), text.to_owned());
    let find = move |engine: &Engine| {
        engine.run(|ctx| {
            let find: Function<'_> = lenient(ctx, "(function (pattern, text) { return new RegExp(pattern).test(text) })".into())?;
            caught(ctx, find.call::<_, Js<'_>>((pattern.as_str(), text.as_str())))
        })
    };
    Ok(host::run(limits, Box::new(find)).await? == Value::Bool(true))
}

/// The value of an expression over named numbers, as derived metrics write it; a name that is not there is a `ReferenceError`.
pub(crate) fn expression(text: &str, names: &Map<String, Value>) -> Result<f64, ScriptError> {
    // mathjs writes powers as `^`, JavaScript as `**`.
    let text = text.replace('^', "**");
    let (code, first) = (Code::Expression(text.clone()), Value::Object(names.clone()));
    let value = Script { code, name: "given", first, context: Value::Null, limits: Limits::default() }.run_here()?;
    value.as_f64().ok_or_else(|| ScriptError::Threw(format!("\"{text}\" is not a number")))
}
