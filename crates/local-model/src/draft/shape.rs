//! What the examples look like at one place: the form that a draft has to have there too.

use super::judge::titled;
use super::text;

/// What the examples look like at one place, which a draft has to look like too.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an observation of its own about the examples")]
pub(crate) struct Shape {
    /// Mean and longest count of words.
    pub words: f32,
    pub longest: usize,
    /// Sentences of the middle example.
    pub sentences: usize,
    /// They end as sentences do.
    pub closed: bool,
    /// They ask.
    pub asks: bool,
    /// Most have a figure in them.
    pub figures: bool,
    /// The share of them that names its own product.
    pub naming: f32,
    /// Most words begin with a capital.
    pub titled: bool,
    /// The first word does.
    pub capital: bool,
}

impl Shape {
    pub fn of(values: &[&str]) -> Self {
        let most = |test: &dyn Fn(&&&str) -> bool| values.iter().filter(test).count() * 2 > values.len();
        let counts: Vec<usize> = values.iter().map(|value| text::words(value).len()).collect();
        let mut sentences: Vec<usize> = values.iter().map(|value| text::sentences(value).len()).collect();
        sentences.sort_unstable();
        Self {
            words: text::ratio(counts.iter().sum(), counts.len()),
            longest: counts.iter().copied().max().unwrap_or(20),
            sentences: sentences.get(sentences.len() / 2).copied().unwrap_or(1).max(1),
            closed: values.is_empty() || most(&|value| text::ends_as_sentence(value)),
            figures: most(&|value| value.contains(|c: char| c.is_ascii_digit())),
            naming: 1.0,
            asks: most(&|value| value.ends_with('?')),
            capital: most(&|value| value.starts_with(char::is_uppercase)),
            titled: most(&|value| titled(value)),
        }
    }

    /// A name or a keyword, no sentence.
    pub fn is_label(&self) -> bool {
        !self.closed && self.words <= 8.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_from_examples() {
        let labels = Shape::of(&["Pine Green", "Two-Lantern Pack"]);
        assert!(labels.is_label() && labels.titled);
        let lines = Shape::of(&["She rents a flat.", "She camps often."]);
        assert!(lines.closed && !lines.is_label());
    }
}
