//! Whether a template makes sense, alone and beside the others.

use crate::changes;
use crate::files::{FileFault, SourceFile};
use crate::library::Release;
use crate::schema;
use crate::template::Template;
use crate::variables;
use domain::gates::SchemaStep;
use domain::sections::SectionName;
use std::collections::{BTreeMap, BTreeSet};

/// What ends an answer's reuse before its time; changes of the model and of the context always do.
const INVALIDATING: [&str; 3] = ["prompt_version_change", "model_change", "context_change"];

/// Everything wrong with one template by itself.
pub(crate) fn alone(file: &SourceFile, template: &Template) -> Vec<FileFault> {
    let mut faults = limits(file, template);
    faults.extend(variables(file, template));
    faults.extend(schema::faults(template).into_iter().map(|(needle, message)| file.fault(&needle, message)));
    faults
}

/// Everything wrong with one template beside others: `lower` is the version that it follows, `known` tells the names there are.
pub(crate) fn beside(
    file: &SourceFile,
    template: &Template,
    lower: Option<&Template>,
    known: impl Fn(&SectionName) -> bool,
) -> Vec<FileFault> {
    let mut faults = dependencies(file, template, known);
    faults.extend(lower.map(|lower| compatibility(file, template, lower)).unwrap_or_default());
    faults
}

fn limits(file: &SourceFile, template: &Template) -> Vec<FileFault> {
    let mut faults = Vec::new();
    let mut expect = |good: bool, key: &str, message: &str| {
        if !good {
            faults.push(file.fault(&format!("{key}:"), format!("{key} {message}")));
        }
    };
    expect((0.0..=2.0).contains(&template.temperature), "temperature", "must be between 0 and 2");
    expect((64..=16_384).contains(&template.max_output_tokens), "maxOutputTokens", "must be between 64 and 16384");
    expect((1..=300).contains(&template.timeout_seconds), "timeoutSeconds", "must be between 1 and 300");
    expect(!template.title.trim().is_empty(), "title", "is empty");
    expect(!template.user_prompt.trim().is_empty(), "userPrompt", "is empty");
    let unknown = template.cache.iter().flat_map(|cache| &cache.invalidate_on).find(|event| !INVALIDATING.contains(&event.as_str()));
    expect(
        unknown.is_none(),
        "cache",
        "can be ended by prompt_version_change, model_change and context_change; invalidateOn names another event",
    );
    if template.is_section() {
        expect(
            template.step.is_some_and(|s| (1..=4).contains(&s)),
            if template.step.is_some() { "step" } else { "name" },
            "of a section needs step: 1, 2, 3 or 4",
        );
    }
    faults
}

fn dependencies(file: &SourceFile, template: &Template, known: impl Fn(&SectionName) -> bool) -> Vec<FileFault> {
    let unknown = template.depends_on.iter().filter(|name| !known(name));
    unknown.map(|name| file.fault(name.as_str(), format!("dependsOn names \"{name}\", which no template defines"))).collect()
}

/// Declared and used variables must be the same, and `previousContext` exactly what `dependsOn` names.
fn variables(file: &SourceFile, template: &Template) -> Vec<FileFault> {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (key, text) in template.prompts() {
        match variables::used(text) {
            Ok(paths) => used.extend(paths),
            Err((line, message)) => {
                let mut fault = file.fault(&format!("{key}:"), format!("{key}: {message}"));
                // Handlebars counts from the prompt's first line, which stands below its key.
                fault.line = fault.line.map(|at| at + line.unwrap_or(0));
                faults.push(fault);
            }
        }
    }
    let declared: Vec<&str> = template.variables.iter().map(|v| v.name.as_str()).collect();
    let covers = |declared: &str, used: &str| used == declared || used.strip_prefix(declared).is_some_and(|rest| rest.starts_with('.'));
    for path in &used {
        if !declared.iter().any(|d| covers(d, path)) {
            faults.push(file.fault(path, format!("{{{{{path}}}}} is not declared under variables")));
        }
    }
    // A prompt that did not parse would make every variable look unused.
    if faults.is_empty() {
        for name in declared.iter().filter(|d| !used.iter().any(|u| covers(d, u) || covers(u, d))) {
            faults.push(file.fault(name, format!("the variable {name} is declared and never used")));
        }
    }
    let unique: BTreeSet<_> = declared.iter().collect();
    if unique.len() < declared.len() {
        faults.push(file.fault("variables:", "a variable is declared twice"));
    }
    faults.extend(context_faults(file, template, &declared));
    faults
}

fn context_faults(file: &SourceFile, template: &Template, declared: &[&str]) -> Vec<FileFault> {
    const ROOTS: [&str; 4] = ["userInput.", "previousContext.", "retrievedContext.", "metadata."];
    if !template.is_section() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let needed: Vec<String> = template.depends_on.iter().map(SectionName::camel).collect();
    for name in declared {
        if !ROOTS.iter().any(|root| name.starts_with(root)) {
            faults.push(
                file.fault(name, format!("the variable {name} is outside of userInput, previousContext, retrievedContext and metadata")),
            );
        }
        if let Some(section) = name.strip_prefix("previousContext.") {
            let section = section.split('.').next().unwrap_or(section);
            if !needed.iter().any(|n| n == section) {
                faults.push(file.fault(name, format!("{name} needs its section in dependsOn")));
            }
        }
    }
    faults
}

/// What the output promises may grow with a minor version, and break with a major one only.
fn compatibility(file: &SourceFile, template: &Template, lower: &Template) -> Vec<FileFault> {
    let change = changes::schema(lower, template);
    if change.step == SchemaStep::Same || change.step.fits(&lower.version, &template.version) {
        return Vec::new();
    }
    let (was, version) = (&lower.version, &template.version);
    let message = |path: &String| match change.step {
        SchemaStep::Breaks => {
            format!("output.{path} of {was} is gone or retyped in {version}; a breaking schema needs a new major version")
        }
        _ => format!("output.{path} is new in {version}; what the output has more of than {was} needs a new minor version"),
    };
    change.paths.iter().map(|path| file.fault("version:", message(path))).collect()
}

/// A dependency cycle in a release, in words, with the name of a template in it.
pub(crate) fn cycle(release: &Release) -> Option<(SectionName, String)> {
    let graph: BTreeMap<SectionName, Vec<SectionName>> = release.templates().map(|t| (t.name.clone(), t.depends_on.clone())).collect();
    let cycle = domain::runs::cycle(&graph)?;
    let names: Vec<&str> = cycle.iter().map(SectionName::as_str).collect();
    Some((cycle[0].clone(), format!("dependsOn goes in a circle: {}", names.join(" -> "))))
}
