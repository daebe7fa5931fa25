//! The gate before an environment, as pages show it: every check in words and figures, and the evals they were read from.

use crate::paths;
use app::gates::Answer;
use domain::evals::{Eval, Progress};
use domain::gates::Check;

/// A gate and what it was decided by.
#[derive(askama::Template)]
#[template(path = "staff/gate.html")]
pub(super) struct GateView {
    /// What it stands before.
    pub(super) environment: &'static str,
    pub(super) open: bool,
    /// An eval is under way that may open it.
    pub(super) running: bool,
    checks: Vec<Check>,
    evals: Vec<EvalView>,
}

struct EvalView {
    what: String,
    path: String,
    figures: String,
}

impl GateView {
    pub(super) fn of(answer: &Answer) -> Self {
        let candidate = answer.eval.iter().map(|eval| EvalView::of(format!("Eval of {}", answer.candidate.version), eval));
        let baseline = answer.baseline.iter().map(|eval| EvalView::of(format!("Eval of {}, with the same tests", answer.deployed), eval));
        let running = answer.eval.as_ref().is_some_and(|eval| eval.progress == Progress::Running);
        let environment = answer.models.environment.key();
        Self {
            environment,
            open: answer.gate.is_open(),
            running,
            checks: answer.gate.checks.clone(),
            evals: candidate.chain(baseline).collect(),
        }
    }

    /// What a check looks at, in a word or two.
    fn title(check: &Check) -> &'static str {
        match check.name {
            "evaluated" => "Evaluated",
            "pass-rate" => "Pass rate",
            "each-section" => "Every template",
            "baseline" => "Something to compare with",
            "quality" => "Quality",
            "latency" => "Latency",
            "schema" => "Schema",
            other => other,
        }
    }

    fn shut(&self) -> usize {
        self.checks.iter().filter(|check| !check.passed).count()
    }
}

impl EvalView {
    fn of(what: String, eval: &Eval) -> Self {
        let figures = match eval.progress {
            Progress::Running => format!("{} cases, still running", eval.cases),
            Progress::Stopped => "stopped".to_owned(),
            Progress::Finished => {
                let quality = eval.total.quality.map_or_else(String::new, |quality| format!(", quality {quality:.1}"));
                format!("{} of {} pass{quality}, p95 {} ms", eval.total.passed, eval.total.tests, eval.total.latency_p95_ms)
            }
        };
        Self { what, path: paths::eval(eval.id), figures }
    }
}
