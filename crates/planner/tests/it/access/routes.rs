//! Every route, asked by everybody.

use super::{KINDS, Somebody, compare, somebody, sources};
use crate::house::House;
use axum::body::Body;
use axum::http::Request;
use std::collections::BTreeSet;

/// What is sent to routes that read something. A route that is not here gets an empty form or body.
const FIELDS: [(&str, &str); 19] = [
    ("POST /staff/prompts/proposals/{id}/comment", "text=Good."),
    ("POST /staff/prompts/proposals/{id}/request-changes", "text=Good.&revision=1"),
    ("POST /staff/prompts/proposals/{id}/reject", "text=Good.&revision=1"),
    ("POST /staff/releases/roll-back", "environment=staging&reason=answers+were+empty"),
    ("POST /staff/releases/{version}/deploy", "environment=production"),
    ("POST /staff/decisions", "found=It+names+no+dates&decision=Ask+for+one+then&section=swot"),
    ("POST /ventures/{id}/archive", "away=true"),
    ("POST /ventures", "productIdea=cork+yoga+blocks&brandVoice=professional"),
    ("POST /sign-in", "email=nobody%40example.com&password=not+the+password+77"),
    ("POST /reset", "email=nobody%40example.com"),
    ("POST /account/password", "currentPassword=wrong+one&password=tinsel+harbour+quiet+mango"),
    ("POST /account/email", "currentPassword=wrong+one&email=other%40example.com"),
    ("POST /account/delete", "currentPassword=brick-lantern-otter-92"),
    ("POST /account/tokens", "name=nightly&scopes=read&days=30"),
    ("POST /staff/members/{owner}", "tier=starter"),
    ("POST /staff/members/{owner}/role", "role=developer"),
    ("POST /staff/members/{owner}/tier", "tier=starter"),
    ("POST /staff/members/{owner}/lift", "reason=a+known+workshop+of+theirs"),
    ("POST /account/second-step/remove", "password=brick-lantern-otter-92&code=000000"),
];

