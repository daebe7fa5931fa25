//! Test cases and assertions, as files wrote them and as they are run: merged with the defaults, array variables expanded.

use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Cases that one test may stand for.
const MOST_CASES: usize = 100_000;

/// Every type of assertion that is judged here, without `not-`.
pub const KINDS: [&str; 60] = [
    "answer-relevance",
    "bleu",
    "contains",
    "contains-all",
    "contains-any",
    "contains-html",
    "contains-json",
    "contains-sql",
    "contains-xml",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "conversation-relevance",
    "cost",
    "equals",
    "factuality",
    "finish-reason",
    "g-eval",
    "gleu",
    "guardrails",
    "icontains",
    "icontains-all",
    "icontains-any",
    "is-html",
    "is-json",
    "is-refusal",
    "is-sql",
    "is-valid-function-call",
    "is-valid-openai-function-call",
    "is-valid-openai-tools-call",
    "is-xml",
    "javascript",
    "latency",
    "levenshtein",
    "llm-rubric",
    "meteor",
    "model-graded-closedqa",
    "model-graded-factuality",
    "perplexity",
    "perplexity-score",
    "regex",
    "rouge-n",
    "search-rubric",
    "similar",
    "similar:cosine",
    "similar:dot",
    "similar:euclidean",
    "skill-used",
    "starts-with",
    "tool-call-f1",
    "trace-error-spans",
    "trace-span-count",
    "trace-span-duration",
    "trajectory:goal-success",
    "trajectory:step-count",
    "trajectory:tool-args-match",
    "trajectory:tool-sequence",
    "trajectory:tool-used",
    "webhook",
    "word-count",
];

/// One test of a suite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestCase {
    /// What it is about.
    pub description: Option<String>,
    /// Its variables; an array stands for one case for each item.
    pub vars: Map<String, Value>,
    /// Providers it runs with, by id or label; all when empty.
    pub providers: Vec<String>,
    /// Prompts it runs with, by label; all when empty.
    pub prompts: Vec<String>,
    /// What must hold.
    pub asserts: Vec<Assert>,
    /// When set, the weighted mean score must reach it, and single assertions may fail.
    pub threshold: Option<f64>,
    /// Whatever the suite's author wants to know of it.
    pub metadata: Map<String, Value>,
    /// How it is run.
    pub options: TestOptions,
}

/// How a test is run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestOptions {
    /// JavaScript that makes the output that is judged out of the one that came.
    pub transform: Option<String>,
    /// JavaScript that makes the variables that are used out of those that are written.
    pub transform_vars: Option<String>,
    /// Text before the prompt.
    pub prefix: String,
    /// Text after the prompt.
    pub suffix: String,
    /// The judge, for model-graded assertions; the grader interprets it.
    pub provider: Value,
    /// The judge's prompt, for model-graded assertions.
    pub rubric_prompt: Value,
    /// Array variables are values, not cases.
    pub disable_var_expansion: bool,
    /// The assertions of `defaultTest` do not apply.
    pub disable_default_asserts: bool,
}

/// One entry of a test's assertions. A test stands for many cases, and every one of them has the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Assert {
    /// A single assertion.
    One(Arc<Assertion>),
    /// Several that count as one.
    Set(Arc<AssertSet>),
}

/// Several assertions that count as one.
#[derive(Debug, Clone, PartialEq)]
pub struct AssertSet {
    /// The assertions.
    pub asserts: Vec<Assertion>,
    /// When set, the weighted mean score must reach it, and single assertions may fail.
    pub threshold: Option<f64>,
    /// How much the set counts.
    pub weight: f64,
    /// The metric its score adds to.
    pub metric: Option<String>,
    /// The set as its file wrote it.
    pub raw: Value,
}

/// Something that must hold for an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// The type without `not-`, as in promptfoo.
    pub kind: String,
    /// Whether it must not hold.
    pub negated: bool,
    /// What it compares with.
    pub value: Value,
    /// The function to call when `value` is the text of a JavaScript file; empty for the file's own export.
    pub function: Option<String>,
    /// The figure that decides, where the type has one.
    pub threshold: Option<f64>,
    /// How much it counts; one of weight 0 never fails a test.
    pub weight: f64,
    /// The metric its score adds to; may be a template.
    pub metric: Option<String>,
    /// JavaScript that makes the output this one judges.
    pub transform: Option<String>,
    /// The judge, for model-graded types.
    pub provider: Value,
    /// The judge's prompt, for model-graded types.
    pub rubric_prompt: Value,
    /// Free settings, seen by JavaScript as `context.config`.
    pub config: Value,
    /// How `meteor` weighs what it counts.
    pub meteor: MeteorWeights,
    /// The assertion as its file wrote it.
    pub raw: Value,
}

