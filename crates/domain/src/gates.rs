//! The gate before an environment: what an eval has to show before a release may be deployed.

use crate::Timestamp;
use crate::evals::{Eval, Figures, Progress, Subject, models_by_class};
use crate::releases::Serving;
use crate::roles::Environment;
use crate::sections::SectionName;
use semver::Version;
use serde::Serialize;

/// Passed cases of all, and of each template's, in percent.
pub const PASS_RATE: f64 = 95.0;
/// How far 95 of 100 answers may take longer than before, in percent.
pub const LATENCY_RISE: f64 = 10.0;
/// How far the mean of the rubric may lie below the one before and still count as the same, in points of 100: less is noise.
pub const QUALITY_NOISE: f64 = 0.5;
/// The same for one template, which has some twenty cases instead of hundreds.
pub const TEMPLATE_NOISE: f64 = 2.0;
/// A time may rise by so many milliseconds whatever that is in percent: networks and clocks make as much.
const LATENCY_NOISE: u64 = 250;

/// How one schema follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaStep {
    /// It promises the same.
    Same,
    /// It promises more: whoever reads the one before can read it.
    Adds,
    /// Something promised is gone or different.
    Breaks,
}

impl SchemaStep {
    /// Whether a version may follow another with this change of the schema: what breaks is a major step, what adds a minor one.
    pub fn fits(self, from: &Version, to: &Version) -> bool {
        match self {
            Self::Same => to > from,
            Self::Adds => (to.major, to.minor) > (from.major, from.minor),
            Self::Breaks => to.major > from.major,
        }
    }
}

/// How the schema of one template changes between what is deployed and what is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaChange {
    /// The template.
    pub section: SectionName,
    /// How.
    pub step: SchemaStep,
    /// What is gone, different or new, by path.
    pub paths: Vec<String>,
}

/// One thing the gate looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name, such as `pass-rate`.
    pub name: &'static str,
    /// Whether it is as it has to be.
    pub passed: bool,
    /// What was found, and what would have to be so.
    pub detail: String,
}

/// What was found of a release before an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Everything that was looked at.
    pub checks: Vec<Check>,
}

impl Gate {
    /// Whether the release may go through.
    pub fn is_open(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// What keeps it shut, a sentence each.
    pub fn reasons(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| !check.passed).map(|check| check.detail.as_str()).collect()
    }
}

/// Whose models an eval has to have asked: those that serve the environment, which need not be those of the process that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Models {
    /// The environment.
    pub environment: Environment,
    /// Of each class, as in [`Subject::models`].
    pub route: String,
    /// Since when the process serves that said so; none where none has, and they are those of the process that decides.
    pub since: Option<Timestamp>,
}

impl Models {
    /// Those that serve an environment, else those of the process that decides.
    pub fn of(environment: Environment, serving: Option<Serving>, own: String) -> Self {
        match serving {
            Some(Serving { models, since, .. }) => Self { environment, route: models, since: Some(since) },
            None => Self { environment, route: own, since: None },
        }
    }

    /// Which they are, and whose.
    pub fn words(&self) -> String {
        let classes: Vec<String> = models_by_class(&self.route).iter().map(|(class, models)| format!("{class} {models}")).collect();
        let (route, environment) = (classes.join("; "), self.environment.key());
        match self.since {
            Some(since) => format!("{route}, which serve {environment} (its last process began {})", since.format("%Y-%m-%d %H:%M UTC")),
            None => format!("{route}, the models of the process that decides: none has served {environment} yet"),
        }
    }
}

/// What is asked of the gate.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The exact content, models and tests that are to be deployed.
    pub candidate: &'a Subject,
    /// Whose models the candidate has.
    pub models: &'a Models,
    /// The newest eval of these, if there is one.
    pub eval: Option<&'a Eval>,
    /// How often these were evaluated to the end: whoever tries again and again gets through by luck in the end.
    pub times: u64,
    /// The release that is deployed now; the same as the candidate's when nothing would change.
    pub deployed: &'a Version,
    /// The newest eval of what is deployed now, with the same models and tests.
    pub baseline: Option<&'a Eval>,
    /// How schemas change.
    pub schemas: &'a [SchemaChange],
    /// Templates that have to have been tested.
    pub sections: &'a [SectionName],
    /// Those of them that differ from what is deployed: each is held against its own figures, because a change of one is lost in the mean of
    /// all.
    pub changed: &'a [SectionName],
}

