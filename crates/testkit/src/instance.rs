//! A valid, plausible instance of any schema a provider may be sent: JSON Schema or Gemini's form of it (types in capitals, counts
//! as strings).
//!
//! The same schema and prompt give the same instance. It follows the keywords that planners use; `not`, `if` and
//! `patternProperties` are not among them.

mod known;
mod numbers;
mod patterned;
mod texts;
mod tongues;

use crate::question::product_in;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use texts::Words;

/// From this depth on a schema that refers to itself gets only what it requires.
const SHALLOW: usize = 8;
/// How deep it is followed at all.
const DEPTH: usize = 32;

/// What every placeholder instance contains somewhere.
pub const PLACEHOLDER: &str = "[insert price]";

/// What every instance with markup contains somewhere: a heading to Markdown, a script and a link to HTML.
pub const MARKUP: &str = "# <script>alert(1)</script> <a href='x'>![b](y)</a>";

/// A valid instance of `schema` about the product in the prompt (`<product_idea>…</product_idea>`), in the currency it names. Texts with
/// room for it take up what the prompt tells beside: criticism, earlier sections, the planned price.
///
/// No two texts in it are equal, letter case aside, where the schema leaves the choice.
pub fn instance(schema: &Value, prompt: &str) -> Value {
    Builder::new(schema, prompt).value(schema, Place::root())
}

/// As [`instance`], but the first free text that is long enough contains [`PLACEHOLDER`].
pub fn instance_with_placeholder(schema: &Value, prompt: &str) -> Value {
    with_planted(schema, prompt, &format!("{PLACEHOLDER} is what it costs."), PLACEHOLDER.len())
}

/// As [`instance`], but the first free text that is long enough begins with [`MARKUP`].
pub fn instance_with_markup(schema: &Value, prompt: &str) -> Value {
    with_planted(schema, prompt, MARKUP, MARKUP.len())
}

/// With `text` in the first free text that has room for the `least` characters that matter.
fn with_planted(schema: &Value, prompt: &str, text: &str, least: usize) -> Value {
    let mut builder = Builder::new(schema, prompt);
    builder.planted = Some((text.to_owned(), least));
    builder.value(schema, Place::root())
}

/// A few sentences about the product in the prompt, for a question without a schema.
pub fn free_text(prompt: &str) -> String {
    let words = Words::new(product_in(prompt), prompt);
    (0..3).map(|i| words.sentence(0, i, 40, 400)).collect::<Vec<_>>().join(" ")
}

/// Where in the instance a value stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The property it is the value of, or an item of.
    pub(crate) key: &'a str,
    /// Its number in a list.
    pub(crate) index: usize,
    depth: usize,
}

impl Place<'_> {
    const fn root() -> Self {
        Self { key: "", index: 0, depth: 0 }
    }
}

struct Builder<'a> {
    root: &'a Value,
    words: Words,
    /// Texts given so far, in small letters.
    used: HashSet<String>,
    /// How often each set of choices was chosen from.
    chosen: HashMap<String, usize>,
    /// What the first text with room for so many characters is to be.
    planted: Option<(String, usize)>,
    /// How many of the prompt's own sentences were taken up.
    told: usize,
}

impl<'a> Builder<'a> {
    fn new(root: &'a Value, prompt: &str) -> Self {
        Self { root, words: Words::new(product_in(prompt), prompt), used: HashSet::new(), chosen: HashMap::new(), planted: None, told: 0 }
    }

