//! Why there is no hub.

/// Why there is no hub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address, or the server that answers there, cannot be used. Never has the password in it.
    #[error("Redis cannot be used: its {part} {reason}")]
    Redis {
        /// Which part of the address is concerned.
        part: &'static str,
        /// What is wrong with it and what to do; reads on after the part.
        reason: String,
    },
}
