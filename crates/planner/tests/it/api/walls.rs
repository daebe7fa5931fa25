//! What is somebody's own, over every route.

use super::{Caller, document};
use crate::house::House;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

/// What a route that changes something is sent.
fn body(path: &str, version: &Value) -> Value {
    match path.rsplit('/').next() {
        Some("restore") => json!({"version": version}),
        Some("{id}") => json!({"archived": true}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn what_is_anothers_looks_like_what_is_not_there() {
    let house = House::open().await;
    let (owner, stranger) = (Caller::back(&house).await, Caller::stranger(&house).await);
    let venture = owner.venture().await;
    let run = owner.run(&venture, &["swot"]).await;
    owner.until_finished(&run).await;
    let before = [owner.get(&venture).await.body, owner.get(&run).await.body, owner.get(&format!("{venture}/sections")).await.body];
    let version = owner.get(&format!("{venture}/sections/swot")).await.json()["version"].clone();
    let document = document::read(&house).await;
    let routes: Vec<(Method, String)> = document::operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let (inside, id) = (
        // Evals are the team's: who may see them stands in the table of routes.
        |path: &str| path.contains("{id}") && !path.contains("/tokens/") && !path.contains("/evals/"),
        |address: &str| address.rsplit('/').next().expect("an id").to_owned(),
    );
    assert_eq!(routes.iter().filter(|(_, path)| inside(path)).count(), 13);
    for (method, path) in routes.iter().filter(|(_, path)| inside(path)) {
        let real = if path.starts_with("/api/v1/runs") { id(&run) } else { id(&venture) };
        let at = |id: &str| path.replace("{id}", id).replace("{name}", "swot");
        let body = (*method != Method::GET).then(|| body(path, &version));
        for whose in [&stranger.cookie, &String::new(), &owner.cookie.to_uppercase()] {
            let other = Caller { cookie: whose.clone(), ..Caller::back(&house).await };
            let foreign = house.send(other.request(method, &at(&real), body.as_ref(), &[])).await;
            let nobodys = house.send(other.request(method, &at(&uuid::Uuid::now_v7().to_string()), body.as_ref(), &[])).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!((foreign.body.as_str(), foreign.header("set-cookie")), (nobodys.body.as_str(), ""), "{method} {path}");
        }
    }
    assert_eq!(stranger.get("/api/v1/ventures").await.json()["items"], json!([]));
    let after = [owner.get(&venture).await.body, owner.get(&run).await.body, owner.get(&format!("{venture}/sections")).await.body];
    assert_eq!(before, after, "nothing was changed");
}

#[tokio::test]
async fn a_version_is_of_its_section_and_its_venture() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let (one, two) = (caller.venture().await, caller.venture().await);
    caller.until_finished(&caller.run(&one, &["swot", "smart-goals"]).await).await;
    let version = caller.get(&format!("{one}/sections/swot")).await.json()["version"].clone();
    for elsewhere in [format!("{one}/sections/smart-goals"), format!("{two}/sections/swot")] {
        let reply = caller.post(&format!("{elsewhere}/restore"), &json!({"version": version})).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{elsewhere}: {}", reply.body);
    }
}

#[tokio::test]
async fn other_sites_cannot_act_for_a_visitor() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let venture = caller.venture().await;
    let document = document::read(&house).await;
    for (method, path, _) in document::operations(&document) {
        if method == Method::GET {
            continue;
        }
        let address = path.replace("{id}", venture.rsplit('/').next().expect("an id")).replace("{name}", "swot");
        for from in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://elsewhere.example")] {
            let request = caller.request(&method, &address, Some(&body(&path, &json!(""))), &[from, ("host", "localhost")]);
            let reply = house.send(request).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method} {path} {from:?}: {}", reply.body);
            assert_eq!(reply.header("content-type"), "application/problem+json");
        }
    }
    assert_eq!(caller.get(&format!("{venture}/runs")).await.json()["items"], json!([]));
    // No answer of the API may be read from another site either.
    let read = house.send(caller.request(&Method::GET, &venture, None, &[("origin", "https://elsewhere.example")])).await;
    assert_eq!(read.header("access-control-allow-origin"), "");
}
