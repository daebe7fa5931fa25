//! What every subcommand starts from: the configuration and the wiring. A library, so that tests start what `main` starts.

pub mod config;
pub mod wire;

/// What somebody gave us is wrong: exit code 2, every fault on its own line.
#[derive(Debug)]
pub struct BadInput(pub String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}
