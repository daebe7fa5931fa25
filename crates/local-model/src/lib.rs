//! The embedded models: a small LLM that drafts a section without any outside service, and the embedder.
//!
//! Two ways to ask: [`Engine::draft`] fills a schema leaf by leaf, the only way in which a model of 135M parameters is
//! worth reading, and [`Engine::complete`] is the ordinary chat with a grammar over the whole schema, for a model that
//! follows instructions. Nothing in here knows a section by name: the schema, its titles and the curated examples say it all.
//! Not in here: downloading models, choosing between providers, telling a person about a draft.
//!
//! Calls block for seconds; callers put them on a thread of their own.

mod chat;
mod decode;
mod draft;
mod embed;
mod engine;
mod error;
mod sampling;

pub use chat::{Chat, Completion};
pub use draft::{Draft, DraftTask, Example, Gap};
pub use engine::{Engine, Settings};
pub use error::Error;
