//! The curated example ventures: few-shot material for models, and the gallery.

use crate::files::{FileFault, SourceFile};
use crate::library::Release;
use domain::guardrails;
use domain::sections::SectionName;
use domain::ventures::{Brief, RawBrief};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A finished venture somebody wrote with care.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleVenture {
    /// Its place in the gallery's addresses.
    pub id: String,
    /// What people read.
    pub title: String,
    /// What was asked.
    pub brief: Brief,
    /// Output by section, in the order of the file.
    pub sections: Vec<(SectionName, Value)>,
    /// Every text of the whole plan, one a line: what this venture says, so that a draft for another one does not.
    pub words: Arc<str>,
}

impl ExampleVenture {
    /// Its output for one section.
    pub fn section(&self, name: &SectionName) -> Option<&Value> {
        self.sections.iter().find(|(n, _)| n == name).map(|(_, output)| output)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    id: String,
    title: String,
    product_idea: String,
    brand_voice: String,
    #[serde(default)]
    persona: Option<String>,
    #[serde(default)]
    experience_level: Option<String>,
    #[serde(default)]
    target_market: Option<String>,
    #[serde(default)]
    price_range: Option<String>,
    language: String,
    currency: String,
    sections: serde_json::Map<String, Value>,
}

/// Reads an example and holds it to the same brief rules as anybody's venture.
pub(crate) fn read(file: &SourceFile) -> Result<ExampleVenture, Vec<FileFault>> {
    let raw: File = file.parse().map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    if raw.id != file.stem {
        faults.push(file.fault("id:", format!("id \"{}\" must equal the file's name", raw.id)));
    }
    let brief = Brief::parse(&RawBrief {
        idea: raw.product_idea,
        voice: Some(raw.brand_voice),
        persona: raw.persona,
        experience: raw.experience_level,
        target_market: raw.target_market,
        price_range: raw.price_range,
        language: Some(raw.language),
        currency: Some(raw.currency),
    });
    let brief = match brief {
        Ok(brief) => Some(brief),
        Err(domain::faults::Faults(list)) => {
            faults.extend(list.iter().map(|f| file.fault(&format!("{}:", f.field), f.to_string())));
            None
        }
    };
    let mut sections = Vec::new();
    for (key, output) in raw.sections {
        match SectionName::parse(&key) {
            Ok(name) => sections.push((name, output)),
            Err(list) => faults.push(file.fault(&format!("{key}:"), list.to_string())),
        }
    }
    match brief {
        Some(brief) if faults.is_empty() => {
            let words = said(&sections).into();
            Ok(ExampleVenture { id: raw.id, title: raw.title, brief, sections, words })
        }
        _ => Err(faults),
    }
}

fn said(sections: &[(SectionName, Value)]) -> String {
    let mut words = String::new();
    for (_, output) in sections {
        guardrails::each_text(output, &mut String::new(), &mut |_, text| {
            words.push_str(text);
            words.push('\n');
        });
    }
    words
}

/// What is wrong with an example when held against the templates: unknown sections, outputs that break schema or guardrails.
pub(crate) fn check(file: &SourceFile, example: &ExampleVenture, release: &Release) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for (name, output) in &example.sections {
        let key = format!("{name}:");
        match release.template(name) {
            None => faults.push(file.fault(&key, format!("section \"{name}\" has no template"))),
            Some(template) => {
                faults.extend(
                    template.check_output(output).iter().map(|issue| file.fault(&key, format!("{name}{}: {}", issue.at, issue.message))),
                );
            }
        }
    }
    faults
}
