//! What an output must not contain and the form its values must have. Whatever fails becomes an issue that is shown.

use crate::generations::Issue;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::LazyLock;

/// A rule a template asks for, beyond the placeholder rule that always runs.
///
/// `at` is a path with `[]` for every item: `competitors[].estimatedPriceRange`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Guardrail {
    /// A list has at least `min` items.
    MinItems {
        /// The list.
        at: String,
        /// At least this many.
        min: usize,
    },
    /// `$24-$38`, `€1,299-€1,499`, `$19.99 - $24.99`, `24-38 EUR`: two amounts, the second not smaller.
    PriceRange {
        /// The text.
        at: String,
    },
    /// There are `sources`, or `lowConfidence` is true.
    SourcesOrLowConfidence {},
    /// `#1f6b4a`.
    HexColor {
        /// The text.
        at: String,
    },
    /// `vegan-hiking-boots`.
    Slug {
        /// The text.
        at: String,
    },
    /// `BOOT-VGN-38`.
    Sku {
        /// The text.
        at: String,
    },
    /// A whole number of minor units, not negative.
    Money {
        /// The number.
        at: String,
    },
    /// No two values are equal, letter case aside.
    Distinct {
        /// The values.
        at: String,
    },
    /// Two colours can be told apart: WCAG 2 contrast of at least 1.5 to 1.
    Contrast {
        /// One colour.
        at: String,
        /// The other.
        against: String,
    },
    /// Numbers together are at most `max`.
    SumAtMost {
        /// The numbers.
        at: String,
        /// The most they may add up to.
        max: f64,
    },
}

impl Guardrail {
    /// The paths it reads.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            Self::SourcesOrLowConfidence {} => vec!["sources", "lowConfidence"],
            Self::Contrast { at, against } => vec![at, against],
            Self::MinItems { at, .. }
            | Self::PriceRange { at }
            | Self::HexColor { at }
            | Self::Slug { at }
            | Self::Sku { at }
            | Self::Money { at }
            | Self::Distinct { at }
            | Self::SumAtMost { at, .. } => vec![at],
        }
    }

    /// Everything in `output` that breaks the rule.
    pub fn check(&self, output: &Value) -> Vec<Issue> {
        match self {
            Self::MinItems { at, min } => check_min_items(output, at, *min),
            Self::PriceRange { at } => check_texts(output, at, "price-range", is_price_range, "is not a price range such as $24-$38"),
            Self::SourcesOrLowConfidence {} => check_sources(output),
            Self::HexColor { at } => check_texts(output, at, "hex-color", |t| rgb(t).is_some(), "is not a colour such as #1f6b4a"),
            Self::Slug { at } => check_texts(output, at, "slug", |t| SLUG.is_match(t), "is not a slug: lower-case words joined by hyphens"),
            Self::Sku { at } => check_texts(output, at, "sku", |t| SKU.is_match(t), "is not a SKU: capitals and digits joined by hyphens"),
            Self::Money { at } => check_money(output, at),
            Self::Distinct { at } => check_distinct(output, at),
            Self::Contrast { at, against } => check_contrast(output, at, against),
            Self::SumAtMost { at, max } => check_sum(output, at, *max),
        }
    }
}

/// The values at a path, each with its JSON Pointer. A path that leads nowhere gives none: the schema says what must be there.
pub fn at_path<'a>(output: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut here = vec![(String::new(), output)];
    for part in path.split('.') {
        let (key, lists) = part.find('[').map_or((part, 0), |i| (&part[..i], part.matches("[]").count()));
        here = here.into_iter().filter_map(|(p, v)| v.get(key).map(|v| (format!("{p}/{key}"), v))).collect();
        for _ in 0..lists {
            here = here
                .into_iter()
                .flat_map(|(p, v)| v.as_array().into_iter().flatten().enumerate().map(move |(i, v)| (format!("{p}/{i}"), v)))
                .collect();
        }
    }
    here
}

