//! What scripts come to, and what stops them.

use super::*;
use serde_json::json;
use std::time::Instant;

fn inline(code: &str) -> Result<Value, ScriptError> {
    let limits = Limits { memory: 16 << 20, ..Limits::default() };
    call(Code::Inline(code.to_owned()), &json!({"vars": {"n": 3}}), limits)
}

fn call(code: Code, context: &Value, limits: Limits) -> Result<Value, ScriptError> {
    Script { code, name: "output", first: json!("hello"), context: context.clone(), limits }.run_here()
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
    let run = |export: &str| call(Code::File { text: file.to_owned(), export: export.to_owned() }, &Value::Null, Limits::default());
    assert_eq!(run(""), Ok(json!(true)));
    assert_eq!(run("short"), Ok(json!(false)));
    assert!(run("none").expect_err("none").to_string().contains("none"));
}

#[tokio::test]
async fn what_never_ends_or_takes_everything_is_stopped() {
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
    assert!(matches!(inline("for(;;){}\nreturn 1"), Err(ScriptError::Stopped(text)) if text.contains("2000 ms")));
    assert!(inline("function f(){ return f() + 1 }\nreturn f()").is_err());
    assert!(matches!(
        matches("(a+)+$", &format!("{}b", "a".repeat(40)), &Limits { time: Duration::from_millis(300), ..Limits::default() }).await,
        Err(ScriptError::Stopped(_))
    ));
}

#[test]
fn there_is_no_outside() {
    for code in
        ["require('fs')", "fetch('http://x')", "process.env", "import('fs')", "std.open('x')", "os.exec(['ls'])", "setTimeout(() => 1, 1)"]
    {
        assert!(inline(code).is_err(), "{code}");
    }
    assert!(inline("this is no code").expect_err("syntax").to_string().contains("SyntaxError"));
}

#[test]
fn no_script_sees_what_another_did() {
    let poison = "String.prototype.includes = () => true; globalThis.left = 1; Object.prototype.pass = true; undeclared = 2;
return 1";
    for _ in 0..4 {
        assert_eq!(inline(poison), Ok(json!(1)));
        let clean = "!'a'.includes('b') && typeof left === 'undefined' && ({}).pass === undefined && typeof undeclared === 'undefined'";
        assert_eq!(inline(clean), Ok(json!(true)));
    }
}

fn within(scope: &Scope, code: &str) -> Value {
    let (code, limits) = (Code::Inline(code.to_owned()), Limits::within(scope.clone()));
    let called = Script { code, name: "output", first: json!("hello"), context: Value::Null, limits }.run_here();
    called.unwrap_or_else(|error| json!(error.to_string()))
}

#[test]
fn globals_are_used_again_by_the_same_script_of_the_same_eval() {
    let (one, other) = (Scope::new(), Scope::new());
    // Whoever sets out to can leave something for later calls of the same script, and only for these.
    let counts = "[Math].map(m => m.seen = (m.seen || 0) + 1)[0]";
    assert_eq!((within(&one, counts), within(&one, counts), within(&other, counts)), (json!(1), json!(2), json!(1)));
    assert_eq!(within(&one, "typeof Math.seen"), json!("undefined"));
}

#[test]
fn no_case_sees_what_its_script_did_in_another() {
    let scope = Scope::new();
    for code in [
        "const n = typeof left === 'undefined' ? 0 : left; left = n + 1; n",
        "const n = typeof left === 'undefined' ? 0 : left; delete globalThis.unescape; left = n + 1; n",
        "const n = Math.seen || 0; Math.seen = n + 1; n",
        "const n = Math.seen || 0; Math.seen ||= n + 1; n",
        "const n = ''.n || 0; Object.defineProperty(String.prototype, 'n', {get() { return 1 }}); n",
        "const n = Math.seen || 0; Promise.resolve().then(() => { [Math].map(m => m.seen = 2) }); n",
        "const n = [].constructor.n || 0; [].constructor.n = 1; n",
    ] {
        assert!((0..5).all(|_| within(&scope, code) == json!(0)), "{code}");
    }
    for (code, kept) in
        [("output.length > 3", true), ("output !== undefined && JSON.parse(output).a == 1", true), ("Object.assign(Math, {a: 1})", false)]
    {
        assert_eq!(Code::Inline(code.to_owned()).keeps_to_itself(), kept, "{code}");
    }
    assert_eq!(within(&scope, "typeof WeakRef + typeof FinalizationRegistry"), json!("undefinedundefined"));
}

#[test]
fn a_context_is_made_for_code_that_may_look_at_it() {
    for (code, sees) in [
        (Code::Inline("output.length > 3".into()), false),
        (Code::Inline("context.vars.x".into()), true),
        (Code::Transform("arguments[1]".into()), true),
        (Code::Transform("\\u0063ontext.vars".into()), true),
        (Code::File { text: "module.exports = (a, b) => b".into(), export: String::new() }, true),
    ] {
        assert_eq!(code.sees_context(), sees, "{code:?}");
    }
}

#[tokio::test]
async fn an_expression_or_a_function_over_named_values() {
    let named = [("json", json!({"a": [1, 2]})), ("text", json!("t")), ("context", json!({"response": {"status": 200}}))];
    for (code, expected) in [
        ("json.a[1]", json!(2)),
        ("(json, text) => text + json.a.length", json!("t2")),
        ("({ output: json.a, tokenUsage: { total: 3 } });", json!({"output": [1, 2], "tokenUsage": {"total": 3}})),
        ("context.response.status", json!(200)),
        ("(data, text, context) => {\n  return context.response.status;\n}", json!(200)),
    ] {
        assert_eq!(evaluate(code, &named, &Scope::new()).await, Ok(expected), "{code}");
    }
    assert!(evaluate("missing.x", &named, &Scope::new()).await.expect_err("no such name").contains("missing"));
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
