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
        matches("(a+)+$", &format!("{}b", "a".repeat(40)), Limits { time: Duration::from_millis(300), ..Limits::default() }).await,
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

#[test]
fn what_a_script_adds_to_its_globals_is_gone_and_its_built_ins_are_its_own() {
    let call = |code: &str, scope| {
        let (code, limits) = (Code::Inline(code.to_owned()), Limits::within(scope));
        Script { code, name: "output", first: json!("hello"), context: Value::Null, limits }.run_here()
    };
    let (one, other) = (Scope::new(), Scope::new());
    let adds = "const first = typeof left === 'undefined'; left = 1; Math.seen = 1; first";
    let sees = "typeof Math.seen";
    for _ in 0..40 {
        assert_eq!(call(adds, one), Ok(json!(true)));
        assert_eq!((call(sees, one), call(sees, other)), (Ok(json!("undefined")), Ok(json!("undefined"))));
    }
    let counts = "Math.seen = (Math.seen || 0) + 1";
    let again = (0..40).map(|_| call(counts, one)).collect::<Vec<_>>();
    assert!(again.iter().any(|seen| *seen == Ok(json!(2))), "globals are used again: {again:?}");
    assert!(call(counts, other).is_ok_and(|seen| seen == json!(1)), "and not by another eval");
    let later = "const seen = Math.seen || 0; Promise.resolve().then(() => { Math.seen = 2 }); seen";
    assert!((0..40).all(|_| call(later, one) == Ok(json!(0))), "what was left to be done is never done");
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
        assert_eq!(evaluate(code, &named, Scope::new()).await, Ok(expected), "{code}");
    }
    assert!(evaluate("missing.x", &named, Scope::new()).await.expect_err("no such name").contains("missing"));
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
