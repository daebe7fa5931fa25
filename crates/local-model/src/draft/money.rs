//! Currencies and prices, by rule: the small model never writes a figure that anybody might calculate with.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Code, symbol, and roughly how many units buy what one US dollar buys. The last is for carrying an example's figure over
/// to another currency, where only the order of magnitude has to be right.
const CURRENCIES: [(&str, &str, f64); 26] = [
    ("USD", "$", 1.0),
    ("EUR", "€", 1.0),
    ("GBP", "£", 0.85),
    ("AUD", "A$", 1.5),
    ("CAD", "C$", 1.4),
    ("NZD", "NZ$", 1.6),
    ("SGD", "S$", 1.4),
    ("HKD", "HK$", 8.0),
    ("CHF", "CHF ", 1.0),
    ("JPY", "¥", 150.0),
    ("CNY", "CN¥", 7.0),
    ("INR", "₹", 80.0),
    ("KRW", "₩", 1300.0),
    ("BRL", "R$", 5.0),
    ("MXN", "MX$", 18.0),
    ("ZAR", "R ", 18.0),
    ("SEK", "SEK ", 10.0),
    ("NOK", "NOK ", 10.0),
    ("DKK", "DKK ", 7.0),
    ("PLN", "PLN ", 4.0),
    ("CZK", "CZK ", 22.0),
    ("TRY", "₺", 35.0),
    ("AED", "AED ", 4.0),
    ("ILS", "₪", 4.0),
    ("THB", "฿", 35.0),
    ("PHP", "₱", 55.0),
];

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d[\d,]*(?:\.\d+)?").ok());

static AMOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?i)[$€£¥₹₩₺₪฿₱]\s?(\d[\d,]*(?:\.\d{1,2})?)|\b(\d[\d,]*(?:\.\d{1,2})?)\s?(?:[$€£¥₹]|(?:usd|eur|gbp|aud|cad|dollars?|euros?|pounds?|cents?|bucks)\b)";
    Regex::new(pattern).ok()
});

/// The symbol that stands before an amount.
pub(crate) fn symbol(code: &str) -> String {
    CURRENCIES.iter().find(|(known, ..)| *known == code).map_or_else(|| format!("{code} "), |(_, symbol, _)| (*symbol).to_owned())
}

/// What to multiply an amount in one currency with, to have about the same worth in another.
pub(crate) fn rate(from: &str, to: &str) -> f64 {
    let worth = |code: &str| CURRENCIES.iter().find(|(known, ..)| *known == code).map_or(1.0, |(.., worth)| *worth);
    worth(to) / worth(from)
}

/// Every number in a text.
pub(crate) fn numbers(text: &str) -> Vec<f64> {
    let found = NUMBER.as_ref().into_iter().flat_map(|pattern| pattern.find_iter(text));
    found.filter_map(|number| number.as_str().replace(',', "").parse().ok()).collect()
}

/// Every amount of money in a text.
pub(crate) fn amounts(text: &str) -> Vec<f64> {
    let found = AMOUNT.as_ref().into_iter().flat_map(|pattern| pattern.captures_iter(text));
    let digits = found.filter_map(|amount| amount.get(1).or_else(|| amount.get(2)));
    digits.filter_map(|number| number.as_str().replace(',', "").parse().ok()).collect()
}

/// Whether the text speaks of money in figures or carries a currency sign.
pub(crate) fn speaks_of_money(text: &str) -> bool {
    !amounts(text).is_empty() || text.contains(['$', '€', '£', '¥', '₹', '₩', '₺', '₪', '฿', '₱'])
}

/// The price a person had in mind: the middle of their range, or the amount in their idea.
pub(crate) fn told_price(idea: &str, range: Option<&str>) -> Option<f64> {
    let range = range.map(numbers).unwrap_or_default();
    let amounts = if range.is_empty() { amounts(idea) } else { range };
    let few: Vec<f64> = amounts.into_iter().filter(|price| *price > 0.0).take(2).collect();
    match few[..] {
        [one] => Some(one),
        [low, high] => Some(f64::midpoint(low, high)),
        _ => None,
    }
}

/// The first figure under a key that ends in `Cents` and speaks of a price, in whole units.
pub(crate) fn price_in(context: &Value) -> Option<f64> {
    match context {
        Value::Object(map) => {
            let own = map.iter().find(|(key, value)| key.to_lowercase().ends_with("pricecents") && value.is_number());
            let own = own.and_then(|(_, value)| value.as_f64()).map(|cents| cents / 100.0);
            own.or_else(|| map.values().find_map(price_in))
        }
        _ => None,
    }
}

/// A figure a person would have chosen, near this one: 1,284 becomes 1,300 and 12,840 becomes 12,800.
pub(crate) fn rounded(cents: f64) -> f64 {
    let step = match cents.abs() {
        small if small < 200.0 => 5.0,
        small if small < 2_000.0 => 10.0,
        middle if middle < 20_000.0 => 100.0,
        large if large < 200_000.0 => 500.0,
        _ => 5_000.0,
    };
    (cents / step).round() * step
}

/// An amount in whole units, as it is written in a price range.
pub(crate) fn written(amount: f64, symbol: &str) -> String {
    let step = if amount >= 1000.0 {
        50.0
    } else if amount >= 100.0 {
        5.0
    } else {
        1.0
    };
    format!("{symbol}{:.0}", ((amount / step).round() * step).max(1.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_told_price_is_heard() {
        assert_eq!(told_price("lamps", Some("$20 - $40")), Some(30.0));
        assert_eq!(told_price("lamps at $1,250.50 each", None), Some(1250.5));
        assert_eq!(told_price("lamps for 3 rooms", None), None);
        assert_eq!(told_price("lamps for 40 euros", None), Some(40.0));
    }

    #[test]
    fn money_is_seen_in_words_and_signs() {
        assert!(speaks_of_money("only €5"));
        assert!(speaks_of_money("20 dollars"));
        assert!(!speaks_of_money("20 days"));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the figures are exact")]
    fn figures_move_between_currencies_and_stay_round() {
        assert_eq!(rate("USD", "JPY"), 150.0);
        assert_eq!(rate("XXX", "USD"), 1.0);
        assert_eq!(rounded(1284.0), 1280.0);
        assert_eq!(rounded(12_840.0), 12_800.0);
        assert_eq!(written(24.4, "$"), "$24");
        assert_eq!(symbol("XYZ"), "XYZ ");
    }

    #[test]
    fn a_price_is_found_in_the_context() {
        assert_eq!(price_in(&json!({"plan": {"stock": 3, "priceCents": 2900}})), Some(29.0));
        assert_eq!(price_in(&json!({"plan": {"stock": 3}})), None);
    }
}
