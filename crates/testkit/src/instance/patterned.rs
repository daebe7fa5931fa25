//! Texts of a fixed form: colours, slugs, codes, addresses. Which one is wanted is read off the pattern, the format, the
//! description and at last the name.

use super::lengths;
use super::texts::{Words, fit, letters, shorten};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Sentence,
    Slug,
    Sku,
    Hashtag,
    Colour,
    Currency,
    PriceRange,
    Uri,
    Email,
    Date,
    DateTime,
    Time,
    Uuid,
    Version,
    Font,
    FirstName,
    Word,
    Digits(usize),
}

/// An example of each form to try a pattern on; the first that matches is the form.
const SAMPLES: [(&str, Form); 15] = [
    ("Boots sell well.", Form::Sentence),
    ("hiking-boots", Form::Slug),
    ("BOOTS-01", Form::Sku),
    ("#HikingBoots", Form::Hashtag),
    ("#1F6B4A", Form::Colour),
    ("$24-$38", Form::PriceRange),
    ("2026-03-02", Form::Date),
    ("2026-03-02T09:00:00Z", Form::DateTime),
    ("09:00", Form::Time),
    ("1.0.2", Form::Version),
    ("https://shop.example/boots", Form::Uri),
    ("shop@example.com", Form::Email),
    ("00000000-0000-4000-8000-000000000001", Form::Uuid),
    ("boots", Form::Word),
    ("Maya", Form::FirstName),
];

const FORMATS: [(&str, Form); 17] = [
    ("hex-color", Form::Colour),
    ("color", Form::Colour),
    ("slug", Form::Slug),
    ("sku", Form::Sku),
    ("currency", Form::Currency),
    ("font", Form::Font),
    ("hashtag", Form::Hashtag),
    ("price-range", Form::PriceRange),
    ("uri", Form::Uri),
    ("url", Form::Uri),
    ("uri-reference", Form::Uri),
    ("email", Form::Email),
    ("date", Form::Date),
    ("date-time", Form::DateTime),
    ("time", Form::DateTime),
    ("uuid", Form::Uuid),
    ("semver", Form::Version),
];

/// Words in a description, in small letters.
const DESCRIPTIONS: [(&str, Form); 9] = [
    ("iso 4217", Form::Currency),
    ("two prices", Form::PriceRange),
    ("colour such as", Form::Colour),
    ("color such as", Form::Colour),
    ("words joined by hyphens", Form::Slug),
    ("digits joined by hyphens", Form::Sku),
    ("available font", Form::Font),
    ("a hashtag", Form::Hashtag),
    ("absolute url", Form::Uri),
];

/// Dark and light in turn, so that neighbours can be told apart.
const COLOURS: [&str; 8] = ["#1F6B4A", "#F2E8D5", "#C2410C", "#E0F2FE", "#1E3A8A", "#FDE68A", "#111827", "#FBCFE8"];
const FONTS: [&str; 6] = ["Lora", "Inter", "Work Sans", "Playfair Display", "Nunito", "Source Serif 4"];
const NAMES: [&str; 8] = ["Maya", "Tomas", "Aiko", "Lena", "Samuel", "Priya", "Noor", "Elias"];
const TAGS: [&str; 8] = ["", "Launch", "Makers", "Daily", "Gift", "Story", "Local", "Care"];

/// The form a schema asks for.
pub(super) fn form(schema: &Value, key: &str) -> Form {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if let Some(form) = text("pattern").and_then(by_pattern) {
        return form;
    }
    let format = text("format").and_then(|format| FORMATS.iter().find(|(name, _)| *name == format));
    let description = text("description").map(str::to_lowercase).unwrap_or_default();
    let described = || DESCRIPTIONS.iter().find(|(words, _)| description.contains(words));
    if let Some((_, form)) = format.or_else(described) {
        return *form;
    }
    if key == "name" && lengths(schema).1 <= 40 { Form::FirstName } else { Form::Sentence }
}

