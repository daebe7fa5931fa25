//! A section's output as labelled parts, by its schema's titles and view hints; pages and exports draw the same outline.

use crate::template::{As, Template};
use domain::generations::Source;
use domain::locales::Currency;
use serde_json::Value;

/// One labelled part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it stands in the output, as a path.
    pub path: String,
    /// What it is called.
    pub label: String,
    /// What it says.
    pub body: Body,
}

/// What a part says, by how it wants to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A text that opens the section.
    Lead(String),
    /// One or more paragraphs.
    Text(Vec<String>),
    /// Somebody's words.
    Quote(String),
    /// Points.
    List(Vec<String>),
    /// Short words.
    Chips(Vec<String>),
    /// Points in order.
    Steps(Vec<String>),
    /// A figure with its unit.
    Figure(String),
    /// A figure out of a hundred.
    Score(f64),
    /// Colours: label, `#rrggbb`.
    Swatches(Vec<(String, String)>),
    /// Fonts: label, name.
    Fonts(Vec<(String, String)>),
    /// Pages the section rests on.
    Sources(Vec<Source>),
    /// Things of one kind.
    Cards(Vec<Card>),
    /// Things of one kind in columns: heads, rows.
    Table(Vec<String>, Vec<Vec<String>>),
    /// Parts that belong together.
    Group(Vec<Part>),
}

/// One of several things of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Its title, if a property was named as such.
    pub title: Option<String>,
    /// The rest.
    pub parts: Vec<Part>,
}

impl Template {
    /// The output as parts, in the order of the schema; leading texts come first, hidden ones not at all.
    pub fn outline(&self, output: &Value, currency: Currency) -> Vec<Part> {
        let draw = Draw { template: self, currency: currency_in(output).unwrap_or(currency) };
        let mut parts = draw.object(&self.output, output, "");
        parts.sort_by_key(|part| !matches!(part.body, Body::Lead(_)));
        parts
    }
}

/// An output that says its own currency means it.
fn currency_in(output: &Value) -> Option<Currency> {
    output.get("currency").and_then(Value::as_str).and_then(|code| Currency::parse(code).ok())
}

struct Draw<'a> {
    template: &'a Template,
    currency: Currency,
}

