//! Which cases of a suite run.

use crate::cases::Case;
use crate::config::{Prompt, Provider};
use crate::results::{CaseResult, Outcome, lines};
use prompts::FileFault;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Which cases run; without any wish, all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only the cases at these places of the suite, from 0.
    pub only: Option<BTreeSet<usize>>,
    /// A regular expression the description must match.
    pub pattern: Option<String>,
    /// The cases from one place to before another, counted after the wishes above.
    pub range: Option<(usize, usize)>,
    /// At most so many cases, counted after the other wishes.
    pub first: Option<usize>,
    /// So many cases by chance, out of those that are left.
    pub sample: Option<usize>,
    /// Entries the metadata must have; an entry that is a list must hold the value.
    pub metadata: Vec<(String, String)>,
    /// A regular expression the provider's id or label must match.
    pub providers: Option<String>,
    /// Only what did not pass in an earlier run.
    pub failing: Option<Failing>,
}

/// What did not pass in an earlier run: by provider, prompt and variables, so that it is found in a suite that has grown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failing(HashSet<String>);

impl Failing {
    /// Reads the results of an earlier run, JSON or JSONL; `errors_only` leaves out what was judged and failed.
    pub fn read(path: &Path, errors_only: bool) -> Result<Self, FileFault> {
        let cannot = |why: String| FileFault { file: path.display().to_string(), line: None, message: why };
        let unreadable = |e: std::io::Error| cannot(format!("cannot be read ({e})"));
        // Of several results for one place the last one counts: an error may have passed since.
        let mut last: HashMap<(usize, usize, usize), Option<String>> = HashMap::new();
        let mut add = |row: &CaseResult| {
            let failing = row.outcome == Outcome::Error || (row.outcome == Outcome::Failed && !errors_only);
            // The variables as the test wrote them: those of the result are filled in.
            let vars = row.test_case.get("vars").and_then(Value::as_object).unwrap_or(&row.vars);
            last.insert(row.key(), failing.then(|| name(&row.provider, &row.prompt_label, vars)));
        };
        if path.extension().is_some_and(|e| e == "jsonl") {
            for line in lines::<CaseResult>(path).map_err(unreadable)? {
                add(&line.map_err(unreadable)?.row);
            }
        } else {
            let file = BufReader::new(File::open(path).map_err(unreadable)?);
            let whole: Value = serde_json::from_reader(file).map_err(|e| cannot(format!("is not JSON: {e}")))?;
            let rows = whole.pointer("/results/results").and_then(Value::as_array);
            for row in rows.ok_or_else(|| cannot("has no results.results; use the JSON output of a run".into()))? {
                let wrong = || cannot("holds something that is no result; use the JSON or JSONL output of a run".into());
                add(&CaseResult::from_json(row).ok_or_else(wrong)?);
            }
        }
        Ok(Self(last.into_values().flatten().collect()))
    }
}

fn name(provider: &str, prompt: &str, vars: &Map<String, Value>) -> String {
    let mut sorted: Vec<(&String, &Value)> = vars.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    format!("{provider}\u{1}{prompt}\u{1}{}", serde_json::to_string(&sorted).unwrap_or_default())
}

impl Filter {
    /// The wishes, ready to be used, or what is wrong with them.
    pub(super) fn compile(&self) -> Result<Compiled<'_>, String> {
        let regex = |text: &Option<String>, what: &str| {
            text.as_ref().map(|t| Regex::new(t).map_err(|e| format!("the {what} \"{t}\" is no regular expression: {e}"))).transpose()
        };
        Ok(Compiled {
            pattern: regex(&self.pattern, "pattern")?,
            providers: regex(&self.providers, "provider pattern")?,
            chosen: None,
            wishes: self,
        })
    }
}

/// Wishes, ready to be used.
pub(super) struct Compiled<'a> {
    pattern: Option<Regex>,
    providers: Option<Regex>,
    /// The places of a sample.
    chosen: Option<HashSet<usize>>,
    wishes: &'a Filter,
}

impl Compiled<'_> {
    /// The cases that are wanted.
    pub fn cases<'c, I>(&'c self, cases: I) -> Box<dyn Iterator<Item = Result<Case, Vec<FileFault>>> + Send + 'c>
    where
        I: Iterator<Item = Result<Case, Vec<FileFault>>> + Send + 'c,
    {
        let wanted = cases.filter(|case| case.as_ref().map_or(true, |case| self.describes(case)));
        let (from, to) = self.wishes.range.unwrap_or((0, usize::MAX));
        let within = wanted.skip(from).take(to.saturating_sub(from));
        let first = within.take(self.wishes.first.unwrap_or(usize::MAX));
        match &self.chosen {
            Some(chosen) => Box::new(first.filter(|case| case.as_ref().map_or(true, |case| chosen.contains(&case.index)))),
            None => Box::new(first),
        }
    }

    /// Chooses the sample, where one is wished for: one look through all cases, of which only the places are kept.
    pub fn choose<I>(&mut self, cases: I)
    where
        I: Iterator<Item = Result<Case, Vec<FileFault>>> + Send,
    {
        let Some(wanted) = self.wishes.sample else { return };
        let mut left: Vec<usize> = self.cases(cases).filter_map(Result::ok).map(|case| case.index).collect();
        let mut chosen = HashSet::new();
        while chosen.len() < wanted && !left.is_empty() {
            let chance = usize::try_from(uuid::Uuid::new_v4().as_u64_pair().0 >> 8).unwrap_or(0);
            chosen.insert(left.swap_remove(chance % left.len()));
        }
        self.chosen = Some(chosen);
    }

    fn describes(&self, case: &Case) -> bool {
        if self.wishes.only.as_ref().is_some_and(|only| !only.contains(&case.index)) {
            return false;
        }
        let described = self.pattern.as_ref().is_none_or(|p| p.is_match(case.test.description.as_deref().unwrap_or_default()));
        described
            && self.wishes.metadata.iter().all(|(key, wanted)| match case.test.metadata.get(key) {
                Some(Value::String(text)) => text == wanted,
                Some(Value::Array(items)) => items.iter().any(|i| i.as_str() == Some(wanted)),
                Some(other) => *wanted == format!("{other}"),
                None => false,
            })
    }

    /// Whether a case is wanted of a provider by a prompt.
    pub fn wants(&self, case: &Case, provider: &Provider, prompt: &Prompt) -> bool {
        let known = self.providers.as_ref().is_none_or(|p| p.is_match(&provider.id) || p.is_match(&provider.label));
        let failing = self.wishes.failing.as_ref();
        known && failing.is_none_or(|f| f.0.contains(&name(&provider.id, &prompt.label, &case.test.vars)))
    }
}
