//! Every assertion type in a table: passing, failing, negated, wrong value. And that nothing unknown passes.

use super::graded::{Embedder, GradeRequest, Grader, HelperError, Helpers, Verdict, Webhook};
use super::{Subject, judge};
use crate::cases::{Assert, Case, TestCase};
use crate::config::{Provider, assertions_of};
use crate::grading::Grade;
use crate::patterns::Patterns;
use crate::schemas::Schemas;
use crate::script::Limits;
use crate::targets::Output;
use crate::templating::Templating;
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::time::Duration;

struct Vectors;

#[async_trait]
impl Embedder for Vectors {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, HelperError> {
        let of = |text: &String| match text.as_str() {
            "broken" => Err(HelperError("away".into())),
            "hello" | "hi" => Ok(vec![1.0, 0.0]),
            "greetings" => Ok(vec![0.8, 0.6]),
            _ => Ok(vec![0.0, 1.0]),
        };
        texts.iter().map(of).collect()
    }
}

struct Judge;

#[async_trait]
impl Grader for Judge {
    async fn grade(&self, request: &GradeRequest) -> Result<Verdict, HelperError> {
        match request.criteria.as_str() {
            Some("broken") => Err(HelperError("away".into())),
            Some("silent") => Ok(Verdict::default()),
            Some(score) => {
                let score = score.parse().unwrap_or(0.0);
                Ok(Verdict { pass: Some(score >= 0.5), score: Some(score), reason: request.kind.clone() })
            }
            None => Ok(Verdict { pass: Some(request.output == "hello"), ..Verdict::default() }),
        }
    }
}

struct Hook;

#[async_trait]
impl Webhook for Hook {
    async fn post(&self, url: &str, body: &Value) -> Result<Value, HelperError> {
        match url {
            "http://yes" => Ok(json!({"pass": body["output"] == "hello", "score": 0.5, "reason": "said so"})),
            "http://no" => Ok(json!({"pass": false})),
            "http://odd" => Ok(json!({"ok": true})),
            _ => Err(HelperError("away".into())),
        }
    }
}

async fn with(asserts: &[Assert], threshold: Option<f64>, response: Output, helpers: Helpers<'_>) -> Grade {
    asked(asserts, threshold, response, helpers, Value::Null).await
}

async fn asked(asserts: &[Assert], threshold: Option<f64>, response: Output, helpers: Helpers<'_>, config: Value) -> Grade {
    let vars = json!({"word": "hello", "list": ["he", "lo"]}).as_object().expect("object").clone();
    let case = Case { index: 0, test: TestCase { vars: vars.clone(), ..TestCase::default() }, broken: None };
    let (provider, templating) = (Provider { id: "echo".into(), config, ..Provider::default() }, Templating::new(Map::new()));
    let limits = Limits { time: Duration::from_millis(500), memory: 16 << 20, scope: None };
    let (patterns, schemas) = (Patterns::default(), Schemas::default());
    let subject = Subject {
        output: response.output.clone(),
        latency_ms: response.latency_ms.unwrap_or(0),
        response: &response,
        prompt: "say hello",
        case: &case,
        vars: &vars,
        provider: &provider,
        templating: &templating,
        helpers: &helpers,
        limits: &limits,
        patterns: &patterns,
        schemas: &schemas,
    };
    judge(asserts, threshold, &subject).await
}

fn helpers() -> Helpers<'static> {
    Helpers { embedder: Some(&Vectors), grader: Some(&Judge), webhook: Some(&Hook) }
}

fn answer(output: impl Into<Value>) -> Output {
    let log_probs = Some(vec![-0.5, -1.5]);
    Output {
        output: output.into(),
        latency_ms: Some(120),
        cost: Some(0.002),
        finish_reason: Some("STOP".into()),
        log_probs,
        ..Output::default()
    }
}

async fn one(assertion: Value, output: &str) -> Grade {
    with(&assertions_of(&json!([assertion])), None, answer(output), helpers()).await
}

/// Each row: assertion, an output it holds for, an output it does not hold for. Negated, it is the other way round.
async fn table(rows: Vec<(Value, &str, &str)>) {
    for (assertion, good, bad) in rows {
        let mut negated = assertion.clone();
        negated["type"] = format!("not-{}", assertion["type"].as_str().expect("type")).into();
        for (assertion, good, bad) in [(&assertion, good, bad), (&negated, bad, good)] {
            let held = one(assertion.clone(), good).await;
            assert!(held.pass && held.error.is_none(), "{assertion} on {good}: {}", held.reason);
            let failed = one(assertion.clone(), bad).await;
            assert!(!failed.pass && failed.error.is_none(), "{assertion} on {bad}: {}", failed.reason);
            assert!(!failed.reason.is_empty());
        }
    }
}

