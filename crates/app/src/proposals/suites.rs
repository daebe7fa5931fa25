//! The test cases beside what is proposed: they decide whether it may become a release, so they are read and counted before they are kept.

use crate::evals;
use ::evals::{Assert, Case, Config};
use domain::faults::Faults;
use domain::sections::SectionName;
use prompts::files::Role;
use prompts::{Library, SourceFile, Template, TestFile, suites};
use semver::Version;
use serde_json::Value;
use std::collections::BTreeSet;

/// Cases that the suite of one template may stand for, its lists of variables multiplied out: each is asked, twice, and paid.
const MOST_CASES: usize = 1_000;
/// Faults of one suite that are named.
const NAMED: usize = 6;

/// What is wrong with the suites of the templates that are proposed, and with those that are proposed themselves.
pub(super) fn faults(library: &Library, version: &Version, sources: &[SourceFile]) -> Faults {
    let mut faults = Faults::default();
    let Some(release) = library.release(version) else { return faults };
    let names: BTreeSet<&str> = sources.iter().filter(|source| source.role != Role::Example).map(|source| source.stem.as_str()).collect();
    for name in names {
        let at = format!("tests/{name}.yaml");
        let Some(template) = SectionName::parse(name).ok().and_then(|name| release.template(&name)) else {
            faults.add(at, "is for no template; call it after one");
            continue;
        };
        let Some(tests) = library.tests(&template.name) else {
            faults.add(at, format!("is missing: {name} has no test cases, and could not be evaluated"));
            continue;
        };
        let found = wrong(template, tests);
        let more = found.len().saturating_sub(NAMED);
        for message in found.into_iter().take(NAMED) {
            faults.add(&at, message);
        }
        if more > 0 {
            faults.add(&at, format!("has {more} more faults of this kind"));
        }
    }
    faults
}

fn wrong(template: &Template, tests: &TestFile) -> Vec<String> {
    let mut wrong: Vec<String> = tests.cases.iter().enumerate().filter_map(|(at, case)| narrowed(at + 1, case)).collect();
    // Before a case is made of it: what is written there may be a program that runs for ever.
    if wrong.is_empty() {
        match evals::suite(template, &tests.cases) {
            Ok(config) => wrong.extend(counted(&config)),
            Err(why) => wrong.push(why),
        }
    }
    wrong.extend(suites::faults(template, &tests.cases));
    wrong
}

/// A case that takes itself out of what is asked, or computes what it asks.
fn narrowed(number: usize, case: &Value) -> Option<String> {
    let asks_less = ["provider", "providers", "prompts"].into_iter().find(|key| !case[key].is_null());
    let asks_less =
        asks_less.map(|key| format!("the {number}. case has {key}, which would leave it out; every case is asked of what is proposed"));
    let computes = !case["options"]["transformVars"].is_null();
    let computes = computes.then(|| format!("the {number}. case has transformVars, which a server does not run; write its vars out"));
    let other = ["transform", "postprocess"].into_iter().find(|key| !case["options"][key].is_null());
    let other =
        other.map(|key| format!("the {number}. case has {key} in its options: what is judged is the answer, not what is made of it"));
    asks_less.or(computes).or(other)
}

/// That there are too many cases. They come one by one: those beyond the last that is allowed are never made.
fn counted(config: &Config) -> Option<String> {
    let mut cases = config.cases();
    for _ in 0..MOST_CASES {
        match cases.next()? {
            Ok(case) if case.broken.is_some() => return case.broken,
            Ok(case) => {
                if let Some(kind) = case.test.unknown_kind() {
                    return Some(format!("asserts \"{kind}\", which nobody here can judge; use a type of assertion that there is"));
                }
                if let Some(why) = asks_elsewhere(&case) {
                    return Some(why);
                }
            }
            Err(faults) => return faults.first().map(ToString::to_string),
        }
    }
    cases.next().map(|_| format!("makes more than {MOST_CASES} cases of the lists of its variables; write fewer into them"))
}

