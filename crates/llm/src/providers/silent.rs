//! Stands in a provider's place while answers are repeated from a recording: it can be asked nothing.

use super::Provider;
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use async_trait::async_trait;

pub(crate) struct Silent {
    /// Whether the one it stands for can search the web.
    pub(crate) searches: bool,
}

#[async_trait]
impl Provider for Silent {
    async fn complete(&self, _model: &str, _ask: &Ask, _spent: &mut Spent) -> Result<Answer, Fault> {
        Err(Fault::Stale)
    }

    fn searches(&self) -> bool {
        self.searches
    }
}
