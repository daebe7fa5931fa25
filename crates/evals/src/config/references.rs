//! `$ref: '#/assertionTemplates/name'`: an assertion written once and used in many tests.

use super::names::Names;
use serde_json::{Map, Value};

const PREFIX: &str = "#/assertionTemplates/";

/// What tests may refer to in the config they belong to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// What `$ref` may stand for.
    pub templates: Templates,
    /// Who and what may be named.
    pub names: Names,
}

/// The assertion templates of a config.
#[derive(Debug, Clone, Default)]
pub(crate) struct Templates(pub Map<String, Value>);

impl Templates {
    /// An assertion with its references followed; its own keys win over the template's. A fault says where (a text to look for) and what.
    pub fn resolve(&self, item: &Value) -> Result<Map<String, Value>, (String, String)> {
        self.follow(item, &mut Vec::new())
    }

    fn follow(&self, item: &Value, way: &mut Vec<String>) -> Result<Map<String, Value>, (String, String)> {
        let Value::Object(map) = item else {
            return Err(("assert:".into(), format!("an assertion is a map with a type, not {}", super::reading::short(item))));
        };
        let Some(reference) = map.get("$ref") else { return Ok(map.clone()) };
        let reference = reference.as_str().unwrap_or_default();
        let Some(name) = reference.strip_prefix(PREFIX) else {
            return Err(("$ref".into(), format!("$ref \"{reference}\" is not supported; use '{PREFIX}<name>'")));
        };
        if way.iter().any(|seen| seen == name) {
            way.push(name.to_owned());
            return Err((format!("{PREFIX}{name}"), format!("$ref goes in a circle: {}", way.join(" -> "))));
        }
        let Some(template) = self.0.get(name) else {
            return Err((reference.to_owned(), format!("$ref \"{reference}\" names no entry of assertionTemplates")));
        };
        way.push(name.to_owned());
        let mut merged = self.follow(template, way)?;
        merged.extend(map.iter().filter(|(key, _)| *key != "$ref").map(|(k, v)| (k.clone(), v.clone())));
        Ok(merged)
    }

    /// What is wrong with the templates themselves.
    pub fn faults(&self) -> Vec<(String, String)> {
        self.0.iter().filter_map(|(name, template)| self.follow(template, &mut vec![name.clone()]).err()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_followed_and_circles_named() {
        let templates = Templates(
            json!({"short": {"type": "javascript", "value": "output.length < 9"}, "shorter": {"$ref": "#/assertionTemplates/short", "weight": 2},
                   "a": {"$ref": "#/assertionTemplates/b"}, "b": {"$ref": "#/assertionTemplates/a"}})
            .as_object()
            .expect("object")
            .clone(),
        );
        let found = templates.resolve(&json!({"$ref": "#/assertionTemplates/shorter", "metric": "m"})).expect("found");
        assert_eq!(Value::Object(found), json!({"type": "javascript", "value": "output.length < 9", "weight": 2, "metric": "m"}));
        assert!(templates.resolve(&json!({"$ref": "#/assertionTemplates/a"})).expect_err("circle").1.contains("a -> b -> a"));
        assert!(templates.resolve(&json!({"$ref": "#/assertionTemplates/none"})).expect_err("none").1.contains("names no entry"));
        assert_eq!(templates.faults().len(), 2);
    }
}
