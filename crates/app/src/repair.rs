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
            without_nul(&mut output);
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

/// Takes out U+0000, which models write where they mean an accent, and which Postgres cannot keep.
pub(crate) fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields).into_iter().map(|(key, value)| (key.replace('\0', ""), value)).collect();
            }
            fields.values_mut().for_each(without_nul);
        }
        _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::generations::Source;
    use serde_json::json;

    /// Every section that shows sources, with an example's output in which a model claims some of its own.
    fn claims() -> Vec<(Template, Value)> {
        let library = prompts::Library::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let release = library.latest();
        let grounded = release.sections().into_iter().filter(|t| t.output.pointer("/properties/sources/readOnly") == Some(&json!(true)));
        grounded
            .map(|template| {
                let mut output = library.examples()[0].section(&template.name).expect("an example has every section").clone();
                output["sources"] = json!([{"uri": "https://made-up.example", "title": "Made up"}]);
                output["lowConfidence"] = json!(false);
                ((**template).clone(), output)
            })
            .collect()
    }

    #[test]
    fn sources_are_never_a_model_s() {
        let found = Source { uri: "https://found.example/page".into(), title: "Found".into() };
        let claims = claims();
        assert!(!claims.is_empty());
        for (template, output) in claims {
            for (value, text) in
                [(Some(output.clone()), String::new()), (None, output.to_string()), (None, format!("```json\n{output}\n```"))]
            {
                let mut answer = Answer { value, text, ..Answer::default() };
                let unfounded = check(&template, &answer);
                assert_eq!((&unfounded.output["sources"], &unfounded.output["lowConfidence"]), (&json!([]), &json!(true)));
                assert_eq!(unfounded.issues, []);
                answer.sources.push(found.clone());
                let founded = check(&template, &answer);
                assert_eq!((&founded.output["sources"], &founded.output["lowConfidence"]), (&json!([found]), &json!(false)));
            }
        }
    }

    #[test]
    fn a_repair_is_asked_with_the_facts_and_without_another_search() {
        let (template, output) = claims().remove(0);
        let ask = Ask {
            class: llm::ModelClass::Fast,
            system: "You plan.".into(),
            user: "Compare.".into(),
            schema: None,
            json: false,
            turns: Vec::new(),
            schema_name: template.name.to_string(),
            temperature: 0.0,
            max_output_tokens: 100,
            timeout: std::time::Duration::from_secs(1),
            grounding: true,
            seed: 3,
            draft: llm::DraftMaterial::default(),
        };
        let issues = [Issue::new("schema", "/marketSummary", "is too short"), Issue::new("schema", "", "lacks competitors")];
        let informed =
            Answer { asked: Some("Compare.\n<facts>Boots cost $90 [1].</facts>".into()), value: Some(output.clone()), ..Answer::default() };
        let repair = question(&ask, &informed, &issues);
        for part in [
            "<facts>Boots cost $90 [1].</facts>",
            &output.to_string(),
            "- /marketSummary: is too short",
            "- the whole answer: lacks competitors",
        ] {
            assert!(repair.user.contains(part), "{part}: {}", repair.user);
        }
        assert!(!repair.grounding && repair.seed != ask.seed);
        let plain = question(&ask, &Answer { text: "no JSON".into(), ..Answer::default() }, &issues);
        assert!(plain.user.starts_with("Compare.\n") && plain.user.contains("no JSON") && !plain.user.contains("<facts>"));
    }
}
