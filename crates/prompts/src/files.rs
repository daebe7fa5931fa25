//! Where the library's files come from: those compiled into the program, and an extra directory of the same shape.

use domain::sections::SectionName;
use semver::Version;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;

/// The library that ships with the program.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../prompts"]
#[include = "*.yaml"]
struct Shipped;

/// Something wrong with a file: which, where, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file, as the reader knows it.
    pub file: String,
    /// Line, from 1, when it is known.
    pub line: Option<usize>,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for FileFault {}

/// What a file is, by where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A template of a release; one outside a release directory says its release itself.
    Template(Option<Version>),
    /// Test cases of the template of this name.
    Tests(String),
    /// A curated example venture.
    Example,
}

/// A file of the library, read but not yet understood.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The file, as the reader knows it.
    pub path: String,
    /// The file's name without its ending.
    pub stem: String,
    /// What it is.
    pub role: Role,
    /// Its text.
    pub text: String,
    /// Whether it ships with the program.
    pub shipped: bool,
}

impl SourceFile {
    /// A file that comes from neither: a proposal's, or a release's that was made from one. `path` is its place in the library, such as
    /// `v1.1.0/swot.yaml` or `tests/swot.yaml`.
    ///
    /// # Errors
    /// When nothing of the library stands at such a place.
    pub fn at(path: &str, text: String) -> Result<Self, FileFault> {
        let fault = |message: &str| FileFault { file: path.to_owned(), line: None, message: message.into() };
        let is_yaml = Path::new(path).extension().is_some_and(|ending| ending == "yaml");
        if !is_yaml || path.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            return Err(fault("is no place in the library; templates are at v1.0.0/<name>.yaml, test cases at tests/<name>.yaml"));
        }
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        push(&mut files, &mut faults, path, path.to_owned(), text, false);
        match (files.pop(), faults.pop()) {
            (Some(file), _) if file.role != Role::Example && file.role != Role::Template(None) => match SectionName::parse(&file.stem) {
                Ok(_) => Ok(file),
                Err(wrong) => Err(fault(&format!("is named after no template: {wrong}"))),
            },
            (_, Some(fault)) => Err(fault),
            _ => Err(fault("cannot be proposed; templates are at v1.0.0/<name>.yaml, test cases at tests/<name>.yaml")),
        }
    }

    /// A fault at the first line that contains `needle`.
    pub fn fault(&self, needle: &str, message: impl Into<String>) -> FileFault {
        let line = (!needle.is_empty()).then(|| self.text.lines().position(|l| l.contains(needle)).map(|i| i + 1)).flatten();
        FileFault { file: self.path.clone(), line, message: message.into() }
    }

    /// Reads the file's YAML, or says where it is wrong.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, FileFault> {
        // These files are small: a tight budget stops alias bombs long before they hurt.
        let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_events: 40_000, max_aliases: 100, max_anchors: 50 } };
        serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| {
            let error = error.without_snippet();
            let line = error.location().map(|at| usize::try_from(at.line()).unwrap_or(0)).filter(|line| *line > 0);
            let text = error.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).trim_end_matches([':', ' ', ',']).to_owned();
            FileFault { file: self.path.clone(), line, message }
        })
    }
}

/// Every file: the shipped ones, then those of the extra directory.
pub fn read(extra: Option<&Path>) -> Result<Vec<SourceFile>, Vec<FileFault>> {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    for name in Shipped::iter() {
        let Some(file) = Shipped::get(&name) else { continue };
        let text = String::from_utf8_lossy(&file.data).into_owned();
        push(&mut files, &mut faults, &name, format!("prompts/{name}"), text, true);
    }
    if let Some(dir) = extra {
        read_dir(dir, dir, &mut files, &mut faults);
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

fn read_dir(root: &Path, dir: &Path, files: &mut Vec<SourceFile>, faults: &mut Vec<FileFault>) {
    let cannot = |path: &Path, error: &std::io::Error| FileFault {
        file: path.display().to_string(),
        line: None,
        message: format!("cannot be read ({error}); check PLANNER_PROMPTS and the permissions"),
    };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return faults.push(cannot(dir, &error)),
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_dir(root, &path, files, faults);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let inside = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                    push(files, faults, &inside, path.display().to_string(), text, false);
                }
                Err(error) => faults.push(cannot(&path, &error)),
            }
        }
    }
}

fn push(files: &mut Vec<SourceFile>, faults: &mut Vec<FileFault>, inside: &str, path: String, text: String, shipped: bool) {
    let parts: Vec<&str> = inside.split('/').collect();
    let stem = parts.last().and_then(|name| name.rsplit_once('.')).map_or_else(String::new, |(stem, _)| stem.to_owned());
    let role = match parts.as_slice() {
        // Configs of evals stand beside the library and are no part of it.
        [name] if name.starts_with("promptfoo.") => return,
        ["tests", _] => Role::Tests(stem.clone()),
        ["examples", _] => Role::Example,
        [_] => Role::Template(None),
        [release, _] => {
            let Some(version) = release.strip_prefix('v').and_then(|v| Version::parse(v).ok()) else {
                let message = format!("stands in \"{release}\"; use a release directory such as v1.0.0, tests or examples");
                return faults.push(FileFault { file: path, line: None, message });
            };
            Role::Template(Some(version))
        }
        _ => {
            return faults.push(FileFault {
                file: path,
                line: None,
                message: "stands too deep; templates are at v1.0.0/<name>.yaml".into(),
            });
        }
    };
    files.push(SourceFile { path, stem, role, text, shipped });
}
