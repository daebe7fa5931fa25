//! What a template is measured with: a curated example venture for a section, the first case of its suite for a utility.

use super::estimate;
use crate::library::Library;
use crate::template::Template;
use serde_json::{Map, Value, json};

/// Curated examples a question carries.
const EXAMPLES: usize = 2;

/// A context to render a template with.
pub(super) struct Sample {
    /// What it is, in words.
    pub about: String,
    pub context: Value,
    /// Tokens of an answer: the mean of what the examples hold.
    pub output: Option<u64>,
}

/// `wanted` is the id of the example to take; without one, or where there is none of it, the first that has this section.
pub(super) fn of(library: &Library, template: &Template, wanted: Option<&str>) -> Sample {
    if let Some(file) = library.tests(&template.name).filter(|_| !template.is_section()) {
        return Sample {
            about: "the first case of its suite".into(),
            context: file.cases.first().and_then(|case| case.get("vars")).cloned().unwrap_or_default(),
            output: None,
        };
    }
    let mut with: Vec<_> = library.examples().iter().filter_map(|e| e.section(&template.name).map(|output| (e, output))).collect();
    if let Some(at) = with.iter().position(|(example, _)| wanted == Some(example.id.as_str())) {
        with.swap(0, at);
    }
    let Some((example, _)) = with.first() else {
        let context = json!({"userInput": {"productIdea": "beeswax candles in reused jars", "brandVoice": "Professional"}});
        return Sample { about: "a short idea, for there is no example".into(), context, output: None };
    };
    let needed = template.depends_on.iter().filter_map(|name| example.section(name).map(|output| (name.camel(), output.clone())));
    let few_shot = with.iter().skip(1).take(EXAMPLES).map(|(e, output)| format!("Product idea: {}\n{output}", e.brief.idea));
    let brief = &example.brief;
    let context = json!({
        "userInput": {
            "productIdea": brief.idea.as_str(),
            "brandVoice": brief.voice.name(),
            "targetMarket": brief.target_market,
            "priceRange": brief.price_range,
        },
        "previousContext": needed.collect::<Map<String, Value>>(),
        "retrievedContext": {"relevantExamples": few_shot.collect::<Vec<_>>()},
        "metadata": {
            "experience": brief.experience.key(), "language": brief.language.name, "currency": brief.currency.code,
            "persona": brief.persona.map(|p| p.name),
        },
    });
    let tokens: Vec<u64> = with.iter().map(|(_, output)| estimate(&output.to_string())).collect();
    let mean = tokens.iter().sum::<u64>() / u64::try_from(tokens.len()).unwrap_or(1).max(1);
    Sample { about: format!("the example {}", example.id), context, output: Some(mean) }
}

/// The same context with nothing said in it: every text is a single letter, but for those of which only some are allowed.
pub(super) fn hollow(context: &Value, template: &Template) -> Value {
    let fixed: Vec<&str> = template.variables.iter().filter(|v| v.allowed.is_some()).map(|v| v.name.as_str()).collect();
    hollowed(context, "", &fixed)
}

fn hollowed(value: &Value, path: &str, fixed: &[&str]) -> Value {
    match value {
        Value::String(text) if fixed.contains(&path) || path.starts_with("metadata") || text.is_empty() => value.clone(),
        Value::String(_) => "x".into(),
        Value::Array(items) => items.iter().map(|item| hollowed(item, path, fixed)).collect(),
        Value::Object(map) => {
            let inner = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            map.iter().map(|(key, value)| (key.clone(), hollowed(value, &inner(key), fixed))).collect()
        }
        other => other.clone(),
    }
}
