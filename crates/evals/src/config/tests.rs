//! Whole configs: everything a file may say, and everything that may be wrong with it.

use super::suite::{FAULTS_NAMED, KEPT_ROWS, Tests};
use super::*;
use crate::cases::Case;
use serde_json::json;
use std::fs::{create_dir_all, write};

fn read(files: &[(&str, &str)]) -> Result<Config, Vec<FileFault>> {
    let dir = tempfile::tempdir().expect("dir");
    for (name, text) in files {
        let path = dir.path().join(name);
        create_dir_all(path.parent().expect("parent")).expect("made");
        write(path, text).expect("written");
    }
    let read = Config::read(&dir.path().join(files[0].0));
    // Long streams are read again when they are run; what the tests here need outlives the directory.
    read
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let faults = read(files).expect_err("faults");
    faults
        .iter()
        .map(|f| {
            let name = f.file.rsplit('/').next().unwrap_or_default();
            let line = f.line.map(|l| format!(":{l}")).unwrap_or_default();
            format!("{name}{line}: {}", f.message)
        })
        .collect()
}

const HEAD: &str = "prompts: ['{{x}}']\nproviders: [echo]\n";

#[test]
fn a_config_with_everything_is_read() {
    let main = "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json
description: all of it
tags: {build: '7'}
prompts: [file://p/*.txt, file://chat.json, {raw: 'inline {{a}}', label: inline}, 'plain {{a}}']
targets: [echo, {id: 'google:g', label: g, config: {temperature: 0}, prompts: [inline], transform: output.trim()}, {'openai:o': {config: {n: 1}}}]
defaultTest: {vars: {a: base}, assert: [{type: contains, value: base}], threshold: 0.5}
assertionTemplates: {short: {type: javascript, value: output.length < 99}}
tests:
  - {description: one, vars: {a: [x, y], b: 'file://v.yaml'}, assert: [{$ref: '#/assertionTemplates/short'}], options: {prefix: '> '}}
  - file://more.yaml
  - {vars: {c: 'file://v/*.txt'}}
scenarios:
  - {config: [{vars: {l: en}}, {vars: {l: de}}], tests: [{vars: {q: '1'}}, {vars: {q: '2'}}]}
evaluateOptions: {maxConcurrency: 8, repeat: 3, delay: 5, timeoutMs: 100}
derivedMetrics: [{name: f1, value: 2 * p * r / (p + r)}]
env: {KEY: v}
metadata: {gate: {minPassRate: 0.95}}
sharing: false
";
    let config = read(&[
        ("c.yaml", main),
        ("p/a.txt", "first {{a}}\n---\nsecond {{a}}\n"),
        ("p/b.txt", "third"),
        ("chat.json", "[{\"role\": \"user\", \"content\": \"{{a}}\"}]"),
        ("v.yaml", "k: [1, 2]\n"),
        ("more.yaml", "- {vars: {a: m}}\n- {vars: {a: n}, options: {disableDefaultAsserts: true}}\n"),
        ("v/1.txt", "one\n"),
        ("v/2.txt", "two\n"),
    ])
    .expect("reads");
    let labels: Vec<&str> = config.prompts.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels, ["a.txt #1", "a.txt #2", "b.txt", "chat.json", "inline", "plain {{a}}"]);
    let ids: Vec<&str> = config.providers.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["echo", "google:g", "openai:o"]);
    assert_eq!((config.providers[1].config["temperature"].clone(), config.providers[2].config["n"].clone()), (json!(0), json!(1)));
    assert_eq!((config.evaluate.max_concurrency, config.evaluate.repeat, config.evaluate.timeout_ms), (Some(8), Some(3), Some(100)));
    assert_eq!(config.metadata["gate"]["minPassRate"], 0.95);
    let cases: Vec<Case> = config.cases().map(|c| c.expect("reads")).collect();
    let vars: Vec<String> = cases.iter().map(|c| Value::Object(c.test.vars.clone()).to_string()).collect();
    assert_eq!(
        vars,
        [
            r#"{"a":"x","b":"{\"k\":[1,2]}"}"#,
            r#"{"a":"y","b":"{\"k\":[1,2]}"}"#,
            r#"{"a":"m"}"#,
            r#"{"a":"n"}"#,
            r#"{"a":"base","c":"one"}"#,
            r#"{"a":"base","c":"two"}"#,
            r#"{"a":"base","l":"en","q":"1"}"#,
            r#"{"a":"base","l":"en","q":"2"}"#,
            r#"{"a":"base","l":"de","q":"1"}"#,
            r#"{"a":"base","l":"de","q":"2"}"#,
        ]
    );
    assert_eq!(cases.iter().map(|c| c.test.asserts.len()).collect::<Vec<_>>(), [2, 2, 1, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!((cases[0].test.options.prefix.as_str(), cases[0].test.threshold, cases[9].index), ("> ", Some(0.5), 9));
    assert_eq!(config.tests, 8);
}

#[test]
fn lists_short_and_long_files_come_in_order_and_are_counted_once() {
    let dir = tempfile::tempdir().expect("dir");
    let text = "tests: [{vars: {x: a}}, 'file://short.jsonl', 'file://long.csv', 'file://refers.jsonl', {vars: {x: z}}]\n";
    write(dir.path().join("c.yaml"), format!("{HEAD}{text}")).expect("written");
    write(dir.path().join("short.jsonl"), "{\"vars\": {\"x\": \"b\"}}\n").expect("written");
    let long: String = (0..KEPT_ROWS + 10).map(|n| format!("{n}\n")).collect::<Vec<_>>().concat();
    write(dir.path().join("long.csv"), format!("x\n{long}")).expect("written");
    write(dir.path().join("refers.jsonl"), "{\"vars\": {\"x\": \"file://short.jsonl\"}}\n").expect("written");
    let config = Config::read(&dir.path().join("c.yaml")).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.tests, KEPT_ROWS + 14);
    let again = config.sources.iter().filter_map(|source| if let Tests::Stream(path) = source { path.file_name() } else { None });
    assert_eq!(again.collect::<Vec<_>>(), ["long.csv", "refers.jsonl"], "long ones, and those whose rows are larger than they look");
    let cases: Vec<Case> = config.cases().map(|case| case.expect("reads")).collect();
    let x = |at: usize| cases[at].test.vars["x"].clone();
    assert_eq!((x(0), x(1), x(2), x(cases.len() - 1)), (json!("a"), json!("b"), json!("0"), json!("z")));
    assert!(cases.iter().enumerate().all(|(at, case)| case.index == at) && cases.len() == config.tests);
}

