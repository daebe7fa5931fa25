//! Lines that a rule writes where nothing else is left: honest ones that say what is still to do.

use super::grams::Grams;
use super::leaf::Node;
use super::shape::Shape;
use super::subject::Subject;
use super::text;

/// What is still to do, each with the product's short name or without: a name of four words in every line would be a phrase
/// that comes again and again.
const TASKS: [&str; 9] = [
    "Decide on the {label}",
    "Ask five customers about {name}",
    "Compare {name} with two rivals",
    "Look at the {label} again",
    "Show {name} to a friend",
    "Write down what you know",
    "Note one {label}",
    "Test {name} yourself",
    "Collect three opinions",
];
/// When to do it.
const TIMES: [&str; 6] =
    ["before you launch", "after the first sales", "within a month", "when the samples arrive", "before you order stock", "this week"];
const QUESTIONS: [&str; 8] = [
    "Is the {label} settled?",
    "Have you tested {name} with real customers?",
    "Do you know the cost of {name}?",
    "Did five customers ask for {name}?",
    "Can you explain the {label} in a sentence?",
    "Have two suppliers answered you?",
    "Will the first order pay for itself?",
    "Is there somebody who can help you?",
];
const KINDS: [&str; 10] = ["Classic", "Large", "Small", "Gift", "Everyday", "New", "Simple", "Spare", "Starter", "Seasonal"];

/// A line that the output does not have yet, brings no run of words too often, and ends properly. `used` knows what the output
/// has.
pub(super) fn plain(subject: &Subject, label: &str, node: Node<'_>, shape: &Shape, grams: &Grams, used: &dyn Fn(&str) -> bool) -> String {
    let choices = choices(subject, label, shape);
    let fits = |text: &&String| (node.min_length()..=node.max_length()).contains(&text.chars().count());
    let fresh = |text: &&String| !used(text) && !grams.would_loop(text);
    let fitting: Vec<&String> = choices.iter().filter(fits).collect();
    let choice = fitting.iter().copied().find(fresh).or_else(|| fitting.iter().copied().find(|text| !used(text)));
    choice.or(fitting.first().copied()).cloned().unwrap_or_else(|| {
        let short = choices.first().map_or_else(|| subject.spoken(), Clone::clone);
        if shape.closed {
            text::fit_sentence(&short, node.max_length())
        } else {
            text::without_dangling(&text::fit(&short, node.max_length()))
        }
    })
}

fn choices(subject: &Subject, label: &str, shape: &Shape) -> Vec<String> {
    let name = short_name(subject);
    let filled = |line: &str| text::capitalised(&line.replace("{label}", &label.to_lowercase()).replace("{name}", &name));
    if shape.asks {
        return QUESTIONS.iter().map(|line| filled(line)).collect();
    }
    if shape.closed {
        // Neighbours in the list have neither task nor time in common.
        let pairs = (0..TASKS.len() * TIMES.len()).map(|at| (TASKS[at % TASKS.len()], TIMES[(at + at / TASKS.len()) % TIMES.len()]));
        return pairs.map(|(task, time)| filled(&format!("{task} {time}."))).collect();
    }
    let short = text::title_case(&subject.short());
    let kinds = KINDS.iter().map(|kind| format!("{kind} {short}"));
    let case = |text: String| match (shape.titled, shape.capital) {
        (true, _) => text,
        (_, true) => text::capitalised(&text.to_lowercase()),
        _ => text.to_lowercase(),
    };
    std::iter::once(short.clone()).chain(kinds).map(case).collect()
}

/// The short name as it stands in a sentence.
fn short_name(subject: &Subject) -> String {
    let head = subject.head().to_lowercase();
    if text::stem(&head) == head { format!("the {}", subject.short()) } else { subject.short() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(count: usize, examples: &[&str], schema: &serde_json::Value) -> Vec<String> {
        let subject = Subject::of("rain-proof vegan leather hiking boots for women");
        let (shape, mut grams, mut lines) = (Shape::of(examples), Grams::default(), Vec::<String>::new());
        for _ in 0..count {
            let line = plain(&subject, "Returns policy of a shop", Node(schema), &shape, &grams, &|text| lines.iter().any(|l| l == text));
            assert!(!grams.would_loop(&line), "{line}");
            grams.add(&line);
            lines.push(line);
        }
        lines
    }

    #[test]
    fn stand_ins_differ_and_repeat_no_phrase() {
        for (count, examples) in
            [(18, ["We pack it.", "We send it."]), (8, ["Is it packed?", "Is it sent?"]), (10, ["Pine Green", "Sky Blue"])]
        {
            let lines = lines(count, &examples, &json!({"type": "string", "maxLength": 90}));
            let unique: std::collections::HashSet<&String> = lines.iter().collect();
            assert_eq!(unique.len(), count, "{lines:?}");
        }
    }

    #[test]
    fn stand_ins_end_properly_where_space_is_short() {
        for max in [6, 12, 24, 40] {
            let line = &lines(1, &["We pack it.", "We send it."], &json!({"type": "string", "maxLength": max}))[0];
            assert!(text::ends_as_sentence(line) && line.chars().count() <= max, "{line}");
        }
    }
}
