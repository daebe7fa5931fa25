//! The runner: every case of a config, asked of every provider by every prompt, judged, handed on one by one. Memory does not grow with
//! the suite.

mod filter;
mod one;
mod resume;
#[cfg(test)]
mod tests;

pub use filter::{Failing, Filter};

use crate::assertions::graded::Helpers;
use crate::cases::Case;
use crate::config::Config;
use crate::config::names::{columns, mean_prompt, mean_provider};
use crate::patterns::Patterns;
use crate::results::{CaseResult, Outcome, PromptMetrics, Summary};
use crate::schemas::Schemas;
use crate::script::{Limits, Scope, ScriptError, expression};
use crate::targets::Target;
use crate::templating::Templating;
use futures::StreamExt;
use one::{Asking, Job};
use prompts::FileFault;
use resume::Resumed;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Calls at a time when nobody says how many, as in promptfoo.
const CONCURRENCY: usize = 4;

/// How a run is done; what is not said here, the config says.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// Calls at a time.
    pub concurrency: Option<usize>,
    /// How often each case runs.
    pub repeat: Option<usize>,
    /// Which cases run.
    pub filter: Filter,
    /// Results of an earlier run, as JSONL: what it did and what is still the same is not asked again; errors are.
    pub resume: Option<PathBuf>,
    /// Who helps to judge.
    pub helpers: Helpers<'a>,
}

/// Where results go, one by one, in the order they come.
pub trait Sink: Send {
    /// Takes a result. Results that were taken over from an earlier run are not handed on again.
    fn take(&mut self, result: &CaseResult) -> std::io::Result<()>;

    /// Is told of a result that was taken over from an earlier run: its outcome, score and reason are known, its output is not.
    fn taken_over(&mut self, _result: &CaseResult) {}
}

impl Sink for Vec<CaseResult> {
    fn take(&mut self, result: &CaseResult) -> std::io::Result<()> {
        self.push(result.clone());
        Ok(())
    }
}

/// Why a run could not be done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file has faults that were not there when the config was read.
    #[error("the tests cannot be read: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Tests(Vec<FileFault>),
    /// The sink took no more.
    #[error("a result could not be written")]
    Sink(#[source] std::io::Error),
    /// The results to resume from, or a filter, cannot be used.
    #[error("{0}")]
    Options(String),
}

/// Runs an eval.
pub async fn run(config: &Config, target: &dyn Target, options: &Options<'_>, sink: &mut dyn Sink) -> Result<Summary, RunError> {
    let began = Instant::now();
    let templating = Templating::new(config.env.clone());
    let asking = Asking {
        config,
        target,
        identities: config.providers.iter().map(|provider| target.identity(provider)).collect(),
        templating: &templating,
        helpers: &options.helpers,
        limits: Limits::within(Scope::new()),
        patterns: Patterns::default(),
        schemas: Schemas::default(),
        deadline: config.evaluate.max_eval_time_ms.map(|ms| began + Duration::from_millis(ms)),
        resumed: options.resume.as_deref().map(Resumed::read).transpose().map_err(RunError::Options)?.unwrap_or_default(),
    };
    let repeat = options.repeat.or(config.evaluate.repeat).unwrap_or(1).max(1);
    let mut filter = options.filter.compile().map_err(RunError::Options)?;
    filter.choose(config.cases());
    let columns = columns(&config.providers, &config.prompts);
    let mut faults = Vec::new();
    let mut tally = Tally::new(config, &columns, repeat);
    {
        let mut cases = filter.cases(config.cases());
        let read = std::iter::from_fn(|| match cases.next()? {
            Ok(case) => Some(case),
            Err(more) => {
                faults = more;
                None
            }
        });
        let jobs = read.flat_map(|case| jobs(&case, config, &columns, &filter, repeat));
        let asked = futures::stream::iter(jobs).map(|job| one::ask(&asking, job)).buffer_unordered(concurrency(config, options));
        let mut results = std::pin::pin!(asked);
        while let Some((result, resumed)) = results.next().await {
            if resumed {
                sink.taken_over(&result);
            } else {
                sink.take(&result).map_err(RunError::Sink)?;
            }
            tally.count(&result, resumed);
            // Where nothing is waited for, whoever wants to stop the run would never be heard.
            tokio::task::yield_now().await;
        }
    }
    if !faults.is_empty() {
        return Err(RunError::Tests(faults));
    }
    derive(config, &mut tally.summary.prompts);
    tally.summary.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(tally.summary)
}

