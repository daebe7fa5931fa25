//! How one text differs from another, line by line, and inside a changed line word by word.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::time::{Duration, Instant};

/// How long the shortest difference of two texts is looked for; one that is found by then may be longer, and is as true.
const ENOUGH: Duration = Duration::from_millis(200);

/// Where a line or a part of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// In both.
    Both,
    /// In the text before only.
    Before,
    /// In the text after only.
    After,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it stands.
    pub side: Side,
    /// Its number in the text before, from 1.
    pub before: Option<usize>,
    /// Its number in the text after, from 1.
    pub after: Option<usize>,
    /// Its parts in order, each with whether it is what differs.
    pub parts: Vec<(bool, String)>,
}

/// Lines of one place, with lines around them that are in both.
pub type Hunk = Vec<Line>;

/// The places in which two texts differ, each with so many lines around it; none where they are the same.
pub fn diff(before: &str, after: &str, around: usize) -> Vec<Hunk> {
    let deadline = Instant::now() + ENOUGH;
    let diff = TextDiff::configure().deadline(deadline).diff_lines(before, after);
    let changes =
        |op: &similar::DiffOp| diff.iter_inline_changes_deadline(op, Some(deadline)).map(|change| line(&change)).collect::<Hunk>();
    let hunk = |group: &Vec<similar::DiffOp>| group.iter().flat_map(changes).collect();
    diff.grouped_ops(around).iter().map(hunk).collect()
}

fn line(change: &similar::InlineChange<'_, str>) -> Line {
    let side = match change.tag() {
        ChangeTag::Equal => Side::Both,
        ChangeTag::Delete => Side::Before,
        ChangeTag::Insert => Side::After,
    };
    let parts = change.iter_strings_lossy().map(|(differs, text)| (differs, text.trim_end_matches(['\n', '\r']).to_owned()));
    Line {
        side,
        before: change.old_index().map(|index| index + 1),
        after: change.new_index().map(|index| index + 1),
        parts: parts.filter(|(_, text)| !text.is_empty()).collect(),
    }
}

/// The difference as `diff -u` writes it, without a head.
pub fn unified(before: &str, after: &str) -> String {
    TextDiff::configure().timeout(ENOUGH).diff_lines(before, after).unified_diff().context_radius(3).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_that_differ_are_marked() {
        let hunks = diff("one\nWrite five goals.\nthree\n", "one\nWrite four goals.\nthree\n", 1);
        let lines = &hunks[0];
        assert_eq!(lines.iter().map(|line| line.side).collect::<Vec<_>>(), [Side::Both, Side::Before, Side::After, Side::Both]);
        let marked = |line: &Line| line.parts.iter().filter(|(differs, _)| *differs).map(|(_, text)| text.clone()).collect::<String>();
        assert_eq!((marked(&lines[1]).as_str(), marked(&lines[2]).as_str()), ("five", "four"));
        assert_eq!((lines[1].before, lines[2].after), (Some(2), Some(2)));
        assert!(diff("same\n", "same\n", 3).is_empty());
    }

    #[test]
    fn texts_with_nothing_in_common_are_compared_in_time() {
        let lines = |seed: u64| (0..60_000_u64).map(|n| format!("{:x}", (n * 7 + seed) % 4_093)).collect::<Vec<_>>().join("\n");
        let (before, after) = (lines(1), lines(2_222));
        let began = Instant::now();
        let hunks = diff(&before, &after, 3);
        assert!(!hunks.is_empty() && !unified(&before, &after).is_empty());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
