//! Which class of model each template needs, and what evals say about it. Nothing is recommended that no eval has shown.

use crate::library::Release;
use crate::template::{ModelClass, Template};
use domain::sections::SectionName;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Fewer cases than this show nothing.
const ENOUGH: usize = 10;
/// The share of cases that has to pass, as for a release.
const PASSES: f64 = 0.95;
/// How much worse the cheaper class may do.
const SLACK: f64 = 0.02;

/// What evals found of one template with one class of model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassEvidence {
    /// The class.
    pub class: ModelClass,
    /// Cases asked, errors included.
    pub cases: usize,
    /// Cases passed.
    pub passed: usize,
    /// The middle of the latencies of answers that came from no cache, in milliseconds.
    pub p50_ms: Option<u64>,
    /// Mean US dollars of the answers whose cost is known.
    pub mean_cost: Option<f64>,
}

impl ClassEvidence {
    /// The share that passed.
    #[expect(clippy::cast_precision_loss, reason = "suites have far fewer than 2^52 cases")]
    pub fn pass_rate(&self) -> f64 {
        self.passed as f64 / self.cases.max(1) as f64
    }
}

/// What the evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing was evaluated, or too little.
    NoEvidence,
    /// The declared class holds what a release demands; the other was not tried.
    Holds,
    /// The declared class does not hold what a release demands; the other was not tried.
    TryTheOther,
    /// Both were tried: `fast` is enough.
    FastIsEnough,
    /// Both were tried: it takes `reasoning`.
    NeedsReasoning,
}

impl Verdict {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoEvidence => "no evidence yet",
            Self::Holds => "holds; the other class was not tried",
            Self::TryTheOther => "below 95 %; try the other class",
            Self::FastIsEnough => "fast is enough",
            Self::NeedsReasoning => "needs reasoning",
        }
    }
}

/// A line of the routing table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    /// The template.
    pub name: String,
    /// The class its file asks for.
    pub declared: ModelClass,
    /// What was found, by class; a class that was not tried is not there.
    pub evidence: Vec<ClassEvidence>,
    /// What that says.
    pub verdict: Verdict,
}

/// Results of evals, by template and class.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    found: BTreeMap<(String, ModelClass), Tally>,
    /// Results that could be put to no template or no class.
    pub unplaced: usize,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    cases: usize,
    passed: usize,
    latencies: Vec<u64>,
    costs: Vec<f64>,
}

impl Evidence {
    /// Takes one result in promptfoo's form, a line of a JSONL file; false if it is no result.
    ///
    /// The template is the one its metadata names as `section`, else the one its provider (`planner:swot@...`) or the provider's
    /// label names. `class_of` says which class a model (`provider:model`) stands in.
    pub fn add(&mut self, row: &Value, release: &Release, class_of: &dyn Fn(&str) -> Option<ModelClass>) -> bool {
        let Some(success) = row.get("success").and_then(Value::as_bool) else { return false };
        let template = names(row).into_iter().find_map(|name| release.templates().find(|t| t.name.as_str() == name));
        let Some((template, class)) = template.and_then(|t| Some((t, class(row, class_of)?))) else {
            self.unplaced += 1;
            return true;
        };
        let tally = self.found.entry((template.name.to_string(), class)).or_default();
        tally.cases += 1;
        tally.passed += usize::from(success);
        let cached = [row.pointer("/response/cached"), row.get("cached")].into_iter().flatten().any(|c| c == true);
        // A failed assertion is an "error" in promptfoo's files too; only a reason of 2 means that there was no answer.
        if !cached && row.get("failureReason").and_then(Value::as_u64) != Some(2) {
            tally.latencies.extend(row.get("latencyMs").and_then(Value::as_u64));
            tally.costs.extend(row.get("cost").or_else(|| row.pointer("/response/cost")).and_then(Value::as_f64));
        }
        true
    }

