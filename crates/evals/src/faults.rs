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
    /// The item of a list that is being read.
    item: Option<Item>,
    faults: &'a mut Vec<FileFault>,
}

/// An item of a list: what it is called in messages, and between which lines it stands, if that is certain.
struct Item {
    name: String,
    lines: Option<(usize, usize)>,
}

impl<'a> Source<'a> {
    pub fn new(file: &Path, text: String, faults: &'a mut Vec<FileFault>) -> Self {
        Self { file: file.to_owned(), text, at: None, item: None, faults }
    }

    /// The same list of faults, for another file.
    pub fn other<'b>(&'b mut self, file: &Path, text: String) -> Source<'b> {
        Source::new(file, text, self.faults)
    }

    /// From here on faults are of this item of a list; of none, when there is no name.
    pub fn enter(&mut self, item: Option<(String, Option<(usize, usize)>)>) {
        self.item = item.map(|(name, lines)| Item { name, lines });
    }

    /// Between which lines each item of a list of the file stands: the one under a key of the whole file, or the file itself when it has no
    /// key. Nothing when the file writes it in a form in which that is not certain.
    pub fn items(&self, key: &str, count: usize) -> Option<Vec<(usize, usize)>> {
        let lines: Vec<&str> = self.text.lines().collect();
        let start = if key.is_empty() { 0 } else { lines.iter().position(|line| line.strip_prefix(key) == Some(":"))? + 1 };
        let bare = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line == "---";
        let indent = lines.iter().skip(start).find(|line| !bare(line)).and_then(|line| line.find("- "))?;
        let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let ends = |line: &str| !bare(line) && (depth(line) < indent || (depth(line) == indent && !line[indent..].starts_with("- ")));
        let end = lines.iter().skip(start).position(|line| ends(line)).map_or(lines.len(), |at| start + at);
        let begins: Vec<usize> = (start..end).filter(|at| depth(lines[*at]) == indent && lines[*at][indent..].starts_with("- ")).collect();
        (begins.len() == count).then(|| begins.iter().zip(begins.iter().skip(1).chain([&end])).map(|(from, to)| (*from, *to)).collect())
    }

    /// The directory relative paths in this file start from.
    pub fn dir(&self) -> PathBuf {
        self.file.parent().map_or_else(PathBuf::new, Path::to_owned)
    }

    /// A fault at the first line that contains `needle`, within the item that is being read.
    pub fn fault(&mut self, needle: &str, message: impl Into<String>) {
        let (line, message) = (self.at.or_else(|| self.line(needle)), message.into());
        let message = self.item.as_ref().map_or(message.clone(), |item| format!("{}: {message}", item.name));
        self.faults.push(FileFault { file: self.file.display().to_string(), line, message });
    }

    fn line(&self, needle: &str) -> Option<usize> {
        let begin = self.item.as_ref().and_then(|item| item.lines).map(|(from, _)| from + 1);
        if needle.is_empty() {
            return begin;
        }
        let (from, to) = self.item.as_ref().and_then(|item| item.lines).unwrap_or((0, usize::MAX));
        let mut found =
            self.text.lines().enumerate().skip(from).take(to - from).filter(|(_, line)| line.contains(needle)).map(|(at, _)| at + 1);
        let first = found.next();
        // Of a list whose items' places are not known, a line counts only if there is no other.
        let certain = self.item.as_ref().is_none_or(|item| item.lines.is_some()) || found.next().is_none();
        first.filter(|_| certain).or(begin)
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
