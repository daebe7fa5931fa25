//! Several files as one text, for a field somebody pastes into, and as a zip archive, for a folder in Git.

use super::fault;
use crate::error::{Error, Result};
use domain::proposals::ProposedFile;
use std::io::{Cursor, Write as _};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What stands before a file in such a text, with its place behind it.
const HEAD: &str = "# file: ";

/// What stands before a line of a file that looks like a place, or like one with this before it.
const MEANT: char = '\\';

fn is_head(line: &str) -> bool {
    line.trim_start_matches(MEANT).starts_with(HEAD)
}

/// The files as one text: before each a line `# file: v1.1.0/swot.yaml`.
pub fn bundled(files: &[ProposedFile]) -> String {
    let mut text = String::new();
    for file in files {
        text.push_str(HEAD);
        text.push_str(&file.path);
        text.push('\n');
        for line in file.text.lines() {
            if is_head(line) {
                text.push(MEANT);
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Reads such a text.
///
/// # Errors
/// When something stands before the first place, or there is none.
pub fn unbundled(text: &str) -> Result<Vec<ProposedFile>> {
    let text = text.replace("\r\n", "\n");
    let mut files: Vec<ProposedFile> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix(HEAD), files.last_mut()) {
            (Some(path), _) => {
                files.push(ProposedFile { path: path.trim().trim_start_matches("prompts/").to_owned(), text: String::new() });
            }
            (None, Some(file)) => {
                file.text.push_str(line.strip_prefix(MEANT).filter(|meant| is_head(meant)).unwrap_or(line));
                file.text.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => {
                let said = format!("line {} belongs to no file; begin each with a line such as \"{HEAD}v1.1.0/swot.yaml\"", number + 1);
                return Err(fault("paste", said));
            }
        }
    }
    if files.is_empty() { Err(fault("paste", "is empty; paste at least one file")) } else { Ok(files) }
}

/// The files as a zip archive, each at its place in a `prompts/` folder.
pub fn zipped(files: &[ProposedFile]) -> Result<Vec<u8>> {
    let failed = |fault: &dyn std::fmt::Display| Error::Internal(format!("the files cannot be packed: {fault}"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        zip.start_file(format!("prompts/{}", file.path), SimpleFileOptions::default()).map_err(|fault| failed(&fault))?;
        zip.write_all(file.text.as_bytes()).map_err(|fault| failed(&fault))?;
    }
    Ok(zip.finish().map_err(|fault| failed(&fault))?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_as_one_text_is_read_back() {
        let file = |path: &str, text: &str| ProposedFile { path: path.into(), text: text.into() };
        let files = [
            file("v1.1.0/swot.yaml", "name: swot\n\n# file is a word\n"),
            file("tests/swot.yaml", "- vars: {}\n# file: no place\n\\# file: nor this\n\\other\n"),
        ];
        assert_eq!(unbundled(&bundled(&files)).expect("reads"), files);
        let files = &files[..1];
        let pasted = bundled(files).replace('\n', "\r\n").replace("# file: ", "# file: prompts/");
        assert_eq!(unbundled(&format!("\r\n{pasted}")).expect("as a browser sends it"), files);
        for (text, said) in [("name: swot\n", "line 1 belongs to no file"), (" \n", "is empty")] {
            assert!(unbundled(text).expect_err("refused").to_string().contains(said), "{text}");
        }
    }
}
