//! Evals in promptfoo's files: configs, cases, assertions, a runner and the results, as a library.
//!
//! It knows no provider, no HTTP, no store: who runs an eval hands in a [`Target`] that answers prompts, and what judges by a model, an
//! embedder or a web address ([`Helpers`]). What is not supported is an error that names it, never a pass; an assertion that needs a
//! helper nobody handed in is such an error.
//!
//! # What is deliberately different from promptfoo
//! - **A missing variable is an error**, where Nunjucks prints nothing. `{% if missing %}` and `default` work.
//! - **Errors count as failures** in every figure and in the exit code.
//! - **A `threshold` of a test does not hide an error**: a test in which an assertion could not be judged is an error.
//! - **Unknown keys are faults** that name the file; promptfoo ignores them.
//!
//! # What is not supported
//! - Assertions: `python`, `ruby`, `meteor` (needs `WordNet`), `classifier`, `moderation`, `guardrails`, `pi`, `select-best`, `max-score`,
//!   `skill-used`, `tool-call-f1`, `is-valid-function-call`, `is-valid-openai-*`, `trace-*`, `trajectory:*`, `*-rubric` other than
//!   `llm-rubric`, `context-*` transforms. Each is an error by name.
//! - Files: `.js`, `.ts`, `.py` configs, prompts, vars and test generators, `exec:` prompts, remote prompts, Google Sheets. Each is a
//!   fault by name. JavaScript assertions in files are read in `CommonJS` form (`module.exports = ...`); there is no `require`.
//! - Keys: `extensions`, `nunjucksFilters`, `assertScoringFunction`, `storeOutputAs`, `runSerially`, `contextTransform`. Each is a fault
//!   by name. `sharing`, `writeLatestResults`, `outputPath` and `commandLineOptions` are read over: they are the caller's matter.
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
mod targets;
pub mod templating;
mod values;
mod words;

pub use assertions::graded::{Embedder, GradeRequest, Grader, HelperError, Helpers, Verdict, Webhook};
pub use cases::{Assert, AssertSet, Assertion, Case, TestCase, TestOptions};
pub use compare::{Change, Comparison, Estimate, Metric, Part, Verdict as Difference, compare};
pub use config::{Config, DerivedMetric, EvaluateOptions, Prompt, Provider};
pub use grading::Grade;
pub use output::{Format, JsonlSink, write_results};
pub use prompts::FileFault;
pub use results::{CaseResult, Outcome, PromptMetrics, Summary, TokenUsage};
pub use run::{Failing, Filter, Options, RunError, Sink, run};
pub use targets::{Echo, Output, Target, TargetError};
