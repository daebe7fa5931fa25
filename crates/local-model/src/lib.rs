//! local-model
