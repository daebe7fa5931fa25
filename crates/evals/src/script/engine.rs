//! The engine: `QuickJS` with limits of time and memory. A thread keeps the globals of a few scripts, because making new ones takes ten
//! times as long as most scripts.

use super::{Code, Limits, Script, ScriptError};
use rquickjs::context::intrinsic::{
    DOMException, Date, Eval, Json, MapSet, Performance, Promise, Proxy, RegExp, RegExpCompiler, TypedArrays,
};
use rquickjs::{CatchResultExt, Context, Ctx, Runtime, Value as Js};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

const STACK: usize = 384 << 10;
/// A runtime that holds more than this when a script has ended is not used again.
const LEFT_OVER: i64 = 4 << 20;
/// Scripts whose globals a thread keeps.
const KEPT: usize = 8;

/// The language without `WeakRef` and `FinalizationRegistry`: what those call comes at any time, even inside of another script.
type Language = (Date, Eval, RegExpCompiler, RegExp, Json, Proxy, MapSet, TypedArrays, Promise, Performance, DOMException);

/// A runtime, and the globals that scripts may find again, those used last at the end.
pub(super) struct Kept {
    runtime: Runtime,
    globals: Vec<Globals>,
}

/// The globals of one script.
struct Globals {
    scope: Weak<()>,
    code: Code,
    fresh: Fresh,
}

/// A context, and how many names its globals have as long as nobody adds any.
struct Fresh {
    context: Context,
    names: usize,
}

/// What a script ran on.
pub(super) struct Used {
    kept: Kept,
    fresh: Fresh,
}

impl Kept {
    fn new() -> Result<Self, ScriptError> {
        let runtime = Runtime::new().map_err(|error| cannot(&error))?;
        runtime.set_max_stack_size(STACK);
        Ok(Self { runtime, globals: Vec::new() })
    }

    /// The globals of this script, or new ones.
    fn globals_of(&mut self, script: &Script) -> Result<Fresh, ScriptError> {
        // Nobody comes back to the globals of an eval that is over.
        self.globals.retain(|globals| globals.scope.strong_count() > 0);
        let own = script.limits.scope.as_ref().map(|scope| Arc::downgrade(&scope.0));
        let same = |globals: &Globals| own.as_ref().is_some_and(|own| own.ptr_eq(&globals.scope)) && globals.code == script.code;
        if let Some(at) = self.globals.iter().position(same) {
            return Ok(self.globals.remove(at).fresh);
        }
        let context = Context::custom::<Language>(&self.runtime).map_err(|error| cannot(&error))?;
        Ok(Fresh { names: names_in(&context), context })
    }
}

impl Used {
    /// What the next script may run on; nothing, if this one left something behind that others would notice.
    pub fn tidied(self, script: Script) -> Option<Kept> {
        let Self { mut kept, fresh } = self;
        kept.runtime.set_memory_limit(0);
        if kept.runtime.is_job_pending() {
            return None;
        }
        let untouched = script.code.keeps_to_itself() && names_in(&fresh.context) == fresh.names;
        if let Some(scope) = script.limits.scope.filter(|_| untouched) {
            let scope = Arc::downgrade(&scope.0);
            if kept.globals.len() >= KEPT {
                kept.globals.remove(0);
            }
            kept.globals.push(Globals { scope, code: script.code, fresh });
        } else {
            drop(fresh);
        }
        (kept.runtime.memory_usage().malloc_size < LEFT_OVER).then_some(kept)
    }
}

