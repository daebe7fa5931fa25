//! Codes that were given out and what they are good for, and the access tokens they were exchanged for.

use super::{CLIENT_ID, CLIENT_SECRET, Person};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// Names and values of a query or a form.
pub(super) type Fields = HashMap<String, String>;

/// Somebody came, and went back with a code.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) person: Person,
    pub(super) nonce: Option<String>,
    challenge: String,
    back: String,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Grant>,
    given: u64,
}

/// Why a code is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Client,
    Code,
}

impl Grants {
    /// A code for somebody, if they were sent as they should be: by the client it knows, with a state and a PKCE challenge.
    pub(super) fn give(&mut self, query: &Fields, person: Person) -> Result<String, &'static str> {
        let field = |name: &str| query.get(name).cloned().unwrap_or_default();
        if field("client_id") != CLIENT_ID {
            return Err("unknown client_id");
        }
        if field("code_challenge_method") != "S256" || field("code_challenge").len() != 43 || field("state").is_empty() {
            return Err("a state and an S256 code_challenge are needed");
        }
        self.given += 1;
        let code = format!("code-{}", self.given);
        let nonce = query.get("nonce").cloned();
        let grant = Grant { person, nonce, challenge: field("code_challenge"), back: field("redirect_uri") };
        self.codes.insert(code.clone(), grant);
        Ok(code)
    }

    /// An access token for a code, which is worth nothing afterwards.
    pub(super) fn exchange(&mut self, headers: &HeaderMap, form: &Fields) -> Result<(String, Grant), Refused> {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        if basic(headers).unwrap_or_else(|| (field("client_id"), field("client_secret"))) != (CLIENT_ID.into(), CLIENT_SECRET.into()) {
            return Err(Refused::Client);
        }
        let grant = self.codes.remove(&field("code")).ok_or(Refused::Code)?;
        let shown = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        if shown != grant.challenge || field("redirect_uri") != grant.back {
            return Err(Refused::Code);
        }
        let token = format!("access-{}", field("code"));
        self.tokens.insert(token.clone(), grant.clone());
        Ok((token, grant))
    }

    /// Whose access token a request carries.
    pub(super) fn bearer(&self, headers: &HeaderMap) -> Option<Person> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        self.tokens.get(token).map(|grant| grant.person.clone())
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(given).ok()?).ok()?;
    pair.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}