#[tokio::test]
async fn words() {
    table(vec![
        (json!({"type": "equals", "value": "hello"}), "hello", "Hello"),
        (json!({"type": "equals", "value": "{{word}}"}), "hello", "{{word}}"),
        (json!({"type": "equals", "value": {"a": 1, "b": [2]}}), "{\"b\": [2.0], \"a\": 1}", "{\"a\": 1}"),
        (json!({"type": "equals", "value": 5}), "5", "6"),
        (json!({"type": "contains", "value": "ell"}), "hello", "HELLO"),
        (json!({"type": "contains", "value": 42}), "it is 42", "it is 4 2"),
        (json!({"type": "icontains", "value": "ELL"}), "hello", "help"),
        (json!({"type": "contains-all", "value": ["he", "lo"]}), "hello", "help"),
        (json!({"type": "contains-any", "value": ["x", "lo"]}), "hello", "help"),
        (json!({"type": "contains-any", "value": "x, \"l,o\""}), "hel,o", "hello"),
        (json!({"type": "icontains-all", "value": ["HE", "LO"]}), "hello", "help"),
        (json!({"type": "icontains-any", "value": ["X", "LO"]}), "hello", "help"),
        (json!({"type": "starts-with", "value": "he"}), "hello", "oh hello"),
        (json!({"type": "regex", "value": "^h(?=e)\\w{4}$"}), "hello", "hellos"),
        (json!({"type": "levenshtein", "value": "hello", "threshold": 1}), "hallo", "halla"),
        (json!({"type": "levenshtein", "value": "hello"}), "h", "completely else"),
        (json!({"type": "word-count", "value": 2}), "two words", "one"),
        (json!({"type": "word-count", "value": {"min": 2, "max": 3}}), "two words", "one"),
        (json!({"type": "word-count", "value": {"max": 1}}), "one", "two words"),
        (json!({"type": "is-refusal"}), "I’m sorry, I can't help with that.", "Sure, here it is."),
        (json!({"type": "is-refusal"}), "  ", "Yes"),
    ])
    .await;
}

#[tokio::test]
async fn shapes() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}});
    let users = json!({"databaseType": "PostgreSQL", "allowedTables": ["select::null::users", "select::public::.*"]});
    table(vec![
        (json!({"type": "is-json"}), "[1]", "[1"),
        (json!({"type": "is-json", "value": schema}), "{\"a\": 1}", "{\"a\": \"x\"}"),
        (json!({"type": "is-json", "value": "type: object\nrequired: [a]"}), "{\"a\": 1}", "{}"),
        (json!({"type": "contains-json"}), "see {\"a\": 1}.", "see [1]."),
        (json!({"type": "contains-json", "value": schema}), "no [1] but {\"a\": 1}", "only [1] and {}"),
        (json!({"type": "is-xml"}), "<a><b/></a>", "<a><b></a>"),
        (json!({"type": "is-xml", "value": {"requiredElements": ["a.b", "a.c.1.d"]}}), "<a><b/><c/><c><d/></c></a>", "<a><b/><c/></a>"),
        (json!({"type": "contains-xml"}), "so: <a>x</a>!", "so: <a>x"),
        (json!({"type": "contains-xml", "value": "a.b"}), "<c/> then <a><b>x</b></a>", "<c/> then <a>x</a>"),
        (json!({"type": "is-html"}), "<div><p>x</p></div>", "x <p>y</p>"),
        (json!({"type": "contains-html"}), "x <p class=\"y\">y</p>", "a < b and <thing>"),
        (json!({"type": "is-sql"}), "SELECT a FROM b WHERE c = 1", "SELEC a FRM b"),
        (json!({"type": "is-sql", "value": users}), "SELECT * FROM users u JOIN public.orders o ON true", "DELETE FROM users"),
        (json!({"type": "contains-sql"}), "Try:\n```sql\nSELECT 1\n```", "Try:\n```\nnothing to see\n```"),
    ])
    .await;
}

