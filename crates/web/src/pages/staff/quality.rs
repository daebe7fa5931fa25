//! Quality over time: what is made, scored by the rubric, by section, version and model. Lines are drawn here; the figures behind them
//! stand in tables.

use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::shell::Shell;
use crate::{Shared, paths};
use app::App;
use app::scores::{self, Asked, ENOUGH, Figures, Grouping, Means};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use chrono::NaiveDate;
use domain::rubric::{Criterion, Points, Scorer, Total};
use std::cmp::Ordering;
use std::fmt::Write as _;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/quality", get(quality))
}

/// What is aimed at, out of a hundred.
const TARGET: f64 = 85.0;
/// Spans of time to choose from, in days.
const SPANS: [u32; 4] = [7, 30, 90, 365];
/// Below this a chart need not begin, as long as nothing lies below.
const FLOOR: f64 = 60.0;

/// The size of a drawing, in units of its own.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 200.0;

#[derive(askama::Template)]
#[template(path = "staff/quality.html")]
struct Quality {
    shell: Shell,
    finding: String,
    from: String,
    to: String,
    spans: Vec<Choice>,
    groupings: Vec<Choice>,
    scorers: Vec<Choice>,
    chart: Chart,
    heading: &'static str,
    scorer: &'static str,
    criteria: [&'static str; 5],
    rows: Vec<Row>,
}

/// One of several ways to look at it.
struct Choice {
    name: String,
    path: String,
    here: bool,
}

/// Lines over the same days.
struct Chart {
    lines: Vec<Line>,
    /// What stands at the top, the middle and the bottom of the scale.
    scale: [String; 3],
    /// Where the target's line lies.
    target: String,
    /// The figures behind it: day, and each line's mean with how many scores it is of.
    days: Vec<Day>,
}

/// One day: its name, and each line's mean with how many scores it is of.
type Day = (String, Vec<Option<(String, u64)>>);

struct Line {
    name: &'static str,
    /// How it is drawn: a colour and a dash of its own.
    kind: &'static str,
    mean: String,
    count: u64,
    path: String,
    dots: String,
}

struct Row {
    name: String,
    count: u64,
    mean: String,
    /// The total in a word, and how that word is coloured.
    band: &'static str,
    tone: &'static str,
    /// The difference to as many days before, where both have enough scores.
    change: Option<String>,
    /// Points by criterion, and whether these are the lowest and low.
    criteria: Vec<(Option<String>, bool)>,
    path: String,
    dots: String,
}

async fn quality(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let asked = asked(&query);
    let figures = scores::figures(&app, &visitor.caller, asked).await?;
    render(&Quality::of(Shell::of(&app, &visitor), asked, &figures))
}

/// What was asked; what cannot be read is as if it was not.
fn asked(query: &Query) -> Asked {
    let by = match query.get("by") {
        "version" => Grouping::Version,
        "model" => Grouping::Model,
        _ => Grouping::Section,
    };
    let days = query.id("days").filter(|days| SPANS.contains(days)).unwrap_or(30);
    Asked { days, by, scorer: Scorer::from_key(query.get("scorer")).unwrap_or(Scorer::Automatic) }
}

const fn key(by: Grouping) -> &'static str {
    match by {
        Grouping::Section => "section",
        Grouping::Version => "version",
        Grouping::Model => "model",
    }
}

fn path(asked: Asked) -> String {
    let days = asked.days.to_string();
    paths::with(paths::QUALITY, &[("days", &days), ("by", key(asked.by)), ("scorer", asked.scorer.key())])
}

impl Quality {
    fn of(shell: Shell, asked: Asked, figures: &Figures) -> Self {
        let choice = |name: &str, other: Asked| Choice { name: name.to_owned(), path: path(other), here: other == asked };
        let place = Place { from: figures.from, to: figures.to, floor: floor(figures.rows.iter().map(|(_, means)| means)) };
        let groupings = [("Sections", Grouping::Section), ("Versions", Grouping::Version), ("Models", Grouping::Model)];
        Self {
            shell,
            finding: finding(figures),
            from: figures.from.format("%-d %B %Y").to_string(),
            to: figures.to.format("%-d %B %Y").to_string(),
            spans: SPANS.iter().map(|days| choice(&span(*days), Asked { days: *days, ..asked })).collect(),
            groupings: groupings.iter().map(|(name, by)| choice(name, Asked { by: *by, ..asked })).collect(),
            scorers: Scorer::ALL.iter().map(|scorer| choice(scorer.name(), Asked { scorer: *scorer, ..asked })).collect(),
            chart: Chart::of(figures),
            heading: match asked.by {
                Grouping::Section => "Section",
                Grouping::Version => "Section and version",
                Grouping::Model => "Model",
            },
            scorer: asked.scorer.name(),
            criteria: Criterion::ALL.map(Criterion::name),
            rows: figures.rows.iter().map(|(name, means)| Row::of(name, means, place)).collect(),
        }
    }
}

