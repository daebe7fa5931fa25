//! Free text that people type: what databases and pages can hold, whatever it is about.

use crate::faults::{Fault, Faults};

/// Reads a text of several lines: without space around it, with line ends of one kind.
///
/// # Errors
/// When there is a control character in it, which no database keeps alike and no page shows.
pub fn prose(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    match control(text) {
        Some(c) => Err(Fault::new(field, format!("contains a control character (U+{:04X}); type the text anew", c as u32)).into()),
        None => Ok(text.replace("\r\n", "\n")),
    }
}

/// The first character of a text of several lines that is neither to be read nor a space.
pub fn control(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_tabs_are_text_and_control_characters_are_not() {
        assert_eq!(prose("why", " one\r\n\ttwo\n ").expect("reads"), "one\n\ttwo");
        assert!(prose("why", "a\0b").is_err_and(|faults| faults.to_string().contains("U+0000")));
        assert_eq!(control("a\u{7}b"), Some('\u{7}'));
    }
}