#[tokio::test]
async fn measures() {
    table(vec![
        (json!({"type": "rouge-n", "value": "the cat sat on the mat"}), "the cat sat on a mat", "a dog ran"),
        (json!({"type": "bleu", "value": "the cat sat on the mat"}), "the cat sat on the mat", "a dog ran over there"),
        (json!({"type": "gleu", "value": ["a dog", "the cat sat on the mat"]}), "the cat sat on the mat.", "nothing of it"),
        (json!({"type": "similar", "value": "hi"}), "hello", "stone"),
        (json!({"type": "similar", "value": ["hi", "hello"], "threshold": 0.7}), "greetings", "stone"),
        (json!({"type": "similar:dot", "value": "hi"}), "hello", "stone"),
        (json!({"type": "similar:euclidean", "value": "hi", "threshold": 0.7}), "greetings", "stone"),
    ])
    .await;
    for (kind, low, high) in [("latency", 100.0, 200.0), ("cost", 0.001, 0.01), ("perplexity", 2.0, 3.0)] {
        assert!(one(json!({"type": kind, "threshold": high}), "x").await.pass, "{kind}");
        assert!(!one(json!({"type": kind, "threshold": low}), "x").await.pass, "{kind}");
        assert!(one(json!({"type": format!("not-{kind}"), "threshold": low}), "x").await.pass, "{kind}");
    }
    assert!(one(json!({"type": "perplexity-score", "threshold": 0.2}), "x").await.pass);
    assert!(!one(json!({"type": "perplexity-score", "threshold": 0.5}), "x").await.pass);
    assert!(one(json!({"type": "finish-reason", "value": "stop"}), "x").await.pass);
    assert!(!one(json!({"type": "finish-reason", "value": "length"}), "x").await.pass);
    let metric = one(json!({"type": "latency", "metric": "time"}), "x").await;
    assert_eq!(metric.named_scores["time"].to_bits(), 120f64.to_bits());
}

#[tokio::test]
async fn programs_and_judges() {
    table(vec![
        (json!({"type": "javascript", "value": "output === context.vars.word"}), "hello", "x"),
        (json!({"type": "javascript", "value": "output.length / 10", "threshold": 0.5}), "hello", "x"),
        (
            json!({"type": "javascript", "value": "const n = output.length;\nreturn { pass: n > 3, score: n / 10, reason: 'n' };"}),
            "hello",
            "x",
        ),
        (json!({"type": "javascript", "transform": "output.toUpperCase()", "value": "output === 'HELLO'"}), "hello", "x"),
        (
            json!({"type": "javascript", "value": "JSON.parse(output).a > context.config.least", "config": {"least": 1}}),
            "{\"a\": 2}",
            "{\"a\": 1}",
        ),
        (json!({"type": "g-eval", "value": ["clear", "short"]}), "hello", "x"),
        (json!({"type": "webhook", "value": "http://yes"}), "hello", "x"),
    ])
    .await;
    for (value, threshold, pass) in [("0.9", None, true), ("0.4", None, false), ("0.6", Some(0.7), false), ("silent", None, true)] {
        let grade = one(json!({"type": "llm-rubric", "value": value, "threshold": threshold}), "x").await;
        assert_eq!(grade.pass, pass, "{value}");
    }
    let thrown = one(json!({"type": "javascript", "value": "output.nope.nope"}), "x").await;
    assert!(!thrown.pass && thrown.reason.contains("TypeError"), "{}", thrown.reason);
    assert!(!one(json!({"type": "not-javascript", "value": "output.nope.nope"}), "x").await.pass);
}