    fn value(&mut self, schema: &Value, place: Place<'_>) -> Value {
        let place = Place { depth: place.depth + 1, ..place };
        if place.depth > DEPTH {
            return Value::Null;
        }
        if let Some(target) = schema.get("$ref").or_else(|| schema.get("ref")).and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).cloned().unwrap_or_default();
            return self.value(&found, place);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty()) {
            return self.choice(choices);
        }
        if let Some(options) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array()) {
            let deep = place.depth > SHALLOW;
            let option = options.iter().find(|option| (kind(option) == "null") == deep).or(options.first()).cloned().unwrap_or_default();
            return self.value(&option, place);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            let merged = merged(schema, all);
            return self.value(&merged, place);
        }
        match kind(schema).as_str() {
            "object" => self.object(schema, place),
            "array" => self.array(schema, place),
            "integer" => numbers::integer(schema, place, self.words.known.price),
            "number" => numbers::number(schema, place),
            "boolean" => Value::Bool(!says(place.key, &["low", "refus", "error", "unsafe", "block"])),
            "null" => Value::Null,
            _ => Value::String(self.text(schema, place)),
        }
    }

    /// Every choice in turn.
    fn choice(&mut self, choices: &[Value]) -> Value {
        let count = self.chosen.entry(Value::from(choices).to_string()).or_default();
        let choice = &choices[*count % choices.len()];
        *count += 1;
        choice.clone()
    }

    fn object(&mut self, schema: &Value, place: Place<'_>) -> Value {
        let mut fields = Map::new();
        let required =
            |key: &str| schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|name| name == key));
        for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if place.depth > SHALLOW && !required(key) {
                continue;
            }
            let value = self.value(inner, Place { key, ..place });
            fields.insert(key.clone(), value);
        }
        // Where the names are free, as many as must be there.
        let least = count(schema, "minProperties").unwrap_or(0);
        let free = schema.get("additionalProperties").filter(|inner| inner.is_object()).cloned().unwrap_or_default();
        for number in 1.. {
            if fields.len() >= least {
                break;
            }
            let key = format!("field{number}");
            let value = self.value(&free, Place { key: &key, ..place });
            fields.insert(key, value);
        }
        Value::Object(fields)
    }

    fn array(&mut self, schema: &Value, place: Place<'_>) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let least = count(schema, "minItems").unwrap_or(0).max(1).max(first.len());
        let wanted = least.min(count(schema, "maxItems").unwrap_or(usize::MAX));
        if place.depth > SHALLOW && count(schema, "minItems").unwrap_or(0) == 0 {
            return Value::Array(Vec::new());
        }
        let rest = schema.get("items").cloned().unwrap_or_default();
        let items = (0..wanted).map(|index| self.value(first.get(index).unwrap_or(&rest), Place { index, ..place }));
        Value::Array(items.collect())
    }

    /// A text of the wanted form and length which was not given before, if there is one.
    fn text(&mut self, schema: &Value, place: Place<'_>) -> String {
        let (least, most) = lengths(schema);
        let form = patterned::form(schema, place.key);
        if let Some((planted, _)) = self.planted.take_if(|(_, room)| form == patterned::Form::Sentence && most >= *room) {
            return texts::fit(&planted, least, most);
        }
        let start = texts::start(place.key);
        for attempt in 0..512 {
            let text = match &form {
                patterned::Form::Sentence if says(place.key, &["question"]) => self.words.question(place.index + attempt, least, most),
                patterned::Form::Sentence => self.words.telling((start, place.index + attempt), self.told, least, most),
                form => form.text(&self.words, attempt, least, most),
            };
            if form.repeats() || self.used.insert(text.to_lowercase()) {
                self.told += if form == patterned::Form::Sentence { texts::told_in(most) } else { 0 };
                return text;
            }
        }
        form.text(&self.words, 0, least, most)
    }
}

/// The type of a schema in small letters; of several the first that is not null; where none is said, what its keywords imply.
fn kind(schema: &Value) -> String {
    let said = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").or(Some("null")),
        _ => None,
    };
    let implied = || {
        if schema.get("properties").is_some() {
            "object"
        } else if schema.get("items").is_some() {
            "array"
        } else {
            "string"
        }
    };
    said.map_or_else(|| implied().to_owned(), str::to_lowercase)
}

/// A count, which Gemini sends as a string.
pub(crate) fn count(schema: &Value, key: &str) -> Option<usize> {
    let value = schema.get(key)?;
    value.as_u64().and_then(|n| usize::try_from(n).ok()).or_else(|| value.as_str()?.parse().ok())
}

/// The least and the most characters of a text. Strict schemas can say the most only in words: `at most 80 characters`.
fn lengths(schema: &Value) -> (usize, usize) {
    let said = schema
        .get("description")
        .and_then(Value::as_str)
        .and_then(|text| text.split_once("at most ")?.1.split_once(" characters")?.0.parse().ok());
    let most = count(schema, "maxLength").or(said).unwrap_or(usize::MAX);
    (count(schema, "minLength").unwrap_or(0).min(most), most)
}

/// Whether a property's name contains one of the words, letter case aside.
pub(crate) fn says(key: &str, words: &[&str]) -> bool {
    let key = key.to_lowercase();
    words.iter().any(|word| key.contains(word))
}

/// One schema out of all that must hold: keywords of later ones win, properties and required names are put together.
fn merged(schema: &Value, all: &[Value]) -> Value {
    let mut out = schema.as_object().cloned().unwrap_or_default();
    out.remove("allOf");
    for (key, value) in all.iter().filter_map(Value::as_object).flatten() {
        match (out.get_mut(key), value) {
            (Some(Value::Object(have)), Value::Object(more)) => have.extend(more.clone()),
            (Some(Value::Array(have)), Value::Array(more)) => have.extend(more.clone()),
            _ => drop(out.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests;
