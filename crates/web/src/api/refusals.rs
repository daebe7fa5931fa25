//! How requests are refused, as it stands in the document. What is refused when is decided elsewhere.

use crate::error::Written;
use utoipa::IntoResponses;

/// For every route.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum Always {
    /// What was shown to say who is asking proves nothing: a token that is unknown, revoked or expired, a session that has ended.
    #[response(status = 401, content_type = "application/problem+json")]
    NotSignedIn(Written<'static>),
    /// More than the tier gives in an hour, or too many requests from one address; `retry-after` says when to come back.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Written<'static>),
    /// Not possible right now; nothing was changed, and `retry-after` says when to come back.
    #[response(status = 503, content_type = "application/problem+json")]
    NotNow(Written<'static>),
}

/// Where an id stands in the address.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum Unknown {
    /// There is none with this id, or it is somebody else's: these look the same.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Written<'static>),
}

/// Where something follows the question mark.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum Unreadable {
    /// What follows the `?` cannot be read: a broken cursor, a limit out of range.
    #[response(status = 400, content_type = "application/problem+json")]
    BadQuery(Written<'static>),
}

/// Where a section stands in the address.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum NoSection {
    /// There is no such section; `errors` says which there are.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Written<'static>),
}

/// Where something is changed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum Elsewhere {
    /// It came from a page of another site, or is not allowed to whoever asks: a token without the scope, a tier without the room.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Written<'static>),
}

/// Where a body is read.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum BadBody {
    /// The body is not a JSON object.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Written<'static>),
    /// The body is larger than 256 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Written<'static>),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    OtherKind(Written<'static>),
    /// Fields are wrong, missing or unknown; `errors` names each.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Written<'static>),
}

/// Where something is made.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum Conflicting {
    /// It does not go with what is there: a run that is going on (`conflictsWith` is its id), an archived venture, an
    /// `Idempotency-Key` that was used for another request.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Written<'static>),
}
