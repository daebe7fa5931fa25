//! The people's part of the rubric: fifty generations a week, each judged by several people who do not see what the others said.
//!
//! Here, and nowhere else, the team reads what was made for customers, so what can tell who they are is left out, and that somebody looked
//! is written down for each. Version, model and what others said are told to a reviewer after they have scored.

use crate::App;
use crate::audit::{self, Act, AuditSearch};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::scores;
use domain::faults::{Fault, Faults};
use domain::generations::Generation;
use domain::ids::{GenerationId, OwnerId};
use domain::locales::{Currency, Language};
use domain::reviews::{self, Agreement, Candidate, Item, SAMPLE, Variant, Week};
use domain::roles::Right;
use domain::rubric::{Criterion, Points, Reasons, Score, Scorer};
use domain::voices::BrandVoice;
use prompts::outline;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::Scored;

/// What the audit log calls that somebody has opened one.
const OPENED: &str = "review.opened";
/// Lines about one customer that are looked through for it.
const LOOKED_AT: u64 = 500;
/// Lots from which a week's sample is taken; rarer sections than these are not found.
const LOTS: u64 = 5000;

/// The sample of one week.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The week.
    pub week: Week,
    /// Whether it is over; until then the sample changes with what is made.
    pub over: bool,
    /// What is looked at, in order.
    pub items: Vec<Listed>,
    /// How far people agree, once two have scored the same.
    pub agreement: Option<Agreement>,
}

/// One thing to look at, without anything a reviewer should not know before.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The generation that names it.
    pub id: GenerationId,
    /// The section's title.
    pub title: String,
    /// Whether two stand side by side.
    pub pair: bool,
    /// Whether who asks has scored it.
    pub done: bool,
    /// How many people have.
    pub people: usize,
}

/// One thing, opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The generation that names it.
    pub id: GenerationId,
    /// The week it was made in.
    pub week: Week,
    /// The section's title.
    pub title: String,
    /// The one, or A and B as this reviewer sees them.
    pub parts: Vec<Part>,
    /// Whether who asks has scored all of it: then everything is told.
    pub done: bool,
    /// What is next for them.
    pub next: Option<GenerationId>,
}

/// One generation under review.
#[derive(Debug, Clone)]
pub struct Part {
    /// The generation.
    pub id: GenerationId,
    /// What was asked: the field's name and its words, without addresses.
    pub brief: Vec<(&'static str, String)>,
    /// What was written, without addresses.
    pub written: Vec<outline::Part>,
    /// Whether this reviewer has scored it already, while the other is still open.
    pub scored: bool,
    /// What is told once this reviewer has scored.
    pub told: Option<Told>,
}

/// What a reviewer learns afterwards.
#[derive(Debug, Clone)]
pub struct Told {
    /// The section.
    pub section: String,
    /// What wrote it.
    pub variant: Variant,
    /// What everybody said, who asks first.
    pub said: Vec<Said>,
}

/// What one scorer said.
#[derive(Debug, Clone)]
pub struct Said {
    /// The score's id.
    pub id: domain::ids::ScoreId,
    /// Who, in words.
    pub by: String,
    /// The points.
    pub score: Score,
    /// Why, by criterion.
    pub reasons: Reasons,
    /// About the whole.
    pub note: Option<String>,
}

/// What a reviewer gives one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The generation.
    pub id: GenerationId,
    /// Points as they were sent, in the order of the rubric.
    pub points: [String; 5],
    /// About the whole; may be empty.
    pub note: String,
}

/// The sample of a week; without one, that of the last week that is over, or of this one where nothing was made in that.
pub async fn queue(app: &App, who: &Caller, week: Option<Week>) -> Result<Queue> {
    may_review(app, who)?;
    let now = Week::of(app.now());
    if let Some(week) = week {
        return Ok(drawn(app, who, week.min(now)).await?.0);
    }
    let (last, items) = drawn(app, who, now.before()).await?;
    if items.is_empty() { Ok(drawn(app, who, now).await?.0) } else { Ok(last) }
}

