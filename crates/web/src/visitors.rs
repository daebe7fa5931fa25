//! Who is asking: a guest, known by a random cookie of which only a hash is kept.

use crate::Shared;
use app::Guest;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
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
    /// Where the request came from, as far as that is believed.
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
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
        let Shared { secure, trusted_proxies, .. } = Shared::from_ref(state);
        let address = address(peer, &parts.headers, trusted_proxies);
        Ok(Self { guest: Guest { owner: owner_of(token.as_bytes()) }, address, token, came_back, secure })
    }
}

/// Where a request came from: every proxy adds at the end of `X-Forwarded-For` who asked it, so of that list only as many entries are
/// believed as there are proxies of ours. Whatever stands before them anybody may have written.
fn address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: usize) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").into_iter().filter_map(|line| line.to_str().ok());
    let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let believed = &entries[entries.len().saturating_sub(trusted_proxies)..];
    believed.iter().find_map(|entry| read(entry)).unwrap_or(peer).to_canonical()
}

/// Proxies write addresses with and without a port.
fn read(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|place| place.ip()))
}

/// The owner a token stands for: nobody who reads the database can make the cookie.
fn owner_of(token: &[u8]) -> OwnerId {
    let digest = Sha256::digest(token);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    OwnerId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From where a request seems to come that has these header lines, behind so many proxies of ours.
    fn seen(lines: &[&'static str], trusted_proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_static(line));
        }
        address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), &headers, trusted_proxies).to_string()
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        let invented = "6.6.6.6, 203.0.113.9";
        let cases: [(&[&str], usize, &str); 12] = [
            (&[], 0, "10.0.0.1"),
            (&[], 1, "10.0.0.1"),
            (&[invented], 0, "10.0.0.1"),
            (&[invented], 1, "203.0.113.9"),
            (&["6.6.6.6", "203.0.113.9"], 1, "203.0.113.9"),
            (&["6.6.6.6, 203.0.113.9, 10.0.0.7"], 2, "203.0.113.9"),
            // One of the two proxies adds nothing.
            (&["203.0.113.9"], 2, "203.0.113.9"),
            (&["6.6.6.6, unknown"], 1, "10.0.0.1"),
            (&["203.0.113.9:4711"], 1, "203.0.113.9"),
            (&["[2001:db8::1]:4711"], 1, "2001:db8::1"),
            (&["::ffff:203.0.113.9"], 1, "203.0.113.9"),
            (&["6.6.6.6,"], 1, "10.0.0.1"),
        ];
        for (lines, proxies, expected) in cases {
            assert_eq!(seen(lines, proxies), expected, "{lines:?} behind {proxies}");
        }
    }
}
