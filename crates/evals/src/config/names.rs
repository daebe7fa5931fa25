//! What providers and prompts are called, and which of them a test means by a name. A name that means nothing is a fault: a test that asks
//! nobody would be taken for one that passes.

use super::{Prompt, Provider};

/// The providers and prompts of a config, as far as tests name them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    providers: Vec<(String, String)>,
    prompts: Vec<(String, String)>,
    columns: Vec<(usize, usize)>,
}

/// Whether a name means what is called so: the whole name, its part before a colon, or a beginning with `*`, as in promptfoo.
fn means(name: &str, called: &str) -> bool {
    name == called
        || name.strip_suffix('*').is_some_and(|beginning| called.starts_with(beginning))
        || called.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
}

/// Whether one of these names means a provider.
pub(crate) fn mean_provider(names: &[String], id: &str, label: &str) -> bool {
    names.iter().any(|name| means(name, id) || means(name, label))
}

/// Whether one of these names means a prompt.
pub(crate) fn mean_prompt(names: &[String], label: &str, raw: &str) -> bool {
    names.iter().any(|name| name == raw || means(name, label))
}

/// The pairs of provider and prompt, in promptfoo's order; a provider with prompts of its own has no others.
pub(crate) fn columns(providers: &[Provider], prompts: &[Prompt]) -> Vec<(usize, usize)> {
    let mut columns = Vec::new();
    for (p, provider) in providers.iter().enumerate() {
        for (q, prompt) in prompts.iter().enumerate() {
            if provider.prompts.is_empty() || mean_prompt(&provider.prompts, &prompt.label, &prompt.raw) {
                columns.push((p, q));
            }
        }
    }
    columns
}

impl Names {
    pub fn of(providers: &[Provider], prompts: &[Prompt]) -> Self {
        Self {
            providers: providers.iter().map(|p| (p.id.clone(), p.label.clone())).collect(),
            prompts: prompts.iter().map(|p| (p.label.clone(), p.raw.clone())).collect(),
            columns: columns(providers, prompts),
        }
    }

    /// What is wrong with the names a test restricts itself to: the name to look for, and why.
    pub fn faults(&self, providers: &[String], prompts: &[String]) -> Vec<(String, String)> {
        let nobody = |name: &&String| !self.providers.iter().any(|(id, label)| mean_provider(std::slice::from_ref(*name), id, label));
        let nothing = |name: &&String| !self.prompts.iter().any(|(label, raw)| mean_prompt(std::slice::from_ref(*name), label, raw));
        let mut faults: Vec<(String, String)> = Vec::new();
        // Where there are none at all, that is the fault.
        if self.providers.is_empty() || self.prompts.is_empty() {
            return faults;
        }
        faults.extend(providers.iter().filter(nobody).map(|name| {
            let known = self.providers.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join(", ");
            (name.clone(), format!("provider \"{name}\" is none of the config's, so nobody would be asked; there are {known}"))
        }));
        faults.extend(prompts.iter().filter(nothing).map(|name| {
            let known = self.prompts.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(", ");
            (name.clone(), format!("prompt \"{name}\" is none of the config's, so nothing would be asked; there are {known}"))
        }));
        if faults.is_empty() && !self.columns.is_empty() && !self.columns.iter().any(|column| self.asks(*column, providers, prompts)) {
            let needle = prompts.first().or(providers.first()).cloned().unwrap_or_default();
            faults.push((needle, "none of the providers a test names answers one of the prompts it names".into()));
        }
        faults
    }

    fn asks(&self, (provider, prompt): (usize, usize), providers: &[String], prompts: &[String]) -> bool {
        let ((id, name), (label, raw)) = (&self.providers[provider], &self.prompts[prompt]);
        (providers.is_empty() || mean_provider(providers, id, name)) && (prompts.is_empty() || mean_prompt(prompts, label, raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_wholes_and_beginnings() {
        for (name, called, meant) in [
            ("swot", "swot", true),
            ("planner", "planner:swot", true),
            ("planner:s*", "planner:swot", true),
            ("group:*", "group:a", true),
            ("swot", "swotter", false),
            ("plan", "planner:swot", false),
            ("Swot", "swot", false),
        ] {
            assert_eq!(means(name, called), meant, "{name} {called}");
        }
    }
}
