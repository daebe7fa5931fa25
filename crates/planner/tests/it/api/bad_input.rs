//! Requests that are wrong: each is answered with what is wrong and what to do.

use super::Caller;
use crate::house::{House, Reply};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use testkit::Fault;

/// Fails unless this is a problem of this status that says all of this.
fn refused(reply: &Reply, status: u16, says: &[&str]) {
    assert_eq!(reply.status.as_u16(), status, "{}", reply.body);
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/problem+json", "no-store"), "{}", reply.body);
    let problem = reply.json();
    assert_eq!((&problem["status"], &problem["error"]), (&json!(status), &problem["detail"]));
    for word in says {
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{word}: {}", reply.body);
    }
}

fn fields(reply: &Reply) -> Vec<String> {
    let problem = reply.json();
    let errors = problem["errors"].as_array().expect("errors").iter();
    errors.map(|fault| fault["field"].as_str().expect("a field").to_owned()).collect()
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let venture = caller.venture().await;
    let restore = format!("{venture}/sections/swot/restore");
    for path in ["/api/v1/ventures", &format!("{venture}/runs"), &restore, &format!("{venture}/sections/swot/regenerate")] {
        let send = |kind: Option<&str>, body: String| {
            let request = Request::post(path).header("cookie", &caller.cookie);
            let request = match kind {
                Some(kind) => request.header("content-type", kind),
                None => request,
            };
            house.send(request.body(Body::from(body)).expect("a request"))
        };
        refused(&send(Some("application/json"), "{\"a\":".into()).await, 400, &["not JSON"]);
        refused(&send(Some("application/json"), "[]".into()).await, 400, &["JSON object"]);
        refused(&send(Some("text/plain"), "{}".into()).await, 415, &["application/json"]);
        refused(&send(Some("application/x-www-form-urlencoded"), "a=b".into()).await, 415, &["application/json"]);
        refused(&send(None, "{}".into()).await, 415, &["application/json"]);
        refused(&send(Some("application/json"), format!("{{\"productIdea\":\"{}\"}}", "x".repeat(300_000))).await, 413, &["256 KiB"]);
        let unknown = caller.post(path, &json!({"productidea": "x"})).await;
        refused(&unknown, 422, &["productidea", "is not a field"]);
        for key in ["", "a b", &"k".repeat(201), "\u{e9}"] {
            refused(&caller.post_as(key, path, &json!({})).await, 422, &["Idempotency-Key"]);
        }
    }
    assert_eq!(house.upstream.calls().len(), 0);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_at_once() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let all = json!({"productIdea": 17, "brandVoice": "xyz", "persona": "pirate", "experienceLevel": "guru", "language": "tlh", "currency": "doubloons",
        "targetMarket": ["a"], "priceRange": "x".repeat(201), "colour": "red"});
    let reply = caller.post("/api/v1/ventures", &all).await;
    refused(&reply, 422, &[]);
    let mut wrong = fields(&reply);
    wrong.sort();
    let mut sent: Vec<String> = all.as_object().expect("an object").keys().cloned().collect();
    sent.sort();
    assert_eq!(wrong, sent);
    refused(&caller.post("/api/v1/ventures", &json!({})).await, 422, &["productIdea"]);
    refused(&caller.post("/api/v1/ventures", &json!({"productIdea": null})).await, 422, &["productIdea"]);

    let venture = caller.venture().await;
    for (body, field) in [
        (json!({}), "archived"),
        (json!({"archived": "yes"}), "archived"),
        (json!({"archived": null}), "archived"),
        (json!({"archived": true, "owner": "me"}), "owner"),
    ] {
        let reply = caller.patch(&venture, &body).await;
        refused(&reply, 422, &[]);
        assert_eq!(fields(&reply), [field], "{body}");
    }
    assert_eq!(caller.get(&venture).await.json()["archivedAt"], Value::Null, "nothing was changed");
    let runs = format!("{venture}/runs");
    for body in [json!({"sections": "swot"}), json!({"sections": [1]}), json!({"sections": {}})] {
        refused(&caller.post(&runs, &body).await, 422, &["sections", "list of texts"]);
    }
    refused(&caller.post(&runs, &json!({"sections": ["swot", "nonsense"]})).await, 422, &["\"nonsense\"", "smart-goals", "brand-kit"]);
    let section = format!("{venture}/sections/nonsense");
    for path in [section.clone(), format!("{section}/versions")] {
        refused(&caller.get(&path).await, 422, &["\"nonsense\"", "smart-goals"]);
    }
    refused(&caller.post(&format!("{section}/regenerate"), &json!({})).await, 422, &["smart-goals"]);
    let restore = format!("{venture}/sections/swot/restore");
    refused(&caller.post(&restore, &json!({})).await, 422, &["version"]);
    refused(&caller.post(&restore, &json!({"version": "newest"})).await, 422, &["not the id of a version"]);
    refused(&caller.post(&restore, &json!({"version": uuid::Uuid::now_v7().to_string()})).await, 404, &["this version"]);
}

