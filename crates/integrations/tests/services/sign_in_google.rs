//! Signing in with an issuer that speaks `OpenID` Connect, and every token that does not count.

use crate::place::{Gate, PUBLIC_URL, pending, query};
use integrations::sign_in::{Fault, Person, Provider};
use testkit::identity::{self, CLIENT_SECRET, Key};

const GOOGLE: Provider = Provider::Google;

#[tokio::test]
async fn a_person_is_known_by_their_number_and_address() {
    let gate = Gate::open().await;
    let (begun, code) = gate.visit(GOOGLE).await;
    for (name, value) in [("response_type", "code"), ("client_id", "planner-test"), ("scope", "openid email"), ("nonce", &begun.nonce)] {
        assert_eq!(query(&begun.url, name), value);
    }
    assert_eq!(query(&begun.url, "code_challenge_method"), "S256");
    assert_eq!(query(&begun.url, "redirect_uri"), format!("{PUBLIC_URL}/sign-in/with/google/callback"));
    assert!(!begun.url.contains(&begun.pkce_verifier));
    let person = gate.providers.finish(GOOGLE, &code, &pending(&begun)).await.expect("they are signed in");
    assert_eq!((person.subject.as_str(), person.email.as_str(), person.email_verified), ("1001", "ana@example.com", true));
}

#[tokio::test]
async fn an_address_that_is_not_verified_is_said_to_be() {
    let gate = Gate::open().await;
    gate.upstream.person(identity::Person { subject: 7, email: "bo@example.com".into(), verified: false });
    assert!(!gate.sign_in(GOOGLE).await.expect("they are signed in").email_verified);
}

#[tokio::test]
async fn the_issuer_is_asked_about_itself_once() {
    let gate = Gate::open().await;
    for _ in 0..3 {
        gate.sign_in(GOOGLE).await.expect("they are signed in");
    }
    assert_eq!((gate.upstream.count("/.well-known/openid-configuration"), gate.upstream.count("/jwks")), (1, 1));
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_is_first_seen() {
    let gate = Gate::open().await;
    gate.sign_in(GOOGLE).await.expect("they are signed in");
    gate.upstream.key(Key::Ec);
    gate.sign_in(GOOGLE).await.expect("they are signed in with the other algorithm");
    assert_eq!(gate.upstream.count("/jwks"), 2);
}

#[tokio::test]
async fn tokens_that_do_not_count() {
    use identity::Fault as Wrong;
    let gate = Gate::open().await;
    for wrong in [
        Wrong::WrongNonce,
        Wrong::WrongAudience,
        Wrong::WrongIssuer,
        Wrong::Expired,
        Wrong::NotYet,
        Wrong::AlgNone,
        Wrong::SignedWithPublicKey,
        Wrong::SignedWithClientSecret,
        Wrong::UnknownKey,
        Wrong::Tampered,
        Wrong::NoIdToken,
        Wrong::NoEmail,
    ] {
        gate.upstream.fault(Some(wrong));
        let refused = gate.sign_in(GOOGLE).await;
        assert!(matches!(refused, Err(Fault::Refused(_))), "{wrong:?}: {refused:?}");
        gate.upstream.fault(None);
    }
    assert_eq!(gate.upstream.count("/jwks"), 2, "only the unknown key was worth another look");
    gate.sign_in(GOOGLE).await.expect("they are signed in");
}

#[tokio::test]
async fn a_code_works_once_and_only_for_who_began() {
    let gate = Gate::open().await;
    let (begun, code) = gate.visit(GOOGLE).await;
    let (other, _) = gate.visit(GOOGLE).await;
    let stolen = gate.providers.finish(GOOGLE, &code, &pending(&other)).await;
    assert!(matches!(stolen, Err(Fault::Refused(_))), "{stolen:?}");
    let (again, code) = gate.visit(GOOGLE).await;
    gate.providers.finish(GOOGLE, &code, &pending(&again)).await.expect("they are signed in");
    let Err(Fault::Refused(said)) = gate.providers.finish(GOOGLE, &code, &pending(&again)).await else { panic!("it worked twice") };
    for secret in [code.as_str(), &begun.pkce_verifier, &again.pkce_verifier, CLIENT_SECRET] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_the_persons_fault() {
    let gate = Gate::open().await;
    gate.upstream.fault(Some(identity::Fault::Discovery(503)));
    let away = gate.providers.begin(GOOGLE).await;
    assert!(matches!(&away, Err(Fault::Away(said)) if said.starts_with("Google answered with status 503")), "{away:?}");
    gate.upstream.fault(Some(identity::Fault::Keys(500)));
    assert!(matches!(gate.providers.begin(GOOGLE).await, Err(Fault::Away(_))));
    gate.upstream.fault(None);
    let (begun, code) = gate.visit(GOOGLE).await;
    gate.upstream.fault(Some(identity::Fault::Token(500)));
    let away = gate.providers.finish(GOOGLE, &code, &pending(&begun)).await;
    assert!(matches!(away, Err(Fault::Away(_))), "{away:?}");
    gate.upstream.fault(None);
    assert!(gate.providers.finish(GOOGLE, &code, &pending(&begun)).await.is_ok(), "the code was not used up");
    let Gate { upstream, providers } = gate;
    drop(upstream);
    let away = providers.finish(GOOGLE, &code, &pending(&begun)).await;
    assert!(matches!(away, Err(Fault::Away(_))), "{away:?}");
}

#[tokio::test]
async fn who_says_no_comes_back_without_a_code() {
    let gate = Gate::open().await;
    gate.upstream.fault(Some(identity::Fault::Declined));
    let begun = gate.providers.begin(GOOGLE).await.expect("a beginning");
    let back = crate::place::go(&begun.url).await;
    assert_eq!((query(&back, "error"), query(&back, "state")), ("access_denied".into(), begun.state));
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let gate = Gate::open().await;
    let (begun, _) = gate.visit(GOOGLE).await;
    let printed = format!("{:?} {begun:?} {:?}", gate.providers, pending(&begun));
    for secret in [CLIENT_SECRET, &begun.pkce_verifier, &begun.nonce, &begun.state] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn signing_in_can_be_handed_to_another_thread() {
    fn movable<T: Send>(future: T) -> T {
        future
    }
    let gate = Gate::open().await;
    let (begun, code) = gate.visit(GOOGLE).await;
    let pending = pending(&begun);
    let person: Result<Person, Fault> = movable(gate.providers.finish(GOOGLE, &code, &pending)).await;
    assert!(person.is_ok());
    drop(movable(gate.providers.begin(GOOGLE)).await);
}
