//! The weekly review: the queue, one thing to read and score, and how far people agree.

use super::quality::tone;
use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::requests::{Form, Path};
use crate::shell::Shell;
use crate::views::{self, Parts};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::reviews::{self, Given, Opened, Queue, Told};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::ids::GenerationId;
use domain::reviews::{Agreed, Agreement, Week};
use domain::rubric::{Criterion, Score, Total};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/reviews", get(list)).route("/staff/reviews/{id}", get(one).post(give))
}

#[derive(askama::Template)]
#[template(path = "staff/reviews.html")]
struct Reviews {
    shell: Shell,
    week: String,
    over: bool,
    done: usize,
    rows: Vec<Row>,
    next: Option<String>,
    earlier: String,
    later: Option<String>,
    agreement: Option<AgreementView>,
}

struct Row {
    path: String,
    title: String,
    pair: bool,
    done: bool,
    people: usize,
}

struct AgreementView {
    generations: usize,
    rows: Vec<(&'static str, AgreedView)>,
    judge: Option<AgreedView>,
}

struct AgreedView {
    percent: String,
    alpha: String,
    pairs: usize,
}

impl AgreedView {
    fn of(agreed: &Agreed) -> Self {
        Self {
            percent: agreed.percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent} %")),
            alpha: agreed.alpha.map_or_else(|| "–".to_owned(), |alpha| format!("{alpha:.2}").replace('-', "−")),
            pairs: agreed.pairs,
        }
    }
}

impl AgreementView {
    fn of(agreement: &Agreement) -> Self {
        let criteria = agreement.criteria.iter().map(|(criterion, agreed)| (criterion.name(), AgreedView::of(agreed)));
        let rows = criteria.chain(std::iter::once(("Total", AgreedView::of(&agreement.total))));
        let judge = agreement.judge.as_ref().map(AgreedView::of);
        Self { generations: agreement.generations, rows: rows.collect(), judge }
    }
}

impl Reviews {
    fn of(shell: Shell, queue: &Queue) -> Self {
        let rows = queue.items.iter().map(|item| Row {
            path: paths::review(item.id),
            title: item.title.clone(),
            pair: item.pair,
            done: item.done,
            people: item.people,
        });
        let week = |week: Week| paths::with(paths::REVIEWS, &[("week", &week.key())]);
        Self {
            shell,
            week: spoken(queue.week),
            over: queue.over,
            done: queue.items.iter().filter(|item| item.done).count(),
            rows: rows.collect(),
            next: queue.items.iter().find(|item| !item.done).map(|item| paths::review(item.id)),
            earlier: week(queue.week.before()),
            later: queue.over.then(|| week(queue.week.after())),
            agreement: queue.agreement.as_ref().map(AgreementView::of),
        }
    }
}

/// A week as people say it.
fn spoken(week: Week) -> String {
    let (from, to) = (week.monday(), week.sunday());
    let same = from.format("%B %Y").to_string() == to.format("%B %Y").to_string();
    format!("{} to {}", from.format(if same { "%-d" } else { "%-d %B" }), to.format("%-d %B %Y"))
}

async fn list(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let queue = reviews::queue(&app, &visitor.caller, Week::from_key(query.get("week"))).await?;
    render(&Reviews::of(Shell::of(&app, &visitor), &queue))
}

#[derive(askama::Template)]
#[template(path = "staff/review.html")]
struct Review {
    shell: Shell,
    wrong: Wrong,
    path: String,
    title: String,
    week: String,
    queue: String,
    /// What is shown, for the form to say.
    shown: String,
    parts: Vec<PartView>,
    criteria: [Criterion; 5],
    done: bool,
    next: Option<String>,
    finding: Option<String>,
}

