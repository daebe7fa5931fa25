//! The suites of all sections, as `prompts/promptfoo.config.yaml` names them, through the functions and the scripted upstream. The
//! upstream answers well, so that what fails here is the program or the suite; and badly on command, so that it is seen that the suite
//! notices. What a real model is worth is not decided here.

use crate::house::House;
use async_trait::async_trait;
use evals::templating::Templating;
use evals::{CaseResult, Config, Filter, Grade, Options, Outcome, Output, Provider, Summary, Target, TargetError, TokenUsage};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::Fault;

mod doubts;

/// The functions of a house, asked with the body that the config writes for a case.
struct Functions<'a>(&'a House);

#[async_trait]
impl Target for Functions<'_> {
    async fn call(&self, provider: &Provider, _: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let failed = |error: &dyn std::fmt::Display| TargetError::Failed(error.to_string());
        let written = provider.config["body"].as_str().ok_or_else(|| TargetError::UnknownProvider(provider.id.clone()))?;
        let body = Templating::new(Map::new()).render(written, vars).map_err(|error| failed(&error))?;
        let body: Value = serde_json::from_str(&body).map_err(|error| failed(&error))?;
        let name = format!("generate-{}", vars["section"].as_str().unwrap_or_default());
        let reply = self.0.function_by(&name, &body, ("cache-control", "no-cache")).await;
        if ![200, 422].contains(&reply.status.as_u16()) {
            return Err(TargetError::Failed(format!("{}: {}", reply.status, reply.body)));
        }
        let number = |header: &str| reply.header(header).parse().unwrap_or(0);
        let (prompt, completion) = (number("x-input-tokens"), number("x-output-tokens"));
        let cost = reply.header("x-cost-usd").parse().ok();
        let tokens = TokenUsage { total: prompt + completion, prompt, completion, ..TokenUsage::default() };
        Ok(Output { output: reply.body.into(), tokens, cost, ..Output::default() })
    }
}

fn library_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts")
}

fn config() -> Config {
    Config::read(&library_dir().join("promptfoo.config.yaml")).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

async fn run(house: &House, filter: Filter) -> (Summary, Vec<CaseResult>) {
    let mut results = Vec::new();
    let options = Options { filter, ..Options::default() };
    let summary = evals::run(&config(), &Functions(house), &options, &mut results).await.expect("it runs");
    (summary, results)
}

fn of_section(name: &str) -> Filter {
    Filter { metadata: vec![("section".into(), name.into())], ..Filter::default() }
}

fn is_refused(result: &CaseResult) -> bool {
    result.test_case["metadata"]["edge"].as_array().is_some_and(|kinds| kinds.contains(&json!("refused")))
}

/// The metrics of the assertions that do not hold.
fn failing(grade: &Grade) -> BTreeSet<String> {
    let own = grade.assertion["metric"].as_str().filter(|_| !grade.pass && grade.components.is_empty());
    own.map(str::to_owned).into_iter().chain(grade.components.iter().flat_map(failing)).collect()
}

/// Results in a line each, for whoever reads a failure.
fn told(results: &[&CaseResult]) -> String {
    let lines = results.iter().map(|r| format!("{} {:?} {:?}: {}", r.provider_label, r.outcome, r.description(), r.grade.reason));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_section_holds_its_suite() {
    let house = House::open().await;
    let began = Instant::now();
    let (summary, results) = run(&house, Filter::default()).await;
    let wrong: Vec<_> = results.iter().filter(|r| r.outcome != Outcome::Passed).collect();
    assert!(wrong.is_empty(), "{}", told(&wrong));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?} are too long for every change", began.elapsed());
    // A column for each section, and in it that section's figures alone.
    let sections: BTreeSet<&str> = results.iter().map(|r| r.provider_label.as_str()).collect();
    let known: BTreeSet<String> = house.app.release().sections().iter().map(|t| t.name.to_string()).collect();
    assert_eq!(sections, known.iter().map(String::as_str).collect());
    assert!(summary.prompts.iter().all(|column| column.passed >= 17), "{:?}", summary.prompts);
    assert!(results.iter().all(|r| r.provider_label == r.vars["section"] && r.test_case["metadata"]["section"] == r.vars["section"]));
    assert_eq!(results.iter().filter(|r| is_refused(r)).count(), known.len(), "each suite has an input that is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_notices_placeholders_and_counts_no_answer_as_none() {
    let house = House::open().await;
    house.upstream.always(Some(Fault::Placeholder));
    let (_, results) = run(&house, of_section("swot")).await;
    for result in results.iter().filter(|r| !is_refused(r)) {
        assert_eq!(result.outcome, Outcome::Failed, "{:?}", result.description());
        assert!(failing(&result.grade).contains("placeholders"), "{:?}: {}", result.description(), result.grade.reason);
    }
    house.upstream.reset();
    house.upstream.always(Some(Fault::WrongSchema));
    let (summary, results) = run(&house, of_section("swot")).await;
    let answered: Vec<_> = results.iter().filter(|r| r.outcome != Outcome::Error).collect();
    assert!(answered.iter().all(|r| is_refused(r) || failing(&r.grade).contains("schema")), "{}", told(&answered));
    assert_eq!(summary.passed, 1, "only what is refused before a model is asked passes");
    house.upstream.reset();
}

/// Answers with the form of the template a case belongs to, so that every assertion about a utility is judged at least once.
struct Utilities<'a>(&'a House);

#[async_trait]
impl Target for Utilities<'_> {
    async fn call(&self, provider: &Provider, _: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let failed = |error: &dyn std::fmt::Display| TargetError::Failed(error.to_string());
        let release = self.0.app.release();
        let template = release.templates().find(|t| t.name.as_str() == provider.label).ok_or_else(|| failed(&"no such template"))?;
        let rendered = template.render(&Value::Object(vars.clone())).map_err(|error| failed(&error))?;
        let output = testkit::instance::instance(&template.forms().plain, &format!("{}\n{}", rendered.system, rendered.user));
        let tokens = TokenUsage { total: 100, ..TokenUsage::default() };
        Ok(Output { output: output.to_string().into(), tokens, cost: Some(0.0), ..Output::default() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_a_utility_can_be_asked_and_judged() {
    let house = House::open().await;
    let release = house.app.release();
    for template in release.templates().filter(|t| !t.is_section()) {
        let suite = library_dir().join(format!("tests/{}.yaml", template.name));
        let written = json!({
            "prompts": ["none"], "providers": [{"id": "planner", "label": template.name}], "tests": format!("file://{}", suite.display()),
            "defaultTest": {"options": {"disableVarExpansion": true}},
        });
        let path = house.dir.path().join(format!("{}.yaml", template.name));
        std::fs::write(&path, written.to_string()).expect("written");
        let config = Config::read(&path).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let mut results = Vec::new();
        let summary = evals::run(&config, &Utilities(&house), &Options::default(), &mut results).await.expect("it runs");
        let errors: Vec<_> = results.iter().filter_map(|r| r.error.as_ref().map(|why| format!("{:?}: {why}", r.description()))).collect();
        assert_eq!((summary.errors, errors), (0, Vec::new()), "{}", template.name);
        assert!(results.len() >= 15 && results.iter().all(|r| !failing(&r.grade).contains("schema")), "{}", template.name);
    }
}
