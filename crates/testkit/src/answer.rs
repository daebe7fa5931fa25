//! What the model says to a question, faults of its own making included. How it travels is `wire`.

use crate::instance::{free_text, instance, instance_with_markup, instance_with_placeholder};
use crate::question::Question;
use crate::script::Fault;
use serde_json::{Map, Value, json};

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Of its own.
    Done,
    /// Declined.
    Refused,
    /// The token limit came before the first word.
    Exhausted,
}

/// Tokens of one call, each a quarter of the characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Cached ones included.
    pub(crate) input: u64,
    pub(crate) cached: u64,
    /// Without thoughts.
    pub(crate) output: u64,
    pub(crate) thoughts: u64,
}

/// A finished answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) model: String,
    pub(crate) text: String,
    pub(crate) ending: Ending,
    pub(crate) usage: Usage,
    /// With the record of a web search.
    pub(crate) grounded: bool,
    /// What the search was for.
    pub(crate) topic: String,
    pub(crate) include_usage: bool,
    pub(crate) tool: Option<String>,
    /// Its number since the upstream started, for ids.
    pub(crate) number: usize,
}

impl Answer {
    /// The answer to `question` under `fault`. `thoughts` and `cached` are what the script sets.
    pub(crate) fn new(question: &Question, fault: Option<&Fault>, thoughts: u64, cached: u64, number: usize) -> Self {
        let ending = match fault {
            Some(Fault::Refusal) => Ending::Refused,
            Some(Fault::EmptyThinking) => Ending::Exhausted,
            _ => Ending::Done,
        };
        let text = if ending == Ending::Done { text(question, fault) } else { String::new() };
        let input = Self::input(question);
        // A model that thought until the limit has used all of it.
        let thoughts = if ending == Ending::Exhausted { question.limit.unwrap_or(512) } else { thoughts };
        let usage = Usage { input, cached: cached.min(input), output: quarter(&text), thoughts };
        let topic = question.product().unwrap_or_else(|| "this product".to_owned());
        Self {
            model: question.model.clone(),
            text,
            ending,
            usage,
            grounded: question.grounded,
            topic,
            include_usage: question.include_usage,
            tool: question.tool.clone(),
            number,
        }
    }

    /// Tokens of the prompt.
    pub(crate) fn input(question: &Question) -> u64 {
        quarter(&question.prompt)
    }

    /// The text in pieces as a stream brings them, at least one.
    pub(crate) fn pieces(&self) -> Vec<String> {
        let letters: Vec<char> = self.text.chars().collect();
        let size = letters.len().div_ceil(8).max(24);
        let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
        if pieces.is_empty() { vec![String::new()] } else { pieces }
    }
}

fn quarter(text: &str) -> u64 {
    u64::try_from(text.chars().count().div_ceil(4)).unwrap_or(u64::MAX)
}

fn text(question: &Question, fault: Option<&Fault>) -> String {
    let anything = json!({"type": "object", "properties": {"answer": {"type": "string", "maxLength": 400}}});
    let schema = question.schema.as_ref().or(question.json.then_some(&anything));
    let Some(schema) = schema else {
        let text = free_text(&question.prompt);
        return if fault == Some(&Fault::Placeholder) { format!("It costs {}. {text}", crate::instance::PLACEHOLDER) } else { text };
    };
    let whole = instance(schema, &question.prompt);
    match fault {
        Some(Fault::Placeholder) => instance_with_placeholder(schema, &question.prompt).to_string(),
        Some(Fault::Markup) => instance_with_markup(schema, &question.prompt).to_string(),
        Some(Fault::MalformedJson) => malformed(&whole),
        Some(Fault::Fenced) => format!("```json\n{whole:#}\n```"),
        Some(Fault::WrongSchema | Fault::InvalidOnce) => wrong(whole).to_string(),
        _ => whole.to_string(),
    }
}

/// Looks like JSON to the end and is none.
fn malformed(whole: &Value) -> String {
    let text = whole.to_string();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    format!("{half}\", oops: }}")
}

/// Without its first property and with one nobody asked for.
fn wrong(whole: Value) -> Value {
    let mut fields: Map<String, Value> = match whole {
        Value::Object(fields) => fields.into_iter().skip(1).collect(),
        _ => Map::new(),
    };
    fields.insert("unexpected".to_owned(), json!("This was not asked for."));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let schema = json!({
            "type": "object", "required": ["title", "note"],
            "properties": {"title": {"type": "string", "maxLength": 60}, "note": {"type": "string", "maxLength": 200}},
        });
        Question {
            model: "m".into(),
            prompt: "<product_idea>soap</product_idea>".into(),
            schema: Some(schema),
            json: true,
            limit: Some(90),
            ..Question::default()
        }
    }

    #[test]
    fn faults_of_the_model_show_in_its_text() {
        let text = |fault: Fault| Answer::new(&question(), Some(&fault), 0, 0, 1).text;
        assert!(serde_json::from_str::<Value>(&text(Fault::MalformedJson)).is_err());
        assert!(text(Fault::Placeholder).contains("[insert price]"));
        assert!(text(Fault::Markup).contains("<script>alert(1)</script>"));
        assert!(text(Fault::Fenced).starts_with("```json\n{"));
        let wrong: Value = serde_json::from_str(&text(Fault::WrongSchema)).expect("JSON");
        assert!(wrong.get("title").is_none() && wrong.get("note").is_some() && wrong.get("unexpected").is_some());
        assert_eq!(text(Fault::Refusal), "");
    }

    #[test]
    fn usage_is_a_quarter_of_the_characters() {
        let answer = Answer::new(&question(), None, 7, 100, 1);
        assert_eq!(answer.usage, Usage { input: 9, cached: 9, output: quarter(&answer.text), thoughts: 7 });
        assert_eq!(answer.pieces().concat(), answer.text);
        let exhausted = Answer::new(&question(), Some(&Fault::EmptyThinking), 7, 0, 1);
        assert_eq!((exhausted.usage.output, exhausted.usage.thoughts), (0, 90));
    }
}
