//! Instances against schemas, those of the real template library among them.

use super::*;
use prompts::Library;
use serde_json::json;

const PROMPT: &str = "<product_idea>vegan leather hiking boots</product_idea>\nMoney is in EUR, in its smallest unit.";

fn assert_valid(schema: &Value, made: &Value) {
    let validator = jsonschema::draft202012::new(schema).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(made).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:?}\n{made:#}");
}

/// Every text beside its neighbours: those of one list or one object.
fn assert_siblings_differ(value: &Value) {
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => return,
    };
    let texts: Vec<&str> = children.iter().filter_map(|child| child.as_str()).collect();
    let different: HashSet<&&str> = texts.iter().collect();
    assert_eq!(different.len(), texts.len(), "{value:#}");
    children.into_iter().for_each(assert_siblings_differ);
}

#[test]
fn every_template_is_answered_without_fault_in_every_form() {
    let library = Library::load(None).expect("a library");
    let mut seen = 0;
    for template in library.latest().templates() {
        let forms = template.forms();
        for (name, form) in [("gemini", &forms.gemini), ("openai", &forms.openai), ("plain", &forms.plain)] {
            let mut made = instance(form, PROMPT);
            assert_valid(&forms.plain, &made);
            assert_siblings_differ(&made);
            template.fill(&mut made, &[]);
            let issues = template.check_output(&made);
            assert!(issues.is_empty(), "{name}: {issues:?}\n{made:#}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn a_placeholder_spoils_a_template_that_stays_valid() {
    let library = Library::load(None).expect("a library");
    for template in library.latest().templates() {
        let plain = template.forms().plain;
        let made = instance_with_placeholder(&plain, PROMPT);
        assert_valid(&plain, &made);
        assert!(made.to_string().contains(PLACEHOLDER), "{made:#}");
    }
}

#[test]
fn gemini_s_form_is_understood() {
    let schema = json!({
        "type": "OBJECT", "required": ["tags", "score"],
        "properties": {
            "tags": {"type": "ARRAY", "minItems": "4", "maxItems": "6", "items": {"type": "STRING", "maxLength": "30"}},
            "score": {"type": "INTEGER", "minimum": 0, "maximum": 100},
            "note": {"type": "STRING", "nullable": true},
        },
    });
    let made = instance(&schema, PROMPT);
    assert_eq!(made["tags"].as_array().map(Vec::len), Some(4));
    assert_eq!(made["score"], json!(70));
    assert!(made["note"].as_str().is_some_and(|note| note.contains("vegan leather hiking boots")));
}

#[test]
fn choices_take_turns_and_colours_differ() {
    let colour = json!({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"});
    let schema = json!({
        "type": "object", "required": ["steps", "one", "two", "currency"],
        "properties": {
            "steps": {"type": "array", "minItems": 3, "items": {"type": "string", "enum": ["high", "low"]}},
            "one": colour, "two": colour,
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "price": {"type": "string", "description": "two prices with currency, such as $24-$38"},
        },
    });
    let made = instance(&schema, PROMPT);
    assert_valid(&schema, &made);
    assert_eq!(made, json!({"steps": ["high", "low", "high"], "one": "#1F6B4A", "two": "#F2E8D5", "currency": "EUR", "price": "€24-€38"}));
}

#[test]
fn references_and_combinations_are_followed() {
    let schema = json!({
        "$ref": "#/$defs/plan",
        "$defs": {
            "plan": {
                "type": "object", "required": ["goal", "any", "all", "maybe", "children"], "additionalProperties": false,
                "properties": {
                    "goal": {"const": "sell"},
                    "any": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]},
                    "all": {"allOf": [{"type": "string", "minLength": 20}, {"maxLength": 30}]},
                    "maybe": {"type": ["null", "boolean"]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/plan"}},
                },
            },
        },
    });
    assert_valid(&schema, &instance(&schema, PROMPT));
}

#[test]
fn the_same_question_has_the_same_answer() {
    let schema = json!({"type": "array", "minItems": 40, "items": {"type": "string", "maxLength": 120}});
    let made = instance(&schema, PROMPT);
    assert_eq!(made, instance(&schema, PROMPT));
    assert_siblings_differ(&made);
    assert!(free_text("no idea at all").contains("this product"));
}
