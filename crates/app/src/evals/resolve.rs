//! Which template an eval means by `swot`, `swot@v1.0.0`, `swot@production`.

use domain::sections::SectionName;
use prompts::{Library, Release, Template};
use semver::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A template, and the release whose other sections it is used with.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The template, which need not be in any release.
    pub template: Arc<Template>,
    /// The release.
    pub release: Arc<Release>,
}

/// Environments by name.
const ENVIRONMENTS: [&str; 2] = ["production", "staging"];

/// The release each environment has, by its name, where that is known.
pub type Deployed = BTreeMap<String, Arc<Release>>;

/// The template that `spec` means: a name alone is the one in use, `@` and a version the one of that release, `@` and an environment the
/// one of the release it points at; where nothing is known of environments, the one in use. What it does not mean is said with what there is.
pub fn resolve(library: &Library, in_use: &Arc<Release>, deployed: &Deployed, spec: &str) -> Result<Resolved, String> {
    let (name, version) = spec.split_once('@').map_or((spec, None), |(name, version)| (name, Some(version)));
    let release = match version {
        None => Arc::clone(in_use),
        Some(environment) if ENVIRONMENTS.contains(&environment) => Arc::clone(deployed.get(environment).unwrap_or(in_use)),
        Some(version) => Arc::new(released(library, version)?),
    };
    let template = SectionName::parse(name).ok().and_then(|name| release.template(&name).cloned());
    let template = template.ok_or_else(|| {
        let known: Vec<String> = release.templates().map(|t| t.name.to_string()).collect();
        format!("\"{name}\" is not a template of release {}; there are {}", release.version, known.join(", "))
    })?;
    Ok(Resolved { template, release })
}

fn released(library: &Library, text: &str) -> Result<Release, String> {
    let known = || library.releases().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let version = Version::parse(text.trim_start_matches('v')).map_err(|_| {
        format!(
            "\"{text}\" is neither a version such as v1.0.0 nor an environment ({}); there are releases {}",
            ENVIRONMENTS.join(", "),
            known()
        )
    })?;
    let release = library.release(&version).filter(|_| library.releases().contains(&version));
    release.ok_or_else(|| format!("there is no release {version}; there are {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_versions_and_environments() {
        let library = Library::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let in_use = Arc::new(library.latest());
        for spec in ["swot", "swot@1.0.0", "swot@v1.0.0", "swot@production", "refine@staging"] {
            assert!(resolve(&library, &in_use, &Deployed::new(), spec).is_ok(), "{spec}");
        }
        for (spec, said) in [("nonsense", "smart-goals"), ("swot@9.9.9", "no release 9.9.9"), ("swot@prod", "production, staging")] {
            let error = resolve(&library, &in_use, &Deployed::new(), spec).expect_err(spec);
            assert!(error.contains(said), "{error}");
        }
        let mut staged = library.latest();
        staged.version = Version::new(1, 1, 0);
        let deployed = Deployed::from([("staging".to_owned(), Arc::new(staged))]);
        let version = |spec: &str| resolve(&library, &in_use, &deployed, spec).expect(spec).release.version.clone();
        assert_eq!((version("swot@staging"), version("swot@production")), (Version::new(1, 1, 0), in_use.version.clone()));
    }
}
