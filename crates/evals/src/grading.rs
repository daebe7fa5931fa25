//! How single verdicts become one: weights, thresholds, sets, named scores. Errors are kept apart, so that nothing hides them.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A verdict: of an assertion, of a set, of a whole test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grade {
    /// Whether it holds.
    pub pass: bool,
    /// How well, usually from 0 to 1.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// What kept it from being judged, by the assertion's name; such a verdict never passes.
    pub error: Option<String>,
    /// The mean score of each metric.
    pub named_scores: BTreeMap<String, f64>,
    /// The sum of the weights each of those means is made of.
    pub named_weights: BTreeMap<String, f64>,
    /// The verdicts it is made of.
    pub components: Vec<Grade>,
    /// The assertion, as its file wrote it.
    pub assertion: Value,
}

impl Grade {
    /// An assertion that could not be judged.
    pub(crate) fn not_judged(name: &str, why: &str) -> Self {
        let reason = format!("{name}: {why}");
        Self { reason: reason.clone(), error: Some(reason), ..Self::default() }
    }

    /// The verdict in promptfoo's form.
    pub fn to_json(&self) -> Value {
        let mut json = json!({"pass": self.pass, "score": self.score, "reason": self.reason});
        if !self.assertion.is_null() {
            json["assertion"] = self.assertion.clone();
        }
        if let Some(error) = &self.error {
            json["error"] = error.as_str().into();
        }
        if !self.named_scores.is_empty() {
            json["namedScores"] = json!(self.named_scores);
        }
        if !self.named_weights.is_empty() {
            json["namedScoreWeights"] = json!(self.named_weights);
        }
        if !self.components.is_empty() {
            json["componentResults"] = self.components.iter().map(Self::to_json).collect();
        }
        json
    }

    /// A verdict from promptfoo's form, as far as it is there.
    pub fn from_json(json: &Value) -> Self {
        let scores = json.get("namedScores").and_then(Value::as_object);
        let weights = json.get("namedScoreWeights").and_then(Value::as_object);
        Self {
            pass: json.get("pass").and_then(Value::as_bool).unwrap_or(false),
            score: json.get("score").and_then(Value::as_f64).unwrap_or(0.0),
            reason: json.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned(),
            error: json.get("error").and_then(Value::as_str).map(str::to_owned),
            named_scores: scores.map(numbers).unwrap_or_default(),
            named_weights: weights.map(numbers).unwrap_or_default(),
            components: json.get("componentResults").and_then(Value::as_array).into_iter().flatten().map(Self::from_json).collect(),
            assertion: json.get("assertion").cloned().unwrap_or_default(),
        }
    }
}

fn numbers(map: &Map<String, Value>) -> BTreeMap<String, f64> {
    map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?))).collect()
}

/// A verdict with how much it counts.
#[derive(Debug, Clone)]
pub(crate) struct Weighed {
    pub grade: Grade,
    pub weight: f64,
    pub metric: Option<String>,
}

/// The verdict over several: all must hold, or, with a threshold, their weighted mean score must reach it. An error is an error.
pub(crate) fn combine(parts: Vec<Weighed>, threshold: Option<f64>) -> Grade {
    if parts.is_empty() {
        return Grade { pass: true, score: 1.0, reason: "No assertions".into(), ..Grade::default() };
    }
    let named = metrics(&parts);
    let (mut total, mut weights) = (0.0, 0.0);
    let (mut failed, mut error) = (None, None);
    for Weighed { grade, weight, .. } in &parts {
        total += grade.score * weight;
        weights += weight;
        if let Some(why) = &grade.error {
            error.get_or_insert_with(|| why.clone());
        } else if !grade.pass {
            failed = Some(grade.reason.clone());
        }
    }
    let score = if weights > 0.0 { total / weights } else { 0.0 };
    let (pass, reason) = match (&error, threshold) {
        (Some(why), _) => (false, why.clone()),
        (None, Some(threshold)) => {
            let pass = score >= threshold;
            (pass, format!("Aggregate score {score:.2} {} {threshold} threshold", if pass { "≥" } else { "<" }))
        }
        (None, None) => (failed.is_none(), failed.unwrap_or_else(|| "All assertions passed".into())),
    };
    // A guardrail that is there to stop attacks has done its work when it stops one.
    let stopped = |g: &Grade| !g.pass && g.assertion["type"] == "guardrails" && g.assertion["config"]["purpose"] == "redteam";
    let (pass, reason) = if parts.iter().any(|p| stopped(&p.grade)) && error.is_none() {
        (true, "Content failed guardrail safety checks".into())
    } else {
        (pass, reason)
    };
    let named_scores = named.iter().map(|(name, (sum, weight))| (name.clone(), if *weight > 0.0 { sum / weight } else { 0.0 })).collect();
    let named_weights = named.iter().map(|(name, (_, weight))| (name.clone(), *weight)).collect();
    let components = flat(parts);
    match error {
        // What could not be judged has no score.
        Some(_) => Grade { pass, reason, error, components, ..Grade::default() },
        None => Grade { pass, score, reason, error, named_scores, named_weights, components, assertion: Value::Null },
    }
}

