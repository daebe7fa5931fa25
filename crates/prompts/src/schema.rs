//! The one output schema and what is derived from it: forms for providers, the local validator, faults of the schema itself.

use crate::template::{Kind, Template};
use domain::generations::{Issue, Source};
use domain::guardrails::{self, Guardrail};
use serde_json::{Map, Value, json};

/// The schema as each kind of provider wants it. Fields the program fills (`readOnly`) are in none of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Forms {
    /// Gemini's `responseSchema`: `OpenAPI` 3 subset, types in capitals, counts as strings.
    pub gemini: Value,
    /// `OpenAI`'s strict form: every property required, no length keywords.
    pub openai: Value,
    /// Plain JSON Schema without our annotations, for grammars and everybody else.
    pub plain: Value,
}

/// Keywords every provider understands in a plain schema.
const PLAIN: [&str; 16] = [
    "type",
    "title",
    "description",
    "enum",
    "const",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
];

/// Any schema in every form.
pub fn forms(schema: &Value) -> Forms {
    let plain = strip(schema);
    Forms { gemini: gemini(&plain), openai: openai(&plain), plain }
}

impl Template {
    /// The schema in every form.
    pub fn forms(&self) -> Forms {
        forms(&self.output)
    }

    /// Everything wrong with an output: schema, placeholders, formats, the template's guardrails.
    pub fn check_output(&self, output: &Value) -> Vec<Issue> {
        let mut issues: Vec<Issue> = match validator(&self.output) {
            Ok(validator) => validator
                .iter_errors(output)
                .take(20)
                .map(|e| Issue::new("schema", e.instance_path().to_string(), shorten(&e.to_string())))
                .collect(),
            Err(message) => vec![Issue::new("schema", "", message)],
        };
        issues.extend(guardrails::placeholders(output));
        for rule in self.guardrails.iter().chain(&format_rules(&self.output)) {
            for issue in rule.check(output) {
                // A format that a guardrail repeats, or a value the schema refused already, is one fault, not two.
                if !issues.iter().any(|known| known.at == issue.at && (known.rule == issue.rule || known.rule == "schema")) {
                    issues.push(issue);
                }
            }
        }
        issues
    }

    /// Fills the fields that are the program's: `sources` from the search's own record, `lowConfidence` from having none.
    pub fn fill(&self, output: &mut Value, sources: &[Source]) {
        let properties = self.output.get("properties").and_then(Value::as_object);
        for (key, schema) in properties.into_iter().flatten().filter(|(_, s)| is_read_only(s)) {
            let value = match key.as_str() {
                "sources" => {
                    let most = schema.get("maxItems").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
                    json!(sources.iter().take(most).collect::<Vec<_>>())
                }
                "lowConfidence" => json!(sources.is_empty()),
                _ => continue,
            };
            if let Some(object) = output.as_object_mut() {
                object.insert(key.clone(), value);
            }
        }
        *output = in_order(&self.output, std::mem::take(output));
    }
}

/// The properties of every object in the order of the schema, whatever order a model wrote them in.
fn in_order(schema: &Value, value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            let mut ordered = Map::new();
            for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(value) = fields.remove(key) {
                    ordered.insert(key.clone(), in_order(inner, value));
                }
            }
            ordered.extend(fields);
            Value::Object(ordered)
        }
        Value::Array(items) => {
            let inner = schema.get("items").unwrap_or(&Value::Null);
            Value::Array(items.into_iter().map(|item| in_order(inner, item)).collect())
        }
        other => other,
    }
}

fn is_read_only(schema: &Value) -> bool {
    schema.get("readOnly").and_then(Value::as_bool).unwrap_or(false)
}

fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::draft202012::new(schema).map_err(|error| shorten(&error.to_string()))
}

fn shorten(text: &str) -> String {
    if text.chars().count() > 300 { format!("{}…", text.chars().take(300).collect::<String>()) } else { text.to_owned() }
}

