//! From a model's text to an output, and the one attempt to have its faults mended.

use domain::generations::Issue;
use llm::{Answer, Ask};
use prompts::Template;
use serde_json::Value;
use std::fmt::Write as _;

/// What came of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// The output object, or `Null` when there is none.
    pub output: Value,
    /// What is wrong with it.
    pub issues: Vec<Issue>,
}

/// Reads an answer, fills in what is the program's, and checks it.
pub(crate) fn check(template: &Template, answer: &Answer) -> Checked {
    let parsed = match &answer.value {
        Some(value) => Ok(value.clone()),
        None => parse(&answer.text),
    };
    match parsed {
        Ok(mut output) if output.is_object() => {
            template.fill(&mut output, &answer.sources);
            let issues = template.check_output(&output);
            Checked { output, issues }
        }
        Ok(other) => Checked {
            output: Value::Null,
            issues: vec![Issue::new("json", "", format!("the answer is not an object but {}", kind(&other)))],
        },
        Err(reason) => {
            let cut = if answer.truncated { "; it was cut off at the token limit" } else { "" };
            Checked { output: Value::Null, issues: vec![Issue::new("json", "", format!("the answer is not valid JSON ({reason}){cut}"))] }
        }
    }
}

/// Models like to wrap JSON in a code fence.
fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let text = text.trim();
    let inner =
        text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).map_or(text, |rest| rest.trim_end().trim_end_matches("```"));
    serde_json::from_str(inner.trim())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Null => "null",
        _ => "a single value",
    }
}

/// The same question with the first answer and its faults quoted back. The facts of a search come along, so that the repair
/// rests on them too.
pub(crate) fn question(ask: &Ask, answer: &Answer, issues: &[Issue]) -> Ask {
    let mut user = answer.asked.clone().unwrap_or_else(|| ask.user.clone());
    let given = answer.value.as_ref().map_or_else(|| answer.text.clone(), Value::to_string);
    let _ = write!(user, "\n\nYour previous answer was:\n<previous_answer>\n{given}\n</previous_answer>\nIt has these problems:\n");
    for issue in issues.iter().take(20) {
        let at = if issue.at.is_empty() { "the whole answer" } else { &issue.at };
        let _ = writeln!(user, "- {at}: {}", issue.message);
    }
    user.push_str("Return the whole answer again with every problem mended and everything else unchanged.");
    Ask { user, grounding: false, seed: ask.seed.wrapping_add(1), ..ask.clone() }
}
