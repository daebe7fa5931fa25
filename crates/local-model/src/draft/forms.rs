//! Values with a checked form - slugs, article numbers, hashtags, colours, price ranges - built by rule.

use regex::Regex;
use serde_json::{Map, Value};

use super::leaf::Node;
use super::subject::Subject;
use super::text;

/// What a rule may look at besides the schema.
pub(crate) struct Around<'a> {
    pub subject: &'a Subject,
    /// The object as far as it is filled.
    pub siblings: &'a Map<String, Value>,
    /// The same place in the anchor example.
    pub example: Option<&'a Value>,
    /// Values already given to this leaf in sibling items.
    pub taken: &'a [String],
}

/// A lower-case address of words and hyphens, from the object's own title where there is one.
pub(crate) fn slug(around: &Around<'_>, max: usize) -> String {
    let title = around.siblings.values().filter_map(Value::as_str).find(|title| title.chars().count() <= 90);
    let from = |text: &str| {
        let ascii = text::words(text).into_iter().map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
        ascii.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    let mut words = title.map(from).unwrap_or_default();
    if words.is_empty() {
        words = from(&around.subject.noun);
    }
    let mut slug = String::new();
    for word in words {
        if !slug.is_empty() && slug.len() + 1 + word.len() > max {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word);
    }
    slug.truncate(max);
    if slug.is_empty() { "product".to_owned() } else { distinct(slug, around, "-") }
}

/// An article number: the product's initials and the thing, then the variant's own first word.
pub(crate) fn sku(around: &Around<'_>, base: Option<&str>, max: usize) -> String {
    let upper = |word: &str, n: usize| word.chars().filter(char::is_ascii_alphanumeric).take(n).collect::<String>().to_uppercase();
    let words: Vec<String> = around.subject.noun.split_whitespace().map(str::to_owned).collect();
    let initials: String = words.iter().take(words.len().saturating_sub(1)).map(|word| upper(word, 1)).collect();
    let head = upper(&text::stem(around.subject.head()), 8);
    let parts = [initials, head].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let mut sku = base.map_or(parts, str::to_owned);
    if sku.is_empty() {
        "ITEM".clone_into(&mut sku);
    }
    if base.is_some() {
        let label = around.siblings.values().find_map(Value::as_str).unwrap_or_default();
        let own: Vec<String> = label.split_whitespace().map(|word| upper(word, 6)).filter(|word| !word.is_empty()).collect();
        let own = own.iter().find(|word| !around.subject.noun.to_uppercase().contains(*word)).or(own.first());
        sku = format!("{sku}-{}", own.map_or("STD", String::as_str));
    }
    sku.truncate(max.saturating_sub(3).max(1));
    distinct(sku.trim_end_matches('-').to_owned(), around, "-")
}

/// The value with a number behind it while a sibling has the same.
fn distinct(value: String, around: &Around<'_>, join: &str) -> String {
    let free = |value: &String| !around.taken.contains(value);
    if free(&value) {
        return value;
    }
    (2..100).map(|n| format!("{value}{join}{n}")).find(free).unwrap_or(value)
}

/// Hashtags from the product's words; another item of the same list starts at another word.
pub(crate) fn hashtags(subject: &Subject, examples: &[String], count: usize, index: usize, max: usize) -> Vec<String> {
    let camel = |words: &[&str]| format!("#{}", words.iter().map(|word| text::capitalised(&clean(word))).collect::<String>());
    let words: Vec<&str> = subject.noun.split_whitespace().filter(|word| !text::is_stop(&word.to_lowercase())).collect();
    let told: Vec<&str> = subject.full.split_whitespace().filter(|word| word.len() > 3 && !text::is_stop(&word.to_lowercase())).collect();
    let mut pool: Vec<String> = vec![camel(&words[words.len().saturating_sub(2)..])];
    if words.len() > 2 {
        pool.push(camel(&words[words.len().saturating_sub(3)..]));
        pool.push(camel(&words[..2]));
    }
    pool.extend(told.iter().rev().map(|word| camel(&[word])));
    pool.extend(told.windows(2).map(camel));
    let turn = 1 + index % pool.len().max(1);
    let rest: Vec<String> = pool.iter().skip(turn).chain(pool.iter().take(turn).skip(1)).cloned().collect();
    let ordered = pool.first().cloned().into_iter().chain(rest).chain(examples.iter().cloned());
    let more = ["#SmallBusiness", "#ShopSmall", "#NewLaunch", "#ShopOnline", "#SmallShop", "#OnlineShop"].map(str::to_owned);
    let mut tags: Vec<String> = Vec::new();
    for tag in ordered.chain(more) {
        let fits = tag.chars().count() > 3 && tag.chars().count() <= max;
        if tags.len() < count && fits && !tags.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            tags.push(tag);
        }
    }
    tags
}

