//! What somebody says about a venture in named fields: the body of a function, the variables of an eval. Read in one place, so that an
//! eval judges what a member would have got.

use domain::faults::{Fault, Faults};
use domain::ventures::{self, Brief, RawBrief};
use prompts::{Release, Template};
use serde_json::{Map, Value};

/// What was said; every part is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The venture.
    pub brief: Brief,
    /// What was wrong with earlier attempts.
    pub feedback: Vec<String>,
    /// Outputs of earlier sections by camelCase name.
    pub earlier: Map<String, Value>,
}

/// Reads the fields, or names every fault of every field. Fields that nobody asks for are let through.
pub fn read(release: &Release, template: &Template, fields: &Map<String, Value>) -> Result<Said, Faults> {
    let mut faults = Faults::default();
    let mut text = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            faults.0.push(Fault::new(field, "must be a text"));
            None
        }
    };
    let raw = RawBrief {
        idea: text("productIdea").unwrap_or_default(),
        voice: text("brandVoice"),
        persona: text("persona"),
        experience: text("experienceLevel"),
        target_market: text("targetMarket"),
        price_range: text("priceRange"),
        language: text("language"),
        currency: text("currency"),
    };
    let feedback = faults.take(texts("previousFeedback", fields)).unwrap_or_default();
    let brief = faults.take(Brief::parse(&raw));
    let feedback = faults.take(ventures::feedback(&feedback));
    let earlier = faults.take(earlier(release, template, fields));
    match (brief, feedback, earlier) {
        (Some(brief), Some(feedback), Some(earlier)) if faults.is_empty() => Ok(Said { brief, feedback, earlier }),
        _ => Err(faults),
    }
}

fn texts(field: &str, fields: &Map<String, Value>) -> Result<Vec<String>, Faults> {
    let Some(value) = fields.get(field).filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let list = value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    list.ok_or_else(|| Fault::new(field, "must be a list of texts").into())
}

/// Earlier sections under their camelCase names; each must have its section's form.
fn earlier(release: &Release, template: &Template, fields: &Map<String, Value>) -> Result<Map<String, Value>, Faults> {
    let mut faults = Faults::default();
    let mut found = Map::new();
    for needed in template.depends_on.iter().filter_map(|name| release.section(name)) {
        let key = needed.name.camel();
        let Some(value) = fields.get(&key).filter(|value| !value.is_null()) else { continue };
        for issue in needed.check_output(value).iter().filter(|i| i.rule == "schema").take(5) {
            faults.add(format!("{key}{}", issue.at), issue.message.clone());
        }
        found.insert(key, value.clone());
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}
