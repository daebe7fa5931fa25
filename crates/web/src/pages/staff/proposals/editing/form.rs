//! The form a proposal is written in: what was typed, field by field, and the page around it.

use super::super::previews::PreviewView;
use crate::pages::forms::Wrong;
use crate::pages::staff::diffs::Diff;
use crate::paths;
use crate::shell::Shell;
use crate::visitors::Visitor;
use app::App;
use app::proposals::{self, Preview, Wanted};
use app::releases;
use domain::faults::Fault;
use domain::ids::ProposalId;
use domain::proposals::ProposedFile;

/// What stands in the form.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) why: String,
    /// The revision it was made from; 0 for a new proposal.
    #[serde(default)]
    pub(super) revision: u32,
    /// The release it was made from.
    #[serde(default)]
    pub(super) base: String,
    /// The files' places, and beside each its text.
    #[serde(default)]
    pub(super) path: Vec<String>,
    #[serde(default)]
    text: Vec<String>,
    /// Places of files to leave out.
    #[serde(default)]
    remove: Vec<String>,
    /// Several files as one text.
    #[serde(default)]
    paste: String,
    /// A file of the library to take in.
    #[serde(default)]
    pub(super) add: String,
    /// The curated venture the prompts are rendered for.
    #[serde(default)]
    sample: String,
}

impl Typed {
    pub(super) fn from(wanted: Wanted, revision: u32) -> Self {
        let (path, text) = wanted.files.into_iter().map(|file| (file.path, file.text)).unzip();
        let base = wanted.base.map(|base| base.to_string()).unwrap_or_default();
        Self { title: wanted.title, why: wanted.why, base, revision, path, text, ..Self::default() }
    }

    pub(super) fn sample(&self) -> &str {
        &self.sample
    }

    /// The same form with these files.
    pub(super) fn holding(self, wanted: Wanted) -> Self {
        Self { sample: self.sample, ..Self::from(wanted, self.revision) }
    }

    /// The same as made from this revision; what was pasted has fields of its own, where it can be read.
    pub(super) fn unpacked(self, revision: u32) -> Self {
        let typed = Self { revision, ..self };
        match typed.wanted() {
            Ok(wanted) => typed.holding(wanted),
            Err(_) => typed,
        }
    }

    fn files(&self) -> impl Iterator<Item = ProposedFile> + '_ {
        // Browsers end lines of a text field as mail does.
        let file = |(path, text): (&String, &String)| ProposedFile { path: path.trim().to_owned(), text: text.replace("\r\n", "\n") };
        self.path.iter().zip(&self.text).map(file)
    }

    /// What is proposed: files that were pasted take the place of those that were there.
    pub(super) fn wanted(&self) -> app::Result<Wanted> {
        let mut files: Vec<ProposedFile> = self.files().filter(|file| !self.remove.contains(&file.path)).collect();
        if !self.paste.trim().is_empty() {
            for file in proposals::unbundled(&self.paste)? {
                files.retain(|there| there.path != file.path);
                files.push(file);
            }
        }
        let unreadable =
            |_| app::Error::Invalid(Fault::new("base", format!("\"{}\" is no version such as 1.0.0", self.base.trim())).into());
        let base = Some(self.base.as_str()).filter(|base| !base.trim().is_empty()).map(releases::version);
        let base = base.transpose().map_err(unreadable)?;
        Ok(Wanted { title: self.title.clone(), why: self.why.clone(), files, base, author: None })
    }
}

/// What somebody else has saved meanwhile, and how what was typed differs from it.
pub(super) struct Conflict {
    pub(super) revision: u32,
    files: Vec<(String, Diff)>,
}

impl Conflict {
    pub(super) fn of(revision: u32, theirs: &[ProposedFile], mine: &[ProposedFile]) -> Self {
        let text = |files: &[ProposedFile], path: &str| {
            files.iter().find(|file| file.path == path).map(|file| file.text.clone()).unwrap_or_default()
        };
        let mut paths: Vec<&String> = theirs.iter().chain(mine).map(|file| &file.path).collect();
        paths.sort();
        paths.dedup();
        let diff = |path: &String| (path.clone(), Diff::of(format!("{path}: theirs and yours"), &text(theirs, path), &text(mine, path)));
        Self { revision, files: paths.into_iter().map(diff).filter(|(_, diff)| !diff.is_empty()).collect() }
    }
}

#[derive(askama::Template)]
#[template(path = "staff/proposals/edit.html")]
pub(super) struct EditPage {
    shell: Shell,
    pub(super) wrong: Wrong,
    pub(super) conflict: Option<Conflict>,
    /// Where it is sent, checked, and given up.
    action: String,
    check: String,
    back: String,
    is_new: bool,
    typed: Typed,
    files: Vec<Field>,
    places: Vec<String>,
    samples: Vec<(String, String)>,
    preview: Option<PreviewView>,
}

/// One file's field.
struct Field {
    id: String,
    path: String,
    text: String,
    rows: usize,
    faults: Vec<String>,
}

impl EditPage {
    pub(super) fn of(
        app: &App,
        visitor: &Visitor,
        (id, typed): (Option<ProposalId>, Typed),
        places: Vec<String>,
        preview: Option<&Preview>,
    ) -> Self {
        let action = id.map_or_else(|| paths::NEW_PROPOSAL.to_owned(), |id| format!("{}/edit", paths::proposal(id)));
        let faults = |path: &str| match preview {
            Some(preview) => preview.faults.iter().filter(|fault| fault.field == path).map(|fault| fault.message.clone()).collect(),
            None => Vec::new(),
        };
        let field = |(number, file): (usize, ProposedFile)| Field {
            id: format!("file-{}", number + 1),
            rows: (file.text.lines().count() + 2).clamp(8, 40),
            faults: faults(&file.path),
            path: file.path,
            text: file.text,
        };
        Self {
            shell: Shell::of(app, visitor),
            wrong: Wrong::default(),
            conflict: None,
            check: id.map_or_else(|| format!("{}/check", paths::NEW_PROPOSAL), |id| format!("{}/check", paths::proposal(id))),
            back: id.map_or_else(|| paths::PROMPTS.to_owned(), paths::proposal),
            is_new: id.is_none(),
            action,
            files: typed.files().enumerate().map(field).collect(),
            places,
            samples: proposals::samples(app),
            preview: preview.map(PreviewView::of),
            typed,
        }
    }

    /// The same after it came in and could not be kept.
    pub(super) fn refused(self, wrong: Wrong, conflict: Option<Conflict>) -> Self {
        Self { wrong, conflict, ..self }
    }

    fn is_sample(&self, id: &str) -> bool {
        self.typed.sample == id
    }

    fn is_left_out(&self, path: &String) -> bool {
        self.typed.remove.contains(path)
    }

    /// What is wrong and stands at none of the fields.
    fn whole(&self) -> Vec<String> {
        let at = ["files", "version", "add"].into_iter().filter_map(|field| self.wrong.at("edit", field, &format!("The {field}")));
        self.wrong.whole("edit").map(str::to_owned).into_iter().chain(at).collect()
    }
}
