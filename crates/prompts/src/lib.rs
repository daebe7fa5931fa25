//! The template library: reads the files that define sections, checks them as a whole, resolves releases, renders prompts, and
//! derives from the one output schema the forms that providers and the validator need.
//!
//! It asks no model and keeps no state; a library that loaded is consistent.

pub mod changes;
pub mod check;
pub mod diffs;
pub mod examples;
pub mod files;
pub mod library;
pub mod made;
pub mod outline;
pub mod render;
pub mod routing;
pub mod schema;
pub mod suites;
pub mod template;
pub mod tokens;
mod variables;

pub use examples::ExampleVenture;
pub use files::{FileFault, SourceFile};
pub use library::{Library, Release, TestFile};
pub use made::{Kept, LeftOut};
pub use render::{RenderError, Rendered};
pub use template::{Kind, ModelClass, Template};
