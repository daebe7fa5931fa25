//! The decision log as Markdown, to be kept beside the code or handed on.

use crate::markdown::text;
use domain::decisions::Decision;
use std::fmt::Write as _;

/// Every decision with who made it, in the order given.
pub fn decisions(log: &[(&Decision, Option<&str>)]) -> String {
    let mut out = String::from("# Decision log\n\nWhat was found in what the prompts make, what shows it, and what was decided.\n");
    if log.is_empty() {
        out.push_str("\nNothing was decided yet.\n");
    }
    for (number, (decision, by)) in log.iter().enumerate() {
        let evidence = &decision.evidence;
        let day = decision.at.format("%-d %B %Y");
        let _ = write!(out, "\n## {}. {day}\n\n", number + 1);
        write_paragraphs(&mut out, "Found", &decision.found);
        let mut shown = Vec::new();
        shown.extend(evidence.section.as_ref().map(|section| format!("section {}", text(section.as_str()))));
        shown.extend(evidence.version.as_ref().map(|version| format!("prompt {}", text(version))));
        shown.extend(evidence.scores.iter().map(|score| format!("score {score}")));
        let _ = write!(out, "**Evidence:** {}\n\n", shown.join(", "));
        write_paragraphs(&mut out, "Decided", &decision.decision);
        let _ = writeln!(out, "**By:** {}", by.map_or_else(|| "somebody who has no account here".to_owned(), text));
    }
    out
}

fn write_paragraphs(out: &mut String, title: &str, said: &str) {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let _ = write!(out, "**{title}:** {}\n\n", text(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = write!(out, "{}\n\n", text(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::decisions::{NewDecision, RawDecision};
    use domain::ids::DecisionId;

    #[test]
    fn what_people_wrote_stays_text() {
        let raw = RawDecision {
            found: "# Goals have *no* dates\n\n<script>alert(1)</script>".into(),
            decision: "Ask for a date in [the prompt](x).".into(),
            section: "smart-goals".into(),
            version: "1.0.0".into(),
            scores: String::new(),
        };
        let NewDecision { found, evidence, decision } = NewDecision::parse(&raw).expect("a line");
        let at = "2026-03-05T12:00:00Z".parse().expect("a moment");
        let line = Decision { id: DecisionId::new(), found, evidence, decision, by: None, at };
        let expected = "# Decision log\n\nWhat was found in what the prompts make, what shows it, and what was decided.\n\n## 1. 5 March 2026\n\n\
                        **Found:** \\# Goals have \\*no\\* dates\n\n&lt;script&gt;alert(1)&lt;/script&gt;\n\n**Evidence:** section smart-goals, prompt 1.0.0\n\n\
                        **Decided:** Ask for a date in \\[the prompt\\](x).\n\n**By:** ana@example.com\n";
        assert_eq!(decisions(&[(&line, Some("ana@example.com"))]), expected);
        assert!(decisions(&[]).contains("Nothing was decided yet."));
    }
}
