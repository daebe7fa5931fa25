//! One proposal: where it stands and whose turn it is, what it changes, its gate, and what was said.

use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::pages::staff::diffs::Diff;
use crate::pages::staff::gates::GateView;
use crate::pages::staff::people::Names;
use crate::requests::Path;
use crate::shell::Shell;
use crate::views::{moment, recently};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::proposals::{self, Changed, Step, Whole};
use app::{App, gates};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use domain::Timestamp;
use domain::audit::Actor;
use domain::gates::{SchemaChange, SchemaStep};
use domain::ids::ProposalId;
use domain::proposals::{Comment, ProposedFile, State as Stands};
use std::cmp::Ordering;
use std::collections::BTreeMap;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/prompts/proposals/{id}", get(one))
}

/// What somebody typed on the page.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    /// The revision they have read.
    #[serde(default)]
    pub(super) revision: u32,
    /// What they say.
    #[serde(default)]
    pub(super) text: String,
    /// Why the gate is set aside.
    #[serde(default)]
    pub(super) reason: String,
    /// Another version.
    #[serde(default)]
    pub(super) version: String,
}

#[derive(askama::Template)]
#[template(path = "staff/proposals/whole.html")]
pub(super) struct WholePage {
    shell: Shell,
    pub(super) wrong: Wrong,
    said: Option<&'static str>,
    typed: Typed,
    steps: Vec<Step>,
    whole: Whole,
    path: String,
    author: String,
    begun: String,
    /// Who brought it where it is, when, and why, where that is known.
    stands: Option<(String, String, Option<String>)>,
    version: String,
    base: String,
    production: String,
    /// Earlier revisions to compare with, and the one that is.
    revisions: Vec<u32>,
    since: Option<u32>,
    files: Vec<FileView>,
    schemas: Vec<String>,
    gate: Option<GateView>,
    talk: Vec<Said>,
}

/// One changed file.
struct FileView {
    path: String,
    anchor: String,
    is_new: bool,
    diff: Diff,
    /// Against what production serves, where that is another text.
    production: Option<Diff>,
}

impl FileView {
    fn of(number: usize, changed: &Changed, before: Option<&str>) -> Self {
        let Changed { path, text, production, .. } = changed;
        let other = production.as_deref().filter(|production| before.is_some_and(|before| before != *production));
        Self {
            anchor: format!("file-{number}"),
            is_new: before.is_none(),
            diff: Diff::of(format!("Changes of {path}"), before.unwrap_or_default(), text),
            production: other.map(|production| Diff::of(format!("{path} beside production"), production, text)),
            path: path.clone(),
        }
    }
}

/// Something that was said.
struct Said {
    by: String,
    at: String,
    revision: u32,
    /// What was done with it, to be read after who did it.
    did: Option<&'static str>,
    text: String,
}

impl Said {
    fn of(names: &Names, comment: &Comment) -> Self {
        let did = comment.step.as_deref().map(|step| match step {
            "approved" => "approved",
            "changes-requested" => "asked for changes of",
            "accepted" => "accepted in staging",
            "rejected" => "sent back from staging",
            _ => "decided about",
        });
        Self { by: names.first(comment.by), at: moment(comment.at), revision: comment.revision, did, text: comment.text.clone() }
    }
}

/// Who brought a proposal into its state, when, and why.
fn brought(state: &Stands) -> Option<(Actor, Timestamp, Option<String>)> {
    match state {
        Stands::ChangesRequested { by, at }
        | Stands::Approved { by, at }
        | Stands::Staged { by, at }
        | Stands::Accepted { by, at }
        | Stands::Live { by, at, .. }
        | Stands::Withdrawn { by, at } => Some((*by, *at, None)),
        Stands::Rejected { by, at, reason } | Stands::RolledBack { by, at, reason } => Some((*by, *at, Some(reason.clone()))),
        Stands::Draft | Stands::InReview { .. } | Stands::Settled { .. } => None,
    }
}

/// How an output changes, in a sentence.
pub(super) fn schema(change: &SchemaChange) -> String {
    let SchemaChange { section, step, paths } = change;
    match step {
        SchemaStep::Same => format!("{section} promises the same as before."),
        SchemaStep::Adds => format!("{section} promises more: {}. That is a minor step.", paths.join(", ")),
        SchemaStep::Breaks => format!("{section} breaks what readers rely on: {}. That is a major step.", paths.join(", ")),
    }
}

/// The files with their differences, which may take a while: elsewhere, so that nobody else waits for them.
async fn drawn(files: Vec<Changed>, earlier: Option<Vec<ProposedFile>>) -> app::Result<Vec<FileView>> {
    let draw = move || {
        let earlier: Option<BTreeMap<String, String>> = earlier.map(|files| files.into_iter().map(|file| (file.path, file.text)).collect());
        let before = |changed: &Changed| match &earlier {
            Some(files) => files.get(&changed.path).cloned(),
            None => changed.base.clone(),
        };
        let drawn = files.iter().enumerate().map(|(number, file)| FileView::of(number + 1, file, before(file).as_deref()));
        drawn.collect()
    };
    tokio::task::spawn_blocking(draw).await.map_err(|died| app::Error::Internal(died.to_string()))
}

