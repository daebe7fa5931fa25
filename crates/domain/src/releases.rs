//! Where each environment points: deployments, one after the other, the last of which holds.

use crate::Timestamp;
use crate::audit::Actor;
use crate::faults::Fault;
use crate::ids::{DeploymentId, EvalId, ProposalId};
use crate::roles::Environment;
use chrono::TimeDelta;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

impl Environment {
    /// All there are, in the order a release goes through them.
    pub const ALL: [Self; 2] = [Self::Staging, Self::Production];

    /// As it is stored and written on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// Reads a key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.key() == key)
    }
}

/// What was done to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// It was given a release that passed its gate.
    Deploy,
    /// It was given a release though its gate is shut.
    Override,
    /// It was given back a release it had before.
    Rollback,
}

impl Move {
    /// As it is stored.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Override => "override",
            Self::Rollback => "rollback",
        }
    }

    /// Reads a key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Deploy, Self::Override, Self::Rollback].into_iter().find(|one| one.key() == key)
    }
}

/// A release that an environment was pointed at.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Counts what was done, over all environments; of two the higher one came later, whatever any clock says.
    pub number: u64,
    /// Where.
    pub environment: Environment,
    /// Which release.
    pub version: Version,
    /// SHA-256 over that release's templates, hexadecimal: the same version with other content is found out.
    pub content: String,
    /// What was there before.
    pub previous: Version,
    /// SHA-256 over what was there before.
    pub previous_content: String,
    /// What was done.
    pub kind: Move,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The eval it passed its gate with.
    pub eval: Option<EvalId>,
    /// Why, where a reason was asked for.
    pub reason: Option<String>,
}

/// What a process serves an environment with, as it said itself: the one that counts is the last that began, as long as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Which environment.
    pub environment: Environment,
    /// Which process: a number it drew when it began.
    pub process: Uuid,
    /// The models of each class, as in [`crate::evals::Subject::models`].
    pub models: String,
    /// When it began.
    pub since: Timestamp,
    /// When it said so last.
    pub seen: Timestamp,
}

/// A process that has not said for so long that it serves is gone, and another one of its environment takes its place.
pub const GONE_AFTER: TimeDelta = TimeDelta::minutes(2);

/// A release that was made from a proposal: what production served when it was made, with the proposal's files over it. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Its version.
    pub version: Version,
    /// SHA-256 over all templates of the release, hexadecimal.
    pub content: String,
    /// The proposal it was made from.
    pub proposal: ProposalId,
    /// The revision of it.
    pub revision: u32,
    /// The release that production served when it was made.
    pub over: Version,
    /// SHA-256 over that one's templates.
    pub over_content: String,
    /// Every file it has, by its place such as `v1.0.0/swot.yaml`, with the SHA-256 of its text.
    pub files: BTreeMap<String, String>,
    /// When.
    pub at: Timestamp,
}

/// The highest number a part of a version may be: what is released cannot be taken back, so no typing mistake may use numbers up.
const HIGHEST: u64 = 9_999;

/// Checks a version that somebody proposes.
///
/// # Errors
/// When it is more than three numbers, or one of them is out of reach.
pub fn proposable(version: &Version) -> Result<(), Fault> {
    if !version.pre.is_empty() || !version.build.is_empty() {
        return Err(Fault::new("version", format!("{version} has to be three numbers such as 1.2.0, and nothing after them")));
    }
    if [version.major, version.minor, version.patch].into_iter().any(|part| part > HIGHEST) {
        return Err(Fault::new("version", format!("{version} is out of reach; each of its numbers may be {HIGHEST} at most")));
    }
    Ok(())
}

/// Whether an environment left a release by going back, and has not had it since. `deployments` are of one environment, newest first.
pub fn was_taken_back(deployments: &[Deployment], version: &Version, content: &str) -> bool {
    let is_it = |of: &Version, with: &str| of == version && with == content;
    let touches = |one: &&Deployment| is_it(&one.version, &one.content) || is_it(&one.previous, &one.previous_content);
    let last = deployments.iter().find(touches);
    last.is_some_and(|one| one.kind == Move::Rollback && is_it(&one.previous, &one.previous_content))
}

/// A release an environment has had, as it had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// Its version.
    pub version: Version,
    /// SHA-256 over its templates as they were then.
    pub content: String,
}

/// The release an environment goes back to when nobody says which: the one before the last that was not itself a way back.
///
/// `deployments` are of one environment, newest first.
pub fn before_last(deployments: &[Deployment]) -> Option<WayBack> {
    let current = deployments.first()?;
    // What the same release was deployed over once more is no way back; neither is what a way back left.
    let mut arrived = deployments.iter().filter(|one| one.version == current.version && one.kind != Move::Rollback);
    let before = arrived.find(|one| one.previous != current.version)?;
    Some(WayBack { version: before.previous.clone(), content: before.previous_content.clone() }).filter(|way| leads_back(current, way))
}

