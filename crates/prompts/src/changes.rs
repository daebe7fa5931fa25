//! How one version of a template differs from another: in what its output promises, and in its text.

use crate::library::Release;
use crate::schema;
use crate::template::Template;
use domain::gates::{SchemaChange, SchemaStep};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a reader of an output may rely on at one path.
#[derive(PartialEq)]
struct Promise {
    kind: Value,
    always: bool,
}

/// How the output's schema changes from one version to the next. Whoever reads outputs relies on paths, on their types and on what is
/// always there; limits of length and number are not promised.
pub fn schema(from: &Template, to: &Template) -> SchemaChange {
    let (before, after) = (promises(&from.output), promises(&to.output));
    let broken: Vec<String> = before
        .iter()
        .filter(|(path, was)| !after.get(*path).is_some_and(|is| is.kind == was.kind && (is.always || !was.always)))
        .map(|(path, _)| path.clone())
        .collect();
    let added: Vec<String> = after.keys().filter(|path| !before.contains_key(*path)).cloned().collect();
    let (step, paths) = match (broken.is_empty(), added.is_empty()) {
        (false, _) => (SchemaStep::Breaks, broken),
        (true, false) => (SchemaStep::Adds, added),
        (true, true) => (SchemaStep::Same, Vec::new()),
    };
    SchemaChange { section: to.name.clone(), step, paths }
}

/// The same for every template that differs between two releases; one that is gone breaks, one that is new adds.
pub fn schemas(from: &Release, to: &Release) -> Vec<SchemaChange> {
    let whole = |template: &Template, step| SchemaChange { section: template.name.clone(), step, paths: vec!["the whole template".into()] };
    let kept = to.templates().map(|template| match from.template(&template.name) {
        Some(before) => schema(before, template),
        None => whole(template, SchemaStep::Adds),
    });
    let gone = from.templates().filter(|template| to.template(&template.name).is_none());
    kept.chain(gone.map(|template| whole(template, SchemaStep::Breaks))).collect()
}

/// The templates that two releases do not have alike, by name.
pub fn differing<'a>(from: &'a Release, to: &'a Release) -> Vec<(Option<&'a Template>, Option<&'a Template>)> {
    let mut pairs: BTreeMap<_, (Option<&Template>, Option<&Template>)> = BTreeMap::new();
    for template in from.templates() {
        pairs.entry(&template.name).or_default().0 = Some(template);
    }
    for template in to.templates() {
        pairs.entry(&template.name).or_default().1 = Some(template);
    }
    pairs.into_values().filter(|(before, after)| before.map(|t| &t.hash) != after.map(|t| &t.hash)).collect()
}

fn promises(output: &Value) -> BTreeMap<String, Promise> {
    let mut promises = BTreeMap::new();
    schema::walk(output, "", &mut |path, schema| {
        promises.insert(path.to_owned(), Promise { kind: schema.get("type").cloned().unwrap_or(Value::Null), always: true });
    });
    optional(output, "", &mut |path| {
        if let Some(promise) = promises.get_mut(path) {
            promise.always = false;
        }
    });
    promises
}

/// Calls `found` with the path of every property that an output may lack.
fn optional(schema: &Value, path: &str, found: &mut impl FnMut(&str)) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required = schema.get("required").and_then(Value::as_array);
    for (key, inner) in properties {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if !required.is_some_and(|names| names.iter().any(|name| name == key)) {
            found(&at);
        }
        optional(inner, &at, found);
    }
    if let Some(items) = schema.get("items") {
        optional(items, &format!("{path}[]"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Library;
    use serde_json::json;
    use std::sync::Arc;

    fn with(output: Value) -> Template {
        let library = Library::load(None).expect("the shipped library");
        let template = library.latest().sections().remove(0).clone();
        Template { output, ..Arc::unwrap_or_clone(template) }
    }

    fn object(properties: &Value, required: &[&str]) -> Template {
        with(json!({"type": "object", "properties": properties, "required": required}))
    }

    #[test]
    fn what_is_promised_may_grow_and_not_shrink() {
        let text = json!({"type": "string"});
        let base = object(&json!({"a": text, "b": {"type": "array", "items": text}}), &["a"]);
        let step = |properties, required: &[&str]| schema(&base, &object(&properties, required));
        let list = json!({"type": "array", "items": text});
        assert_eq!(step(json!({"a": text, "b": list}), &["a"]).step, SchemaStep::Same);
        assert_eq!(step(json!({"a": text, "b": list}), &["a", "b"]).step, SchemaStep::Same, "more is always there");
        let more = step(json!({"a": text, "b": list, "c": text}), &["a"]);
        assert_eq!((more.step, more.paths), (SchemaStep::Adds, vec!["c".to_owned()]));
        assert_eq!(step(json!({"a": text}), &["a"]).paths, ["b", "b[]"]);
        assert_eq!(step(json!({"a": {"type": "integer"}, "b": list}), &["a"]).paths, ["a"]);
        assert_eq!(step(json!({"a": text, "b": list}), &[]).paths, ["a"], "it may be missing now");
    }
}
