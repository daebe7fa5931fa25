//! Signing in with somebody who vouches for a person: Google (`OpenID` Connect) and GitHub (OAuth 2), both with PKCE.
//!
//! It finds out who a person is. Which account that is, and comparing the state that came back, is decided elsewhere.

mod github;
mod google;

use crate::error::ConfigError;
use crate::http::{self, Away, Http};
use domain::accounts::Email;
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge};
use secrecy::SecretString;
use std::fmt;
use std::time::Duration;

/// How long a provider may take for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may vouch for people here.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Google, or another issuer that speaks `OpenID` Connect.
    pub google: Option<Client>,
    /// GitHub.
    pub github: Option<Client>,
    /// Where people reach this place, such as `https://planner.example.com`.
    pub public_url: String,
}

/// How a provider knows this place.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret; printing it prints nothing.
    pub secret: SecretString,
    /// Another address than the provider's own: an issuer, or a GitHub Enterprise server.
    pub base: Option<String>,
}

/// Who vouches. The keys are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Google.
    Google,
    /// GitHub.
    GitHub,
}

impl Provider {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Google, Self::GitHub];

    /// As it is stored, and written in addresses.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::GitHub => "github",
        }
    }

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::GitHub => "GitHub",
        }
    }

    /// Reads one.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.key() == key)
    }

    /// The path a person comes back to, below the public address.
    pub const fn callback_path(self) -> &'static str {
        match self {
            Self::Google => "/sign-in/with/google/callback",
            Self::GitHub => "/sign-in/with/github/callback",
        }
    }
}

/// Somebody is on their way to a provider. All but the address is kept for when they come back, in their browser alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where their browser goes.
    pub url: String,
    /// Comes back with them, and must be the same.
    pub state: String,
    /// For [`Pending`].
    pub nonce: String,
    /// For [`Pending`]; nobody else may learn it.
    pub pkce_verifier: String,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

/// What was kept of [`Begun`].
#[derive(Clone, PartialEq, Eq)]
pub struct Pending {
    /// As it was begun with.
    pub nonce: String,
    /// As it was begun with.
    pub pkce_verifier: String,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// Whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who they are there, for ever; their address may change.
    pub subject: String,
    /// Their address.
    pub email: Email,
    /// Whether the provider says that the address is theirs. With GitHub always: others are refused.
    pub email_verified: bool,
}

/// Why nobody is signed in. A sentence for the person; it has neither secrets nor codes in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The provider does not answer: they try again later, or sign in another way.
    #[error("{0}")]
    Away(String),
    /// It did not work: they begin again, or sign in another way.
    #[error("{0}")]
    Refused(String),
}

impl Fault {
    fn away(provider: Provider, why: Away) -> Self {
        Self::Away(format!("{} {why}. Try again in a minute, or sign in another way.", provider.name()))
    }

    /// What a person can do nothing about but to begin again.
    fn again(provider: Provider) -> Self {
        Self::Refused(format!("Signing in with {} took too long or was done already. Begin again.", provider.name()))
    }

    fn not_accepted(provider: Provider) -> Self {
        Self::Refused(format!("{} does not know this site as it should. Sign in another way, and tell those who run it.", provider.name()))
    }

    fn doubtful(provider: Provider) -> Self {
        Self::Refused(format!("What {} said about you could not be verified. Begin again, or sign in another way.", provider.name()))
    }
}

/// Everybody who vouches for people here.
#[derive(Debug)]
pub struct Providers {
    google: Option<google::Google>,
    github: Option<github::GitHub>,
}

impl Providers {
    /// Those that are configured, or what is wrong with it. No connection is made yet.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings { google, github, public_url } = settings;
        if google.is_none() && github.is_none() {
            return Ok(Self { google: None, github: None });
        }
        http::address("the public address", &public_url)?;
        let back = |provider: Provider| format!("{}{}", public_url.trim_end_matches('/'), provider.callback_path());
        let http = Http::new(PATIENCE)?;
        Ok(Self {
            google: google.map(|client| google::Google::new(client, back(Provider::Google), http.clone())).transpose()?,
            github: github.map(|client| github::GitHub::new(client, back(Provider::GitHub), http.clone())).transpose()?,
        })
    }

    /// Those that are configured, in the order people see them.
    pub fn providers(&self) -> Vec<Provider> {
        let here = |provider: &Provider| match provider {
            Provider::Google => self.google.is_some(),
            Provider::GitHub => self.github.is_some(),
        };
        Provider::ALL.into_iter().filter(here).collect()
    }

    /// Sends somebody to a provider.
    pub async fn begin(&self, provider: Provider) -> Result<Begun, Fault> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (CsrfToken::new_random(), Nonce::new_random());
        let url = match provider {
            Provider::Google => self.google()?.begin(state.clone(), nonce.clone(), challenge).await?,
            Provider::GitHub => self.github()?.begin(&state, &challenge),
        };
        Ok(Begun { url, state: state.into_secret(), nonce: nonce.secret().clone(), pkce_verifier: verifier.into_secret() })
    }

    /// Finds out who came back with this code. A code works once.
    pub async fn finish(&self, provider: Provider, code: &str, pending: &Pending) -> Result<Person, Fault> {
        match provider {
            Provider::Google => self.google()?.finish(code, pending).await,
            Provider::GitHub => self.github()?.finish(code, pending).await,
        }
    }

    fn google(&self) -> Result<&google::Google, Fault> {
        self.google.as_ref().ok_or_else(|| not_here(Provider::Google))
    }

    fn github(&self) -> Result<&github::GitHub, Fault> {
        self.github.as_ref().ok_or_else(|| not_here(Provider::GitHub))
    }
}

fn not_here(provider: Provider) -> Fault {
    Fault::Refused(format!("Signing in with {} is not possible here. Sign in another way.", provider.name()))
}

/// An id that is there.
fn client_id(setting: &'static str, id: &str) -> Result<String, ConfigError> {
    match id.trim() {
        "" => Err(ConfigError::setting(setting, "is missing; copy it from where this site is registered with the provider")),
        id => Ok(id.to_owned()),
    }
}

fn email(provider: Provider, text: &str) -> Result<Email, Fault> {
    let unreadable = |_| Fault::Refused(format!("{} names no address that mail can be sent to. Sign in another way.", provider.name()));
    Email::parse(text).map_err(unreadable)
}
