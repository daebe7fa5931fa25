//! What `file://` stands for: a path beside the config, a glob, and how what is there is read.

use crate::faults::{fault, parse, read_text};
use crate::values::json;
use prompts::FileFault;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The path of a `file://` reference, if the text is one.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("file://")
}

/// Whether a path stands for several files; one that is there as it is written does not, whatever signs are in it.
fn is_glob(dir: &Path, path: &str) -> bool {
    path.contains(['*', '?', '[']) && !dir.join(path).is_file()
}

/// The files a path or glob stands for, in the order of their names.
pub(crate) fn find(dir: &Path, path: &str, asked_in: &Path) -> Result<Vec<PathBuf>, FileFault> {
    let whole = dir.join(path);
    if !is_glob(dir, path) {
        if whole.is_file() {
            return Ok(vec![whole]);
        }
        return Err(fault(asked_in, None, format!("file://{path} is not there (looked at {}); check the path", whole.display())));
    }
    // Only what the file writes is a pattern, not the folder it happens to lie in.
    let pattern = Path::new(&glob::Pattern::escape(&dir.to_string_lossy())).join(path);
    let entries = glob::glob(&pattern.to_string_lossy()).map_err(|e| fault(asked_in, None, format!("file://{path} is not a glob: {e}")))?;
    let files: Vec<PathBuf> = entries.filter_map(Result::ok).filter(|p| p.is_file()).collect();
    if files.is_empty() {
        return Err(fault(asked_in, None, format!("file://{path} matches no file under {}", dir.display())));
    }
    Ok(files)
}

/// The ending of a path in lower case.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The value of a variable that is a file: its text, of YAML as JSON, as in promptfoo. A glob is a list.
pub(crate) fn variable(dir: &Path, path: &str, asked_in: &Path) -> Result<Value, FileFault> {
    let mut values = Vec::new();
    for file in find(dir, path, asked_in)? {
        values.push(match ending(&file).as_str() {
            "yaml" | "yml" => Value::String(json(&parse(&file, &read_text(&file)?)?)),
            code @ ("js" | "mjs" | "cjs" | "ts" | "py" | "rb") => {
                return Err(fault(asked_in, None, format!("file://{path} is a program (.{code}); only data is supported as a variable")));
            }
            _ => Value::String(read_text(&file)?.trim().to_owned()),
        });
    }
    Ok(if is_glob(dir, path) { Value::Array(values) } else { values.pop().unwrap_or(Value::Null) })
}