/// Rewrites every subschema, bottom up.
fn map_schema(schema: &Value, each: &impl Fn(Map<String, Value>) -> Map<String, Value>) -> Value {
    let Some(fields) = schema.as_object() else { return schema.clone() };
    let mut mapped = Map::new();
    for (key, value) in fields {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(inner)) => Value::Object(inner.iter().map(|(k, v)| (k.clone(), map_schema(v, each))).collect()),
            ("items", inner) => map_schema(inner, each),
            (_, other) => other.clone(),
        };
        mapped.insert(key.clone(), value);
    }
    Value::Object(each(mapped))
}

/// Without our annotations and without what the program fills.
fn strip(schema: &Value) -> Value {
    map_schema(schema, &|mut fields| {
        if let Some(Value::Object(properties)) = fields.get_mut("properties") {
            let filled: Vec<String> = properties.iter().filter(|(_, s)| s.get("x-filled").is_some()).map(|(k, _)| k.clone()).collect();
            properties.retain(|key, _| !filled.contains(key));
            if let Some(Value::Array(required)) = fields.get_mut("required") {
                required.retain(|name| !filled.iter().any(|f| name == f));
            }
        }
        // Our own formats become words a model can follow; the mark survives one level up, where the property is dropped.
        if let (Some(Value::String(format)), None) = (fields.get("format").cloned(), fields.get("description")) {
            fields.insert("description".into(), Value::String(format_words(&format).into()));
        }
        let filled = fields.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        fields.retain(|key, _| PLAIN.contains(&key.as_str()));
        if filled {
            fields.insert("x-filled".into(), Value::Bool(true));
        }
        fields
    })
}

fn format_words(format: &str) -> &str {
    match format {
        "hex-color" => "a colour such as #1f6b4a",
        "slug" => "lower-case words joined by hyphens",
        "sku" => "capitals and digits joined by hyphens",
        "currency" => "ISO 4217 code",
        "font" => "name of a freely available font",
        "hashtag" => "a hashtag beginning with #",
        "price-range" => "two prices with currency, such as $24-$38",
        "uri" => "an absolute URL",
        other => other,
    }
}

fn gemini(plain: &Value) -> Value {
    map_schema(plain, &|fields| {
        let mut out = Map::new();
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("additionalProperties", _) => {}
                ("type", Value::String(name)) => drop(out.insert(key, Value::String(name.to_uppercase()))),
                // int64 fields travel as strings in proto3 JSON.
                ("minItems" | "maxItems" | "minLength" | "maxLength", n) => drop(out.insert(key, Value::String(n.to_string()))),
                ("const", value) => drop(out.insert("enum".into(), json!([value]))),
                ("properties", Value::Object(properties)) => {
                    let order: Vec<&String> = properties.keys().collect();
                    out.insert("propertyOrdering".into(), json!(order));
                    out.insert(key, Value::Object(properties));
                }
                (_, value) => drop(out.insert(key, value)),
            }
        }
        out
    })
}

fn openai(plain: &Value) -> Value {
    map_schema(plain, &|mut fields| {
        if let Some(most) = fields.get("maxLength").cloned() {
            let said = fields.get("description").and_then(Value::as_str).map(|d| format!("{d}; ")).unwrap_or_default();
            fields.insert("description".into(), Value::String(format!("{said}at most {most} characters")));
        }
        fields.retain(|key, _| !matches!(key.as_str(), "minLength" | "maxLength" | "title"));
        if let Some(Value::Object(properties)) = fields.get("properties") {
            let all: Vec<&String> = properties.keys().collect();
            fields.insert("required".into(), json!(all));
            fields.insert("additionalProperties".into(), Value::Bool(false));
        }
        fields
    })
}

