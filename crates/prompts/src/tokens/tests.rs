use super::*;
use crate::files::{Role, SourceFile};

fn plan() -> Plan {
    let priced = |name: &str, input: f64, output: f64| PricedModel {
        name: name.into(),
        price: Some(Price { input, cached: input / 10.0, output, search_query: 0.014, grounded_call: 0.0 }),
    };
    Plan { fast: priced("quick", 0.3, 2.5), reasoning: priced("slow", 1.25, 10.0), per_month: 10_000 }
}

fn library() -> Library {
    Library::load(None).expect("the library loads")
}

/// The shipped library with `change` made to the text of one template.
fn changed(name: &str, change: impl Fn(&str) -> String) -> TokenReport {
    let mut files = crate::files::read(None).expect("files");
    let file: &mut SourceFile = files.iter_mut().find(|f| f.stem == name && matches!(f.role, Role::Template(_))).expect("the template");
    file.text = change(&file.text);
    let library = Library::from_files(&files).expect("a library");
    let release = library.latest();
    let template = release.templates().find(|t| t.name.as_str() == name).expect("there").clone();
    report(&library, &release, &template, &plan()).expect("a report")
}

#[test]
fn scripts_weigh_differently() {
    assert_eq!(estimate(""), 0);
    assert_eq!(estimate("four"), 1);
    assert_eq!(estimate("a word      apart"), 3, "of six spaces one counts");
    assert_eq!(estimate("日本語日本語"), 6);
    assert!(estimate("подарки") > estimate("parcels") && estimate("подарки") < estimate("小包小包小包小"));
}

#[test]
fn the_parts_are_what_the_prompts_hold() {
    let library = library();
    let release = library.latest();
    for report in reports(&library, &release, &plan()).expect("reports") {
        assert_eq!(report.input, report.parts.total());
        assert!(report.parts.system > 50 && report.parts.user > 20 && report.parts.schema > 20, "{report:?}");
        assert!(report.parts.context > 0, "{report:?}");
        let template = release.templates().find(|t| t.name.as_str() == report.name).expect("there");
        assert_eq!(report.parts.few_shot > 0, template.variables.iter().any(|v| v.name.contains("relevantExamples")), "{report:?}");
        assert_eq!(report.output_is_limit, !template.is_section(), "{report:?}");
        assert!(report.cost_per_thousand.is_some_and(|cost| cost > 0.0), "{report:?}");
    }
    // A question that gets longer is seen to be.
    let before = changed("swot", str::to_owned);
    let after = changed("swot", |text| {
        text.replace("systemPrompt: |\n", "systemPrompt: |\n  Mind the weather, the season and the harvest of the year.\n")
    });
    assert!((13..=16).contains(&(after.parts.system - before.parts.system)));
    assert_eq!((after.parts.user, after.parts.few_shot), (before.parts.user, before.parts.few_shot));
}

#[test]
fn a_model_without_a_price_leaves_the_money_open() {
    let library = library();
    let release = library.latest();
    let unknown = PricedModel { name: "new".into(), price: None };
    let plan = Plan { fast: unknown.clone(), reasoning: unknown, per_month: 1 };
    let all = reports(&library, &release, &plan).expect("reports");
    assert!(all.iter().all(|r| r.cost_per_thousand.is_none() && r.suggestions.iter().all(|s| s.monthly.is_none())));
}

#[test]
fn what_could_be_left_out_is_named_with_its_lines() {
    let report = changed("swot", |text| {
        let polite = "userPrompt: |\n  Please name the points in order to help.\n  Every point must name this product and one fact about it.\n  \
                      Every point must name this one product and a fact about it.\n";
        text.replace("userPrompt: |\n", polite)
    });
    let find = |kind: &str| report.suggestions.iter().filter(|s| s.kind == kind).collect::<Vec<_>>();
    assert_eq!(find("long-words").iter().map(|s| s.place.as_str()).collect::<Vec<_>>(), ["userPrompt 1", "userPrompt 1"]);
    let twice = find("said-twice");
    assert_eq!((twice[0].place.as_str(), twice[0].message.as_str()), ("userPrompt 3", "says what userPrompt 2 says; keep one of them"));
    let saved = twice[0].monthly.expect("priced");
    let price = if report.class == ModelClass::Fast { 0.3 } else { 1.25 };
    assert!((saved - f64::from(u32::try_from(twice[0].tokens).expect("small")) * price / 100.0).abs() < 1e-9, "{saved}");
    assert!(find("shared-rules")[0].place.starts_with("systemPrompt "), "{report:?}");
    let sorted: Vec<f64> = report.suggestions.iter().filter_map(|s| s.monthly).collect();
    assert!(sorted.windows(2).all(|pair| pair[0] >= pair[1]), "{sorted:?}");
}

#[test]
fn the_shipped_prompts_have_no_words_to_spare() {
    let library = library();
    let release = library.latest();
    for report in reports(&library, &release, &plan()).expect("reports") {
        let spare: Vec<_> =
            report.suggestions.iter().filter(|s| ["long-words", "said-twice", "unused-variable"].contains(&s.kind)).collect();
        assert!(spare.is_empty(), "{}: {spare:?}", report.name);
    }
}