#[test]
fn a_config_without_tests_asks_once() {
    assert_eq!(read(&[("c.yaml", HEAD)]).expect("reads").cases().count(), 1);
}

#[test]
fn every_fault_is_named_at_once() {
    let text = "prompts: [file://none.txt, 'exec:date', file://p.py]
providers: [{label: x}]
test: []
extensions: [file://hook.js:a]
assertionTemplates:
  a: {$ref: '#/assertionTemplates/b'}
  b: {$ref: '#/assertionTemplates/a'}
tests:
  - vars: {a: file://none.json}
    asserts: []
  - assert: [{value: x}, {type: contains, valu: x}, {$ref: '#/assertionTemplates/c'}, 5]
    threshold: high
  - file://none.csv
  - {vars: 5, options: {storeOutputAs: x}}
evaluateOptions: {maxConcurrency: many}
";
    let found = faults(&[("c.yaml", text), ("p.py", "def x(): pass")]);
    for expected in [
        "c.yaml:3: \"test\" is not a key of a config",
        "c.yaml:4: \"extensions\" of a config is not supported",
        "goes in a circle: a -> b -> a",
        "c.yaml:1: file://none.txt is not there",
        "prompts from exec: are not supported",
        "p.py is a program",
        "a provider needs an \"id\"",
        "file://none.json is not there",
        "\"asserts\" is not a key of a test",
        "an assertion has no \"type\"",
        "\"valu\" is not a key of an assertion",
        "names no entry of assertionTemplates",
        "an assertion is a map with a type, not 5",
        "c.yaml:12: test 2: \"threshold\" is a number",
        "file://none.csv is not there",
        "vars are a map",
        "\"storeOutputAs\" of a test's options is not supported",
        "\"maxConcurrency\" is a whole number",
    ] {
        assert!(found.iter().any(|f| f.contains(expected)), "{expected} is not in {found:#?}");
    }
}

#[test]
fn files_that_are_no_configs_are_said_so() {
    assert!(faults(&[("c.yaml", "prompts: [a\nproviders: [echo]\n")])[0].starts_with("c.yaml:"));
    assert!(faults(&[("c.yaml", "- a\n")])[0].contains("is not a config"));
    assert_eq!(faults(&[("c.yaml", "description: x\n")]).len(), 2);
    assert!(Config::read(Path::new("/nowhere/c.yaml")).expect_err("none")[0].message.contains("cannot be read"));
    let wrong_rows = "x,__expected,__oops\n1,equals:1,\n2,,why\n";
    let found = faults(&[("c.yaml", &format!("{HEAD}tests: file://t.csv\n")), ("t.csv", wrong_rows)]);
    assert_eq!(found, ["t.csv:3: the column __oops is not known; a variable's name must not begin with two underscores"]);
}

#[test]
fn faults_of_a_long_file_are_named_up_to_a_limit() {
    let rows = "{\"wars\": {}}\n".repeat(5000);
    assert_eq!(faults(&[("c.yaml", &format!("{HEAD}tests: file://t.jsonl\n")), ("t.jsonl", &rows)]).len(), FAULTS_NAMED + 1);
}

#[test]
fn values_of_assertions_may_be_files() {
    let text = format!(
        "{HEAD}tests:\n  - assert:\n    - {{type: is-json, value: file://s.json}}\n    - {{type: javascript, value: 'file://a.js:short'}}\n    - {{type: contains-json, value: file://s.txt}}\n    - {{type: equals, value: file://e.txt}}\n"
    );
    let files = [
        ("c.yaml", text.as_str()),
        ("s.json", "{\"type\": \"object\"}"),
        ("a.js", "module.exports.short = () => true"),
        ("s.txt", "type: array"),
        ("e.txt", "end\n"),
    ];
    let config = read(&files).expect("reads");
    let case = config.cases().next().expect("one").expect("reads");
    let values: Vec<(Value, Option<String>)> = case
        .test
        .asserts
        .iter()
        .map(|a| match a {
            crate::cases::Assert::One(one) => (one.value.clone(), one.function.clone()),
            crate::cases::Assert::Set(_) => panic!("no set"),
        })
        .collect();
    assert_eq!(values[0], (json!({"type": "object"}), None));
    assert_eq!(values[1], (json!("module.exports.short = () => true"), Some("short".into())));
    assert_eq!((values[2].0.clone(), values[3].0.clone()), (json!({"type": "array"}), json!("end")));
}

#[test]
fn the_shipped_suites_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts/tests/*.yaml");
    let text = format!("{HEAD}tests: 'file://{}'\n", root.display());
    let config = read(&[("c.yaml", text.as_str())]).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(config.tests > 100, "{}", config.tests);
}

#[test]
fn a_test_that_would_ask_nobody_is_a_fault() {
    let head = "prompts: [{raw: '{{x}}', label: brief}, {raw: 'again {{x}}', label: 'group:long'}]\nproviders: [{id: echo, label: swot, prompts: [brief]}, 'planner:refine']\n";
    let tests = "tests:
  - {providers: [swot], prompts: [brief]}
  - {providers: ['planner:*', planner], prompts: [group]}
  - {provider: echo}
  - {provider: 'openai:gpt-4.1'}
  - {prompts: [nonsense]}
  - {providers: [swot], prompts: ['group:long']}
  - {providers: 5}
  - {providers: []}
";
    let found = faults(&[("c.yaml", &format!("{head}{tests}"))]);
    assert_eq!(found.len(), 5, "{found:#?}");
    for (at, expected) in [
        (
            0,
            "c.yaml:7: test 4: a test names what is not there: provider \"openai:gpt-4.1\" is none of the config's, so nobody would be asked; there are swot, planner:refine",
        ),
        (1, "c.yaml:8: test 5: a test names what is not there: prompt \"nonsense\" is none"),
        (2, "c.yaml:9: test 6: a test names what is not there: none of the providers"),
        (3, "c.yaml:10: test 7: \"providers\" of a test are names"),
        (4, "c.yaml:11: test 8: \"providers\" of a test are names"),
    ] {
        assert!(found[at].starts_with(expected), "{found:#?}");
    }
    let stream = faults(&[("c.yaml", &format!("{head}tests: file://t.jsonl\n")), ("t.jsonl", "{\"providers\": [\"nobody\"]}\n")]);
    assert!(stream[0].starts_with("t.jsonl:1: a test names"), "{stream:?}");
    let asked = faults(&[("c.yaml", "prompts: [x]\nproviders: [{id: echo, prompts: [brief]}]\n")]);
    assert!(asked[0].contains("prompt \"brief\" of provider \"echo\" is none of the config's"), "{asked:?}");
}

#[test]
fn faults_are_named_where_they_are() {
    let mut text = format!("{HEAD}defaultTest: file://d.yaml\nscenarios: [file://s.yaml]\ntests:\n");
    for _ in 0..49 {
        text.push_str("  - vars: {x: a}\n    threshold: 1\n");
    }
    text.push_str("  - vars: {x: a}\n    threshold: high\n");
    let found =
        faults(&[("c.yaml", text.as_str()), ("d.yaml", "# the default\nasert: []\n"), ("s.yaml", "config: [{}]\ntests:\n- {wars: {}}\n")]);
    assert!(found.iter().any(|f| f.starts_with("c.yaml:105: test 50: \"threshold\" is a number")), "{found:#?}");
    assert!(found.iter().any(|f| f.starts_with("d.yaml:2: \"asert\" is not a key")), "{found:#?}");
    assert!(found.iter().any(|f| f.starts_with("s.yaml:3: \"wars\" is not a key")), "{found:#?}");
    // Written in a form in which the place of a test is not certain, no wrong line is named.
    let found = faults(&[("c.yaml", "prompts: [x]\nproviders: [echo]\ntests: [{threshold: 1},\n  {threshold: high}]\n")]);
    assert!(found[0].starts_with("c.yaml: test 2: \"threshold\""), "{found:?}");
}

#[test]
fn what_would_be_read_over_is_a_fault() {
    for (text, expected) in [
        ("prompts: [{raw: x, config: {temperature: 1}}]\nproviders: [echo]\n", "\"config\" of a prompt is not supported"),
        ("prompts: [{raw: x, temprature: 1}]\nproviders: [echo]\n", "\"temprature\" is not a key of a prompt"),
        ("prompts: [x]\nproviders: [{id: echo, prompts: x}]\n", "\"prompts\" of a provider is a list"),
        (
            "prompts: [x]\nproviders: [echo]\ntests: [{assert: [{type: bleu, value: x, alpha: 1}]}]\n",
            "\"alpha\" is not a key of an assertion",
        ),
        ("prompts: [x]\nproviders: [echo]\ntests: [{assert: [{type: not-meteor, value: x, beta: '3'}]}]\n", "\"beta\" is a number"),
        ("prompts: [x]\nproviders: [{id: echo, delay: '500'}]\n", "\"delay\" of a provider is a whole number"),
        ("prompts: [x]\nproviders: [{id: echo, transform: 5}]\n", "\"transform\" of a provider is JavaScript"),
        ("prompts: [x]\nproviders: [{id: echo, transform: 'file://t.js'}]\n", "\"transform\" of a provider is JavaScript"),
        ("prompts: [x]\nproviders: [echo]\nderivedMetrics: {name: a, value: b}\n", "derived metrics are a list"),
        ("prompts: [x]\nproviders: [echo]\ntests: [{options: {transform: 'file://t.js'}}]\n", "\"transform\" in a file of its own"),
        (
            "prompts: [x]\nproviders: [echo]\ntests: [{options: {rubricPrompt: 'file://none.txt'}}]\n",
            "the value of rubricPrompt, cannot be read",
        ),
        (
            "prompts: [x]\nproviders: [echo]\ntests: [{assert: [{type: llm-rubric, value: x, rubricPrompt: 5}]}]\n",
            "\"rubricPrompt\" is a text",
        ),
    ] {
        let found = faults(&[("c.yaml", text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let csv = "x,__expected,__config:__expected7:threshold\na,equals:a,1\n";
    let found = faults(&[("c.yaml", &format!("{HEAD}tests: file://t.csv\n")), ("t.csv", csv)]);
    assert!(found[0].contains("__expected7, which is not there"), "{found:?}");
}

#[test]
fn the_prompt_of_a_judge_may_be_a_file() {
    let text = format!(
        "{HEAD}tests:\n  - assert: [{{type: llm-rubric, value: x, rubricPrompt: 'file://r.txt'}}]\n    options: {{rubricPrompt: 'file://chat.yaml'}}\n"
    );
    let config = read(&[("c.yaml", &text), ("r.txt", "Judge {{output}}\n"), ("chat.yaml", "- {role: user, content: x}\n")]).expect("reads");
    let case = config.cases().next().expect("one").expect("reads");
    let crate::cases::Assert::One(one) = &case.test.asserts[0] else { panic!("one") };
    assert_eq!(one.rubric_prompt.clone(), json!("Judge {{output}}"));
    assert_eq!(case.test.options.rubric_prompt, json!([{"role": "user", "content": "x"}]));
}

#[test]
fn a_folder_with_brackets_in_its_name_is_a_folder() {
    let dir = tempfile::tempdir().expect("dir");
    let folder = dir.path().join("[a] *b");
    create_dir_all(folder.join("p")).expect("made");
    write(folder.join("p/1.txt"), "one {{x}}").expect("written");
    write(folder.join("p/[2].txt"), "two {{x}}").expect("written");
    let all = folder.join("p/1.txt");
    let text = format!("prompts: ['file://p/*.txt', 'file://p/[2].txt', 'file://{}']\nproviders: [echo]\n", all.display());
    write(folder.join("c.yaml"), text).expect("written");
    let config = Config::read(&folder.join("c.yaml")).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.prompts.iter().map(|p| p.raw.as_str()).collect::<Vec<_>>(), ["one {{x}}", "two {{x}}", "two {{x}}", "one {{x}}"]);
}
