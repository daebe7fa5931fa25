//! The tokens of a Supabase project: what counts, and everything that does not.

use crate::place::with_tls;
use chrono::{TimeDelta, Utc};
use domain::Timestamp;
use integrations::supabase::{Claims, Refusal, Settings, Verifier};
use serde_json::{Value, json};
use testkit::identity::{IdentityProvider, Key, mint};

pub const SECRET: &str = "a-secret-of-a-project-0123456789abcdef";
pub const ISSUER: &str = "https://project.supabase.example/auth/v1";
const ANA: &str = "6f1c0b1e-3f0a-4c57-9f0e-0123456789ab";

pub fn now() -> Timestamp {
    Utc::now()
}

/// What a project says of somebody who is signed in.
pub fn claims(now: Timestamp) -> Value {
    let now = now.timestamp();
    json!({
        "iss": ISSUER, "aud": "authenticated", "sub": ANA, "email": "ana@example.com", "role": "authenticated",
        "iat": now - 10, "exp": now + 3600, "is_anonymous": false, "app_metadata": {"provider": "email"}, "session_id": "x",
    })
}

fn changed(now: Timestamp, change: &Value) -> Value {
    let mut claims = claims(now);
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().map(|claims| claims.remove(name));
        }
    }
    claims
}

fn by_secret() -> Verifier {
    let settings = Settings { secret: Some(SECRET.to_owned().into()), issuer: Some(ISSUER.into()), ..Settings::default() };
    Verifier::new(settings).expect("the settings work").expect("a verifier")
}

pub fn by_keys(upstream: &IdentityProvider, secret: Option<&str>) -> Verifier {
    with_tls();
    let secret = secret.map(|secret| secret.to_owned().into());
    let settings = Settings { secret, jwks_url: Some(upstream.jwks_url()), issuer: Some(ISSUER.into()), ..Settings::default() };
    Verifier::new(settings).expect("the settings work").expect("a verifier")
}

async fn told(change: Value) -> Result<Claims, Refusal> {
    let now = now();
    by_secret().verify(&mint(Key::Secret(SECRET), &json!({}), &changed(now, &change)), now).await
}

#[tokio::test]
async fn a_token_says_who_somebody_is() {
    let ana = told(json!({})).await.expect("it counts");
    assert_eq!((ana.subject.as_str(), ana.role.as_str(), ana.anonymous), (ANA, "authenticated", false));
    assert_eq!(ana.email.map(|email| email.to_string()), Some("ana@example.com".into()));
    let nobody = told(json!({"email": "", "is_anonymous": true, "sub": ANA.to_uppercase()})).await.expect("it counts");
    assert_eq!((nobody.subject.as_str(), nobody.email, nobody.anonymous), (ANA, None, true));
    assert!(told(json!({"aud": ["other", "authenticated"]})).await.is_ok());
}

#[tokio::test]
async fn the_public_key_is_everybody() {
    let key = json!({"iss": "supabase", "ref": "project", "aud": null, "sub": null, "email": null, "is_anonymous": null, "role": "anon"});
    let anon = told(key.clone()).await.expect("it counts");
    assert_eq!(anon, Claims { subject: String::new(), email: None, role: "anon".into(), anonymous: true });
    let mut service = key;
    service["role"] = "service_role".into();
    assert_eq!(told(service.clone()).await, Err(Refusal::WrongIssuer), "the key that may do everything is nobody's token here");
    service["iss"] = ISSUER.into();
    assert_eq!(told(service).await, Err(Refusal::WrongAudience));
}

#[tokio::test]
async fn whom_it_is_from_and_for_must_be_right() {
    for (change, refusal) in [
        (json!({"aud": "other"}), Refusal::WrongAudience),
        (json!({"aud": null}), Refusal::WrongAudience),
        (json!({"aud": []}), Refusal::WrongAudience),
        (json!({"iss": "https://other.example/auth/v1"}), Refusal::WrongIssuer),
        (json!({"iss": "supabase"}), Refusal::WrongIssuer),
        (json!({"iss": null}), Refusal::WrongIssuer),
        (json!({"sub": "ana"}), Refusal::Malformed),
        (json!({"sub": null}), Refusal::Malformed),
        (json!({"role": null}), Refusal::Malformed),
        (json!({"exp": "tomorrow"}), Refusal::Malformed),
        (json!({"aud": 7}), Refusal::Malformed),
    ] {
        assert_eq!(told(change.clone()).await, Err(refusal), "{change}");
    }
}

