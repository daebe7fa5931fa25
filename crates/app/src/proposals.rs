//! Changes to the template library on their way through review. What is a release by its end is in [`crate::releases`].

mod bases;
mod bundle;
mod changes;
mod drafts;
mod files;
mod preview;
mod steps;
mod suites;
mod writers;

pub(crate) use bases::up_to_date;
pub use bundle::{bundled, unbundled, zipped};
pub(crate) use changes::open_by_template;
pub use changes::{Changed, Changes, Step, changes, open, possible};
pub(crate) use drafts::template_of;
pub use drafts::{draft, places, with_file};
pub(crate) use files::checked;
pub use files::{export, rewritten};
pub use preview::{Preview, Previewed, preview, samples};
pub use steps::{accept, approve, comment, reject, request_changes, submit, withdraw};

use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::keys::{self, Once, RequestKey};
use crate::shelf;
use domain::audit::Actor;
use domain::faults::{Fault, Faults};
use domain::ids::ProposalId;
use domain::proposals::{self as rules, Comment, Proposal, ProposedFile, Refusal, State};
use domain::roles::Right;
use prompts::{Library, Release};
use semver::Version;
use serde_json::{Value, json};
use store::TeamTx;

/// What somebody proposes.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What changes, in a line.
    pub title: String,
    /// Why.
    pub why: String,
    /// Templates of one version, `v1.1.0/swot.yaml`, and test cases, `tests/swot.yaml`; each whole.
    pub files: Vec<ProposedFile>,
    /// The release the files were made from: without one, what production serves, or what the proposal says already.
    pub base: Option<Version>,
    /// For the command line, which is nobody: the e-mail address of whoever of the team wrote this.
    pub author: Option<String>,
}

/// A proposal with everything about it.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The proposal.
    pub proposal: Proposal,
    /// Its files as they are now.
    pub files: Vec<ProposedFile>,
    /// What was said, oldest first.
    pub comments: Vec<Comment>,
    /// What is wrong with its files beside today's library, a sentence each; it cannot be submitted before that is mended.
    pub faults: Vec<String>,
    /// What stops nothing and should be known before it becomes a release.
    pub warnings: Vec<String>,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Conflict { reason: refusal.0, id: None }
    }
}

/// Proposes a change. Nothing is kept that could not become a release: every fault of every file is named.
pub async fn begin(app: &App, who: &Caller, wanted: &Wanted) -> Result<Proposal> {
    begin_from(app, who, wanted, &[]).await
}

/// The same for a request that may be sent again: under one key one proposal is begun, and the same request is answered with it.
pub async fn begin_once(app: &App, who: &Caller, wanted: &Wanted, key: Option<&RequestKey>) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    let act = {
        let (app, who, wanted) = (app.clone(), who.clone(), wanted.clone());
        async move { begin(&app, &who, &wanted).await }
    };
    match keys::once(app, who, key, act, |begun| begun.id.0).await? {
        Once::Now(begun) => Ok(begun),
        Once::Before(id) => app.store.team_read().await?.proposal(ProposalId(id)).await?.ok_or(Error::NotFound("this proposal")),
    }
}

/// The same, with words in it of those who wrote an earlier one.
async fn begin_from(app: &App, who: &Caller, wanted: &Wanted, earlier: &[Actor]) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let (title, why) = rules::about(&wanted.title, &wanted.why)?;
    let files = files::tidied(&wanted.files);
    let version = files::checked(app, &files)?;
    let author = writers::of(app, who, wanted).await?;
    let now = app.now();
    let tx = app.store.team().await?;
    changes::may_begin(&tx, author).await?;
    let mut proposal = Proposal {
        id: ProposalId::new(),
        title,
        why,
        version,
        base: bases::said(app, &tx, wanted).await?,
        author,
        writers: vec![author],
        state: State::Draft,
        revision: 1,
        created: now,
        updated: now,
    };
    proposal.written_by(earlier);
    tx.insert_proposal(&proposal, &files).await?;
    let act = Act::about("proposal", proposal.id, "proposal.begun").change(Value::Null, json!({"version": proposal.version}));
    audit::write_team(app, &tx, who, act).await?;
    tx.commit().await?;
    Ok(proposal)
}

/// Changes title, reason and files of a proposal. `seen` is the revision the change was made from: when somebody else has saved
/// another one meanwhile, nothing is changed and the caller still has their text.
pub async fn save(app: &App, who: &Caller, id: ProposalId, seen: u32, wanted: &Wanted) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let (title, why) = rules::about(&wanted.title, &wanted.why)?;
    let files = files::tidied(&wanted.files);
    let version = files::checked(app, &files)?;
    let writer = writers::of(app, who, wanted).await?;
    let (tx, before) = locked(app, id).await?;
    if before.revision != seen {
        let reason = format!("somebody has saved revision {} meanwhile; compare it with yours, then save again", before.revision);
        return Err(Error::conflict(&reason, id.0));
    }
    let retold = (&before.title, &before.why) != (&title, &why);
    let base = if wanted.base.is_some() { bases::said(app, &tx, wanted).await? } else { before.base.clone() };
    let edited = base != before.base || !files::same(&tx.files(id, seen).await?, &files);
    if !edited && !retold {
        return Ok(before);
    }
    let after = if edited {
        let after = Proposal { title, why, version, base, ..before.clone().edit(writer, app.now())? };
        tx.insert_files(&after, &files).await?;
        after
    } else {
        before.clone().describe(title, why, app.now())?
    };
    record(app, &tx, who, (&before, &after), (if edited { "edited" } else { "described" }, None)).await?;
    tx.commit().await?;
    Ok(after)
}

