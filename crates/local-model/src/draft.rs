//! Drafting leaf by leaf: every line of the output is asked for alone, as the completion of a form that curated examples
//! have filled before. What needs to be right - figures, forms, choices - is done by rule.
//!
//! Works for any schema. Its titles are the labels of the form, and the examples' values at the same path are its
//! earlier entries.

mod adapt;
mod choose;
mod claims;
mod forms;
mod grams;
mod judge;
mod leaf;
mod lines;
mod long;
mod money;
mod person;
mod plain;
mod pool;
mod prompt;
mod rank;
mod rules;
mod sense;
mod shape;
mod subject;
mod text;
mod walk;

use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use crate::Error;
use crate::decode::Decoder;
use crate::embed::{Embedder, cosine};
use crate::engine::Loaded;
use judge::Judge;
use leaf::Node;
use person::Person;
use subject::Subject;

/// Tokens the drafting context holds: the form's examples and sixteen continuations.
const CONTEXT: u32 = 2816;

/// One section to draft.
#[derive(Debug, Clone)]
pub struct DraftTask<'a> {
    /// The section's output schema with its annotations.
    pub schema: &'a Value,
    /// Curated outputs of this very section.
    pub examples: &'a [Example<'a>],
    /// The product idea in the person's words.
    pub subject: &'a str,
    /// The brand voice; examples in the same voice are preferred.
    pub voice: &'a str,
    /// The English name of the language wanted.
    pub language: &'a str,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// What the person said a piece may cost.
    pub price_range: Option<&'a str>,
    /// Earlier sections' outputs by their name in camel case.
    pub context: &'a Value,
    /// The same seed drafts the same words.
    pub seed: u64,
}

/// The output of this section in one curated venture.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// That venture's product idea.
    pub subject: &'a str,
    /// The currency of its figures.
    pub currency: &'a str,
    /// Its brand voice.
    pub voice: &'a str,
    /// The section's output.
    pub output: &'a Value,
    /// Every text of that venture's whole plan: a word that only one plan keeps saying is at home nowhere else.
    pub plan: &'a str,
}

/// A drafted section.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Fits the schema.
    pub output: Value,
    /// Where a rule had to stand in for the model.
    pub gaps: Vec<Gap>,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens written, those of rejected lines included.
    pub completion_tokens: u32,
}

/// A place of the draft that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Such as `competitors[0].strengths[1]`.
    pub path: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// Everything one draft works with.
struct Drafter<'a> {
    decoder: Decoder<'a>,
    embedder: &'a Embedder,
    cancel: &'a AtomicBool,
    task: &'a DraftTask<'a>,
    /// Nearest first; every scope's models are in this order.
    examples: Vec<Example<'a>>,
    /// Their products, and what those mean.
    subjects: Vec<Subject>,
    example_vectors: Vec<Vec<f32>>,
    subject: Subject,
    subject_vector: Vec<f32>,
    judge: Judge,
    /// Lines already chosen, whose meaning later lines should not repeat.
    chosen: Vec<rank::Line>,
    /// The runs of words that the output has so far.
    grams: grams::Grams,
    person: Person,
    /// Mine divided by the example's, once a price was set.
    price_ratio: Option<f64>,
    gaps: Vec<Gap>,
    /// Grows with every question, so that no two draw the same random numbers.
    turn: u64,
}

/// One place in the output, with the same place in every example.
#[derive(Debug, Clone)]
struct Scope<'a> {
    path: String,
    /// The value here in each example.
    models: Vec<Option<&'a Value>>,
    /// The object around this place in each example.
    parents: Vec<Option<&'a Value>>,
    /// What is already written in the object around this place.
    siblings: Map<String, Value>,
    /// A line that this place should follow from.
    lead: Option<Lead<'a>>,
    /// Which item of its array this belongs to.
    index: usize,
}

/// An earlier line of the same object: the question before an answer, the title before a description.
#[derive(Debug, Clone)]
struct Lead<'a> {
    label: String,
    text: String,
    models: Vec<Option<&'a str>>,
    inherited: bool,
}

/// Drafts one section.
pub(crate) fn draft(loaded: &Loaded, embedder: &Embedder, task: &DraftTask<'_>, cancel: &AtomicBool) -> Result<Draft, Error> {
    crate::decode::stop_if(cancel)?;
    let subject = Subject::of(task.subject);
    let mut texts = vec![subject.full.as_str()];
    texts.extend(task.examples.iter().map(|example| example.subject));
    let mut vectors = embedder.embed(&texts)?.into_iter();
    let subject_vector = vectors.next().unwrap_or_default();
    let (examples, example_vectors) = nearest(task, &subject_vector, vectors);
    let price = money::told_price(task.subject, task.price_range).or_else(|| money::price_in(task.context));
    let mut figures: Vec<f64> = price.into_iter().collect();
    figures.extend(task.price_range.map(money::numbers).unwrap_or_default());
    let mut drafter = Drafter {
        decoder: Decoder::new(loaded, CONTEXT.min(loaded.model.n_ctx_train()))?,
        embedder,
        cancel,
        task,
        judge: Judge::new(&subject, &examples, figures),
        subjects: examples.iter().map(|example| Subject::of(example.subject)).collect(),
        examples,
        example_vectors,
        subject,
        subject_vector,
        chosen: Vec::new(),
        grams: grams::Grams::default(),
        person: Person::default(),
        price_ratio: None,
        gaps: Vec::new(),
        turn: 0,
    };
    if !task.language.trim().is_empty() && !task.language.trim().eq_ignore_ascii_case("english") {
        let reason = format!("The embedded model writes English only, so this is not in {}.", task.language.trim());
        drafter.gap("", &reason);
    }
    let models: Vec<Option<&Value>> = drafter.examples.iter().map(|example| Some(example.output)).collect();
    let parents = vec![None; models.len()];
    let root = Scope { path: String::new(), models, parents, siblings: Map::new(), lead: None, index: 0 };
    let label = Node(task.schema).title().unwrap_or("Plan").to_owned();
    let output = drafter.fill(Node(task.schema), &label, &[root])?.pop().unwrap_or(Value::Null);
    let Decoder { prompt_tokens, completion_tokens, .. } = drafter.decoder;
    Ok(Draft { output, gaps: drafter.gaps, prompt_tokens, completion_tokens })
}

/// The examples by likeness to the subject, with their vectors. The same voice counts a little, and where the product is for
/// women or men, so does a person of the same kind.
fn nearest<'a>(task: &DraftTask<'a>, subject: &[f32], vectors: impl Iterator<Item = Vec<f32>>) -> (Vec<Example<'a>>, Vec<Vec<f32>>) {
    let wanted = person::gender(task.subject);
    let rank = |example: &Example<'_>, vector: &[f32]| {
        let voice = if example.voice == task.voice { 0.03 } else { 0.0 };
        let person = wanted.map_or(0.0, |_| if person::gender(&judge::all_text(example.output)) == wanted { 0.3 } else { 0.0 });
        cosine(subject, vector) + voice + person
    };
    let mut scored: Vec<(f32, Example<'a>, Vec<f32>)> =
        task.examples.iter().zip(vectors).map(|(example, vector)| (rank(example, &vector), *example, vector)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, example, vector)| (example, vector)).unzip()
}

impl Drafter<'_> {
    fn gap(&mut self, path: &str, reason: &str) {
        self.gaps.push(Gap { path: path.to_owned(), reason: reason.to_owned() });
    }

    fn seed(&mut self) -> u64 {
        self.turn += 1;
        self.task.seed.wrapping_mul(7919).wrapping_add(self.turn)
    }
}