#[tokio::test]
async fn a_wrong_value_is_an_error_by_name() {
    let wrong = [
        json!({"type": "equals"}),
        json!({"type": "contains", "value": ""}),
        json!({"type": "contains", "value": {}}),
        json!({"type": "icontains"}),
        json!({"type": "contains-all", "value": 5}),
        json!({"type": "contains-any"}),
        json!({"type": "icontains-any", "value": []}),
        json!({"type": "starts-with", "value": null}),
        json!({"type": "regex"}),
        json!({"type": "levenshtein", "value": 5}),
        json!({"type": "word-count", "value": "many"}),
        json!({"type": "word-count", "value": {}}),
        json!({"type": "word-count", "value": {"min": 3, "max": 1}}),
        json!({"type": "is-json", "value": {"type": "nonsense"}}),
        json!({"type": "is-json", "value": [1]}),
        json!({"type": "contains-json", "value": "- a"}),
        json!({"type": "is-sql", "value": "x"}),
        json!({"type": "is-sql", "value": {"databaseType": "Paper"}}),
        json!({"type": "is-sql", "value": {"allowedColumns": ["a"]}}),
        json!({"type": "is-json", "value": {"typ": "object"}}),
        json!({"type": "is-xml", "value": {"elements": ["a"]}}),
        json!({"type": "contains-any", "value": "\"open"}),
        json!({"type": "tool-call-f1"}),
        json!({"type": "skill-used", "value": {"min": 1}}),
        json!({"type": "trace-span-count", "value": {"pattern": "*"}}),
        json!({"type": "trajectory:tool-used", "value": "x"}),
        json!({"type": "trajectory:step-count", "value": {"min": 1}}),
        json!({"type": "rouge-n"}),
        json!({"type": "bleu", "value": [5]}),
        json!({"type": "latency"}),
        json!({"type": "cost"}),
        json!({"type": "not-latency", "metric": "m"}),
        json!({"type": "finish-reason"}),
        json!({"type": "javascript"}),
        json!({"type": "javascript", "value": "for(;;){}\nreturn 1"}),
        json!({"type": "contains", "value": "{{missing}}"}),
        json!({"type": "contains", "value": "x", "transform": "nope()"}),
        json!({"type": "similar"}),
        json!({"type": "similar", "value": "broken"}),
        json!({"type": "llm-rubric"}),
        json!({"type": "llm-rubric", "value": "broken"}),
        json!({"type": "webhook", "value": 5}),
        json!({"type": "webhook", "value": "http://odd"}),
        json!({"type": "webhook", "value": "http://away"}),
    ];
    for assertion in wrong {
        let name = assertion["type"].as_str().expect("type");
        for output in ["x", "{}", "SELECT 1", "<a/>"] {
            let grade = one(assertion.clone(), output).await;
            assert!(!grade.pass, "{assertion}");
            let error = grade.error.unwrap_or_else(|| panic!("{assertion} on {output} is a failure, not an error: {}", grade.reason));
            assert!(error.starts_with(name), "{error}");
        }
    }
}

#[tokio::test]
async fn what_is_not_supported_never_passes() {
    let unsupported =
        ["python", "ruby", "classifier", "moderation", "pi", "select-best", "max-score", "agent-rubric", "equal", "Contains", ""];
    for kind in unsupported {
        for name in [kind.to_owned(), format!("not-{kind}")] {
            let grade = one(json!({"type": name, "value": "x", "threshold": 0, "weight": 0}), "x").await;
            assert!(!grade.pass && grade.error.as_deref().is_some_and(|e| e.starts_with(&name)), "{name}: {grade:?}");
        }
    }
}

#[tokio::test]
async fn without_a_helper_there_is_no_verdict() {
    for assertion in [
        json!({"type": "similar", "value": "x"}),
        json!({"type": "llm-rubric", "value": "x"}),
        json!({"type": "not-webhook", "value": "http://no"}),
    ] {
        let grade = with(&assertions_of(&json!([assertion])), Some(0.0), answer("x"), Helpers::default()).await;
        assert!(!grade.pass && grade.error.is_some(), "{assertion}");
    }
}

#[tokio::test]
async fn what_the_provider_does_not_say_is_an_error() {
    let silent = Output { output: "x".into(), cached: true, ..Output::default() };
    for kind in ["latency", "cost", "perplexity", "perplexity-score"] {
        let asserts = assertions_of(&json!([{"type": kind, "value": "stop", "threshold": 1}]));
        let grade = with(&asserts, None, silent.clone(), helpers()).await;
        assert!(grade.error.is_some(), "{kind}");
    }
}

