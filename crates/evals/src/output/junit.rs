//! `JUnit`'s XML: one suite for each pair of prompt and provider.

use super::rows::Rows;
use crate::results::{CaseResult, Outcome, Summary};
use std::io::{self, Write};

pub(super) fn write(rows: Rows, summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let all = summary.passed + summary.failed + summary.errors;
    writeln!(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let (failed, errors, seconds) = (summary.failed, summary.errors, seconds(summary.duration_ms));
    writeln!(to, "<testsuites tests=\"{all}\" failures=\"{failed}\" errors=\"{errors}\" time=\"{seconds}\">")?;
    let mut open = None;
    for row in rows.by_column() {
        let row = row?;
        if open != Some(row.prompt_index) {
            if open.is_some() {
                writeln!(to, "  </testsuite>")?;
            }
            begin(&row, summary, to)?;
            open = Some(row.prompt_index);
        }
        case(&row, to)?;
    }
    if open.is_some() {
        writeln!(to, "  </testsuite>")?;
    }
    writeln!(to, "</testsuites>")
}

fn begin(row: &CaseResult, summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let sums = summary.prompts.get(row.prompt_index).cloned().unwrap_or_default();
    let (tests, time) = (sums.passed + sums.failed + sums.errors, seconds(sums.latency_ms));
    let name = escape(&suite(row));
    writeln!(to, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{}\" errors=\"{}\" time=\"{time}\">", sums.failed, sums.errors)
}

fn suite(row: &CaseResult) -> String {
    format!("[{}] {}", row.provider, row.prompt_label)
}

fn case(row: &CaseResult, to: &mut dyn Write) -> io::Result<()> {
    let mut name = format!("#{}", row.test_index + 1);
    if row.repeat_index > 0 {
        name = format!("{name}.{}", row.repeat_index + 1);
    }
    if let Some(description) = row.description() {
        name = format!("{name} {description}");
    }
    let (name, class, time) = (escape(&name), escape(&suite(row)), seconds(row.latency_ms));
    write!(to, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{time}\"")?;
    let (tag, why) = match row.outcome {
        Outcome::Passed => return writeln!(to, "/>"),
        Outcome::Failed => ("failure", row.grade.reason.as_str()),
        Outcome::Error => ("error", row.error.as_deref().unwrap_or("error")),
    };
    let output = crate::values::text(&row.output);
    writeln!(to, ">\n      <{tag} message=\"{}\">{}</{tag}>\n    </testcase>", escape(why), escape(&output))
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text as XML may hold it: what XML cannot hold at all becomes a replacement sign.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if (c as u32) < 0x20 || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}