/// Opens one thing to look at, or again what was opened as these `parts` before. That who asks did is written into the audit log, for every
/// customer whose text it shows.
pub async fn open(app: &App, who: &Caller, id: GenerationId, parts: &[GenerationId]) -> Result<Opened> {
    may_review(app, who)?;
    let (item, queue) = find(app, who, id, parts).await?;
    let said = app.store.judgements(&ids(&item)).await?;
    let done = is_done(&item, &said, who.owner);
    let mut parts = Vec::new();
    for candidate in item.seen_by(who.owner) {
        let judged = said.get(&candidate.generation).map_or(&[][..], Vec::as_slice);
        parts.push(part(app, who, candidate, (judged, done)).await?);
    }
    let here = queue.items.iter().position(|listed| listed.id == item.first.generation);
    let (before, after) = queue.items.split_at(here.map_or(0, |here| here + 1));
    let next = after.iter().chain(before).find(|listed| !listed.done && listed.id != item.first.generation).map(|listed| listed.id);
    Ok(Opened { id: item.first.generation, week: item.first.week, title: title(app, &item.first), parts, done, next })
}

/// Keeps what a reviewer gives one thing: every part of it, each once, without having seen what others gave. The `parts` are those they
/// were shown: while a week goes on its sample moves, and what somebody has read and judged by then is not to be lost.
pub async fn score(app: &App, who: &Caller, id: GenerationId, parts: &[GenerationId], given: &[Given]) -> Result<()> {
    may_review(app, who)?;
    let account = who.signed_in()?.owner;
    let (item, _) = find(app, who, id, parts).await?;
    let said = app.store.judgements(&ids(&item)).await?;
    if is_done(&item, &said, account) {
        return Err(Error::conflict("you have scored this already; a score is given once, before the others are seen", id.0));
    }
    // Of two, the first may have been scored beside another, or kept when the second was not.
    let is_open = |part: &&Candidate| !said.get(&part.generation).is_some_and(|said| has_scored(said, account));
    let open: Vec<&Candidate> = item.parts().filter(is_open).collect();
    for (candidate, (score, note)) in open.iter().zip(read(&open, given)?) {
        keep(app, account, candidate, score, note).await?;
    }
    Ok(())
}

/// Keeps what one person gives one generation; what was sent twice at once is kept once.
async fn keep(app: &App, account: OwnerId, candidate: &Candidate, score: Score, note: Option<String>) -> Result<()> {
    let tx = app.store.tenant(candidate.owner).await?;
    let generation = tx.generation(candidate.generation).await?.ok_or(Error::NotFound("this generation"))?;
    let scored = Scored::of(&generation, Scorer::Person, (score, Reasons::new()), app.now());
    match tx.insert_score(&Scored { account: Some(account), note, ..scored }).await {
        Err(store::Error::Conflict) => Ok(()),
        other => {
            other?;
            Ok(tx.commit().await?)
        }
    }
}

/// Of these generations those that who asks has not scored, and may still have to: of this week's sample or the last one's. Nobody who looks
/// at them so is to know yet what wrote them, or what others said.
pub(crate) async fn unseen(app: &App, who: &Caller, generations: &[GenerationId]) -> Result<BTreeSet<GenerationId>> {
    if who.account().is_none() {
        return Ok(BTreeSet::new());
    }
    let since = Week::of(app.now()).before();
    let is_open = |said: &[Scored]| said.iter().any(|scored| scored.week.is_some_and(|week| week >= since));
    let said = app.store.judgements(generations).await?;
    Ok(said.into_iter().filter(|(_, said)| is_open(said) && !has_scored(said, who.owner)).map(|(generation, _)| generation).collect())
}

fn may_review(app: &App, who: &Caller) -> Result<()> {
    who.may(app, Right::ViewPrompts)?;
    who.may(app, Right::ViewMetrics)
}

fn ids(item: &Item) -> Vec<GenerationId> {
    item.parts().map(|part| part.generation).collect()
}

