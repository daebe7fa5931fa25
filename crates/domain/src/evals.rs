//! A run of test cases against templates, as far as it decides something: what was asked of what, and the figures that came of it.

use crate::Timestamp;
use crate::audit::Actor;
use crate::ids::{EvalId, ProposalId};
use crate::sections::SectionName;
use crate::usage::{MicroDollars, Tokens};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an eval is about. Two with the same subject are about the same thing; any other content, model or test is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The release, or the one that a proposal would become.
    pub version: Version,
    /// The proposal, where it is no release yet.
    pub proposal: Option<ProposalId>,
    /// SHA-256 over all templates of that release with their schemas, hexadecimal.
    pub content: String,
    /// The models of each class, first to last, as `fast=provider:model,..;reasoning=..;judge=..`.
    pub models: String,
    /// SHA-256 over all test cases, hexadecimal.
    pub suite: String,
}

impl Subject {
    /// Whether this answers a question about the other: the same content, models and tests, whatever they are called.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.content, &self.models, &self.suite) == (&other.content, &other.models, &other.suite)
    }
}

/// The models of each class for people, out of [`Subject::models`]: `fast` and `a, then b`.
pub fn models_by_class(models: &str) -> Vec<(String, String)> {
    let class = |part: &str| part.split_once('=').map(|(class, models)| (class.to_owned(), models.replace(',', ", then ")));
    models.split(';').filter_map(class).collect()
}

/// Where an eval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// In line, or at work.
    Running,
    /// Every case has a verdict.
    Finished,
    /// It was stopped, or could not be done; what it has decides nothing.
    Stopped,
}

impl Progress {
    /// As it is stored.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
        }
    }

    /// Reads a key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Running, Self::Finished, Self::Stopped].into_iter().find(|one| one.key() == key)
    }
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every assertion held.
    Pass,
    /// One did not.
    Fail,
    /// It could not be judged: a model that was down, an assertion that is not known. It counts as a failure.
    Error,
}

impl Outcome {
    /// As it is stored.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    /// Reads a key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Error].into_iter().find(|one| one.key() == key)
    }
}

/// One case of an eval, with its verdict. What it asked and what came back is long, and kept apart in [`CaseTexts`].
#[derive(Debug, Clone, PartialEq)]
pub struct CaseVerdict {
    /// Its place in the eval, from 0.
    pub number: u32,
    /// The template it tests.
    pub section: SectionName,
    /// What it is called.
    pub description: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The weighted mean of its assertions, 0 to 1.
    pub score: f64,
    /// The rubric's total of its output, 0 to 100, where it has one.
    pub quality: Option<f64>,
    /// How long the answer took.
    pub latency_ms: u64,
    /// What it used.
    pub tokens: Tokens,
    /// What it cost, where a price is known.
    pub cost: Option<MicroDollars>,
    /// What was wrong, a sentence each.
    pub reasons: Vec<String>,
}

/// The long part of a case: what it asked and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseTexts {
    /// What was asked: the test's variables.
    pub vars: serde_json::Value,
    /// What came back.
    pub output: serde_json::Value,
}

/// The figures of one template's cases, or of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Cases.
    pub tests: u32,
    /// Cases that passed.
    pub passed: u32,
    /// Cases that failed.
    pub failed: u32,
    /// Cases that could not be judged.
    pub errors: u32,
    /// The mean of what the rubric gave, 0 to 100; none where it gave nothing.
    pub quality: Option<f64>,
    /// The median answer's time.
    pub latency_p50_ms: u64,
    /// The time that 95 of 100 answers stay within.
    pub latency_p95_ms: u64,
    /// Used by all.
    pub tokens: Tokens,
    /// Of all that were judged; none as soon as one of these has no price.
    pub cost: Option<MicroDollars>,
}

impl Figures {
    /// Cases that passed, of all there are: an error is a failure. None of none is 0.
    pub fn pass_rate(&self) -> f64 {
        if self.tests == 0 { 0.0 } else { f64::from(self.passed) / f64::from(self.tests) }
    }

    /// Worked out from verdicts.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseVerdict>) -> Self {
        let mut figures = Self { cost: Some(MicroDollars(0)), ..Self::default() };
        let (mut times, mut qualities) = (Vec::new(), Vec::new());
        for case in cases {
            figures.tests += 1;
            match case.outcome {
                Outcome::Pass => figures.passed += 1,
                Outcome::Fail => figures.failed += 1,
                Outcome::Error => figures.errors += 1,
            }
            if case.outcome != Outcome::Error {
                times.push(case.latency_ms);
            }
            qualities.extend(case.quality);
            figures.tokens += case.tokens;
            // What could not be judged often has no cost that is known; it does not hide that of the others.
            if case.outcome != Outcome::Error || case.cost.is_some() {
                figures.cost = figures.cost.zip(case.cost).map(|(sum, cost)| MicroDollars(sum.0.saturating_add(cost.0)));
            }
        }
        times.sort_unstable();
        figures.latency_p50_ms = percentile(&times, 50);
        figures.latency_p95_ms = percentile(&times, 95);
        figures.quality = mean(&qualities);
        figures
    }
}

/// The value that so many of a hundred stay within (nearest rank); 0 of none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// One eval without its cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Eval {
    /// Its id; later ones sort later.
    pub id: EvalId,
    /// What it is about.
    pub subject: Subject,
    /// Who asked for it.
    pub by: Actor,
    /// Where it stands.
    pub progress: Progress,
    /// Why it was stopped.
    pub reason: Option<String>,
    /// Cases it has.
    pub cases: u32,
    /// The figures by template, once it is finished.
    pub sections: BTreeMap<SectionName, Figures>,
    /// The figures of all, once it is finished.
    pub total: Figures,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}
