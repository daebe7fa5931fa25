//! A template: everything that defines one section, as its file says it.

use domain::guardrails::Guardrail;
use domain::sections::SectionName;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A part of the plan.
    #[default]
    Section,
    /// A tool of the program itself.
    Utility,
}

/// How strong a model the template needs; configuration says which model that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelClass {
    /// Quick and cheap.
    Fast,
    /// Thinks first.
    Reasoning,
}

/// A prompting technique the template uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the field's own terms")]
pub enum Framework {
    Role,
    FewShot,
    ChainOfThought,
    StructuredReasoning,
    DecisionTree,
    Variation,
    Chaining,
    Evaluation,
    ReAct,
}

/// The type of a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "JSON's own terms")]
pub enum VariableType {
    String,
    Integer,
    Number,
    Boolean,
    List,
    Object,
}

/// A variable the prompts may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// Its path in the context: `userInput.productIdea`.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Whether rendering without it is an error.
    #[serde(default)]
    pub required: bool,
    /// Used when it is missing.
    #[serde(default)]
    pub default: Option<Value>,
    /// The values it may have.
    #[serde(default, rename = "enum")]
    pub allowed: Option<Vec<String>>,
}

/// How long answers may be reused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// Seconds.
    pub ttl: u64,
    /// Events that end it earlier.
    #[serde(default)]
    pub invalidate_on: Vec<String>,
}

/// How a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the template guide")]
pub enum As {
    Lead,
    Text,
    Quote,
    List,
    Chips,
    Steps,
    Cards,
    Table,
    Swatches,
    Fonts,
    Money,
    Percent,
    Score,
    Sources,
    Post,
    Email,
    Checklist,
    Hidden,
}

/// How one field is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldView {
    /// The form.
    #[serde(rename = "as")]
    pub form: As,
    /// For cards: the property used as each card's title.
    #[serde(default)]
    pub heading: Option<String>,
}

/// How the section is shown, by path of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Hints by path: `competitors`, `variants[].priceCents`.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldView>,
}

/// A template as its file says it. `check` makes sure that it makes sense.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// The section's name.
    pub name: SectionName,
    /// The release it came with.
    pub version: Version,
    /// Section or utility.
    #[serde(default)]
    pub kind: Kind,
    /// Shown on pages.
    pub title: String,
    /// One sentence about it.
    pub summary: String,
    /// Step of the guided flow, 1 to 4; utilities have none.
    #[serde(default)]
    pub step: Option<u8>,
    /// Place inside the step.
    #[serde(default)]
    pub order: u32,
    /// Techniques used.
    #[serde(default)]
    pub framework: Vec<Framework>,
    /// The model class it needs.
    pub model: ModelClass,
    /// 0 to 2.
    pub temperature: f32,
    /// 64 to 16384.
    pub max_output_tokens: u32,
    /// Seconds one call may take, 1 to 300.
    pub timeout_seconds: u64,
    /// Whether the web is searched first.
    #[serde(default)]
    pub grounding: bool,
    /// Sections whose current content is given as context.
    #[serde(default)]
    pub depends_on: Vec<SectionName>,
    /// Variables the prompts use.
    pub variables: Vec<Variable>,
    /// Handlebars.
    pub system_prompt: String,
    /// Handlebars.
    pub user_prompt: String,
    /// Handlebars; simpler, for when the first one failed everywhere.
    #[serde(default)]
    pub fallback_prompt: Option<String>,
    /// JSON Schema 2020-12.
    pub output: Value,
    /// Rules beyond the ones that always run.
    #[serde(default)]
    pub guardrails: Vec<Guardrail>,
    /// How long answers may be reused; never when missing.
    #[serde(default)]
    pub cache: Option<Cache>,
    /// How it is shown.
    #[serde(default)]
    pub view: View,
    /// SHA-256 of the file's text, hexadecimal; filled when it is read.
    #[serde(skip)]
    pub hash: String,
}

impl Template {
    /// The prompts with the key they have in the file.
    pub fn prompts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("systemPrompt", self.system_prompt.as_str()), ("userPrompt", self.user_prompt.as_str())]
            .into_iter()
            .chain(self.fallback_prompt.as_deref().map(|text| ("fallbackPrompt", text)))
    }

    /// Whether the section is part of a plan.
    pub fn is_section(&self) -> bool {
        self.kind == Kind::Section
    }
}
