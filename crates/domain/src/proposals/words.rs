//! What people say about a proposal: its title, its reason, remarks and verdicts, held to a length and to what a page can show.

use crate::faults::{Fault, Faults};
use crate::texts::prose;

/// The longest title, in characters.
const TITLE: usize = 120;
/// The longest text anybody writes about a proposal.
const TEXT: usize = 4_000;

/// Checks a proposal's title and its reason.
///
/// # Errors
/// Every fault of both.
pub fn about(title: &str, why: &str) -> Result<(String, String), Faults> {
    let mut faults = Faults::default();
    let title = faults.take(line("title", title));
    let why = faults.take(said("why", why));
    title.zip(why).filter(|_| faults.is_empty()).ok_or(faults)
}

fn line(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    match text.chars().count() {
        0..3 => Err(Fault::new(field, "say in a few words what changes").into()),
        length if length > TITLE => Err(Fault::new(field, format!("has {length} characters; at most {TITLE} are kept")).into()),
        _ if text.chars().any(char::is_control) => Err(Fault::new(field, "goes over one line only").into()),
        _ => Ok(text.to_owned()),
    }
}

/// Checks what somebody says about a proposal.
///
/// # Errors
/// When it says nothing, or too much.
pub fn said(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Fault::new(field, "is empty; say it in a sentence").into()),
        length if length > TEXT => Err(Fault::new(field, format!("has {length} characters; at most {TEXT} are kept")).into()),
        _ => prose(field, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_held_to_a_length() {
        assert!(about("ok", "why").is_err_and(|faults| faults.0.len() == 1));
        assert!(about("one\ntwo", " ").is_err_and(|faults| faults.0.len() == 2));
        assert!(said("text", "a\0b").is_err_and(|faults| faults.to_string().contains("U+0000")));
        assert!(about("Shorter goals", "a\0b").is_err());
        assert!(about(&"x".repeat(121), "why").is_err());
        assert_eq!(about(" Shorter goals ", " why ").expect("fits"), ("Shorter goals".into(), "why".into()));
    }
}
