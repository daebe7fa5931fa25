//! Others who vouch for people: identity providers in the browser, a Supabase project for bearers of its tokens.

use crate::house::{self, House, Reply};
use crate::people::{Browser, PASSWORD};
use axum::http::StatusCode;
use planner::config::Credentials;
use serde_json::{Value, json};
use testkit::identity::{CLIENT_ID, CLIENT_SECRET, Fault, IdentityProvider, Key, Person, mint};

const SECRET: &str = "a-jwt-secret-of-more-than-32-characters";

async fn house_with(provider: &IdentityProvider) -> House {
    let url = Some(provider.url());
    House::furnished(move |config| {
        config.server.public_url = "http://planner.example".into();
        config.keys.google = Some(Credentials { id: CLIENT_ID.into(), secret: CLIENT_SECRET.to_owned().into(), url: url.clone() });
        config.keys.github = Some(Credentials { id: CLIENT_ID.into(), secret: CLIENT_SECRET.to_owned().into(), url });
    })
    .await
}

/// Goes to the provider and comes back; what is answered then.
async fn sign_in_with(house: &House, browser: &mut Browser, provider: &str) -> Reply {
    let begin = format!("/sign-in/with/{provider}");
    let page = browser.send(house, "/sign-in", &begin, &[]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let (_, rest) = page.body.split_once("href=\"http").expect("a link to the provider");
    let url = format!("http{}", rest.split('"').next().expect("an address")).replace("&#38;", "&").replace("&amp;", "&");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let sent_back = client.get(url).send().await.expect("the provider answers");
    let place = sent_back.headers()["location"].to_str().expect("an address").to_owned();
    let path = place.strip_prefix("http://planner.example").expect("back to us").to_owned();
    browser.open(house, &path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_comes_with_google_and_github_and_keeps_what_they_made() {
    let provider = IdentityProvider::start().await;
    let house = house_with(&provider).await;
    for (at, name) in ["google", "github"].into_iter().enumerate() {
        let email = format!("{name}@example.com");
        provider.person(Person { subject: 100 + at as u64, email: email.clone(), verified: true });
        let mut browser = Browser::default();
        let made = browser.send(&house, "/", "/ventures", &[("productIdea", "cork yoga mats"), ("brandVoice", "professional")]).await;
        let back = sign_in_with(&house, &mut browser, name).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
        assert!(browser.open(&house, "/account").await.body.contains(&email));
        assert_eq!(browser.open(&house, made.header("location")).await.status, StatusCode::OK, "the guest's venture is theirs");
        // The second time it is the same account.
        let mut again = Browser::default();
        sign_in_with(&house, &mut again, name).await;
        assert_eq!(again.open(&house, made.header("location")).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_gets_wrong_lets_nobody_in() {
    let provider = IdentityProvider::start().await;
    let house = house_with(&provider).await;
    let faults = [
        Fault::Declined,
        Fault::WrongNonce,
        Fault::WrongAudience,
        Fault::WrongIssuer,
        Fault::Expired,
        Fault::AlgNone,
        Fault::SignedWithPublicKey,
        Fault::Tampered,
        Fault::NoIdToken,
        Fault::Token(500),
    ];
    for fault in faults {
        let said = format!("{fault:?}");
        provider.fault(Some(fault));
        let mut browser = Browser::default();
        let back = sign_in_with(&house, &mut browser, "google").await;
        assert!(back.status.is_client_error() || back.status == StatusCode::SERVICE_UNAVAILABLE, "{said}: {}", back.status);
        assert_eq!(browser.cookie("planner_session"), None, "{said}");
    }
    provider.fault(None);
    provider.person(Person { subject: 7, email: "unproven@example.com".into(), verified: false });
    let mut browser = Browser::default();
    let refused = sign_in_with(&house, &mut browser, "google").await;
    assert!(refused.status.is_client_error() && browser.cookie("planner_session").is_none());
    // Another's answer, in a browser that did not ask.
    let forged = Browser::default().open(&house, "/sign-in/with/google/callback?code=x&state=y").await;
    assert!(forged.status.is_client_error(), "{}", forged.status);
}

/// Somebody registers another's address and waits: when its owner comes through a provider, what let the other in does so no more.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_made_in_somebody_s_name_is_theirs_alone() {
    let provider = IdentityProvider::start().await;
    let house = house_with(&provider).await;
    let mut mallory = Browser::sign_up(&house, "victim@example.com").await;
    provider.person(Person { subject: 8, email: "victim@example.com".into(), verified: true });
    let mut victim = Browser::default();
    assert_eq!(sign_in_with(&house, &mut victim, "google").await.status, StatusCode::SEE_OTHER);
    assert_eq!(mallory.open(&house, "/account").await.status, StatusCode::SEE_OTHER, "the session is over");
    assert_eq!(mallory.sign_in(&house, "victim@example.com", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(victim.open(&house, "/account").await.status, StatusCode::OK);
}

fn claims() -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({"sub": "0b8f0a3e-6c1d-4c57-9a59-6d2f3a1c9b11", "aud": "authenticated", "role": "authenticated", "email": "supa@example.com",
           "iat": now, "exp": now + 3600})
}

fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_made_for_supabase_keeps_its_users() {
    let house = House::furnished(|config| config.keys.supabase_secret = Some(SECRET.to_owned().into())).await;
    let ask = |token: String| {
        let house = &house;
        async move { house.function_by("generate-smart-goals", &house::new_idea(), ("authorization", &format!("Bearer {token}"))).await }
    };
    let signed = |claims: &Value| mint(Key::Secret(SECRET), &json!({}), claims);
    let first = ask(signed(&claims())).await;
    assert_eq!(
        (first.status, first.header("ratelimit-limit"), first.header("ratelimit-remaining")),
        (StatusCode::OK, "10", "9"),
        "{}",
        first.body
    );
    let second = ask(signed(&claims())).await;
    assert_eq!(second.header("ratelimit-remaining"), "8", "the same member");
    // The project's public key is nobody's: a guest, held by the address.
    let now = chrono::Utc::now().timestamp();
    let anon = ask(signed(&json!({"role": "anon", "iss": "supabase", "iat": now, "exp": now + 3600}))).await;
    assert_eq!((anon.status, anon.header("ratelimit-limit")), (StatusCode::OK, "1000"));
    assert_eq!(ask("sb_publishable_abc".into()).await.status, StatusCode::OK);
    let forged = [
        ("alg none", mint(Key::Nothing, &json!({}), &claims())),
        ("another secret", mint(Key::Secret("another-secret-of-more-than-32-characters"), &json!({}), &claims())),
        ("wrong audience", signed(&with(&json!({"aud": "somebody else"})))),
        ("expired", signed(&with(&json!({"exp": now - 120})))),
        ("from the future", signed(&with(&json!({"iat": now + 600, "nbf": now + 600})))),
        ("without an end", signed(&with(&json!({"exp": null})))),
        ("another algorithm", mint(Key::Rsa, &json!({}), &claims())),
        ("no token", "a.b.c".into()),
    ];
    for (what, token) in forged {
        let refused = ask(token.clone()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{what}: {}", refused.body);
        assert!(!refused.body.contains(&token) && refused.body.contains("token"), "{what}: {}", refused.body);
    }
    // Within the skew of clocks it is good.
    assert_eq!(ask(signed(&with(&json!({"exp": now - 30})))).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_project_only_its_public_key_passes_and_grants_nothing() {
    let house = House::open().await;
    let now = chrono::Utc::now().timestamp();
    let anon = mint(Key::Secret(SECRET), &json!({}), &json!({"role": "anon", "iss": "supabase", "iat": now, "exp": now + 3600}));
    let bearer = |token: String| format!("Bearer {token}");
    let reply = house.function_by("generate-swot", &house::new_idea(), ("authorization", &bearer(anon))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let member = mint(Key::Secret(SECRET), &json!({}), &claims());
    let refused = house.function_by("generate-swot", &house::new_idea(), ("authorization", &bearer(member))).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
}