struct PartView {
    id: String,
    /// A or B, where there are two.
    letter: Option<char>,
    brief: Vec<(&'static str, String)>,
    written: Vec<views::Part>,
    told: Option<ToldView>,
    /// None once it is scored.
    rows: Vec<MarkRow>,
    /// What was typed as a note, and what is wrong with it.
    note: String,
    note_fault: Option<String>,
}

/// One criterion to give points for.
struct MarkRow {
    name: &'static str,
    question: &'static str,
    field: String,
    /// The points there are, and whether they were chosen.
    points: Vec<(u8, bool)>,
    fault: Option<String>,
}

impl MarkRow {
    fn of(criterion: Criterion, (id, letter): (GenerationId, Option<char>), wrong: &Wrong, typed: &[(String, String)]) -> Self {
        let field = format!("{}-{id}", criterion.key());
        let chosen = typed.iter().find(|(name, _)| *name == field).map_or("", |(_, value)| value.as_str());
        let points = (0..=10).map(|points: u8| (points, chosen == points.to_string())).collect();
        let fault = wrong.at("review", &field, &called(letter, criterion.name()));
        Self { name: criterion.name(), question: criterion.question(), field, points, fault }
    }
}

/// What something of A, or of B, is called.
fn called(letter: Option<char>, name: &str) -> String {
    letter.map_or_else(|| name.to_owned(), |letter| format!("{name} of {letter}"))
}

impl PartView {
    fn of(part: reviews::Part, letter: Option<char>, wrong: &Wrong, typed: &[(String, String)]) -> Self {
        let note = format!("note-{}", part.id);
        let row = |criterion| MarkRow::of(criterion, (part.id, letter), wrong, typed);
        Self {
            letter,
            brief: part.brief,
            written: part.written,
            told: part.told.as_ref().map(ToldView::of),
            rows: if part.scored { Vec::new() } else { Criterion::ALL.into_iter().map(row).collect() },
            note: typed.iter().find(|(field, _)| *field == note).map(|(_, note)| note.clone()).unwrap_or_default(),
            note_fault: wrong.at("review", &note, &called(letter, "The note")),
            id: part.id.to_string(),
        }
    }
}

struct ToldView {
    version: String,
    model: String,
    said: Vec<SaidView>,
}

struct SaidView {
    by: String,
    points: Vec<String>,
    total: String,
    band: &'static str,
    tone: &'static str,
    note: Option<String>,
    reasons: Vec<(&'static str, String)>,
}

impl ToldView {
    fn of(told: &Told) -> Self {
        let points = |score: &Score| {
            Criterion::ALL.map(|criterion| score.get(criterion).map_or_else(|| "–".to_owned(), |points| points.to_string())).to_vec()
        };
        let said = told.said.iter().map(|said| {
            let total = said.score.total();
            SaidView {
                by: said.by.clone(),
                points: points(&said.score),
                total: total.map(|total| total.to_string()).unwrap_or_default(),
                band: total.map_or("", |total| total.band().name()),
                tone: tone(total.map(Total::band)),
                note: said.note.clone(),
                reasons: said.reasons.iter().map(|(criterion, why)| (criterion.name(), why.clone())).collect(),
            }
        });
        Self { version: told.variant.prompt_version.clone(), model: told.variant.model.clone(), said: said.collect() }
    }
}

impl PartView {
    fn drawn(&self) -> Parts<'_> {
        views::drawn(&self.written)
    }
}

impl Review {
    async fn load(
        app: &App,
        visitor: &Visitor,
        (id, parts): (GenerationId, &[GenerationId]),
        wrong: Wrong,
        typed: &[(String, String)],
    ) -> Result<Self, PageError> {
        let opened = reviews::open(app, &visitor.caller, id, parts).await?;
        let finding = finding(&opened);
        let both = opened.parts.len() > 1;
        let shown: Vec<String> = opened.parts.iter().map(|part| part.id.to_string()).collect();
        let letters = ('A'..).map(|letter| both.then_some(letter));
        let parts = letters.zip(opened.parts).map(|(letter, part)| PartView::of(part, letter, &wrong, typed)).collect();
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong,
            path: paths::review(opened.id),
            title: opened.title,
            week: spoken(opened.week),
            queue: paths::with(paths::REVIEWS, &[("week", &opened.week.key())]),
            shown: shown.join(" "),
            parts,
            criteria: Criterion::ALL,
            done: opened.done,
            next: opened.next.map(paths::review),
            finding,
        })
    }

    /// What is wrong with the rows and notes, each with where it stands, in the order of the page.
    fn faults(&self) -> Vec<(String, &str)> {
        let mut faults = Vec::new();
        for part in &self.parts {
            for row in &part.rows {
                faults.extend(row.fault.as_deref().map(|said| (row.field.clone(), said)));
            }
            faults.extend(part.note_fault.as_deref().map(|said| (format!("note-{}", part.id), said)));
        }
        faults
    }

    /// Where scoring begins.
    fn first_row(&self) -> Option<&str> {
        self.parts.iter().flat_map(|part| &part.rows).map(|row| row.field.as_str()).next()
    }
}

