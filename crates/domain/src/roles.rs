//! The team: roles, and the rights each has. What is not written here nobody may do.

use serde::{Deserialize, Serialize};

/// Somebody's place in the team. The keys are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Builds what is around the prompts.
    Developer,
    /// Writes the prompts.
    PromptEngineer,
    /// Answers for production.
    TechLead,
    /// Watches how it does.
    ProductManager,
    /// Helps customers.
    SupportAgent,
}

/// Where prompts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Where they are tried.
    Staging,
    /// Where customers are.
    Production,
}

/// Something only the team may do, and not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Read the prompts.
    ViewPrompts,
    /// Propose changes to them.
    EditPrompts,
    /// Point an environment at a release.
    Deploy(Environment),
    /// See figures of quality and cost.
    ViewMetrics,
    /// See a customer's own generations and quota, without cost and prompts.
    ViewCustomers,
    /// Set aside a rule that protects the service, with a reason.
    OverrideSafety,
    /// Give and take tiers and roles, read the mail and the audit log.
    Administer,
}

impl Right {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::ViewPrompts,
        Self::EditPrompts,
        Self::Deploy(Environment::Staging),
        Self::Deploy(Environment::Production),
        Self::ViewMetrics,
        Self::ViewCustomers,
        Self::OverrideSafety,
        Self::Administer,
    ];

    /// What it lets somebody do, to be read after "may".
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::ViewPrompts => "view prompts",
            Self::EditPrompts => "edit prompts",
            Self::Deploy(Environment::Staging) => "deploy prompts to staging",
            Self::Deploy(Environment::Production) => "deploy prompts to production",
            Self::ViewMetrics => "view metrics",
            Self::ViewCustomers => "view a customer's generations and quota",
            Self::OverrideSafety => "override safety",
            Self::Administer => "administer accounts",
        }
    }
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Developer, Self::PromptEngineer, Self::TechLead, Self::ProductManager, Self::SupportAgent];

    /// As it is stored and written on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::PromptEngineer => "prompt-engineer",
            Self::TechLead => "tech-lead",
            Self::ProductManager => "product-manager",
            Self::SupportAgent => "support-agent",
        }
    }

    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Developer => "Developer",
            Self::PromptEngineer => "Prompt engineer",
            Self::TechLead => "Tech lead",
            Self::ProductManager => "Product manager",
            Self::SupportAgent => "Support agent",
        }
    }

    /// Reads one.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }

    /// Whether this role has the right.
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::ViewPrompts => matches!(self, Self::Developer | Self::PromptEngineer | Self::TechLead | Self::ProductManager),
            Right::EditPrompts => matches!(self, Self::Developer | Self::PromptEngineer | Self::TechLead),
            Right::Deploy(Environment::Staging) => matches!(self, Self::PromptEngineer | Self::TechLead),
            Right::ViewMetrics => matches!(self, Self::Developer | Self::PromptEngineer | Self::TechLead | Self::ProductManager),
            Right::ViewCustomers => matches!(self, Self::SupportAgent | Self::TechLead),
            Right::Deploy(Environment::Production) | Right::OverrideSafety | Right::Administer => matches!(self, Self::TechLead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as the product's description has it: view, edit, staging, production, metrics, override.
    #[test]
    fn the_rights_are_those_of_the_table() {
        let table = [
            (Role::Developer, [true, true, false, false, true, false]),
            (Role::PromptEngineer, [true, true, true, false, true, false]),
            (Role::TechLead, [true, true, true, true, true, true]),
            (Role::ProductManager, [true, false, false, false, true, false]),
            (Role::SupportAgent, [false, false, false, false, false, false]),
        ];
        let columns = [
            Right::ViewPrompts,
            Right::EditPrompts,
            Right::Deploy(Environment::Staging),
            Right::Deploy(Environment::Production),
            Right::ViewMetrics,
            Right::OverrideSafety,
        ];
        for (role, rights) in table {
            for (right, has) in columns.into_iter().zip(rights) {
                assert_eq!(role.may(right), has, "{role:?} {right:?}");
            }
        }
        // Limited: a customer's own generations and quota.
        assert!(Role::SupportAgent.may(Right::ViewCustomers));
    }

    #[test]
    fn keys_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_key(role.key()), Some(role));
        }
        assert_eq!(Role::from_key("root"), None);
    }
}
