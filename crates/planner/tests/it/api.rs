//! The API: the whole journey, events that are followed again, and requests that are sent again.

mod bad_input;
pub mod document;
mod walls;

use crate::house::{House, Reply};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use domain::tiers::Tier;
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::Fault;
use tower::ServiceExt as _;

/// A program that acts for one guest.
struct Caller<'a> {
    house: &'a House,
    cookie: String,
    /// What its answers have to be like.
    document: Value,
}

impl<'a> Caller<'a> {
    async fn of(house: &'a House, cookie: String) -> Self {
        Self { house, cookie, document: document::read(house).await }
    }

    async fn back(house: &'a House) -> Self {
        Self::of(house, house.member("back@example.com", Tier::Pro).await).await
    }

    async fn stranger(house: &'a House) -> Self {
        Self::of(house, house.member("stranger@example.com", Tier::Pro).await).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Reply {
        let reply = self.house.send(self.request(&method, path, body, headers)).await;
        document::allows(&self.document, &method, path, &reply);
        reply
    }

    fn request(&self, method: &Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).expect("a request")
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, &[]).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    async fn post_as(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body), &[("idempotency-key", key)]).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body), &[]).await
    }

    /// A venture about candles; its address.
    async fn venture(&self) -> String {
        let made = self.post("/api/v1/ventures", &json!({"productIdea": "beeswax candles"})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        made.header("location").to_owned()
    }

    /// A run over some sections of a venture; its address.
    async fn run(&self, venture: &str, sections: &[&str]) -> String {
        let run = self.post(&format!("{venture}/runs"), &json!({"sections": sections})).await;
        assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.body);
        run.header("location").to_owned()
    }

    /// Follows a run until `enough` of the events has come, or to its end.
    async fn follow(&self, run: &str, last: Option<&str>, enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let headers: Vec<(&str, &str)> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        let request = self.request(&Method::GET, &format!("{run}/events"), None, &headers);
        let response = self.house.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut body = response.into_body().into_data_stream();
        let (mut text, mut told) = (String::new(), Vec::new());
        let reading = async {
            while let Some(bytes) = body.next().await {
                text.push_str(&String::from_utf8_lossy(&bytes.expect("readable")));
                while let Some((event, rest)) = text.split_once("\n\n") {
                    told.extend(Told::read(event));
                    text = rest.to_string();
                    if enough(&told) {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), reading).await.expect("the events come");
        for event in &told {
            document::obeys(&self.document, &json!({"$ref": "#/components/schemas/RunEvent"}), &event.data);
            assert_eq!(event.data["type"], event.kind.as_str());
        }
        told
    }

    async fn until_finished(&self, run: &str) -> Vec<Told> {
        self.follow(run, None, |_| false).await
    }
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    id: Option<String>,
    kind: String,
    data: Value,
}

impl Told {
    fn read(event: &str) -> Option<Self> {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        let data = serde_json::from_str(&field("data:")?).expect("JSON data");
        Some(Self { id: field("id:"), kind: field("event:").expect("a type"), data })
    }
}

fn numbers(told: &[Told]) -> Vec<u64> {
    told.iter().filter_map(|event| event.id.as_ref()).map(|id| id.parse().expect("a number")).collect()
}

/// What a program does first: make a venture, have everything made, follow it, look at it.
async fn journey(house: &House) {
    let body = json!({"productIdea": "vegan leather hiking boots", "brandVoice": "witty-dad", "persona": "artisan-maker",
        "experienceLevel": "expert", "targetMarket": "women who hike", "priceRange": "$90 to $120", "language": "de", "currency": "EUR"});
    let request = Request::post("/api/v1/ventures").header("content-type", "application/json").body(Body::from(body.to_string()));
    let made = house.send(request.expect("a request")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let (address, venture) = (made.header("location").to_owned(), made.json());
    for (field, value) in body.as_object().expect("an object") {
        assert_eq!(&venture[field], value, "{field}");
    }
    let cookie = made.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert!(cookie.starts_with("planner_guest="), "{cookie}");
    let caller = Caller::of(house, cookie).await;
    assert_eq!(caller.get(&address).await.json(), venture);
    assert_eq!(caller.get("/api/v1/ventures").await.json(), json!({"items": [venture], "nextCursor": null}));

    let run = caller.run(&address, &[]).await;
    let told = caller.until_finished(&run).await;
    let kinds = |kind: &str| told.iter().filter(|event| event.kind == kind).count();
    assert_eq!((kinds("started"), kinds("ended"), kinds("finished")), (13, 13, 1), "{told:#?}");
    assert_eq!(numbers(&told), (1..=27).collect::<Vec<_>>());
    assert_eq!(told.last().map(|event| &event.data["failed"]), Some(&json!([])));
    let seen = caller.get(&run).await;
    assert_eq!(seen.header("cache-control"), "no-store");
    let seen = seen.json();
    assert_eq!((&seen["state"], &seen["ahead"], &seen["lastEvent"]), (&json!("finished"), &json!(null), &json!(27)));
    let sections = seen["sections"].as_array().expect("sections");
    assert!(sections.len() == 13 && sections.iter().all(|section| section["status"] == "complete"), "{seen:#}");
    let runs = caller.get(&format!("{address}/runs")).await.json();
    assert_eq!(runs["items"][0]["id"], seen["id"]);

    content(&caller, &address).await;
    again(&caller, &address).await;

    let put_away = caller.patch(&address, &json!({"archived": true})).await.json();
    assert!(put_away["archivedAt"].is_string());
    assert_eq!(caller.post(&format!("{address}/runs"), &json!({})).await.status, StatusCode::CONFLICT);
    assert_eq!(caller.patch(&address, &json!({"archived": false})).await.json(), venture);
}

/// Every section has content in its own form, and so has the file of the whole.
async fn content(caller: &Caller<'_>, address: &str) {
    let sections = caller.get(&format!("{address}/sections")).await.json();
    let export = caller.get(&format!("{address}/export?format=json")).await;
    assert_eq!(export.header("content-disposition"), "attachment; filename=\"plan.json\"");
    let markdown = caller.get(&format!("{address}/export?format=md")).await;
    let release = caller.house.app.release();
    let templates = release.sections();
    for (template, section) in templates.iter().zip(sections["items"].as_array().expect("sections")) {
        assert_eq!(
            (&section["name"], &section["state"], &section["stale"]),
            (&json!(template.name.as_str()), &json!("ready"), &json!(false))
        );
        assert_eq!(template.check_output(&section["output"]), [], "{section:#}");
        assert_eq!(section["confidence"], if template.grounding { "high" } else { "medium" });
        assert_eq!(section["sources"].as_array().is_some_and(Vec::is_empty), !template.grounding);
        assert!(section["usage"]["input"].as_u64() > Some(0) && section["usage"]["costMicroUsd"].as_u64() > Some(0), "{section:#}");
        assert!(section["model"].as_str().is_some_and(|model| model.starts_with("gemini:")) && section["promptVersion"] == "1.0.0");
        assert_eq!(&caller.get(&format!("{address}/sections/{}", template.name)).await.json(), section);
        assert_eq!(export.json()["sections"][template.name.as_str()]["output"], section["output"]);
        assert!(markdown.body.contains(&format!("### {}", template.title)));
    }
}

/// A section is made anew, and then the first version is taken again.
async fn again(caller: &Caller<'_>, address: &str) {
    let section = format!("{address}/sections/brand-kit");
    let first = caller.get(&section).await.json();
    let run = caller.post(&format!("{section}/regenerate"), &json!({})).await;
    assert_eq!((run.status, &run.json()["sections"][0]["name"]), (StatusCode::ACCEPTED, &json!("brand-kit")));
    caller.until_finished(run.header("location")).await;
    let second = caller.get(&section).await.json();
    assert_ne!(first["version"], second["version"]);
    let page = caller.get(&format!("{section}/versions?limit=1")).await.json();
    assert_eq!(page["items"][0]["version"], second["version"], "newest first");
    let next = page["nextCursor"].as_str().expect("another page");
    let page = caller.get(&format!("{section}/versions?limit=1&cursor={next}")).await.json();
    assert_eq!((&page["items"][0]["version"], &page["nextCursor"]), (&first["version"], &Value::Null));
    let stale = async || {
        let sections = caller.get(&format!("{address}/sections")).await.json();
        let stale = sections["items"].as_array().expect("sections").iter().filter(|section| section["stale"] == true);
        stale.map(|section| section["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let built_from_it = stale().await;
    assert!(!built_from_it.is_empty() && !built_from_it.contains(&"brand-kit".to_owned()), "{built_from_it:?}");
    let restored = caller.post(&format!("{section}/restore"), &json!({"version": first["version"]})).await.json();
    assert_eq!((&restored["version"], &restored["output"]), (&first["version"], &first["output"]));
    assert_eq!(caller.get(&section).await.json(), first);
    caller.until_finished(&caller.run(address, &built_from_it.iter().map(String::as_str).collect::<Vec<_>>()).await).await;
    assert_eq!(stale().await, [""; 0]);
}

#[tokio::test]
async fn from_an_idea_to_a_plan() {
    journey(&House::open().await).await;
}

#[tokio::test]
async fn from_an_idea_to_a_plan_on_a_server() {
    journey(&House::on_postgres().await).await;
}

#[tokio::test]
async fn what_was_there_is_shown_while_it_is_made_anew() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let venture = caller.venture().await;
    let section = format!("{venture}/sections/swot");
    assert_eq!(caller.get(&section).await.json()["state"], "notAsked");
    house.upstream.always(Some(Fault::Status { code: 400, retry_after: None }));
    caller.until_finished(&caller.run(&venture, &["swot"]).await).await;
    let failed = caller.get(&section).await.json();
    assert_eq!((&failed["state"], &failed["output"], &failed["issues"][0]["rule"]), (&json!("failed"), &Value::Null, &json!("model")));
    house.upstream.reset();
    caller.until_finished(&caller.run(&venture, &["swot"]).await).await;
    let first = caller.get(&section).await.json();
    house.upstream.always(Some(Fault::Hang));
    let run = caller.run(&venture, &["swot"]).await;
    caller.follow(&run, None, |told| told.iter().any(|event| event.kind == "started")).await;
    assert_eq!(caller.get(&run).await.json()["sections"], json!([{"name": "swot", "status": "writing"}]));
    let writing = caller.get(&section).await.json();
    assert_eq!((&writing["state"], &writing["version"], &writing["output"]), (&json!("writing"), &first["version"], &first["output"]));
    caller.post(&format!("{run}/cancel"), &json!({})).await;
    assert_eq!(caller.get(&section).await.json(), first, "a stopped run leaves what was there");
    house.upstream.reset();
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let house = House::open().await;
    let caller = Caller::back(&house).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, caller.venture().await);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/v1/ventures?limit=2{cursor}")).await.json();
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|venture| format!("/api/v1/ventures/{}", venture["id"].as_str().expect("an id"))));
        // What is made meanwhile moves nothing.
        caller.venture().await;
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn events_go_on_where_the_connection_broke() {
    let house = House::open().await;
    house.upstream.latency(Duration::from_millis(20));
    let caller = Caller::back(&house).await;
    let run = caller.run(&caller.venture().await, &[]).await;
    let mut told = Vec::new();
    // Each connection breaks after a few events, whatever is said meanwhile.
    while told.last().is_none_or(|event: &Told| event.kind != "finished") {
        let last = told.last().and_then(|event: &Told| event.id.clone());
        let more = caller.follow(&run, last.as_deref(), |told| numbers(told).len() == 4).await;
        told.extend(more.into_iter().filter(|event| event.id.is_some()));
    }
    assert_eq!(numbers(&told), (1..=27).collect::<Vec<_>>());
    assert_eq!(told, caller.until_finished(&run).await, "and from the beginning it is the same");
    let after = caller.get(&format!("{run}/events?after=26")).await.body;
    assert!(after.contains("event: finished") && after.contains("id: 27") && !after.contains("event: ended"), "{after}");
    // Browsers come back until they are told that there is nothing more.
    assert_eq!(caller.get(&format!("{run}/events?after=27")).await.status, StatusCode::NO_CONTENT);
    let both = caller.request(&Method::GET, &format!("{run}/events?after=0"), None, &[("last-event-id", "27")]);
    assert_eq!(house.send(both).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_waits_is_told_the_place_in_line() {
    let house = House::without_workers().await;
    let (first, second) = (Caller::stranger(&house).await, Caller::back(&house).await);
    let before = first.run(&first.venture().await, &["swot"]).await;
    let run = second.run(&second.venture().await, &["swot"]).await;
    let seen = second.get(&run).await.json();
    assert_eq!((&seen["state"], &seen["ahead"]), (&json!("queued"), &json!(1)));
    assert_eq!(seen["sections"], json!([{"name": "swot", "status": "waiting"}]));
    let told = second.follow(&run, None, |told| !told.is_empty()).await;
    assert_eq!(told, [Told { id: None, kind: "queued".into(), data: json!({"type": "queued", "ahead": 1, "expectedSeconds": null}) }]);
    let stopped = first.post(&format!("{before}/cancel"), &json!({})).await.json();
    assert_eq!((&stopped["state"], &stopped["sections"][0]["status"]), (&json!("cancelled"), &json!("stopped")));
    assert_eq!(second.get(&run).await.json()["ahead"], 0);
    house.start_workers();
    let told = second.until_finished(&run).await;
    assert!(told.iter().any(|event| event.kind == "ended" && event.data["status"] == "complete"), "{told:?}");
    let told = first.until_finished(&before).await;
    assert_eq!(told.last().map(|event| &event.data["cancelled"]), Some(&json!(true)));
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_one_thing() {
    sent_again(&House::open().await).await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_one_thing_on_a_server() {
    sent_again(&House::on_postgres().await).await;
}

async fn sent_again(house: &House) {
    let (caller, body) = (Caller::back(house).await, json!({"productIdea": "beeswax candles"}));
    let many = futures::future::join_all((0..20).map(|_| caller.post_as("candles-1", "/api/v1/ventures", &body))).await;
    assert!(many.iter().all(|made| made.status == StatusCode::CREATED && made.body == many[0].body), "one venture");
    assert_eq!(caller.get("/api/v1/ventures").await.json()["items"].as_array().map(Vec::len), Some(1));
    let other = caller.post_as("candles-1", "/api/v1/ventures", &json!({"productIdea": "beeswax soap"})).await;
    assert_eq!((other.status, other.header("content-type")), (StatusCode::CONFLICT, "application/problem+json"));
    let elsewhere = caller.post_as("candles-1", &format!("{}/runs", many[0].header("location")), &json!({})).await;
    assert_eq!(elsewhere.status, StatusCode::CONFLICT, "a key is of one request");

    let (path, body) = (format!("{}/runs", many[0].header("location")), json!({"sections": ["swot"]}));
    let many = futures::future::join_all((0..20).map(|_| caller.post_as("run-1", &path, &body))).await;
    let first = many[0].json()["id"].clone();
    assert!(many.iter().all(|run| run.status == StatusCode::ACCEPTED && run.json()["id"] == first), "one run");
    caller.until_finished(many[0].header("location")).await;
    assert_eq!(caller.post_as("run-1", &path, &body).await.json()["id"], first, "after its end too");
    assert_eq!(house.upstream.calls().len(), 1);
    assert_ne!(caller.post_as("run-2", &path, &body).await.json()["id"], first);
    assert_eq!(Caller::stranger(house).await.post_as("run-1", &path, &body).await.status, StatusCode::NOT_FOUND);
    caller.until_finished(&caller.latest_run(&path).await).await;
}

impl Caller<'_> {
    async fn latest_run(&self, path: &str) -> String {
        let id = self.get(path).await.json()["items"][0]["id"].clone();
        format!("/api/v1/runs/{}", id.as_str().expect("an id"))
    }
}

#[tokio::test]
async fn a_function_that_is_called_again_asks_no_model_again() {
    let house = House::open().await;
    let call = |key: &'static str, idea: &'static str| {
        let body = json!({"productIdea": idea, "brandVoice": "professional"}).to_string();
        let request = Request::post("/functions/v1/generate-swot").header("content-type", "application/json");
        house.send(request.header("idempotency-key", key).body(Body::from(body)).expect("a request"))
    };
    let first = call("a-1", "beeswax candles").await;
    let again = call("a-1", "beeswax candles").await;
    assert_eq!((first.header("x-generation-id"), &first.body), (again.header("x-generation-id"), &again.body));
    assert_eq!(house.upstream.calls().len(), 1);
    assert_eq!(call("a-1", "beeswax soap").await.status, StatusCode::CONFLICT);
    assert_eq!(call("a 1", "beeswax soap").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // What has failed is no result: the same key may try again.
    house.upstream.always(Some(Fault::Status { code: 400, retry_after: None }));
    assert_eq!(call("a-2", "beeswax lanterns").await.status, StatusCode::SERVICE_UNAVAILABLE);
    house.upstream.reset();
    assert_eq!(call("a-2", "beeswax lanterns").await.status, StatusCode::OK);
}
