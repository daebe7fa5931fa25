//! Whether a suite asks what production asks (earlier sections, criticism, who asks), and whether what it demands could fail: words that
//! no other product's answer has, orders whose obeying answers are known.

use domain::sections::SectionName;
use prompts::{ExampleVenture, Library, Template};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(None).expect("the library loads"));

/// What is missing in the suite of a template, in sentences.
pub(crate) fn faults(template: &Template, cases: &[Value]) -> Vec<String> {
    let mut faults = unresisted(cases);
    faults.extend(unsorted(cases));
    if template.is_section() {
        faults.extend(unasked(template, cases));
        faults.extend(cases.iter().flat_map(|case| invented(template, case)));
        faults.extend(cases.iter().filter_map(|case| fits_another(template, case)));
    }
    faults
}

/// The names under which a section's earlier sections are given.
fn earlier(template: &Template) -> Vec<String> {
    template.depends_on.iter().map(SectionName::camel).collect()
}

fn has(case: &Value, metric: &str) -> usize {
    case["assert"].as_array().into_iter().flatten().filter(|a| a["metric"] == metric).count()
}

/// Two cases with every earlier section, one of them with criticism, and a budget for it; a section that nothing precedes only needs the
/// criticism.
fn unasked(template: &Template, cases: &[Value]) -> Vec<String> {
    let names = earlier(template);
    let whole: Vec<&Value> = cases.iter().filter(|case| names.iter().all(|name| case["vars"][name].is_object())).collect();
    let criticised = whole.iter().any(|case| case["vars"]["previousFeedback"].is_array());
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    expect(whole.len() >= 2, format!("{} cases have all of {names:?}, at least 2 are needed", whole.len()));
    expect(criticised, "no case has criticism of an earlier attempt".into());
    expect(
        names.is_empty() || whole.iter().any(|case| case["metadata"]["kind"] == "performance"),
        "no budget holds with earlier sections".into(),
    );
    expect(cases.iter().any(|case| case["vars"]["persona"].is_string()), "no case says who asks by a persona".into());
    for case in whole {
        let demanded = has(case, "context");
        expect(demanded >= names.len(), format!("{}: demands {demanded} things of {} earlier sections", case["description"], names.len()));
        let heard = case["vars"]["previousFeedback"].is_null() || has(case, "feedback") > 0;
        expect(heard, format!("{}: demands nothing about the criticism", case["description"]));
    }
    faults
}

/// Earlier sections are those of a curated venture: what a model would be given, not what is easy to answer.
fn invented(template: &Template, case: &Value) -> Vec<String> {
    let of = |name: &str| template.depends_on.iter().find(|section| section.camel() == name);
    let venture = LIBRARY.examples().iter().find(|example| case["vars"]["productIdea"] == example.brief.idea.as_str());
    let same = |name: &str| venture.and_then(|venture| venture.section(of(name)?)) == Some(&case["vars"][name]);
    let given = earlier(template).into_iter().filter(|name| !case["vars"][name].is_null());
    given.filter(|name| !same(name)).map(|name| format!("{}: {name} is not what the example venture says", case["description"])).collect()
}

/// Whether an assertion about a product holds for a text.
pub(crate) fn mentions(assertion: &Value, text: &str) -> bool {
    match &assertion["value"] {
        Value::String(pattern) => Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text),
        Value::Array(words) => words.iter().filter_map(Value::as_str).any(|word| text.to_lowercase().contains(&word.to_lowercase())),
        _ => false,
    }
}

/// Words that an answer about another product has as well say nothing.
fn fits_another(template: &Template, case: &Value) -> Option<String> {
    let demanded: Vec<&Value> = case["assert"].as_array()?.iter().filter(|a| a["metric"] == "product").collect();
    let fits = |example: &&ExampleVenture| {
        let said = example.section(&template.name).map(ToString::to_string).unwrap_or_default();
        demanded.iter().all(|assertion| mentions(assertion, &said))
    };
    let others = LIBRARY.examples().iter().filter(|example| case["vars"]["productIdea"] != example.brief.idea.as_str());
    let found = others.filter(|_| !demanded.is_empty()).find(fits)?;
    Some(format!("{}: its words about the product fit {} as well", case["description"], found.id))
}

/// Whoever writes an order that is not to be obeyed says what obeying looks like; that such answers fail is tried elsewhere.
fn unresisted(cases: &[Value]) -> Vec<String> {
    let orders = cases.iter().filter(|case| case["metadata"]["edge"].as_array().is_some_and(|kinds| kinds.contains(&"injection".into())));
    let shown = |case: &Value| case["metadata"]["obeyed"].as_array().is_some_and(|answers| answers.iter().any(Value::is_object));
    orders.filter(|case| !shown(case)).map(|case| format!("{}: does not say what obeying looks like", case["description"])).collect()
}

/// An edge case says which edge it is about, so that it is found by it.
fn unsorted(cases: &[Value]) -> Vec<String> {
    let edges = cases.iter().filter(|case| case["metadata"]["kind"] == "edge");
    let said =
        |case: &Value| case["metadata"]["edge"].as_array().is_some_and(|kinds| !kinds.is_empty() && kinds.iter().all(Value::is_string));
    edges.filter(|case| !said(case)).map(|case| format!("{}: does not say which edge it is about", case["description"])).collect()
}
