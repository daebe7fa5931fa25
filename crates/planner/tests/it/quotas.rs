//! The quota of a tier and the guard over what somebody costs: right however many ask at once, and from wherever.

use crate::house::{self, House};
use crate::people::Browser;
use app::Caller;
use app::accounts::admin::{self, Change};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::accounts::Account;
use domain::ids::OwnerId;
use domain::tiers::Tier;
use serde_json::{Value, json};
use testkit::Fault;
use tower::ServiceExt as _;

on_both! {
    a_hundred_at_once_get_what_the_tier_gives_and_no_more,
    what_came_to_nothing_is_given_back,
    another_tier_holds_from_the_next_request_on,
    a_run_waits_for_the_quota_and_goes_on_when_the_tier_does,
}

fn operator() -> Caller {
    Caller::operator(OwnerId::new())
}

async fn account(house: &House, email: &str) -> Account {
    admin::find(&house.app, &operator(), email).await.expect("an account")
}

pub async fn raise(house: &House, email: &str, tier: Tier) {
    let owner = account(house, email).await.owner;
    admin::set(&house.app, &operator(), owner, Change { tier: Some(tier), ..Change::default() }).await.expect("another tier");
}

/// Asks for a section that nobody has asked for before.
async fn ask(house: &House, browser: &Browser) -> house::Reply {
    house.function_by("generate-smart-goals", &house::new_idea(), ("cookie", &browser.cookies())).await
}

async fn a_hundred_at_once_get_what_the_tier_gives_and_no_more(house: House) {
    let ana = Browser::member(&house, "ana@example.com").await;
    // On a server two processes count together; a folder has one writing process.
    let other = if house.store().await.is_shared() { house.replica().await } else { house.router.clone() };
    let calls = (0..100).map(|at| {
        let router = if at % 2 == 0 { house.router.clone() } else { other.clone() };
        let request = Request::post("/functions/v1/generate-smart-goals")
            .header("content-type", "application/json")
            .header("cookie", ana.cookies())
            .body(Body::from(house::new_idea().to_string()))
            .expect("a request");
        async move { router.oneshot(request).await.expect("answers") }
    });
    let replies = futures::future::join_all(calls).await;
    let made = replies.iter().filter(|reply| reply.status() == StatusCode::OK).count();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status() == StatusCode::TOO_MANY_REQUESTS).collect();
    assert_eq!((made, refused.len()), (10, 90));
    for reply in refused {
        let header = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!((header("ratelimit-limit"), header("ratelimit-remaining")), ("10".into(), "0".into()));
        let wait: u64 = header("retry-after").parse().expect("seconds");
        assert!((1..=3600).contains(&wait), "{wait}");
    }
    assert_eq!(house.upstream.calls().len(), 10, "whoever is refused costs nothing");
    let store = house.store().await;
    let owner = account(&house, "ana@example.com").await.owner;
    assert_eq!(store.tenant_read(owner).await.expect("begins").open_takes().await.expect("counts"), 0, "everything is settled");
}

async fn what_came_to_nothing_is_given_back(house: House) {
    let bo = Browser::member(&house, "bo@example.com").await;
    let left = |reply: &house::Reply| reply.header("ratelimit-remaining").to_owned();
    let idea = house::new_idea();
    let by = |body: Value| {
        let cookies = bo.cookies();
        let house = &house;
        async move { house.function_by("generate-smart-goals", &body, ("cookie", &cookies)).await }
    };
    let first = by(idea.clone()).await;
    assert_eq!((first.status, left(&first)), (StatusCode::OK, "9".into()), "{}", first.body);
    let again = by(idea).await;
    assert_eq!((again.header("x-cache"), left(&again)), ("hit", "9".into()), "an answer that is given again costs nothing");
    house.upstream.always(Some(Fault::MalformedJson));
    let failed = by(house::new_idea()).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.body);
    house.upstream.always(None);
    let second = by(house::new_idea()).await;
    assert_eq!((second.status, left(&second)), (StatusCode::OK, "8".into()), "{}", second.body);
}

