//! Reading YAML and JSON, and collecting everything that is wrong in them with file and line.

use prompts::FileFault;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file's text while it is being understood; every fault found in it is added to one list.
pub(crate) struct Source<'a> {
    /// The file, as the reader knows it.
    pub file: PathBuf,
    /// Its text, for finding lines; empty when the text is not kept.
    pub text: String,
    /// The line everything here stands in, of files that are read line by line.
    pub at: Option<usize>,
    faults: &'a mut Vec<FileFault>,
}

impl<'a> Source<'a> {
    pub fn new(file: &Path, text: String, faults: &'a mut Vec<FileFault>) -> Self {
        Self { file: file.to_owned(), text, at: None, faults }
    }

    /// The directory relative paths in this file start from.
    pub fn dir(&self) -> PathBuf {
        self.file.parent().map_or_else(PathBuf::new, Path::to_owned)
    }

    /// A fault at the first line that contains `needle`.
    pub fn fault(&mut self, needle: &str, message: impl Into<String>) {
        let line =
            self.at.or_else(|| (!needle.is_empty()).then(|| self.text.lines().position(|l| l.contains(needle)).map(|i| i + 1)).flatten());
        self.faults.push(FileFault { file: self.file.display().to_string(), line, message: message.into() });
    }

    /// Adds faults found elsewhere.
    pub fn extend(&mut self, faults: Vec<FileFault>) {
        self.faults.extend(faults);
    }

    /// Names every key of `map` that is not in `known`, and every one in `refused` with why.
    pub fn check_keys(&mut self, what: &str, map: &serde_json::Map<String, Value>, known: &[&str], refused: &[&str]) {
        for key in map.keys() {
            if refused.contains(&key.as_str()) {
                self.fault(&format!("{key}:"), format!("\"{key}\" of {what} is not supported; take it out"));
            } else if !known.contains(&key.as_str()) {
                self.fault(&format!("{key}:"), format!("\"{key}\" is not a key of {what}; there are {}", known.join(", ")));
            }
        }
    }
}

/// Reads a file, or says why it cannot be.
pub(crate) fn read_text(path: &Path) -> Result<String, FileFault> {
    std::fs::read_to_string(path)
        .map_err(|error| fault(path, None, format!("cannot be read ({error}); check the path and the permissions")))
}

/// A fault in a file.
pub(crate) fn fault(path: &Path, line: Option<usize>, message: impl Into<String>) -> FileFault {
    FileFault { file: path.display().to_string(), line, message: message.into() }
}

/// What a YAML or JSON file holds.
pub fn read_value(path: &Path) -> Result<Value, FileFault> {
    read_text(path).and_then(|text| parse(path, &text))
}

/// Reads YAML or JSON text, by the file's ending.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Value, FileFault> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        return serde_json::from_str(text).map_err(|e| fault(path, Some(e.line()), format!("is not JSON: {e}")));
    }
    yaml(text).map_err(|(line, message)| fault(path, line, message))
}

/// Reads YAML text; the budget stops alias bombs, and is wide enough for suites of tens of thousands of cases.
pub(crate) fn yaml(text: &str) -> Result<Value, (Option<usize>, String)> {
    let options = serde_saphyr::options! {
        // promptfoo reads YAML 1.2, in which `y` and `no` are texts.
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_events: 4_000_000, max_nodes: 2_000_000, max_aliases: 10_000, max_anchors: 1_000 }
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        let line = error.location().map(|at| usize::try_from(at.line()).unwrap_or(0)).filter(|line| *line > 0);
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text).trim_end_matches([':', ' ', ',']).to_owned();
        (line, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_files_are_named_with_their_line() {
        let broken = parse(Path::new("a.yaml"), "one: 1\ntwo: [1, 2\nthree: 3\n").expect_err("broken");
        assert_eq!(broken.file, "a.yaml");
        assert!(broken.line.is_some_and(|line| line >= 2), "{broken}");
        let broken = parse(Path::new("a.json"), "{\n\"a\": }").expect_err("broken");
        assert_eq!(broken.line, Some(2));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let before = format!("*a{}, ", n - 1).repeat(9);
            text = format!("{text}a{n}: &a{n} [{}]\n", before.trim_end_matches(", "));
        }
        assert!(yaml(&text).is_err());
    }
}
