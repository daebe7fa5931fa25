//! What can go wrong with the embedded models, in words that say what to do about it.

use std::path::PathBuf;

/// Why a model could not be loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model file is not where the settings say.
    #[error("there is no model file at {}: run `make models`, or point the setting at another file", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there and cannot be used.
    #[error("the model file {} cannot be used: {reason}; fetch it again with `make models`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The program was built for AVX2 and FMA, and the processor has not got them.
    #[error("this processor lacks AVX2 or FMA, which the embedded model needs: switch it off and connect a provider instead")]
    UnsupportedCpu,
    /// The caller took the request back.
    #[error("the embedded model was told to stop")]
    Cancelled,
    /// The prompt and the answer do not fit the model's memory.
    #[error("the request needs {needed} tokens and the embedded model holds {limit}: shorten the texts or connect a larger model")]
    TooLong {
        /// Tokens of prompt and answer together.
        needed: u32,
        /// Tokens the model was trained for.
        limit: u32,
    },
    /// The schema cannot be turned into a grammar.
    #[error("the output schema cannot guide the embedded model: {0}; simplify the schema")]
    Schema(String),
    /// Anything else inside llama.cpp or candle.
    #[error("the embedded model failed: {0}; try again, and restart the program if it stays")]
    Engine(String),
}

impl Error {
    /// Wraps a library's error, which none of our callers tell apart.
    pub(crate) fn engine(error: impl std::fmt::Display) -> Self {
        Self::Engine(error.to_string())
    }
}
