//! A matrix to read: cases down, pairs of provider and prompt across, in one file that asks for nothing else. Written row by row, so that it
//! does not matter how many there are. The filter and the folds work without scripts.

use super::rows::Rows;
use crate::config::Config;
use crate::grading::Grade;
use crate::results::{CaseResult, Outcome, PromptMetrics, Summary};
use crate::values::text;
use askama::Template;
use std::io::{self, Write};

/// Letters of an output that are shown before it is unfolded.
const EXCERPT: usize = 200;
/// Letters of a variable that are shown.
const VARIABLE: usize = 120;

#[derive(Template)]
#[template(path = "matrix_head.html")]
struct Head<'a> {
    title: &'a str,
    passed: usize,
    failed: usize,
    errors: usize,
    all: usize,
    columns: Vec<Column<'a>>,
}

struct Column<'a> {
    provider: &'a str,
    label: &'a str,
    passed: usize,
    failed: usize,
    errors: usize,
    passed_share: String,
    failed_share: String,
    error_share: String,
    score: String,
    latency: String,
    tokens: u64,
    cost: String,
}

#[derive(Template)]
#[template(path = "matrix_row.html")]
struct Row {
    name: String,
    vars: Vec<(String, String)>,
    cells: Vec<Cell>,
    all_passed: bool,
}

struct Cell {
    column: String,
    result: Option<Shown>,
}

struct Shown {
    class: &'static str,
    word: &'static str,
    score: String,
    latency: u64,
    reason: String,
    excerpt: String,
    output: String,
    parts: Vec<Part>,
}

struct Part {
    class: &'static str,
    word: &'static str,
    kind: String,
    reason: String,
}

pub(super) fn write(rows: Rows, config: &Config, summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let head = Head {
        title: config.description.as_deref().unwrap_or("Eval"),
        passed: summary.passed,
        failed: summary.failed,
        errors: summary.errors,
        all: summary.passed + summary.failed + summary.errors,
        columns: summary.prompts.iter().map(column).collect(),
    };
    head.write_into(&mut *to).map_err(io::Error::other)?;
    let names: Vec<String> = summary.prompts.iter().map(|p| format!("{} {}", p.provider, p.label)).collect();
    let mut open: Option<((usize, usize), Row)> = None;
    for result in rows.by_test() {
        let result = result?;
        let place = (result.test_index, result.repeat_index);
        if open.as_ref().is_some_and(|(at, _)| *at != place)
            && let Some((_, row)) = open.take()
        {
            row.write_into(&mut *to).map_err(io::Error::other)?;
        }
        let (_, row) = open.get_or_insert_with(|| (place, begin(&result, &names)));
        row.all_passed &= result.outcome == Outcome::Passed;
        if let Some(cell) = row.cells.get_mut(result.prompt_index) {
            cell.result = Some(shown(&result));
        }
    }
    if let Some((_, row)) = open {
        row.write_into(&mut *to).map_err(io::Error::other)?;
    }
    writeln!(to, "</tbody>\n</table>\n</body>\n</html>")
}

#[expect(clippy::cast_precision_loss, reason = "cases of a run")]
fn column(p: &PromptMetrics) -> Column<'_> {
    let all = (p.passed + p.failed + p.errors).max(1) as f64;
    let share = |n: usize| format!("{:.2}", n as f64 / all * 100.0);
    Column {
        provider: &p.provider,
        label: &p.label,
        passed: p.passed,
        failed: p.failed,
        errors: p.errors,
        passed_share: share(p.passed),
        failed_share: share(p.failed),
        error_share: share(p.errors),
        score: format!("{:.2}", p.score / all),
        latency: format!("{:.0}", p.latency_ms as f64 / all),
        tokens: p.tokens.total,
        cost: format!("{:.4}", p.cost),
    }
}

fn begin(result: &CaseResult, names: &[String]) -> Row {
    let mut name = result.description().map_or_else(|| format!("Case {}", result.test_index + 1), str::to_owned);
    if result.repeat_index > 0 {
        name = format!("{name} (again, {})", result.repeat_index + 1);
    }
    Row {
        name,
        vars: result.vars.iter().map(|(key, value)| (key.clone(), short(&text(value), VARIABLE))).collect(),
        cells: names.iter().map(|column| Cell { column: column.clone(), result: None }).collect(),
        all_passed: true,
    }
}

fn short(text: &str, length: usize) -> String {
    let mut cut: String = text.chars().take(length).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn shown(result: &CaseResult) -> Shown {
    let (class, word) = match result.outcome {
        Outcome::Passed => ("passed", "Passed"),
        Outcome::Failed => ("failed", "Failed"),
        Outcome::Error => ("error", "Error"),
    };
    let output = text(&result.output);
    let why = result.error.as_deref().unwrap_or(&result.grade.reason);
    Shown {
        class,
        word,
        score: format!("{:.2}", result.grade.score),
        latency: result.latency_ms,
        reason: if result.outcome == Outcome::Passed { String::new() } else { why.to_owned() },
        excerpt: short(&output, EXCERPT),
        output,
        parts: result.grade.components.iter().map(part).collect(),
    }
}

fn part(grade: &Grade) -> Part {
    let (class, word) = match (&grade.error, grade.pass) {
        (Some(_), _) => ("error", "Error"),
        (None, true) => ("passed", "Passed"),
        (None, false) => ("failed", "Failed"),
    };
    let kind = grade.assertion["type"].as_str().unwrap_or("assertion").to_owned();
    Part { class, word, kind, reason: grade.reason.clone() }
}
