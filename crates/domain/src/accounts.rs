//! Accounts: who has one, what proves that it is them, and what a token of theirs may do.

use crate::Timestamp;
use crate::faults::{Fault, Faults};
use crate::ids::{OwnerId, SessionId, TokenId};
use crate::roles::Role;
use crate::tiers::Tier;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest address there is (RFC 5321, section 4.5.3.1.3, less its brackets).
const LONGEST_EMAIL: usize = 254;
/// Shortest password.
pub const SHORTEST_PASSWORD: usize = 10;
/// Longest password, in bytes: long enough for any sentence, short enough to be hashed at once.
pub const LONGEST_PASSWORD: usize = 200;

/// An address mail can be sent to, as its owner writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Reads an address, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let text = text.trim();
        let wrong = |why: &str| Err(Fault::new("email", why).into());
        if text.is_empty() {
            return wrong("is missing; write an address such as ana@example.com");
        }
        if text.len() > LONGEST_EMAIL {
            return wrong("is longer than an address can be (254 characters)");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c)) {
            return wrong("has a character that an address cannot have; write it alone, such as ana@example.com");
        }
        let Some((local, host)) = text.rsplit_once('@') else { return wrong("has no @; write an address such as ana@example.com") };
        let is_sign = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
        if !local.chars().all(is_sign) {
            return wrong("has a character before the @ that no address has");
        }
        if local.is_empty()
            || local.len() > 64
            || local.contains('@')
            || local.starts_with('.')
            || local.ends_with('.')
            || local.contains("..")
        {
            return wrong("has something else than a name before the @");
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        if !host.contains('.') || !host.split('.').all(is_label) {
            return wrong("has no domain after the @, such as example.com");
        }
        Ok(Self(text.to_owned()))
    }

    /// What two spellings of one address have in common: an account has it once.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account. Its id is the owner of everything made with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose account it is.
    pub owner: OwnerId,
    /// Where they are reached.
    pub email: Email,
    /// What they pay for.
    pub tier: Tier,
    /// Their place in the team, if they have one.
    pub role: Option<Role>,
    /// When they proved that the address is theirs.
    pub verified: Option<Timestamp>,
    /// Whether they sign in with a password; else somebody else vouches for them.
    pub has_password: bool,
    /// Whether signing in asks for a second factor.
    pub has_second_factor: bool,
    /// Until when they may not generate, because that became too expensive.
    pub limited_until: Option<Timestamp>,
    /// When they asked to be forgotten.
    pub leaving: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl Account {
    /// Whether the cost guard holds them back now.
    pub fn is_limited(&self, now: Timestamp) -> bool {
        self.limited_until.is_some_and(|until| until > now)
    }
}

/// Somebody is signed in, in one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which its owner sees in a list.
    pub id: SessionId,
    /// Who.
    pub owner: OwnerId,
    /// SHA-256 of the cookie, hexadecimal.
    pub hash: String,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// When they signed in.
    pub created: Timestamp,
    /// When they were last here.
    pub seen: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// Where they signed in from.
    pub address: String,
    /// The browser, as it says.
    pub agent: String,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// See what its owner has.
    Read,
    /// Make and change it.
    Write,
    /// Use the rights of its owner's role.
    Staff,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Staff];

    /// As it is written.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Staff => "staff",
        }
    }

    /// Reads one.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.key() == key)
    }

    /// Reads what somebody asks for: one or more, each once.
    pub fn parse_all(keys: &[String]) -> Result<Vec<Self>, Faults> {
        let mut faults = Faults::default();
        let mut scopes = Vec::new();
        for key in keys {
            match Self::from_key(key) {
                Some(scope) => scopes.push(scope),
                None => {
                    faults.add("scopes", format!("\"{}\" is none; there are read, write, staff", key.chars().take(40).collect::<String>()));
                }
            }
        }
        if keys.is_empty() {
            faults.add("scopes", "are missing; choose at least one of read, write, staff");
        }
        scopes.sort_unstable();
        scopes.dedup();
        if faults.is_empty() { Ok(scopes) } else { Err(faults) }
    }
}

/// A token with which programs act for its owner. What it is itself is shown once and kept as a hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// For whom it acts.
    pub owner: OwnerId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it opens anything now.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| end > now)
    }
}

/// What a link that works once is for. The keys are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Proves that an address is theirs.
    Verify,
    /// Sets a new password.
    Reset,
    /// Proves that a new address is theirs.
    ChangeEmail,
    /// Makes the first account of a new place, a tech lead's.
    FirstLead,
    /// The second step of signing in, in the browser that took the first.
    SecondFactor,
}

impl Purpose {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Reset, Self::ChangeEmail, Self::FirstLead, Self::SecondFactor];

    /// As it is stored.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::ChangeEmail => "change-email",
            Self::FirstLead => "first-lead",
            Self::SecondFactor => "second-factor",
        }
    }

    /// Reads one.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.key() == key)
    }
}

/// A link that works once. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of what the link has in it, hexadecimal.
    pub hash: String,
    /// Whom it is for.
    pub owner: OwnerId,
    /// What it is for.
    pub purpose: Purpose,
    /// The address it is about, where it is about one.
    pub email: Option<Email>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

/// A second factor: codes that change every 30 seconds (RFC 6238).
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The shared secret, in base32.
    pub secret: String,
    /// When its owner showed that they have it; until then it is not asked for.
    pub confirmed: Option<Timestamp>,
    /// The last step whose code was used: none works twice.
    pub last_step: i64,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for good in ["ana@example.com", "  Ana.Maria+shop@mail.example.co.uk ", "josé@exämple.de", "x@a-b.io"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@localhost",
            "ana@-x.com",
            "ana@x..com",
            "a b@example.com",
            "ana@exam ple.com",
            ".ana@x.com",
            "ana.@x.com",
            "a..b@x.com",
            "ana@@x.com",
            "Ana <ana@x.com>",
            "ana@x.com\nBcc: all@x.com",
            "ana@x.com,bo@x.com",
            "an\u{200b}a@x.com",
            "😀@x.com",
        ] {
            let faults = Email::parse(bad).expect_err(bad);
            assert_eq!(faults.0[0].field, "email");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
        assert_eq!(Email::parse("Ana@Example.COM").map(|email| email.key()), Ok("ana@example.com".into()));
    }

    #[test]
    fn scopes_are_read_with_every_fault() {
        let read = |keys: &[&str]| Scope::parse_all(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["write", "read", "write"]), Ok(vec![Scope::Read, Scope::Write]));
        assert_eq!(read(&["all", "root"]).map_err(|faults| faults.0.len()), Err(2));
        assert!(read(&[]).is_err());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let factor = SecondFactor { secret: "JBSWY3DPEHPK3PXP".into(), confirmed: None, last_step: 0 };
        assert!(!format!("{factor:?}").contains("JBSWY"));
    }
}
