//! The public keys of a project, fetched when they are needed and kept when it does not answer.

use super::Refusal;
use crate::http::{Away, Http};
use chrono::TimeDelta;
use domain::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::sync::{PoisonError, RwLock};
use tokio::sync::Mutex;

/// How long keys are used before they are fetched again.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// An unknown key is asked for at most so often: anybody can make one up.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// While no key is known at all, the project is asked again after this.
const PAUSE_WITHOUT_KEYS: TimeDelta = TimeDelta::seconds(10);

pub(super) struct Keys {
    http: Http,
    url: String,
    known: RwLock<Known>,
    /// Whoever fetches holds it.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Jwk>,
    /// When the keys came.
    fetched: Option<Timestamp>,
    /// When they were last asked for.
    asked: Option<Timestamp>,
    /// Whether nothing came the last time.
    away: bool,
}

/// What is known of a key.
enum Found {
    Fresh(DecodingKey),
    Stale(DecodingKey),
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl Keys {
    pub(super) fn new(http: Http, url: String) -> Self {
        Self { http, url, known: RwLock::default(), turn: Mutex::new(()) }
    }

    /// The key of this name for this algorithm. A key that is known is used at once by all but the one who fetches it anew.
    pub(super) async fn find(&self, kid: &str, algorithm: Algorithm, now: Timestamp) -> Result<DecodingKey, Refusal> {
        let turn = match self.known(|known| known.find(kid, algorithm, now)) {
            Found::Fresh(key) => return Ok(key),
            Found::Stale(_) => self.turn.try_lock().ok(),
            Found::Unknown => Some(self.turn.lock().await),
        };
        // Somebody else may have fetched while we waited.
        if turn.is_some() && self.known(|known| known.may_ask(kid, algorithm, now)) {
            let keys = self.fetch().await;
            self.known.write().unwrap_or_else(PoisonError::into_inner).take(keys, now);
        }
        self.known(|known| match known.find(kid, algorithm, now) {
            Found::Fresh(key) | Found::Stale(key) => Ok(key),
            Found::Unknown if known.away => Err(Refusal::KeysAway),
            Found::Unknown => Err(Refusal::BadSignature),
        })
    }

    fn known<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Away> {
        let request = self.http.get(&self.url).header("accept", "application/json");
        match self.http.send(request).await? {
            (200, body) => {
                let document: Document = serde_json::from_slice(&body).map_err(|_| Away::Unreadable)?;
                // A key of a kind that is not known here is no reason to refuse the others.
                Ok(document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
            }
            (status, _) => Err(Away::Status(status)),
        }
    }
}

impl Known {
    fn find(&self, kid: &str, algorithm: Algorithm, now: Timestamp) -> Found {
        let key = self.keys.iter().find(|key| key.common.key_id.as_deref() == Some(kid) && fits(key, algorithm));
        match key.and_then(|key| DecodingKey::from_jwk(key).ok()) {
            Some(key) if self.fetched.is_some_and(|at| now - at < FRESH) => Found::Fresh(key),
            Some(key) => Found::Stale(key),
            None => Found::Unknown,
        }
    }

    fn may_ask(&self, kid: &str, algorithm: Algorithm, now: Timestamp) -> bool {
        let pause = if self.keys.is_empty() && self.away { PAUSE_WITHOUT_KEYS } else { PAUSE };
        !matches!(self.find(kid, algorithm, now), Found::Fresh(_)) && self.asked.is_none_or(|at| now - at >= pause)
    }

    fn take(&mut self, keys: Result<Vec<Jwk>, Away>, now: Timestamp) {
        self.asked = Some(now);
        self.away = keys.is_err();
        match keys {
            Ok(keys) => (self.keys, self.fetched) = (keys, Some(now)),
            Err(away) => tracing::warn!(%away, keys = self.keys.len(), "the keys of the Supabase project cannot be fetched"),
        }
    }
}

/// Whether a key may check a signature of this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let signs = key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let (named, kind) = match (algorithm, &key.algorithm) {
        (Algorithm::RS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::RS256, true),
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(key)) => (KeyAlgorithm::ES256, key.curve == EllipticCurve::P256),
        _ => return false,
    };
    signs && kind && key.common.key_algorithm.is_none_or(|algorithm| algorithm == named)
}