fn span(days: u32) -> String {
    if days == 365 { "A year".to_owned() } else { format!("{days} days") }
}

/// What the chart shows, as its title says it. A few scores of people say nothing about everything.
fn finding(figures: &Figures) -> String {
    let of = |scorer| figures.lines.iter().find(|(line, _)| *line == scorer).and_then(|(_, means)| Some((means.total?, means.count)));
    let stand = |total: Total| match value(total).total_cmp(&TARGET) {
        Ordering::Greater => "above",
        Ordering::Equal => "just at",
        Ordering::Less => "below",
    };
    match (of(Scorer::Person), of(Scorer::Automatic)) {
        (Some((people, count)), _) if count >= ENOUGH => {
            format!("{people} by {count} scores of people, {} the target of 85", stand(people))
        }
        (people, Some((automatic, _))) => {
            let people = match people.map_or(0, |(_, count)| count) {
                0 => "nobody has reviewed yet".to_owned(),
                1 => "one review is too few to say more".to_owned(),
                count => format!("{count} reviews are too few to say more"),
            };
            format!("Measured at {automatic}, {} the target of 85; {people}", stand(automatic))
        }
        (Some((people, count)), None) => format!("{people} by {count} scores of people, too few to hold against the target of 85"),
        (None, None) => "Nothing was scored in this time".to_owned(),
    }
}

fn value(total: Total) -> f64 {
    f64::from(total.tenths()) / 10.0
}

impl Chart {
    fn of(figures: &Figures) -> Self {
        let floor = floor(figures.lines.iter().map(|(_, means)| means));
        let place = Place { from: figures.from, to: figures.to, floor };
        let lines = figures.lines.iter().map(|(scorer, means)| {
            let (path, dots) = place.draw(means);
            let mean = means.total.map(|total| total.to_string()).unwrap_or_default();
            Line { name: scorer.name(), kind: scorer.key(), mean, count: means.count, path, dots }
        });
        Self {
            lines: lines.collect(),
            scale: [100.0, f64::midpoint(100.0, floor), floor].map(|mark| format!("{mark:.0}")),
            target: format!("{:.1}", place.height(TARGET)),
            days: days(figures),
        }
    }
}

/// Every day that has a score, newest first.
fn days(figures: &Figures) -> Vec<Day> {
    let mut all: Vec<NaiveDate> = figures.lines.iter().flat_map(|(_, means)| &means.days).map(|(day, ..)| *day).collect();
    all.sort_unstable();
    all.dedup();
    let of = |means: &Means, day| means.days.iter().find(|(on, ..)| *on == day).map(|(_, total, count)| (total.to_string(), *count));
    let row = |day: NaiveDate| (day.format("%-d %B %Y").to_string(), figures.lines.iter().map(|(_, means)| of(means, day)).collect());
    all.into_iter().rev().map(row).collect()
}

/// Where drawings of these begin, so that they can be held against each other: below everything, at a round figure.
fn floor<'a>(all: impl Iterator<Item = &'a Means>) -> f64 {
    let lowest = all.flat_map(|means| &means.days).map(|(_, total, _)| value(*total)).fold(FLOOR, f64::min);
    (lowest / 20.0).floor() * 20.0
}

/// Where days and totals lie on a drawing.
#[derive(Clone, Copy)]
struct Place {
    from: NaiveDate,
    to: NaiveDate,
    floor: f64,
}

impl Place {
    fn height(&self, value: f64) -> f64 {
        // A line at the very top or bottom would be cut in half.
        (HEIGHT - 8.0).mul_add((100.0 - value) / (100.0 - self.floor), 4.0)
    }

    fn along(&self, day: NaiveDate) -> f64 {
        let days = |to: NaiveDate| f64::from(i32::try_from((to - self.from).num_days()).unwrap_or_default());
        let all = days(self.to).max(1.0);
        (WIDTH - 12.0).mul_add(days(day) / all, 6.0)
    }