static SLUG: LazyLock<regex::Regex> = LazyLock::new(|| pattern(r"^[a-z0-9]+(-[a-z0-9]+)*$"));
static SKU: LazyLock<regex::Regex> = LazyLock::new(|| pattern(r"^[A-Z0-9]+(-[A-Z0-9]+)*$"));
static PRICE_RANGE: LazyLock<regex::Regex> = LazyLock::new(|| {
    let amount = r"((?:\p{Sc}|[A-Z]{1,3}\p{Sc}?|kr|zł|Kč|Ft|Rp)?\s?)(\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+(?:[.,]\d{1,2})?)(\s?(?:\p{Sc}|[A-Z]{3}|kr|zł|Kč|Ft))?";
    pattern(&format!(r"^(?:~|est\. |estimated )?{amount}\s?[-–—]\s?{amount}(?: \(?est(?:imated|\.)?\)?)?$"))
});
static PLACEHOLDERS: LazyLock<Vec<(regex::Regex, &str)>> = LazyLock::new(|| {
    [
        (r"(?i)\[\s*(?:insert|your|add|enter|fill)\b[^\]]*\]?", "[insert ...]"),
        (r"(?i)\[\s*placeholder\s*\]|\bplaceholder text\b", "[placeholder]"),
        (r"(?i)\[\s*(?:company|brand|product|store|customer|competitor|your)?\s*name\s*\]", "[company name]"),
        (r"(?i)\p{Sc}\s?X{1,4}(?:\.X{2})?\b", "$XX-$YY"),
        (r"(?i)\bcoming soon\b", "coming soon"),
        (r"(?i)\blorem ipsum\b", "lorem ipsum"),
        (r"\{\{[^}]*\}\}", "{{...}}"),
        (r"(?i)\b(?:TBD|TBA|to be determined)\b", "TBD"),
    ]
    .into_iter()
    .map(|(p, shown)| (pattern(p), shown))
    .collect()
});

fn pattern(text: &str) -> regex::Regex {
    regex::Regex::new(text).expect("a constant pattern compiles")
}

/// Text somebody was meant to fill in, anywhere in the output.
pub fn placeholders(output: &Value) -> Vec<Issue> {
    let mut issues = Vec::new();
    each_text(output, &mut String::new(), &mut |at, text| {
        for (pattern, shown) in PLACEHOLDERS.iter() {
            if pattern.is_match(text) {
                issues.push(Issue::new("placeholder", at, format!("contains placeholder text ({shown})")));
            }
        }
    });
    issues
}

/// Calls `found` with the JSON Pointer and text of every string.
pub fn each_text(value: &Value, at: &mut String, found: &mut impl FnMut(&str, &str)) {
    let mut inside = |key: String, value: &Value, at: &mut String| {
        let length = at.len();
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        each_text(value, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key.clone(), value, at)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| inside(i.to_string(), value, at)),
        Value::String(text) => found(at, text),
        _ => {}
    }
}

/// Whether a text is two amounts of money, the second not smaller than the first.
pub fn is_price_range(text: &str) -> bool {
    let Some(found) = PRICE_RANGE.captures(text.trim()) else { return false };
    let amount = |i: usize| {
        let digits = found.get(i).map_or("", |m| m.as_str());
        let plain = if digits.contains('.') || PRICE_GROUP.is_match(digits) { digits.replace(',', "") } else { digits.replace(',', ".") };
        plain.parse::<f64>().unwrap_or(f64::NAN)
    };
    let has_currency = [1, 3, 4, 6].iter().any(|i| found.get(*i).is_some_and(|m| !m.as_str().trim().is_empty()));
    has_currency && amount(2) <= amount(5)
}

static PRICE_GROUP: LazyLock<regex::Regex> = LazyLock::new(|| pattern(r"^\d{1,3}(,\d{3})+$"));

fn check_min_items(output: &Value, at: &str, min: usize) -> Vec<Issue> {
    at_path(output, at)
        .into_iter()
        .filter_map(|(pointer, value)| {
            let count = value.as_array().map_or(0, Vec::len);
            (count < min).then(|| Issue::new("min-items", pointer, format!("has {count} items; at least {min} are needed")))
        })
        .collect()
}

fn check_texts(output: &Value, at: &str, rule: &str, good: impl Fn(&str) -> bool, wrong: &str) -> Vec<Issue> {
    at_path(output, at)
        .into_iter()
        .filter(|(_, value)| value.as_str().is_none_or(|text| !good(text)))
        .map(|(pointer, value)| Issue::new(rule, pointer, format!("{value} {wrong}")))
        .collect()
}

fn check_sources(output: &Value) -> Vec<Issue> {
    let sources = output.get("sources").and_then(Value::as_array).map_or(0, Vec::len);
    let low = output.get("lowConfidence").and_then(Value::as_bool).unwrap_or(false);
    if sources > 0 || low {
        Vec::new()
    } else {
        vec![Issue::new("sources-or-low-confidence", "/sources", "no sources were found and the result is not marked as low confidence")]
    }
}

fn check_money(output: &Value, at: &str) -> Vec<Issue> {
    at_path(output, at)
        .into_iter()
        .filter(|(_, value)| value.as_i64().is_none_or(|cents| cents < 0))
        .map(|(pointer, value)| Issue::new("money", pointer, format!("{value} is not a whole number of cents")))
        .collect()
}

