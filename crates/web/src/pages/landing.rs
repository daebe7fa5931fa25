//! The front page: the idea form and a finished plan to look at.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::forms::Wrong;
use crate::pages::render;
use crate::shell::Shell;
use crate::views::{SectionView, StepView, quota_forecast};
use crate::visitors::Visitor;
use app::{App, quotas};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
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
    pub(crate) shell: Shell,
    pub(crate) typed: RawBrief,
    pub(crate) wrong: Wrong,
    /// What a plan takes of the quota, where that is worth saying.
    pub(crate) forecast: Option<String>,
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
    pub(crate) async fn load(app: &App, visitor: &Visitor, typed: RawBrief, wrong: Wrong) -> PageResult<Self> {
        let forecast = quotas::forecast(app, &visitor.caller, app.release().sections().len()).await?;
        // A guest whose plan is written at once is spared the arithmetic.
        let forecast = forecast.filter(|forecast| !visitor.caller.is_guest() || forecast.later > 0);
        let example = app.library().examples().first().map(|example| ExampleTeaser {
            id: example.id.clone(),
            title: example.title.clone(),
            idea: example.brief.idea.to_string(),
            voice: example.brief.voice.name().to_owned(),
            steps: StepView::group(super::examples::sections(app, example)),
        });
        let (drafts_only, own_pace) = (app.drafts_only(), app.keeps_own_pace());
        let (shell, forecast) = (Shell::of(app, visitor), forecast.as_ref().and_then(quota_forecast));
        Ok(Self { shell, typed, wrong, forecast, drafts_only, own_pace, example })
    }

    fn fault(&self, field: &str) -> Vec<&str> {
        self.wrong.messages("idea", field)
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

async fn landing(State(app): State<App>, visitor: Visitor) -> PageResult<Html<String>> {
    render(&Landing::load(&app, &visitor, RawBrief::default(), Wrong::default()).await?)
}

/// How many sections of a step the teaser opens with.
pub(crate) fn teaser(sections: &[SectionView]) -> impl Iterator<Item = &SectionView> {
    sections.iter().take(2)
}
