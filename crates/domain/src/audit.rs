//! The audit log: who did what to what, when, from where, before and after. It names accounts by id, so that nothing of a person is
//! left in it once their account is gone, and keeps where somebody was only as precisely as a network.

use crate::Timestamp;
use crate::ids::{AuditId, OwnerId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Somebody with an account.
    Account(OwnerId),
    /// Whoever may use the command line.
    CommandLine,
    /// The program by itself.
    Program,
}

impl Actor {
    /// As it is stored, without the id.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::CommandLine => "command-line",
            Self::Program => "program",
        }
    }

    /// The account, if it is one.
    pub const fn account(self) -> Option<OwnerId> {
        match self {
            Self::Account(owner) => Some(owner),
            Self::CommandLine | Self::Program => None,
        }
    }

    /// Reads it back.
    pub fn from_parts(key: &str, account: Option<OwnerId>) -> Option<Self> {
        match (key, account) {
            ("account", Some(owner)) => Some(Self::Account(owner)),
            ("command-line", None) => Some(Self::CommandLine),
            ("program", None) => Some(Self::Program),
            _ => None,
        }
    }
}

/// One line of the log. Never a secret, an address of a person or what they wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Later entries sort later.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done, such as `account.tier`.
    pub action: String,
    /// The kind of thing it was done to, such as `account`.
    pub subject_kind: String,
    /// Its id.
    pub subject: String,
    /// From where, as precisely as [`network`] says.
    pub network: Option<String>,
    /// What was before.
    pub before: Value,
    /// What was after.
    pub after: Value,
    /// Why, where a reason was asked for.
    pub reason: Option<String>,
}

/// The network an address is in: its first 24 bits, or 48 of the long kind.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// Why something unusual was done: a sentence, not a word.
pub fn reason(text: &str) -> Result<String, crate::faults::Faults> {
    let text = text.trim();
    if text.chars().count() < 10 || text.chars().count() > 500 {
        return Err(crate::faults::Fault::new("reason", "must say why in 10 to 500 characters; others will read it").into());
    }
    crate::texts::prose("reason", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_its_network() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:7:1::9"), "2001:db8:7::/48");
    }
}
