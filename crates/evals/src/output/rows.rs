//! The results of a JSONL file in any order: their places are kept in memory, they themselves are not. Of several for one place, the last
//! counts.

use crate::results::{CaseResult, Head, lines};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file of results.
pub(super) struct Rows {
    path: PathBuf,
    file: BufReader<File>,
    places: BTreeMap<(usize, usize, usize), u64>,
    /// The names of all variables, in order.
    pub vars: BTreeSet<String>,
}

impl Rows {
    /// The results at these places.
    pub fn open(path: &Path, wanted: &HashSet<(usize, usize, usize)>) -> io::Result<Self> {
        let (mut places, mut vars) = (BTreeMap::new(), BTreeSet::new());
        for line in lines::<Head>(path)? {
            let line = line?;
            if wanted.contains(&line.row.key()) {
                places.insert(line.row.key(), line.at);
                vars.extend(line.row.vars.into_keys());
            }
        }
        Ok(Self { path: path.to_owned(), file: BufReader::new(File::open(path)?), places, vars })
    }

    /// Case by case, each with all its columns, one repetition after the other.
    pub fn by_test(self) -> impl Iterator<Item = io::Result<CaseResult>> {
        self.lines_by_test().map(|line| parse(&line?))
    }

    /// The same as the lines they are, without the ends.
    pub fn lines_by_test(self) -> impl Iterator<Item = io::Result<String>> {
        self.sorted(|(test, column, repeat)| (test, repeat, column))
    }

    /// Column by column.
    pub fn by_column(self) -> impl Iterator<Item = io::Result<CaseResult>> {
        self.sorted(|(test, column, repeat)| (column, test, repeat)).map(|line| parse(&line?))
    }

    fn sorted(mut self, by: impl Fn((usize, usize, usize)) -> (usize, usize, usize)) -> impl Iterator<Item = io::Result<String>> {
        let mut places: Vec<_> = self.places.into_iter().map(|(key, at)| (by(key), at)).collect();
        places.sort_unstable();
        let mut here = None;
        places.into_iter().map(move |(_, at)| {
            let mut line = String::new();
            // Results mostly stand in their order: then nothing of what was read ahead is thrown away.
            if here != Some(at) {
                self.file.seek(SeekFrom::Start(at))?;
            }
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}, at byte {at}: {error}", self.path.display()));
            here = Some(at + self.file.read_line(&mut line).map_err(named)? as u64);
            line.truncate(line.trim_end().len());
            Ok(line)
        })
    }
}

fn parse(line: &str) -> io::Result<CaseResult> {
    let json = serde_json::from_str(line)?;
    CaseResult::from_json(&json).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a line is no result of a run"))
}
