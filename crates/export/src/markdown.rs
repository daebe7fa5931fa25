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
    let _ = writeln!(out, " · Currency: {} · Language: {}", brief.currency.code, brief.language.name);
    if document.sections.iter().filter_map(|s| s.generation).any(|g| g.draft_model) {
        out.push_str("\n> A small embedded model wrote this draft; read it as a starting point. Figures are estimates.\n");
    }
    let mut step = 0;
    for section in document.sections.iter().filter(|s| s.generation.is_some()) {
        let here = usize::from(section.template.step.unwrap_or(0));
        if here != step {
            step = here;
            let _ = writeln!(out, "\n## Step {step}: {}", STEPS.get(step.wrapping_sub(1)).unwrap_or(&"More"));
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
        for part in &parts {
            write_part(out, part, 4);
        }
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
        let _ = writeln!(out, "\n*{confidence} confidence · written by {} · prompt {version}*", text(model));
    }
}

fn write_part(out: &mut String, part: &Part, level: usize) {
    let label = text(&part.label);
    let titled = |body: String| format!("**{label}**\n\n{body}\n");
    let paired = |value: &str| format!("**{label}:** {value}\n\n");
    let drawn = match &part.body {
        Body::Lead(line) => format!("{}\n\n", text(line)),
        Body::Text(paragraphs) if part.label.is_empty() => lines(paragraphs, |line| format!("{}\n\n", text(line))),
        Body::Text(paragraphs) if paragraphs.len() == 1 && paragraphs[0].len() < 90 => paired(&text(&paragraphs[0])),
        Body::Text(paragraphs) => titled(paragraphs.iter().map(|line| text(line)).collect::<Vec<_>>().join("\n\n") + "\n"),
        Body::Quote(line) => format!("> {}\n\n", text(line)),
        Body::List(items) => titled(lines(items, |item| format!("- {}\n", text(item)))),
        Body::Chips(items) => paired(&items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", ")),
        Body::Steps(items) => titled(lines(items, |item| format!("1. {}\n", text(item)))),
        Body::Figure(figure) => paired(&text(figure)),
        Body::Score(score) => paired(&format!("{score} / 100")),
        Body::Swatches(pairs) | Body::Fonts(pairs) => titled(lines(pairs, |(name, value)| format!("- {}: {}\n", text(name), text(value)))),
        Body::Sources(sources) => {
            titled(lines(sources, |s| format!("- [{}](<{}>)\n", text(&s.title), s.uri.replace(['<', '>', '\n'], ""))))
        }
        Body::Table(heads, rows) => titled(table(heads, rows)),
        Body::Group(parts) => {
            let mut group = format!("{} {label}\n\n", "#".repeat(level.min(6)));
            for part in parts {
                write_part(&mut group, part, level + 1);
            }
            group
        }
        Body::Cards(cards) => {
            let mut group = format!("**{label}**\n\n");
            for (index, card) in cards.iter().enumerate() {
                write_card(&mut group, card, index, level);
            }
            group
        }
    };
    out.push_str(&drawn);
}

fn write_card(out: &mut String, card: &Card, index: usize, level: usize) {
    let title = card.title.as_deref().map_or_else(|| (index + 1).to_string(), text);
    let _ = write!(out, "{} {title}\n\n", "#".repeat(level.min(6)));
    for part in &card.parts {
        write_part(out, part, level + 1);
    }
}

fn lines<T>(items: &[T], line: impl Fn(&T) -> String) -> String {
    items.iter().map(line).collect()
}

