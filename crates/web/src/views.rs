//! What pages show of a plan, in words; shared by workspace and gallery.

use crate::shell::clock;
use app::quotas::Forecast;
use app::runs::Standing;
use app::ventures::{PlanSection, SectionState};
use askama::Template;
use chrono::{DateTime, Utc};
use domain::generations::{Confidence, Generation, Issue, Status};
use domain::locales::Currency;
pub(crate) use prompts::outline::{Body, Part};

/// Names of the guided flow's steps.
pub(crate) const STEPS: [&str; 4] = ["Idea & goals", "Blueprint", "Market", "Launchpad"];

/// The parts of an output, drawn.
#[derive(Template)]
#[template(path = "parts/parts.html")]
pub(crate) struct Parts<'a> {
    pub(crate) parts: &'a [Part],
    /// Inside a card or group labels are smaller.
    pub(crate) nested: bool,
}

impl Parts<'_> {
    fn inner<'b>(&self, parts: &'b [Part]) -> Parts<'b> {
        let _ = self;
        Parts { parts, nested: true }
    }

    /// A sentence needs no label line of its own where the label is shorter than the text is long.
    fn is_short(texts: &[String]) -> bool {
        texts.len() == 1 && texts[0].chars().count() < 60
    }
}

/// The parts of an output by themselves.
pub(crate) const fn drawn(parts: &[Part]) -> Parts<'_> {
    Parts { parts, nested: false }
}

/// A section as a card.
#[derive(Template)]
#[template(path = "parts/section.html")]
pub(crate) struct SectionView {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) step: usize,
    /// `waiting`, `writing`, `ready`, `stale`, `failed`, `idle`.
    pub(crate) state: &'static str,
    pub(crate) parts: Vec<Part>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) by: Option<Byline>,
    /// Changes whenever the content does.
    pub(crate) stamp: String,
}

/// Who wrote it and how far to rely on it.
pub(crate) struct Byline {
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) confidence: Confidence,
    pub(crate) sources: usize,
    pub(crate) draft: bool,
    pub(crate) seconds: String,
}

/// A run's place in line, in a sentence; `None` when its turn has come.
pub(crate) fn place_in_line(standing: Option<&Standing>) -> Option<String> {
    let Standing::Waiting { ahead, expected_ms } = standing? else { return None };
    let place = match ahead {
        0 => "Yours is next".to_owned(),
        1 => "1 plan is ahead of yours".to_owned(),
        ahead => format!("{ahead} plans are ahead of yours"),
    };
    let wait = expected_ms.map(|ms| ms.div_ceil(1000));
    Some(match wait {
        None => place,
        Some(seconds) if seconds < 60 => format!("{place}, about {seconds} seconds to go"),
        Some(seconds) => format!("{place}, about {} minutes to go", seconds.div_ceil(60)),
    })
}

impl SectionView {
    /// A section of somebody's plan.
    pub(crate) fn of(section: &PlanSection, currency: Currency) -> Self {
        let template = &section.template;
        let mut view = Self {
            name: template.name.to_string(),
            title: template.title.clone(),
            summary: template.summary.clone(),
            step: usize::from(template.step.unwrap_or(1)),
            state: "idle",
            parts: Vec::new(),
            issues: Vec::new(),
            by: None,
            stamp: String::new(),
        };
        match &section.state {
            SectionState::NotAsked => {}
            SectionState::Waiting => view.state = "waiting",
            SectionState::Writing => view.state = "writing",
            SectionState::Ready { generation, stale } => {
                view.state = if *stale { "stale" } else { "ready" };
                view.fill(template.outline(&generation.output, currency), generation);
            }
            SectionState::Failed { generation } => {
                view.state = "failed";
                view.fill(Vec::new(), generation);
            }
        }
        view.stamp = format!("{}-{}", view.state, view.stamp);
        view
    }

    /// A section of a curated example: written by people, so without byline.
    pub(crate) fn example(template: &prompts::Template, output: &serde_json::Value, currency: Currency) -> Self {
        Self {
            name: template.name.to_string(),
            title: template.title.clone(),
            summary: template.summary.clone(),
            step: usize::from(template.step.unwrap_or(1)),
            state: "ready",
            parts: template.outline(output, currency),
            issues: Vec::new(),
            by: None,
            stamp: "example".into(),
        }
    }

    fn fill(&mut self, parts: Vec<Part>, generation: &Generation) {
        self.parts = parts;
        self.issues = distinct(&generation.issues);
        self.stamp = generation.id.to_string();
        self.by = (generation.status != Status::Failed).then(|| Byline {
            model: generation.model.split_once(':').map_or(generation.model.as_str(), |(_, model)| model).to_owned(),
            version: generation.prompt_version.clone(),
            confidence: generation.confidence,
            sources: generation.sources.len(),
            draft: generation.draft_model,
            seconds: format!("{}.{}", generation.duration_ms / 1000, generation.duration_ms % 1000 / 100),
        });
    }

