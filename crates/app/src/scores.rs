//! What generations are worth by the rubric: the automatic part, given in the transaction that stores each, and the figures over time.
//!
//! A generation without an output has no score: how many fail is another figure. Where the same answer is given again it has the same
//! score, but is not looked at again by people or by the judge.

use crate::callers::Caller;
use crate::error::Result;
use crate::{App, judging};
use chrono::{NaiveDate, TimeDelta};
use domain::generations::Generation;
use domain::reviews::Week;
use domain::roles::Right;
use domain::rubric::{self, Evidence, Points, Scorer, Total};
use prompts::Template;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{DayOfScores, Scored, TenantTx};

/// The longest time that figures are given for.
pub const MOST_DAYS: u32 = 366;

/// Judges what is being stored by what can be measured, and puts it in line for the judge model if its lot is drawn.
pub(crate) async fn score(app: &App, tx: &TenantTx, generation: &Generation) -> Result<()> {
    let Some(template) = template_of(app, generation).filter(|_| generation.output.is_object()) else { return Ok(()) };
    let word = |name: &str| generation.input.get(name).and_then(Value::as_str).unwrap_or_default();
    let evidence = Evidence {
        grounded: template.grounding,
        draft_model: generation.draft_model,
        output: &generation.output,
        issues: &generation.issues,
        sources: &generation.sources,
        idea: word("productIdea"),
        voice: word("brandVoice"),
        language: word("language"),
    };
    let now = app.now();
    let scored = Scored {
        week: (!generation.cached).then(|| Week::of(now)),
        ..Scored::of(generation, Scorer::Automatic, rubric::automatic(&evidence), now)
    };
    tx.insert_score(&scored).await?;
    if scored.week.is_some() {
        judging::enqueue(app, tx, generation, now).await?;
    }
    Ok(())
}

/// The template a generation was made with, or the one of its name that is in use now.
pub(crate) fn template_of(app: &App, generation: &Generation) -> Option<Arc<Template>> {
    let (library, release) = (app.library(), app.release());
    let made_with = library.versions(&generation.section).find(|template| template.hash == generation.template_hash);
    made_with.or_else(|| release.section(&generation.section)).cloned()
}

/// By what figures are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Sections.
    Section,
    /// Versions of each section's prompt.
    Version,
    /// Models.
    Model,
}

/// What figures are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How many days back, today included.
    pub days: u32,
    /// By what the rows are told apart.
    pub by: Grouping,
    /// Whose scores the rows have.
    pub scorer: Scorer,
}

/// Quality over some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// One line for each kind of scorer that has scored something.
    pub lines: Vec<(Scorer, Means)>,
    /// What was asked for, by name.
    pub rows: Vec<(String, Means)>,
}

/// Means of some scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Means {
    /// How many scores.
    pub count: u64,
    /// The mean of their totals.
    pub total: Option<Total>,
    /// The same of as many days before.
    pub before: Option<Total>,
    /// The mean of each criterion, where it was judged.
    pub criteria: [Option<Points>; 5],
    /// The mean of each day that has some, oldest first, with how many.
    pub days: Vec<(NaiveDate, Total, u64)>,
}

/// Quality over the last days, as it is scored automatically, by the judge and by people.
pub async fn figures(app: &App, who: &Caller, asked: Asked) -> Result<Figures> {
    who.may(app, Right::ViewMetrics)?;
    let days = i64::from(asked.days.clamp(1, MOST_DAYS));
    let to = app.now().date_naive();
    let from = to - TimeDelta::days(days - 1);
    let series = app.store.score_series(from - TimeDelta::days(days)).await?;
    let of = |scorer: Scorer| series.iter().filter(move |sums| sums.scorer == scorer);
    let lines = Scorer::ALL.into_iter().map(|scorer| (scorer, means(of(scorer), from))).filter(|(_, means)| means.count > 0);
    let mut groups: BTreeMap<String, Vec<&DayOfScores>> = BTreeMap::new();
    for sums in of(asked.scorer) {
        groups.entry(group(app, asked.by, sums)).or_default().push(sums);
    }
    let rows = groups.into_iter().map(|(name, sums)| (name, means(sums, from))).filter(|(_, means)| means.count > 0);
    Ok(Figures { from, to, lines: lines.collect(), rows: rows.collect() })
}

fn group(app: &App, by: Grouping, sums: &DayOfScores) -> String {
    let section = || app.release().template(&sums.section).map_or_else(|| sums.section.to_string(), |template| template.title.clone());
    match by {
        Grouping::Section => section(),
        Grouping::Version => format!("{} {}", section(), sums.variant.prompt_version),
        Grouping::Model => sums.variant.model.clone(),
    }
}

/// Means of what was scored from a day on; what was before that day is only compared with.
fn means<'a>(sums: impl IntoIterator<Item = &'a DayOfScores>, from: NaiveDate) -> Means {
    let (mut now, mut before) = ((0, 0), (0, 0));
    let mut criteria = [(0, 0); 5];
    let mut days: BTreeMap<NaiveDate, (u64, u64)> = BTreeMap::new();
    let add = |to: &mut (u64, u64), (count, sum): (u64, u64)| *to = (to.0 + count, to.1 + sum);
    for sums in sums {
        let total = (sums.count, sums.total);
        if sums.day < from {
            add(&mut before, total);
            continue;
        }
        add(&mut now, total);
        add(days.entry(sums.day).or_default(), total);
        for (to, more) in criteria.iter_mut().zip(sums.criteria) {
            add(to, more);
        }
    }
    let points = |(count, tenths): (u64, u64)| Points::of_tenths(u8::try_from((2 * tenths + count).checked_div(2 * count)?).ok()?);
    Means {
        count: now.0,
        total: Total::mean(now.0, now.1),
        before: Total::mean(before.0, before.1),
        criteria: criteria.map(points),
        days: days.into_iter().filter_map(|(day, (count, sum))| Some((day, Total::mean(count, sum)?, count))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reviews::Variant;
    use domain::sections::SectionName;

    #[test]
    fn means_are_of_the_days_asked_for() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let sums = |on: &str, count, total| DayOfScores {
            day: day(on),
            section: SectionName::parse("swot").expect("a name"),
            variant: Variant { prompt_version: "1.0.0".into(), model: "m".into() },
            scorer: Scorer::Automatic,
            count,
            total,
            criteria: [(count, 100 * count), (0, 0), (count, 75 * count), (0, 0), (0, 0)],
        };
        let all = [sums("2026-03-01", 1, 500), sums("2026-03-03", 2, 1700), sums("2026-03-03", 1, 910), sums("2026-03-04", 1, 1000)];
        let means = means(&all, day("2026-03-02"));
        let tenths = |total: Option<Total>| total.map(Total::tenths);
        assert_eq!((means.count, tenths(means.total), tenths(means.before)), (4, Some(903), Some(500)));
        assert_eq!(means.days.iter().map(|(_, total, count)| (total.tenths(), *count)).collect::<Vec<_>>(), [(870, 3), (1000, 1)]);
        assert_eq!(means.criteria.map(|points| points.map(Points::tenths)), [Some(100), None, Some(75), None, None]);
    }
}