fn by_pattern(pattern: &str) -> Option<Form> {
    let pattern = Regex::new(pattern).ok()?;
    let sample = SAMPLES.iter().find(|(sample, _)| pattern.is_match(sample)).map(|(_, form)| *form);
    let code = || pattern.is_match("USD").then_some(Form::Currency);
    let digits = || (1..=12).find(|width| pattern.is_match(&digits(*width, 0))).map(Form::Digits);
    sample.or_else(code).or_else(digits)
}

impl Form {
    /// Whether equal values beside each other are as they should be.
    pub(super) const fn repeats(self) -> bool {
        matches!(self, Self::Currency)
    }

    /// The `number`-th text of this form, within the lengths where the form can be stretched.
    pub(super) fn text(self, words: &Words, number: usize, least: usize, most: usize) -> String {
        let day = number % 28 + 1;
        match self {
            Self::Sentence => fit(&words.product, least, most),
            Self::Slug => stretched(&slug(words), &counted(number), least, most),
            Self::Sku => stretched(&sku(words), &format!("-{:02}", number + 1), least, most),
            Self::Hashtag => hashtag(words, number, most),
            Self::Colour => COLOURS.get(number).map_or_else(|| format!("#{:06X}", (number * 0x2F_1B37) & 0xFF_FFFF), |c| (*c).to_owned()),
            Self::Currency => words.currency.clone(),
            Self::PriceRange => price_range(&words.currency, number),
            Self::Uri => format!("https://example.com/{}{}", slug(words), counted(number)),
            Self::Email => format!("shop{number}@example.com"),
            Self::Date => format!("2026-{:02}-{day:02}", number / 28 % 12 + 1),
            Self::DateTime => format!("2026-{:02}-{day:02}T09:00:00Z", number / 28 % 12 + 1),
            Self::Time => format!("{:02}:{:02}", (9 + number / 60) % 24, number % 60),
            Self::Uuid => format!("00000000-0000-4000-8000-{:012}", number + 1),
            Self::Version => format!("1.0.{number}"),
            Self::Font => FONTS[number % FONTS.len()].to_owned(),
            Self::FirstName => NAMES[number % NAMES.len()].to_owned(),
            Self::Word => stretched("item", &letters(number).to_lowercase(), least, most).replace('-', "x"),
            Self::Digits(width) => digits(width, number),
        }
    }
}

fn digits(width: usize, number: usize) -> String {
    let text = format!("{:0width$}", 123_456_789_012_usize + number);
    text[text.len() - width..].to_owned()
}

/// Nothing for the first, `-2` for the second.
fn counted(number: usize) -> String {
    if number == 0 { String::new() } else { format!("-{}", number + 1) }
}

/// `base` and `tail` in `least` to `most` characters, all of them one byte, without a hyphen at an end.
fn stretched(base: &str, tail: &str, least: usize, most: usize) -> String {
    let room = most.saturating_sub(tail.len()).min(48);
    let mut text = base[..base.len().min(room)].trim_end_matches('-').to_owned();
    text.push_str(tail);
    while text.len() < least {
        text.push('0');
    }
    text.truncate(most);
    text.trim_matches('-').to_owned()
}

static NO_TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[^\p{L}\p{N}_]+").expect("a constant pattern compiles"));

/// The product's words of plain letters and digits.
fn plain_words(words: &Words) -> Vec<String> {
    let plain = words.product.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    let plain: Vec<String> = plain.take(6).collect();
    if plain.is_empty() { vec!["shop".to_owned(), "item".to_owned()] } else { plain }
}

fn slug(words: &Words) -> String {
    plain_words(words).join("-")
}

fn sku(words: &Words) -> String {
    let parts: Vec<String> =
        plain_words(words).iter().filter(|word| word.len() > 2).take(3).map(|word| word[..word.len().min(4)].to_uppercase()).collect();
    if parts.is_empty() { "ITEM".to_owned() } else { parts.join("-") }
}