/// How `meteor` weighs what it counts, with promptfoo's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeteorWeights {
    /// How much the share of the reference that is met counts beside the share of the output that meets it: 1 for that alone.
    pub alpha: f64,
    /// How fast the cost of scattered matches grows with their scattering.
    pub beta: f64,
    /// What the most scattered matches cost.
    pub gamma: f64,
}

impl Default for MeteorWeights {
    fn default() -> Self {
        Self { alpha: 0.9, beta: 3.0, gamma: 0.5 }
    }
}

/// A test with everything decided, for one combination of its variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its place in the suite, from 0.
    pub index: usize,
    /// The test merged with the defaults; its variables are single values.
    pub test: TestCase,
    /// Why it cannot be asked: its `transformVars` failed, or its lists make too many cases.
    pub broken: Option<String>,
}

impl Assertion {
    /// The type as written, with `not-` if it is negated.
    pub fn name(&self) -> String {
        if self.negated { format!("not-{}", self.kind) } else { self.kind.clone() }
    }
}

impl Assert {
    /// The assertion or set as its file wrote it.
    pub fn raw(&self) -> &Value {
        match self {
            Self::One(one) => &one.raw,
            Self::Set(set) => &set.raw,
        }
    }
}

impl TestCase {
    /// The first type of its assertions that nobody here can judge.
    pub fn unknown_kind(&self) -> Option<&str> {
        let all = self.asserts.iter().flat_map(|assert| match assert {
            Assert::One(one) => std::slice::from_ref(one.as_ref()),
            Assert::Set(set) => set.asserts.as_slice(),
        });
        all.map(|assertion| assertion.kind.as_str()).find(|kind| !KINDS.contains(kind))
    }

    /// This test on top of the default test: its own values win, assertions of the default come first unless it does without them.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut merged = self.merged(base);
        if self.options.disable_default_asserts {
            merged.asserts.clone_from(&self.asserts);
        }
        merged
    }

    /// This test on top of one of a scenario's: its own values win, assertions of the scenario come first.
    #[must_use]
    pub fn merged(&self, base: &Self) -> Self {
        let mut merged = self.clone();
        merged.description = self.description.clone().or_else(|| base.description.clone());
        merged.vars = merge(&base.vars, &self.vars);
        merged.metadata = merge(&base.metadata, &self.metadata);
        merged.threshold = self.threshold.or(base.threshold);
        if merged.providers.is_empty() {
            merged.providers.clone_from(&base.providers);
        }
        if merged.prompts.is_empty() {
            merged.prompts.clone_from(&base.prompts);
        }
        merged.asserts = base.asserts.iter().chain(&self.asserts).cloned().collect();
        merged.options = self.options.over(&base.options);
        merged
    }

    /// How many cases it stands for: one for each combination of the items of array variables. It is multiplied, not written out: a dozen
    /// lists of ten make more cases than there is memory.
    ///
    /// # Errors
    /// When there are more than 100,000.
    pub fn combinations(&self) -> Result<usize, String> {
        let lengths = self.vars.values().map(|value| self.items(value).len());
        let count = lengths.fold(1_u128, |count, length| count.saturating_mul(length as u128));
        match usize::try_from(count).ok().filter(|count| *count <= MOST_CASES) {
            Some(count) => Ok(count),
            None => {
                Err(format!("the lists of its variables make {count} cases, and at most {MOST_CASES} are asked; write fewer into them"))
            }
        }
    }

    /// The variables of one of them, from 0; those of the last list change first.
    pub fn combination(&self, number: usize) -> Map<String, Value> {
        let mut rest = number;
        let mut vars = self.vars.clone();
        for (name, value) in self.vars.iter().rev() {
            let items = self.items(value);
            if let Some(item) = items.get(rest % items.len().max(1)) {
                vars.insert(name.clone(), item.clone());
            }
            rest /= items.len().max(1);
        }
        vars
    }

    /// What a variable is in turn. Lists that do not begin with a text are values, not cases, as in promptfoo.
    fn items<'a>(&self, value: &'a Value) -> &'a [Value] {
        match value {
            Value::Array(items) if !self.options.disable_var_expansion && items.first().is_some_and(Value::is_string) => items,
            one => std::slice::from_ref(one),
        }
    }

    /// The test in promptfoo's form, for result files.
    pub fn to_json(&self) -> Value {
        let asserts: Vec<&Value> = self.asserts.iter().map(Assert::raw).collect();
        let mut json = json!({"vars": self.vars, "assert": asserts});
        if let Some(description) = &self.description {
            json["description"] = description.as_str().into();
        }
        if let Some(threshold) = self.threshold {
            json["threshold"] = threshold.into();
        }
        if !self.metadata.is_empty() {
            json["metadata"] = Value::Object(self.metadata.clone());
        }
        json
    }
}