/// Decides whether a release may be deployed.
pub fn decide(question: &Question<'_>) -> Gate {
    let mut checks = Vec::new();
    let finished = question.eval.filter(|eval| eval.progress == Progress::Finished && eval.subject.is_about_the_same(question.candidate));
    checks.push(evaluated(question, finished));
    if let Some(eval) = finished {
        checks.push(pass_rate(&eval.total));
        checks.push(each_section(question, eval));
        checks.extend(beside_baseline(question, eval));
    }
    checks.push(schemas(question));
    Gate { checks }
}

fn evaluated(question: &Question<'_>, finished: Option<&Eval>) -> Check {
    let (version, models) = (&question.candidate.version, question.models.words());
    let detail = match (finished, question.eval) {
        (Some(eval), _) => format!("{} with {} cases, by {models}", often(question.times), eval.total.tests),
        (None, Some(eval)) if eval.progress == Progress::Running => format!("the eval of {version} is not finished, by {models}"),
        (None, _) => {
            format!("there is no finished eval of exactly this content of {version}, with today's tests, by {models}; run one")
        }
    };
    Check { name: "evaluated", passed: finished.is_some(), detail }
}

fn often(times: u64) -> String {
    if times > 1 { format!("evaluated {times} times, the last counts;") } else { "evaluated once,".into() }
}

fn percent(figures: &Figures) -> f64 {
    figures.pass_rate() * 100.0
}

fn pass_rate(total: &Figures) -> Check {
    let Figures { passed, tests, errors, .. } = total;
    let detail = format!("{passed} of {tests} cases pass ({:.1} %, {errors} could not be judged); {PASS_RATE} % have to", percent(total));
    Check { name: "pass-rate", passed: percent(total) >= PASS_RATE, detail }
}

fn each_section(question: &Question<'_>, eval: &Eval) -> Check {
    let short = question.sections.iter().filter_map(|name| match eval.sections.get(name) {
        None => Some(format!("{name} has no cases")),
        Some(figures) if percent(figures) < PASS_RATE => Some(format!("{name} {} of {}", figures.passed, figures.tests)),
        Some(_) => None,
    });
    let short: Vec<String> = short.collect();
    let detail = if short.is_empty() {
        format!("of every template's cases at least {PASS_RATE} % pass")
    } else {
        format!("of every template's cases {PASS_RATE} % have to pass; fewer do of {}", short.join(", "))
    };
    Check { name: "each-section", passed: short.is_empty(), detail }
}

fn beside_baseline(question: &Question<'_>, eval: &Eval) -> Vec<Check> {
    let Some(baseline) = question.baseline.filter(|eval| eval.progress == Progress::Finished) else {
        let detail =
            format!("what is deployed now, {}, has no eval with the same models and tests to compare with; run one", question.deployed);
        return vec![Check { name: "baseline", passed: false, detail }];
    };
    let beside: Vec<Beside<'_>> = question
        .changed
        .iter()
        .filter_map(|name| Some(Beside { name, now: eval.sections.get(name)?, before: baseline.sections.get(name)? }))
        .collect();
    let (now, before) = (over_shared(eval, baseline), over_shared(baseline, eval));
    vec![quality((&now, &before), &beside, question.deployed), latency((&now, &before), &beside, question.deployed)]
}