    /// Takes the figures of cases that were counted elsewhere: cases, those that passed, the middle latency in milliseconds, and US
    /// dollars for all of them.
    pub fn add_counted(&mut self, name: &SectionName, class: ModelClass, counted: (usize, usize), p50_ms: u64, cost: Option<f64>) {
        let tally = self.found.entry((name.to_string(), class)).or_default();
        let (cases, passed) = counted;
        tally.cases += cases;
        tally.passed += passed;
        tally.latencies.extend(std::iter::repeat_n(p50_ms, cases));
        #[expect(clippy::cast_precision_loss, reason = "suites have far fewer than 2^52 cases")]
        let share = cost.map(|cost| cost / cases.max(1) as f64);
        tally.costs.extend(share.into_iter().flat_map(|share| std::iter::repeat_n(share, cases)));
    }

    fn of(&self, template: &Template) -> Vec<ClassEvidence> {
        let classes = [ModelClass::Fast, ModelClass::Reasoning].into_iter();
        let found = classes.filter_map(|class| Some((class, self.found.get(&(template.name.to_string(), class))?)));
        found
            .map(|(class, tally)| {
                let mut sorted = tally.latencies.clone();
                sorted.sort_unstable();
                #[expect(clippy::cast_precision_loss, reason = "suites have far fewer than 2^52 cases")]
                let mean = tally.costs.iter().sum::<f64>() / tally.costs.len() as f64;
                let p50_ms = sorted.get(sorted.len() / 2).copied();
                ClassEvidence {
                    class,
                    cases: tally.cases,
                    passed: tally.passed,
                    p50_ms,
                    mean_cost: (!tally.costs.is_empty()).then_some(mean),
                }
            })
            .collect()
    }
}

/// What may name the template, the surest first.
fn names(row: &Value) -> Vec<&str> {
    let places = ["/metadata/section", "/testCase/metadata/section", "/provider/id", "/provider/label", "/vars/section"];
    let said = places.iter().filter_map(|place| row.pointer(place)?.as_str());
    said.map(|name| name.strip_prefix("planner:").map_or(name, |rest| rest.split('@').next().unwrap_or(rest))).collect()
}

/// The class the answer came from: as the result says it, else that of the model it names.
fn class(row: &Value, class_of: &dyn Fn(&str) -> Option<ModelClass>) -> Option<ModelClass> {
    let said = ["/metadata/class", "/response/metadata/class"].iter().find_map(|place| row.pointer(place)?.as_str());
    match said {
        Some("fast") => return Some(ModelClass::Fast),
        Some("reasoning") => return Some(ModelClass::Reasoning),
        _ => {}
    }
    let places = [
        "/metadata/model",
        "/response/metadata/model",
        "/response/metadata/http/headers/x-model",
        "/metadata/http/headers/x-model",
        "/provider/id",
    ];
    places.iter().find_map(|place| class_of(row.pointer(place)?.as_str()?))
}

/// The routing table of a release: sections in the order people meet them, then utilities.
pub fn table(release: &Release, evidence: &Evidence) -> Vec<Routing> {
    let mut templates: Vec<_> = release.templates().collect();
    templates.sort_by_key(|t| (t.step.is_none(), t.step, t.order, t.name.clone()));
    let line = |template: &&std::sync::Arc<Template>| {
        let found = evidence.of(template);
        Routing { name: template.name.to_string(), declared: template.model, verdict: verdict(template.model, &found), evidence: found }
    };
    templates.iter().map(line).collect()
}