fn clean(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// A string that fits the schema when no rule knows better: the example's, a choice, or the product's own words.
pub(crate) fn any_string(node: Node<'_>, around: &Around<'_>) -> String {
    let example = around.example.and_then(Value::as_str).map(str::to_owned);
    let words = text::title_case(&around.subject.noun);
    let by_format = match node.format() {
        Some("hex-color") => "#1F3A4D",
        Some("font") => "Inter",
        Some("uri") => "https://example.com/",
        Some("email") => "hello@example.com",
        Some("date") => "2030-01-01",
        Some("currency") => "USD",
        Some("price-range") => "$20-$40",
        Some("hashtag") => "#SmallBusiness",
        _ => "",
    };
    let guesses =
        [example, Some(words.clone()), Some(by_format.to_owned()), Some(words.to_lowercase()), Some("A".to_owned()), Some("1".to_owned())];
    let known = !by_format.is_empty();
    let mut guesses: Vec<String> = guesses.into_iter().flatten().filter(|guess| !guess.is_empty()).collect();
    if known && around.example.is_none() {
        guesses.insert(0, by_format.to_owned());
    }
    guesses.into_iter().find(|guess| allowed(node, guess)).unwrap_or_else(|| text::fit(&words, node.max_length()))
}

/// Whether the schema takes this string.
pub(crate) fn allowed(node: Node<'_>, value: &str) -> bool {
    let length = value.chars().count();
    let fits = length >= node.min_length() && length <= node.max_length();
    let form = node.pattern().is_none_or(|pattern| Regex::new(pattern).map_or(true, |pattern| pattern.is_match(value)));
    fits && form
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn around<'a>(subject: &'a Subject, siblings: &'a Map<String, Value>, taken: &'a [String]) -> Around<'a> {
        Around { subject, siblings, example: None, taken }
    }

    #[test]
    fn slugs_and_article_numbers_fit_their_patterns() {
        let subject = Subject::of("vegan leather hiking boots for women");
        let none = Map::new();
        assert_eq!(slug(&around(&subject, &none, &[]), 80), "vegan-leather-hiking-boots");
        assert_eq!(slug(&around(&subject, &none, &[]), 14), "vegan-leather");
        let base = sku(&around(&subject, &none, &[]), None, 32);
        assert_eq!(base, "VLH-BOOT");
        let mut variant = Map::new();
        variant.insert("title".to_owned(), json!("Forest Green"));
        let taken = ["VLH-BOOT-FOREST".to_owned()];
        assert_eq!(sku(&around(&subject, &variant, &taken), Some(&base), 32), "VLH-BOOT-FOREST-2");
    }

    #[test]
    fn hashtags_are_distinct_and_of_the_right_form() {
        let subject = Subject::of("soy candles");
        for index in 0..4 {
            let tags = hashtags(&subject, &["#Home".to_owned()], 4, index, 40);
            assert_eq!(tags.len(), 4);
            assert!(tags.iter().all(|tag| tag.starts_with('#') && tag[1..].chars().all(char::is_alphanumeric)), "{tags:?}");
        }
    }

    #[test]
    fn any_string_fits_or_comes_close() {
        let subject = Subject::of("soy candles");
        let none = Map::new();
        let schema = json!({"type": "string", "format": "hex-color", "pattern": "^#[0-9A-Fa-f]{6}$"});
        assert!(allowed(Node(&schema), &any_string(Node(&schema), &around(&subject, &none, &[]))));
        let schema = json!({"type": "string", "pattern": "^[a-z ]+$", "maxLength": 12});
        assert_eq!(any_string(Node(&schema), &around(&subject, &none, &[])), "soy candles");
    }
}
