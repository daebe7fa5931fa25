//! JavaScript of assertions, transforms and derived metrics: an embedded engine with limits of time and memory, and no outside: no
//! files, no network, no modules, no clock to wait on.

use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime, Value as Js};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
#[derive(Debug, Clone, Copy)]
pub(crate) enum Code<'a> {
    /// An assertion: an expression, declarations and an expression, or the body of a function when it has several lines.
    Inline(&'a str),
    /// A transform: an expression, or the body of a function when it has several lines.
    Transform(&'a str),
    /// The text of a `CommonJS` file, and the export that is the function; the file's own when empty.
    File(&'a str, &'a str),
    /// An expression over the named values.
    Expression(&'a str),
    /// An expression over the fields of what it is given, or a function of them in their order.
    Over(&'a str, &'a [&'a str]),
}

/// A JavaScript expression over named values, or a function that takes them in their order, within the limits of all scripts. For what
/// promptfoo's configs say of web addresses: `transformResponse` over `json`, `text`, `context`; `validateStatus` over `status`.
pub fn evaluate(code: &str, named: &[(&str, Value)]) -> Result<Value, String> {
    let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    let given = Value::Object(named.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    call(Code::Over(code, &names), "given", &given, &Value::Null, Limits::default()).map_err(|error| error.to_string())
}

const STACK: usize = 384 << 10;

/// Calls a script with `first` (seen as `name`) and `context`, and gives what it returns.
pub(crate) fn call(code: Code<'_>, name: &str, first: &Value, context: &Value, limits: Limits) -> Result<Value, ScriptError> {
    let engine = Engine::new(limits)?;
    engine.run(|ctx| {
        let (first, context) = (to_js(ctx, first)?, to_js(ctx, context)?);
        let function = function(ctx, code, name)?;
        caught(ctx, function.call::<_, Js<'_>>((first, context)))
    })
}

/// Whether a pattern, as JavaScript understands it, is found in a text.
pub(crate) fn matches(pattern: &str, text: &str, limits: Limits) -> Result<bool, ScriptError> {
    let engine = Engine::new(limits)?;
    let found = engine.run(|ctx| {
        let find: Function<'_> = caught(ctx, ctx.eval("(function (pattern, text) { return new RegExp(pattern).test(text) })"))?;
        caught(ctx, find.call::<_, Js<'_>>((pattern, text)))
    })?;
    Ok(found == Value::Bool(true))
}

struct Engine {
    runtime: Runtime,
    context: Context,
    deadline: Instant,
    limits: Limits,
    late: Arc<AtomicBool>,
}

impl Engine {
    fn new(limits: Limits) -> Result<Self, ScriptError> {
        let cannot = |e: rquickjs::Error| ScriptError::Stopped(format!("the JavaScript engine did not start ({e})"));
        let runtime = Runtime::new().map_err(cannot)?;
        runtime.set_memory_limit(limits.memory);
        runtime.set_max_stack_size(STACK);
        let deadline = Instant::now() + limits.time;
        let late = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&late);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let over = Instant::now() >= deadline;
            if over {
                seen.store(true, Ordering::Relaxed);
            }
            over
        })));
        let context = Context::full(&runtime).map_err(cannot)?;
        Ok(Self { runtime, context, deadline, limits, late })
    }

    fn run<F>(&self, work: F) -> Result<Value, ScriptError>
    where
        F: for<'js> FnOnce(&Ctx<'js>) -> Result<Js<'js>, ScriptError>,
    {
        let result = self.context.with(|ctx| {
            let value = work(&ctx)?;
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
                self.late.store(true, Ordering::Relaxed);
                return Err(ScriptError::Stopped(String::new()));
            }
        }
        match promise.result::<Js<'js>>() {
            Some(result) => caught(ctx, result),
            None => Err(ScriptError::Threw("the promise it returned never settles: there is nothing outside to wait for".into())),
        }
    }

    fn explain(&self, error: ScriptError) -> ScriptError {
        if self.late.load(Ordering::Relaxed) {
            return ScriptError::Stopped(format!("it ran for longer than {} ms and was stopped", self.limits.time.as_millis()));
        }
        let text = error.to_string();
        let used = self.runtime.memory_usage().malloc_size.unsigned_abs();
        let full = usize::try_from(used).is_ok_and(|used| used > self.limits.memory / 10 * 9);
        if text.contains("out of memory") || (full && matches!(error, ScriptError::Threw(_)) && text == "null") {
            return ScriptError::Stopped(format!("it asked for more than {} MiB of memory and was stopped", self.limits.memory >> 20));
        }
        error
    }
}

