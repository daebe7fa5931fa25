//! The gallery of curated example ventures.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::render;
use crate::requests::Path;
use crate::shell::Shell;
use crate::views::{SectionView, StepView};
use crate::visitors::Visitor;
use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use prompts::ExampleVenture;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/examples", get(gallery)).route("/examples/{id}", get(example))
}

#[derive(askama::Template)]
#[template(path = "examples/gallery.html")]
struct Gallery {
    shell: Shell,
    examples: Vec<Tile>,
}

struct Tile {
    id: String,
    title: String,
    voice: String,
    tagline: String,
    colours: Vec<String>,
}

#[derive(askama::Template)]
#[template(path = "examples/example.html")]
struct Example {
    shell: Shell,
    title: String,
    idea: String,
    voice: String,
    steps: Vec<StepView>,
}

/// An example's sections, those that have a template.
pub(crate) fn sections(app: &App, example: &ExampleVenture) -> Vec<SectionView> {
    let release = app.release();
    let templates = release.sections();
    let shown = templates
        .into_iter()
        .filter_map(|t| example.section(&t.name).map(|output| SectionView::example(t, output, example.brief.currency)));
    shown.collect()
}

/// Every text in an output that is a colour: a tile shows them, whatever section they come from.
fn colours(example: &ExampleVenture) -> Vec<String> {
    let mut found = Vec::new();
    for (_, output) in &example.sections {
        domain::guardrails::each_text(output, &mut String::new(), &mut |_, text| {
            if domain::guardrails::rgb(text).is_some() && found.len() < 5 {
                found.push(text.to_owned());
            }
        });
    }
    found
}

/// The line a tile carries: the first tagline any section has.
fn tagline(example: &ExampleVenture) -> String {
    let found = example.sections.iter().find_map(|(_, output)| output.get("tagline").and_then(serde_json::Value::as_str));
    found.unwrap_or_default().to_owned()
}

async fn gallery(State(app): State<App>, visitor: Visitor) -> PageResult<Html<String>> {
    let tile = |e: &ExampleVenture| Tile {
        id: e.id.clone(),
        title: e.title.clone(),
        voice: e.brief.voice.name().to_owned(),
        tagline: tagline(e),
        colours: colours(e),
    };
    render(&Gallery { shell: Shell::of(&app, &visitor), examples: app.library().examples().iter().map(tile).collect() })
}

async fn example(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> PageResult<Html<String>> {
    let library = app.library();
    let example = library.examples().iter().find(|e| e.id == id).ok_or(app::Error::NotFound("this example"))?;
    let page = Example {
        shell: Shell::of(&app, &visitor),
        title: example.title.clone(),
        idea: example.brief.idea.to_string(),
        voice: example.brief.voice.name().to_owned(),
        steps: StepView::group(sections(&app, example)),
    };
    render(&page)
}
