//! Ventures: a run from the form to the finished page, walls between guests, interruption.

use crate::house::{self, House};
use crate::people::press;
use app::runs::RunEvent;
use app::{Caller, runs, ventures};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::generations::Status;
use domain::ids::{OwnerId, VentureId};
use domain::runs::Happening;
use domain::ventures::RawBrief;
use futures::StreamExt as _;
use std::time::Duration;
use testkit::Fault;

#[tokio::test]
async fn a_plan_fills_in_and_is_there_whenever_one_looks() {
    filled_in(&House::open().await).await;
}

#[tokio::test]
async fn a_plan_fills_in_on_a_server() {
    filled_in(&House::on_postgres().await).await;
}

async fn filled_in(house: &House) {
    let (path, cookie) = house.make_plan("vegan leather hiking boots").await;
    let early = house.get(&path, &cookie).await;
    assert_eq!(early.status, StatusCode::OK);
    house.until_finished(&path, &cookie).await;
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains("Finished, 13 sections"), "{page}");
    assert_eq!(page.matches("data-state=\"ready\"").count(), 26, "13 cards and 13 places in the list");
    let markdown = house.get(&format!("{path}/export/plan.md"), &cookie).await.body;
    let json = house.get(&format!("{path}/export/plan.json"), &cookie).await.json();
    assert_eq!(json["sections"].as_object().map(serde_json::Map::len), Some(13));
    for template in house.app.release().sections() {
        assert!(markdown.contains(&format!("### {}", template.title)), "{}", template.title);
        let entry = &json["sections"][template.name.as_str()];
        for key in ["output", "status", "model", "promptVersion", "confidence", "issues", "sources", "usage"] {
            assert!(entry.get(key).is_some(), "{}: {key}", template.name);
        }
        assert_eq!(entry["status"], "complete", "{}: {}", template.name, entry["issues"]);
    }
}

#[tokio::test]
async fn later_sections_are_given_the_earlier_ones() {
    let house = House::open().await;
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    let json = house.get(&format!("{path}/export/plan.json"), &cookie).await.json();
    let tagline = json["sections"]["brand-kit"]["output"]["tagline"].as_str().expect("a tagline").to_owned();
    assert!(
        house.upstream.calls().iter().any(|call| call.prompt.contains(&tagline) && call.prompt.contains("mail")),
        "the mail knows the tagline"
    );
}

#[tokio::test]
async fn nobody_sees_what_is_not_theirs() {
    let house = House::open().await;
    let (path, cookie) = house.make_plan("vegan leather hiking boots").await;
    house.until_finished(&path, &cookie).await;
    let strangers = [String::new(), format!("planner_guest={}", "0".repeat(64)), format!("{cookie}0"), cookie.to_uppercase()];
    for stranger in &strangers {
        for page in ["", "/events", "/sections/swot", "/export/plan.md", "/export/plan.json"] {
            let reply = house.get(&format!("{path}{page}"), stranger).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{page} as {stranger:?}");
            assert!(!reply.body.contains("hiking boots"));
        }
        for act in ["/runs", "/cancel"] {
            assert_eq!(press(&house, &format!("{path}{act}"), stranger).await.status, StatusCode::NOT_FOUND);
        }
    }
    let (unknown, malformed) =
        (house.get(&format!("/ventures/{}", VentureId::new()), &cookie).await, house.get("/ventures/17", &cookie).await);
    assert_eq!((unknown.status, unknown.body), (malformed.status, malformed.body), "not there and not theirs look the same");
}

#[tokio::test]
async fn what_is_somebody_s_own_is_kept_by_no_cache() {
    let house = House::open().await;
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    assert_eq!(house.get("/ventures", &cookie).await.header("cache-control"), "no-store");
    for page in ["", "/events", "/sections/swot", "/export/plan.md", "/export/plan.json", "/export/plan.exe", "/sections/nonsense"] {
        for visitor in [cookie.as_str(), ""] {
            assert_eq!(house.get(&format!("{path}{page}"), visitor).await.header("cache-control"), "no-store", "{page} as {visitor:?}");
        }
    }
    assert_eq!(house.get("/examples", "").await.header("cache-control"), "", "what is everybody's may be kept");
}