/// How many names there are in the globals.
fn names_in(context: &Context) -> usize {
    context.with(|ctx| ctx.globals().own_keys::<rquickjs::Atom<'_>>(rquickjs::Filter::new().string().symbol()).count())
}

/// Runs a script; and what it ran on, unless that may not be used again.
pub(super) fn one(kept: Option<Kept>, script: &Script) -> (Result<Value, ScriptError>, Option<Used>) {
    let found = kept.map_or_else(Kept::new, Ok).and_then(|mut kept| kept.globals_of(script).map(|fresh| Used { kept, fresh }));
    let used = match found {
        Ok(used) => used,
        Err(error) => return (Err(error), None),
    };
    let engine = Engine::over(&used, &script.limits);
    let result = catch_unwind(AssertUnwindSafe(|| engine.run(script))).unwrap_or_else(|_| Err(gone()));
    let stopped = matches!(result, Err(ScriptError::Stopped(_)));
    drop(engine);
    (result, (!stopped).then_some(used))
}

pub(super) fn gone() -> ScriptError {
    ScriptError::Stopped("the JavaScript engine gave up".into())
}

fn cannot(error: &rquickjs::Error) -> ScriptError {
    ScriptError::Stopped(format!("the JavaScript engine did not start ({error})"))
}

/// An engine with nothing in it but the language.
struct Engine {
    context: Context,
    deadline: Instant,
    limits: Limits,
}

impl Engine {
    /// Within these limits from now on.
    fn over(used: &Used, limits: &Limits) -> Self {
        let runtime = &used.kept.runtime;
        runtime.set_memory_limit(limits.memory);
        let deadline = Instant::now() + limits.time;
        runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= deadline)));
        Self { context: used.fresh.context.clone(), deadline, limits: limits.clone() }
    }

    /// The value the script comes to.
    fn run(&self, script: &Script) -> Result<Value, ScriptError> {
        let result = self.context.with(|ctx| {
            let value = script.call(&ctx)?;
            let value = self.settle(&ctx, value)?;
            from_js(&ctx, value)
        });
        result.map_err(|error| self.explain(error))
    }

    /// The value a promise comes to; anything else is itself.
    fn settle<'js>(&self, ctx: &Ctx<'js>, value: Js<'js>) -> Result<Js<'js>, ScriptError> {
        let Some(promise) = value.as_promise() else { return Ok(value) };
        while ctx.execute_pending_job() {
            if Instant::now() >= self.deadline {
                return Err(ScriptError::Stopped(String::new()));
            }
        }
        match promise.result::<Js<'js>>() {
            Some(result) => caught(ctx, result),
            None => Err(ScriptError::Threw("the promise it returned never settles: there is nothing outside to wait for".into())),
        }
    }

    fn explain(&self, error: ScriptError) -> ScriptError {
        if Instant::now() >= self.deadline {
            return ScriptError::Stopped(format!("it ran for longer than {} ms and was stopped", self.limits.time.as_millis()));
        }
        let text = error.to_string();
        let used = self.context.runtime().memory_usage().malloc_size.unsigned_abs();
        let full = usize::try_from(used).is_ok_and(|used| used > self.limits.memory / 10 * 9);
        if text.contains("out of memory") || (full && matches!(error, ScriptError::Threw(_)) && text == "null") {
            return ScriptError::Stopped(format!("it asked for more than {} MiB of memory and was stopped", self.limits.memory >> 20));
        }
        error
    }
}

/// Runs a source as scripts are run outside of modules: `with` and undeclared names are allowed, as they are in promptfoo.
pub(super) fn lenient<'js, T: rquickjs::FromJs<'js>>(ctx: &Ctx<'js>, source: String) -> Result<T, ScriptError> {
    let mut options = rquickjs::context::EvalOptions::default();
    options.strict = false;
    caught(ctx, ctx.eval_with_options(source, options))
}

pub(super) fn caught<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Result<T, ScriptError> {
    result.catch(ctx).map_err(|error| {
        ScriptError::Threw(match error {
            rquickjs::CaughtError::Exception(exception) => match exception.message() {
                Some(message) if !message.is_empty() => {
                    let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".into());
                    format!("{name}: {message}")
                }
                _ => exception.to_string(),
            },
            rquickjs::CaughtError::Value(value) => value.as_string().and_then(|s| s.to_string().ok()).unwrap_or_else(|| "null".into()),
            rquickjs::CaughtError::Error(error) => error.to_string(),
        })
    })
}

pub(super) fn to_js<'js>(ctx: &Ctx<'js>, value: &Value) -> Result<Js<'js>, ScriptError> {
    if let Value::String(text) = value {
        return caught(ctx, rquickjs::String::from_str(ctx.clone(), text)).map(rquickjs::String::into_value);
    }
    caught(ctx, ctx.json_parse(value.to_string()))
}

/// A JavaScript value as JSON; functions, `undefined` and `NaN` are null.
fn from_js<'js>(ctx: &Ctx<'js>, value: Js<'js>) -> Result<Value, ScriptError> {
    let text = caught(ctx, ctx.json_stringify(value))?;
    let Some(text) = text else { return Ok(Value::Null) };
    let text = caught(ctx, text.to_string())?;
    serde_json::from_str(&text).map_err(|e| ScriptError::Threw(format!("its result is no JSON: {e}")))
}
