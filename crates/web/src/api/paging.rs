//! Lists in pages: how many, and from where on. A cursor is opaque to who gets it; it is the id of the last thing on the page before.

use crate::error::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a cursor begins with; another number is another way of counting.
const FIRST_WAY: u8 = 1;
const USUAL: u64 = 20;
const MOST: u64 = 100;

/// What a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    limit: u64,
    /// Only what is older than this.
    pub(crate) before: Option<Uuid>,
}

/// The same as it stands in the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read field by field, to say what is wrong")]
pub(crate) struct PageParams {
    /// Most items to answer with; 20 if not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing<T> {
    items: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

impl Page {
    /// One more than is shown, to know whether there is a next page.
    pub(crate) const fn enough(self) -> u64 {
        self.limit + 1
    }

    /// The page out of what was found with [`Page::enough`].
    pub(crate) fn of<F, T>(self, mut found: Vec<F>, id: impl Fn(&F) -> Uuid, show: impl Fn(F) -> T) -> Listing<T> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > shown;
        found.truncate(shown);
        let next_cursor = found.last().filter(|_| more).map(|last| cursor(id(last)));
        Listing { items: found.into_iter().map(show).collect(), next_cursor }
    }

    fn read(query: &[(String, String)]) -> Result<Self, Problem> {
        let mut page = Self { limit: USUAL, before: None };
        for (name, value) in query {
            match name.as_str() {
                "limit" => page.limit = limit(value)?,
                "cursor" => page.before = Some(position(value)?),
                _ => {}
            }
        }
        Ok(page)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&query(parts)?)
    }
}

/// The pairs behind the question mark.
pub(crate) fn query(parts: &Parts) -> Result<Vec<(String, String)>, Problem> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    query.map(|Query(pairs)| pairs).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "what follows the ? cannot be read"))
}

fn limit(text: &str) -> Result<u64, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, format!("limit must be a whole number from 1 to {MOST}")))
}

fn cursor(id: Uuid) -> String {
    let mut bytes = vec![FIRST_WAY];
    bytes.extend(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn position(cursor: &str) -> Result<Uuid, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = bytes.and_then(|bytes| bytes.strip_prefix(&[FIRST_WAY]).and_then(|id| Uuid::from_slice(id).ok()));
    id.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "this cursor cannot be read; take the nextCursor of the page before as it is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let id = Uuid::now_v7();
        assert_eq!(position(&cursor(id)).ok(), Some(id));
        for broken in ["", "x", "AQ", "%%%", &cursor(id)[1..], &format!("{}A", cursor(id)), &URL_SAFE_NO_PAD.encode([2; 17])] {
            assert!(position(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_last_page_says_so() {
        let page = Page { limit: 2, before: None };
        let ids = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
        assert_eq!(page.of(ids[..2].to_vec(), |id| *id, |id| id).next_cursor, None);
        let first = page.of(ids.to_vec(), |id| *id, |id| id);
        assert_eq!((first.items.len(), first.next_cursor), (2, Some(cursor(ids[1]))));
    }
}