/// An assertion that would have the server ask somebody it is not configured for: whoever may propose a test does not decide that.
fn asks_elsewhere(case: &Case) -> Option<String> {
    let test = &case.test;
    let called = test.description.as_deref().map_or_else(|| format!("the {}. case", case.index + 1), |name| format!("\"{name}\""));
    if !test.options.provider.is_null() {
        return Some(format!(
            "{called} names a provider in its options; assertions are judged by the configured models alone, take it out"
        ));
    }
    // By the entry of the file it stands in, whether alone or in a set.
    let mut all = test.asserts.iter().enumerate().flat_map(|(at, assert)| {
        let parts = match assert {
            Assert::One(one) => std::slice::from_ref(one.as_ref()),
            Assert::Set(set) => set.asserts.as_slice(),
        };
        parts.iter().map(move |assertion| (at + 1, assertion))
    });
    all.find_map(|(at, assertion)| {
        let name = assertion.name();
        if !assertion.provider.is_null() {
            return Some(format!(
                "{called}: its {at}. assertion, {name}, names a provider; the configured models judge alone, take it out"
            ));
        }
        let elsewhere = ["webhook", "search-rubric"].contains(&assertion.kind.as_str());
        elsewhere
            .then(|| format!("{called}: its {at}. assertion, {name}, asks addresses that a server does not ask; assert it another way"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_leaves_itself_out_or_makes_too_many_is_named() {
        let library = Library::load(None).expect("the library");
        let release = library.latest();
        let template = release.sections()[0];
        let tests = library.tests(&template.name).expect("its tests");
        assert_eq!(wrong(template, tests), [""; 0], "what ships may be proposed");
        let with = |change: &dyn Fn(&mut Value)| {
            let mut cases = tests.cases.clone();
            change(&mut cases[0]);
            wrong(template, &TestFile { cases, ..tests.clone() }).join("\n")
        };
        assert!(with(&|case| case["provider"] = json!("nobody")).contains("has provider"));
        assert!(with(&|case| case["prompts"] = json!(["x"])).contains("has prompts"));
        assert!(with(&|case| case["options"] = json!({"transformVars": "while (true) {}"})).contains("has transformVars"));
        assert!(with(&|case| case["asert"] = json!([])).contains("asert"));
        assert!(with(&|case| case["assert"][1]["type"] = json!("icontain")).contains("icontain"));
        let name = tests.cases[0]["description"].as_str().expect("a name").to_owned();
        let own = tests.cases[0]["assert"].as_array().expect("some").len() + 1;
        for (assertion, says) in [
            (json!({"type": "llm-rubric", "value": "good", "provider": "openai:gpt-5"}), "llm-rubric, names a provider"),
            (json!({"type": "webhook", "value": "http://10.0.0.1/"}), "webhook, asks addresses"),
            (json!({"type": "not-webhook", "value": "http://10.0.0.1/"}), "not-webhook, asks addresses"),
            (json!({"type": "search-rubric", "value": "true"}), "search-rubric, asks addresses"),
            (json!({"type": "assert-set", "assert": [{"type": "webhook", "value": "http://10.0.0.1/"}]}), "webhook, asks addresses"),
        ] {
            let said = with(&|case| case["assert"].as_array_mut().expect("some").push(assertion.clone()));
            assert!(said.contains(&format!("\"{name}\": its {own}. assertion, {says}")), "{says}: {said}");
        }
        assert!(with(&|case| case["options"] = json!({"provider": "openai:gpt-5"})).contains("names a provider in its options"));
        let ten: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let bomb = with(&|case| {
            for n in 0..12 {
                case["vars"][format!("v{n}")] = json!(ten);
            }
        });
        assert!(bomb.contains("1000000000000 cases"), "{bomb}");
        let many = with(&|case| {
            for n in 0..3 {
                case["vars"][format!("v{n}")] = json!(ten);
            }
        });
        assert!(many.contains("makes more than 1000 cases"), "{many}");
    }
}