/// Moves a proposal to another version, as when its own has become a release meanwhile.
pub async fn move_to(app: &App, who: &Caller, id: ProposalId, seen: u32, version: &Version) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    let Whole { proposal, files, .. } = get(app, who, id).await?;
    let wanted = Wanted { title: proposal.title, why: proposal.why, files: rewritten(&files, version), ..Wanted::default() };
    save(app, who, id, seen, &wanted).await
}

/// Begins a new proposal from one that was sent back or rolled back, as the next version.
pub async fn begin_again(app: &App, who: &Caller, id: ProposalId) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    let Whole { proposal, files, .. } = get(app, who, id).await?;
    if !proposal.state.has_ended() {
        return Err(Error::conflict("this proposal has not ended; edit it instead", id.0));
    }
    let next = next_version(&app.library(), &proposal.version);
    let Proposal { title, why, base, writers, .. } = proposal;
    begin_from(app, who, &Wanted { title, why, files: rewritten(&files, &next), base: Some(base), author: None }, &writers).await
}

/// The next free minor version.
fn next_version(library: &Library, above: &Version) -> Version {
    let highest = library.releases().last().map_or_else(|| above.clone(), |highest| highest.max(above).clone());
    Version::new(highest.major, highest.minor + 1, 0)
}

/// A proposal with everything about it.
pub async fn get(app: &App, who: &Caller, id: ProposalId) -> Result<Whole> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    let proposal = tx.proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    let files = tx.files(id, proposal.revision).await?;
    let comments = tx.comments(id).await?;
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    if !proposal.state.is_released() && !proposal.state.has_ended() {
        match files::checked(app, &files) {
            Ok(_) => warnings = files::warnings(app, &files)?,
            Err(Error::Invalid(found)) => faults = found.0,
            Err(other) => return Err(other),
        }
        faults.extend(bases::behind(app, &tx, &proposal, &files).await?);
    }
    let faults = faults.iter().map(ToString::to_string).collect();
    Ok(Whole { proposal, files, comments, faults, warnings })
}

/// The files of an earlier revision.
pub async fn revision(app: &App, who: &Caller, id: ProposalId, revision: u32) -> Result<Vec<ProposedFile>> {
    who.may(app, Right::ViewPrompts)?;
    let files = app.store.team_read().await?.files(id, revision).await?;
    if files.is_empty() { Err(Error::NotFound("this revision")) } else { Ok(files) }
}

/// The release a proposal would be, with the library it would be in.
pub async fn as_release(app: &App, who: &Caller, id: ProposalId) -> Result<(Library, Release)> {
    who.may(app, Right::ViewPrompts)?;
    let Whole { proposal, files, .. } = get(app, who, id).await?;
    candidate(app, &proposal, &files)
}

/// Proposals, newest first; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, limit: u64, before: Option<ProposalId>) -> Result<Vec<Proposal>> {
    who.may(app, Right::ViewPrompts)?;
    Ok(app.store.team_read().await?.proposals(limit, before).await?)
}

/// The release a proposal would be, beside everything that is released today, with the library it is in.
pub(crate) fn candidate(app: &App, proposal: &Proposal, files: &[ProposedFile]) -> Result<(Library, Release)> {
    let sources = files::sources(files)?;
    let library = if proposal.state.is_released() {
        Library::clone(&app.library()).as_of(&proposal.version)
    } else {
        files::beside(&app.library(), &sources)?
    };
    let release = shelf::named(&library, &proposal.version);
    let unread = || Error::conflict(&format!("this process cannot read the release {}", proposal.version), proposal.id.0);
    let release = release.ok_or_else(unread)?;
    Ok((library, release))
}

/// The library with the files of one revision of a proposal, whether it is a release by now or not.
pub(crate) async fn library_with(app: &App, id: ProposalId, revision: u32) -> Result<Library> {
    let files = app.store.team_read().await?.files(id, revision).await?;
    files::beside(&app.library(), &files::sources(&files)?)
}

pub(crate) async fn locked(app: &App, id: ProposalId) -> Result<(TeamTx, Proposal)> {
    let tx = app.store.team().await?;
    let proposal = tx.locked_proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    Ok((tx, proposal))
}

/// Keeps what became of a proposal by a step, writes it down, and has whoever must act now told.
pub(crate) async fn keep(app: &App, tx: &TeamTx, who: &Caller, step: (&Proposal, &Proposal), reason: Option<String>) -> Result<()> {
    record(app, tx, who, step, (step.1.state.key(), reason)).await
}

/// The same, by what was done.
async fn record(
    app: &App,
    tx: &TeamTx,
    who: &Caller,
    (before, after): (&Proposal, &Proposal),
    (done, reason): (&str, Option<String>),
) -> Result<()> {
    tx.update_proposal(after).await?;
    let retold = before.title != after.title || before.why != after.why;
    let standing = |proposal: &Proposal| {
        let mut told = json!({"state": proposal.state.key(), "revision": proposal.revision, "version": proposal.version});
        if before.base != after.base {
            told["base"] = json!(proposal.base);
        }
        if retold {
            told["title"] = json!(proposal.title);
            told["why"] = json!(proposal.why);
        }
        told
    };
    let action = format!("proposal.{done}");
    let act = Act::about("proposal", after.id, &action).change(standing(before), standing(after)).because(reason);
    audit::write_team(app, tx, who, act).await?;
    if before.state != after.state {
        crate::notices::enqueue(tx, after, app.now()).await?;
    }
    Ok(())
}

/// A fault of one file, as a form shows it.
fn fault(at: &str, message: impl Into<String>) -> Error {
    Error::Invalid(Faults(vec![Fault::new(at, message)]))
}
