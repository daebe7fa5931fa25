//! Who a Supabase project says somebody is: its bearer tokens, checked here without asking it each time.
//!
//! Which algorithms count is configured, never read from a token. What a person may do is decided elsewhere.

mod keys;

use crate::error::ConfigError;
use crate::http::{self, Http};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::accounts::Email;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use keys::Keys;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// How far the project's clock and ours may be apart, in seconds.
const SKEW: f64 = 60.0;
/// No token of a project comes near it.
const LONGEST_TOKEN: usize = 8 * 1024;
/// A shorter secret can be guessed from one token (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;
/// What stands in a project's public key, whatever the project's own address.
const PUBLIC_KEY_ISSUER: &str = "supabase";
/// The role of somebody who is not signed in.
const ANON: &str = "anon";

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's JWT secret: tokens signed with it (HS256) count.
    pub secret: Option<SecretString>,
    /// Where its public keys are, such as `https://<project>.supabase.co/auth/v1/.well-known/jwks.json`: tokens signed with them
    /// (RS256, ES256) count.
    pub jwks_url: Option<String>,
    /// Who must have issued a token, such as `https://<project>.supabase.co/auth/v1`; anybody when missing.
    pub issuer: Option<String>,
    /// For whom it must be.
    pub audience: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { secret: None, jwks_url: None, issuer: None, audience: "authenticated".into() }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who: a UUID in lower case; empty for the role `anon`.
    pub subject: String,
    /// Their address, if it has one that mail can be sent to.
    pub email: Option<Email>,
    /// `authenticated`, `anon` or another role of the project. `anon` is everybody and grants nothing by itself.
    pub role: String,
    /// Whether nobody knows who it is: the role `anon`, or a person who has not said who they are.
    pub anonymous: bool,
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its time is over, or it has no end.
    #[error("the token has expired; get a new one")]
    Expired,
    /// It was issued in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It is from somebody else.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// It is not signed by the project.
    #[error("the token's signature is not valid")]
    BadSignature,
    /// It is signed in a way that does not count here, or not at all.
    #[error("the token is signed with an algorithm that is not accepted here")]
    Unsupported,
    /// It is no token of a project.
    #[error("the token cannot be read")]
    Malformed,
    /// Its key is not known and the project does not answer: try again later.
    #[error("the keys of the token's issuer cannot be fetched; try again later")]
    KeysAway,
}

/// Whether a token says of itself that it is a project's public key, which every front end has and which is nobody's. Nothing is
/// checked, because nothing is granted for it.
pub fn says_anonymous(token: &str) -> bool {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let payload = payload.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    payload.is_some_and(|payload| payload.get("role").and_then(serde_json::Value::as_str) == Some("anon"))
}

/// Checks the tokens of a project.
pub struct Verifier {
    secret: Option<DecodingKey>,
    keys: Option<Keys>,
    issuer: Option<String>,
    audience: String,
}

#[derive(Deserialize)]
struct Payload {
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    email: Option<String>,
    role: Option<String>,
    is_anonymous: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Verifier {
    /// A verifier, none if no project is configured, or what is wrong with the settings. No connection is made yet.
    pub fn new(settings: Settings) -> Result<Option<Self>, ConfigError> {
        let Settings { secret, jwks_url, issuer, audience } = settings;
        if secret.is_none() && jwks_url.is_none() {
            return Ok(None);
        }
        if secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < SHORTEST_SECRET) {
            return Err(ConfigError::setting("supabase.secret", "has less than 32 characters; copy the project's JWT secret again"));
        }
        if audience.is_empty() {
            return Err(ConfigError::setting("supabase.audience", "is empty; a project's own is authenticated"));
        }
        let keys = jwks_url.map(|url| {
            http::address("supabase.jwks_url", &url)?;
            Ok(Keys::new(Http::new(Duration::from_secs(5))?, url))
        });
        let secret = secret.map(|secret| DecodingKey::from_secret(secret.expose_secret().as_bytes()));
        Ok(Some(Self { secret, keys: keys.transpose()?, issuer, audience }))
    }

