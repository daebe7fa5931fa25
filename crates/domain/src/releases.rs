//! Where each environment points: deployments, one after the other, the last of which holds.

use crate::Timestamp;
use crate::audit::Actor;
use crate::ids::{DeploymentId, EvalId, ProposalId};
use crate::roles::Environment;
use semver::Version;
use serde::{Deserialize, Serialize};

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
    /// Its id; later ones sort later.
    pub id: DeploymentId,
    /// Where.
    pub environment: Environment,
    /// Which release.
    pub version: Version,
    /// SHA-256 over that release's templates, hexadecimal: the same version with other content is found out.
    pub content: String,
    /// What was there before.
    pub previous: Version,
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

/// A release that was made from a proposal. Its files never change.
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
    /// When.
    pub at: Timestamp,
}

/// The release an environment goes back to when nobody says which: the one before the last that was not itself a way back.
///
/// `deployments` are of one environment, newest first.
pub fn before_last(deployments: &[Deployment]) -> Option<Version> {
    let current = deployments.first()?;
    let mut version = &current.version;
    // Back from a way back: what was there before the release it left.
    if current.kind == Move::Rollback {
        let arrived = deployments.iter().find(|one| one.version == *version && one.kind != Move::Rollback);
        return arrived.map(|one| one.previous.clone()).filter(|previous| previous != version);
    }
    version = &current.previous;
    (*version != current.version).then(|| version.clone())
}

/// Every release an environment can be taken back to: first the one it goes back to when nobody says which, then the others it has had,
/// the last one first.
///
/// `deployments` are of one environment, newest first.
pub fn ways_back(deployments: &[Deployment]) -> Vec<Version> {
    let current = deployments.first().map(|current| &current.version);
    let had = deployments.iter().flat_map(|one| [&one.version, &one.previous]).filter(|version| Some(*version) != current);
    let mut ways: Vec<Version> = before_last(deployments).into_iter().collect();
    for version in had {
        if !ways.contains(version) {
            ways.push(version.clone());
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
            environment: Environment::Production,
            version: Version::new(1, version, 0),
            content: String::new(),
            previous: Version::new(1, previous, 0),
            kind,
            by: Actor::CommandLine,
            at: Timestamp::UNIX_EPOCH,
            eval: None,
            reason: None,
        }
    }

    #[test]
    fn the_way_back_leads_to_what_was_there_before() {
        let first = deployment(Move::Deploy, 1, 0);
        let second = deployment(Move::Deploy, 2, 1);
        assert_eq!(before_last(&[]), None);
        assert_eq!(before_last(std::slice::from_ref(&first)), Some(Version::new(1, 0, 0)));
        assert_eq!(before_last(&[second.clone(), first.clone()]), Some(Version::new(1, 1, 0)));
        // Twice back goes two steps, not forth again.
        let back = deployment(Move::Rollback, 1, 2);
        assert_eq!(before_last(&[back, second, first.clone()]), Some(Version::new(1, 0, 0)));
        let all_the_way = deployment(Move::Rollback, 0, 1);
        assert_eq!(before_last(&[all_the_way, first]), None);
    }

    #[test]
    fn what_an_environment_has_had_it_can_have_again() {
        let history = [deployment(Move::Rollback, 1, 2), deployment(Move::Deploy, 2, 1), deployment(Move::Deploy, 1, 0)];
        assert_eq!(ways_back(&history), [Version::new(1, 0, 0), Version::new(1, 2, 0)]);
        assert_eq!(ways_back(&history[1..]), [Version::new(1, 1, 0), Version::new(1, 0, 0)]);
        assert!(ways_back(&[]).is_empty());
    }
}
