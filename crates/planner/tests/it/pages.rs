//! Every page renders, and every link on it leads somewhere.

use crate::house::House;
use axum::body::Body;
use axum::http::{Request, StatusCode};
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
    for page in ["/examples", "/models", "/ventures", "/assets/style.css", "/assets/plan-live.js"] {
        assert!(seen.contains(page), "{page} is linked");
    }
    assert!(seen.iter().filter(|p| p.starts_with("/examples/")).count() >= 8, "the gallery");
}

#[tokio::test]
async fn a_faulty_form_keeps_what_was_typed_and_says_what_is_wrong() {
    let house = House::open().await;
    let body = "productIdea=%3Cscript%3E&brandVoice=own&ownVoice=zzz&targetMarket=students";
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
async fn what_a_model_writes_is_never_markup() {
    let house = House::open().await;
    let (path, cookie) = house.make_plan("candles %26 %3Cb%3Esoap%3C/b%3E").await;
    house.until_finished(&path, &cookie).await;
    let page = house.get(&path, &cookie).await.body;
    assert!(!page.contains("<b>soap"), "escaped");
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
    house.router = web::router(house.app.clone(), &web::Settings { generations_per_hour: 2, plans_per_hour: 1, secure: true });
    for left in ["1", "0"] {
        assert_eq!(house.function("generate-swot", &crate::house::idea()).await.header("ratelimit-remaining"), left);
    }
    let refused = house.function("generate-swot", &crate::house::idea()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|s| s > 0));
    assert_eq!(house.upstream.calls().len(), 2);
}
