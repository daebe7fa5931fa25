//! The files of a proposal: whether they could become a release, and as files in a folder.

use super::{fault, suites};
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use domain::faults::{Fault, Faults};
use domain::ids::ProposalId;
use domain::proposals::ProposedFile;
use domain::releases::proposable;
use domain::roles::Right;
use domain::texts::control;
use prompts::files::Role;
use prompts::{ExampleVenture, FileFault, Library, SourceFile, Template};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// Files a proposal may have.
const MOST_FILES: usize = 64;
/// Bytes a file of a proposal may have.
const MOST_BYTES: usize = 256 * 1024;

/// The version a proposal's files are of, if they could become that release today.
///
/// # Errors
/// Every fault of every file, by its place and line; that their version is taken, or below what is released.
pub(crate) fn checked(app: &App, files: &[ProposedFile]) -> Result<Version> {
    let sources = sources(files)?;
    let versions: BTreeSet<&Version> = sources.iter().filter_map(|file| template_version(file)).collect();
    let version = match versions.into_iter().collect::<Vec<_>>().as_slice() {
        [version] => (*version).clone(),
        [] => return Err(fault("files", "there is no template among them; a proposal changes at least one, such as v1.1.0/swot.yaml")),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            return Err(fault("files", format!("are of several versions ({}); a proposal becomes one release", several.join(", "))));
        }
    };
    proposable(&version).map_err(Faults::from)?;
    let library = app.library();
    if let Some(highest) = library.releases().last().filter(|highest| **highest >= version) {
        let reason =
            format!("{version} has to be above every release there is; the highest is {highest}. Move the proposal to a higher one");
        return Err(fault("version", reason));
    }
    let library = beside(&library, &sources)?;
    let faults = suites::faults(&library, &version, &sources);
    if faults.is_empty() { Ok(version) } else { Err(faults.into()) }
}

/// What stops files from nothing, and should be known before they become a release.
pub(super) fn warnings(app: &App, files: &[ProposedFile]) -> Result<Vec<String>> {
    let sources = sources(files)?;
    let library = beside(&app.library(), &sources)?;
    let Some(release) = sources.iter().find_map(template_version).and_then(|version| library.release(version)) else {
        return Ok(Vec::new());
    };
    let own = release.templates().filter(|template| template.version == release.version);
    Ok(own.flat_map(|template| library.examples().iter().filter_map(|example| unfit(template, example))).collect())
}

/// That an example is none for a template: its output is another than what the template asks for.
fn unfit(template: &Template, example: &ExampleVenture) -> Option<String> {
    let issues = template.check_output(example.section(&template.name)?);
    let Template { name, version, .. } = template;
    let issue = issues.first()?;
    Some(format!(
        "the {name} of the example {} does not fit {version}, and is left out beside it: {}{}",
        example.id, issue.at, issue.message
    ))
}

/// Files as they are kept: with line ends of one kind and one at the end, so that they come back from every way they are taken along.
pub(super) fn tidied(files: &[ProposedFile]) -> Vec<ProposedFile> {
    let tidy = |file: &ProposedFile| {
        let mut text = file.text.replace("\r\n", "\n");
        if !text.ends_with('\n') {
            text.push('\n');
        }
        ProposedFile { path: file.path.clone(), text }
    };
    files.iter().map(tidy).collect()
}

/// Whether these are the same files, in whatever order.
pub(super) fn same(some: &[ProposedFile], others: &[ProposedFile]) -> bool {
    let by_place = |files: &[ProposedFile]| files.iter().map(|file| (file.path.clone(), file.text.clone())).collect::<BTreeMap<_, _>>();
    some.len() == others.len() && by_place(some) == by_place(others)
}

fn template_version(file: &SourceFile) -> Option<&Version> {
    match &file.role {
        Role::Template(version) => version.as_ref(),
        Role::Tests(_) | Role::Example => None,
    }
}

/// The files as the library takes them.
pub(super) fn sources(files: &[ProposedFile]) -> Result<Vec<SourceFile>> {
    let mut faults = Faults::default();
    if files.len() > MOST_FILES {
        faults.add("files", format!("are {}; a proposal has at most {MOST_FILES}", files.len()));
    }
    let mut seen = BTreeSet::new();
    let mut sources = Vec::new();
    for file in files {
        if file.text.len() > MOST_BYTES {
            faults.add(&file.path, format!("has {} bytes; at most {MOST_BYTES} are read", file.text.len()));
        } else if let Some(c) = control(&file.text) {
            faults.add(&file.path, format!("contains a control character (U+{:04X}); type that place anew", c as u32));
        } else if !seen.insert(&file.path) {
            faults.add(&file.path, "is there twice");
        } else {
            match SourceFile::at(&file.path, file.text.clone()) {
                Ok(source) => sources.push(source),
                Err(wrong) => faults.add(wrong.file, wrong.message),
            }
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults.into()) }
}

/// The library with these files.
pub(super) fn beside(library: &Library, sources: &[SourceFile]) -> Result<Library> {
    library.with(sources).map_err(|faults| Error::Invalid(Faults(faults.into_iter().map(as_fault).collect())))
}

fn as_fault(FileFault { file, line, message }: FileFault) -> Fault {
    Fault::new(file, line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}")))
}

/// The same files as another version: in their places, and in the line that says it.
pub fn rewritten(files: &[ProposedFile], version: &Version) -> Vec<ProposedFile> {
    let moved = |file: &ProposedFile| match file.path.split_once('/') {
        Some((folder, name)) if folder.strip_prefix('v').is_some_and(|rest| Version::parse(rest).is_ok()) => {
            let line = |line: &str| match line.strip_prefix("version:") {
                Some(_) => format!("version: {version}"),
                None => line.to_owned(),
            };
            let mut text = file.text.lines().map(line).collect::<Vec<_>>().join("\n");
            text.push('\n');
            ProposedFile { path: format!("v{version}/{name}"), text }
        }
        _ => file.clone(),
    };
    files.iter().map(moved).collect()
}

/// A proposal's files, to be put into a `prompts/` folder, so that Git can be where they come from.
pub async fn export(app: &App, who: &Caller, id: ProposalId) -> Result<Vec<ProposedFile>> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let proposal = tx.proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    Ok(tx.files(id, proposal.revision).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_moved_in_place_and_text_and_nothing_else() {
        let text = "name: swot\nversion: 1.1.0\nsystemPrompt: |\n  version: of yours\n".to_owned();
        let files =
            [ProposedFile { path: "v1.1.0/swot.yaml".into(), text }, ProposedFile { path: "tests/swot.yaml".into(), text: "[]".into() }];
        let moved = rewritten(&files, &Version::new(2, 0, 0));
        assert_eq!(moved[0].path, "v2.0.0/swot.yaml");
        assert_eq!(moved[0].text, "name: swot\nversion: 2.0.0\nsystemPrompt: |\n  version: of yours\n");
        assert_eq!(moved[1], files[1]);
    }

    #[test]
    fn files_are_the_same_in_any_order_and_with_any_line_ends() {
        let file = |path: &str, text: &str| ProposedFile { path: path.into(), text: text.into() };
        let kept = [file("a.yaml", "x: 1\n"), file("b.yaml", "y: 1\n")];
        assert!(same(&tidied(&[file("b.yaml", "y: 1"), file("a.yaml", "x: 1\r\n")]), &kept));
        assert!(!same(&kept[..1], &kept) && !same(&[file("a.yaml", "x: 2\n"), kept[1].clone()], &kept));
    }
}
