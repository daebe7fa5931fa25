//! A setting that cannot work, said when the program starts.

/// A setting that cannot work. Never has a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that is none.
    #[error("{setting} {reason}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it and what to do; reads on after the name.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

impl ConfigError {
    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }
}
