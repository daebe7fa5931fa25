//! A table: one line for each case and repetition, its variables first, then each column's verdict and output.

use super::rows::Rows;
use crate::results::{CaseResult, Outcome, Summary};
use serde_json::Value;
use std::io::{self, Write};

pub(super) fn write(rows: Rows, summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(to);
    let names: Vec<String> = rows.vars.iter().cloned().collect();
    let columns = summary.prompts.iter().map(|p| format!("[{}] {}", p.provider, p.label));
    table.write_record(["description".to_owned()].into_iter().chain(names.iter().cloned()).chain(columns))?;
    let mut line: Option<Line> = None;
    for row in rows.by_test() {
        let row = row?;
        let place = (row.test_index, row.repeat_index);
        if line.as_ref().is_some_and(|l| l.place != place)
            && let Some(full) = line.take()
        {
            table.write_record(full.cells)?;
        }
        let line = line.get_or_insert_with(|| Line::begin(place, &row, &names, summary.prompts.len()));
        if let Some(cell) = line.cells.get_mut(1 + names.len() + row.prompt_index) {
            *cell = verdict(&row);
        }
    }
    if let Some(full) = line {
        table.write_record(full.cells)?;
    }
    table.flush()
}

struct Line {
    place: (usize, usize),
    cells: Vec<String>,
}

impl Line {
    fn begin(place: (usize, usize), row: &CaseResult, names: &[String], columns: usize) -> Self {
        let mut cells = vec![row.description().unwrap_or_default().to_owned()];
        cells.extend(names.iter().map(|name| row.vars.get(name).map(text).unwrap_or_default()));
        cells.extend(std::iter::repeat_n(String::new(), columns));
        Self { place, cells }
    }
}

fn text(value: &Value) -> String {
    crate::values::text(value)
}

fn verdict(row: &CaseResult) -> String {
    let output = text(&row.output);
    match row.outcome {
        Outcome::Passed => format!("[PASS] {output}"),
        Outcome::Failed => format!("[FAIL] ({:.2}) {}\n---\n{output}", row.grade.score, row.grade.reason),
        Outcome::Error => format!("[ERROR] {}", row.error.as_deref().unwrap_or_default()),
    }
}
