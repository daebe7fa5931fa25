//! What a proposal changes: each of its files beside the text it was made from and beside what production serves today.

use super::files::{beside, sources};
use super::{Whole, get};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{App, releases, shelf};
use domain::audit::Actor;
use domain::gates::SchemaChange;
use domain::ids::ProposalId;
use domain::proposals::{Proposal, ProposedFile, State};
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use prompts::files::Role;
use prompts::{Library, SourceFile, changes as differences};
use semver::Version;
use std::collections::BTreeMap;
use store::TeamTx;

/// What a proposal changes.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The release it was made from.
    pub base: Version,
    /// What production serves today.
    pub production: Version,
    /// Its files, by path.
    pub files: Vec<Changed>,
    /// What changes in the outputs, where its files can be read.
    pub schemas: Vec<SchemaChange>,
    /// How many test cases each suite among them had and has: a smaller one is easier to pass.
    pub suites: Vec<(String, usize, usize)>,
}

/// One file of a proposal.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Its place.
    pub path: String,
    /// The text as it is proposed.
    pub text: String,
    /// The text it was made from; none where it is new.
    pub base: Option<String>,
    /// The text production has today, test cases as its release has them; none where it has none.
    pub production: Option<String>,
}

/// What a proposal changes.
pub async fn changes(app: &App, who: &Caller, id: ProposalId) -> Result<Changes> {
    who.may(app, Right::ViewPrompts)?;
    let Whole { proposal, files, .. } = get(app, who, id).await?;
    let tx = app.store.team_read().await?;
    let production = releases::standing(app, &tx, Environment::Production).await?.version;
    drop(tx);
    // Releases never change, so that what it was made from is there whatever came after.
    let library = app.library();
    let (before, today) = (Library::clone(&library).as_of(&proposal.base), Library::clone(&library).as_of(&production));
    let changed = |file: ProposedFile| Changed {
        base: text_at(&before, &proposal.base, &file.path),
        production: text_at(&today, &production, &file.path),
        path: file.path,
        text: file.text,
    };
    let (schemas, suites) = (schemas(&before, &proposal, &files).unwrap_or_default(), suites(&before, &files));
    let files = files.into_iter().map(changed).collect();
    Ok(Changes { base: proposal.base.clone(), production, files, schemas, suites })
}

/// The text of a file as a release has it: of a template in the version that release serves, of test cases as they are in the library.
fn text_at(library: &Library, version: &Version, path: &str) -> Option<String> {
    let file = SourceFile::at(path, String::new()).ok()?;
    let name = SectionName::parse(&file.stem).ok()?;
    match file.role {
        Role::Template(_) => {
            let release = library.release(version)?;
            library.source(release.template(&name)?).map(str::to_owned)
        }
        Role::Tests(_) => library.tests(&name).map(|tests| tests.text.to_string()),
        Role::Example => None,
    }
}

fn schemas(before: &Library, proposal: &Proposal, files: &[ProposedFile]) -> Option<Vec<SchemaChange>> {
    let after = beside(before, &sources(files).ok()?).ok()?;
    let (from, to) = (before.release(&proposal.base)?, shelf::named(&after, &proposal.version)?);
    let mut schemas = differences::schemas(&from, &to);
    schemas.retain(|change| !change.paths.is_empty());
    Some(schemas)
}

fn suites(before: &Library, files: &[ProposedFile]) -> Vec<(String, usize, usize)> {
    let counted = |file: &ProposedFile| {
        let source = SourceFile::at(&file.path, file.text.clone()).ok().filter(|source| matches!(source.role, Role::Tests(_)))?;
        let had = SectionName::parse(&source.stem).ok().map_or(0, |name| before.test_count(&name));
        let has = source.parse::<Vec<serde_json::Value>>().ok()?.len();
        Some((source.stem, had, has))
    };
    files.iter().filter_map(counted).collect()
}

/// States in which somebody still has to do something, in the order a proposal goes through them.
const OPEN: [&str; 6] = ["draft", "in-review", "changes-requested", "approved", "staged", "accepted"];

