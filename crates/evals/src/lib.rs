//! Evals in promptfoo's files: configs, cases, assertions, a runner and the results, as a library.
//!
//! It knows no provider, no HTTP, no store: who runs an eval hands in a [`Target`] that answers prompts, and what judges by a model, an
//! embedder or a web address ([`Helpers`]). What is not supported is an error that names it, never a pass; an assertion that needs a
//! helper nobody handed in is such an error.
//!
//! How near it is to promptfoo 0.123.1 is measured: `tests/parity` runs the same files under both and compares every row.
//!
//! # What is deliberately different from promptfoo
//! `tests/parity/differences.yaml` lists the rows; in words:
//! - **A missing variable is an error**, where Nunjucks prints nothing. `{% if missing %}` and `default` work.
//! - **Errors count as failures** in every figure and in the exit code.
//! - **A `threshold` of a test does not hide an error**: a test in which an assertion could not be judged is an error.
//! - **Unknown keys are faults** that name the file, and errors inside of an assertion's `value`; promptfoo ignores them.
//! - **An assertion without what it needs is an error**: `equals` without a value, an empty list or one with an empty text, a script that is
//!   no text, and `guardrails`, `skill-used` and `finish-reason` of a target that says nothing of them.
//! - `provider` of a test chooses among the config's providers; promptfoo asks that one instead of each of them.
//! - **An assertion of weight 0 records its score**; promptfoo records 0.
//! - A `type(threshold):value` of a CSV file keeps its threshold for every type; `__provider` is a column of its own.
//! - **`meteor` is judged as promptfoo means it**; as published, 0.123.1 imports names its package `natural` has not for it, and every such
//!   assertion is an error. The parity test gives it these names.
//! - `latency` and `cost` without a threshold, but with a `metric`, record it.
//! - **A test whose lists make more than 100,000 cases is an error**; promptfoo writes them all out and dies.
//! - A map in a prompt reads as JSON; promptfoo writes `[object Object]`.
//! - JSON is read strictly (no `1e999`, no halves of surrogate pairs), `multipleOf` is exact, SQL is parsed by another parser.
//! - A JSON Schema that names draft 2019-09 or 2020-12 is read by that draft, which promptfoo refuses.
//!
//! # What is not supported
//! - Assertions: `python`, `ruby`, `classifier`, `moderation`, `pi`, `select-best`,
//!   `max-score`, `agent-rubric` and other `*-rubric` than `llm-rubric` and `search-rubric`, `allowedColumns` of SQL, `contextTransform`.
//!   Each is an error or a fault by name. What a [`Grader`] does not know is its error: the one of this program knows neither
//!   `search-rubric`, `conversation-relevance` nor `trajectory:goal-success`.
//! - Another embedder than the one that is handed in, for `similar`.
//! - Files: `.js`, `.ts`, `.py` configs, prompts, vars and test generators, `exec:` prompts, remote prompts, Google Sheets. Each is a
//!   fault by name. JavaScript assertions in files are read in `CommonJS` form (`module.exports = ...`); there is no `require`. Transforms
//!   stand in the config itself.
//! - Keys: `extensions`, `nunjucksFilters`, `assertScoringFunction`, `storeOutputAs`, `runSerially`, `contextTransform`. Each is a fault
//!   by name, as is `config` of a prompt. `sharing` and `writeLatestResults` are read over; `outputPath` and `commandLineOptions` stand in
//!   [`Config::raw`] for the caller, whose matter they are.
//!
//! # What a target may say beside its answer
//! In [`Output::metadata`]: `guardrails` (`{flagged, flaggedInput, flaggedOutput, reason}`), `skillCalls` (`[{name, is_error}]`) and `trace`
//! (`{spans: [{name, startTime, endTime, attributes, statusCode, statusMessage}]}`, times in milliseconds), for the types that ask of them.
//!
//! # How templates differ from Nunjucks
//! See [`templating`].

mod assertions;
mod cases;
mod compare;
mod config;
mod faults;
mod grading;
mod html;
mod markup;
mod output;
mod patterns;
mod results;
mod run;
mod schemas;
mod script;
mod stems;
mod synonyms;
mod targets;
pub mod templating;
mod values;
mod words;

pub use assertions::graded::{Embedder, GradeRequest, Grader, HelperError, Helpers, Verdict, Webhook};
pub use cases::{Assert, AssertSet, Assertion, Case, MeteorWeights, TestCase, TestOptions};
pub use compare::{Change, Comparison, Estimate, Measure, Metric, Part, Verdict as Difference, compare, compare_measures};
pub use config::{Config, DerivedMetric, EvaluateOptions, Prompt, Provider};
pub use faults::read_value;
pub use grading::Grade;
pub use output::{Format, JsonlSink, write_results};
pub use prompts::FileFault;
pub use results::{CaseResult, FIELDS, Outcome, PromptMetrics, Summary, TokenUsage};
pub use run::{Failing, Filter, Options, RunError, Sink, expected, run};
pub use script::{LOST, Scope, evaluate, lost_threads};
pub use targets::{Echo, Output, Target, TargetError};
