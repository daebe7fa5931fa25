//! Who is asking: somebody signed in, the bearer of a token, or a guest with a signed cookie. Of every secret only a hash is kept.

use crate::Shared;
use crate::error::{Problem, answer};
use app::accounts::{self, NewSession};
use app::{App, Caller};
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use chrono::TimeDelta;
use domain::ids::OwnerId;
use sha2::{Digest as _, Sha256};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use uuid::Uuid;

/// What keeps a guest's ventures theirs.
const GUEST: &str = "planner_guest";
/// What keeps somebody signed in.
const SESSION: &str = "planner_session";
/// What a guest's cookie is signed for.
const GUESTS: &str = "guest";
/// What a form is signed for.
const FORMS: &str = "form";

/// Who is asking, and from where. Visiting leaves no trace: a guest's cookie comes with the first venture.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// Them.
    pub(crate) caller: Caller,
    /// Where the request came from, as far as that is believed.
    pub(crate) address: IpAddr,
    /// Their browser, as it says.
    pub(crate) agent: String,
    /// They came with the cookie of a session that has ended.
    pub(crate) session_ended: bool,
    /// What forms on the page carry.
    pub(crate) form_token: String,
    token: String,
    came_back: bool,
    secure: bool,
}

impl Visitor {
    /// Whom to act for when a request may be sent again. Callers of functions keep no cookie, so without one it is the address and
    /// the key that are recognised; nothing but the same request's own result can be reached that way.
    pub(crate) fn asking_again(&self, key: Option<&HeaderValue>) -> Caller {
        match key {
            Some(key) if self.caller.is_guest() && !self.came_back => {
                Caller::guest(owner_of(&[b"key", self.address.to_string().as_bytes(), key.as_bytes()].join(&0))).from(self.address)
            }
            _ => self.caller.clone(),
        }
    }

    /// Where they come from, as signing in wants to know it.
    pub(crate) fn from(&self) -> accounts::From {
        accounts::From { address: self.address, agent: self.agent.clone() }
    }

    /// The jar with the cookie that keeps a guest's ventures theirs; members need none.
    pub(crate) fn keep(&self, app: &App, jar: CookieJar) -> CookieJar {
        if !self.caller.is_guest() {
            return jar;
        }
        let signature = app::sign(app, GUESTS, &self.token);
        // Browsers cap a cookie's life at about 400 days; `permanent` asks for as long as they allow.
        jar.add(self.cookie(GUEST, format!("{}.{signature}", self.token)).permanent().build())
    }

    /// The jar of somebody who has just signed in: a guest's cookie has had its time if the guest became this member.
    pub(crate) fn signed_in(&self, jar: CookieJar, session: &NewSession) -> CookieJar {
        let jar = if session.caller.owner == self.caller.owner { jar.remove(self.cookie(GUEST, String::new())) } else { jar };
        let lasts = cookie_time(session.lasts);
        jar.add(self.cookie(SESSION, session.cookie.clone()).max_age(lasts).build())
    }

    /// The jar of somebody who is signed in no more.
    pub(crate) fn signed_out(&self, jar: CookieJar) -> CookieJar {
        jar.remove(self.cookie(SESSION, String::new()))
    }

    /// The jar with a cookie that is needed for a few minutes, on pages below one path.
    pub(crate) fn remember(&self, jar: CookieJar, name: &'static str, value: String, path: &'static str) -> CookieJar {
        jar.add(self.cookie(name, value).path(path).max_age(cookie_time(TimeDelta::minutes(10))).build())
    }

    /// The jar without such a cookie.
    pub(crate) fn forget(&self, jar: CookieJar, name: &'static str, path: &'static str) -> CookieJar {
        jar.remove(self.cookie(name, String::new()).path(path))
    }

    fn cookie(&self, name: &'static str, value: String) -> cookie::CookieBuilder<'static> {
        Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax).secure(self.secure)
    }
}

fn cookie_time(lasts: TimeDelta) -> cookie::time::Duration {
    cookie::time::Duration::seconds(lasts.num_seconds())
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Shared: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let shared = Shared::from_ref(state);
        read_visitor(parts, &shared).await.map_err(|problem| answer(problem, &parts.uri, &parts.headers))
    }
}