/// The figures of an eval over the templates another has too: what is new has nothing to be compared with. Where they have the same, those of
/// all; else the means of their templates' figures, by their cases.
fn over_shared(eval: &Eval, other: &Eval) -> Figures {
    let shared: Vec<&Figures> = eval.sections.iter().filter(|(name, _)| other.sections.contains_key(*name)).map(|(_, of)| of).collect();
    if shared.is_empty() || (shared.len() == eval.sections.len() && shared.len() == other.sections.len()) {
        return eval.total.clone();
    }
    let tests: u64 = shared.iter().map(|of| u64::from(of.tests)).sum();
    let scored = shared.iter().filter_map(|of| Some((f64::from(of.tests), of.quality?)));
    let (weight, sum) = scored.fold((0.0, 0.0), |(weight, sum), (tests, quality)| (weight + tests, tests.mul_add(quality, sum)));
    let times: u64 = shared.iter().map(|of| u64::from(of.tests) * of.latency_p95_ms).sum();
    Figures { quality: (weight > 0.0).then(|| sum / weight), latency_p95_ms: times.checked_div(tests).unwrap_or(0), ..eval.total.clone() }
}

/// One template that was changed, with its figures before.
struct Beside<'a> {
    name: &'a SectionName,
    now: &'a Figures,
    before: &'a Figures,
}