impl TestOptions {
    fn over(&self, base: &Self) -> Self {
        let text = |own: &String, base: &String| if own.is_empty() { base.clone() } else { own.clone() };
        let value = |own: &Value, base: &Value| if own.is_null() { base.clone() } else { own.clone() };
        Self {
            transform: self.transform.clone().or_else(|| base.transform.clone()),
            transform_vars: self.transform_vars.clone().or_else(|| base.transform_vars.clone()),
            prefix: text(&self.prefix, &base.prefix),
            suffix: text(&self.suffix, &base.suffix),
            provider: value(&self.provider, &base.provider),
            rubric_prompt: value(&self.rubric_prompt, &base.rubric_prompt),
            disable_var_expansion: self.disable_var_expansion || base.disable_var_expansion,
            disable_default_asserts: self.disable_default_asserts || base.disable_default_asserts,
        }
    }
}

fn merge(base: &Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = base.clone();
    merged.extend(own.clone());
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn test(vars: &Value) -> TestCase {
        TestCase { vars: vars.as_object().expect("object").clone(), ..TestCase::default() }
    }

    fn all(test: &TestCase) -> Vec<Map<String, Value>> {
        (0..test.combinations().expect("few")).map(|number| test.combination(number)).collect()
    }

    #[test]
    fn too_many_cases_are_counted_and_never_written_out() {
        let ten: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let vars: Map<String, Value> = (0..60).map(|n| (format!("v{n}"), json!(ten))).collect();
        let bomb = TestCase { vars, ..TestCase::default() };
        assert!(bomb.combinations().is_err_and(|why| why.contains("at most 100000")), "{:?}", bomb.combinations());
        let seventh = bomb.combination(7);
        assert_eq!(seventh.values().filter(|item| **item == "7").count(), 1, "one of them is made without the others");
    }

    #[test]
    fn array_variables_expand_over_each_other() {
        let all = all(&test(&json!({"a": ["1", "2"], "b": "x", "c": ["t", "f"], "d": [1, 2], "e": []})));
        let all: Vec<String> = all.into_iter().map(|vars| Value::Object(vars).to_string()).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0], r#"{"a":"1","b":"x","c":"t","d":[1,2],"e":[]}"#);
        assert_eq!(all[3], r#"{"a":"2","b":"x","c":"f","d":[1,2],"e":[]}"#);
        let mut kept = test(&json!({"a": ["1", "2"]}));
        kept.options.disable_var_expansion = true;
        assert_eq!(kept.combinations(), Ok(1));
    }

    #[test]
    fn a_test_wins_over_the_default() {
        let base = TestCase { threshold: Some(0.5), ..test(&json!({"a": 1, "b": 1})) };
        let merged = test(&json!({"b": 2})).over(&base);
        assert_eq!(Value::Object(merged.vars).to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(merged.threshold, Some(0.5));
    }

    proptest! {
        #[test]
        fn combinations_multiply(sizes in prop::collection::vec(1usize..4, 0..5)) {
            let vars: Map<String, Value> =
                sizes.iter().enumerate().map(|(i, n)| (format!("v{i}"), (0..*n).map(|n| n.to_string()).collect::<Vec<_>>().into())).collect();
            let all = all(&TestCase { vars, ..TestCase::default() });
            prop_assert_eq!(all.len(), sizes.iter().product::<usize>());
            let different: std::collections::HashSet<String> = all.into_iter().map(|v| Value::Object(v).to_string()).collect();
            prop_assert_eq!(different.len(), sizes.iter().product::<usize>());
        }
    }
}