#[tokio::test]
async fn addresses_that_cannot_be_read() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let venture = caller.venture().await;
    for list in ["/api/v1/ventures", &format!("{venture}/runs"), &format!("{venture}/sections/swot/versions")] {
        for limit in ["-1", "0", "101", "1e2", "1.5", "abc", "", "99999999999999999999", "%00"] {
            refused(&caller.get(&format!("{list}?limit={limit}")).await, 400, &["from 1 to 100"]);
        }
        for cursor in ["", "abc", "%FF", "AQ", "eyJpZCI6MX0", &"A".repeat(5000), "AAGiDcJIoHfsriFsnHOsgLI"] {
            refused(&caller.get(&format!("{list}?cursor={cursor}")).await, 400, &["cursor"]);
        }
        assert_eq!(caller.get(&format!("{list}?limit=100&unknown=1")).await.status, StatusCode::OK);
    }
    refused(&caller.get(&format!("{venture}/export?format=pdf")).await, 400, &["json or md"]);
    for id in ["17", "..", "%20", "null", &uuid::Uuid::now_v7().to_string(), &"9".repeat(3000)] {
        refused(&caller.get(&format!("/api/v1/ventures/{id}")).await, 404, &["this venture was not found"]);
        refused(&caller.get(&format!("/api/v1/runs/{id}")).await, 404, &["this run was not found"]);
        refused(&caller.get(&format!("/api/v1/runs/{id}/events")).await, 404, &["this run was not found"]);
    }
    let run = caller.run(&venture, &["swot"]).await;
    refused(&caller.get(&format!("{run}/events?after=-1")).await, 400, &["after"]);
    let odd = caller.request(&Method::GET, &format!("{run}/events"), None, &[("last-event-id", "x1")]);
    refused(&house.send(odd).await, 400, &["Last-Event-ID"]);
    caller.until_finished(&run).await;
    for (method, path) in [(Method::DELETE, venture.as_str()), (Method::PUT, "/api/v1/ventures"), (Method::POST, run.as_str())] {
        refused(&house.send(caller.request(&method, path, None, &[])).await, 405, &["does not take that method"]);
    }
    refused(&caller.get("/api/v1/nothing").await, 404, &["nothing at this address"]);
    refused(&caller.get("/api/v2/ventures").await, 404, &["nothing at this address"]);
}

#[tokio::test]
async fn what_does_not_go_with_what_is_there() {
    let house = House::open().await;
    house.upstream.always(Some(Fault::Hang));
    let caller = Caller::back(&house).await;
    let venture = caller.venture().await;
    let run = caller.run(&venture, &["swot"]).await;
    let id = run.rsplit('/').next().expect("an id");
    let again = [
        caller.post(&format!("{venture}/runs"), &json!({})).await,
        caller.post(&format!("{venture}/sections/swot/regenerate"), &json!({})).await,
        caller.patch(&venture, &json!({"archived": true})).await,
    ];
    for reply in &again {
        refused(reply, 409, &["a run of this venture is going on"]);
        assert_eq!(reply.json()["conflictsWith"], id);
    }
    assert_eq!(caller.post(&format!("{run}/cancel"), &json!({})).await.json()["state"], "cancelled");
    assert_eq!(caller.post(&format!("{run}/cancel"), &json!({})).await.json()["state"], "cancelled", "it stays what it is");
    assert_eq!(caller.patch(&venture, &json!({"archived": true})).await.status, StatusCode::OK);
    refused(&caller.post(&format!("{venture}/runs"), &json!({})).await, 409, &["archived"]);
    house.upstream.reset();
}