fn check_distinct(output: &Value, at: &str) -> Vec<Issue> {
    let mut seen = HashSet::new();
    at_path(output, at)
        .into_iter()
        .filter(|(_, value)| !seen.insert(value.as_str().map_or_else(|| value.to_string(), |t| t.trim().to_lowercase())))
        .map(|(pointer, value)| Issue::new("distinct", pointer, format!("{value} appears more than once")))
        .collect()
}

fn check_contrast(output: &Value, at: &str, against: &str) -> Vec<Issue> {
    let colour = |path: &str| at_path(output, path).first().and_then(|(_, v)| v.as_str()).and_then(rgb);
    match (colour(at), colour(against)) {
        (Some(one), Some(other)) if contrast(one, other) < 1.5 => {
            vec![Issue::new("contrast", format!("/{}", at.replace('.', "/")), format!("can hardly be told apart from {against}"))]
        }
        _ => Vec::new(),
    }
}

fn check_sum(output: &Value, at: &str, max: f64) -> Vec<Issue> {
    let sum: f64 = at_path(output, at).iter().filter_map(|(_, v)| v.as_f64()).sum();
    if sum > max { vec![Issue::new("sum-at-most", "", format!("{at} add up to {sum}; at most {max} is possible"))] } else { Vec::new() }
}

/// Red, green and blue of `#rrggbb`.
pub fn rgb(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let byte = |i: usize| u8::from_str_radix(&digits[i..i + 2], 16).ok();
    Some([byte(0)?, byte(2)?, byte(4)?])
}

/// Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance of sRGB).
pub fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [r, g, b] = colour.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn price_ranges_are_read_as_people_write_them() {
        for good in [
            "$24-$38",
            "$1,299-$1,499",
            "$19.99-$24.99",
            "€120-€180",
            "€12,50 - €19,90",
            "120-180 EUR",
            "£8–£12",
            "~$20-$30",
            "CHF 20-CHF 30",
            "kr 100-kr 200",
            "A$20-A$30",
            "$20-30",
            "₹500-₹900",
            "¥1,200-¥2,400",
        ] {
            assert!(is_price_range(good), "{good}");
        }
        for bad in ["$XX-$YY", "cheap", "$38", "$38-$24", "24-38", "$-$", "", "$1,299-", "about twenty dollars"] {
            assert!(!is_price_range(bad), "{bad}");
        }
    }

    #[test]
    fn placeholders_are_found_wherever_they_hide() {
        let output =
            json!({"a": ["fine", "[Insert price]"], "b": {"c": "Coming Soon!"}, "d": "$XX-$YY", "e": "[company name]", "f": "{{idea}}"});
        let at: Vec<String> = placeholders(&output).into_iter().map(|i| i.at).collect();
        assert_eq!(at, ["/a/1", "/b/c", "/d", "/e", "/f"]);
        assert_eq!(placeholders(&json!({"a": "A soft XXL hoodie for $20, an inserted zip [cotton]"})), []);
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        let output = json!({
            "competitors": [{"price": "$1-$2", "name": "A"}, {"price": "?", "name": "a"}],
            "slug": "Not A Slug", "sku": "ok-lower", "color": "#12345", "dark": "#000000", "darker": "#010101", "cents": 12.5,
            "shares": [60, 60], "sources": [], "lowConfidence": false
        });
        let found = |rule: serde_json::Value| {
            let rule: Guardrail = serde_json::from_value(rule).expect("a rule");
            rule.check(&output).into_iter().map(|i| i.at).collect::<Vec<_>>()
        };
        assert_eq!(found(json!({"rule": "min-items", "at": "competitors", "min": 3})), ["/competitors"]);
        assert_eq!(found(json!({"rule": "price-range", "at": "competitors[].price"})), ["/competitors/1/price"]);
        assert_eq!(found(json!({"rule": "distinct", "at": "competitors[].name"})), ["/competitors/1/name"]);
        assert_eq!(found(json!({"rule": "slug", "at": "slug"})), ["/slug"]);
        assert_eq!(found(json!({"rule": "sku", "at": "sku"})), ["/sku"]);
        assert_eq!(found(json!({"rule": "hex-color", "at": "color"})), ["/color"]);
        assert_eq!(found(json!({"rule": "money", "at": "cents"})), ["/cents"]);
        assert_eq!(found(json!({"rule": "contrast", "at": "dark", "against": "darker"})), ["/dark"]);
        assert_eq!(found(json!({"rule": "sum-at-most", "at": "shares[]", "max": 100})), [""]);
        assert_eq!(found(json!({"rule": "sources-or-low-confidence"})), ["/sources"]);
    }
}