fn verdict(declared: ModelClass, found: &[ClassEvidence]) -> Verdict {
    let of = |class: ModelClass| found.iter().find(|e| e.class == class && e.cases >= ENOUGH).map(ClassEvidence::pass_rate);
    match (of(ModelClass::Fast), of(ModelClass::Reasoning)) {
        (Some(fast), Some(reasoning)) if fast >= PASSES && fast + SLACK >= reasoning => Verdict::FastIsEnough,
        (Some(_), Some(_)) => Verdict::NeedsReasoning,
        (fast, reasoning) => {
            let own = if declared == ModelClass::Fast { fast } else { reasoning };
            own.map_or(Verdict::NoEvidence, |rate| if rate >= PASSES { Verdict::Holds } else { Verdict::TryTheOther })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Library;
    use serde_json::json;

    fn class_of(model: &str) -> Option<ModelClass> {
        match model {
            "a:quick" => Some(ModelClass::Fast),
            "a:slow" => Some(ModelClass::Reasoning),
            _ => None,
        }
    }

    /// The table after `runs` of (model, passed, failed) of the first section.
    fn line(runs: &[(&str, usize, usize)]) -> Routing {
        let release = Library::load(None).expect("the library loads").latest();
        let name = release.sections()[0].name.to_string();
        let mut evidence = Evidence::default();
        for (model, passed, failed) in runs {
            for n in 0..passed + failed {
                let row = json!({"success": n < *passed, "latencyMs": 100 * (n + 1), "cost": 0.001, "provider": {"id": format!("planner:{name}@production")},
                                 "metadata": {"model": model}});
                assert!(evidence.add(&row, &release, &class_of));
            }
        }
        table(&release, &evidence).into_iter().find(|line| line.name == name).expect("there")
    }

    #[test]
    fn without_evidence_nothing_is_claimed() {
        assert_eq!((line(&[]).verdict, line(&[]).evidence), (Verdict::NoEvidence, vec![]));
        assert_eq!(line(&[("a:quick", 9, 0), ("a:slow", 9, 0)]).verdict, Verdict::NoEvidence, "nine cases are too few");
    }

    #[test]
    fn the_cheaper_class_is_enough_when_it_does_as_well() {
        let both = line(&[("a:quick", 20, 0), ("a:slow", 20, 0)]);
        assert_eq!(both.verdict, Verdict::FastIsEnough);
        assert_eq!(both.evidence[0].p50_ms, Some(1100));
        assert!(both.evidence[0].mean_cost.is_some_and(|cost| (cost - 0.001).abs() < 1e-9));
        assert_eq!(line(&[("a:quick", 17, 3), ("a:slow", 20, 0)]).verdict, Verdict::NeedsReasoning);
        assert_eq!(line(&[("a:quick", 96, 4), ("a:slow", 100, 0)]).verdict, Verdict::NeedsReasoning, "four points are more than the slack");
        let release = Library::load(None).expect("the library loads").latest();
        let own = if release.sections()[0].model == ModelClass::Fast { "a:quick" } else { "a:slow" };
        assert_eq!(line(&[(own, 20, 0)]).verdict, Verdict::Holds);
        assert_eq!(line(&[(own, 18, 2)]).verdict, Verdict::TryTheOther);
    }

    #[test]
    fn what_cannot_be_placed_is_counted_and_what_is_no_result_is_said() {
        let release = Library::load(None).expect("the library loads").latest();
        let mut evidence = Evidence::default();
        assert!(!evidence.add(&json!({"hello": 1}), &release, &class_of));
        assert!(evidence.add(&json!({"success": true, "provider": {"id": "echo"}}), &release, &class_of));
        assert!(evidence.add(
            &json!({"success": true, "provider": {"id": "planner:swot"}, "metadata": {"model": "b:other"}}),
            &release,
            &class_of
        ));
        assert_eq!(evidence.unplaced, 2);
        let peer = json!({"success": true, "provider": {"id": "http", "label": "swot"}, "testCase": {"metadata": {"section": "swot"}},
                          "response": {"metadata": {"http": {"headers": {"x-model": "a:quick"}}}}});
        assert!(evidence.add(&peer, &release, &class_of));
        assert_eq!(evidence.unplaced, 2, "a result of promptfoo over HTTP has its place");
    }
}
