//! Google, or another issuer: `OpenID` Connect with discovery.
//!
//! An ID token counts if one of the issuer's own keys signed it with RS256 or ES256, whatever the token says about itself.

use super::{Client, Fault, Pending, Person, Provider, client_id, email};
use crate::error::ConfigError;
use crate::http::{self, Away, Http};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreProviderMetadata,
};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, TokenResponse as _,
};
use secrecy::ExposeSecret as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

const HERE: Provider = Provider::Google;
/// How long the discovery document and the keys are used before they are fetched again.
const FRESH: Duration = Duration::from_hours(1);
/// How far the issuer's clock and ours may be apart.
const SKEW: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

type Connected = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

#[derive(Debug)]
pub(super) struct Google {
    id: ClientId,
    secret: ClientSecret,
    issuer: IssuerUrl,
    back: RedirectUrl,
    http: Http,
    /// What the discovery document said, and when.
    known: RwLock<Option<(Arc<Connected>, Instant)>>,
}

impl Google {
    pub(super) fn new(client: Client, back: String, http: Http) -> Result<Self, ConfigError> {
        let issuer = client.base.unwrap_or_else(|| "https://accounts.google.com".into());
        http::address("sign_in.google.base", &issuer)?;
        let unreadable = |setting| move |_| ConfigError::setting(setting, "is not an http or https address");
        Ok(Self {
            id: ClientId::new(client_id("sign_in.google.id", &client.id)?),
            secret: ClientSecret::new(client.secret.expose_secret().to_owned()),
            issuer: IssuerUrl::new(issuer).map_err(unreadable("sign_in.google.base"))?,
            back: RedirectUrl::new(back).map_err(unreadable("the public address"))?,
            http,
            known: RwLock::default(),
        })
    }

    pub(super) async fn begin(&self, state: CsrfToken, nonce: Nonce, challenge: PkceCodeChallenge) -> Result<String, Fault> {
        let client = self.client().await?;
        let (url, _, _) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(url.into())
    }

    pub(super) async fn finish(&self, code: &str, pending: &Pending) -> Result<Person, Fault> {
        let client = self.client().await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Fault::away(HERE, Away::Unreadable))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.pkce_verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(no_token)?;
        let token = answer.id_token().ok_or_else(|| Fault::doubtful(HERE))?;
        let nonce = Nonce::new(pending.nonce.clone());
        let claims = match claims(&client, token, &nonce) {
            // The issuer may sign with a key that is newer than what we know.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                claims(&*self.discover().await?, token, &nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| {
            tracing::warn!(%error, "an ID token was refused");
            Fault::doubtful(HERE)
        })?;
        let address = claims.email().map_or("", |email| email.as_str());
        Ok(Person {
            subject: claims.subject().to_string(),
            email: email(HERE, address)?,
            email_verified: claims.email_verified().unwrap_or(false),
        })
    }

    /// What is known of the issuer; what is an hour old is used only if it cannot be fetched again.
    async fn client(&self) -> Result<Arc<Connected>, Fault> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((client, at)) if at.elapsed() < FRESH => Ok(client),
            Some((client, _)) => Ok(self.discover().await.unwrap_or(client)),
            None => self.discover().await,
        }
    }

    /// Fetches the discovery document and the keys it names.
    async fn discover(&self) -> Result<Arc<Connected>, Fault> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await.map_err(|error| match error {
            DiscoveryError::Request(away) => Fault::away(HERE, away),
            error => {
                tracing::warn!(%error, issuer = self.issuer.as_str(), "the discovery document cannot be used");
                Fault::away(HERE, Away::Unreadable)
            }
        })?;
        let client = CoreClient::from_provider_metadata(metadata, self.id.clone(), Some(self.secret.clone()));
        let client = Arc::new(client.set_redirect_uri(self.back.clone()));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&client), Instant::now()));
        Ok(client)
    }
}

/// What a token says, if it is from this issuer, for us, for this sign-in, and still good.
fn claims(client: &Connected, token: &CoreIdToken, nonce: &Nonce) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let now = chrono::Utc::now();
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs([CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EcdsaP256Sha256])
        .set_time_fn(move || now - SKEW)
        .set_issue_time_verifier_fn(move |issued| if issued <= now + SKEW { Ok(()) } else { Err("issued in the future".into()) });
    token.claims(&verifier, nonce).cloned()
}

/// Why there is no token for a code.
fn no_token(error: RequestTokenError<Away, StandardErrorResponse<CoreErrorResponseType>>) -> Fault {
    match error {
        RequestTokenError::Request(away) => Fault::away(HERE, away),
        RequestTokenError::ServerResponse(refused) if *refused.error() == CoreErrorResponseType::InvalidGrant => Fault::again(HERE),
        RequestTokenError::ServerResponse(refused) => {
            tracing::warn!(
                error = refused.error().as_ref(),
                "the issuer gives no token: are client id, secret and redirect address right?"
            );
            Fault::not_accepted(HERE)
        }
        _ => Fault::away(HERE, Away::Unreadable),
    }
}
