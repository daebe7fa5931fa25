//! Numbers within their bounds, and plausible for what the property is called: a shop that could exist.

use super::{Place, says};
use serde_json::Value;

/// Names of properties and what stands there, money in cents. The first that fits counts.
const USUAL: [(&[&str], f64); 17] = [
    (&["score"], 0.0),
    (&["sellingprice", "pricecents"], 4900.0),
    (&["costofgoods"], 1450.0),
    (&["packaging"], 120.0),
    (&["costperorder", "shipping"], 480.0),
    (&["marketing"], 30_000.0),
    (&["fixed"], 12_000.0),
    (&["startup"], 250_000.0),
    (&["duty"], 4.5),
    (&["fee"], 2.9),
    (&["growth"], 6.0),
    (&["return"], 5.0),
    (&["units", "sales"], 60.0),
    (&["stock", "moq", "quantity"], 120.0),
    (&["percent", "share"], 10.0),
    (&["cents", "price", "cost"], 1900.0),
    (&["age"], 36.0),
];

/// A whole number. The price that is planned already stays what it is.
pub(super) fn integer(schema: &Value, place: Place<'_>, price: Option<f64>) -> Value {
    let planned = price.filter(|_| says(place.key, &["sellingprice"]));
    let value = planned.unwrap_or_else(|| number_in(schema, place, 1.0));
    #[expect(clippy::cast_possible_truncation, reason = "bounds of schemas are far below 2^53")]
    let whole = value as i64;
    Value::from(whole)
}

/// A number, whole or not.
pub(super) fn number(schema: &Value, place: Place<'_>) -> Value {
    Value::from(number_in(schema, place, 0.01))
}

/// The usual value moved into the bounds and onto the grid of `multipleOf`. Items of a list rise with their place in it.
fn number_in(schema: &Value, place: Place<'_>, grid: f64) -> f64 {
    let whole = (grid - 1.0).abs() < f64::EPSILON;
    let step = bound(schema, "multipleOf").filter(|step| *step > 0.0);
    let margin = step.unwrap_or(grid);
    let least = bound(schema, "minimum").or_else(|| bound(schema, "exclusiveMinimum").map(|n| n + margin)).unwrap_or(f64::NEG_INFINITY);
    let most = bound(schema, "maximum").or_else(|| bound(schema, "exclusiveMaximum").map(|n| n - margin)).unwrap_or(f64::INFINITY);
    let (least, most) = if whole { (least.ceil(), most.floor()) } else { (least, most) };
    let value = usual(place.key, least, most) + f64::from(u32::try_from(place.index).unwrap_or(0));
    let value = value.min(most).max(least);
    let value = if whole { value.round() } else { value };
    let Some(step) = step else { return value };
    let down = (value / step).floor() * step;
    if down < least { down + step } else { down }
}

fn usual(key: &str, least: f64, most: f64) -> f64 {
    match USUAL.iter().find(|(words, _)| says(key, words)) {
        // Good, with room above: 7 of 10, 70 of 100.
        Some((_, 0.0)) if least.is_finite() && most.is_finite() => (least + (most - least) * 0.7).round(),
        Some((_, value)) if *value > 0.0 => *value,
        _ if least.is_finite() => least.max(0.0) + 3.0,
        _ => 3.0,
    }
}

/// A bound, which may come as a string.
fn bound(schema: &Value, key: &str) -> Option<f64> {
    let value = schema.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(key: &str) -> Place<'_> {
        Place { key, index: 0, depth: 0 }
    }

    #[test]
    fn bounds_hold_and_names_are_understood() {
        assert_eq!(integer(&json!({"minimum": 0, "maximum": 100}), at("opportunityScore"), None), json!(70));
        assert_eq!(integer(&json!({"minimum": 0, "maximum": 10}), at("score"), None), json!(7));
        assert_eq!(integer(&json!({"minimum": 16, "maximum": 95}), at("age"), None), json!(36));
        assert_eq!(integer(&json!({"minimum": "500", "maximum": "600"}), at("age"), None), json!(500));
        assert_eq!(integer(&json!({"exclusiveMinimum": 3, "maximum": 4}), at("n"), None), json!(4));
        assert_eq!(integer(&json!({"multipleOf": 5, "minimum": 1}), at("n"), None), json!(5));
        assert_eq!(integer(&json!({"minimum": 1}), at("sellingPriceCents"), Some(2900.0)), json!(2900));
        assert_eq!(number(&json!({"maximum": 2}), at("transactionFeePercent")), json!(2.0));
        assert_eq!(integer(&json!({"maximum": -2}), at("n"), None), json!(-2));
    }
}
