//! A venture as a file: Markdown and JSON; and the decision log.
//!
//! It draws what it is given and decides nothing: what a section's parts are called and how they are shown is the template's.

mod decisions;
mod json;
mod markdown;

pub use decisions::decisions;
pub use json::json;
pub use markdown::markdown;

use domain::generations::Generation;
use domain::ventures::Venture;
use prompts::Template;

/// A section to export: its template and the generation shown, if there is any.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// What it is.
    pub template: &'a Template,
    /// What was kept, or the attempt that failed.
    pub generation: Option<&'a Generation>,
}

/// A venture to export.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The venture.
    pub venture: &'a Venture,
    /// Its sections in reading order.
    pub sections: Vec<Section<'a>>,
}
