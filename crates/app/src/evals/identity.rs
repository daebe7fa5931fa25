//! What answers depend on beside the question: by it a run that goes on knows whether an earlier answer still counts.

use super::{Bench, Kind};
use ::evals::Provider;
use serde_json::json;

impl Bench {
    /// The content of a section's template, the address of a model, and who judges. What cannot be asked has none: it is an error each time.
    pub(super) fn identity_of(&self, provider: &Provider) -> String {
        let judge = self.setup.judge.as_deref().unwrap_or_default();
        let own = match self.named(&provider.id).map(|id| Kind::of(&id)) {
            Ok(Kind::Section(spec)) => self
                .resolved(&spec)
                .map(|found| json!([found.template.hash, found.template.version.to_string(), found.release.version.to_string()]))
                .unwrap_or_default(),
            Ok(Kind::Model(place)) => json!(place),
            _ => json!(null),
        };
        json!([own, judge]).to_string()
    }
}
