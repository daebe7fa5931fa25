//! JSON Schemas as promptfoo's validator understands them: draft 7 with formats, unknown keywords and formats refused. Those of a run are
//! kept, since the same one judges many outputs.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Schemas that are kept.
const KEPT: usize = 128;

/// Schemas that were used before.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Mutex<HashMap<String, Arc<Validator>>>);

impl Schemas {
    /// The validator of a schema, or why there can be none.
    pub fn compiled(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = kept.get(&key) {
            return Ok(Arc::clone(known));
        }
        let validator = Arc::new(compile(schema)?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&validator));
        Ok(validator)
    }
}

/// Keywords every draft that is read here knows.
const KEYWORDS: [&str; 48] = [
    "$schema",
    "$id",
    "$ref",
    "$defs",
    "$comment",
    "$vocabulary",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
    "contentEncoding",
    "contentSchema",
    "type",
    "nullable",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "format",
    "items",
    "additionalItems",
    "maxItems",
    "minItems",
    "uniqueItems",
    "contains",
    "maxProperties",
    "minProperties",
    "required",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependencies",
    "if",
    "then",
    "else",
    "not",
];
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords of the drafts after 7, which a schema may use that names its draft.
const LATER: [&str; 11] = [
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "prefixItems",
    "dependentRequired",
    "dependentSchemas",
    "minContains",
    "maxContains",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const FORMATS: [&str; 26] = [
    "date",
    "time",
    "date-time",
    "iso-time",
    "iso-date-time",
    "duration",
    "uri",
    "uri-reference",
    "uri-template",
    "url",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "regex",
    "uuid",
    "json-pointer",
    "json-pointer-uri-fragment",
    "relative-json-pointer",
    "byte",
    "int32",
    "int64",
    "float",
    "double",
    "password",
    "binary",
];

fn compile(schema: &Value) -> Result<Validator, String> {
    let mut schema = schema.clone();
    let named = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let later = named.contains("2019-09") || named.contains("2020-12");
    check(&mut schema, later)?;
    // Formats draft 7 does not know yet.
    let mut options = jsonschema::options()
        .should_validate_formats(true)
        .with_format("uuid", |text: &str| uuid::Uuid::try_parse(text.trim_start_matches("urn:uuid:")).is_ok_and(|_| text.contains('-')));
    if !later {
        options = options.with_draft(Draft::Draft7);
    }
    options.build(&schema).map_err(|e| format!("its schema is no JSON Schema: {e}"))
}

/// Names what a validator would read over; makes of `nullable` what it means.
fn check(schema: &mut Value, later: bool) -> Result<(), String> {
    let Value::Object(map) = schema else { return Ok(()) };
    for key in map.keys() {
        let known = KEYWORDS.contains(&key.as_str()) || LISTS.contains(&key.as_str()) || (later && LATER.contains(&key.as_str()));
        if !known {
            return Err(format!("its schema has the keyword \"{key}\", which is unknown; take it out"));
        }
    }
    if let Some(format) = map.get("format").and_then(Value::as_str)
        && !FORMATS.contains(&format)
    {
        return Err(format!("its schema has the format \"{format}\", which is unknown; there are {}", FORMATS.join(", ")));
    }
    nullable(map);
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "definitions" | "$defs" | "dependencies" | "dependentSchemas", Value::Object(inner)) => {
                inner.values_mut().try_for_each(|v| check(v, later))?;
            }
            ("allOf" | "anyOf" | "oneOf" | "items" | "prefixItems", Value::Array(all)) => {
                all.iter_mut().try_for_each(|v| check(v, later))?;
            }
            (
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "contains"
                | "propertyNames"
                | "if"
                | "then"
                | "else"
                | "not"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "contentSchema",
                one,
            ) => check(one, later)?,
            _ => {}
        }
    }
    Ok(())
}

fn nullable(map: &mut Map<String, Value>) {
    if map.remove("nullable") != Some(Value::Bool(true)) {
        return;
    }
    match map.get_mut("type") {
        Some(one @ Value::String(_)) => *one = json!([one.clone(), "null"]),
        Some(Value::Array(all)) if !all.contains(&json!("null")) => all.push("null".into()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_read_strictly() {
        let schemas = Schemas::default();
        let holds = |schema: Value, value: Value| schemas.compiled(&schema).map(|v| v.is_valid(&value));
        assert_eq!(holds(json!({"type": "string", "nullable": true}), Value::Null), Ok(true));
        assert_eq!(holds(json!({"type": "string", "format": "date"}), json!("2026-02-30")), Ok(false));
        assert!(holds(json!({"type": "object", "properties": {"a": {"typ": "string"}}}), json!({})).expect_err("typo").contains("\"typ\""));
        assert!(holds(json!({"format": "colour"}), json!("x")).expect_err("format").contains("colour"));
        assert!(holds(json!({"prefixItems": []}), json!([])).is_err());
        let later = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]});
        assert_eq!(holds(later, json!([1])), Ok(false));
    }
}