fn quality((now, before): (&Figures, &Figures), changed: &[Beside<'_>], deployed: &Version) -> Check {
    let fallen: Vec<String> = changed
        .iter()
        .filter_map(|one| Some((one.name, one.now.quality.unwrap_or(0.0), one.before.quality?)))
        .filter(|(_, now, before)| *now < before - TEMPLATE_NOISE)
        .map(|(name, now, before)| format!("that of {name} is {now:.1}, {before:.1} before"))
        .collect();
    let (holds, mut detail) = match (now.quality, before.quality) {
        (Some(now), Some(before)) => {
            (now >= before - QUALITY_NOISE, format!("quality is {now:.1} of 100, {before:.1} with {deployed}; it must not fall"))
        }
        (None, Some(before)) => (false, format!("nothing was scored; {deployed} has {before:.1} of 100")),
        (_, None) => (true, format!("{deployed} has no score to fall below")),
    };
    if !fallen.is_empty() {
        detail = format!("{detail}; {}", fallen.join("; "));
    }
    Check { name: "quality", passed: holds && fallen.is_empty(), detail }
}

/// How far a time lies above the one before, in percent.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of an answer")]
fn rise(now: u64, before: u64) -> f64 {
    if before == 0 { 0.0 } else { (now as f64 / before as f64 - 1.0) * 100.0 }
}

/// Whether a time has risen by more than is allowed, and by more than noise.
fn is_slower(now: u64, before: u64) -> bool {
    before > 0 && now.saturating_sub(before) >= LATENCY_NOISE && rise(now, before) >= LATENCY_RISE
}

/// Of all, the time that 95 of 100 answers stay within; of each template that changed, the median: of twenty answers the slowest say little.
fn latency((now, before): (&Figures, &Figures), changed: &[Beside<'_>], deployed: &Version) -> Check {
    let slower: Vec<String> = changed
        .iter()
        .map(|one| (one.name, one.now.latency_p50_ms, one.before.latency_p50_ms))
        .filter(|(_, now, before)| is_slower(*now, *before))
        .map(|(name, now, before)| format!("half of those of {name} within {now} ms, {before} ms before ({:+.0} %)", rise(now, before)))
        .collect();
    let (now, before) = (now.latency_p95_ms, before.latency_p95_ms);
    let mut detail = format!(
        "95 of 100 answers come within {now} ms, {before} ms with {deployed} ({:+.0} %); less than +{LATENCY_RISE} % is allowed, and less than \
         {LATENCY_NOISE} ms more is noise",
        rise(now, before)
    );
    if !slower.is_empty() {
        detail = format!("{detail}; {}", slower.join("; "));
    }
    Check { name: "latency", passed: !is_slower(now, before) && slower.is_empty(), detail }
}

fn schemas(question: &Question<'_>) -> Check {
    let (from, to) = (question.deployed, &question.candidate.version);
    // The way back to a lower version is a rollback, which has no gate; a higher one is held to its step.
    let unfit: Vec<String> = question
        .schemas
        .iter()
        .filter(|change| change.step != SchemaStep::Same && !change.step.fits(from, to))
        .map(|change| format!("{} ({})", change.section, change.paths.join(", ")))
        .collect();
    let detail = if unfit.is_empty() {
        format!("the schemas fit the step from {from} to {to}")
    } else {
        format!("the step from {from} to {to} is too small for what changes in the output of {}", unfit.join("; "))
    };
    Check { name: "schema", passed: unfit.is_empty(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Actor;
    use crate::ids::EvalId;
    use std::collections::BTreeMap;

    fn version(minor: u64) -> Version {
        Version::new(1, minor, 0)
    }

    fn name(text: &str) -> SectionName {
        SectionName::parse(text).expect("a name")
    }

    fn figures(passed: u32, tests: u32) -> Figures {
        Figures { tests, passed, failed: tests - passed, quality: Some(80.0), latency_p95_ms: 2_000, ..Figures::default() }
    }

    fn eval(minor: u64, total: Figures, sections: [(&str, Figures); 2]) -> Eval {
        let content = format!("content of {minor}");
        Eval {
            id: EvalId::new(),
            subject: Subject { version: version(minor), proposal: None, content, models: "fast=a".into(), suite: "tests".into() },
            by: Actor::CommandLine,
            progress: Progress::Finished,
            reason: None,
            cases: total.tests,
            sections: sections.into_iter().map(|(section, figures)| (name(section), figures)).collect::<BTreeMap<_, _>>(),
            total,
            created: Timestamp::UNIX_EPOCH,
            ended: None,
        }
    }

    fn good(minor: u64) -> Eval {
        eval(minor, figures(198, 200), [("swot", figures(99, 100)), ("goals", figures(99, 100))])
    }

    fn models(serving: Option<Serving>) -> Models {
        Models::of(Environment::Production, serving, "fast=a".into())
    }

    #[test]
    fn the_evidence_says_whose_models_were_taken() {
        let detail = |models: Models| {
            let candidate = Subject { models: models.route.clone(), ..good(1).subject };
            let (eval, deployed) = (Eval { subject: candidate.clone(), ..good(1) }, version(0));
            let (schemas, sections, changed) = (&[], &[], &[]);
            let (candidate, models) = (&candidate, &models);
            let (eval, times) = (Some(&eval), 3);
            let question = Question { candidate, models, eval, times, deployed: &deployed, baseline: None, schemas, sections, changed };
            decide(&question).checks.remove(0).detail
        };
        assert!(detail(models(None)).contains("fast a, the models of the process that decides"), "{}", detail(models(None)));
        let (environment, at) = (Environment::Production, Timestamp::UNIX_EPOCH);
        let serving = Serving { environment, process: uuid::Uuid::nil(), models: "fast=b".into(), since: at, seen: at };
        let said = detail(models(Some(serving)));
        assert!(said.starts_with("evaluated 3 times, the last counts; with 200 cases"), "{said}");
        assert!(said.contains("fast b, which serve production (its last process began 1970-01-01 00:00 UTC)"), "{said}");
    }

    fn shut(eval: Option<&Eval>, baseline: Option<&Eval>, schemas: &[SchemaChange]) -> Vec<&'static str> {
        let candidate = good(1).subject;
        let sections = [name("swot"), name("goals")];
        let question = Question {
            candidate: &candidate,
            models: &models(None),
            eval,
            times: 1,
            deployed: &version(0),
            baseline,
            schemas,
            sections: &sections,
            changed: &sections[..1],
        };
        decide(&question).checks.into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    #[test]
    fn a_good_eval_of_exactly_this_opens_it() {
        assert!(shut(Some(&good(1)), Some(&good(0)), &[]).is_empty());
    }

    #[test]
    fn anything_missing_keeps_it_shut() {
        assert_eq!(shut(None, Some(&good(0)), &[]), ["evaluated"]);
        assert_eq!(shut(Some(&good(2)), Some(&good(0)), &[]), ["evaluated"], "of other content");
        let running = Eval { progress: Progress::Running, ..good(1) };
        assert_eq!(shut(Some(&running), Some(&good(0)), &[]), ["evaluated"]);
        assert_eq!(shut(Some(&good(1)), None, &[]), ["baseline"]);
        let untested = Eval { sections: BTreeMap::new(), ..good(1) };
        assert_eq!(shut(Some(&untested), Some(&good(0)), &[]), ["each-section"]);
    }

    #[test]
    fn too_few_passes_of_all_or_of_one_keep_it_shut() {
        let few = eval(1, figures(189, 200), [("swot", figures(94, 100)), ("goals", figures(95, 100))]);
        assert_eq!(shut(Some(&few), Some(&good(0)), &[]), ["pass-rate", "each-section"]);
        // Errors are failures: a run whose calls fail cannot pass.
        let broken = Figures { passed: 100, failed: 0, errors: 100, ..figures(100, 200) };
        let broken = Eval { total: broken, ..good(1) };
        assert_eq!(shut(Some(&broken), Some(&good(0)), &[]), ["pass-rate"]);
    }

    #[test]
    fn worse_than_before_keeps_it_shut() {
        let with = |quality, latency_p95_ms| Eval { total: Figures { quality, latency_p95_ms, ..figures(198, 200) }, ..good(1) };
        assert_eq!(shut(Some(&with(Some(79.6), 2_249)), Some(&good(0)), &[]), Vec::<&str>::new());
        assert_eq!(shut(Some(&with(Some(79.4), 2_251)), Some(&good(0)), &[]), ["quality", "latency"]);
        assert_eq!(shut(Some(&with(None, 2_000)), Some(&good(0)), &[]), ["quality"]);
    }

    #[test]
    fn a_template_that_changed_is_held_against_itself() {
        let with = |quality, latency_p50_ms| {
            let goals = Figures { quality: Some(quality), latency_p50_ms, ..figures(99, 100) };
            eval(1, figures(198, 200), [("swot", figures(99, 100)), ("goals", goals)])
        };
        let of = |name: &'static str, quality, latency_p50_ms| {
            let mut eval = with(quality, latency_p50_ms);
            let figures = eval.sections.remove(&self::name("goals")).expect("is there");
            eval.sections.insert(self::name(name), figures);
            eval
        };
        let before = of("swot", 80.0, 1_000);
        let mut now = of("swot", 77.9, 1_000);
        now.sections.insert(name("goals"), figures(99, 100));
        assert_eq!(shut(Some(&now), Some(&before), &[]), ["quality"], "lost in the mean of all");
        let mut now = of("swot", 80.0, 1_251);
        now.sections.insert(name("goals"), figures(99, 100));
        assert_eq!(shut(Some(&now), Some(&before), &[]), ["latency"]);
        // What did not change is not to blame for its noise.
        assert!(shut(Some(&with(60.0, 9_000)), Some(&good(0)), &[]).is_empty());
    }

    #[test]
    fn what_is_new_has_nothing_to_be_worse_than() {
        let mut now = good(1);
        let weak = Figures { quality: Some(60.0), latency_p95_ms: 60_000, ..figures(99, 100) };
        now.total = Figures { quality: Some(75.0), latency_p95_ms: 40_000, ..now.total };
        now.sections.insert(name("new"), weak);
        assert!(shut(Some(&now), Some(&good(0)), &[]).is_empty());
        // What both have is held against each other all the same.
        now.sections.insert(name("goals"), Figures { quality: Some(70.0), ..figures(99, 100) });
        assert_eq!(shut(Some(&now), Some(&good(0)), &[]), ["quality"]);
    }

    #[test]
    fn a_schema_that_breaks_needs_a_major_step() {
        let change = |step| SchemaChange { section: name("swot"), step, paths: vec!["strengths".into()] };
        assert_eq!(shut(Some(&good(1)), Some(&good(0)), &[change(SchemaStep::Breaks)]), ["schema"]);
        assert!(shut(Some(&good(1)), Some(&good(0)), &[change(SchemaStep::Adds)]).is_empty());
        assert!(!SchemaStep::Adds.fits(&Version::new(1, 0, 0), &Version::new(1, 0, 1)));
        assert!(SchemaStep::Breaks.fits(&Version::new(1, 9, 9), &Version::new(2, 0, 0)));
    }
}