fn hashtag(words: &Words, number: usize, most: usize) -> String {
    let tail = TAGS.get(number).map_or_else(|| number.to_string(), |tag| (*tag).to_owned());
    let room = most.saturating_sub(1 + tail.chars().count()).min(30);
    let name: String = shorten(&words.product, 30)
        .split_whitespace()
        .map(|word| NO_TAG.replace_all(word, "").into_owned())
        .map(|word| capital(&word))
        .collect();
    let name: String = name.chars().take(room).collect();
    if name.is_empty() && tail.is_empty() { "#Shop".to_owned() } else { format!("#{name}{tail}") }
}

fn capital(word: &str) -> String {
    let mut rest = word.chars();
    rest.next()
        .map_or_else(String::new, |first| if first.is_ascii() { first.to_ascii_uppercase() } else { first }.to_string() + rest.as_str())
}

fn price_range(currency: &str, number: usize) -> String {
    let (low, high) = (24 + 5 * number, 38 + 7 * number);
    match currency {
        "USD" => format!("${low}-${high}"),
        "EUR" => format!("€{low}-€{high}"),
        "GBP" => format!("£{low}-£{high}"),
        "JPY" => format!("¥{low}00-¥{high}00"),
        other => format!("{low}-{high} {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_formats_and_words_lead_to_a_form() {
        for (schema, wanted) in [
            (json!({"pattern": r"^[a-z0-9]+(-[a-z0-9]+)*$"}), Form::Slug),
            (json!({"pattern": r"^[A-Z0-9]+(-[A-Z0-9]+)*$"}), Form::Sku),
            (json!({"pattern": r"^#[0-9A-Fa-f]{6}$"}), Form::Colour),
            (json!({"pattern": r"^[A-Z]{3}$"}), Form::Currency),
            (json!({"pattern": r"^#[\p{L}\p{N}_]+$"}), Form::Hashtag),
            (json!({"pattern": r"^\d{4}$"}), Form::Digits(4)),
            (json!({"pattern": r"^\d{4}-\d{2}-\d{2}$"}), Form::Date),
            (json!({"pattern": r"\S"}), Form::Sentence),
            (json!({"description": "two prices with currency, such as $24-$38"}), Form::PriceRange),
            (json!({"description": "ISO 4217 code"}), Form::Currency),
            (json!({"description": "a colour such as #1f6b4a; at most 7 characters"}), Form::Colour),
            (json!({"description": "name of a freely available font"}), Form::Font),
            (json!({"format": "uri"}), Form::Uri),
            (json!({"description": "what it costs"}), Form::Sentence),
        ] {
            assert_eq!(form(&schema, "value"), wanted, "{schema}");
        }
        assert_eq!(form(&json!({"maxLength": "40"}), "name"), Form::FirstName);
    }

    #[test]
    fn forms_fit_products_in_any_script() {
        for product in ["vegan leather hiking boots", "手工陶瓷花盆", "हस्तनिर्मित साबुन", "a", "100% cotton & linen", "-- !!"]
        {
            let words = Words::new(Some(product.into()), "");
            for number in 0..12 {
                for (form, pattern) in [
                    (Form::Slug, r"^[a-z0-9]+(-[a-z0-9]+)*$"),
                    (Form::Sku, r"^[A-Z0-9]+(-[A-Z0-9]+)*$"),
                    (Form::Colour, r"^#[0-9A-Fa-f]{6}$"),
                    (Form::Hashtag, r"^#[\p{L}\p{N}_]+$"),
                    (Form::Word, r"^[a-z]+$"),
                ] {
                    let text = form.text(&words, number, 2, 12);
                    assert!(Regex::new(pattern).expect("a pattern").is_match(&text), "{form:?} {number}: {text}");
                    assert!((2..=12).contains(&text.chars().count()), "{form:?} {number}: {text}");
                }
            }
        }
    }
}