fn table(heads: &[String], rows: &[Vec<String>]) -> String {
    let row = |cells: &Vec<String>| format!("| {} |\n", cells.iter().map(|c| text(c).replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
    row(&heads.to_vec()) + &format!("|{}\n", " --- |".repeat(heads.len())) + &lines(rows, row)
}

/// What a person or a model wrote, as one line that Markdown reads as text wherever it stands: no markup, no HTML, no link behind
/// other words. A bare address stays one, and some viewers make it clickable.
pub(crate) fn text(raw: &str) -> String {
    let letters: Vec<char> = raw.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let block = block_mark(&letters);
    let mut out = String::with_capacity(raw.len());
    for (i, &c) in letters.iter().enumerate() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' if is_entity(&letters[i + 1..]) => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' => out.extend(['\\', c]),
            '~' if strikes(&letters, i) => out.extend(['\\', c]),
            // At the end of a heading these would be taken for its frame.
            '#' if letters[i..].iter().all(|&c| c == '#') => out.extend(['\\', c]),
            _ if block == Some(i) => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// Where the mark ends that would make a heading, a list or a rule of a line that begins with it; after a backslash it is text.
fn block_mark(letters: &[char]) -> Option<usize> {
    let run = |wanted: fn(&char) -> bool| letters.iter().take_while(|c| wanted(c)).count();
    let ends_at = |i: usize| letters.get(i).is_none_or(|c| *c == ' ');
    match letters.first()? {
        '#' => ((1..=6).contains(&run(|c| *c == '#')) && ends_at(run(|c| *c == '#'))).then_some(0),
        '+' => ends_at(1).then_some(0),
        '-' => (ends_at(1) || letters.iter().all(|c| matches!(c, '-' | ' '))).then_some(0),
        _ => {
            let digits = run(char::is_ascii_digit);
            let mark = letters.get(digits).is_some_and(|c| matches!(c, '.' | ')'));
            ((1..=9).contains(&digits) && mark && ends_at(digits + 1)).then_some(digits)
        }
    }
}

/// Whether `&` and what follows it read as one character, such as `&copy;`.
fn is_entity(rest: &[char]) -> bool {
    let name = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '#').count();
    name > 0 && rest.get(name) == Some(&';')
}

/// Whether a tilde could open or close struck-out text or code: `~$90` cannot.
fn strikes(letters: &[char], i: usize) -> bool {
    letters.get(i + 1) == Some(&'~') || i.checked_sub(1).and_then(|before| letters.get(before)).is_some_and(|before| *before != ' ')
}

#[cfg(test)]
mod tests {
    use super::{table, text};

    #[test]
    fn what_others_wrote_stays_text() {
        assert_eq!(text("<script>*x*</script>\n# [a](b)"), "&lt;script&gt;\\*x\\*&lt;/script&gt; # \\[a\\](b)");
        assert_eq!(text("> quoted"), "&gt; quoted");
        assert_eq!(text("&copy; P&L &#60; R&D;D"), "&amp;copy; P&L &amp;#60; R&amp;D;D");
        assert_eq!(text("~~gone~~ ~$90 to ~$120, a~b~"), "\\~\\~gone\\~\\~ ~$90 to ~$120, a\\~b\\~");
    }

    #[test]
    fn no_line_begins_a_block() {
        for (raw, kept) in [
            ("# Head", "\\# Head"),
            ("###### Head", "\\###### Head"),
            ("#", "\\#"),
            ("Head ##", "Head \\#\\#"),
            ("- item", "\\- item"),
            ("+ item", "\\+ item"),
            ("* item", "\\* item"),
            ("---", "\\---"),
            ("- - -", "\\- - -"),
            ("1. item", "1\\. item"),
            ("12) item", "12\\) item"),
            ("2026.", "2026\\."),
            ("~~~", "\\~\\~\\~"),
            ("\t  indented", "indented"),
        ] {
            assert_eq!(text(raw), kept, "{raw}");
        }
        for plain in ["#handmade", "-5 %", "+49 30 1234", "1.5 kg", "1990s", "####### seven", "a - b", "--no-plastic", "Mr. Bean"] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn a_pipe_is_no_wall_of_a_table() {
        let cells = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let drawn = table(&cells(&["a|b", "c"]), &[cells(&["# x", "\\| y"])]);
        assert_eq!(drawn, "| a\\|b | c |\n| --- | --- |\n| \\# x | \\\\\\| y |\n");
    }
}