#[tokio::test]
async fn another_site_cannot_make_a_plan() {
    let house = House::open().await;
    let form = format!("csrf={}&productIdea=beeswax+candles", crate::people::form_token_for(&house, ""));
    let forged = |name: &'static str, value: &'static str| {
        Request::post("/ventures")
            .header("host", "planner.example")
            .header(name, value)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.clone()))
            .expect("a request")
    };
    assert_eq!(house.send(forged("sec-fetch-site", "cross-site")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.send(forged("origin", "https://evil.example")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.send(forged("origin", "https://planner.example")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_failed_section_is_shown_and_can_be_made_again() {
    let house = House::open().await;
    house.upstream.when(|call| call.prompt.contains("launch mail").then_some(Fault::Refusal));
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains("1 section could not be made") && page.contains("This section could not be made"), "{page}");
    house.upstream.reset();
    assert_eq!(press(&house, &format!("{path}/runs"), &cookie).await.status, StatusCode::SEE_OTHER);
    house.until_finished(&path, &cookie).await;
    assert!(house.get(&path, &cookie).await.body.contains("data-state=\"ready\""));
    assert!(!house.get(&path, &cookie).await.body.contains("data-state=\"failed\""));
    assert!(house.upstream.calls().len() <= 2, "what was there is not made again");
}

#[tokio::test]
async fn an_interrupted_run_goes_on_at_the_next_start_and_pays_nothing_twice() {
    let house = House::open().await;
    let who = Caller::operator(OwnerId::new());
    let raw = RawBrief { idea: "beeswax candles".into(), ..RawBrief::default() };
    let venture = ventures::create(&house.app, &who, &raw, None).await.expect("a venture");
    // The plan hangs from its second section on.
    house.upstream.when(|call| (!call.prompt.contains("SMART")).then_some(Fault::Hang));
    let run = runs::start(&house.app, &who, venture.id, runs::choose(&house.app, &[]).expect("all"), None).await.expect("a run");
    let mut events = Box::pin(runs::follow(&house.app, &who, run.id, 0).await.expect("events"));
    while !matches!(events.next().await, Some(Ok(RunEvent { what: Happening::Ended { .. }, .. }))) {}
    house.app.shut_down().await;
    let plan = ventures::plan(&house.app, &who, venture.id).await.expect("a plan");
    assert!(plan.is_running());

    house.upstream.reset();
    let app = house::app(&house.upstream, house.dir.path(), None, |_| {}).await;
    let events = runs::follow(&app, &who, run.id, 0).await.expect("events");
    let ended = events.for_each(|event| {
        drop(event.expect("an event"));
        std::future::ready(())
    });
    tokio::time::timeout(Duration::from_mins(1), ended).await.expect("the run ends");
    let plan = ventures::plan(&app, &who, venture.id).await.expect("a plan");
    assert_eq!(plan.progress(), (13, 13));
    let ready = |s: &ventures::PlanSection| matches!(&s.state, ventures::SectionState::Ready { generation, .. } if generation.status == Status::Complete);
    assert!(plan.sections.iter().all(ready));
    assert!(
        !house.upstream.calls().iter().any(|call| call.prompt.contains("SMART goals for the first year")),
        "the finished section is not made again"
    );
}

/// Takes longer than the store is patient with a lock.
#[tokio::test]
async fn what_was_paid_for_is_kept_though_the_store_is_busy_for_a_while() {
    let house = House::open().await;
    house.upstream.latency(Duration::from_millis(300));
    let who = Caller::operator(OwnerId::new());
    let raw = RawBrief { idea: "beeswax candles".into(), ..RawBrief::default() };
    let venture = ventures::create(&house.app, &who, &raw, None).await.expect("a venture");
    let chosen = runs::choose(&house.app, &["smart-goals".into(), "swot".into()]).expect("both");
    let run = runs::start(&house.app, &who, venture.id, chosen, None).await.expect("a run");
    until(|| house.upstream.calls().len() == 2).await;
    // Another process writes, for longer than anybody waits in line.
    let other = store::Store::open(house.dir.path()).await.expect("the same store");
    let lock = other.tenant(OwnerId::new()).await.expect("the lock");
    tokio::time::sleep(Duration::from_secs(11)).await;
    drop(lock);
    let events = runs::follow(&house.app, &who, run.id, 0).await.expect("events");
    tokio::time::timeout(Duration::from_secs(30), events.for_each(|_| std::future::ready(()))).await.expect("the run ends");
    let tx = other.tenant_read(who.owner).await.expect("a transaction");
    let kept = tx.generations_of_run(run.id).await.expect("readable");
    assert_eq!(kept.iter().map(|made| made.status).collect::<Vec<_>>(), [Status::Complete; 2]);
    assert_eq!(house.upstream.calls().len(), 2, "nothing is asked twice");
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn elapsed_time_counts_from_the_start_of_the_run() {
    let house = House::open().await;
    let (who, cookie) = (Caller::operator(house::owner(house::TOKEN)), house::guest_cookie(&house.app));
    let (venture, _) = house.unfinished_run(&who, "beeswax candles").await;
    let plan = ventures::plan(&house.app, &who, venture.id).await.expect("a plan");
    let page = house.get(&format!("/ventures/{}", venture.id), &cookie).await.body;
    let since = page.split_once("data-since=\"").and_then(|(_, rest)| rest.split('"').next()).expect("a start");
    let since: chrono::DateTime<chrono::Utc> = since.parse().expect("a moment that browsers read too");
    assert_eq!(Some(since.timestamp_millis()), plan.running_since().map(|t| t.timestamp_millis()));
}

#[tokio::test]
async fn sections_run_side_by_side_where_they_can() {
    let house = House::open().await;
    house.upstream.latency(Duration::from_millis(50));
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    assert!(house.upstream.max_in_flight() >= 3, "{} at once", house.upstream.max_in_flight());
}

#[tokio::test]
async fn a_stopped_run_keeps_what_was_finished() {
    stopped(&House::open().await).await;
}

#[tokio::test]
async fn a_stopped_run_keeps_what_was_finished_on_a_server() {
    stopped(&House::on_postgres().await).await;
}

async fn stopped(house: &House) {
    house.upstream.when(|call| (!call.prompt.contains("SMART")).then_some(Fault::Hang));
    let (path, cookie) = house.make_plan("beeswax candles").await;
    while house.upstream.calls().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(press(house, &format!("{path}/cancel"), &cookie).await.status, StatusCode::SEE_OTHER);
    house.until_finished(&path, &cookie).await;
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains("What was finished is kept") && page.contains("data-state=\"ready\""), "{page}");
}

#[tokio::test]
async fn who_waits_sees_their_place_in_line() {
    let house = House::without_workers().await;
    let (_, _) = house.make_plan("beeswax candles").await;
    let (path, cookie) = house.make_plan("vegan leather hiking boots").await;
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains("1 plan is ahead of yours") && page.contains("data-running"), "{page}");
    house.start_workers();
    house.until_finished(&path, &cookie).await;
    assert!(house.get(&path, &cookie).await.body.contains("Finished, 13 sections"));
}
