//! Secrets that are shown once and kept as a hash.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A new secret of 244 random bits, hexadecimal, after a prefix that says what it is: whoever finds one knows what was lost.
pub(super) fn fresh(prefix: &str) -> String {
    format!("{prefix}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// What is kept of it. A hash without salt will do, because nobody can guess what it is of.
pub(super) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
