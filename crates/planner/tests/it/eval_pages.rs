//! Evals, a comparison and the playground on their pages.

use crate::api::document;
use crate::house::{House, Reply};
use crate::people::{Browser, PASSWORD};
use crate::prompt_pages::api;
use app::Caller;
use app::accounts::admin::{self, NewAccount};
use axum::http::{Method, StatusCode};
use domain::ids::OwnerId;
use domain::roles::Role;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::Fault;

async fn member(house: &House, role: Role) -> Browser {
    let email = format!("{}@example.org", role.key());
    let new = NewAccount { email: email.clone(), tier: None, role: Some(role), password: Some(PASSWORD.into()) };
    admin::add(&house.app, &Caller::operator(OwnerId::new()), &new).await.expect("an account");
    let mut browser = Browser::default();
    let reply = browser.sign_in(house, &email, PASSWORD).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    browser
}

/// Asks for an eval of 1.0.0 on the page; its address once it has ended.
async fn evaluated(house: &House, browser: &mut Browser) -> String {
    let reply = browser.send(house, "/staff/evals", "/staff/evals", &[("version", "1.0.0")]).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    let path = reply.header("location").to_owned();
    let deadline = Instant::now() + Duration::from_mins(2);
    while browser.open(house, &path).await.body.contains("<eval-live") {
        assert!(Instant::now() < deadline, "the eval does not end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn evals_are_asked_for_read_and_compared() {
    let house = House::open().await;
    let mut engineer = member(&house, Role::PromptEngineer).await;
    assert!(engineer.open(&house, "/staff/evals").await.body.contains("Nothing was evaluated yet"));
    let good = evaluated(&house, &mut engineer).await;
    let page = engineer.open(&house, &good).await.body;
    assert!(page.contains("100.0 %") && page.contains("smart-goals"), "{page}");
    // Of hundreds of cases a page shows fifty, and none of what was asked and answered: that is read case by case.
    assert!(page.matches("<details data-path").count() == 50 && !page.contains("strengths") && page.len() < 100_000, "{}", page.len());
    let next = page.split('"').find(|text| text.contains("after=")).expect("the next page").replace("&#38;", "&");
    assert!(engineer.open(&house, &next).await.body.contains("no. 51 "), "{next}");
    let case = engineer.open(&house, &format!("{good}/cases/1")).await.body;
    assert!(case.contains("productIdea") && case.contains("Case after") && !case.contains("Case before"), "{case}");
    for nowhere in ["0", "99999", "x"] {
        assert_eq!(engineer.open(&house, &format!("{good}/cases/{nowhere}")).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
    assert!(engineer.open(&house, &format!("{good}/standing")).await.body.contains("data-ended"));
    let library = engineer.open(&house, "/staff/prompts").await.body;
    assert!(library.contains(&format!("{good}?section=smart-goals#cases")) && library.contains("100.0 %"), "{library}");
    house.upstream.when(|call| call.prompt.contains("hand-poured soy candles").then_some(Fault::Placeholder));
    let bad = evaluated(&house, &mut engineer).await;
    let failing = engineer.open(&house, &format!("{bad}?section=smart-goals&failing=yes")).await.body;
    assert!(failing.contains("hand-poured soy candles") && failing.contains("fails"), "{failing}");
    let id = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let beside = engineer.open(&house, &format!("/staff/evals/compare?before={}&after={}", id(&good), id(&bad))).await;
    assert_eq!(beside.status, StatusCode::OK);
    assert!(beside.body.contains("passed, does not any more") && beside.body.contains("pass rate"), "{}", beside.body);
    assert_eq!(engineer.open(&house, "/staff/evals/compare?before=x&after=y").await.status, StatusCode::NOT_FOUND);
    // One that goes on is compared with nothing, and says how far it is.
    house.upstream.latency(Duration::from_secs(2));
    let third = engineer.send(&house, "/staff/evals", "/staff/evals", &[("version", "1.0.0")]).await.header("location").to_owned();
    let early = engineer.open(&house, &format!("/staff/evals/compare?before={}&after={}", id(&good), id(&third))).await;
    assert!(early.status == StatusCode::CONFLICT && early.body.contains("is still running"), "{}", early.body);
    let running = engineer.open(&house, &third).await.body;
    assert!(running.contains("cases have their verdict") && !running.contains("http-equiv"), "{running}");
    let stopped = engineer.send(&house, &third, &format!("{third}/stop"), &[]).await;
    assert_eq!(stopped.status, StatusCode::SEE_OTHER);
    house.upstream.latency(Duration::ZERO);
    let refused = engineer.send(&house, "/staff/evals", "/staff/evals", &[("version", "9.9.9")]).await;
    assert!(refused.status.is_client_error() && refused.body.contains("9.9.9"), "{}", refused.body);
    // Who looks only cannot ask, and who may not look sees nothing.
    let mut manager = member(&house, Role::ProductManager).await;
    assert!(!manager.open(&house, "/staff/evals").await.body.contains("Evaluate it"));
    let mut agent = member(&house, Role::SupportAgent).await;
    assert_eq!(agent.open(&house, &good).await.status, StatusCode::FORBIDDEN);
}

/// Asks the API with a token; the answer is one that the document allows.
async fn asked(house: &House, token: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let reply = api(house, token, method.as_str(), path, body).await;
    document::allows(&document::read(house).await, &method, path, &reply);
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn evals_are_asked_for_read_and_compared_by_programs() {
    let house = House::open().await;
    let operator = Caller::operator(OwnerId::new());
    let new = NewAccount { email: "ada@example.org".into(), role: Some(Role::PromptEngineer), ..NewAccount::default() };
    let owner = admin::add(&house.app, &operator, &new).await.expect("an account").owner;
    let token = admin::add_token(&house.app, &operator, owner, "ci", &["staff".to_owned()], None).await.expect("a token").secret;
    let get = async |path: &str| asked(&house, &token, Method::GET, path, None).await;
    let post = async |path: &str, body| asked(&house, &token, Method::POST, path, body).await;
    let evaluated = async || {
        let begun = post("/api/v1/evals", Some(json!({"version": "1.0.0"}))).await;
        assert_eq!((begun.status, &begun.json()["baseline"]), (StatusCode::ACCEPTED, &Value::Null), "{}", begun.body);
        let path = format!("/api/v1/evals/{}", begun.json()["eval"]["id"].as_str().expect("an id"));
        let deadline = Instant::now() + Duration::from_mins(2);
        while get(&path).await.json()["progress"] == "running" {
            assert!(Instant::now() < deadline, "the eval does not end");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        path
    };
    let good = evaluated().await;
    let whole = get(&good).await.json();
    assert_eq!((&whole["progress"], &whole["total"]["passRate"], &whole["judged"]), (&json!("finished"), &json!(1.0), &whole["cases"]));
    assert!(whole["sections"]["smart-goals"]["tests"].as_u64().is_some_and(|tests| tests >= 15), "{whole}");
    let page = get(&format!("{good}/cases?limit=2&section=smart-goals")).await.json();
    let next = get(&format!("{good}/cases?limit=2&section=smart-goals&after={}", page["nextAfter"])).await.json();
    assert!(page["items"][1]["number"].as_u64() < next["items"][0]["number"].as_u64(), "{page} {next}");
    let case = get(&format!("{good}/cases/{}", page["items"][0]["number"])).await.json();
    assert!(case["vars"]["productIdea"].is_string() && case["output"].is_object() && case["verdict"]["outcome"] == "pass", "{case}");
    assert_eq!(get(&format!("{good}/cases?failing=true")).await.json(), json!({"items": [], "nextAfter": null}));
    house.upstream.when(|call| call.prompt.contains("hand-poured soy candles").then_some(Fault::Placeholder));
    let bad = evaluated().await;
    let second = bad.rsplit('/').next().unwrap_or_default();
    let beside = get(&format!("{good}/compared-with/{second}")).await.json();
    assert!(beside["worse"][0]["reason"].is_string() && beside["testsDiffer"] == false && beside["better"] == json!([]), "{beside}");
    assert_eq!(get("/api/v1/evals?limit=1").await.json()["items"][0]["id"], second);
    assert_eq!(post(&format!("{bad}/stop"), None).await.status, StatusCode::CONFLICT, "it has ended");
    for (path, says) in [("?cursor=x", "cursor"), ("?proposal=x", "proposal"), ("?limit=0", "limit")] {
        let refused = get(&format!("/api/v1/evals{path}")).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains(says), "{path}: {}", refused.body);
    }
    for (query, says) in [("after=x", "after"), ("section=A b", "section"), ("failing=maybe", "failing"), ("limit=9999", "limit")] {
        let refused = get(&format!("{good}/cases?{}", query.replace(' ', "%20"))).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains(says), "{query}: {}", refused.body);
    }
    for (body, says) in [
        (json!({}), "either"),
        (json!({"proposal": "x"}), "id of a proposal"),
        (json!({"version": "1.0.0", "proposal": second}), "not both"),
        (json!({"version": "x"}), "version"),
        (json!({"version": "9.9.9"}), "9.9.9"),
    ] {
        let refused = post("/api/v1/evals", Some(body)).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains(says), "{}", refused.body);
    }
    assert_eq!(get(&format!("{good}/cases/99999")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_tried_out_and_a_case_is_kept() {
    let house = House::open().await;
    let mut engineer = member(&house, Role::PromptEngineer).await;
    let page = "/staff/playground?template=swot";
    let blank = engineer.open(&house, page).await.body;
    assert!(blank.contains("productIdea") && !blank.contains("/staff/playground/case"), "a case is of something that was run: {blank}");
    let other = engineer.send(&house, page, "/staff/playground/sample", &[("template", "smart-goals"), ("vars", "{}")]).await;
    assert!(other.status == StatusCode::OK && other.body.contains("hand-poured soy candles"), "{}", other.body);
    assert!(house.upstream.calls().is_empty(), "to fill in a sample asks nobody");
    let vars = r#"{"productIdea": "cork yoga blocks", "brandVoice": "professional"}"#;
    let tried = engineer.send(&house, page, "/staff/playground", &[("template", "swot"), ("vars", vars)]).await;
    assert_eq!(tried.status, StatusCode::OK);
    assert!(
        tried.body.contains("cork yoga blocks") && tried.body.contains("strengths") && tried.body.contains("tokens in"),
        "{}",
        tried.body
    );
    for (vars, of, model, says) in [("{", "", "", "is not JSON"), (vars, "9.9.9", "", "9.9.9"), (vars, "", "nobody:at-all", "nobody")] {
        let fields = [("template", "swot"), ("vars", vars), ("of", of), ("model", model)];
        let wrong = engineer.send(&house, page, "/staff/playground", &fields).await;
        assert!(wrong.status.is_client_error() && wrong.body.contains(says), "{says}: {} {}", wrong.status, wrong.body);
    }
    // What is down is told on the page, with everything as it was typed.
    house.upstream.always(Some(Fault::Status { code: 503, retry_after: None }));
    let down = engineer.send(&house, page, "/staff/playground", &[("template", "swot"), ("vars", vars)]).await;
    assert!(down.status == StatusCode::OK && down.body.contains("could not be generated") && down.body.contains("cork yoga blocks"));
    house.upstream.always(None);
    let fields = [("template", "swot"), ("vars", vars), ("description", "cork, which is neither wood nor foam")];
    let kept = engineer.send(&house, page, "/staff/playground/case", &fields).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let proposal = kept.header("location").to_owned();
    let again = engineer.send(&house, page, "/staff/playground/case", &[("description", "a second one"), fields[0], fields[1]]).await;
    assert_eq!(again.header("location"), proposal, "one's own draft takes it");
    let text = engineer.open(&house, &format!("{proposal}/files/tests/swot.yaml")).await.body;
    assert!(text.contains("neither wood nor foam") && text.contains("a second one"), "{text}");
}
