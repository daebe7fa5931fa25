//! The decision log of quality: what was found, what shows it, what was decided. It is the team's, and holds nothing of a customer.

use crate::Timestamp;
use crate::faults::{Fault, Faults};
use crate::ids::{DecisionId, OwnerId, ScoreId};
use crate::sections::SectionName;
use crate::texts::prose;
use serde::{Deserialize, Serialize};

/// Shortest and longest text of a finding and of a decision, in characters.
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=2000;
/// How many scores one decision can point to.
pub const MOST_SCORES: usize = 20;

/// What a finding rests on; at least one part is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The section it is about.
    pub section: Option<SectionName>,
    /// The prompt version it is about.
    pub version: Option<String>,
    /// Scores that show it.
    pub scores: Vec<ScoreId>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Later ones sort later.
    pub id: DecisionId,
    /// What was found.
    pub found: String,
    /// What shows it.
    pub evidence: Evidence,
    /// What was decided.
    pub decision: String,
    /// Who decided; nobody once their account is gone, or where it was done on the command line.
    pub by: Option<OwnerId>,
    /// When.
    pub at: Timestamp,
}

/// A line as somebody typed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawDecision {
    /// What was found.
    pub found: String,
    /// What was decided.
    pub decision: String,
    /// A section, or nothing.
    pub section: String,
    /// A prompt version, or nothing.
    pub version: String,
    /// Ids of scores, between spaces, commas or line ends.
    pub scores: String,
}

/// A line that may be added: found, evidence, decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// What was found.
    pub found: String,
    /// What shows it.
    pub evidence: Evidence,
    /// What was decided.
    pub decision: String,
}

impl NewDecision {
    /// Reads a line, or says everything that is wrong with it.
    pub fn parse(raw: &RawDecision) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let found = faults.take(said("found", &raw.found));
        let decision = faults.take(said("decision", &raw.decision));
        let section = match raw.section.trim() {
            "" => Some(None),
            name => faults.take(SectionName::parse(name)).map(Some),
        };
        let version = faults.take(version(raw.version.trim()));
        let scores = faults.take(scores(&raw.scores));
        if let (Some(None), Some(scores)) = (&section, &scores)
            && scores.is_empty()
        {
            faults.add("section", "is not given, and no score either: say what the finding rests on");
        }
        match (found, decision, section, version, scores) {
            (Some(found), Some(decision), Some(section), Some(version), Some(scores)) if faults.is_empty() => {
                Ok(Self { found, evidence: Evidence { section, version, scores }, decision })
            }
            _ => Err(faults),
        }
    }
}

fn said(field: &str, text: &str) -> Result<String, Faults> {
    let text = text.trim();
    let length = text.chars().count();
    if !LENGTH.contains(&length) {
        let message = format!("has {length} characters; say it in {} to {}", LENGTH.start(), LENGTH.end());
        return Err(Fault::new(field, message).into());
    }
    prose(field, text)
}

fn version(text: &str) -> Result<Option<String>, Faults> {
    let parts: Vec<&str> = text.trim_start_matches('v').split('.').collect();
    let good = parts.len() == 3 && parts.iter().all(|part| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    match (text.is_empty(), good) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(parts.join("."))),
        (false, false) => Err(Fault::new("version", "is not a version such as 1.0.0").into()),
    }
}

fn scores(text: &str) -> Result<Vec<ScoreId>, Faults> {
    let mut ids = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        let id: ScoreId = word.parse().map_err(|_| Fault::new("scores", "has something in it that is not the id of a score"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > MOST_SCORES {
        return Err(Fault::new("scores", format!("has {} ids; {MOST_SCORES} at most", ids.len())).into());
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> RawDecision {
        RawDecision {
            found: "Goals name no dates.".into(),
            decision: "The prompt asks for a date.".into(),
            section: "smart-goals".into(),
            version: "v1.0.0".into(),
            scores: String::new(),
        }
    }

    #[test]
    fn a_line_says_what_it_rests_on() {
        let read = NewDecision::parse(&raw()).expect("a line");
        assert_eq!((read.evidence.version.as_deref(), read.evidence.section.is_some()), (Some("1.0.0"), true));
        let id = ScoreId::new();
        let by_score =
            NewDecision::parse(&RawDecision { section: String::new(), version: String::new(), scores: format!(" {id},\n{id} "), ..raw() });
        assert_eq!(by_score.expect("a line").evidence, Evidence { section: None, version: None, scores: vec![id] });
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let fields = |raw: RawDecision| -> Vec<String> {
            NewDecision::parse(&raw).expect_err("wrong").0.into_iter().map(|fault| fault.field).collect()
        };
        let wrong = RawDecision {
            found: "bad".into(),
            decision: "x".repeat(2001),
            section: "No Name".into(),
            version: "one".into(),
            scores: "7".into(),
        };
        assert_eq!(fields(wrong), ["found", "decision", "section", "version", "scores"]);
        assert_eq!(fields(RawDecision { section: String::new(), ..raw() }), ["section"], "it rests on nothing");
        assert_eq!(fields(RawDecision { found: "ten letters\u{7}".into(), ..raw() }), ["found"]);
        let many = (0..21).map(|_| ScoreId::new().to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(fields(RawDecision { scores: many, ..raw() }), ["scores"]);
        for version in ["1.0", "1.0.0.0", "a.b.c", "1..0", "1.0.0-rc1"] {
            assert_eq!(fields(RawDecision { version: version.into(), ..raw() }), ["version"], "{version}");
        }
    }
}
