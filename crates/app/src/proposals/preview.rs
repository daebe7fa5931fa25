//! What files would be as a release, before anything is kept: their faults, the prompts as a model would get them, tokens and cost.

use super::files::{beside, checked, sources};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{App, prompts as library_use, shelf};
use domain::faults::{Fault, Faults};
use domain::gates::SchemaChange;
use domain::proposals::ProposedFile;
use domain::roles::Right;
use prompts::files::Role;
use prompts::tokens::{self, TokenReport};
use prompts::{Library, Rendered, SourceFile, Template, changes};
use std::sync::Arc;

/// What was found of some files.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Everything that keeps them from being proposed.
    pub faults: Vec<Fault>,
    /// Each template among them, where all of them can be read together.
    pub templates: Vec<Previewed>,
}

/// A template as it would be.
#[derive(Debug, Clone)]
pub struct Previewed {
    /// It.
    pub template: Arc<Template>,
    /// What it was rendered with, in words.
    pub sample: String,
    /// The prompts a model would get, or why they cannot be made.
    pub rendered: std::result::Result<Rendered, String>,
    /// What a call would take.
    pub report: Option<TokenReport>,
    /// What a call of the version in use takes, where there is one.
    pub before: Option<TokenReport>,
    /// How its output changes against the version in use.
    pub schema: Option<SchemaChange>,
}

/// Looks at files without keeping them. `example` is the id of the curated venture the prompts are rendered for.
pub async fn preview(app: &App, who: &Caller, files: &[ProposedFile], example: Option<&str>) -> Result<Preview> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let faults = match checked(app, files) {
        Ok(_) => Faults::default(),
        Err(Error::Invalid(faults)) => faults,
        Err(other) => return Err(other),
    };
    // That a version is taken is a fault, and no reason not to show what it would be.
    let read = sources(files).and_then(|sources| Ok((beside(&app.library(), &sources)?, sources)));
    let templates = match read {
        Ok((library, sources)) => sources.iter().filter_map(|source| previewed(app, &library, source, example)).collect(),
        Err(_) => Vec::new(),
    };
    Ok(Preview { faults: faults.0, templates })
}

fn previewed(app: &App, library: &Library, source: &SourceFile, example: Option<&str>) -> Option<Previewed> {
    let Role::Template(Some(version)) = &source.role else { return None };
    let release = shelf::named(library, version)?;
    let template = Arc::clone(release.templates().find(|template| template.name.as_str() == source.stem)?);
    let plan = library_use::plan(app);
    let (now, in_use) = (app.library(), app.release());
    let before = in_use.template(&template.name);
    let (sample, context) = tokens::sample(library, &template, example);
    Some(Previewed {
        sample,
        rendered: template.render(&context).map_err(|fault| fault.to_string()),
        report: tokens::report(library, &release, &template, &plan).ok(),
        before: before.and_then(|before| tokens::report(&now, &in_use, before, &plan).ok()),
        schema: before.map(|before| changes::schema(before, &template)),
        template,
    })
}

/// The curated ventures prompts can be rendered for: id and title.
pub fn samples(app: &App) -> Vec<(String, String)> {
    app.library().examples().iter().map(|example| (example.id.clone(), example.title.clone())).collect()
}
