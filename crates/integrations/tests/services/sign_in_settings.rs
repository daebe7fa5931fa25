//! Who may vouch for people is configured, and wrong settings are named.

use crate::place::{Gate, PUBLIC_URL, client, with_tls};
use integrations::sign_in::{Client, Fault, Provider, Providers, Settings};
use testkit::identity::IdentityProvider;

fn said(settings: Settings) -> String {
    with_tls();
    Providers::new(settings).expect_err("is refused").to_string()
}

#[tokio::test]
async fn only_who_is_configured_vouches() {
    let gate = Gate::open().await;
    assert_eq!(gate.providers.providers(), [Provider::Google, Provider::GitHub]);
    let none = Providers::new(Settings::default()).expect("nobody is no mistake");
    assert!(none.providers().is_empty());
    let github =
        Settings { github: Some(client("https://github.example.com/")), public_url: format!("{PUBLIC_URL}/"), ..Settings::default() };
    let github = Providers::new(github).expect("the settings work");
    assert_eq!(github.providers(), [Provider::GitHub]);
    assert!(matches!(github.begin(Provider::Google).await, Err(Fault::Refused(_))));
    let begun = github.begin(Provider::GitHub).await.expect("a beginning");
    assert!(begun.url.starts_with("https://github.example.com/login/oauth/authorize?"), "{}", begun.url);
    assert!(begun.url.contains("https%3A%2F%2Fplanner.example.com%2Fsign-in%2Fwith%2Fgithub%2Fcallback"), "{}", begun.url);
    for provider in Provider::ALL {
        assert_eq!(Provider::from_key(provider.key()), Some(provider));
    }
    assert_eq!(Provider::from_key("facebook"), None);
}

#[test]
fn wrong_settings_are_named_without_their_secret() {
    let here = || Some(Client { id: "planner".into(), secret: "s3cret".to_owned().into(), base: None });
    let good = || Settings { google: here(), github: None, public_url: PUBLIC_URL.into() };
    let with = |change: &dyn Fn(&mut Client)| {
        let mut settings = good();
        settings.google.as_mut().map(change);
        settings
    };
    assert!(said(Settings { public_url: "planner.example.com".into(), ..good() }).starts_with("the public address"));
    assert!(said(with(&|client| client.id = " ".into())).starts_with("sign_in.google.id"));
    let wrong = said(with(&|client| client.base = Some("https://u:s3cret@issuer.example.com".into())));
    assert!(wrong.starts_with("sign_in.google.base") && !wrong.contains("s3cret"), "{wrong}");
    assert!(!format!("{:?}", good()).contains("s3cret"));
}

#[tokio::test]
async fn a_client_the_provider_does_not_know_is_for_those_who_run_the_site() {
    with_tls();
    let upstream = IdentityProvider::start().await;
    let wrong = Client { secret: "another".to_owned().into(), ..client(&upstream.url()) };
    let settings = Settings { google: Some(wrong.clone()), github: Some(wrong), public_url: PUBLIC_URL.into() };
    let gate = Gate { upstream, providers: Providers::new(settings).expect("the settings work") };
    for provider in Provider::ALL {
        let refused = gate.sign_in(provider).await;
        assert!(matches!(&refused, Err(Fault::Refused(said)) if said.contains("tell those who run it")), "{refused:?}");
    }
}
