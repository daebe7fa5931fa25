//! What a person sees of an eval: progress on standard error, the sums and what did not pass on standard output, the exit code.

use super::RunArgs;
use anyhow::{Result, bail};
use app::evals::Spending;
use evals::{CaseResult, JsonlSink, Outcome, PromptMetrics, Sink, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use llm::Scrubber;
use std::io;
use std::process::ExitCode;

/// Tests that did not pass are listed so far; the files have all of them.
const LISTED: usize = 30;
/// A reason is shown so far.
const REASON: usize = 300;

/// Takes results as they come.
pub(super) struct Report {
    lines: JsonlSink,
    scrubber: Scrubber,
    bar: ProgressBar,
    failing: Vec<String>,
    not_passed: usize,
    not_listed: usize,
}

impl Report {
    pub(super) fn begin(lines: JsonlSink, scrubber: Scrubber, total: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
            bar.set_style(style);
        }
        Self { lines, scrubber, bar, failing: Vec::new(), not_passed: 0, not_listed: 0 }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// The sums, and what did not pass.
    pub(super) fn print(&self, summary: &Summary, spending: Spending, args: &RunArgs) {
        println!(
            "{:<44} {:>7} {:>7} {:>7} {:>8} {:>9} {:>9} {:>11}",
            "provider", "passed", "failed", "errors", "rate", "ms", "tokens", "cost"
        );
        for metrics in summary.prompts.iter().filter(|metrics| asked(metrics) > 0) {
            println!("{}", line(metrics, summary));
        }
        if !args.no_table && !self.failing.is_empty() {
            println!();
            self.failing.iter().for_each(|failing| println!("{failing}"));
            if self.not_listed > 0 {
                println!("and {} more; --output results.json has all of them", self.not_listed);
            }
        }
        println!();
        println!("{}", sums(summary));
        println!("{}", cost(spending));
    }
}

impl Sink for Report {
    fn take(&mut self, result: &CaseResult) -> io::Result<()> {
        self.lines.write(&self.scrubber.value(result.to_json()))?;
        self.count(result);
        Ok(())
    }

    fn taken_over(&mut self, result: &CaseResult) {
        self.count(result);
    }
}

impl Report {
    fn count(&mut self, result: &CaseResult) {
        self.bar.inc(1);
        if result.outcome != Outcome::Passed {
            self.not_passed += 1;
            self.bar.set_message(format!("{} not passed", self.not_passed));
            if self.failing.len() < LISTED { self.failing.push(self.scrubber.text(&failing(result))) } else { self.not_listed += 1 }
        }
    }
}

fn failing(result: &CaseResult) -> String {
    let word = if result.outcome == Outcome::Error { "ERROR" } else { "FAIL " };
    let about = result.description().map(|text| format!(" \"{text}\"")).unwrap_or_default();
    let again = if result.repeat_index > 0 { format!(" (repetition {})", result.repeat_index + 1) } else { String::new() };
    let why = result.error.clone().unwrap_or_else(|| result.grade.reason.clone());
    let flat: String = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let short = if flat.chars().count() > REASON { format!("{}…", flat.chars().take(REASON).collect::<String>()) } else { flat };
    format!("{word} #{}{again} {}{about}: {short}", result.test_index + 1, result.provider_label)
}

fn asked(metrics: &PromptMetrics) -> usize {
    metrics.passed + metrics.failed + metrics.errors
}

fn line(metrics: &PromptMetrics, summary: &Summary) -> String {
    let all = asked(metrics);
    let several = summary.prompts.iter().filter(|other| other.provider == metrics.provider).count() > 1;
    let label: String = metrics.label.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = if several { format!("{} {label}", metrics.provider) } else { metrics.provider.clone() };
    let name: String = if name.chars().count() > 44 { name.chars().take(43).chain(['…']).collect() } else { name };
    let rate = percent(metrics.passed, all);
    let mean = metrics.latency_ms / u64::try_from(all).unwrap_or(1).max(1);
    format!(
        "{name:<44} {:>7} {:>7} {:>7} {rate:>8} {mean:>9} {:>9} {:>11}",
        metrics.passed,
        metrics.failed,
        metrics.errors,
        metrics.tokens.total,
        format!("${:.6}", metrics.cost)
    )
}

#[expect(clippy::cast_precision_loss, reason = "tests of a run")]
fn percent(part: usize, all: usize) -> String {
    if all == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / all as f64) }
}

fn sums(summary: &Summary) -> String {
    let all = summary.passed + summary.failed + summary.errors;
    let mut parts = vec![format!(
        "{} of {all} passed ({}), {} failed, {} errors, {}.{:03} s",
        summary.passed,
        percent(summary.passed, all),
        summary.failed,
        summary.errors,
        summary.duration_ms / 1000,
        summary.duration_ms % 1000
    )];
    if summary.repeat > 1 {
        let (always, cells, repeat) = (summary.passed_always, summary.cells, summary.repeat);
        parts.push(format!("{always} of {cells} passed each of {repeat} times"));
    }
    if summary.resumed > 0 {
        parts.push(format!("{} taken over from the earlier run", summary.resumed));
    }
    parts.join("; ")
}

fn cost(spending: Spending) -> String {
    let Spending { spent, recorded, calls, recorded_calls, unpriced } = spending;
    let mut parts = vec![format!("spent {spent} for {calls} calls, judges included")];
    if recorded_calls > 0 {
        parts.push(format!("{recorded_calls} answers from the recording, which had cost {recorded}"));
    }
    if unpriced > 0 {
        parts.push(format!("the cost of {unpriced} calls is unknown, because their model has no price"));
    }
    parts.join("; ")
}

/// How the process ends, as promptfoo's variables say.
pub(super) struct Exit {
    /// From 0 to 1.
    least: f64,
    failed: u8,
}

impl Exit {
    pub(super) fn from_environment() -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
        let least = match set("PROMPTFOO_PASS_RATE_THRESHOLD") {
            None => 100.0,
            Some(text) => match text.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => percent,
                _ => bail!("PROMPTFOO_PASS_RATE_THRESHOLD \"{text}\" is not a percentage from 0 to 100"),
            },
        };
        let failed = match set("PROMPTFOO_FAILED_TEST_EXIT_CODE") {
            None => 100,
            Some(text) => match text.trim().parse::<u8>() {
                Ok(code) => code,
                Err(_) => bail!("PROMPTFOO_FAILED_TEST_EXIT_CODE \"{text}\" is not an exit code from 0 to 255"),
            },
        };
        Ok(Self { least: least / 100.0, failed })
    }

    pub(super) fn code(&self, summary: &Summary) -> ExitCode {
        match summary.exit_code(self.least) {
            0 => ExitCode::SUCCESS,
            100 => ExitCode::from(self.failed),
            other => {
                eprintln!("planner: no test was run; look at the filters and at the providers the tests name");
                ExitCode::from(other)
            }
        }
    }
}
