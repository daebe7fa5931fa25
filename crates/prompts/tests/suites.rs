//! The suites of the library: enough cases of every kind, each held to the template's own schema. A thinner suite fails here, not
//! when somebody reads its pass rate and believes it. What the cases say about a model is the evals' matter.

#[path = "suites/production.rs"]
mod production;

use domain::ventures::{Brief, RawBrief};
use prompts::suites::{self, asserts, is_refused};
use prompts::{Library, Template};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Kinds of edge cases every suite has.
const EDGES: [&str; 6] = ["niche", "short", "long", "language", "script", "injection"];
/// The voices that have names; a voice in the member's own words comes beside them.
const VOICES: [&str; 3] = ["witty-dad", "professional", "casual-friend"];

fn library() -> Library {
    Library::load(None).expect("the library loads")
}

fn written(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../prompts/tests/{name}.yaml"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn suite(name: &str) -> Vec<Value> {
    read(name, &written(name))
}

fn read(name: &str, text: &str) -> Vec<Value> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_events: 100_000, max_aliases: 100 } };
    serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Everything that is missing or wrong in a suite, in sentences.
fn faults(template: &Template, cases: &[Value]) -> Vec<String> {
    let mut faults = suites::faults(template, cases);
    faults.extend(production::faults(template, cases));
    faults.extend(kinds(template, cases));
    if template.is_section() {
        faults.extend(variety(cases));
        faults.extend(lengths(cases));
    }
    for case in cases {
        let mut found = asserted(template, case);
        found.extend(if template.is_section() { admitted(case) } else { rendered(template, case) });
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", case["description"])));
    }
    faults
}

fn of_kind<'a>(cases: &'a [Value], kind: &str) -> Vec<&'a Value> {
    cases.iter().filter(|case| case["metadata"]["kind"] == kind).collect()
}

