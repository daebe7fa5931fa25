//! A run over the sections of a venture: which can start, which are done, when it is finished.

use crate::Timestamp;
use crate::generations::{Confidence, Status};
use crate::ids::GenerationId;
use crate::sections::SectionName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where a run of a whole venture stands. Each state carries exactly what is true in it, so a finished run without a verdict
/// cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VentureRun {
    /// It waits for its turn.
    Queued {
        /// When it was asked for.
        since: Timestamp,
    },
    /// Sections are being made.
    Running {
        /// When it started.
        since: Timestamp,
    },
    /// Every section was made or has failed.
    Finished {
        /// When it ended.
        at: Timestamp,
        /// Sections without content.
        failed: Vec<SectionName>,
    },
    /// The owner stopped it; what was finished is kept.
    Cancelled {
        /// When it was stopped.
        at: Timestamp,
    },
}

impl VentureRun {
    /// Whether it has not ended.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Running { .. })
    }

    /// One word for it: `queued`, `running`, `finished`, `cancelled`.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Finished { .. } => "finished",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// Something that happened in a run, as it is kept and told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// A section is being written. It may be said again after the process that wrote it has died.
    Started {
        /// Which.
        section: SectionName,
    },
    /// A section has ended and is kept.
    Ended {
        /// Which.
        section: SectionName,
        /// The attempt.
        generation: GenerationId,
        /// How.
        status: Status,
        /// How far to rely on it.
        confidence: Confidence,
        /// Who wrote it, as `provider:model`.
        model: String,
        /// What went wrong, in the words of the first issue.
        reason: Option<String>,
        /// How long it took.
        duration_ms: u64,
    },
    /// It goes on at this moment: until then its owner has had as many generations as their tier gives.
    Waiting {
        /// When it goes on.
        until: Timestamp,
    },
    /// The run is over, or was stopped.
    Finished {
        /// Sections without content.
        failed: Vec<SectionName>,
        /// Whether its owner stopped it.
        cancelled: bool,
    },
}

/// The sections of a run as a graph by `dependsOn`. A dependency that is not part of the run does not hold anything up.
#[derive(Debug, Clone)]
pub struct Graph {
    needs: BTreeMap<SectionName, BTreeSet<SectionName>>,
    started: BTreeSet<SectionName>,
    ended: BTreeSet<SectionName>,
}

impl Graph {
    /// A graph over `sections`, each with the sections it depends on.
    pub fn new(sections: impl IntoIterator<Item = (SectionName, Vec<SectionName>)>) -> Self {
        let all: BTreeMap<_, BTreeSet<_>> = sections.into_iter().map(|(name, needs)| (name, needs.into_iter().collect())).collect();
        let names: BTreeSet<_> = all.keys().cloned().collect();
        let needs = all.into_iter().map(|(name, needs)| (name, needs.intersection(&names).cloned().collect())).collect();
        Self { needs, started: BTreeSet::new(), ended: BTreeSet::new() }
    }

    /// Takes every section whose dependencies have ended and that was not taken before.
    pub fn take_ready(&mut self) -> Vec<SectionName> {
        let ready: Vec<_> = self
            .needs
            .iter()
            .filter(|(name, needs)| !self.started.contains(*name) && needs.is_subset(&self.ended))
            .map(|(name, _)| name.clone())
            .collect();
        self.started.extend(ready.iter().cloned());
        ready
    }

    /// Marks a section as ended, with content or without: its dependents then go on with what there is.
    pub fn end(&mut self, section: &SectionName) {
        self.started.insert(section.clone());
        self.ended.insert(section.clone());
    }

    /// Whether every section has ended.
    pub fn is_done(&self) -> bool {
        self.needs.keys().all(|name| self.ended.contains(name))
    }

    /// Length of the longest chain of dependencies, weighing each section with `weight`.
    pub fn critical_path(&self, weight: impl Fn(&SectionName) -> f64) -> f64 {
        let mut longest: BTreeMap<&SectionName, f64> = BTreeMap::new();
        while longest.len() < self.needs.len() {
            let before = longest.len();
            for (name, needs) in &self.needs {
                if !longest.contains_key(name) && needs.iter().all(|n| longest.contains_key(n)) {
                    let path = needs.iter().map(|n| longest[n]).fold(0.0, f64::max) + weight(name);
                    longest.insert(name, path);
                }
            }
            if longest.len() == before {
                break;
            }
        }
        longest.values().copied().fold(0.0, f64::max)
    }
}

/// A cycle among the dependencies, if there is one: `a -> b -> a`.
pub fn cycle(sections: &BTreeMap<SectionName, Vec<SectionName>>) -> Option<Vec<SectionName>> {
    fn visit<'a>(
        at: &'a SectionName,
        sections: &'a BTreeMap<SectionName, Vec<SectionName>>,
        path: &mut Vec<&'a SectionName>,
        clear: &mut BTreeSet<&'a SectionName>,
    ) -> Option<Vec<SectionName>> {
        if let Some(start) = path.iter().position(|seen| *seen == at) {
            return Some(path[start..].iter().copied().chain([at]).cloned().collect());
        }
        if clear.contains(at) {
            return None;
        }
        path.push(at);
        let found = sections.get(at).into_iter().flatten().find_map(|next| visit(next, sections, path, clear));
        path.pop();
        clear.insert(at);
        found
    }
    let mut clear = BTreeSet::new();
    sections.keys().find_map(|name| visit(name, sections, &mut Vec::new(), &mut clear))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SectionName {
        SectionName::parse(text).expect("a valid name")
    }

    #[test]
    fn sections_start_when_what_they_need_has_ended() {
        let mut graph = Graph::new([
            (name("goals"), vec![]),
            (name("plan"), vec![name("goals"), name("not-in-this-run")]),
            (name("brand"), vec![name("plan")]),
            (name("market"), vec![name("plan")]),
        ]);
        assert_eq!(graph.take_ready(), [name("goals")]);
        assert_eq!(graph.take_ready(), []);
        graph.end(&name("goals"));
        assert_eq!(graph.take_ready(), [name("plan")]);
        graph.end(&name("plan"));
        assert_eq!(graph.take_ready(), [name("brand"), name("market")]);
        graph.end(&name("market"));
        assert!(!graph.is_done());
        graph.end(&name("brand"));
        assert!(graph.is_done());
        assert!((graph.critical_path(|_| 2.0) - 6.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_cycle_is_named() {
        let sections = BTreeMap::from([(name("aa"), vec![name("bb")]), (name("bb"), vec![name("cc")]), (name("cc"), vec![name("bb")])]);
        assert_eq!(cycle(&sections), Some(vec![name("bb"), name("cc"), name("bb")]));
        assert_eq!(cycle(&BTreeMap::from([(name("aa"), vec![name("bb")]), (name("bb"), vec![])])), None);
    }
}
