//! Result files. A run writes JSONL, line by line; every other form is made from that file, so that no run has to fit in memory.

mod html;
mod json;
mod junit;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::results::{CaseResult, Summary};
use crate::run::Sink;
use rows::Rows;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A form of result files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// promptfoo's results, version 3.
    Json,
    /// One result a line, in the order of the suite.
    Jsonl,
    /// One case a line, one column for each pair of prompt and provider.
    Csv,
    /// `JUnit`'s XML, as CI systems read it.
    JUnit,
    /// A page to read: a matrix of cases and columns.
    Html,
}

impl Format {
    /// The form a file's name asks for: `.json`, `.jsonl`, `.csv`, `.junit.xml`, `.xml`, `.html` or `.htm`.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "xml" => Some(Self::JUnit),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// A sink that writes each result as a line, at once, so that a run that is cut can be resumed.
#[derive(Debug)]
pub struct JsonlSink(BufWriter<File>);

impl JsonlSink {
    /// A new file in the place of any old one.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::new(File::create(path)?)))
    }

    /// Goes on after the results of a run that was cut; half a line at the end is taken away.
    pub fn append(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let whole = end_of_last_line(&mut file)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(BufWriter::new(file)))
    }
}

fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..usize::try_from(end - start).unwrap_or(0)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

impl JsonlSink {
    /// Writes a result in the form of [`CaseResult::to_json`].
    pub fn write(&mut self, result: &Value) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, result)?;
        self.0.write_all(b"\n")?;
        self.0.flush()
    }
}

impl Sink for JsonlSink {
    fn take(&mut self, result: &CaseResult) -> io::Result<()> {
        self.write(&result.to_json())
    }
}

/// Makes a result file out of the JSONL of a run: of what the summary counts, whatever else is in the file.
pub fn write_results(jsonl: &Path, config: &Config, summary: &Summary, format: Format, to: &mut dyn Write) -> io::Result<()> {
    let rows = Rows::open(jsonl, &summary.places)?;
    match format {
        Format::Json => json::write(rows, config, summary, to),
        Format::Jsonl => rows.lines_by_test().try_for_each(|line| {
            to.write_all(line?.as_bytes())?;
            to.write_all(b"\n")
        }),
        Format::Csv => table::write(rows, summary, to),
        Format::JUnit => junit::write(rows, summary, to),
        Format::Html => html::write(rows, config, summary, to),
    }
}