async fn another_tier_holds_from_the_next_request_on(house: House) {
    let cy = Browser::member(&house, "cy@example.com").await;
    for _ in 0..10 {
        assert_eq!(ask(&house, &cy).await.status, StatusCode::OK);
    }
    assert_eq!(ask(&house, &cy).await.status, StatusCode::TOO_MANY_REQUESTS);
    raise(&house, "cy@example.com", Tier::Starter).await;
    let more = ask(&house, &cy).await;
    assert_eq!((more.status, more.header("ratelimit-remaining")), (StatusCode::OK, "39"));
    raise(&house, "cy@example.com", Tier::Pro).await;
    let unlimited = ask(&house, &cy).await;
    assert_eq!((unlimited.status, unlimited.header("ratelimit-limit")), (StatusCode::OK, ""));
    raise(&house, "cy@example.com", Tier::Free).await;
    assert_eq!(ask(&house, &cy).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Nobody gives themselves one.
    let body = json!({"productIdea": "cork yoga mats", "brandVoice": "professional", "tier": "pro", "role": "tech-lead"});
    let refused = house.function_by("generate-smart-goals", &body, ("cookie", &cy.cookies())).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("tier") && refused.body.contains("role"), "{}", refused.body);
}

async fn a_run_waits_for_the_quota_and_goes_on_when_the_tier_does(house: House) {
    let mut di = Browser::member(&house, "di@example.com").await;
    let made = di.send(&house, "/", "/ventures", &[("productIdea", "hand carved fishing lures"), ("brandVoice", "professional")]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let path = made.header("location").to_owned();
    let mut page = String::new();
    for _ in 0..600 {
        page = di.open(&house, &path).await.body;
        if page.contains("wait for your hourly quota") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(page.contains("wait for your hourly quota"), "{page}");
    assert_eq!(page.matches("data-state=\"ready\"").count() / 2, 10, "as many as the tier gives are there");
    raise(&house, "di@example.com", Tier::Starter).await;
    house.until_finished(&path, &di.cookies()).await;
    assert!(di.open(&house, &path).await.body.contains("13 sections"));
}

/// A free member who costs too much is held back for a day; a tech lead lifts that, with a reason that is kept.
async fn too_expensive(house: House) {
    let eve = Browser::member(&house, "eve@example.com").await;
    assert_eq!(ask(&house, &eve).await.status, StatusCode::OK, "what is begun is finished");
    let held = ask(&house, &eve).await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(held.body.contains("cost more") && !held.header("retry-after").is_empty(), "{}", held.body);
    let member = account(&house, "eve@example.com").await;
    let alerts = admin::alerts(&house.app, &operator(), 10, None).await.expect("alerts");
    assert_eq!(alerts.iter().filter(|alert| alert.owner == Some(member.owner) && alert.closed.is_none()).count(), 1);
    let refused = admin::lift_limit(&house.app, &operator(), member.owner, "why").await;
    assert!(refused.is_err(), "a word is no reason");
    admin::lift_limit(&house.app, &operator(), member.owner, "a known workshop, agreed by mail").await.expect("lifted");
    assert_eq!(ask(&house, &eve).await.status, StatusCode::OK);
    let log = app::audit::search(&house.app, &operator(), &app::audit::AuditSearch::default(), 50, None).await.expect("the log");
    let lifted = log.iter().find(|entry| entry.action == "safety.overridden").expect("written down");
    assert_eq!(lifted.reason.as_deref(), Some("a known workshop, agreed by mail"));
    // Who pays is held back by nothing of the kind.
    assert_eq!(ask(&house, &eve).await.status, StatusCode::TOO_MANY_REQUESTS);
    raise(&house, "eve@example.com", Tier::Starter).await;
    assert_eq!(ask(&house, &eve).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_member_who_costs_too_much_is_held_back() {
    too_expensive(House::furnished(|config| config.accounts.free_daily_cost_usd = 0.000_001).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_member_who_costs_too_much_is_held_back_on_postgres() {
    too_expensive(House::furnished_on_postgres(|config| config.accounts.free_daily_cost_usd = 0.000_001).await).await;
}
