//! What somebody may have: one table of entitlements, a line for guests and one for each tier.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// What a member pays for. The keys are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Nothing.
    Free,
    /// The small tier.
    Starter,
    /// The large tier.
    Pro,
}

impl Tier {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Free, Self::Starter, Self::Pro];

    /// As it is stored and written on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Pro => "pro",
        }
    }

    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Starter => "Starter",
            Self::Pro => "Pro",
        }
    }

    /// Reads one.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.key() == key)
    }

    /// Whether somebody pays.
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Free)
    }
}

/// How much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// At most this many.
    Most(u32),
    /// As much as they like.
    Unlimited,
}

impl Allowance {
    /// Whether there may be one more beside this many.
    pub const fn allows_beside(self, there: u64) -> bool {
        match self {
            Self::Most(most) => there < most as u64,
            Self::Unlimited => true,
        }
    }

    /// The number, if there is one.
    pub const fn most(self) -> Option<u32> {
        match self {
            Self::Most(most) => Some(most),
            Self::Unlimited => None,
        }
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(most) => most.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Word(String),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Number(most)) => Ok(Self::Most(most)),
            Ok(Written::Word(word)) if word == "unlimited" => Ok(Self::Unlimited),
            _ => Err(de::Error::custom("must be a whole number or \"unlimited\"")),
        }
    }
}

/// What a guest or a member of one tier may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlements {
    /// Section generations in any hour.
    pub generations_per_hour: Allowance,
    /// Ventures that are not archived.
    pub ventures: Allowance,
    /// Forms in which a plan can be taken along, by the ending of its file.
    pub exports: Vec<String>,
    /// Whether sections that need it are written by the reasoning models; else by the fast ones.
    pub reasoning_models: bool,
    /// How many earlier versions of a section can be looked at and taken back.
    pub history: Allowance,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// Somebody without an account.
    pub guest: Entitlements,
    /// A member, whatever their tier, until their address is proven.
    pub unverified: Entitlements,
    /// The tier that costs nothing.
    pub free: Entitlements,
    /// The small tier.
    pub starter: Entitlements,
    /// The large tier.
    pub pro: Entitlements,
}

impl Tiers {
    /// What a tier gives.
    pub const fn of(&self, tier: Tier) -> &Entitlements {
        match tier {
            Tier::Free => &self.free,
            Tier::Starter => &self.starter,
            Tier::Pro => &self.pro,
        }
    }
}