impl Draw<'_> {
    fn object(&self, schema: &Value, value: &Value, path: &str) -> Vec<Part> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let parts = properties.into_iter().flatten().filter_map(|(key, inner)| {
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let body = self.body(inner, value.get(key)?, &at)?;
            Some(Part { path: at, label: label(inner, key), body })
        });
        parts.collect()
    }

    fn hint(&self, path: &str) -> Option<As> {
        self.template.view.fields.get(path).map(|f| f.form)
    }

    fn body(&self, schema: &Value, value: &Value, path: &str) -> Option<Body> {
        let hint = self.hint(path);
        match (hint, value) {
            (Some(As::Hidden), _) | (_, Value::Null) => None,
            (_, Value::Bool(yes)) => Some(Body::Figure(if *yes { "yes" } else { "no" }.into())),
            (Some(As::Lead), Value::String(text)) => Some(Body::Lead(text.clone())),
            (Some(As::Quote), Value::String(text)) => Some(Body::Quote(text.clone())),
            (_, Value::String(text)) => Some(Body::Text(paragraphs(text))),
            (Some(As::Score), Value::Number(n)) => n.as_f64().map(Body::Score),
            (_, Value::Number(_)) => Some(self.number(schema, hint, value)),
            (_, Value::Array(items)) => self.list(schema, hint, items, path),
            (Some(As::Swatches), Value::Object(_)) => Some(Body::Swatches(self.pairs(schema, value))),
            (Some(As::Fonts), Value::Object(_)) => Some(Body::Fonts(self.pairs(schema, value))),
            (Some(As::Cards), Value::Object(_)) => Some(Body::Cards(vec![self.card(schema, value, path, path)])),
            (_, Value::Object(_)) => Some(Body::Group(self.object(schema, value, path))),
        }
    }

    fn number(&self, schema: &Value, hint: Option<As>, value: &Value) -> Body {
        match schema.get("x-unit").and_then(Value::as_str) {
            Some("score") => Body::Score(value.as_f64().unwrap_or_default()),
            _ => Body::Figure(self.figure(schema, hint, value)),
        }
    }

    fn figure(&self, schema: &Value, hint: Option<As>, value: &Value) -> String {
        let unit = schema.get("x-unit").and_then(Value::as_str);
        match (unit, hint) {
            (Some("cents"), _) | (_, Some(As::Money)) => {
                value.as_i64().map_or_else(|| value.to_string(), |cents| self.currency.format(cents))
            }
            (Some("percent"), _) | (_, Some(As::Percent)) => format!("{value} %"),
            (Some(unit @ ("units" | "years")), _) => format!("{value} {unit}"),
            _ => value.to_string(),
        }
    }

    fn list(&self, schema: &Value, hint: Option<As>, items: &[Value], path: &str) -> Option<Body> {
        let inner = schema.get("items").unwrap_or(&Value::Null);
        let at = format!("{path}[]");
        if items.is_empty() {
            return None;
        }
        if hint == Some(As::Sources) || path == "sources" {
            let sources = items.iter().filter_map(|item| serde_json::from_value::<Source>(item.clone()).ok());
            let sources = sources.filter(|source| source.uri.starts_with("https://") || source.uri.starts_with("http://"));
            return Some(Body::Sources(sources.collect()));
        }
        if items.iter().all(Value::is_object) {
            return Some(match hint {
                Some(As::Table) => self.table(inner, items),
                _ => Body::Cards(items.iter().map(|item| self.card(inner, item, path, &at)).collect()),
            });
        }
        let texts: Vec<String> = items.iter().map(|item| self.cell(inner, item)).collect();
        Some(match hint {
            Some(As::Chips) => Body::Chips(texts),
            Some(As::Steps) => Body::Steps(texts),
            _ => Body::List(texts),
        })
    }

    fn card(&self, schema: &Value, item: &Value, path: &str, at: &str) -> Card {
        let heading = self.template.view.fields.get(path).and_then(|f| f.heading.as_deref());
        let title = heading.and_then(|key| item.get(key)).map(|value| self.cell(&Value::Null, value));
        let mut parts = self.object(schema, item, at);
        parts.retain(|part| heading.is_none_or(|key| part.path != format!("{at}.{key}")));
        // Under a title of its own, a single text needs no label.
        if let (Some(_), [Part { label, body: Body::Text(_), .. }]) = (&title, parts.as_mut_slice()) {
            label.clear();
        }
        Card { title, parts }
    }

    fn table(&self, schema: &Value, items: &[Value]) -> Body {
        let columns: Vec<(&String, &Value)> = schema.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
        let heads = columns.iter().map(|(key, inner)| label(inner, key)).collect();
        let rows = items.iter().map(|item| columns.iter().map(|(key, inner)| self.cell(inner, &item[key.as_str()])).collect());
        Body::Table(heads, rows.collect())
    }

    fn pairs(&self, schema: &Value, value: &Value) -> Vec<(String, String)> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let pairs =
            properties.into_iter().flatten().filter_map(|(key, inner)| Some((label(inner, key), self.cell(inner, value.get(key)?))));
        pairs.collect()
    }

    /// A value in one line.
    fn cell(&self, schema: &Value, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().map(|item| self.cell(schema.get("items").unwrap_or(&Value::Null), item)).collect::<Vec<_>>().join(", ")
            }
            Value::Null => String::new(),
            other => self.figure(schema, None, other),
        }
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// The schema's title, else the key as words.
fn label(schema: &Value, key: &str) -> String {
    if let Some(title) = schema.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let mut words = String::new();
    for (i, c) in key.chars().enumerate() {
        if c.is_uppercase() {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else if i == 0 {
            words.extend(c.to_uppercase());
        } else {
            words.push(c);
        }
    }
    words
}
