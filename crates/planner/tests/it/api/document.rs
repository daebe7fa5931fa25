//! The document about the API: valid, complete, and true of every answer that a test has seen.

use super::Caller;
use crate::house::{House, Reply};
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The document as it is served.
pub async fn read(house: &House) -> Value {
    house.get("/api/v1/openapi.json", "").await.json()
}

/// Fails unless the document allows this answer.
pub fn allows(document: &Value, method: &Method, path: &str, reply: &Reply) {
    let path = path.split('?').next().unwrap_or_default();
    let paths = document["paths"].as_object().expect("paths");
    let Some((template, operations)) = paths.iter().find(|(template, _)| fits(template, path)) else { return };
    let operation = &operations[method.as_str().to_lowercase()];
    if operation.is_null() {
        return assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {template} is not in the document");
    }
    let response = &operation["responses"][reply.status.as_str()];
    assert!(response.is_object(), "{method} {template}: {} is not in the document: {}", reply.status, reply.body);
    let Some(content) = response["content"].as_object() else { return assert_eq!(reply.body, "", "{method} {template}") };
    let kind = reply.header("content-type").split(';').next().unwrap_or_default();
    let schema = &content.get(kind).unwrap_or_else(|| panic!("{method} {template}: {kind} is not in the document"))["schema"];
    if kind.ends_with("json") {
        obeys(document, schema, &reply.json());
    }
}

/// Fails unless a value has the form of a schema and no field that is not in it.
pub fn obeys(document: &Value, schema: &Value, value: &Value) {
    let mut root = json!({"components": document["components"], "allOf": [schema]});
    close(&mut root);
    let validator = jsonschema::draft202012::new(&root).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?} in {value:#}");
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("type").is_some_and(|kind| kind == "object") && fields.contains_key("properties") {
                fields.insert("additionalProperties".into(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(path).all(|(wanted, given)| wanted.starts_with('{') || *wanted == given)
}

/// Every operation of a document: method, path, and what is said about it.
pub fn operations(document: &Value) -> Vec<(Method, String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| item.as_object().expect("operations").iter().map(move |of| (path, of)));
    operations
        .map(|(path, (method, operation))| {
            (method.to_uppercase().parse().expect("a method"), path.clone(), operation.as_object().expect("an operation"))
        })
        .collect()
}

const ROUTES: [&str; 33] = [
    "DELETE /api/v1/tokens/{id}",
    "GET /api/v1/account",
    "GET /api/v1/audit",
    "GET /api/v1/evals",
    "GET /api/v1/evals/{id}",
    "GET /api/v1/evals/{id}/cases",
    "GET /api/v1/evals/{id}/cases/{number}",
    "GET /api/v1/evals/{id}/compared-with/{after}",
    "GET /api/v1/prompts",
    "GET /api/v1/proposals",
    "GET /api/v1/releases",
    "GET /api/v1/runs/{id}",
    "GET /api/v1/runs/{id}/events",
    "GET /api/v1/tokens",
    "GET /api/v1/ventures",
    "GET /api/v1/ventures/{id}",
    "GET /api/v1/ventures/{id}/export",
    "GET /api/v1/ventures/{id}/runs",
    "GET /api/v1/ventures/{id}/sections",
    "GET /api/v1/ventures/{id}/sections/{name}",
    "GET /api/v1/ventures/{id}/sections/{name}/versions",
    "PATCH /api/v1/ventures/{id}",
    "POST /api/v1/evals",
    "POST /api/v1/evals/{id}/stop",
    "POST /api/v1/proposals",
    "POST /api/v1/releases/deploy",
    "POST /api/v1/releases/rollback",
    "POST /api/v1/runs/{id}/cancel",
    "POST /api/v1/tokens",
    "POST /api/v1/ventures",
    "POST /api/v1/ventures/{id}/runs",
    "POST /api/v1/ventures/{id}/sections/{name}/regenerate",
    "POST /api/v1/ventures/{id}/sections/{name}/restore",
];

#[tokio::test]
async fn every_route_is_in_the_document_and_everything_in_it_is_a_route() {
    let house = House::open().await;
    let document = read(&house).await;
    let mut routes: Vec<String> = operations(&document).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    routes.sort();
    assert_eq!(routes, ROUTES);
    let caller = Caller::back(&house).await;
    for (method, path, _) in operations(&document) {
        let address = path.replace("{id}", &uuid::Uuid::now_v7().to_string()).replace("{name}", "swot");
        let reply = house.send(caller.request(&method, &address, Some(&json!({})), &[])).await;
        let nowhere = reply.status == StatusCode::METHOD_NOT_ALLOWED || reply.body.contains("there is nothing at this address");
        assert!(!nowhere, "{method} {path}: {}", reply.body);
    }
}

#[tokio::test]
async fn the_document_is_sound() {
    let house = House::open().await;
    let reply = house.get("/api/v1/openapi.json", "").await;
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "public, max-age=300"));
    let document = reply.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", document["openapi"]);
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    jsonschema::draft202012::meta::validate(&json!({"$defs": document["components"]["schemas"]})).expect("the schemas are schemas");
    refer(&document, &document);
    let tags: BTreeSet<&str> = document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let here = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect("an id")), "{here}: a second operation of this id");
        assert!(
            operation["summary"].is_string()
                && operation["tags"].as_array().is_some_and(|tag| tags.contains(tag[0].as_str().unwrap_or_default())),
            "{here}"
        );
        let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let declared: BTreeSet<&str> = parameters.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
        let needed: BTreeSet<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, needed, "{here}");
        assert!(parameters.iter().all(|p| p["in"] != "path" || p["required"] == true), "{here}");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.values().all(|response| response["description"].as_str().is_some_and(|text| !text.is_empty())), "{here}");
    }
}

/// Fails unless every reference leads somewhere.
fn refer(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} is nowhere");
            }
            fields.values().for_each(|part| refer(document, part));
        }
        Value::Array(items) => items.iter().for_each(|part| refer(document, part)),
        _ => {}
    }
}

#[tokio::test]
async fn it_can_be_browsed_with_nothing_from_elsewhere() {
    let house = House::open().await;
    let page = house.get("/api/docs/", "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!page.body.contains("<script>") && !page.body.contains("<style") && !page.body.contains(" style="), "nothing inline");
    for link in page.body.split("src=\"").skip(1).chain(page.body.split("href=\"").skip(1)) {
        let link = link.split('"').next().unwrap_or_default();
        assert!(!link.contains("//"), "{link} is elsewhere");
        assert_eq!(house.get(&format!("/api/docs/{}", link.trim_start_matches("./")), "").await.status, StatusCode::OK, "{link}");
    }
    let setup = house.get("/api/docs/swagger-initializer.js", "").await.body;
    assert!(setup.contains("/api/v1/openapi.json"), "{setup}");
}