/// The function a piece of code stands for.
fn function<'js>(ctx: &Ctx<'js>, code: Code<'_>, name: &str) -> Result<Function<'js>, ScriptError> {
    let head = format!("(function ({name}, context)");
    let source = match code {
        Code::File(text, export) => return exported(ctx, text, export),
        // A name that is not given is one of Math's, or a fault.
        Code::Expression(text) => format!(
            "(function (given) {{ const names = new Proxy(given, {{ \
             has: (_, key) => typeof key === 'string', \
             get: (_, key) => {{ if (typeof key === 'symbol') return undefined; if (Object.hasOwn(given, key)) return given[key]; \
                 if (Object.hasOwn(Math, key)) return Math[key]; throw new ReferenceError(key + ' is not there') }} }}); \
             with (names) {{ return ({text}\n) }} }})"
        ),
        Code::Over(text, names) => {
            let list = names.join(", ");
            let text = text.trim().trim_end_matches(';');
            format!(
                "(function (given) {{ const {{ {list} }} = given; const made = ({text}\n); \
                 return typeof made === 'function' ? made({list}) : made }})"
            )
        }
        Code::Inline(text) => format!("{head} {{ {}\n }})", body(text.trim_end())),
        Code::Transform(text) if text.contains('\n') => format!("{head} {{ {text}\n }})"),
        Code::Transform(text) => format!("{head} {{ return {text}\n }})"),
    };
    lenient(ctx, source)
}

/// The body of a function out of an assertion: several lines are one; a single line is an expression, or declarations and an expression.
fn body(code: &str) -> String {
    if code.contains('\n') {
        return code.to_owned();
    }
    let line = code.trim().trim_end_matches(';').trim_end();
    let declares =
        ["const", "let", "var"].iter().any(|word| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_whitespace)));
    if !declares {
        return format!("return {line}");
    }
    match last_semicolon(line).map(|at| (&line[..=at], line[at + 1..].trim())) {
        Some((statements, expression)) if !expression.is_empty() => format!("{statements} return {expression}"),
        _ => line.to_owned(),
    }
}

/// The last semicolon outside of quotes.
fn last_semicolon(code: &str) -> Option<usize> {
    let (mut quote, mut escaped, mut last) = (None, false, None);
    for (at, c) in code.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' | '"' | '`' if quote == Some(c) => quote = None,
            '\'' | '"' | '`' if quote.is_none() => quote = Some(c),
            ';' if quote.is_none() => last = Some(at),
            _ => {}
        }
    }
    last
}

/// Runs a source as scripts are run outside of modules: `with` and undeclared names are allowed, as they are in promptfoo.
fn lenient<'js, T: rquickjs::FromJs<'js>>(ctx: &Ctx<'js>, source: String) -> Result<T, ScriptError> {
    let mut options = rquickjs::context::EvalOptions::default();
    options.strict = false;
    caught(ctx, ctx.eval_with_options(source, options))
}

fn exported<'js>(ctx: &Ctx<'js>, text: &str, export: &str) -> Result<Function<'js>, ScriptError> {
    let source =
        format!("(function () {{ var module = {{ exports: {{}} }}, exports = module.exports;\n{text}\n; return module.exports }})()");
    let exports: Js<'js> = lenient(ctx, source)?;
    let found = if let (Some(object), false) = (exports.as_object(), export.is_empty()) {
        object.get::<_, Js<'js>>(export).ok().and_then(Js::into_function)
    } else {
        exports.clone().into_function().or_else(|| exports.as_object()?.get::<_, Js<'js>>("default").ok()?.into_function())
    };
    found.ok_or_else(|| {
        let what = if export.is_empty() { "module.exports = (output, context) => ..." } else { export };
        ScriptError::Threw(format!("the file exports no such function: {what}"))
    })
}

fn caught<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Result<T, ScriptError> {
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

fn to_js<'js>(ctx: &Ctx<'js>, value: &Value) -> Result<Js<'js>, ScriptError> {
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

