//! GitHub: OAuth 2, then who they are and which address is theirs. It has no ID token, so every word comes from GitHub itself.

use super::{Client, Fault, Pending, Person, Provider, client_id, email};
use crate::error::ConfigError;
use crate::http::{self, Away, Http};
use openidconnect::url::form_urlencoded::Serializer;
use openidconnect::{CsrfToken, PkceCodeChallenge};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const HERE: Provider = Provider::GitHub;

#[derive(Debug)]
pub(super) struct GitHub {
    id: String,
    secret: SecretString,
    back: String,
    authorize: Url,
    token: String,
    /// Where its API is, without a slash at its end.
    api: String,
    http: Http,
}

/// What the token address answers, with 200 also where it refuses.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(super) fn new(client: Client, back: String, http: Http) -> Result<Self, ConfigError> {
        let base = client.base.as_deref().unwrap_or("https://github.com");
        let base = http::address("sign_in.github.base", base)?.as_str().trim_end_matches('/').to_owned();
        let api = if base == "https://github.com" { "https://api.github.com".into() } else { format!("{base}/api/v3") };
        Ok(Self {
            id: client_id("sign_in.github.id", &client.id)?,
            secret: client.secret,
            back,
            authorize: http::address("sign_in.github.base", &format!("{base}/login/oauth/authorize"))?,
            token: format!("{base}/login/oauth/access_token"),
            api,
            http,
        })
    }

    pub(super) fn begin(&self, state: &CsrfToken, challenge: &PkceCodeChallenge) -> String {
        let mut url = self.authorize.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", &self.back)
            .append_pair("scope", "user:email")
            .append_pair("state", state.secret())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", challenge.method().as_str());
        url.into()
    }

    pub(super) async fn finish(&self, code: &str, pending: &Pending) -> Result<Person, Fault> {
        let token = self.token(code, pending).await?;
        let user: User = self.ask("user", &token).await?;
        let addresses: Vec<Address> = self.ask("user/emails", &token).await?;
        let primary = addresses.into_iter().find(|address| address.primary && address.verified).ok_or_else(|| {
            Fault::Refused("GitHub has not verified your primary address. Verify it there and begin again, or sign in another way.".into())
        })?;
        Ok(Person { subject: user.id.to_string(), email: email(HERE, &primary.email)?, email_verified: true })
    }

    async fn token(&self, code: &str, pending: &Pending) -> Result<SecretString, Fault> {
        let form = Serializer::new(String::new())
            .append_pair("client_id", &self.id)
            .append_pair("client_secret", self.secret.expose_secret())
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.back)
            .append_pair("code_verifier", &pending.pkce_verifier)
            .finish();
        let request = self.http.post(&self.token).header("accept", "application/json");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let (status, body) = self.http.send(request).await.map_err(|away| Fault::away(HERE, away))?;
        if status == 404 {
            tracing::warn!("GitHub does not know the client id");
            return Err(Fault::not_accepted(HERE));
        }
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| Fault::away(HERE, Away::Unreadable))?;
        match (granted.access_token, granted.error) {
            (Some(token), None) => Ok(token.into()),
            (_, Some(error)) if error == "bad_verification_code" => Err(Fault::again(HERE)),
            (_, error) => {
                let error: String = error.unwrap_or_default().chars().filter(char::is_ascii_graphic).take(60).collect();
                tracing::warn!(error, "GitHub gives no token: are client id, secret and redirect address right?");
                Err(Fault::not_accepted(HERE))
            }
        }
    }

    /// Asks GitHub about the person whose token it is.
    async fn ask<T: DeserializeOwned>(&self, what: &str, token: &SecretString) -> Result<T, Fault> {
        let request = self.http.get(&format!("{}/{what}", self.api)).bearer_auth(token.expose_secret());
        let request = request.header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28");
        let (status, body) = self.http.send(request).await.map_err(|away| Fault::away(HERE, away))?;
        match status {
            200 => serde_json::from_slice(&body).map_err(|_| Fault::away(HERE, Away::Unreadable)),
            401 | 403 | 404 => {
                Err(Fault::Refused("GitHub does not say who you are. Begin again and allow it to tell your address.".into()))
            }
            status => Err(Fault::away(HERE, Away::Status(status))),
        }
    }
}