async fn read_visitor(parts: &Parts, shared: &Shared) -> Result<Visitor, Problem> {
    let jar = CookieJar::from_headers(&parts.headers);
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
    let address = address(peer, &parts.headers, shared.trusted_proxies);
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let given = guest_token(&shared.app, &jar);
    let came_back = given.is_some();
    let token = given.unwrap_or_else(|| format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
    let mut visitor = Visitor {
        caller: Caller::guest(owner_of(token.as_bytes())).from(address),
        address,
        agent: text(header::USER_AGENT).to_owned(),
        session_ended: false,
        form_token: form_token(&shared.app, &jar),
        token,
        came_back,
        secure: shared.secure,
    };
    if let Some(caller) = bearer(&shared.app, text(header::AUTHORIZATION)).await? {
        visitor.caller = caller.from(address);
        return Ok(visitor);
    }
    if let Some(cookie) = jar.get(SESSION) {
        if let Some(caller) = accounts::by_session(&shared.app, cookie.value()).await? {
            visitor.caller = caller.from(address);
            return Ok(visitor);
        }
        tracing::info!(%address, "the cookie of a session that is none was shown");
        visitor.session_ended = true;
        if parts.uri.path().starts_with("/api/") || parts.uri.path().starts_with("/functions/") {
            return Err(app::Error::NotSignedIn("this session has ended; sign in again").into());
        }
    }
    // Once there is an account, only what belongs to the account opens it.
    if came_back && !accounts::is_guest(&shared.app, visitor.caller.owner).await? {
        visitor.token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        visitor.came_back = false;
        visitor.caller = Caller::guest(owner_of(visitor.token.as_bytes())).from(address);
    }
    Ok(visitor)
}

/// Whom a bearer acts for; `None` when there is none, or only the public key of a project that is nobody's.
async fn bearer(app: &App, authorization: &str) -> Result<Option<Caller>, Problem> {
    let Some((scheme, token)) = authorization.split_once(' ') else {
        if authorization.is_empty() {
            return Ok(None);
        }
        return Err(app::Error::NotSignedIn("the header Authorization must be \"Bearer\" and a token").into());
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(app::Error::NotSignedIn("the header Authorization must be \"Bearer\" and a token").into());
    }
    let token = token.trim();
    if token.starts_with(accounts::TOKEN_PREFIX) {
        return Ok(Some(accounts::by_token(app, token).await?));
    }
    // Supabase's newer public key says nothing about who asks, like the older one.
    if token.starts_with("sb_publishable_") {
        return Ok(None);
    }
    Ok(accounts::by_jwt(app, token).await?)
}

/// What a guest's cookie says, if it was signed here.
fn guest_token(app: &App, jar: &CookieJar) -> Option<String> {
    let cookie = jar.get(GUEST)?;
    let signed = cookie.value().split_once('.').filter(|(token, signature)| {
        token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()) && app::is_signed(app, GUESTS, token, signature)
    });
    if signed.is_none() {
        tracing::info!("a guest's cookie was shown that was not signed here");
    }
    signed.map(|(token, _)| token.to_owned())
}

/// What a form of this visitor carries: bound to their session or guest's cookie, so that nobody else's will do.
pub(crate) fn form_token(app: &App, jar: &CookieJar) -> String {
    app::sign(app, FORMS, &binding(jar))
}

/// Whether a form was made for the visitor who sends it.
pub(crate) fn is_form_token(app: &App, jar: &CookieJar, token: &str) -> bool {
    // A guest's first form was made before there was a cookie; another tab may have brought one since. It protects nobody who is
    // signed in.
    let first = jar.get(SESSION).is_none() && app::is_signed(app, FORMS, "", token);
    first || app::is_signed(app, FORMS, &binding(jar), token)
}

fn binding(jar: &CookieJar) -> String {
    let of = |name| jar.get(name).map(|cookie| format!("{name} {}", cookie.value()));
    of(SESSION).or_else(|| of(GUEST)).unwrap_or_default()
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