/// How many cases a suite has, beside how many it had.
fn suite((name, had, has): &(String, usize, usize)) -> String {
    match had.cmp(has) {
        Ordering::Less => format!("{name} has {has} test cases, {had} before."),
        Ordering::Equal => format!("{name} has {has} test cases, as many as before."),
        Ordering::Greater => format!("{name} has {has} test cases only, {had} before: fewer are easier to pass."),
    }
}

impl WholePage {
    pub(super) async fn load(app: &App, visitor: &Visitor, id: ProposalId, since: Option<u32>) -> Result<Self, PageError> {
        let caller = &visitor.caller;
        let whole = proposals::get(app, caller, id).await?;
        let names = Names::load(app, caller).await?;
        let changes = proposals::changes(app, caller, id).await?;
        let earlier = match since {
            Some(revision) => Some(proposals::revision(app, caller, id, revision).await?),
            None => None,
        };
        let files = drawn(changes.files, earlier).await?;
        let proposal = &whole.proposal;
        let decides = !proposal.state.has_ended() && whole.faults.is_empty();
        let gate = if decides {
            match gates::of_proposal(app, caller, id).await {
                Ok(answer) => Some(GateView::of(&answer)),
                // A release this process cannot read has no gate here; what may be done with its proposal still can.
                Err(app::Error::Conflict { .. }) => None,
                Err(other) => return Err(other.into()),
            }
        } else {
            None
        };
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong: Wrong::default(),
            said: None,
            typed: Typed::default(),
            steps: proposals::possible(app, caller, proposal),
            path: paths::proposal(id),
            author: proposal.writers.iter().map(|by| names.of(*by)).collect::<Vec<_>>().join(" and "),
            begun: recently(proposal.created, app.now()),
            stands: brought(&proposal.state).map(|(by, at, reason)| (names.of(by), moment(at), reason)),
            version: proposal.version.to_string(),
            base: changes.base.to_string(),
            production: changes.production.to_string(),
            revisions: (1..proposal.revision).collect(),
            since,
            files,
            schemas: changes.schemas.iter().map(schema).chain(changes.suites.iter().map(suite)).collect(),
            gate,
            talk: whole.comments.iter().map(|comment| Said::of(&names, comment)).collect(),
            whole,
        })
    }

    /// The same after a form came in that could not be taken.
    pub(super) fn refused(self, wrong: Wrong, typed: Typed) -> Self {
        Self { wrong, typed, ..self }
    }

    /// Whether who looks may do this now.
    fn may(&self, step: &str) -> bool {
        let step = match step {
            "edit" => Step::Edit,
            "submit" => Step::Submit,
            "approve" => Step::Approve,
            "withdraw" => Step::Withdraw,
            "stage" => Step::Stage,
            "accept" => Step::Accept,
            "promote" => Step::Promote,
            "evaluate" => Step::Evaluate,
            "begin-again" => Step::BeginAgain,
            "override" => Step::Override,
            "request-changes" => Step::RequestChanges,
            "reject" => Step::Reject,
            _ => Step::Comment,
        };
        self.steps.contains(&step)
    }

    /// What is wrong with what was said, whichever button it was.
    fn said_fault(&self) -> Option<String> {
        let forms = ["comment", "approve", "request-changes", "accept", "reject"];
        forms.into_iter().find_map(|form| self.wrong.at(form, "text", "What you say"))
    }

    /// What is wrong with the version it was to move to.
    fn moved_fault(&self) -> Option<String> {
        self.wrong.all().filter(|_| self.wrong.is("move"))
    }

    fn is_open(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.open)
    }

    /// How a state is coloured; the word stands beside it.
    fn tone(&self) -> &'static str {
        match self.whole.proposal.state {
            Stands::ChangesRequested { .. } | Stands::Rejected { .. } | Stands::RolledBack { .. } => "caution",
            Stands::Approved { .. } | Stands::Accepted { .. } | Stands::Live { .. } | Stands::Settled { .. } => "ok",
            _ => "past",
        }
    }
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, query: Query) -> PageResult<Html<String>> {
    let page = WholePage::load(&app, &visitor, id(&text, "this proposal")?, query.id("since")).await?;
    let said = match query.get("done") {
        "begun" => Some("The proposal is kept as a draft. Submit it when it is ready to be read."),
        "saved" => Some("Saved. What was said of the revision before stays with that one."),
        "submit" => Some("It is in review. Whoever may review it is told by mail."),
        "comment" => Some("Your comment is kept."),
        "approve" => Some("You have approved it."),
        "request-changes" => Some("Its author is told what to mend."),
        "withdraw" => Some("It is withdrawn."),
        "evaluate" => {
            Some("Its eval is under way, and that of what production serves, where there is none yet. Reload this page for the gate.")
        }
        "stage" => Some("It is a release now, and staging serves it."),
        "accept" => Some("You have accepted it. A tech lead is told that it may go to production."),
        "reject" => Some("It is sent back. Its author can begin again from it."),
        "promote" => Some("Production serves it from now on, in every process. It is watched for 24 hours."),
        "move" => Some("It is of another version now."),
        _ => None,
    };
    render(&WholePage { said, ..page })
}
