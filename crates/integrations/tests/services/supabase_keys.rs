//! The keys of a Supabase project: fetched when needed, rarely, and kept when it is away.

use crate::supabase::{SECRET, by_keys, claims, now};
use chrono::TimeDelta;
use domain::Timestamp;
use integrations::supabase::{Refusal, Verifier};
use serde_json::json;
use testkit::identity::{Fault, IdentityProvider, Key, mint};

const PATH: &str = "/auth/v1/.well-known/jwks.json";

async fn is_good(verifier: &Verifier, key: Key<'static>, at: Timestamp) -> Result<(), Refusal> {
    verifier.verify(&mint(key, &json!({}), &claims(at)), at).await.map(|_| ())
}

#[tokio::test]
async fn keys_are_kept_for_ten_minutes() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let verifier = by_keys(&upstream, None);
    for minutes in [0, 3, 6, 9] {
        assert_eq!(is_good(&verifier, Key::Rsa, now + TimeDelta::minutes(minutes)).await, Ok(()));
    }
    assert_eq!(upstream.count(PATH), 1);
    assert_eq!(is_good(&verifier, Key::Rsa, now + TimeDelta::minutes(11)).await, Ok(()));
    assert_eq!(upstream.count(PATH), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_the_old_one_is_gone() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let verifier = by_keys(&upstream, None);
    assert_eq!(is_good(&verifier, Key::Rsa, now).await, Ok(()));
    upstream.key(Key::Ec);
    let later = now + TimeDelta::seconds(61);
    assert_eq!(is_good(&verifier, Key::Ec, later).await, Ok(()), "ES256 counts as RS256 does");
    assert_eq!(is_good(&verifier, Key::Rsa, later).await, Err(Refusal::BadSignature));
}

#[tokio::test]
async fn made_up_keys_are_asked_for_once_a_minute() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let verifier = by_keys(&upstream, None);
    for second in 0..120 {
        let (at, kid) = (now + TimeDelta::seconds(second), format!("made-up-{second}"));
        let token = mint(Key::Rsa, &json!({"kid": kid}), &claims(at));
        assert_eq!(verifier.verify(&token, at).await, Err(Refusal::BadSignature));
    }
    assert_eq!(upstream.count(PATH), 2);
    let nameless = mint(Key::Rsa, &json!({"kid": null}), &claims(now));
    assert_eq!(verifier.verify(&nameless, now).await, Err(Refusal::Malformed));
    let wrong_kind = mint(Key::Ec, &json!({"kid": "test-rsa"}), &claims(now));
    assert_eq!(verifier.verify(&wrong_kind, now).await, Err(Refusal::BadSignature), "an RSA key checks no ES256");
}

#[tokio::test]
async fn a_project_that_is_away_keeps_its_last_keys() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let verifier = by_keys(&upstream, Some(SECRET));
    upstream.fault(Some(Fault::Keys(503)));
    assert_eq!(is_good(&verifier, Key::Rsa, now).await, Err(Refusal::KeysAway));
    assert_eq!(is_good(&verifier, Key::Rsa, now).await, Err(Refusal::KeysAway), "it is not asked at once again");
    assert_eq!(is_good(&verifier, Key::Secret(SECRET), now).await, Ok(()), "the secret needs nobody");
    assert_eq!(upstream.count(PATH), 1);
    upstream.fault(None);
    let soon = now + TimeDelta::seconds(11);
    assert_eq!(is_good(&verifier, Key::Rsa, soon).await, Ok(()));
    drop(upstream);
    let hours = soon + TimeDelta::hours(5);
    assert_eq!(is_good(&verifier, Key::Rsa, hours).await, Ok(()));
    assert_eq!(is_good(&verifier, Key::Ec, hours).await, Err(Refusal::KeysAway), "it may be new");
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let verifier = by_keys(&upstream, None);
    let token = mint(Key::Rsa, &json!({}), &claims(now));
    let (one, two, three, four) = tokio::join!(
        verifier.verify(&token, now),
        verifier.verify(&token, now),
        verifier.verify(&token, now),
        verifier.verify(&token, now)
    );
    assert!([one, two, three, four].iter().all(Result::is_ok));
    assert_eq!(upstream.count(PATH), 1);
}
