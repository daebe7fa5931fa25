//! Regular expressions of JavaScript: those that mean the same to the `regex` crate are run by it, which is a thousand times faster and
//! never takes for ever; all others by the engine. The patterns of a run are kept, since the same one judges many outputs.

use crate::script::{Limits, ScriptError, matches};
use regex::Regex;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Patterns that are kept; more than a suite has, unless every case has its own.
const KEPT: usize = 512;

/// Patterns that were used before; nothing for those the engine must run.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Mutex<HashMap<String, Option<Arc<Regex>>>>);

impl Patterns {
    /// Whether a pattern is found in a text, or why it cannot be used.
    pub async fn find(&self, pattern: &str, text: &str, limits: &Limits) -> Result<bool, ScriptError> {
        // JavaScript cuts signs beyond the basic plane into two.
        if let Some(regex) = self.native(pattern).filter(|_| text.chars().all(|c| c <= '\u{ffff}')) {
            return Ok(regex.is_match(text));
        }
        matches(pattern, text, limits).await
    }

    fn native(&self, pattern: &str) -> Option<Arc<Regex>> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = kept.get(pattern) {
            return known.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let native = translated(pattern).and_then(|text| Regex::new(&text).ok()).map(Arc::new);
        kept.insert(pattern.to_owned(), native.clone());
        native
    }
}

const SPACE: &str = r"\t\n\x0b\x0c\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}";
const WORD: &str = "0-9A-Za-z_";

/// The same pattern for the `regex` crate, if it is one whose every part means the same there.
fn translated(pattern: &str) -> Option<String> {
    let mut rest = pattern.chars().peekable();
    let mut made = String::with_capacity(pattern.len() + 16);
    let mut before = Before::Nothing;
    while let Some(c) = rest.next() {
        before = before.then(c, rest.peek().copied())?;
        match c {
            '\\' => made.push_str(&escape(rest.next()?, false)?),
            '[' => made.push_str(&class(&mut rest)?),
            '.' => made.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            '(' => {
                made.push('(');
                // Of the groups that begin with a question mark, only those that are not caught.
                if rest.peek() == Some(&'?') {
                    rest.next();
                    (rest.next()? == ':').then_some(())?;
                    made.push_str("?:");
                }
            }
            '{' => made.push_str(&count(&mut rest)?),
            ']' | '}' => return None,
            '^' | '$' | '|' | ')' | '*' | '+' | '?' => made.push(c),
            c if c > '\u{ffff}' => return None,
            c => made.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Some(made)
}

/// What stands before a sign: JavaScript refuses what repeats nothing, or a repetition.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Atom,
    Repeated,
}

impl Before {
    /// What a sign makes of it; nothing where it must not stand.
    fn then(self, c: char, next: Option<char>) -> Option<Self> {
        Some(match (c, self) {
            ('*' | '+' | '{' | '?', Self::Atom) => Self::Repeated,
            // A question mark behind a repetition: as few as possible.
            ('?', Self::Repeated) | ('^' | '$' | '|' | '(', _) => Self::Nothing,
            ('*' | '+' | '{' | '?', _) => return None,
            ('\\', _) if next == Some('b') => Self::Nothing,
            _ => Self::Atom,
        })
    }
}

fn escape(c: char, in_class: bool) -> Option<String> {
    let set = |inside: &str, negated: bool| match (in_class, negated) {
        (true, false) => inside.to_owned(),
        (_, negated) => format!("[{}{inside}]", if negated { "^" } else { "" }),
    };
    Some(match c {
        'd' => set("0-9", false),
        'D' => set("0-9", true),
        'w' => set(WORD, false),
        'W' => set(WORD, true),
        's' => set(SPACE, false),
        'S' => set(SPACE, true),
        'b' if !in_class => r"(?-u:\b)".into(),
        'n' | 't' | 'r' | 'f' | 'v' => format!("\\{c}"),
        c if c.is_ascii_punctuation() => format!("\\x{:02x}", c as u32),
        _ => return None,
    })
}

/// A class, from behind its opening bracket.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut made = String::from("[");
    if rest.peek() == Some(&'^') {
        rest.next();
        made.push('^');
    }
    let mut items: Vec<(String, bool)> = Vec::new();
    loop {
        match rest.next()? {
            ']' => break,
            '\\' => {
                let c = rest.next()?;
                items.push((escape(c, true)?, c.is_ascii_alphabetic() && !matches!(c, 'n' | 't' | 'r' | 'f' | 'v')));
            }
            '-' => items.push(("-".into(), false)),
            c if c > '\u{ffff}' => return None,
            c => items.push((format!("\\x{{{:x}}}", c as u32), false)),
        }
    }
    // An empty class means nothing, or anything, in JavaScript alone.
    (!items.is_empty()).then_some(())?;
    for (at, (item, _)) in items.iter().enumerate() {
        let ends = at == 0 || at + 1 == items.len();
        match item.as_str() {
            "-" if ends => made.push_str("\\-"),
            // A range whose end is a set is one of JavaScript's oddities.
            "-" if items[at - 1].1 || items[at + 1].1 => return None,
            "-" => made.push('-'),
            text => made.push_str(text),
        }
    }
    made.push(']');
    Some(made)
}

/// How often, from behind the opening brace.
fn count(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let inside: String = rest.by_ref().take_while(|c| *c != '}').collect();
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |text: &str| text.len() < 4 && text.chars().all(|c| c.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then(|| format!("{{{inside}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_means_the_same_is_translated() {
        for pattern in [
            r"^\d{4}-\d{2}$",
            r"[a-z.]+@\w+",
            r"(?:a|b)*?",
            r"\$\d+(\.\d\d)?",
            r"[\w-]+",
            r"a\/b",
            "é+",
            "a+?b*?c??d{2}?",
            "(a|b)+",
            r"\b\w+\b",
        ] {
            assert!(translated(pattern).is_some_and(|p| Regex::new(&p).is_ok()), "{pattern}");
        }
        for pattern in [
            r"(a)\1", "(?=a)", "(?<n>a)", "(?i)a", "[]", "[^]", "a{,2}", "]", r"\p{L}", r"[\d-x]", r"\u00e9", "🎉", r"\cJ", r"\d++", "a**",
            "x{2}{3}", "^*", r"\b+", "a|*b", "(*a)", "a??+", "{2}", "(?:?)",
        ] {
            assert!(translated(pattern).is_none(), "{pattern}");
        }
    }

    fn engine(pattern: &str, text: &str) -> Result<bool, ScriptError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(matches(pattern, text, &Limits::default()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn both_engines_agree(pattern in "(\\\\d|\\\\w|\\\\s|\\\\b|[ab.]|\\[[ab-]{1,3}\\]|\\(a\\|b\\)|[a-c][*+?]|\\^|\\$|[*+?]|\\{2\\}){1,6}", text in "[a-c1 _\\n\u{e9}\u{2028}-]{0,8}") {
            if let Some(native) = translated(&pattern).and_then(|p| Regex::new(&p).ok()) {
                match engine(&pattern, &text) {
                    Ok(found) => prop_assert_eq!(native.is_match(&text), found, "{} on {:?}", pattern, text),
                    Err(why) => prop_assert!(false, "{} is refused by JavaScript and was translated: {}", pattern, why),
                }
            }
        }
    }
}
