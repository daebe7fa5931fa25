//! A scripted model upstream for tests and for working without a key: Gemini, `OpenAI`, Anthropic and Ollama on one port. Beside it,
//! for tests alone, a scripted identity provider.
//!
//! The upstream answers whatever form is asked for with a valid instance about the product in the prompt, counts tokens, and goes wrong on
//! command. It keeps no key and no state between starts, and it is no part of the product.

mod answer;
mod call;
pub mod identity;
pub mod instance;
mod question;
mod script;
mod serve;
mod upstream;
mod wire;

pub use call::{Call, Dialect};
pub use script::Fault;
pub use upstream::Upstream;