/// So many of them are read at once.
const MOST_OPEN: u64 = 500;
/// So many open ones may be of one person.
const MOST_EACH: usize = 50;

/// Proposals that wait for somebody, oldest first, in the order of what they wait for; then what is watched in production.
pub async fn open(app: &App, who: &Caller) -> Result<Vec<Proposal>> {
    who.may(app, Right::ViewPrompts)?;
    let states: Vec<&str> = OPEN.into_iter().chain(["live"]).collect();
    let mut found = app.store.team_read().await?.proposals_in(&states, MOST_OPEN).await?;
    found.sort_by_key(|proposal| states.iter().position(|state| *state == proposal.state.key()));
    Ok(found)
}

/// Refuses somebody who has begun so many that nobody can have read them.
///
/// # Errors
/// When as many of theirs are open as anybody may have.
pub(super) async fn may_begin(tx: &TeamTx, author: Actor) -> Result<()> {
    let open = tx.proposals_in(&OPEN, MOST_OPEN).await?;
    if open.iter().filter(|proposal| proposal.author == author).count() < MOST_EACH && (open.len() as u64) < MOST_OPEN {
        return Ok(());
    }
    let reason = format!("{} proposals are open, and nobody may have more than {MOST_EACH}; withdraw what is not needed", open.len());
    Err(Error::Conflict { reason, id: None })
}

/// Proposals that are on their way to production, by the name of the templates they change.
pub(crate) async fn open_by_template(app: &App) -> Result<BTreeMap<String, Vec<Proposal>>> {
    let tx = app.store.team_read().await?;
    let open = tx.proposals_in(&OPEN, MOST_OPEN).await?;
    let mut found: BTreeMap<String, Vec<Proposal>> = BTreeMap::new();
    for (id, path) in tx.paths(&open).await? {
        let Ok(source) = SourceFile::at(&path, String::new()) else { continue };
        let proposal = open.iter().find(|proposal| proposal.id == id).filter(|_| matches!(source.role, Role::Template(_)));
        found.entry(source.stem).or_default().extend(proposal.cloned());
    }
    found.retain(|_, proposals| !proposals.is_empty());
    Ok(found)
}

/// Something that can be done with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the use case of its name")]
pub enum Step {
    Edit,
    Submit,
    Comment,
    Approve,
    RequestChanges,
    Withdraw,
    Evaluate,
    Stage,
    Accept,
    Reject,
    Promote,
    BeginAgain,
    /// Set a shut gate aside.
    Override,
}

/// What this person may do with a proposal as it stands. The use cases ask again.
pub fn possible(app: &App, who: &Caller, proposal: &Proposal) -> Vec<Step> {
    let (by, now) = (who.actor(), app.now());
    let has = |right| who.has(app, right);
    let (view, edit, review) = (has(Right::ViewPrompts), has(Right::EditPrompts), has(Right::Deploy(Environment::Staging)));
    let promotes = has(Right::Deploy(Environment::Production)) && proposal.clone().promote(by, now).is_ok();
    let stages = review && proposal.clone().stage(by, now).is_ok();
    let again = matches!(proposal.state, State::Rejected { .. } | State::RolledBack { .. } | State::Withdrawn { .. });
    let all = [
        (Step::Edit, edit && proposal.may_edit().is_ok()),
        (Step::Submit, edit && proposal.clone().submit(now).is_ok()),
        (Step::Comment, view),
        (Step::Approve, review && proposal.clone().approve(by, now).is_ok()),
        (Step::RequestChanges, review && proposal.clone().request_changes(by, now).is_ok()),
        (Step::Withdraw, edit && proposal.clone().withdraw(by, now).is_ok()),
        (Step::Evaluate, edit && !proposal.state.has_ended()),
        (Step::Stage, stages),
        (Step::Accept, view && proposal.clone().accept(by, now).is_ok()),
        (Step::Reject, view && proposal.clone().reject(by, now, "").is_ok()),
        (Step::Promote, promotes),
        (Step::BeginAgain, edit && again),
        (Step::Override, (stages || promotes) && has(Right::OverrideSafety)),
    ];
    all.into_iter().filter_map(|(step, may)| may.then_some(step)).collect()
}
