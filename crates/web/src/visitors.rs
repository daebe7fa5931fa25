//! Who is asking: a guest, known by a random cookie of which only a hash is kept.

use crate::Shared;
use app::Guest;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use domain::ids::OwnerId;
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use uuid::Uuid;

const COOKIE: &str = "planner_guest";

/// Who is asking, and from where. Visiting leaves no trace: the cookie comes with the first venture.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The guest this browser is, or would become.
    pub(crate) guest: Guest,
    /// The peer's address.
    pub(crate) address: IpAddr,
    token: String,
    came_back: bool,
    secure: bool,
}

impl Visitor {
    /// The guest to act for when a request may be sent again. Callers of functions keep no cookie, so without one it is the address and
    /// the key that are recognised; nothing but the same request's own result can be reached that way.
    pub(crate) fn asking_again(&self, key: Option<&HeaderValue>) -> Guest {
        match key {
            Some(key) if !self.came_back => {
                Guest { owner: owner_of(&[b"key", self.address.to_string().as_bytes(), key.as_bytes()].join(&0)) }
            }
            _ => self.guest,
        }
    }

    /// The cookie that keeps this guest's ventures theirs.
    pub(crate) fn cookie(&self) -> Cookie<'static> {
        // Browsers cap a cookie's life at about 400 days; `permanent` asks for as long as they allow.
        Cookie::build((COOKIE, self.token.clone()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .permanent()
            .build()
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Shared: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let jar = CookieJar::from_headers(&parts.headers);
        let given = jar.get(COOKIE).map(|c| c.value().to_owned()).filter(|t| t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit()));
        let came_back = given.is_some();
        let token = given.unwrap_or_else(|| format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
        Ok(Self { guest: Guest { owner: owner_of(token.as_bytes()) }, address, token, came_back, secure: Shared::from_ref(state).secure })
    }
}

/// The owner a token stands for: nobody who reads the database can make the cookie.
fn owner_of(token: &[u8]) -> OwnerId {
    let digest = Sha256::digest(token);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    OwnerId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
