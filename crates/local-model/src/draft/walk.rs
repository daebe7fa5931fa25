//! Walks the schema. Items of one array are filled side by side, property after property, so that the same leaf of all
//! items is one question to the model.

use serde_json::{Map, Value};

use super::leaf::Node;
use super::shape::Shape;
use super::{Drafter, Lead, Scope, text};
use crate::Error;

/// Items of an array beyond which a draft says nothing new.
const ENOUGH: usize = 3;

impl<'a> Drafter<'a> {
    /// One value for each scope.
    pub(super) fn fill(&mut self, node: Node<'_>, label: &str, scopes: &[Scope<'a>]) -> Result<Vec<Value>, Error> {
        match node.kind() {
            "object" => self.objects(node, label, scopes),
            "array" => self.arrays(node, label, scopes),
            _ if node.is_prose() => {
                let texts = self.prose(node, label, scopes)?;
                Ok(texts.into_iter().map(Value::String).collect())
            }
            _ => self.by_rule(node, scopes),
        }
    }

    fn objects(&mut self, node: Node<'_>, label: &str, scopes: &[Scope<'a>]) -> Result<Vec<Value>, Error> {
        let mut built: Vec<Map<String, Value>> = vec![Map::new(); scopes.len()];
        let mut leads: Vec<Option<Lead<'a>>> = scopes.iter().map(|scope| scope.lead.clone()).collect();
        for lead in leads.iter_mut().flatten() {
            lead.inherited = true;
        }
        for (key, child) in node.properties() {
            if child.is_read_only() {
                if let Some(value) = unasked(child).filter(|_| node.requires(key) || child.kind() != "string") {
                    for map in &mut built {
                        map.insert(key.to_owned(), value.clone());
                    }
                }
                continue;
            }
            let inner = |(scope, (siblings, lead)): (&Scope<'a>, (&Map<String, Value>, &Option<Lead<'a>>))| Scope {
                path: join(&scope.path, key),
                models: scope.models.iter().map(|model| model.and_then(|model| model.get(key))).collect(),
                parents: scope.models.clone(),
                siblings: siblings.clone(),
                lead: lead.clone(),
                index: scope.index,
            };
            let children: Vec<Scope<'a>> = scopes.iter().zip(built.iter().zip(&leads)).map(inner).collect();
            let label = label_of(child, key, label, scopes);
            let values = self.fill(child, &label, &children)?;
            for (at, value) in values.into_iter().enumerate() {
                if let Some(lead) = lead_from(child, &label, &value, &children[at], leads[at].as_ref()) {
                    leads[at] = Some(lead);
                }
                built[at].insert(key.to_owned(), value);
            }
        }
        Ok(built.into_iter().map(Value::Object).collect())
    }

    fn arrays(&mut self, node: Node<'_>, label: &str, scopes: &[Scope<'a>]) -> Result<Vec<Value>, Error> {
        let counts: Vec<usize> = scopes.iter().map(|scope| count_of(node, scope)).collect();
        let Some(item) = node.items() else { return Ok(vec![Value::Array(Vec::new()); scopes.len()]) };
        let label = item.title().unwrap_or(label).to_owned();
        if item.is_prose() {
            let lists = self.lists(item, &label, scopes, &counts)?;
            return Ok(lists.into_iter().map(|list| Value::Array(list.into_iter().map(Value::String).collect())).collect());
        }
        if item.format() == Some("hashtag") {
            return Ok(scopes
                .iter()
                .zip(&counts)
                .map(|(scope, count)| self.hashtags(item, scope, (*count).max(node.min_items())))
                .collect());
        }
        let inner = scopes.iter().zip(&counts).flat_map(|(scope, count)| (0..*count).map(move |index| item_scope(scope, index)));
        let inner: Vec<Scope<'a>> = inner.collect();
        let mut values = self.fill(item, &label, &inner)?.into_iter();
        Ok(counts.iter().map(|count| Value::Array(values.by_ref().take(*count).collect())).collect())
    }
}

/// What stands where the program, not the model, fills in later.
fn unasked(node: Node<'_>) -> Option<Value> {
    match node.kind() {
        "array" => Some(Value::Array(Vec::new())),
        "boolean" => Some(Value::Bool(true)),
        "object" => Some(Value::Object(Map::new())),
        "integer" | "number" => Some(Value::from(0)),
        "string" => Some(Value::String(String::new())),
        _ => None,
    }
}