/// The sample of a week, as it is listed and as it is.
async fn drawn(app: &App, who: &Caller, week: Week) -> Result<(Queue, Vec<Item>)> {
    let items = reviews::items(reviews::sample(app.store.review_candidates(week, LOTS).await?, SAMPLE));
    let said = app.store.judgements(&items.iter().flat_map(ids).collect::<Vec<_>>()).await?;
    let listed = items.iter().map(|item| Listed {
        id: item.first.generation,
        title: title(app, &item.first),
        pair: item.second.is_some(),
        done: is_done(item, &said, who.owner),
        people: people(item, &said),
    });
    let by = |scorer: Scorer| -> Vec<(GenerationId, Score)> {
        let said = said.values().flatten().filter(|scored| scored.scorer == scorer);
        said.map(|scored| (scored.generation, scored.score)).collect()
    };
    let agreement = Agreement::of(&by(Scorer::Person), &by(Scorer::Judge));
    Ok((Queue { week, over: week < Week::of(app.now()), items: listed.collect(), agreement }, items))
}

/// The item a generation is part of, with the queue it stands in. One that has left the sample of a week that goes on, or has got another
/// partner in it, stays as it was shown for whoever has opened it; what was never drawn is not there.
async fn find(app: &App, who: &Caller, id: GenerationId, parts: &[GenerationId]) -> Result<(Item, Queue)> {
    let none = || Error::NotFound("this review");
    let candidate = app.store.review_candidate(id).await?.ok_or_else(none)?;
    let (queue, items) = drawn(app, who, candidate.week).await?;
    let now = items.into_iter().find(|item| item.parts().any(|part| part.generation == id));
    let same = |item: &Item| parts.is_empty() || (ids(item).len() == parts.len() && ids(item).iter().all(|id| parts.contains(id)));
    match now {
        Some(item) if same(&item) => Ok((item, queue)),
        now => match as_shown(app, who, candidate, parts).await?.or(now) {
            Some(item) => Ok((item, queue)),
            None => Err(none()),
        },
    }
}

/// What somebody was shown before: these parts, if they have opened each of them, or somebody has scored it, as only what was drawn is.
async fn as_shown(app: &App, who: &Caller, candidate: Candidate, parts: &[GenerationId]) -> Result<Option<Item>> {
    let mut second = None;
    if let [one, other] = parts
        && (*one == candidate.generation || *other == candidate.generation)
    {
        let partner = if *one == candidate.generation { other } else { one };
        second = app.store.review_candidate(*partner).await?.filter(|partner| partner.section == candidate.section);
    }
    let item = Item { first: candidate, second };
    let said = app.store.judgements(&ids(&item)).await?;
    for part in item.parts() {
        let by_people = said.get(&part.generation).is_some_and(|said| said.iter().any(|scored| scored.scorer == Scorer::Person));
        if !by_people && !has_opened(app, who, part).await? {
            return Ok(None);
        }
    }
    Ok(Some(item))
}

/// Whether the audit log says that they have.
async fn has_opened(app: &App, who: &Caller, part: &Candidate) -> Result<bool> {
    let actor = who.actor().account();
    let search = AuditSearch { text: Some(part.owner.to_string()), actor, action: Some(OPENED.into()) };
    let lines = if actor.is_some() { app.store.audit_log(&search, LOOKED_AT, None).await? } else { Vec::new() };
    let generation = part.generation.to_string();
    Ok(lines.iter().any(|line| line.after["generation"].as_str() == Some(&generation)))
}

fn title(app: &App, candidate: &Candidate) -> String {
    app.release().template(&candidate.section).map_or_else(|| candidate.section.to_string(), |template| template.title.clone())
}

fn has_scored(said: &[Scored], account: OwnerId) -> bool {
    said.iter().any(|scored| scored.scorer == Scorer::Person && scored.account == Some(account))
}

fn is_done(item: &Item, said: &BTreeMap<GenerationId, Vec<Scored>>, account: OwnerId) -> bool {
    item.parts().all(|part| said.get(&part.generation).is_some_and(|said| has_scored(said, account)))
}

/// People who have scored any part; who is forgotten since counts where nobody else is known.
fn people(item: &Item, said: &BTreeMap<GenerationId, Vec<Scored>>) -> usize {
    let of_part = |part: &Candidate| {
        let by = said.get(&part.generation).map_or(&[][..], Vec::as_slice).iter().filter(|scored| scored.scorer == Scorer::Person);
        let by: Vec<Option<OwnerId>> = by.map(|scored| scored.account).collect();
        let known: BTreeSet<OwnerId> = by.iter().flatten().copied().collect();
        known.len() + by.iter().filter(|account| account.is_none()).count()
    };
    item.parts().map(of_part).max().unwrap_or_default()
}

