//! Other people's services: mail servers, and who vouches for a person.
//!
//! Each module has its own `Settings` and says what its caller does next when the service is away or refuses. Nothing is stored
//! here, nothing is decided about accounts, and no secret, code or token is ever part of a `Debug` form, an error or a log line.

pub mod addresses;
mod error;
mod http;
pub mod mail;
pub mod sign_in;
pub mod supabase;

pub use error::ConfigError;
