//! Where a proposal begins: with a template as production has it, as the next version, and with more files of the library as they are
//! asked for.

use super::files::{beside, sources};
use super::{Wanted, fault, next_version, rewritten};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{App, releases, shelf};
use domain::proposals::ProposedFile;
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use prompts::files::Role;
use prompts::{Library, Release, SourceFile, Template};
use semver::Version;
use std::sync::Arc;

/// The beginning of a proposal about one template: its file as it is in use, as the next minor version.
pub async fn draft(app: &App, who: &Caller, name: &str) -> Result<Wanted> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let name = SectionName::parse(name).map_err(|_| Error::NotFound("this template"))?;
    let (library, base) = (app.library(), production(app).await?);
    let next = next_version(&library, &base.version);
    let file = current(&library, &base, &name, &next).ok_or(Error::NotFound("this template"))?;
    Ok(Wanted { files: vec![file], base: Some(base.version), ..Wanted::default() })
}

/// The same with another file of the library, by its place: `swot.yaml` is the template, `tests/swot.yaml` its cases. One that is there is
/// there already.
pub async fn with_file(app: &App, who: &Caller, wanted: Wanted, place: &str) -> Result<Wanted> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let library = app.library();
    let no_such = || fault("add", format!("\"{place}\" is no file of the library"));
    let (folder, stem) = place.trim_end_matches(".yaml").rsplit_once('/').unwrap_or(("", place.trim_end_matches(".yaml")));
    let name = SectionName::parse(stem).map_err(|_| no_such())?;
    let file = if folder == "tests" {
        let text = library.tests(&name).map(|tests| tests.text.to_string());
        text.map(|text| ProposedFile { path: format!("tests/{name}.yaml"), text })
    } else {
        let from = production(app).await?;
        current(&library, &from, &name, &version_of(&library, &from, &wanted.files))
    };
    let file = file.ok_or_else(no_such)?;
    let mut wanted = wanted;
    if wanted.files.iter().all(|there| there.path != file.path) {
        wanted.files.push(file);
    }
    Ok(wanted)
}

/// What production serves, whatever this process does: every change is meant for there.
async fn production(app: &App) -> Result<Release> {
    let tx = app.store.team_read().await?;
    let serves = releases::standing(app, &tx, Environment::Production).await?.version;
    Ok(shelf::named(&app.library(), &serves).unwrap_or_else(|| Release::clone(&app.release())))
}

/// The template's file as this release has it, as this version.
fn current(library: &Library, release: &Release, name: &SectionName, version: &Version) -> Option<ProposedFile> {
    let template: &Template = release.template(name).or_else(|| library.versions(name).last())?;
    let file = ProposedFile { path: format!("v{}/{name}.yaml", template.version), text: library.source(template)?.to_owned() };
    rewritten(&[file], version).pop()
}

/// A template as a proposal's files have it, of the version they are of; as the library has it, where it is not among them.
pub(crate) fn template_of(app: &App, files: &[ProposedFile], name: &str) -> Result<Option<Arc<Template>>> {
    let Ok(name) = SectionName::parse(name) else { return Ok(None) };
    let library = beside(&app.library(), &sources(files)?)?;
    let place = format!("/{name}.yaml");
    let own = files.iter().find(|file| file.path.starts_with('v') && file.path.ends_with(&place));
    let version = own.map(|file| version_of(&library, &app.release(), std::slice::from_ref(file)));
    let of = version.and_then(|version| library.versions(&name).find(|template| template.version == version).cloned());
    Ok(of.or_else(|| app.release().template(&name).cloned()))
}

/// The version that a proposal's files are of; the next free one where none says.
fn version_of(library: &Library, from: &Release, files: &[ProposedFile]) -> Version {
    let said = files.iter().find_map(|file| match SourceFile::at(&file.path, String::new()).ok()?.role {
        Role::Template(version) => version,
        Role::Tests(_) | Role::Example => None,
    });
    said.unwrap_or_else(|| next_version(library, &from.version))
}

/// Every file there is to change, by its place, as [`with_file`] takes it.
pub async fn places(app: &App, who: &Caller) -> Result<Vec<String>> {
    who.may(app, Right::EditPrompts)?;
    let library = app.library();
    let latest = library.latest();
    let names: Vec<&SectionName> = latest.templates().map(|template| &template.name).collect();
    let tests = names.iter().filter(|name| library.tests(name).is_some()).map(|name| format!("tests/{name}.yaml"));
    Ok(names.iter().map(|name| format!("{name}.yaml")).chain(tests).collect())
}
