//! What is wrong with something a person or a file gave us: where, what, and what to do.

use serde::{Deserialize, Serialize};

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Fault {
    /// The input it is about, by its public name (`productIdea`).
    pub field: String,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of one named input.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// All that is wrong, at once, so that nobody has to mend one fault to learn of the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Keeps the value if there is one and collects the faults if there are some.
    pub fn take<T>(&mut self, parsed: Result<T, Faults>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(Faults(more)) => {
                self.0.extend(more);
                None
            }
        }
    }

    /// Adds one fault.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault::new(field, message));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}