/// The value of an expression over named numbers, as derived metrics write it; a name that is not there is a `ReferenceError`.
pub(crate) fn expression(text: &str, names: &Map<String, Value>) -> Result<f64, ScriptError> {
    // mathjs writes powers as `^`, JavaScript as `**`.
    let text = text.replace('^', "**");
    let value = call(Code::Expression(&text), "given", &Value::Object(names.clone()), &Value::Null, Limits::default())?;
    value.as_f64().ok_or_else(|| ScriptError::Threw(format!("\"{text}\" is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn inline(code: &str) -> Result<Value, ScriptError> {
        let limits = Limits { time: Duration::from_millis(300), memory: 16 << 20 };
        call(Code::Inline(code), "output", &json!("hello"), &json!({"vars": {"n": 3}}), limits)
    }

    #[test]
    fn values_come_out_of_expressions_and_bodies() {
        for (code, expected) in [
            ("output.length > 3", json!(true)),
            ("output.length > 3;", json!(true)),
            ("context.vars.n / 2", json!(1.5)),
            ("const n = output.length; n === 5", json!(true)),
            ("let s = 'a;b'; s.length", json!(3)),
            (
                "if (output === 'hello') {\n  return { pass: true, score: 0.5, reason: 'é' };\n}\nreturn false;",
                json!({"pass": true, "score": 0.5, "reason": "é"}),
            ),
            ("Promise.resolve(0.25)", json!(0.25)),
            ("undefined", Value::Null),
            ("NaN", Value::Null),
        ] {
            assert_eq!(inline(code), Ok(expected), "{code}");
        }
    }

    #[test]
    fn files_export_their_function() {
        let file = "const limit = 3;\nmodule.exports = (output) => output.length > limit;\nmodule.exports.short = (output) => output.length < limit;\n";
        let run = |export| call(Code::File(file, export), "output", &json!("hello"), &Value::Null, Limits::default());
        assert_eq!(run(""), Ok(json!(true)));
        assert_eq!(run("short"), Ok(json!(false)));
        assert!(run("none").expect_err("none").to_string().contains("none"));
    }

    #[test]
    fn what_never_ends_or_takes_everything_is_stopped() {
        for code in [
            "for(;;){}\nreturn 1",
            "while(true){ try { for(;;){} } catch(e) {} }\nreturn 1",
            "async function f(){ for(;;) await 1 }\nreturn f()",
            "const a = []; for(;;) a.push('x'.repeat(100000) + a.length)\nreturn 1",
            "let s = 'x'; for(;;) s += s\nreturn s",
        ] {
            let began = Instant::now();
            let error = inline(code).expect_err(code);
            assert!(began.elapsed() < Duration::from_secs(5), "{code}");
            assert!(!matches!(&error, ScriptError::Threw(text) if text.is_empty()), "{code}: {error:?}");
        }
        assert!(matches!(inline("for(;;){}\nreturn 1"), Err(ScriptError::Stopped(text)) if text.contains("300 ms")));
        assert!(inline("function f(){ return f() + 1 }\nreturn f()").is_err());
        assert!(matches!(
            matches("(a+)+$", &format!("{}b", "a".repeat(40)), Limits { time: Duration::from_millis(300), ..Limits::default() }),
            Err(ScriptError::Stopped(_))
        ));
    }

    #[test]
    fn there_is_no_outside() {
        for code in [
            "require('fs')",
            "fetch('http://x')",
            "process.env",
            "import('fs')",
            "std.open('x')",
            "os.exec(['ls'])",
            "setTimeout(() => 1, 1)",
        ] {
            assert!(inline(code).is_err(), "{code}");
        }
        assert!(inline("this is no code").expect_err("syntax").to_string().contains("SyntaxError"));
    }

    #[test]
    fn an_expression_or_a_function_over_named_values() {
        let named = [("json", json!({"a": [1, 2]})), ("text", json!("t")), ("context", json!({"response": {"status": 200}}))];
        for (code, expected) in [
            ("json.a[1]", json!(2)),
            ("(json, text) => text + json.a.length", json!("t2")),
            ("({ output: json.a, tokenUsage: { total: 3 } });", json!({"output": [1, 2], "tokenUsage": {"total": 3}})),
            ("context.response.status", json!(200)),
            ("(data, text, context) => {\n  return context.response.status;\n}", json!(200)),
        ] {
            assert_eq!(evaluate(code, &named), Ok(expected), "{code}");
        }
        assert!(evaluate("missing.x", &named).expect_err("no such name").contains("missing"));
    }

    #[test]
    fn expressions_know_what_they_are_given() {
        let names = json!({"a": 3.0, "b": 4.0, "__count": 2}).as_object().expect("object").clone();
        assert_eq!(expression("(a + b) / __count", &names), Ok(3.5));
        assert_eq!(expression("a ^ 2", &names), Ok(9.0));
        assert!(expression("a + missing", &names).expect_err("missing").to_string().starts_with("ReferenceError"));
        assert!(expression("globalThis", &names).is_err());
        assert_eq!(expression("sqrt(b)", &names), Ok(2.0));
        assert!(expression("a +", &names).is_err());
    }
}
