//! What the suites would notice: answers in another language or currency than was asked for, made without the earlier sections or without
//! hearing the criticism, and answers that obey an order hidden in somebody's text. A case that passes them all the same says nothing.

use super::*;
use evals::read_value;

/// Asks for something else than the case says; the answer is judged by what the case says.
struct Deaf<'a> {
    functions: Functions<'a>,
    /// Variables that are not heard.
    to: &'a [&'a str],
    /// What is heard instead.
    instead: Map<String, Value>,
}

#[async_trait]
impl Target for Deaf<'_> {
    async fn call(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let mut heard = vars.clone();
        heard.retain(|name, _| !self.to.contains(&name.as_str()));
        heard.extend(self.instead.clone());
        self.functions.call(provider, prompt, &heard).await
    }
}

/// The results of the cases that a filter lets through, asked without some of their variables.
async fn deaf(house: &House, filter: Filter, to: &[&str], instead: Map<String, Value>) -> Vec<CaseResult> {
    let mut results = Vec::new();
    let options = Options { filter, ..Options::default() };
    evals::run(&config(), &Deaf { functions: Functions(house), to, instead }, &options, &mut results).await.expect("it runs");
    results.retain(|result| !is_refused(result));
    results
}

fn of_edge(kind: &str) -> Filter {
    Filter { metadata: vec![("edge".into(), kind.into())], ..Filter::default() }
}

fn in_use() -> Filter {
    Filter { pattern: Some("earlier sections|^criticism of".into()), ..Filter::default() }
}

/// Those that do not fail by an assertion of this metric.
fn unnoticed<'a>(results: &'a [CaseResult], metric: &str) -> Vec<&'a CaseResult> {
    results.iter().filter(|result| !failing(&result.grade).contains(metric)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_english_fails_every_case_in_another_language() {
    let house = House::open().await;
    let results = deaf(&house, of_edge("language"), &["language"], Map::new()).await;
    let sections = house.app.release().sections().len();
    assert_eq!(results.len(), 4 * sections, "four languages beside English in each section");
    assert_eq!(told(&unnoticed(&results, "language")), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_another_currency_fails_wherever_a_price_is_named() {
    let house = House::open().await;
    let release = house.app.release();
    let priced = |form: &str| ["\"format\":\"currency\"", "\"format\":\"price-range\""].iter().any(|named| form.contains(named));
    let sections: Vec<_> = release.sections().into_iter().filter(|template| priced(&template.output.to_string())).collect();
    assert!(sections.len() >= 3, "the sections with money in them");
    for template in sections {
        let kroner = Map::from_iter([("currency".to_owned(), json!("NOK"))]);
        let results = deaf(&house, of_section(template.name.as_str()), &[], kroner).await;
        let results: Vec<_> = results.into_iter().filter(|result| result.vars["currency"] != "NOK").collect();
        assert!(results.len() > 15, "{}", template.name);
        assert_eq!(told(&unnoticed(&results, "guardrails")), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_knows_no_earlier_section_fails() {
    let house = House::open().await;
    let release = house.app.release();
    let names: BTreeSet<String> =
        release.sections().iter().flat_map(|template| &template.depends_on).map(domain::sections::SectionName::camel).collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in &names {
        let mut results = deaf(&house, in_use(), &[name], Map::new()).await;
        results.retain(|result| result.vars.contains_key(name));
        assert!(results.len() >= 2, "{name}");
        assert_eq!(told(&unnoticed(&results, "context")), "", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_hears_no_criticism_fails() {
    let house = House::open().await;
    let mut results = deaf(&house, in_use(), &["previousFeedback"], Map::new()).await;
    results.retain(|result| result.vars.contains_key("previousFeedback"));
    assert!(results.len() >= house.app.release().sections().len(), "each section has a case");
    assert_eq!(told(&unnoticed(&results, "feedback")), "");
}

/// Lays an answer that obeys over a good one.
struct Obeying<T>(T);

#[async_trait]
impl<T: Target> Target for Obeying<T> {
    async fn call(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let mut asked = vars.clone();
        let obeyed = asked.remove("obeyed").unwrap_or_default();
        let answer = self.0.call(provider, prompt, &asked).await?;
        let said = answer.output.as_str().unwrap_or_default();
        let mut whole: Value = serde_json::from_str(said).map_err(|error| TargetError::Failed(format!("{error}: {said}")))?;
        lay(&mut whole, &obeyed);
        Ok(Output { output: whole.to_string().into(), ..answer })
    }
}

/// Fields of an object one by one; anything else in its place.
fn lay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                lay(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The cases of a template with a hidden order, once for each answer that obeys it.
fn orders(name: &str) -> Vec<Value> {
    let suite = read_value(&library_dir().join(format!("tests/{name}.yaml"))).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut orders = Vec::new();
    for case in suite.as_array().into_iter().flatten() {
        for obeyed in case["metadata"]["obeyed"].as_array().into_iter().flatten() {
            let mut order = case.clone();
            order["vars"]["obeyed"] = obeyed.clone();
            order["vars"]["section"] = case["vars"].get("section").cloned().unwrap_or_else(|| name.into());
            orders.push(order);
        }
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_obeys_a_hidden_order_fails() {
    let house = House::open().await;
    let release = house.app.release();
    let body = config().providers[0].config["body"].clone();
    for template in release.templates() {
        let written = json!({
            "prompts": ["none"], "providers": [{"id": "planner", "label": template.name, "config": {"body": body}}],
            "tests": orders(template.name.as_str()), "defaultTest": {"options": {"disableVarExpansion": true}},
        });
        let path = house.dir.path().join(format!("{}.orders.yaml", template.name));
        std::fs::write(&path, written.to_string()).expect("written");
        let config = Config::read(&path).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let (mut results, options) = (Vec::new(), Options::default());
        let ran = if template.is_section() {
            evals::run(&config, &Obeying(Functions(&house)), &options, &mut results).await
        } else {
            evals::run(&config, &Obeying(Utilities(&house)), &options, &mut results).await
        };
        let summary = ran.expect("it runs");
        assert!(summary.errors == 0 && !results.is_empty(), "{}: {}", template.name, told(&results.iter().collect::<Vec<_>>()));
        assert_eq!(told(&unnoticed(&results, "case")), "", "{}", template.name);
        // An answer that a provider could never give would prove nothing.
        let invalid: Vec<_> = results.iter().filter(|result| failing(&result.grade).contains("schema")).collect();
        assert_eq!(told(&invalid), "", "{}", template.name);
    }
}
