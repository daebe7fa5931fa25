//! Signing in with GitHub, here a server of its own as GitHub Enterprise has.

use crate::place::{Gate, PUBLIC_URL, pending, query};
use integrations::sign_in::{Fault, Provider};
use testkit::identity::{self, CLIENT_SECRET};

const GITHUB: Provider = Provider::GitHub;

#[tokio::test]
async fn a_person_is_known_by_their_number_and_primary_address() {
    let gate = Gate::open().await;
    let (begun, code) = gate.visit(GITHUB).await;
    assert_eq!(query(&begun.url, "scope"), "user:email");
    assert_eq!(query(&begun.url, "code_challenge_method"), "S256");
    assert_eq!(query(&begun.url, "redirect_uri"), format!("{PUBLIC_URL}/sign-in/with/github/callback"));
    let person = gate.providers.finish(GITHUB, &code, &pending(&begun)).await.expect("they are signed in");
    assert_eq!((person.subject.as_str(), person.email.as_str(), person.email_verified), ("1001", "ana@example.com", true));
    assert_eq!(gate.upstream.calls()[1..], ["/login/oauth/access_token", "/api/v3/user", "/api/v3/user/emails"]);
}

#[tokio::test]
async fn an_address_that_is_not_verified_does_not_count() {
    let gate = Gate::open().await;
    gate.upstream.person(identity::Person { subject: 7, email: "bo@example.com".into(), verified: false });
    let refused = gate.sign_in(GITHUB).await;
    assert!(matches!(&refused, Err(Fault::Refused(said)) if said.contains("verified")), "{refused:?}");
    gate.upstream.fault(Some(identity::Fault::NoEmail));
    assert!(matches!(gate.sign_in(GITHUB).await, Err(Fault::Refused(_))));
}

#[tokio::test]
async fn a_code_works_once_and_only_for_who_began() {
    let gate = Gate::open().await;
    let ((_, code), (other, _)) = (gate.visit(GITHUB).await, gate.visit(GITHUB).await);
    let stolen = gate.providers.finish(GITHUB, &code, &pending(&other)).await;
    assert!(matches!(stolen, Err(Fault::Refused(_))), "{stolen:?}");
    let (begun, code) = gate.visit(GITHUB).await;
    gate.providers.finish(GITHUB, &code, &pending(&begun)).await.expect("they are signed in");
    let Err(Fault::Refused(said)) = gate.providers.finish(GITHUB, &code, &pending(&begun)).await else { panic!("it worked twice") };
    for secret in [code.as_str(), &begun.pkce_verifier, CLIENT_SECRET] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn github_that_is_away_is_not_the_persons_fault() {
    let gate = Gate::open().await;
    for wrong in [identity::Fault::Token(500), identity::Fault::User(503), identity::Fault::User(429), identity::Fault::User(302)] {
        gate.upstream.fault(Some(wrong));
        let away = gate.sign_in(GITHUB).await;
        assert!(matches!(away, Err(Fault::Away(_))), "{wrong:?}: {away:?}");
    }
    for wrong in [identity::Fault::Token(404), identity::Fault::User(401), identity::Fault::User(403)] {
        gate.upstream.fault(Some(wrong));
        let refused = gate.sign_in(GITHUB).await;
        assert!(matches!(refused, Err(Fault::Refused(_))), "{wrong:?}: {refused:?}");
    }
}