/// JSON bodies, by route.
const BODIES: [(&str, &str); 11] = [
    ("POST /api/v1/evals", r#"{"version": "9.9.9"}"#),
    ("POST /api/v1/proposals", r#"{"title": "Name risks", "why": "Why not.", "files": []}"#),
    ("POST /api/v1/releases/deploy", r#"{"version": "1.0.0", "environment": "production"}"#),
    ("POST /api/v1/releases/rollback", r#"{"environment": "staging", "from": "1.0.0", "reason": "answers were empty"}"#),
    ("POST /functions/v1/{name}", r#"{"productIdea": "cork yoga mats", "brandVoice": "professional"}"#),
    ("POST /api/v1/ventures", r#"{"productIdea": "cork yoga blocks", "brandVoice": "professional"}"#),
    ("PATCH /api/v1/ventures/{id}", r#"{"archived": true}"#),
    ("POST /api/v1/ventures/{id}/runs", r#"{"sections": ["smart-goals"]}"#),
    ("POST /api/v1/ventures/{id}/sections/{name}/regenerate", "{}"),
    ("POST /api/v1/ventures/{id}/sections/{name}/restore", r#"{"version": "VERSION"}"#),
    ("POST /api/v1/tokens", r#"{"name": "nightly", "scopes": ["read"], "days": 30}"#),
];

/// Every method and path there is, as the source has them.
fn routes() -> BTreeSet<String> {
    let method = regex::Regex::new(r"\b(get|post|put|patch|delete|options)\(").expect("a pattern");
    let described = regex::Regex::new(r#"utoipa::path\((get|post|put|patch|delete), path = "([^"]+)""#).expect("a pattern");
    let mut found = BTreeSet::new();
    for source in sources("web/src") {
        for part in source.split(".route(").skip(1) {
            // A path that is a constant is of the document about the API, which anybody may read.
            let Some((path, rest)) = part.trim_start().strip_prefix('"').and_then(|part| part.split_once('"')) else { continue };
            for method in method.captures_iter(arguments(rest)) {
                found.insert(format!("{} {path}", method[1].to_uppercase()));
            }
        }
        for route in described.captures_iter(&source) {
            found.insert(format!("{} {}", route[1].to_uppercase(), &route[2]));
        }
    }
    found
}

/// What stands before the bracket that closes.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    for (at, letter) in rest.char_indices() {
        open += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if open == 0 {
            return &rest[..at];
        }
    }
    rest
}

async fn every_route(house: House) -> Vec<(String, Vec<String>)> {
    // Whoever only looks changes nothing, so the same people can look at everything.
    let mut lookers = Vec::new();
    for kind in KINDS {
        lookers.push(somebody(&house, kind).await);
    }
    let mut seen = Vec::new();
    for route in routes() {
        let mut cells = Vec::new();
        for (kind, looker) in KINDS.into_iter().zip(&lookers) {
            if route.starts_with("GET ") {
                cells.push(ask(&house, &route, looker).await);
            } else {
                cells.push(ask(&house, &route, &somebody(&house, kind).await).await);
            }
        }
        seen.push((route, cells));
    }
    seen
}

/// The status, and where somebody is sent who has to sign in first.
async fn ask(house: &House, route: &str, who: &Somebody) -> String {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let asked = fill(path, who);
    let mut request =
        Request::builder().method(method).uri(&asked).header("accept", if path.starts_with("/api/") { "*/*" } else { "text/html" });
    match &who.bearer {
        Some(token) => request = request.header("authorization", format!("Bearer {token}")),
        None => request = request.header("cookie", who.browser.cookies()),
    }
    let json = BODIES.iter().find(|(known, _)| *known == route).map(|(_, body)| body.replace("VERSION", &who.version.to_string()));
    let body = match (json, method) {
        (Some(body), _) => {
            request = request.header("content-type", "application/json");
            body
        }
        (None, "POST") if !path.starts_with("/api/") && !path.starts_with("/functions/") => {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            let fields = FIELDS.iter().find(|(known, _)| *known == route).map_or("", |(_, fields)| *fields);
            format!("csrf={}&{fields}", token(house, who))
        }
        _ => String::new(),
    };
    let request = request.body(Body::from(body)).expect("a request");
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), house.send(request)).await;
    let Ok(reply) = answer else { return "open".into() };
    match reply.header("location") {
        place if place.starts_with("/sign-in?next=") => "sign-in".into(),
        _ => reply.status.as_u16().to_string(),
    }
}

/// What a form of theirs carries.
fn token(house: &House, who: &Somebody) -> String {
    let of = |name: &str| who.browser.cookie(name).map(|value| format!("{name} {value}"));
    app::sign(&house.app, "form", &of("planner_session").or_else(|| of("planner_guest")).unwrap_or_default())
}

fn fill(path: &str, who: &Somebody) -> String {
    let (venture, run) = (who.venture.to_string(), who.run.to_string());
    let id = if path.starts_with("/api/v1/runs") { &run } else { &venture };
    path.replace("/examples/{id}", "/examples/alpine-boots")
        .replace("/releases/{version}", "/releases/1.0.0")
        .replace("{*path}", "style.css")
        .replace("{*rest}", "")
        .replace("/functions/v1/{name}", "/functions/v1/generate-smart-goals")
        .replace("{venture}", &venture)
        .replace("{run}", &run)
        .replace("{id}", id)
        .replace("{number}", "1")
        .replace("{after}", id)
        .replace("{name}", "smart-goals")
        .replace("{section}", "smart-goals")
        .replace("{format}", "plan.md")
        .replace("{owner}", &who.customer.to_string())
        .replace("{provider}", "google")
        .replace("{secret}", &"0".repeat(64))
        .replace("{hash}", "0")
        .replace("{version}", &who.version.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_routes_is_true() {
    compare("routes.txt", &every_route(House::furnished(super::roomy).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_routes_is_true_on_postgres() {
    compare("routes.txt", &every_route(House::furnished_on_postgres(super::roomy).await).await);
}
