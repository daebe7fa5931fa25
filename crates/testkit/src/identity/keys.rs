//! Keys and tokens: whatever a test wants to be signed, signed with whatever it wants. The two private keys are secret to nobody.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// What a token is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// RS256, with the key that is shown as `test-rsa`.
    Rsa,
    /// ES256, with the key that is shown as `test-ec`.
    Ec,
    /// HS256, with a secret.
    Secret(&'a str),
    /// `none`.
    Nothing,
}

impl Key<'_> {
    /// As headers and key sets name it.
    pub const fn kid(self) -> Option<&'static str> {
        match self {
            Self::Rsa => Some("test-rsa"),
            Self::Ec => Some("test-ec"),
            Self::Secret(_) | Self::Nothing => None,
        }
    }

    const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Rsa => Some(Algorithm::RS256),
            Self::Ec => Some(Algorithm::ES256),
            Self::Secret(_) => Some(Algorithm::HS256),
            Self::Nothing => None,
        }
    }

    fn encoding(self) -> EncodingKey {
        let key = match self {
            Self::Rsa => EncodingKey::from_rsa_pem(include_bytes!("rsa.pem")),
            Self::Ec => EncodingKey::from_ec_pem(include_bytes!("ec.pem")),
            Self::Secret(secret) => Ok(EncodingKey::from_secret(secret.as_bytes())),
            Self::Nothing => Ok(EncodingKey::from_secret(&[])),
        };
        key.expect("the keys beside this file are keys")
    }

    /// The public half as a JSON Web Key; `Null` for what has none.
    ///
    /// # Panics
    /// Never.
    pub fn jwk(self) -> Value {
        let (Some(kid), Some(algorithm)) = (self.kid(), self.algorithm()) else { return Value::Null };
        let jwk = Jwk::from_encoding_key(&self.encoding(), algorithm).expect("a private key has a public half");
        let mut jwk = serde_json::to_value(jwk).expect("a key is JSON");
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk
    }
}

/// A set of these keys' public halves.
pub fn jwks(keys: &[Key<'_>]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

/// A token with these claims. What `header` says replaces what the key would say; `Null` leaves a field out.
///
/// # Panics
/// If the header is no object.
pub fn mint(key: Key<'_>, header: &Value, claims: &Value) -> String {
    let algorithm = key.algorithm().map_or("none".into(), |algorithm| format!("{algorithm:?}"));
    let mut whole = json!({"alg": algorithm, "typ": "JWT", "kid": key.kid()});
    for (name, value) in header.as_object().expect("a header is an object") {
        whole[name] = value.clone();
    }
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&whole), part(claims));
    let signature = key.algorithm().map(|algorithm| crypto::sign(message.as_bytes(), &key.encoding(), algorithm));
    format!("{message}.{}", signature.map_or(Ok(String::new()), |signed| signed).expect("the keys can sign"))
}