#[tokio::test]
async fn traces_tell_what_an_agent_did() {
    let span = |name: &str, start: u64, end: u64, attributes: Value| json!({"name": name, "startTime": start, "endTime": end, "attributes": attributes});
    let spans = json!([
        span("call search", 0, 10, json!({"tool.name": "search", "tool.arguments": "{\"q\": \"boots\", \"n\": 5}"})),
        span("call buy", 20, 120, json!({"gen_ai.tool.name": "buy", "args": {"id": 7}})),
        span("shell", 130, 140, json!({"tool.name": "shell", "tool.arguments": {"cmd": "ls -l"}})),
        span("reasoning step", 150, 151, json!({})),
        json!({"name": "http get", "startTime": 160, "endTime": 170, "statusCode": 2}),
    ]);
    let metadata = json!({"trace": {"spans": spans}}).as_object().expect("object").clone();
    for (assertion, pass) in [
        (json!({"type": "trace-span-count", "value": {"pattern": "call *", "min": 2, "max": 2}}), true),
        (json!({"type": "trace-span-count", "value": {"pattern": "CALL ?uy", "max": 0}}), false),
        (json!({"type": "trace-span-duration", "value": {"max": 100}}), true),
        (json!({"type": "trace-span-duration", "value": {"max": 99}}), false),
        (json!({"type": "trace-span-duration", "value": {"max": 10, "percentile": 50}}), true),
        (json!({"type": "trace-error-spans"}), false),
        (json!({"type": "trace-error-spans", "value": 1}), true),
        (json!({"type": "trace-error-spans", "value": {"max_percentage": 20}}), true),
        (json!({"type": "trajectory:tool-used", "value": ["search", "buy"]}), true),
        (json!({"type": "trajectory:tool-used", "value": ["search", "sell"]}), false),
        (json!({"type": "not-trajectory:tool-used", "value": ["search", "sell"]}), false),
        (json!({"type": "trajectory:tool-used", "value": {"pattern": "s*", "min": 2}}), false),
        (json!({"type": "trajectory:tool-sequence", "value": ["search", "buy"]}), true),
        (json!({"type": "trajectory:tool-sequence", "value": ["buy", "search"]}), false),
        (json!({"type": "trajectory:tool-sequence", "value": {"mode": "exact", "steps": ["search"]}}), false),
        (json!({"type": "trajectory:tool-args-match", "value": {"name": "search", "args": {"q": "boots"}}}), true),
        (json!({"type": "trajectory:tool-args-match", "value": {"name": "search", "args": {"q": "boots"}, "mode": "exact"}}), false),
        (
            json!({"type": "trajectory:tool-args-match", "value": {"name": "search", "args": {"q": "boots"}, "mode": "exact", "defaults": {"n": 5}}}),
            true,
        ),
        (json!({"type": "trajectory:tool-args-match", "value": {"name": "buy", "args": {}, "mode": "exact", "ignore": "i*"}}), true),
        (json!({"type": "trajectory:step-count", "value": {"type": "command", "pattern": "ls*", "min": 1, "max": 1}}), true),
        (json!({"type": "trajectory:step-count", "value": {"type": ["reasoning", "span"], "max": 1}}), false),
    ] {
        let response = Output { metadata: metadata.clone(), ..answer("x") };
        let grade = with(&assertions_of(&json!([assertion])), None, response, helpers()).await;
        assert_eq!((grade.pass, grade.error.as_deref()), (pass, None), "{assertion}: {}", grade.reason);
    }
}

#[tokio::test]
async fn calls_must_fit_what_the_provider_declares() {
    let parameters = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}});
    let tools = json!({"tools": [{"type": "function", "function": {"name": "add", "parameters": parameters}}], "functions": [{"name": "add", "parameters": parameters}]});
    let call = |arguments: &str| json!({"function": {"name": "add", "arguments": arguments}});
    for (kind, output, pass) in [
        ("is-valid-openai-tools-call", json!([call("{\"a\": 1}")]), true),
        ("is-valid-openai-tools-call", json!({"tool_calls": [call("{\"a\": \"x\"}")]}), false),
        ("is-valid-openai-tools-call", json!("no call"), false),
        ("is-valid-function-call", json!({"name": "add", "arguments": "{\"a\": 1}"}), true),
        ("is-valid-function-call", json!({"name": "sub", "arguments": "{}"}), false),
        ("is-valid-openai-function-call", json!({"function_call": {"name": "add", "arguments": "{"}}), false),
    ] {
        let grade = asked(&assertions_of(&json!([{"type": kind}])), None, answer(output.clone()), helpers(), tools.clone()).await;
        assert_eq!((grade.pass, grade.error), (pass, None), "{kind} on {output}");
    }
}

#[tokio::test]
async fn sets_count_as_one() {
    let set = |threshold: Value| {
        json!([{"type": "assert-set", "threshold": threshold, "metric": "set", "assert": [
            {"type": "contains", "value": "a", "weight": 3}, {"type": "contains", "value": "b", "metric": "b"}]}, {"type": "contains", "value": "a"}])
    };
    let grade = with(&assertions_of(&set(json!(0.7))), None, answer("a"), helpers()).await;
    assert!(grade.pass, "{}", grade.reason);
    assert_eq!((grade.named_scores["set"], grade.named_scores["b"]), (0.75, 0.0));
    assert!(!with(&assertions_of(&set(Value::Null)), None, answer("a"), helpers()).await.pass);
    let object =
        with(&assertions_of(&json!([{"type": "javascript", "value": "output.a === 1"}])), None, answer(json!({"a": 1})), helpers()).await;
    assert!(object.pass);
}

#[tokio::test]
async fn every_type_that_is_said_to_be_judged_is() {
    for kind in crate::cases::KINDS {
        let grade = one(json!({"type": kind, "value": "hello"}), "hello").await;
        assert!(!grade.error.is_some_and(|why| why.contains("is not supported here")), "{kind}");
    }
    for kind in ["icontain", "python", "equals "] {
        assert!(!crate::cases::KINDS.contains(&kind));
    }
}
