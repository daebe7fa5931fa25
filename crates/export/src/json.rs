//! The JSON a script reads: `{venture, sections: {<name>: {output, status, model, ...}}}`.

use crate::Document;
use serde_json::{Map, Value, json as value};

/// The venture and, by name, each section that was tried.
pub fn json(document: &Document<'_>) -> Value {
    let brief = &document.venture.brief;
    let mut sections = Map::new();
    for section in &document.sections {
        let Some(generation) = section.generation else { continue };
        let entry = value!({
            "output": generation.output,
            "status": generation.status,
            "model": generation.model,
            "promptVersion": generation.prompt_version,
            "confidence": generation.confidence,
            "issues": generation.issues,
            "sources": generation.sources,
            "usage": generation.usage,
        });
        sections.insert(section.template.name.to_string(), entry);
    }
    value!({
        "venture": {
            "id": document.venture.id,
            "productIdea": brief.idea,
            "brandVoice": brief.voice.key(),
            "persona": brief.persona.map(|p| p.key),
            "experienceLevel": brief.experience,
            "targetMarket": brief.target_market,
            "priceRange": brief.price_range,
            "language": brief.language.code,
            "currency": brief.currency.code,
            "createdAt": document.venture.created,
        },
        "sections": sections,
    })
}