/// The nearest example's count, but no more than says something new.
fn count_of(node: Node<'_>, scope: &Scope<'_>) -> usize {
    let example = scope.models.iter().flatten().find_map(|model| model.as_array()).map_or(ENOUGH, Vec::len);
    example.min(ENOUGH.max(node.min_items())).clamp(node.min_items(), node.max_items())
}

fn item_scope<'a>(scope: &Scope<'a>, index: usize) -> Scope<'a> {
    let item = |model: Option<&'a Value>| {
        let items = model.and_then(Value::as_array).filter(|items| !items.is_empty())?;
        items.get(index % items.len())
    };
    Scope {
        path: format!("{}[{index}]", scope.path),
        models: scope.models.iter().copied().map(item).collect(),
        parents: scope.parents.clone(),
        siblings: scope.siblings.clone(),
        lead: scope.lead.clone(),
        index,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The form's label: the title, with the title of the group it stands in ("Returns policy").
fn label_of(node: Node<'_>, key: &str, group: &str, scopes: &[Scope<'_>]) -> String {
    let own = node.title().map_or_else(|| spelled(key), str::to_owned);
    let grouped = scopes.first().is_some_and(|scope| !scope.path.is_empty() && !scope.path.ends_with(']'));
    let said = text::content(&own).iter().any(|word| text::content(group).contains(word));
    if grouped && !said && node.kind() == "string" { format!("{group} {}", own.to_lowercase()) } else { own }
}

/// "painPoints" as "Pain points".
fn spelled(key: &str) -> String {
    let mut words = String::new();
    for letter in key.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    text::capitalised(words.trim())
}

/// The line just written, if later ones of the object should follow from it: the latest label, else the first line.
fn lead_from<'a>(node: Node<'_>, label: &str, value: &Value, scope: &Scope<'a>, now: Option<&Lead<'a>>) -> Option<Lead<'a>> {
    let text = value.as_str().filter(|_| node.is_prose())?;
    let models: Vec<Option<&'a str>> = scope.models.iter().map(|model| model.and_then(Value::as_str)).collect();
    let known: Vec<&str> = models.iter().flatten().copied().collect();
    let shape = Shape::of(&known);
    if shape.words > 22.0 || known.is_empty() || known.iter().all(|value| !value.contains(' ')) {
        return None;
    }
    let better = now.is_none_or(|now| now.inherited || shape.is_label());
    better.then(|| Lead { label: label.to_owned(), text: text.to_owned(), models, inherited: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(model: &Value) -> Scope<'_> {
        Scope { path: "a.b".to_owned(), models: vec![Some(model)], parents: vec![None], siblings: Map::new(), lead: None, index: 0 }
    }

    #[test]
    fn counts_stay_small_and_in_bounds() {
        let schema = json!({"minItems": 2, "maxItems": 6});
        let five = json!([1, 2, 3, 4, 5]);
        assert_eq!(count_of(Node(&schema), &scope(&five)), 3);
        let one = json!([1]);
        assert_eq!(count_of(Node(&schema), &scope(&one)), 2);
        let schema = json!({"minItems": 6, "maxItems": 10});
        assert_eq!(count_of(Node(&schema), &scope(&five)), 6);
    }

    #[test]
    fn labels_take_the_title_and_the_group() {
        let schema = json!({"type": "string", "title": "Policy"});
        let model = json!({});
        assert_eq!(label_of(Node(&schema), "policy", "Returns", &[scope(&model)]), "Returns policy");
        let bare = json!({"type": "array"});
        assert_eq!(label_of(Node(&bare), "painPoints", "Persona", &[scope(&model)]), "Pain points");
    }

    #[test]
    fn read_only_places_are_left_to_the_program() {
        assert_eq!(unasked(Node(&json!({"type": "array"}))), Some(json!([])));
        assert_eq!(unasked(Node(&json!({"type": "boolean"}))), Some(json!(true)));
    }

    #[test]
    fn items_repeat_the_examples_items() {
        let model = json!(["a", "b"]);
        let third = item_scope(&scope(&model), 2);
        assert_eq!((third.path.as_str(), third.models[0]), ("a.b[2]", Some(&json!("a"))));
    }
}
