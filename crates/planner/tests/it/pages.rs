//! Every page renders, and every link on it leads somewhere.

use crate::house::House;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use sha2::Digest as _;
use std::collections::{BTreeSet, VecDeque};

#[tokio::test]
async fn every_link_leads_somewhere() {
    let house = House::open().await;
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut todo = VecDeque::from(["/".to_owned()]);
    while let Some(page) = todo.pop_front() {
        let reply = house.get(&page, &cookie).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{page}");
        assert!(!reply.body.contains(" style=\"") && !reply.body.contains("<script>"), "{page}: nothing inline");
        for link in reply.body.split("href=\"").skip(1).chain(reply.body.split("src=\"").skip(1)) {
            let link = link.split(['"', '#']).next().unwrap_or_default().to_owned();
            if link.starts_with('/') && seen.insert(link.clone()) {
                todo.push_back(link);
            }
        }
    }
    for page in ["/examples", "/models", "/ventures"] {
        assert!(seen.contains(page), "{page} is linked");
    }
    for asset in ["/style.css", "/plan-live.js", "/icon.svg"] {
        assert!(seen.iter().any(|p| p.starts_with("/assets/") && p.ends_with(asset)), "{asset} is linked");
    }
    assert!(seen.iter().filter(|p| p.starts_with("/examples/")).count() >= 8, "the gallery");
}

#[tokio::test]
async fn a_faulty_form_keeps_what_was_typed_and_says_what_is_wrong() {
    let house = House::open().await;
    let token = crate::people::form_token_for(&house, "");
    let body = format!("csrf={token}&productIdea=%3Cscript%3E&brandVoice=own&ownVoice=zzz&targetMarket=students");
    let request = Request::post("/ventures")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body));
    let reply = house.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in ["&#60;script&#62;", "zzz", "value=\"students\"", "is not a voice we know", "reads as an instruction"] {
        assert!(reply.body.contains(kept), "{kept}");
    }
    assert!(reply.header("set-cookie").is_empty());
}

#[tokio::test]
async fn what_people_and_models_write_is_never_markup() {
    let house = House::open().await;
    house.upstream.always(Some(testkit::Fault::Markup));
    let (path, cookie) = house.make_plan("candles & <b>soap</b>").await;
    house.until_finished(&path, &cookie).await;
    let json = house.get(&format!("{path}/export/plan.json"), &cookie).await;
    let written = json.body.matches("<script>alert(1)</script>").count();
    assert!(written >= 13, "a text of every section has it: {written}");
    let card = house.get(&format!("{path}/sections/swot"), &cookie).await.body;
    let page = house.get(&path, &cookie).await.body;
    for html in [&page, &card] {
        assert!(!html.contains("<script>alert") && !html.contains("<a href='x'") && !html.contains("<b>soap"), "{html}");
        assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "it is shown as the text it is: {html}");
    }
    assert!(page.contains("&#60;b&#62;soap"));
    let markdown = house.get(&format!("{path}/export/plan.md"), &cookie).await.body;
    assert!(
        markdown.contains("candles & &lt;b&gt;soap&lt;/b&gt;") && markdown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{markdown}"
    );
    assert!(!markdown.contains("<script") && !markdown.contains("<a href") && !markdown.contains("![b]"), "{markdown}");
    for line in markdown.lines().filter(|line| line.contains("alert(1)")) {
        let block = line.trim_start_matches(['>', '-', ' ']);
        assert!(!block.starts_with("# "), "a heading of the model's: {line}");
    }
}

#[tokio::test]
async fn only_a_small_model_is_called_one() {
    for (gguf, chosen, small) in [("strong-3b.gguf", true, false), ("smollm2-135m-instruct-q4_1.gguf", false, true)] {
        let house = House::with(None, |s| {
            (s.gemini, s.gguf, s.gguf_chosen) = (llm::Endpoint::default(), gguf.into(), chosen);
        })
        .await;
        let (landing, models) = (house.get("/", "").await.body, house.get("/models", "").await.body);
        assert!(models.contains(&format!("embedded:{}", gguf.trim_end_matches(".gguf"))), "{models}");
        assert_eq!((landing.contains("small embedded model"), models.contains("small embedded model")), (small, small), "{gguf}");
        assert!(!landing.contains("about a minute"), "{gguf}: no minute is promised of this machine");
    }
    let house = House::open().await;
    assert!(house.get("/", "").await.body.contains("about a minute"));
}