/// Whether it goes back: production only goes up by deployments, so that what is above was left, and comes back through its gate only.
fn leads_back(current: &Deployment, way: &WayBack) -> bool {
    match current.environment {
        Environment::Production => way.version < current.version,
        Environment::Staging => way.version != current.version,
    }
}

/// Every release an environment can be taken back to: first the one it goes back to when nobody says which, then the others it has had,
/// the last one first; each with the content it had last.
///
/// `deployments` are of one environment, newest first.
pub fn ways_back(deployments: &[Deployment]) -> Vec<WayBack> {
    let Some(current) = deployments.first() else { return Vec::new() };
    let had = deployments.iter().flat_map(|one| [(&one.version, &one.content), (&one.previous, &one.previous_content)]);
    let had = had.map(|(version, content)| WayBack { version: version.clone(), content: content.clone() });
    // What production was taken back from comes back through a gate only.
    let in_production = current.environment == Environment::Production;
    let left = |way: &WayBack| in_production && deployments.iter().any(|one| one.kind == Move::Rollback && one.previous == way.version);
    let mut ways: Vec<WayBack> = before_last(deployments).into_iter().collect();
    for way in had.filter(|way| leads_back(current, way) && !left(way)) {
        if ways.iter().all(|one| one.version != way.version) {
            ways.push(way);
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(kind: Move, version: u64, previous: u64) -> Deployment {
        Deployment {
            id: DeploymentId::new(),
            number: 1,
            environment: Environment::Production,
            version: Version::new(1, version, 0),
            content: format!("content of {version}"),
            previous: Version::new(1, previous, 0),
            previous_content: format!("content of {previous}"),
            kind,
            by: Actor::CommandLine,
            at: Timestamp::UNIX_EPOCH,
            eval: None,
            reason: None,
        }
    }

    fn way(minor: u64) -> WayBack {
        WayBack { version: Version::new(1, minor, 0), content: format!("content of {minor}") }
    }

    #[test]
    fn the_way_back_leads_to_what_was_there_before() {
        let first = deployment(Move::Deploy, 1, 0);
        let second = deployment(Move::Deploy, 2, 1);
        assert_eq!(before_last(&[]), None);
        assert_eq!(before_last(std::slice::from_ref(&first)), Some(way(0)));
        assert_eq!(before_last(&[second.clone(), first.clone()]), Some(way(1)));
        // Twice back goes two steps, not forth again.
        let back = deployment(Move::Rollback, 1, 2);
        assert_eq!(before_last(&[back, second, first.clone()]), Some(way(0)));
        let all_the_way = deployment(Move::Rollback, 0, 1);
        assert_eq!(before_last(&[all_the_way, first]), None);
    }

    #[test]
    fn the_same_release_deployed_again_is_no_way_back() {
        let (first, again) = (deployment(Move::Deploy, 1, 0), deployment(Move::Deploy, 1, 1));
        assert_eq!(before_last(&[again, first]), Some(way(0)));
    }

    #[test]
    fn what_an_environment_has_had_it_can_have_again() {
        let history = [deployment(Move::Rollback, 1, 2), deployment(Move::Deploy, 2, 1), deployment(Move::Deploy, 1, 0)];
        assert_eq!(ways_back(&history), [way(0)], "what was rolled back comes back through its gate only");
        assert_eq!(ways_back(&history[1..]), [way(1), way(0)]);
        assert!(ways_back(&[]).is_empty());
        let staging = history.map(|one| Deployment { environment: Environment::Staging, ..one });
        assert_eq!(ways_back(&staging), [way(0), way(2)], "what is tried goes back and forth");
    }

    #[test]
    fn what_was_taken_back_is_known_until_it_comes_again() {
        let history = [deployment(Move::Rollback, 1, 2), deployment(Move::Deploy, 2, 1), deployment(Move::Deploy, 1, 0)];
        let left = |history: &[Deployment], minor| was_taken_back(history, &way(minor).version, &way(minor).content);
        assert!(left(&history, 2));
        assert!(![0, 1, 7].into_iter().any(|minor| left(&history, minor)), "nobody has gone back from these");
        assert!(!was_taken_back(&history, &way(2).version, "other content"));
        let [last, middle, first] = history;
        assert!(!left(&[deployment(Move::Deploy, 2, 1), last, middle, first], 2), "it is there again");
    }

    #[test]
    fn a_version_is_three_numbers_within_reach() {
        for (text, good) in [("1.2.0", true), ("11.0.0", true), ("1.2.0-rc.1", false), ("1.2.0+a", false), ("1.10000.0", false)] {
            assert_eq!(proposable(&text.parse().expect("a version")).is_ok(), good, "{text}");
        }
    }
}