/// Where a finding about what was opened is written down, with what shows it.
fn finding(opened: &Opened) -> Option<String> {
    let told: Vec<&Told> = opened.parts.iter().filter_map(|part| part.told.as_ref()).collect();
    let first = told.first()?;
    let scores = told.iter().flat_map(|told| &told.said).map(|said| said.id.to_string()).collect::<Vec<_>>().join(" ");
    let version = &first.variant.prompt_version;
    Some(paths::with(paths::DECISIONS, &[("section", &first.section), ("version", version), ("scores", &scores)]) + "#new")
}

/// Ids between spaces.
fn shown(text: &str) -> Vec<GenerationId> {
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, query: Query) -> PageResult<Html<String>> {
    let (id, parts) = (id(&text, "this review")?, shown(query.get("parts")));
    render(&Review::load(&app, &visitor, (id, &parts), Wrong::default(), &[]).await?)
}

async fn give(
    State(app): State<App>,
    Staff(visitor): Staff,
    Path(text): Path<String>,
    Form(typed): Form<Vec<(String, String)>>,
) -> PageResult<Response> {
    let id = id(&text, "this review")?;
    let named = typed.iter().find(|(field, _)| field == "parts").map_or("", |(_, ids)| ids.as_str());
    let parts = shown(named);
    match reviews::score(&app, &visitor.caller, id, &parts, &given(&typed)).await {
        Ok(()) => Ok(Redirect::to(&format!("{}#said", paths::with(&paths::review(id), &[("parts", named)]))).into_response()),
        Err(error) => {
            let page = Review::load(&app, &visitor, (id, &parts), Wrong::with("review", error)?, &typed).await?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

/// What was given for each generation that has a field.
fn given(typed: &[(String, String)]) -> Vec<Given> {
    let mut ids: Vec<GenerationId> = Vec::new();
    for (field, _) in typed {
        if let Some(id) = field.split_once('-').and_then(|(_, id)| id.parse().ok())
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    let value = |key: &str, id: GenerationId| {
        let field = format!("{key}-{id}");
        typed.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    ids.into_iter()
        .map(|id| Given { id, points: Criterion::ALL.map(|criterion| value(criterion.key(), id)), note: value("note", id) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_by_generation() {
        let (one, other) = (GenerationId::new(), GenerationId::new());
        let typed =
            vec![(format!("voice-{other}"), "3".to_owned()), (format!("note-{one}"), "fine".to_owned()), ("x".to_owned(), String::new())];
        let given = given(&typed);
        assert_eq!((given.len(), given[0].id, given[0].points[3].as_str(), given[1].note.as_str()), (2, other, "3", "fine"));
    }

    #[test]
    fn a_week_is_said_with_its_days() {
        assert_eq!(Week::from_key("2026-W48").map(spoken).as_deref(), Some("23 to 29 November 2026"));
        assert_eq!(Week::from_key("2026-W53").map(spoken).as_deref(), Some("28 December to 3 January 2027"));
    }
}