    /// The line through the days, and the dots on them, as paths.
    fn draw(&self, means: &Means) -> (String, String) {
        let (mut path, mut dots) = (String::new(), String::new());
        for (at, (day, total, _)) in means.days.iter().enumerate() {
            let (x, y) = (self.along(*day), self.height(value(*total)));
            let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { " L" });
            let _ = write!(dots, "M{x:.1} {y:.1}h0");
        }
        // So many dots would be a thick line.
        if means.days.len() > 45 {
            dots.clear();
        }
        (path, dots)
    }
}

impl Row {
    fn of(name: &str, means: &Means, place: Place) -> Self {
        let (path, dots) = place.draw(means);
        let band = means.total.map(Total::band);
        let enough = means.before.filter(|(_, count)| means.count.min(*count) >= ENOUGH);
        let change = enough.zip(means.total).map(|((before, _), now)| {
            let tenths = i32::from(now.tenths()) - i32::from(before.tenths());
            let sign = if tenths < 0 { "−" } else { "+" };
            format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
        });
        let judged = means.criteria.iter().enumerate().filter_map(|(at, points)| Some((at, (*points)?)));
        let weakest = judged.min_by_key(|(_, points)| *points).filter(|(_, points)| points.value() < 7.5).map(|(at, _)| at);
        Self {
            name: name.to_owned(),
            count: means.count,
            mean: means.total.map(|total| total.to_string()).unwrap_or_default(),
            band: band.map_or("", domain::rubric::Band::name),
            tone: tone(band),
            change,
            criteria: means.criteria.iter().enumerate().map(|(at, points)| (points.map(one_decimal), weakest == Some(at))).collect(),
            path,
            dots,
        }
    }
}

fn one_decimal(points: Points) -> String {
    format!("{:.1}", points.value())
}

/// How the word of a band is coloured.
pub(super) fn tone(band: Option<domain::rubric::Band>) -> &'static str {
    use domain::rubric::Band;
    match band {
        Some(Band::Excellent | Band::Good) => "ok",
        Some(Band::Acceptable) | None => "",
        Some(Band::Poor | Band::Failing) => "caution",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(scorer: Scorer, count: u64, tenths: u16) -> (Scorer, Means) {
        (scorer, Means { count, total: Total::of_tenths(tenths), ..Means::default() })
    }

    #[test]
    fn a_few_reviews_are_no_verdict() {
        let day: NaiveDate = "2026-03-01".parse().expect("a day");
        let said = |lines| finding(&Figures { from: day, to: day, lines, rows: Vec::new() });
        assert_eq!(said(vec![]), "Nothing was scored in this time");
        let few = said(vec![scored(Scorer::Automatic, 900, 910), scored(Scorer::Person, 1, 400)]);
        assert_eq!(few, "Measured at 91.0, above the target of 85; one review is too few to say more");
        let many = said(vec![scored(Scorer::Automatic, 900, 910), scored(Scorer::Person, 20, 800)]);
        assert_eq!(many, "80.0 by 20 scores of people, below the target of 85");
    }

    #[test]
    fn a_change_is_one_between_enough_scores() {
        let place = Place { from: NaiveDate::MIN, to: NaiveDate::MIN, floor: 60.0 };
        let change = |count, before| {
            let before = Total::of_tenths(800).map(|total| (total, before));
            Row::of("swot", &Means { count, before, total: Total::of_tenths(812), ..Means::default() }, place).change
        };
        assert_eq!((change(20, 20).as_deref(), change(1, 500), change(500, 1)), (Some("+1.2"), None, None));
    }

    #[test]
    fn days_and_totals_have_their_places() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let place = Place { from: day("2026-03-01"), to: day("2026-03-31"), floor: 60.0 };
        let near =
            |places: [f64; 3], expected: [f64; 3]| places.iter().zip(expected).all(|(place, expected)| (place - expected).abs() < 1e-9);
        assert!(near(
            [place.along(day("2026-03-01")), place.along(day("2026-03-16")), place.along(day("2026-03-31"))],
            [6.0, 300.0, 594.0]
        ));
        assert!(near([place.height(100.0), place.height(80.0), place.height(60.0)], [4.0, 100.0, 196.0]));
        let total = |tenths| Total::of_tenths(tenths).expect("a total");
        let means = Means { days: vec![(day("2026-03-01"), total(1000), 1), (day("2026-03-31"), total(800), 2)], ..Means::default() };
        assert_eq!(place.draw(&means), ("M6.0 4.0 L594.0 100.0".into(), "M6.0 4.0h0M594.0 100.0h0".into()));
        let one_day = Place { to: place.from, ..place };
        assert!(one_day.along(day("2026-03-01")).is_finite());
    }
}