/// Guardrails that follow from the `format` of properties.
fn format_rules(schema: &Value) -> Vec<Guardrail> {
    let mut rules = Vec::new();
    walk(schema, "", &mut |path, schema| {
        let at = path.to_owned();
        match schema.get("format").and_then(Value::as_str) {
            Some("hex-color") => rules.push(Guardrail::HexColor { at }),
            Some("slug") => rules.push(Guardrail::Slug { at }),
            Some("sku") => rules.push(Guardrail::Sku { at }),
            Some("price-range") => rules.push(Guardrail::PriceRange { at }),
            _ => {}
        }
        if schema.get("x-unit").and_then(Value::as_str) == Some("cents") {
            rules.push(Guardrail::Money { at: path.to_owned() });
        }
    });
    rules
}

/// Calls `found` with the path and schema of every property and item.
pub fn walk(schema: &Value, path: &str, found: &mut impl FnMut(&str, &Value)) {
    found(path, schema);
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        walk(inner, &at, found);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), found);
    }
}

/// Everything wrong with a template's output schema: (a text to find the line by, message).
pub(crate) fn faults(template: &Template) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if let Err(error) = jsonschema::draft202012::meta::validate(&template.output) {
        faults.push(("output:".into(), format!("output is not a valid JSON Schema: {error}")));
        return faults;
    }
    if let Err(message) = validator(&template.output) {
        faults.push(("output:".into(), format!("output cannot be used as a schema: {message}")));
    }
    if template.output.get("type").and_then(Value::as_str) != Some("object") {
        faults.push(("output:".into(), "output must be of type object".into()));
    }
    walk(&template.output, "", &mut |path, schema| bounds(template.kind, path, schema, &mut faults));
    let paths = known_paths(&template.output);
    for rule in &template.guardrails {
        for path in rule.paths().into_iter().filter(|p| !paths.contains(&(*p).to_owned())) {
            faults.push((path.to_owned(), format!("a guardrail reads \"{path}\", which the output does not have")));
        }
    }
    for path in template.view.fields.keys().filter(|p| !paths.contains(p)) {
        faults.push((format!("{path}:"), format!("view.fields names \"{path}\", which the output does not have")));
    }
    let filled = |key: &str| template.output.get("properties").and_then(|p| p.get(key)).map(is_read_only);
    if template.grounding && ["sources", "lowConfidence"].iter().any(|key| filled(key).is_none()) {
        faults.push(("grounding:".into(), "a grounded template needs the output properties sources and lowConfidence".into()));
    }
    if filled("sources") == Some(false) {
        faults
            .push(("sources:".into(), "output.sources must be readOnly: sources come from the search's record, never from a model".into()));
    }
    faults
}

fn known_paths(schema: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(schema, "", &mut |path, _| paths.push(path.to_owned()));
    paths
}

/// An output without bounds cannot be constrained, budgeted or laid out.
fn bounds(kind: Kind, path: &str, schema: &Value, faults: &mut Vec<(String, String)>) {
    let has = |key: &str| schema.get(key).is_some();
    let key = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
    let mut wrong = |what: &str| faults.push((format!("{key}:"), format!("output.{path} {what}")));
    if ["$ref", "allOf", "oneOf", "anyOf", "not", "if", "patternProperties"].iter().any(|k| has(k)) {
        return wrong("uses $ref, a combination or a condition; models cannot be held to those, spell it out");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if !has("maxLength") && !has("enum") && !has("const") => wrong("is a string without maxLength or enum"),
        Some("array") if !has("maxItems") => wrong("is a list without maxItems"),
        Some("array") if !has("items") => wrong("is a list without items"),
        Some("object") if kind == Kind::Utility && schema.get("x-same-as").is_some() => {}
        Some("object") if !has("properties") => wrong("is an object without properties"),
        Some("object") if schema.get("additionalProperties") != Some(&Value::Bool(false)) => {
            wrong("is an object without additionalProperties: false");
        }
        Some("string" | "array" | "object" | "integer" | "number" | "boolean") => {
            if !path.is_empty() && !path.ends_with("[]") && !has("title") {
                wrong("has no title");
            }
        }
        _ => wrong("needs one type out of string, integer, number, boolean, array, object"),
    }
}
