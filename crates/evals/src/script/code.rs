//! What pieces of JavaScript stand for: each way of writing one, made a function.

use super::engine::lenient;
use super::{Code, ScriptError};
use rquickjs::{Ctx, Function, Value as Js};

/// The function a piece of code stands for.
pub(super) fn function<'js>(ctx: &Ctx<'js>, code: &Code, name: &str) -> Result<Function<'js>, ScriptError> {
    let head = format!("(function ({name}, context)");
    let source = match code {
        Code::File { text, export } => return exported(ctx, text, export),
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