    fn drawn(&self) -> Parts<'_> {
        drawn(&self.parts)
    }

    /// A word for the state, because colour alone says nothing.
    pub(crate) fn state_word(&self) -> &'static str {
        match self.state {
            "waiting" => "Waiting",
            "writing" => "Writing",
            "stale" => "Out of date",
            "failed" => "Not made",
            "idle" => "Not asked for",
            _ => self.by.as_ref().map_or("Finished", |by| confidence_word(by.confidence)),
        }
    }

    /// A mark beside the word.
    pub(crate) fn mark(&self) -> &'static str {
        match self.state {
            "waiting" | "idle" => "○",
            "writing" => "◐",
            "stale" => "↻",
            "failed" => "!",
            _ => "✓",
        }
    }
}

fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "Low confidence",
        Confidence::Medium => "Medium confidence",
        Confidence::High => "High confidence",
    }
}

/// The same remark about three fields is one remark to a reader.
fn distinct(issues: &[Issue]) -> Vec<Issue> {
    let mut kept: Vec<Issue> = Vec::new();
    for issue in issues {
        if !kept.iter().any(|k| k.message == issue.message) {
            kept.push(issue.clone());
        }
    }
    kept
}

/// A step with its sections.
pub(crate) struct StepView {
    pub(crate) number: usize,
    pub(crate) title: &'static str,
    pub(crate) sections: Vec<SectionView>,
}

impl StepView {
    /// Sections by step, in order.
    pub(crate) fn group(sections: Vec<SectionView>) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        for section in sections {
            match steps.last_mut().filter(|s| s.number == section.step) {
                Some(step) => step.sections.push(section),
                None => steps.push(Self {
                    number: section.step,
                    title: STEPS.get(section.step.wrapping_sub(1)).copied().unwrap_or("More"),
                    sections: vec![section],
                }),
            }
        }
        steps
    }

    /// Sections that are there.
    pub(crate) fn done(&self) -> usize {
        self.sections.iter().filter(|s| matches!(s.state, "ready" | "stale" | "failed")).count()
    }
}

/// What making so many sections takes of a quota, in a sentence; nothing where there is no limit.
pub(crate) fn quota_forecast(forecast: &Forecast) -> Option<String> {
    let Forecast { quota, now, later, from } = forecast;
    let (left, most) = (quota.left()?, quota.allowed.most()?);
    let from = from.map_or_else(|| "later".to_owned(), |from| format!("from {} on", clock(from)));
    Some(match (now, later) {
        (_, 0) => format!("Takes {now} of the {left} generations you have left this hour."),
        (0, _) => format!("Your {most} generations an hour are used up; writing goes on {from}."),
        _ => {
            format!("{now} of {} sections are written at once, the other {later} {from}: you have {most} generations an hour.", now + later)
        }
    })
}

/// What a use case says, as a sentence: it begins large and ends with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = stopped(text.trim());
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", letters.as_str())
}

/// The same, with a full stop alone.
pub(crate) fn stopped(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{text}{end}")
}

/// A moment in full, as people read it.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// A moment that may be of today, in as many words as it needs.
pub(crate) fn recently(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() { format!("today at {}", clock(at)) } else { day(at) }
}

/// A moment to the second, for dense tables.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M:%S").to_string()
}

/// A day, as people read it.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// The first letters of an id, enough to tell one from another.
pub(crate) fn short_id(id: &str) -> String {
    // Ids of one day begin alike; their ends do not.
    let letters: Vec<char> = id.chars().filter(|c| *c != '-').collect();
    letters[letters.len().saturating_sub(8)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_a_sentence() {
        assert_eq!(sentence("sign in first"), "Sign in first.");
        assert_eq!(sentence(" Confirm it first. "), "Confirm it first.");
        assert_eq!(sentence("über alles?"), "Über alles?");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn what_was_today_says_so() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment");
        assert_eq!(recently(at("2026-05-03T21:40:00Z"), at("2026-05-03T23:59:59Z")), "today at 21:40 UTC");
        assert_eq!(recently(at("2026-05-03T21:40:00Z"), at("2026-05-04T00:00:00Z")), "3 May 2026");
    }

    #[test]
    fn an_id_is_short() {
        assert_eq!(short_id("0197c5a0-1111-7000-8000-0000deadbeef"), "deadbeef");
        assert_eq!(short_id("a-b"), "ab");
        assert!(short_id("").is_empty());
    }
}
