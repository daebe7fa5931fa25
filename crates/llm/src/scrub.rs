//! Takes secrets out of what is written down: those that are known, and whatever looks like one.

use regex::{Captures, Regex, RegexSet};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What stands in a secret's place.
pub(crate) const SECRET: &str = "[secret]";

/// A value that is shorter is no secret, and would take words out of every text.
const SHORTEST: usize = 6;

/// Keys as the well-known services write them, and what follows the words that announce one. The first group, where there is one, stays.
const PATTERNS: [&str; 6] = [
    r"()\bsk-[A-Za-z0-9_-]{16,}",
    r"()\bAIza[A-Za-z0-9_-]{30,}",
    r"()\b(?:ghp|gho|ghs|github_pat|xox[abp]|hf|pk-lf|sk-lf)[-_][A-Za-z0-9_-]{16,}",
    r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r#"(?i)(\bauthorization[\\"']*\s*[:=]\s*[\\"']*)(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}"#,
    r"()(?i:\b(?:bearer|basic))\s+[A-Za-z0-9+/=._~-]{12,}",
];
static LOOKS: LazyLock<Vec<Regex>> = LazyLock::new(|| PATTERNS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect());
/// The same at once: most texts have nothing of the kind, and one look finds that out.
static ANY: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(PATTERNS).ok());

/// Whether what looks like a key is one, and no prose: "basic requirements" has neither figures nor capitals in its midst. Behind the name
/// of the header everything is one.
fn is_key(found: &str) -> bool {
    let has = |test: fn(&char) -> bool| found.chars().skip(1).any(|c| test(&c));
    let worded = ["bearer", "basic"].iter().any(|word| found.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    has(char::is_ascii_digit) && (!worded || (has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase)))
}

/// Takes secrets out of texts and values.
#[derive(Debug, Clone)]
pub struct Scrubber {
    secrets: Secrets,
    /// Names of fields that stay as they are, because they are those of a form.
    form: &'static [&'static str],
}

/// Longest first, so that no part of one is left over.
#[derive(Clone)]
struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Scrubber {
    /// One that knows these secrets; what is too short to be one is left out.
    pub fn new(secrets: Vec<String>) -> Self {
        let mut known: Vec<String> = secrets.into_iter().filter(|secret| secret.trim().len() >= SHORTEST).collect();
        // A secret may stand inside JSON that is itself a text, or inside an address.
        let escaped: Vec<String> = known.iter().flat_map(|secret| [in_json(secret), in_address(secret)]).collect();
        known.extend(escaped);
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.dedup();
        Self { secrets: Secrets(known), form: &[] }
    }

    /// The same for values of a form: of its own names none is changed, even if a secret is called like one.
    #[must_use]
    pub fn keeping(self, form: &'static [&'static str]) -> Self {
        Self { form, ..self }
    }

    /// A text without known secrets, and without what looks like one.
    pub fn text(&self, text: &str) -> String {
        self.cleaned(text).into_owned()
    }

    fn cleaned<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = self.known(text);
        if ANY.as_ref().is_some_and(|any| !any.is_match(&clean)) {
            return clean;
        }
        for looks in LOOKS.iter() {
            if looks.is_match(&clean) {
                let kept = |found: &Captures<'_>| {
                    let (whole, before) = (found.get(0).map_or("", |m| m.as_str()), found.get(1).map_or("", |m| m.as_str()));
                    if !before.is_empty() || is_key(whole) { format!("{before}{SECRET}") } else { whole.to_owned() }
                };
                clean = Cow::Owned(looks.replace_all(&clean, kept).into_owned());
            }
        }
        clean
    }

    /// A text without known secrets alone: of two texts that are different none becomes the other by its looks.
    pub(crate) fn known<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in &self.secrets.0 {
            if clean.contains(secret.as_str()) {
                clean = Cow::Owned(clean.replace(secret.as_str(), SECRET));
            }
        }
        clean
    }

    /// Every text inside a value, names of fields too unless they are the form's.
    pub fn value(&self, value: Value) -> Value {
        self.mapped(value, &|text| self.cleaned(text))
    }

    /// Every text inside a value without known secrets.
    pub(crate) fn known_value(&self, value: Value) -> Value {
        self.mapped(value, &|text| self.known(text))
    }

    fn mapped(&self, value: Value, clean: &Clean<'_>) -> Value {
        match value {
            Value::String(own) => Value::String(changed(own, clean)),
            Value::Array(items) => items.into_iter().map(|item| self.mapped(item, clean)).collect(),
            Value::Object(fields) => {
                let name = |own: String| if self.form.contains(&own.as_str()) { own } else { changed(own, clean) };
                Value::Object(fields.into_iter().map(|(own, value)| (name(own), self.mapped(value, clean))).collect())
            }
            other => other,
        }
    }
}

type Clean<'a> = dyn for<'t> Fn(&'t str) -> Cow<'t, str> + 'a;

/// The text itself where nothing in it has to change.
fn changed(own: String, clean: &Clean<'_>) -> String {
    match clean(&own) {
        Cow::Borrowed(_) => own,
        Cow::Owned(changed) => changed,
    }
}

fn in_json(secret: &str) -> String {
    Value::from(secret).to_string().trim_matches('"').to_owned()
}

fn in_address(secret: &str) -> String {
    secret
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn known_secrets_and_what_looks_like_one_are_gone() {
        let scrubber = Scrubber::new(vec!["pass word/1".into(), "no".into()]);
        for (text, clean) in [
            ("a pass word/1 b", "a [secret] b"),
            ("?key=pass%20word%2F1&n=no", "?key=[secret]&n=no"),
            ("Authorization: Bearer abcdefghijkl.mno", "Authorization: [secret]"),
            ("sk-abcdefghijklmnop1234 is mine", "[secret] is mine"),
            ("a basic idea of candles", "a basic idea of candles"),
            ("the basic requirements of", "the basic requirements of"),
            ("Basic understanding2 of bearer instruments", "Basic understanding2 of bearer instruments"),
            ("Basic JavaScript/TypeScript", "Basic JavaScript/TypeScript"),
            ("send Bearer aB3defghijklmno there", "send [secret] there"),
            (r#"{\"authorization\": \"Basic requirements\"}"#, r#"{\"authorization\": \"[secret]\"}"#),
            ("sk-is-the-code-of-slovak-texts", "sk-is-the-code-of-slovak-texts"),
        ] {
            assert_eq!(scrubber.text(text), clean);
        }
        assert!(!format!("{scrubber:?}").contains("pass word"));
    }

    #[test]
    fn names_of_fields_are_texts_too_but_those_of_a_form_stay() {
        let scrubber = Scrubber::new(vec!["prompt".into(), "hidden".into()]);
        let value = || json!({"promptIdx": "a prompt", "my hidden name": {"output": ["hidden"]}});
        assert_eq!(scrubber.value(value()), json!({"[secret]Idx": "a [secret]", "my [secret] name": {"output": ["[secret]"]}}));
        let scrubber = scrubber.keeping(&["promptIdx", "output"]);
        assert_eq!(scrubber.value(value()), json!({"promptIdx": "a [secret]", "my [secret] name": {"output": ["[secret]"]}}));
    }
}
