//! Reads what a JSON Schema says about one place: its label, its bounds and its annotations.

use serde_json::Value;

/// A place in the schema.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a>(pub &'a Value);

impl<'a> Node<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Value::as_str)
    }

    fn count(self, key: &str) -> Option<usize> {
        self.0.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
    }

    /// The first type named, "null" excepted.
    pub fn kind(self) -> &'a str {
        match self.0.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").unwrap_or("null"),
            _ if self.0.get("properties").is_some() => "object",
            _ if self.0.get("items").is_some() => "array",
            _ => "string",
        }
    }

    pub fn title(self) -> Option<&'a str> {
        self.text("title").filter(|title| !title.trim().is_empty())
    }

    pub fn format(self) -> Option<&'a str> {
        self.text("format")
    }

    pub fn pattern(self) -> Option<&'a str> {
        self.text("pattern")
    }

    pub fn unit(self) -> Option<&'a str> {
        self.text("x-unit")
    }

    /// Where the same figure stands in an earlier section.
    pub fn from(self) -> Option<&'a str> {
        self.text("x-from")
    }

    /// The sibling this figure moves in proportion to.
    pub fn scales_with(self) -> Option<&'a str> {
        self.text("x-scales-with")
    }

    pub fn is_read_only(self) -> bool {
        self.0.get("readOnly").and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn properties(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let map = self.0.get("properties").and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), Node(value)))
    }

    pub fn requires(self, key: &str) -> bool {
        self.0.get("required").and_then(Value::as_array).is_some_and(|keys| keys.iter().any(|k| k == key))
    }

    pub fn items(self) -> Option<Node<'a>> {
        self.0.get("items").filter(|items| items.is_object()).map(Node)
    }

    pub fn choices(self) -> Option<&'a Vec<Value>> {
        self.0.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty())
    }

    pub fn constant(self) -> Option<&'a Value> {
        self.0.get("const")
    }

    pub fn min_items(self) -> usize {
        self.count("minItems").unwrap_or(0)
    }

    pub fn max_items(self) -> usize {
        self.count("maxItems").unwrap_or(usize::MAX).max(self.min_items())
    }

    pub fn min_length(self) -> usize {
        self.count("minLength").unwrap_or(0)
    }

    pub fn max_length(self) -> usize {
        self.count("maxLength").unwrap_or(2000)
    }

    pub fn minimum(self) -> Option<f64> {
        let exclusive = self.0.get("exclusiveMinimum").and_then(Value::as_f64).map(|n| n + 1.0);
        self.0.get("minimum").and_then(Value::as_f64).or(exclusive)
    }

    pub fn maximum(self) -> Option<f64> {
        let exclusive = self.0.get("exclusiveMaximum").and_then(Value::as_f64).map(|n| n - 1.0);
        self.0.get("maximum").and_then(Value::as_f64).or(exclusive)
    }

    /// A string that the model may word freely.
    pub fn is_prose(self) -> bool {
        self.kind() == "string"
            && self.choices().is_none()
            && self.constant().is_none()
            && self.format().is_none()
            && self.pattern().is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn annotations_are_read() {
        let schema = json!({"type": ["null", "string"], "title": " ", "format": "sku", "x-from": "plan.price", "maxLength": 9});
        let node = Node(&schema);
        assert_eq!(
            (node.kind(), node.title(), node.format(), node.from(), node.max_length()),
            ("string", None, Some("sku"), Some("plan.price"), 9)
        );
        assert!(!node.is_prose());
    }

    #[test]
    fn bounds_without_a_word_are_open() {
        let schema = json!({"items": {"type": "string"}, "minItems": 3});
        let node = Node(&schema);
        assert_eq!((node.kind(), node.min_items(), node.max_items()), ("array", 3, usize::MAX));
        assert!(node.items().is_some_and(Node::is_prose));
    }
}
