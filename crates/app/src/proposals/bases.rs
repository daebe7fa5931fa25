//! What a proposal was made from, and whether production has moved on since: then it would undo what was changed meanwhile.

use super::{Wanted, fault};
use crate::error::{Error, Result};
use crate::{App, releases, shelf};
use domain::faults::{Fault, Faults};
use domain::proposals::{Proposal, ProposedFile};
use domain::roles::Environment;
use domain::sections::SectionName;
use prompts::files::Role;
use prompts::{Library, Release, SourceFile};
use semver::Version;
use store::TeamTx;

/// The release that the files were made from, as somebody says it; without a word, the one production serves.
pub(super) async fn said(app: &App, tx: &TeamTx, wanted: &Wanted) -> Result<Version> {
    match &wanted.base {
        None => Ok(releases::standing(app, tx, Environment::Production).await?.version),
        Some(base) if shelf::named(&app.library(), base).is_some() => Ok(base.clone()),
        Some(base) => Err(fault("base", format!("{base} is no release; say which one these files were made from"))),
    }
}

/// Each template among a proposal's files that is another one in production than in the release the proposal was made from.
pub(super) async fn behind(app: &App, tx: &TeamTx, proposal: &Proposal, files: &[ProposedFile]) -> Result<Vec<Fault>> {
    let serves = releases::standing(app, tx, Environment::Production).await?.version;
    let library = app.library();
    let Some(now) = shelf::named(&library, &serves) else { return Ok(Vec::new()) };
    let Some(base) = shelf::named(&library, &proposal.base) else {
        let message = format!("{} is no release here any more; say which one these files were made from", proposal.base);
        return Ok(vec![Fault::new("base", message)]);
    };
    let templates = files.iter().filter_map(|file| moved(file, &base, &now));
    let (had, has) = (Library::clone(&library).as_of(&proposal.base), Library::clone(&library).as_of(&serves));
    let tests = files.iter().filter_map(|file| other_tests(file, (&proposal.base, &had), (&serves, &has)));
    Ok(templates.chain(tests).collect())
}

/// Tests that are others in production than in the release the proposal was made from.
fn other_tests(file: &ProposedFile, (base, had): (&Version, &Library), (serves, has): (&Version, &Library)) -> Option<Fault> {
    let source = SourceFile::at(&file.path, String::new()).ok().filter(|source| matches!(source.role, Role::Tests(_)))?;
    let name = SectionName::parse(&source.stem).ok()?;
    let text = |library: &Library| library.tests(&name).map(|tests| tests.text.to_string());
    let message = format!(
        "was made from the tests of release {base}, and production, at {serves}, has others by now: as a release it would undo them. Take in \
         what changed, then save it as made from {serves}"
    );
    (text(had) != text(has)).then(|| Fault::new(&file.path, message))
}

fn moved(file: &ProposedFile, base: &Release, now: &Release) -> Option<Fault> {
    let source = SourceFile::at(&file.path, String::new()).ok().filter(|source| matches!(source.role, Role::Template(_)))?;
    let name = SectionName::parse(&source.stem).ok()?;
    let (was, is) = (base.template(&name), now.template(&name));
    if was.map(|template| &template.hash) == is.map(|template| &template.hash) {
        return None;
    }
    let (from, serves) = (&base.version, &now.version);
    let is = is.map_or_else(|| "has no such template".into(), |template| format!("has {} of it by now", template.version));
    let message = format!(
        "was made from release {from}, and production, at {serves}, {is}: as a release it would undo that. Take in what changed, then save it \
         as made from {serves}"
    );
    Some(Fault::new(&file.path, message))
}

/// Holds a proposal that is to go on to what production serves.
///
/// # Errors
/// What it would undo, by file.
pub(crate) async fn up_to_date(app: &App, tx: &TeamTx, proposal: &Proposal, files: &[ProposedFile]) -> Result<()> {
    match behind(app, tx, proposal, files).await? {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Error::Invalid(Faults(faults))),
    }
}
