//! What every response carries and what no request may do.

use crate::Shared;
use crate::error::{Problem, answer};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// Content security policy and its companions, on everything.
pub(crate) async fn security_headers(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // Behind TLS browsers are told to stay with it; said over plain HTTP it would be ignored, or shut people out who have no TLS.
    if shared.secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    response
}

/// What is somebody's own is kept by no cache, on the way or in the browser: the next one at the machine may be somebody else.
pub(crate) async fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A form on another site cannot act for a visitor: browsers say where a request comes from (Sec-Fetch-Site, else Origin), and
/// what changes something must come from here. The functions may be called by other front ends: a request from another site brings
/// no cookie (`SameSite=Lax`), their JSON has to be asked for first and the answer allows no credentials, so such a caller is a guest
/// of its own and reaches nobody's ventures.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) || request.uri().path().starts_with("/functions/");
    if safe || comes_from_here(&request) {
        next.run(request).await
    } else {
        let refused = Problem::new(StatusCode::FORBIDDEN, "this request was sent from another site; open the page here and try again");
        answer(refused, request.uri(), request.headers())
    }
}

fn comes_from_here(request: &Request) -> bool {
    let header = |name: HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = header(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (header(header::ORIGIN), header(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, rest)| rest == host),
        // Neither header: not a browser, so there is no cookie to misuse.
        (None, _) => true,
        _ => false,
    }
}
