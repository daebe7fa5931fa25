//! The results of a JSONL file, line by line: the one way in which such files are read.

use super::CaseResult;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// What is read of a line.
pub(crate) trait Row: Sized {
    /// Nothing of a line that is no result.
    fn read(line: &[u8]) -> Option<Self>;
}

impl Row for CaseResult {
    fn read(line: &[u8]) -> Option<Self> {
        Self::from_json(&serde_json::from_slice(line).ok()?)
    }
}

/// Whose result a line is. Much less work than all of it.
#[expect(clippy::zero_sized_map_values, reason = "a map is read, of which only the keys are wanted")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    test_idx: usize,
    prompt_idx: usize,
    repeat_index: Option<usize>,
    success: Option<bool>,
    failure_reason: Option<u64>,
    /// The names of its variables.
    #[serde(default)]
    pub vars: HashMap<String, IgnoredAny>,
}

impl Head {
    /// As [`CaseResult::key`].
    pub fn key(&self) -> (usize, usize, usize) {
        (self.test_idx, self.prompt_idx, self.repeat_index.unwrap_or(0))
    }
}

impl Row for Head {
    fn read(line: &[u8]) -> Option<Self> {
        let head: Self = serde_json::from_slice(line).ok()?;
        (head.success.is_some() || head.failure_reason == Some(2)).then_some(head)
    }
}

/// A result and where its line begins, in bytes.
pub(crate) struct Line<R> {
    pub at: u64,
    pub row: R,
}

/// The lines of a file.
pub(crate) struct Lines<R> {
    of: PhantomData<R>,
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    number: usize,
    line: Vec<u8>,
}

/// Every result of a file, in the order in which they were written: of several for one place the last one counts. A last line that was
/// cut, even in the middle of a letter, is what a crash leaves, and not read; any other line that is no result is an error that names it.
pub(crate) fn lines<R: Row>(path: &Path) -> io::Result<Lines<R>> {
    Ok(Lines { of: PhantomData, path: path.to_owned(), file: BufReader::new(File::open(path)?), at: 0, number: 0, line: Vec::new() })
}

impl<R: Row> Iterator for Lines<R> {
    type Item = io::Result<Line<R>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            self.line.clear();
            match self.file.read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Ok(read) => self.at += read as u64,
                Err(error) => return Some(Err(error)),
            }
            self.number += 1;
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            return match R::read(&self.line) {
                Some(row) => Some(Ok(Line { at, row })),
                None if self.line.last() != Some(&b'\n') => None,
                None => {
                    let why = format!("{}:{}: is no result of a run; use the JSONL output of one", self.path.display(), self.number);
                    Some(Err(io::Error::new(io::ErrorKind::InvalidData, why)))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::Grade;
    use serde_json::{Map, Value};

    fn row(description: &str) -> Vec<u8> {
        let json = serde_json::json!({"testIdx": 0, "promptIdx": 0, "success": true, "testCase": {"description": description},
                                      "gradingResult": Grade::default().to_json(), "vars": Value::Object(Map::new())});
        format!("{json}\n").into_bytes()
    }

    #[test]
    fn a_cut_end_is_no_result_and_anything_else_is_named() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("r.jsonl");
        let read = |bytes: &[u8]| {
            std::fs::write(&file, bytes).expect("written");
            lines::<CaseResult>(&file).expect("opens").map(|line| line.map(|line| line.at).map_err(|e| e.to_string())).collect::<Vec<_>>()
        };
        let (whole, umlaut) = (row("a"), row("ä"));
        let cut = umlaut.iter().position(|byte| *byte == 0xc3).expect("a letter of two bytes") + 1;
        let second = whole.len() as u64;
        assert_eq!(read(&[&whole, &umlaut[..cut]].concat()), [Ok(0)], "cut inside a letter");
        assert_eq!(read(&[&whole, b"\n".as_slice(), &umlaut].concat()), [Ok(0), Ok(second + 1)]);
        assert_eq!(read(&[&whole, &umlaut[..umlaut.len() - 1]].concat()), [Ok(0), Ok(second)], "only its end is missing");
        let broken = read(&[&whole, &umlaut[..cut], b"\n", &whole].concat());
        assert!(broken[1].as_ref().expect_err("named").contains("r.jsonl:2: is no result"), "{broken:?}");
    }
}
