//! The Markdown a person reads, prints or pastes elsewhere.

use crate::{Document, Section};
use domain::generations::{Generation, Status};
use prompts::outline::{Body, Card, Part};
use std::fmt::Write as _;

const STEPS: [&str; 4] = ["Idea & goals", "Blueprint", "Market", "Launchpad"];

/// The whole plan, by step.
pub fn markdown(document: &Document<'_>) -> String {
    let brief = &document.venture.brief;
    let mut out = format!("# {}\n\nBrand voice: {}", text(brief.idea.as_str()), text(brief.voice.name()));
    let _ = write!(out, " · Currency: {} · Language: {}\n", brief.currency.code, brief.language.name);
    if document.sections.iter().filter_map(|s| s.generation).any(|g| g.draft_model) {
        out.push_str("\n> A small embedded model wrote this draft; read it as a starting point. Figures are estimates.\n");
    }
    let mut step = 0;
    for section in document.sections.iter().filter(|s| s.generation.is_some()) {
        let here = usize::from(section.template.step.unwrap_or(0));
        if here != step {
            step = here;
            let _ = write!(out, "\n## Step {step}: {}\n", STEPS.get(step.wrapping_sub(1)).unwrap_or(&"More"));
        }
        write_section(&mut out, document, section);
    }
    out
}

fn write_section(out: &mut String, document: &Document<'_>, section: &Section<'_>) {
    let Some(generation) = section.generation else { return };
    let _ = write!(out, "\n### {}\n\n", text(&section.template.title));
    if generation.status == Status::Failed {
        out.push_str("This section could not be made.\n");
    } else {
        let parts = section.template.outline(&generation.output, document.venture.brief.currency);
        parts.iter().for_each(|part| write_part(out, part, 4));
    }
    write_footer(out, generation);
}

fn write_footer(out: &mut String, generation: &Generation) {
    for issue in &generation.issues {
        let at = if issue.at.is_empty() { String::new() } else { format!(" ({})", issue.at) };
        let _ = writeln!(out, "> Note: {}{}", text(&issue.message), text(&at));
    }
    if !generation.model.is_empty() {
        let (confidence, model, version) = (generation.confidence.key(), &generation.model, &generation.prompt_version);
        let _ = write!(out, "\n*{confidence} confidence · written by {} · prompt {version}*\n", text(model));
    }
}

fn write_part(out: &mut String, part: &Part, level: usize) {
    let label = text(&part.label);
    let mut titled = |body: String| out.push_str(&format!("**{label}**\n\n{body}\n"));
    match &part.body {
        Body::Lead(line) => out.push_str(&format!("{}\n\n", text(line))),
        Body::Text(lines) if part.label.is_empty() => lines.iter().for_each(|line| out.push_str(&format!("{}\n\n", text(line)))),
        Body::Text(lines) if lines.len() == 1 && lines[0].len() < 90 => out.push_str(&format!("**{label}:** {}\n\n", text(&lines[0]))),
        Body::Text(lines) => titled(lines.iter().map(|l| format!("{}\n", text(l))).collect::<Vec<_>>().join("\n")),
        Body::Quote(line) => out.push_str(&format!("> {}\n\n", text(line))),
        Body::List(items) => titled(lines("- ", items)),
        Body::Chips(items) => out.push_str(&format!("**{label}:** {}\n\n", items.iter().map(|i| text(i)).collect::<Vec<_>>().join(", "))),
        Body::Steps(items) => titled(lines("1. ", items)),
        Body::Figure(figure) => out.push_str(&format!("**{label}:** {}\n\n", text(figure))),
        Body::Score(score) => out.push_str(&format!("**{label}:** {score} / 100\n\n")),
        Body::Swatches(pairs) | Body::Fonts(pairs) => titled(pairs.iter().map(|(l, v)| format!("- {}: {}\n", text(l), text(v))).collect()),
        Body::Sources(sources) => {
            titled(sources.iter().map(|s| format!("- [{}](<{}>)\n", text(&s.title), s.uri.replace(['<', '>', '\n'], ""))).collect())
        }
        Body::Table(heads, rows) => titled(table(heads, rows)),
        Body::Group(parts) => {
            let _ = write!(out, "{} {label}\n\n", "#".repeat(level));
            parts.iter().for_each(|part| write_part(out, part, level + 1));
        }
        Body::Cards(cards) => {
            let _ = write!(out, "**{label}**\n\n");
            cards.iter().enumerate().for_each(|(i, card)| write_card(out, card, i, level));
        }
    }
}

fn write_card(out: &mut String, card: &Card, index: usize, level: usize) {
    let title = card.title.as_deref().map_or_else(|| (index + 1).to_string(), text);
    let _ = write!(out, "{} {title}\n\n", "#".repeat(level.min(6)));
    card.parts.iter().for_each(|part| write_part(out, part, level + 1));
}

fn lines(mark: &str, items: &[String]) -> String {
    items.iter().map(|item| format!("{mark}{}\n", text(item))).collect()
}

fn table(heads: &[String], rows: &[Vec<String>]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.iter().map(|c| text(c).replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
    let rule = format!("|{}\n", " --- |".repeat(heads.len()));
    row(heads) + &rule + &rows.iter().map(|r| row(r)).collect::<String>()
}

/// What a person or a model wrote, as one line that Markdown reads as text: no markup, no HTML, no link of theirs becomes live.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_others_wrote_stays_text() {
        assert_eq!(text("<script>*x*</script>\n# [a](b)"), "&lt;script&gt;\\*x\\*&lt;/script&gt; # \\[a\\](b)");
    }
}
