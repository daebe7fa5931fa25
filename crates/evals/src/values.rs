//! Values as JavaScript sees them: how numbers are written, what is white space, when two values are equal. Verdicts hang on it.

use serde_json::Value;

/// A number as JavaScript writes it: `1` for 1.0, `1e+21`, `1e-7`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return if value.is_nan() { "NaN".into() } else { format!("{}Infinity", if value < 0.0 { "-" } else { "" }) };
    }
    // The shortest digits that mean this number, and the place of the point.
    let scientific = format!("{:e}", value.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = digits.replace('.', "");
    let (count, point) = (digits.len(), exponent.parse::<i32>().unwrap_or(0) + 1);
    let sign = if value < 0.0 { "-" } else { "" };
    let place = usize::try_from(point).unwrap_or(0);
    let text = match point {
        1..=21 if place >= count => format!("{digits}{}", "0".repeat(place - count)),
        1..=21 => format!("{}.{}", &digits[..place], &digits[place..]),
        -5..=0 => format!("0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0))),
        _ => {
            let fraction = if count > 1 { format!(".{}", &digits[1..]) } else { String::new() };
            format!("{}{fraction}e{}{}", &digits[..1], if point > 0 { "+" } else { "-" }, (point - 1).abs())
        }
    };
    format!("{sign}{text}")
}

/// A value as `JSON.stringify` writes it.
pub(crate) fn json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(n) => text.push_str(&n.as_f64().map_or_else(|| "null".into(), number)),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            text.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write(item, text);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// An output as text: itself, or its JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => json(other),
    }
}

/// A value as `String(..)` makes a text of it.
pub(crate) fn coerced(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(n) => n.as_f64().map_or_else(String::new, number),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".into(),
        Value::Array(items) => items.iter().map(|i| if i.is_null() { String::new() } else { coerced(i) }).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".into(),
    }
}

/// Whether JavaScript counts a value as nothing.
pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(n) => n.as_f64() == Some(0.0),
        _ => false,
    }
}

/// Equality of what values hold: 1 is 1.0, the order of keys does not matter.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        _ => a == b,
    }
}

/// White space as `\s` means it.
pub(crate) fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// A text without white space at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.25e-7, "1.25e-7"),
            (1e-6, "0.000001"),
            (0.1, "0.1"),
            (-12345.678, "-12345.678"),
            (123_456_789_012_345_680.0, "123456789012345680"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!(json(&json!({"a": [1.0, "é\n", null], "b": {}})), r#"{"a":[1,"é\n",null],"b":{}}"#);
        assert_eq!(coerced(&json!([1.0, null, {"a": 1}])), "1,,[object Object]");
    }
}