#[tokio::test]
async fn what_cannot_be_read_is_said_in_the_asker_s_own_form() {
    let house = House::open().await;
    let form = "application/x-www-form-urlencoded";
    let cookie = format!("planner_guest={}", "a".repeat(64));
    let ask = |method: &'static str, path: &'static str, kind: &'static str, body: &str| {
        Request::builder().method(method).uri(path).header("content-type", kind).header("cookie", &cookie).body(Body::from(body.to_owned()))
    };
    let large = format!("productIdea={}", "x".repeat(3_000_000));
    let twice = format!("csrf={}&productIdea=soap&productIdea=candles", crate::people::form_token_for(&house, &cookie));
    let cases = [
        ("POST", "/ventures", form, twice.as_str(), 422, "duplicate field `productIdea`"),
        ("POST", "/ventures", form, large.as_str(), 413, "the form is larger"),
        ("POST", "/ventures", "application/json", "{}", 415, "application/x-www-form-urlencoded"),
        ("GET", "/ventures/%FF", form, "", 400, "Invalid UTF-8 in `id`"),
        ("GET", "/ventures/17/sections/%FF", form, "", 400, "Invalid UTF-8 in `name`"),
        ("POST", "/ventures/%FF/runs", form, "", 400, "Invalid UTF-8 in `id`"),
        ("GET", "/ventures/17", form, "", 404, "this venture was not found"),
        ("GET", "/examples/%FF", form, "", 400, "Invalid UTF-8 in `id`"),
        ("GET", "/assets/%FF", form, "", 400, "Invalid UTF-8 in `name`"),
        ("GET", "/assets/nothing.css", form, "", 404, "there is nothing at this address"),
    ];
    for (method, path, kind, body, status, said) in cases {
        let mut request = ask(method, path, kind, body).expect("a request");
        request.headers_mut().insert("accept", "text/html,*/*".parse().expect("a header"));
        let page = house.send(request).await;
        let seen = page.body.replace("&#96;", "`");
        assert_eq!(page.status.as_u16(), status, "{method} {path}: {}", page.body);
        assert!(page.header("content-type").starts_with("text/html") && seen.contains("<main") && seen.contains(said), "{path}: {seen}");
    }
    // A form page answers people alone; the framework's own refusals reach programs too.
    for (method, path, kind, body, status, said) in cases.into_iter().filter(|case| case.4 != 404) {
        let reply = house.send(ask(method, path, kind, body).expect("a request")).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (status, "application/problem+json"), "{path}");
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{path}: {}", reply.body);
    }
    let function = house.send(ask("POST", "/functions/v1/%FF", "application/json", "{}").expect("a request")).await;
    assert_eq!((function.status.as_u16(), function.header("content-type")), (400, "application/problem+json"));
    // No page reads a query, so none can be wrong.
    assert_eq!(house.get("/examples?%FF=%&id[]=", &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_asset_s_address_changes_with_its_content() {
    let house = House::open().await;
    let page = house.get("/", "").await.body;
    let address = page.split('"').find(|text| text.starts_with("/assets/") && text.ends_with("/style.css")).expect("a style sheet");
    let hash = address.split('/').nth(2).expect("a hash");
    let plain = house.get("/assets/style.css", "").await;
    let digest = sha2::Sha256::digest(plain.body.as_bytes());
    assert_eq!(hash, format!("{:016x}", u64::from_be_bytes(digest[..8].try_into().expect("8 bytes"))), "of the content itself");
    let hashed = house.get(address, "").await;
    assert_eq!((hashed.header("cache-control"), &hashed.body), ("public, max-age=31536000, immutable", &plain.body));
    assert_eq!(hashed.header("content-type"), "text/css; charset=utf-8");
    for brief in ["/assets/style.css", "/assets/0123456789abcdef/style.css", "/favicon.ico"] {
        let reply = house.get(brief, "").await;
        assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "public, max-age=300"), "{brief}");
    }
    assert_eq!(house.get(&format!("/assets/{hash}/nothing.css"), "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn health_says_what_runs() {
    let house = House::open().await;
    assert_eq!(house.get("/healthz", "").await.body, "ok");
    let ready = house.get("/readyz", "").await.json();
    assert_eq!((ready["status"].as_str(), ready["models"]["fast"][0].as_str()), (Some("ready"), Some("gemini:gemini-2.5-flash")));
    assert_eq!(house.get("/nowhere", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_address_has_its_limit() {
    let mut house = House::open().await;
    house.router =
        web::router(house.app.clone(), &web::Settings { generations_per_hour: 2, plans_per_hour: 1, secure: true, trusted_proxies: 0 });
    for left in ["1", "0"] {
        assert_eq!(house.function("generate-swot", &crate::house::new_idea()).await.header("ratelimit-remaining"), left);
    }
    let refused = house.function("generate-swot", &crate::house::new_idea()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|s| s > 0));
    assert_eq!(house.upstream.calls().len(), 2);
}

#[tokio::test]
async fn how_it_does_is_shown_to_this_machine_only() {
    let house = House::open().await;
    for _ in 0..2 {
        house.function("generate-swot", &crate::house::idea()).await;
    }
    let status = house.get("/statusz", "").await.json();
    assert_eq!((&status["cache"]["hits"], &status["cache"]["misses"]), (&serde_json::json!(1), &serde_json::json!(1)));
    assert_eq!(status["queue"]["givenUp"], 0);
    let insert =
        status["queries"].as_array().and_then(|all| all.iter().find(|query| query["name"] == "insert generations")).expect("named");
    assert!(insert["count"] == 2 && insert["p95Ms"].as_f64().is_some_and(|ms| ms > 0.0), "{insert}");
    let request = axum::http::Request::get("/statusz").header("x-forwarded-for", "10.1.2.3").body(axum::body::Body::empty());
    assert_eq!(house.send(request.expect("a request")).await.status, StatusCode::NOT_FOUND);
}
