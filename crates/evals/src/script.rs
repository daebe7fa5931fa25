//! JavaScript of assertions, transforms and derived metrics: an embedded engine with limits of time and memory, and no outside: no
//! files, no network, no modules, no clock to wait on. Each script has globals of its own: none can change what another sees. The same
//! script may have them again in another case of its eval, unless it adds to them or has a word in it that changes built-ins.

mod code;
mod engine;
mod host;
#[cfg(test)]
mod tests;

use engine::{caught, to_js};
pub use host::{GIVEN_UP as LOST, lost_threads};
use regex::Regex;
use rquickjs::{Ctx, Value as Js};
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Whose scripts these are, such as those of one eval: a script's globals may be used again for the same script of the same scope, which is
/// many times faster than new ones for each case.
#[derive(Debug, Clone)]
pub struct Scope(Arc<()>);

impl Scope {
    /// A scope nobody else has.
    #[expect(clippy::new_without_default, reason = "a default is the same each time")]
    pub fn new() -> Self {
        Self(Arc::default())
    }
}

/// How much a script may take, and in which scope it runs; in none, its globals are used once.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub time: Duration,
    pub memory: usize,
    pub scope: Option<Scope>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(2), memory: 64 << 20, scope: None }
    }
}

impl Limits {
    /// The usual ones.
    pub fn within(scope: Scope) -> Self {
        Self { scope: Some(scope), ..Self::default() }
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl Code {
    /// Whether it may look at `context`, which is much work to make. A file's function names its parameters itself.
    pub fn sees_context(&self) -> bool {
        match self {
            Self::Inline(text) | Self::Transform(text) => ["context", "arguments", "eval", "\\"].iter().any(|word| text.contains(word)),
            Self::File { .. } => true,
            Self::Expression(_) | Self::Over(..) => false,
        }
    }
}

/// Ways of changing what is there for everybody: words, and an assignment to a part of a built-in.
static CHANGES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"prototype|__|define[A-Z]|assign|freeze|seal|prevent|constructor|globalThis|Reflect|delete|eval|Function|\bthis\b|\\u";
    let built_in = r"\b[A-Z]\w*(?:\.\w+|\[[^\]]*\])+\s*(?:\+\+|--|[^\s=!<>\w]{0,3}=[^=>])";
    Regex::new(&format!("{words}|{built_in}")).ok()
});

impl Code {
    /// Whether nothing in it looks as if it changed built-ins, which would then be different in the next case.
    pub fn keeps_to_itself(&self) -> bool {
        let (Self::Inline(text) | Self::Transform(text) | Self::File { text, .. } | Self::Expression(text) | Self::Over(text, _)) = self;
        CHANGES.as_ref().is_some_and(|changes| !changes.is_match(text))
    }
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
        host::run(self).await
    }

    /// The same for callers that cannot await.
    pub fn run_here(self) -> Result<Value, ScriptError> {
        host::run_here(self)
    }

    fn call<'js>(&self, ctx: &Ctx<'js>) -> Result<Js<'js>, ScriptError> {
        let (first, context) = (to_js(ctx, &self.first)?, to_js(ctx, &self.context)?);
        let function = code::function(ctx, &self.code, self.name)?;
        caught(ctx, function.call::<_, Js<'_>>((first, context)))
    }
}

/// A JavaScript expression over named values, or a function that takes them in their order, within the limits of all scripts. For what
/// promptfoo's configs say of web addresses: `transformResponse` over `json`, `text`, `context`; `validateStatus` over `status`.
pub async fn evaluate(code: &str, given: &[(&str, Value)], scope: &Scope) -> Result<Value, String> {
    let first = Value::Object(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    over(code, first, Limits::within(scope.clone())).run().await.map_err(|error| error.to_string())
}

fn over(code: &str, fields: Value, limits: Limits) -> Script {
    let names = fields.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    Script { code: Code::Over(code.to_owned(), names), name: "given", first: fields, context: Value::Null, limits }
}

/// Whether a pattern, as JavaScript understands it, is found in a text.
pub(crate) async fn matches(pattern: &str, text: &str, limits: &Limits) -> Result<bool, ScriptError> {
    let found = over("new RegExp(pattern).test(text)", json!({"pattern": pattern, "text": text}), limits.clone()).run().await?;
    Ok(found == Value::Bool(true))
}

/// The value of an expression over named numbers, as derived metrics write it; a name that is not there is a `ReferenceError`.
pub(crate) fn expression(text: &str, names: &Map<String, Value>) -> Result<f64, ScriptError> {
    // mathjs writes powers as `^`, JavaScript as `**`.
    let text = text.replace('^', "**");
    let (code, first) = (Code::Expression(text.clone()), Value::Object(names.clone()));
    let value = Script { code, name: "given", first, context: Value::Null, limits: Limits::default() }.run_here()?;
    value.as_f64().ok_or_else(|| ScriptError::Threw(format!("\"{text}\" is not a number")))
}
