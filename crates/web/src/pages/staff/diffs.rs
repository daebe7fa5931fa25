//! How one text differs from another, as pages show it; and one text with its lines numbered.

use prompts::diffs::{self, Hunk, Line, Side};

/// Lines around what differs.
const AROUND: usize = 3;

/// A difference of two texts, drawn: marked words, not lines alone.
#[derive(askama::Template)]
#[template(path = "parts/diff.html")]
pub(crate) struct Diff {
    label: String,
    hunks: Vec<Hunk>,
    /// Lines that are in one of them only: added and removed.
    counts: (usize, usize),
}

impl Diff {
    /// What `after` has that `before` has not, and the other way round. The label says for a screen reader what is compared.
    pub(crate) fn of(label: impl Into<String>, before: &str, after: &str) -> Self {
        let hunks = diffs::diff(before, after, AROUND);
        let lines = |side| hunks.iter().flatten().filter(|line: &&Line| line.side == side).count();
        let counts = (lines(Side::After), lines(Side::Before));
        Self { label: label.into(), hunks, counts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }

    pub(crate) const fn added(&self) -> usize {
        self.counts.0
    }

    pub(crate) const fn removed(&self) -> usize {
        self.counts.1
    }

    /// Its class, its sign, and what that is in words.
    fn kind(line: &Line) -> (&'static str, &'static str, &'static str) {
        match line.side {
            Side::Both => ("both", "", ""),
            Side::Before => ("before", "−", "removed: "),
            Side::After => ("after", "+", "added: "),
        }
    }

    fn number(line: &Line) -> usize {
        line.after.or(line.before).unwrap_or_default()
    }
}

/// A text with its lines numbered.
#[derive(askama::Template)]
#[template(path = "parts/source.html")]
pub(crate) struct Source {
    label: String,
    /// Each line: a key at its beginning, where it has one, and the rest.
    lines: Vec<(String, String)>,
}

impl Source {
    pub(crate) fn of(label: impl Into<String>, text: &str) -> Self {
        Self { label: label.into(), lines: text.lines().map(keyed).collect() }
    }
}

/// `systemPrompt: |` is a key and what follows; a line that is further in has none.
fn keyed(line: &str) -> (String, String) {
    match line.split_once(':') {
        Some((key, rest)) if !key.is_empty() && key.chars().all(char::is_alphanumeric) => (format!("{key}:"), rest.to_owned()),
        _ => (String::new(), line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use askama::Template as _;

    #[test]
    fn words_that_differ_are_marked_and_nothing_is_markup() {
        let diff = Diff::of("swot", "a\nWrite <b>five</b> goals.\n", "a\nWrite <b>four</b> goals.\n");
        assert_eq!((diff.added(), diff.removed(), diff.is_empty()), (1, 1, false));
        let html = diff.render().expect("renders");
        assert!(html.contains("<del>") && html.contains("five") && html.contains("<ins>") && html.contains("four"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
        assert!(Diff::of("same", "a\n", "a\n").render().expect("renders").contains("no difference"));
    }

    #[test]
    fn a_key_stands_at_the_beginning_of_its_line() {
        assert_eq!(keyed("systemPrompt: |"), ("systemPrompt:".into(), " |".into()));
        assert_eq!(keyed("  Rules: be kind"), (String::new(), "  Rules: be kind".into()));
        assert_eq!(keyed("- vars: {}"), (String::new(), "- vars: {}".into()));
    }
}