/// One generation as a reviewer sees it, with what was said of it once they are done.
async fn part(app: &App, who: &Caller, candidate: &Candidate, (judged, done): (&[Scored], bool)) -> Result<Part> {
    let tx = app.store.tenant(candidate.owner).await?;
    let generation = tx.generation(candidate.generation).await?.ok_or(Error::NotFound("this generation"))?;
    let act = Act::on(candidate.owner, OPENED).change(Value::Null, serde_json::json!({"generation": generation.id}));
    audit::write(app, &tx, who, act).await?;
    tx.commit().await?;
    let template = scores::template_of(app, &generation).ok_or(Error::NotFound("the section of this generation"))?;
    let currency = generation.input["currency"].as_str().and_then(|code| Currency::parse(code).ok()).unwrap_or_default();
    let brief = brief(&generation);
    let told = done.then(|| told(judged, who.owner, candidate));
    let scored = has_scored(judged, who.owner);
    let output = reviews::output_without_addresses(generation.output);
    Ok(Part { id: candidate.generation, brief, written: template.outline(&output, currency), scored, told })
}

fn brief(generation: &Generation) -> Vec<(&'static str, String)> {
    let word = |key: &str| generation.input[key].as_str().unwrap_or_default();
    let voice = BrandVoice::kept(word("brandVoice")).map_or_else(|_| word("brandVoice").to_owned(), |voice| voice.name().to_owned());
    let language = Language::parse(word("language")).map_or_else(|_| word("language").to_owned(), |language| language.name.to_owned());
    let fields = [
        ("Idea", word("productIdea").to_owned()),
        ("Voice", voice),
        ("Market", word("targetMarket").to_owned()),
        ("Price", word("priceRange").to_owned()),
        ("Language", language),
    ];
    fields.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, reviews::without_addresses(&text))).collect()
}

fn told(judged: &[Scored], reviewer: OwnerId, candidate: &Candidate) -> Told {
    let mut colleague = 0;
    let mut said: Vec<(u8, Said)> = Vec::new();
    for scored in judged {
        let (place, by) = match (scored.scorer, scored.account) {
            (Scorer::Person, account) if account == Some(reviewer) => (0, "You".to_owned()),
            (Scorer::Person, _) => {
                colleague += 1;
                (1, format!("Colleague {colleague}"))
            }
            (Scorer::Judge, _) => (2, format!("Judge ({})", scored.by_model.as_deref().unwrap_or("model"))),
            (Scorer::Automatic, _) => (3, Scorer::Automatic.name().to_owned()),
        };
        said.push((place, Said { id: scored.id, by, score: scored.score, reasons: scored.reasons.clone(), note: scored.note.clone() }));
    }
    said.sort_by_key(|(place, _)| *place);
    let said = said.into_iter().map(|(_, said)| said).collect();
    Told { section: candidate.section.to_string(), variant: candidate.variant.clone(), said }
}

/// What was given for each of these parts, in their order, or everything that is wrong with it. The field of a fault is the criterion
/// with the generation behind it.
fn read(parts: &[&Candidate], given: &[Given]) -> Result<Vec<(Score, Option<String>)>> {
    let mut faults = Faults::default();
    let mut read = Vec::new();
    for part in parts {
        let Some(given) = given.iter().find(|given| given.id == part.generation) else {
            faults.add("points", "are missing for one of the two; score both");
            continue;
        };
        let mut score = Score::default();
        for (criterion, text) in Criterion::ALL.into_iter().zip(&given.points) {
            match text.trim().parse::<u8>().ok().and_then(Points::whole) {
                Some(points) => score = score.with(criterion, Some(points)),
                None => faults.add(format!("{}-{}", criterion.key(), given.id), "needs a whole number from 0 to 10"),
            }
        }
        let note = given.note.trim();
        if note.chars().count() > 1000 {
            faults.0.push(Fault::new(format!("note-{}", given.id), "has more than 1000 characters; keep what matters"));
        }
        read.push((score, (!note.is_empty()).then(|| note.replace('\0', ""))));
    }
    if faults.is_empty() { Ok(read) } else { Err(faults.into()) }
}