/// Calls at a time: one, where there is to be time between them.
fn concurrency(config: &Config, options: &Options<'_>) -> usize {
    let spaced = config.evaluate.delay_ms.is_some_and(|ms| ms > 0) || config.providers.iter().any(|provider| provider.delay_ms > 0);
    if spaced { 1 } else { options.concurrency.or(config.evaluate.max_concurrency).unwrap_or(CONCURRENCY).max(1) }
}

/// How many results a run will have: what a progress bar counts to. A sample is counted as if it were everything.
///
/// # Errors
/// A filter that cannot be used, or a test with an assertion nobody here can judge: it is named before anybody is asked.
pub fn expected(config: &Config, options: &Options<'_>) -> Result<usize, RunError> {
    let filter = options.filter.compile().map_err(RunError::Options)?;
    let repeat = options.repeat.or(config.evaluate.repeat).unwrap_or(1).max(1);
    let columns = columns(&config.providers, &config.prompts);
    let mut count = 0;
    for case in filter.cases(config.cases()).filter_map(Result::ok) {
        if let Some(kind) = case.test.unknown_kind() {
            let named = case.test.description.as_deref().map_or_else(String::new, |description| format!(" ({description})"));
            let why = format!("test {}{named}: nobody here can judge an assertion of the type \"{kind}\"; docs: evals", case.index + 1);
            return Err(RunError::Options(why));
        }
        count += jobs(&case, config, &columns, &filter, repeat).len();
    }
    Ok(count)
}

fn metrics(config: &Config, (provider, prompt): (usize, usize)) -> PromptMetrics {
    let (provider, prompt) = (&config.providers[provider], &config.prompts[prompt]);
    PromptMetrics { raw: prompt.raw.clone(), label: prompt.label.clone(), provider: provider.label.clone(), ..PromptMetrics::default() }
}

fn jobs(case: &Case, config: &Config, columns: &[(usize, usize)], filter: &filter::Compiled<'_>, repeat: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (column, (provider, prompt)) in columns.iter().enumerate() {
        let (asked, by) = (&config.providers[*provider], &config.prompts[*prompt]);
        let (providers, prompts) = (&case.test.providers, &case.test.prompts);
        let wanted = (providers.is_empty() || mean_provider(providers, &asked.id, &asked.label))
            && (prompts.is_empty() || mean_prompt(prompts, &by.label, &by.raw));
        if wanted && filter.wants(case, asked, by) {
            jobs.extend((0..repeat).map(|r| Job { case: case.clone(), column, provider: *provider, prompt: *prompt, repeat: r }));
        }
    }
    jobs
}

/// The sums of a run while it goes on.
struct Tally {
    summary: Summary,
    /// Of cells that have not run as often as they are to: how often they did, and whether they passed each time.
    cells: HashMap<(usize, usize), (usize, bool)>,
}

impl Tally {
    fn new(config: &Config, columns: &[(usize, usize)], repeat: usize) -> Self {
        let prompts = columns.iter().map(|column| metrics(config, *column)).collect();
        Self { summary: Summary { repeat, prompts, ..Summary::default() }, cells: HashMap::new() }
    }

    fn count(&mut self, result: &CaseResult, resumed: bool) {
        let summary = &mut self.summary;
        match result.outcome {
            Outcome::Passed => summary.passed += 1,
            Outcome::Failed => summary.failed += 1,
            Outcome::Error => summary.errors += 1,
        }
        summary.resumed += usize::from(resumed);
        summary.places.insert(result.key());
        summary.tokens.add(result.tokens);
        if let Some(metrics) = summary.prompts.get_mut(result.prompt_index) {
            metrics.add(result);
        }
        let place = (result.test_index, result.prompt_index);
        let cell = self.cells.entry(place).or_insert((0, true));
        *cell = (cell.0 + 1, cell.1 && result.outcome == Outcome::Passed);
        if cell.0 == summary.repeat {
            summary.cells += 1;
            summary.passed_always += usize::from(cell.1);
            self.cells.remove(&place);
        }
    }
}

/// Computes the derived metrics, in order, over the sums. One over a metric that is not there is 0, as in promptfoo; one that cannot be
/// computed is no number (`null` in files).
fn derive(config: &Config, prompts: &mut [PromptMetrics]) {
    for metrics in prompts {
        let count = metrics.passed + metrics.failed + metrics.errors;
        for derived in &config.derived_metrics {
            let mut names: Map<String, Value> = metrics.named_scores.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            names.insert("__count".into(), count.into());
            let value = match expression(&derived.value, &names) {
                Ok(value) if value.is_finite() => value,
                Err(ScriptError::Threw(why)) if why.starts_with("ReferenceError") => 0.0,
                _ => f64::NAN,
            };
            metrics.named_scores.insert(derived.name.clone(), value);
        }
    }
}