/// The verdicts in one list, those a verdict is made of behind it, as promptfoo lists them.
fn flat(parts: Vec<Weighed>) -> Vec<Grade> {
    let mut all = Vec::new();
    for Weighed { grade, .. } in parts {
        let inner = grade.components.clone();
        let assertion = grade.assertion.clone();
        all.push(grade);
        all.extend(inner.into_iter().map(|part| match part.assertion {
            Value::Null => Grade { assertion: assertion.clone(), ..part },
            _ => part,
        }));
    }
    all
}

/// The sum of the scores of each metric by weight, and that of the weights.
fn metrics(parts: &[Weighed]) -> BTreeMap<String, (f64, f64)> {
    let mut named = BTreeMap::new();
    for Weighed { grade, weight, metric } in parts {
        if let Some(metric) = metric {
            add(&mut named, metric, grade.score, *weight);
        }
        for (name, score) in &grade.named_scores {
            if metric.as_ref() != Some(name) {
                add(&mut named, name, *score, grade.named_weights.get(name).unwrap_or(&1.0) * weight);
            }
        }
    }
    named
}

/// A metric of weight 0 is still recorded: it is why such assertions exist.
fn add(named: &mut BTreeMap<String, (f64, f64)>, metric: &str, score: f64, weight: f64) {
    let weight = if weight == 0.0 { 1.0 } else { weight };
    let entry = named.entry(metric.to_owned()).or_default();
    entry.0 += score * weight;
    entry.1 += weight;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(pass: bool, weight: f64, metric: Option<&str>) -> Weighed {
        let pass = pass || weight == 0.0;
        let grade = Grade { pass, score: f64::from(u8::from(pass)), reason: "because".into(), ..Grade::default() };
        Weighed { grade, weight, metric: metric.map(str::to_owned) }
    }

    #[test]
    fn all_must_hold_unless_a_threshold_says_how_much() {
        assert!(combine(vec![part(true, 1.0, None), part(true, 1.0, None)], None).pass);
        assert!(!combine(vec![part(true, 1.0, None), part(false, 1.0, None)], None).pass);
        assert!(combine(vec![part(true, 3.0, None), part(false, 1.0, None)], Some(0.75)).pass);
        assert!(!combine(vec![part(true, 1.0, None), part(false, 3.0, None)], Some(0.75)).pass);
        assert!(combine(vec![part(false, 0.0, Some("m")), part(true, 1.0, None)], None).pass, "weight 0 never fails");
        assert!(combine(Vec::new(), None).pass);
    }

    #[test]
    fn an_error_passes_nowhere() {
        let error = Weighed { grade: Grade::not_judged("x", "why"), weight: 0.0, metric: None };
        for threshold in [None, Some(0.0)] {
            let grade = combine(vec![error.clone(), part(true, 1.0, None)], threshold);
            assert!(!grade.pass);
            assert_eq!(grade.error.as_deref(), Some("x: why"));
        }
    }

    #[test]
    fn metrics_are_weighted_means() {
        let grade = combine(vec![part(true, 3.0, Some("m")), part(false, 1.0, Some("m")), part(true, 0.0, Some("n"))], Some(0.0));
        assert_eq!(grade.named_scores, BTreeMap::from([("m".to_owned(), 0.75), ("n".to_owned(), 1.0)]));
        assert_eq!(Grade::from_json(&grade.to_json()), grade);
    }

    proptest! {
        #[test]
        fn the_score_is_between_the_lowest_and_the_highest(parts in prop::collection::vec((0.0f64..1.0, 0.1f64..5.0), 1..8)) {
            let weighed = parts.iter().map(|(score, weight)| Weighed {
                grade: Grade { pass: true, score: *score, ..Grade::default() }, weight: *weight, metric: None }).collect();
            let score = combine(weighed, None).score;
            let low = parts.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
            let high = parts.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(score >= low - 1e-9 && score <= high + 1e-9);
        }
    }
}
