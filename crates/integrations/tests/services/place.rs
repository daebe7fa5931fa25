//! What the tests start from: what is outside, providers over a scripted one, a person's way there and back.

use integrations::sign_in::{Begun, Client, Fault, Pending, Person, Provider, Providers, Settings};
use testkit::identity::{CLIENT_ID, CLIENT_SECRET, IdentityProvider};

/// Where the place under test is reached.
pub const PUBLIC_URL: &str = "https://planner.example.com";

/// What a test needs from outside, or why it cannot run.
pub fn needed(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `make test`, or eval \"$(make -s services)\" first"))
}

/// The process chooses its TLS provider once, as the program does.
pub fn with_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// How the scripted provider knows this place.
pub fn client(url: &str) -> Client {
    Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into(), base: Some(url.into()) }
}

/// Providers over a scripted one.
pub struct Gate {
    pub upstream: IdentityProvider,
    pub providers: Providers,
}

impl Gate {
    pub async fn open() -> Self {
        with_tls();
        let upstream = IdentityProvider::start().await;
        let here = Some(client(&upstream.url()));
        let settings = Settings { google: here.clone(), github: here, public_url: PUBLIC_URL.into() };
        let providers = Providers::new(settings).expect("the settings work");
        Self { upstream, providers }
    }

    /// Somebody goes to the provider and comes back with a code.
    pub async fn visit(&self, provider: Provider) -> (Begun, String) {
        let begun = self.providers.begin(provider).await.expect("a beginning");
        let back = go(&begun.url).await;
        assert!(back.starts_with(&format!("{PUBLIC_URL}{}?", provider.callback_path())), "{back}");
        assert_eq!(query(&back, "state"), begun.state);
        let code = query(&back, "code");
        (begun, code)
    }

    /// Somebody signs in.
    pub async fn sign_in(&self, provider: Provider) -> Result<Person, Fault> {
        let (begun, code) = self.visit(provider).await;
        self.providers.finish(provider, &code, &pending(&begun)).await
    }
}

pub fn pending(begun: &Begun) -> Pending {
    Pending { nonce: begun.nonce.clone(), pkce_verifier: begun.pkce_verifier.clone() }
}

/// Where a browser is sent back to.
pub async fn go(url: &str) -> String {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let answer = browser.get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 302, "{url}");
    answer.headers()["location"].to_str().expect("a location").to_owned()
}

/// A value of an address's query.
pub fn query(url: &str, name: &str) -> String {
    let url = reqwest::Url::parse(url).expect("an address");
    let pair = url.query_pairs().find(|(key, _)| key == name);
    pair.unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}
