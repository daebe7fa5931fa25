//! The front page: the idea form and a finished plan to look at.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::render;
use crate::views::{SectionView, StepView};
use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::faults::Fault;
use domain::locales::{Currency, Language};
use domain::ventures::RawBrief;
use domain::voices::{BrandVoice, Experience, Persona};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/", get(landing))
}

/// The form, with what was typed and what is wrong with it.
#[derive(askama::Template)]
#[template(path = "landing.html")]
pub(crate) struct Landing {
    pub(crate) typed: RawBrief,
    pub(crate) faults: Vec<Fault>,
    pub(crate) drafts_only: bool,
    pub(crate) own_pace: bool,
    pub(crate) example: Option<ExampleTeaser>,
}

/// A finished plan shown below the form.
pub(crate) struct ExampleTeaser {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) idea: String,
    pub(crate) voice: String,
    pub(crate) steps: Vec<StepView>,
}

impl Landing {
    pub(crate) fn new(app: &App, typed: RawBrief, faults: Vec<Fault>) -> Self {
        let example = app.library().examples().first().map(|example| ExampleTeaser {
            id: example.id.clone(),
            title: example.title.clone(),
            idea: example.brief.idea.to_string(),
            voice: example.brief.voice.name().to_owned(),
            steps: StepView::group(super::examples::sections(app, example)),
        });
        Self { typed, faults, drafts_only: app.drafts_only(), own_pace: app.keeps_own_pace(), example }
    }

    fn fault(&self, field: &str) -> Vec<&str> {
        self.faults.iter().filter(|f| f.field == field).map(|f| f.message.as_str()).collect()
    }

    fn has_ready_voice(&self) -> bool {
        self.voice().is_empty() || BrandVoice::READY.iter().any(|(key, ..)| *key == self.voice())
    }

    fn is_voice(&self, key: &str) -> bool {
        self.voice() == key || (self.voice().is_empty() && key == "witty-dad")
    }

    fn voice(&self) -> &str {
        self.typed.voice.as_deref().unwrap_or_default()
    }

    fn is(given: Option<&str>, key: &str) -> bool {
        given == Some(key)
    }

    fn more_open(&self) -> bool {
        let more = [
            &self.typed.persona,
            &self.typed.experience,
            &self.typed.target_market,
            &self.typed.price_range,
            &self.typed.language,
            &self.typed.currency,
        ];
        more.into_iter().any(Option::is_some)
    }

    fn voices() -> [(&'static str, &'static str, &'static str); 3] {
        BrandVoice::READY
    }

    fn personas() -> [Persona; 15] {
        Persona::ALL
    }

    fn levels() -> [Experience; 3] {
        Experience::ALL
    }

    fn languages() -> Vec<Language> {
        Language::all().collect()
    }

    fn currencies() -> Vec<Currency> {
        Currency::all().collect()
    }
}

async fn landing(State(app): State<App>) -> PageResult<Html<String>> {
    render(&Landing::new(&app, RawBrief::default(), Vec::new()))
}

/// How many sections of a step the teaser opens with.
pub(crate) fn teaser(sections: &[SectionView]) -> impl Iterator<Item = &SectionView> {
    sections.iter().take(2)
}
