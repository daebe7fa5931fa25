//! What an answer depends on, as a key.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// What an answer depends on, in 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Takes a key's parts one by one.
#[derive(Debug, Clone, Default)]
pub struct CacheKeyBuilder(Sha256);

impl CacheKey {
    /// A key without parts.
    pub fn builder() -> CacheKeyBuilder {
        CacheKeyBuilder::default()
    }
}

impl CacheKeyBuilder {
    /// Adds a part. Names, values and their order count; no two lists of parts make the same key.
    #[must_use]
    pub fn part(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for bytes in [name.as_bytes(), value.as_ref()] {
            self.0.update((bytes.len() as u64).to_be_bytes());
            self.0.update(bytes);
        }
        self
    }

    /// The key of all parts.
    pub fn finish(self) -> CacheKey {
        CacheKey(self.0.finalize().into())
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}
