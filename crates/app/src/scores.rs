//! What generations are worth by the rubric: the automatic part, given in the transaction that stores each, and the figures over time.
//!
//! A generation without an output has no score: how many fail is another figure. Where the same answer is given again it has the same
//! score, but is not looked at again by people or by the judge.

use crate::callers::Caller;
use crate::error::Result;
use crate::{App, judging};
use chrono::{NaiveDate, TimeDelta};
use domain::generations::Generation;
use domain::reviews::{Variant, Week};
use domain::roles::Right;
use domain::rubric::{self, Evidence, Points, Scorer, Total};
use domain::sections::SectionName;
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

/// Quality over some days, by the day something was made.
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

/// Scores from which on a mean says something.
pub const ENOUGH: u64 = 20;

/// Means of some scores.
///
/// The program scores everything. People and the judge score a sample, in which a rare section has as many as a common one: so each section
/// and variant counts in their totals as much as was made of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Means {
    /// How many scores.
    pub count: u64,
    /// The mean of their totals.
    pub total: Option<Total>,
    /// The same of as many days before, with how many scores.
    pub before: Option<(Total, u64)>,
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
    let made = [Made::of(series.iter().filter(|sums| sums.day < from)), Made::of(series.iter().filter(|sums| sums.day >= from))];
    let of = |scorer: Scorer| series.iter().filter(move |sums| sums.scorer == scorer).collect::<Vec<_>>();
    let lines = Scorer::ALL.into_iter().map(|scorer| (scorer, means(&of(scorer), from, &made))).filter(|(_, means)| means.count > 0);
    let mut groups: BTreeMap<String, Vec<&DayOfScores>> = BTreeMap::new();
    for sums in of(asked.scorer) {
        groups.entry(group(app, asked.by, sums)).or_default().push(sums);
    }
    let rows = groups.into_iter().map(|(name, sums)| (name, means(&sums, from, &made))).filter(|(_, means)| means.count > 0);
    Ok(Figures { from, to, lines: lines.collect(), rows: rows.collect() })
}

/// How many generations there are of each section and variant: each has one automatic score.
struct Made<'a>(BTreeMap<(&'a SectionName, &'a Variant), u64>);

impl<'a> Made<'a> {
    fn of(sums: impl Iterator<Item = &'a DayOfScores>) -> Self {
        let mut made = BTreeMap::new();
        for sums in sums.filter(|sums| sums.scorer == Scorer::Automatic) {
            *made.entry((&sums.section, &sums.variant)).or_default() += sums.count;
        }
        Self(made)
    }

    /// The mean of these scores, in which each section and variant counts as much as there is of it; what is not known counts by its scores.
    fn mean(&self, sums: &[&DayOfScores]) -> Option<Total> {
        let mut strata: BTreeMap<(&SectionName, &Variant), (u64, u64)> = BTreeMap::new();
        for sums in sums {
            let stratum = strata.entry((&sums.section, &sums.variant)).or_default();
            *stratum = (stratum.0 + sums.count, stratum.1 + sums.total);
        }
        let (mut weight, mut sum) = (0_u64, 0_u64);
        for (stratum, (count, total)) in strata.into_iter().filter(|(_, (count, _))| *count > 0) {
            let size = self.0.get(&stratum).copied().unwrap_or(count);
            weight += size;
            sum += (size * total + count / 2) / count;
        }
        Total::mean(weight, sum)
    }
}

fn group(app: &App, by: Grouping, sums: &DayOfScores) -> String {
    let section = || app.release().template(&sums.section).map_or_else(|| sums.section.to_string(), |template| template.title.clone());
    match by {
        Grouping::Section => section(),
        Grouping::Version => format!("{} {}", section(), sums.variant.prompt_version),
        Grouping::Model => sums.variant.model.clone(),
    }
}

/// Means of the scores of what was made from a day on; what was made before that day is only compared with. How much was made is known of
/// the days before, and of those since.
fn means(sums: &[&DayOfScores], from: NaiveDate, [made_before, made]: &[Made<'_>; 2]) -> Means {
    let (before, now): (Vec<&DayOfScores>, Vec<&DayOfScores>) = sums.iter().partition(|sums| sums.day < from);
    let count = |sums: &[&DayOfScores]| sums.iter().map(|sums| sums.count).sum::<u64>();
    let mut criteria = [(0, 0); 5];
    let mut days: BTreeMap<NaiveDate, (u64, u64)> = BTreeMap::new();
    let add = |to: &mut (u64, u64), (count, sum): (u64, u64)| *to = (to.0 + count, to.1 + sum);
    for sums in &now {
        add(days.entry(sums.day).or_default(), (sums.count, sums.total));
        for (to, more) in criteria.iter_mut().zip(sums.criteria) {
            add(to, more);
        }
    }
    let points = |(count, tenths): (u64, u64)| Points::of_tenths(u8::try_from((2 * tenths + count).checked_div(2 * count)?).ok()?);
    Means {
        count: count(&now),
        total: made.mean(&now),
        before: made_before.mean(&before).map(|total| (total, count(&before))),
        criteria: criteria.map(points),
        days: days.into_iter().filter_map(|(day, (count, sum))| Some((day, Total::mean(count, sum)?, count))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ninety of one section, ten of another, and people have scored five of each.
    #[test]
    fn what_was_made_more_often_counts_more_in_what_people_say() {
        let sums = |section: &str, scorer, count, each| DayOfScores {
            day: "2026-03-03".parse().expect("a day"),
            section: SectionName::parse(section).expect("a name"),
            variant: Variant { prompt_version: "1.0.0".into(), model: "m".into() },
            scorer,
            count,
            total: count * each,
            criteria: [(0, 0); 5],
        };
        let all = [
            sums("swot", Scorer::Automatic, 90, 900),
            sums("brand", Scorer::Automatic, 10, 900),
            sums("swot", Scorer::Person, 5, 900),
            sums("brand", Scorer::Person, 5, 400),
        ];
        let people: Vec<&DayOfScores> = all.iter().filter(|sums| sums.scorer == Scorer::Person).collect();
        let mean = Made::of(all.iter()).mean(&people);
        assert_eq!(mean.map(Total::tenths), Some(850), "not 650, the mean of the ten scores");
        assert_eq!(Made::of(std::iter::empty()).mean(&people).map(Total::tenths), Some(650));
        assert_eq!(Made::of(all.iter()).mean(&[]), None);
    }

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
        let from = day("2026-03-02");
        let made = [Made::of(all.iter().filter(|sums| sums.day < from)), Made::of(all.iter().filter(|sums| sums.day >= from))];
        let means = means(&all.iter().collect::<Vec<_>>(), from, &made);
        let before = means.before.map(|(total, count)| (total.tenths(), count));
        assert_eq!((means.count, means.total.map(Total::tenths), before), (4, Some(903), Some((500, 1))));
        assert_eq!(means.days.iter().map(|(_, total, count)| (total.tenths(), *count)).collect::<Vec<_>>(), [(870, 3), (1000, 1)]);
        assert_eq!(means.criteria.map(|points| points.map(Points::tenths)), [Some(100), None, Some(75), None, None]);
    }
}