fn edges(case: &Value) -> Vec<&str> {
    case["metadata"]["edge"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn kinds(template: &Template, cases: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let budgets = of_kind(cases, "performance");
    let mut wanted = EDGES.to_vec();
    if template.is_section() {
        wanted.push("refused");
    }
    let there: BTreeSet<&str> = cases.iter().flat_map(edges).collect();
    faults.extend(wanted.iter().filter(|kind| !there.contains(**kind)).map(|kind| format!("no edge case of the kind {kind}")));
    let metrics: BTreeSet<&str> = budgets.iter().flat_map(|case| asserts(case)).filter_map(|a| a["metric"].as_str()).collect();
    let budgeted = ["latency", "cost", "tokens"].into_iter().filter(|metric| !metrics.contains(metric));
    faults.extend(budgeted.map(|metric| format!("no performance case has a budget for {metric}")));
    // A budget that is measured on a kept answer says nothing: nobody else may ask the same.
    let same = |a: &Value, b: &Value| a["description"] != b["description"] && a["vars"] == b["vars"];
    let doubled = budgets.iter().filter(|budget| cases.iter().any(|case| same(budget, case)));
    faults.extend(doubled.map(|case| format!("{} asks what another case asks", case["description"])));
    faults
}

/// All voices, levels of experience, several languages, scripts and currencies.
fn variety(cases: &[Value]) -> Vec<String> {
    let all = |key: &str| -> BTreeSet<&str> { cases.iter().filter_map(|case| case["vars"][key].as_str()).collect() };
    let (voices, levels, languages, currencies) = (all("brandVoice"), all("experienceLevel"), all("language"), all("currency"));
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    expect(VOICES.iter().all(|voice| voices.contains(voice)), "not every voice is tried");
    expect(voices.iter().any(|voice| !VOICES.contains(voice)), "no voice in the member's own words is tried");
    expect(["beginner", "intermediate", "expert"].iter().all(|level| levels.contains(level)), "not every level of experience is tried");
    expect(languages.len() >= 5, "fewer than five languages are tried");
    expect(currencies.iter().any(|code| !["USD", "EUR", "GBP"].contains(code)), "no currency beyond dollar, euro and pound is tried");
    expect(currencies.contains("JPY"), "no currency without cents is tried");
    let scripts = cases.iter().filter(|case| edges(case).contains(&"script"));
    expect(scripts.count() >= 2, "fewer than two scripts beyond the Latin one are tried");
    faults
}

/// Short and long mean what the input rules say.
fn lengths(cases: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for case in cases {
        let idea = case["vars"]["productIdea"].as_str().unwrap_or_default();
        let (length, latin) = (idea.chars().count(), !idea.chars().any(|c| c.is_alphabetic() && c > '\u{24f}'));
        for (kind, holds) in [("short", length == 5), ("long", (480..=500).contains(&length)), ("script", !latin)] {
            if edges(case).contains(&kind) && !holds {
                faults.push(format!("{} is no case of the kind {kind}: {length} characters", case["description"]));
            }
        }
    }
    faults
}

fn asserted(template: &Template, case: &Value) -> Vec<String> {
    let all = asserts(case);
    let has = |metric: &str| all.iter().any(|a| a["metric"] == metric);
    if is_refused(case) {
        return Vec::new();
    }
    let mut wanted = vec!["placeholders", "guardrails"];
    if template.is_section() {
        wanted.push("product");
    }
    let language = case["vars"]["language"].as_str().or(case["vars"]["metadata"]["language"].as_str()).unwrap_or("English");
    if language != "English" {
        wanted.push("language");
    }
    wanted.into_iter().filter(|metric| !has(metric)).map(|metric| format!("asserts nothing about {metric}")).collect()
}

/// Whether the input rules let the case in, or refuse it where it says so; and whether its words are about its product.
fn admitted(case: &Value) -> Vec<String> {
    let text = |key: &str| case["vars"][key].as_str().map(str::to_owned);
    let raw = RawBrief {
        idea: text("productIdea").unwrap_or_default(),
        voice: text("brandVoice"),
        persona: text("persona"),
        experience: text("experienceLevel"),
        target_market: text("targetMarket"),
        price_range: text("priceRange"),
        language: text("language"),
        currency: text("currency"),
    };
    let mut faults = match (Brief::parse(&raw), is_refused(case)) {
        (Ok(_), true) => vec!["is let through, though it says that it is refused".to_owned()],
        (Err(why), false) => vec![format!("is refused: {why}")],
        _ => Vec::new(),
    };
    let words: Vec<&Value> = asserts(case).into_iter().filter(|a| a["metric"] == "product").collect();
    if !is_refused(case) && !words.iter().any(|assertion| production::mentions(assertion, &raw.idea)) {
        faults.push("none of the words about its product is in the idea".to_owned());
    }
    let latin = |assertion: &&Value| match &assertion["value"] {
        Value::Array(listed) => listed.iter().filter_map(Value::as_str).any(str::is_ascii),
        pattern => pattern.as_str().is_some_and(str::is_ascii),
    };
    if edges(case).contains(&"script") && words.iter().any(latin) {
        faults.push("expects words in Latin letters of an answer in another script".to_owned());
    }
    faults
}

/// Whether a utility's prompts can be made from the case.
fn rendered(template: &Template, case: &Value) -> Vec<String> {
    template.render(&case["vars"]).err().map(|error| error.to_string()).into_iter().collect()
}

#[test]
fn every_suite_is_whole() {
    let release = library().latest();
    let mut found = Vec::new();
    for template in release.templates() {
        let faults = faults(template, &suite(template.name.as_str()));
        found.extend(faults.into_iter().map(|fault| format!("{}: {fault}", template.name)));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_thinner_suite_is_noticed() {
    let release = library().latest();
    let template = release.sections()[0];
    let whole = suite(template.name.as_str());
    assert_eq!(faults(template, &whole), [""; 0]);
    let said = |cases: &[Value]| faults(template, cases).join("\n");
    let without = |kind: &str| -> Vec<Value> { whole.iter().filter(|case| !edges(case).contains(&kind)).cloned().collect() };
    for kind in EDGES.into_iter().chain(["refused"]) {
        assert!(said(&without(kind)).contains(&format!("no edge case of the kind {kind}")), "{kind}");
    }
    let happy: Vec<Value> = whole.iter().filter(|case| case["metadata"]["kind"] != "happy").cloned().collect();
    assert!(said(&happy).contains("0 happy cases, at least 10"));
    let fast: Vec<Value> = whole.iter().filter(|case| case["metadata"]["kind"] != "performance").cloned().collect();
    assert!(said(&fast).contains("budget for latency") && said(&fast).contains("budget for tokens"));
}

#[test]
fn a_case_that_demands_less_is_noticed() {
    let release = library().latest();
    let template = release.sections()[0];
    let whole = suite(template.name.as_str());
    let changed = |change: &dyn Fn(&mut Value)| -> String {
        let mut cases = whole.clone();
        cases.iter_mut().for_each(change);
        faults(template, &cases).join("\n")
    };
    let loose = changed(&|case| {
        if let Some(schema) = case.pointer_mut("/assert/0/assert/0/value") {
            *schema = json!({"type": "object", "required": schema["required"]});
        }
    });
    assert!(loose.contains("asserts a schema that is not the output of"), "{loose}");
    let nothing = changed(&|case| {
        if let Some(list) = case["assert"].as_array_mut() {
            list.truncate(1);
        }
    });
    assert!(nothing.contains("asserts nothing of its own"), "{nothing}");
    let easy = changed(&|case| case["threshold"] = json!(0));
    assert!(easy.contains("has a threshold"), "{easy}");
    let wordless = changed(&|case| {
        let kept: Vec<Value> = case["assert"].as_array().into_iter().flatten().filter(|a| a["metric"] != "product").cloned().collect();
        case["assert"] = kept.into();
    });
    assert!(wordless.contains("asserts nothing about product"), "{wordless}");
    let short = changed(&|case| {
        if edges(case).contains(&"long") {
            case["vars"]["productIdea"] = "wool".repeat(100).into();
        }
    });
    assert!(short.contains("is no case of the kind long: 400 characters"), "{short}");
    let harmless = changed(&|case| {
        if is_refused(case) {
            case["vars"]["productIdea"] = "soy candles in jars".into();
        }
    });
    assert!(harmless.contains("is let through"), "{harmless}");
}

#[test]
fn a_suite_that_asks_less_than_production_is_noticed() {
    let release = library().latest();
    let template = release.sections().into_iter().find(|template| template.name.as_str() == "swot").expect("a SWOT");
    let whole = suite("swot");
    let changed = |change: &dyn Fn(&mut Value)| -> String {
        let mut cases = whole.clone();
        cases.iter_mut().for_each(change);
        faults(template, &cases).join("\n")
    };
    let alone = changed(&|case| case["vars"]["competitorAnalysis"] = Value::Null);
    assert!(alone.contains("0 cases have all of"), "{alone}");
    let praised = changed(&|case| case["vars"]["previousFeedback"] = Value::Null);
    assert!(praised.contains("no case has criticism"), "{praised}");
    let invented = changed(&|case| {
        if let Some(title) = case.pointer_mut("/vars/productPlan/productTitle") {
            *title = "Boots".into();
        }
    });
    assert!(invented.contains("productPlan is not what the example venture says"), "{invented}");
    let words = changed(&|case| {
        for assertion in case["assert"].as_array_mut().into_iter().flatten().filter(|a| a["metric"] == "product") {
            assertion["value"] = json!(["tag", "ear"]);
        }
    });
    assert!(words.contains("fit alpine-boots as well"), "{words}");
    let tame = changed(&|case| case["metadata"]["obeyed"] = Value::Null);
    assert!(tame.contains("does not say what obeying looks like"), "{tame}");
}

/// What every answer must be is said once in a suite, so a case is added in one line and demands it all.
#[test]
fn a_case_is_added_in_one_line() {
    for template in library().latest().templates() {
        let name = template.name.as_str();
        let line =
            "- {description: added, metadata: {kind: happy}, vars: {}, assert: [*form, {type: icontains, metric: case, value: x}]}\n";
        let cases = read(name, &format!("{}{line}", written(name)));
        let added = cases.last().unwrap_or_else(|| panic!("{name} has no cases"));
        assert_eq!(
            asserted(template, added),
            template.is_section().then_some("asserts nothing about product").into_iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

/// A case that says it is refused is taken for one only if an answer would fail it.
#[test]
fn a_refusal_has_to_be_demanded() {
    let library = library();
    let release = library.latest();
    let template = release.sections()[0].clone();
    let cases = suite(template.name.as_str());
    let at = cases.iter().position(is_refused).expect("one is refused");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut cases = cases.clone();
        change(&mut cases[at]);
        suites::faults(&template, &cases).join("\n")
    };
    let name = cases[at]["description"].as_str().expect("a name");
    assert_eq!(with(&|_| ()), "");
    let only = |assertion: Value| with(&|case| case["assert"] = json!([assertion]));
    for (says, found) in [
        ("would take an answer for it", only(json!({"type": "contains", "metric": "refusal", "value": "productIdea"}))),
        ("would take an answer for it", only(json!({"type": "javascript", "metric": "refusal", "value": "true"}))),
        ("what the refusal says", only(json!({"type": "javascript", "metric": "refusal", "value": "true"}))),
        ("would take an answer for it", with(&|case| case["assert"][2]["value"] = json!("\"virtues\""))),
        ("would take an answer for it", with(&|case| case["assert"][2]["weight"] = json!(0))),
        ("what the refusal says", with(&|case| case["assert"] = json!([case["assert"][2]]))),
        ("has a threshold", with(&|case| case["threshold"] = json!(0.1))),
        ("only an edge case", with(&|case| case["metadata"]["kind"] = json!("happy"))),
        ("says that it is refused", with(&|case| case["assert"] = json!([]))),
    ] {
        assert!(found.contains(says) && found.contains(name), "{says}: {found}");
    }
    // Any other case that only says so.
    let other = cases.iter().position(|case| edges(case).contains(&"niche")).expect("a niche");
    let mut believed = cases.clone();
    believed[other]["metadata"]["edge"] = json!(["niche", "refused"]);
    believed[other]["assert"] = json!([{"type": "javascript", "metric": "refusal", "value": "true"}]);
    assert!(suites::faults(&template, &believed).join("\n").contains("would take an answer for it"));
}