#[tokio::test]
async fn its_time_is_now_give_or_take_a_minute() {
    let (now, verifier) = (now(), by_secret());
    let at = async |change: Value, seconds: i64| {
        let token = mint(Key::Secret(SECRET), &json!({}), &changed(now, &change));
        verifier.verify(&token, now + TimeDelta::seconds(seconds)).await.map(|claims| claims.role)
    };
    assert_eq!(at(json!({}), 3600 + 55).await.as_deref(), Ok("authenticated"));
    assert_eq!(at(json!({}), 3600 + 65).await, Err(Refusal::Expired));
    assert_eq!(at(json!({"exp": null}), 0).await, Err(Refusal::Expired));
    assert_eq!(at(json!({"exp": 0}), 0).await, Err(Refusal::Expired));
    assert_eq!(at(json!({"exp": 1e300}), 0).await.as_deref(), Ok("authenticated"));
    for name in ["nbf", "iat"] {
        assert!(at(json!({name: now.timestamp() + 55}), 0).await.is_ok(), "{name}");
        assert_eq!(at(json!({name: now.timestamp() + 65}), 0).await, Err(Refusal::NotYet), "{name}");
    }
}

#[tokio::test]
async fn the_algorithm_is_ours_to_choose() {
    let (now, upstream) = (now(), IdentityProvider::start().await);
    let (secret, keys, both) = (by_secret(), by_keys(&upstream, None), by_keys(&upstream, Some(SECRET)));
    let by = |key: Key<'_>, header: Value| mint(key, &header, &claims(now));
    let (hs, rs) = (by(Key::Secret(SECRET), json!({})), by(Key::Rsa, json!({})));
    assert!(secret.verify(&hs, now).await.is_ok() && keys.verify(&rs, now).await.is_ok());
    assert!(both.verify(&hs, now).await.is_ok() && both.verify(&rs, now).await.is_ok());
    assert_eq!(secret.verify(&rs, now).await, Err(Refusal::Unsupported));
    assert_eq!(keys.verify(&hs, now).await, Err(Refusal::Unsupported));
    let public = Key::Rsa.jwk().to_string();
    let confused = by(Key::Secret(&public), json!({"kid": "test-rsa"}));
    assert_eq!(keys.verify(&confused, now).await, Err(Refusal::Unsupported));
    assert_eq!(both.verify(&confused, now).await, Err(Refusal::BadSignature));
    let relabelled = by(Key::Secret(&public), json!({"kid": "test-rsa", "alg": "RS256"}));
    assert_eq!(keys.verify(&relabelled, now).await, Err(Refusal::BadSignature));
    for algorithm in ["none", "None", "HS512", "PS256", "EdDSA", "", "hs256"] {
        let token = by(Key::Secret(SECRET), json!({"alg": algorithm}));
        let none = by(Key::Nothing, json!({"alg": algorithm}));
        for verifier in [&secret, &keys, &both] {
            assert_eq!(verifier.verify(&token, now).await, Err(Refusal::Unsupported), "{algorithm}");
            assert_eq!(verifier.verify(&none, now).await, Err(Refusal::Unsupported), "{algorithm}");
        }
    }
    let critical = by(Key::Secret(SECRET), json!({"crit": ["exp"]}));
    assert_eq!(secret.verify(&critical, now).await, Err(Refusal::Unsupported));
}

#[tokio::test]
async fn what_is_forged_or_broken_does_not_count() {
    let (now, verifier) = (now(), by_secret());
    let forged = mint(Key::Secret("another-secret-of-a-project-0123456789"), &json!({}), &claims(now));
    assert_eq!(verifier.verify(&forged, now).await, Err(Refusal::BadSignature));
    let good = mint(Key::Secret(SECRET), &json!({}), &claims(now));
    let other = mint(Key::Secret("x"), &json!({}), &changed(now, &json!({"role": "service_role"})));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (good_parts, other) = (parts(&good), parts(&other));
    let mixed = format!("{}.{}.{}", good_parts[0], other[1], good_parts[2]);
    assert_eq!(verifier.verify(&mixed, now).await, Err(Refusal::BadSignature));
    assert_eq!(verifier.verify(&format!("{}.{}.", good_parts[0], good_parts[1]), now).await, Err(Refusal::BadSignature));
    for broken in ["", ".", "..", "a.b", "a.b.c", "....", "🌍.🌍.🌍", &"a".repeat(9000), &format!("{good}.x")] {
        assert_eq!(verifier.verify(broken, now).await, Err(Refusal::Malformed), "{broken}");
    }
    assert!(verifier.verify(&good, now).await.is_ok());
}

#[test]
fn settings_are_looked_at_once() {
    assert!(Verifier::new(Settings::default()).expect("nothing is no mistake").is_none());
    let said = |settings| Verifier::new(settings).expect_err("is refused").to_string();
    assert!(said(Settings { secret: Some("short-s3cret".to_owned().into()), ..Settings::default() }).starts_with("supabase.secret"));
    let wrong = said(Settings { jwks_url: Some("https://u:s3cret@x.example/jwks".into()), ..Settings::default() });
    assert!(wrong.starts_with("supabase.jwks_url") && !wrong.contains("s3cret"), "{wrong}");
    let empty = Settings { secret: Some(SECRET.to_owned().into()), audience: String::new(), ..Settings::default() };
    assert!(said(empty).starts_with("supabase.audience"));
    assert!(!format!("{:?}", by_secret()).contains(SECRET));
}