    /// What a token says, if the project signed it and it is good now.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refusal::Malformed);
        }
        let header = header(token)?;
        let payload = match (header.alg, &self.secret, &self.keys) {
            (Algorithm::HS256, Some(secret), _) => signed(token, header.alg, secret)?,
            (Algorithm::RS256 | Algorithm::ES256, _, Some(keys)) => {
                let kid = header.kid.as_deref().ok_or(Refusal::Malformed)?;
                signed(token, header.alg, &keys.find(kid, header.alg, now).await?)?
            }
            _ => return Err(Refusal::Unsupported),
        };
        in_time(&payload, now)?;
        self.addressed(&payload)?;
        payload.claims()
    }

    /// The project's public key is from `supabase` and for nobody in particular; everything else must say both.
    fn addressed(&self, payload: &Payload) -> Result<(), Refusal> {
        let anon = payload.role.as_deref() == Some(ANON);
        let issuer = payload.iss.as_deref();
        if self.issuer.is_some() && issuer != self.issuer.as_deref() && !(anon && issuer == Some(PUBLIC_KEY_ISSUER)) {
            return Err(Refusal::WrongIssuer);
        }
        let for_us = match &payload.aud {
            None => anon,
            Some(Audience::One(audience)) => *audience == self.audience,
            Some(Audience::Several(audiences)) => audiences.contains(&self.audience),
        };
        if for_us { Ok(()) } else { Err(Refusal::WrongAudience) }
    }
}

impl Payload {
    fn claims(self) -> Result<Claims, Refusal> {
        let role = self.role.filter(|role| !role.is_empty()).ok_or(Refusal::Malformed)?;
        let anon = role == ANON;
        let subject = self.sub.unwrap_or_default().to_lowercase();
        let is_subject = is_uuid(&subject) || (anon && subject.is_empty());
        if !is_subject {
            return Err(Refusal::Malformed);
        }
        let email = self.email.and_then(|email| Email::parse(&email).ok());
        Ok(Claims { subject, email, role, anonymous: anon || self.is_anonymous.unwrap_or(false) })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secret, keys) = (self.secret.is_some(), self.keys.is_some());
        f.debug_struct("Verifier").field("secret", &secret).field("keys", &keys).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// How a token says it is signed. `none` and whatever else is unknown is unsupported, as is a header with a condition in it.
fn header(token: &str) -> Result<Header, Refusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(error) if error.is_data() => Refusal::Unsupported,
        _ => Refusal::Malformed,
    })?;
    if header.crit.is_some() { Err(Refusal::Unsupported) } else { Ok(header) }
}

/// What a token says, if this key signed it. Times and names are looked at by who calls, not here.
fn signed(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Payload, Refusal> {
    let mut how = Validation::new(algorithm);
    how.required_spec_claims.clear();
    (how.validate_exp, how.validate_nbf, how.validate_aud) = (false, false, false);
    match jsonwebtoken::decode(token, key, &how) {
        Ok(token) => Ok(token.claims),
        Err(error) => match error.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) | jsonwebtoken::errors::ErrorKind::Utf8(_) => Err(Refusal::Malformed),
            _ => Err(Refusal::BadSignature),
        },
    }
}

fn in_time(payload: &Payload, now: Timestamp) -> Result<(), Refusal> {
    #[expect(clippy::cast_precision_loss, reason = "exact until long after the sun is gone")]
    let now = now.timestamp_millis() as f64 / 1000.0;
    if payload.exp.is_none_or(|end| now >= end + SKEW) {
        return Err(Refusal::Expired);
    }
    let future = |at: Option<f64>| at.is_some_and(|at| at > now + SKEW);
    if future(payload.nbf) || future(payload.iat) { Err(Refusal::NotYet) } else { Ok(()) }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
