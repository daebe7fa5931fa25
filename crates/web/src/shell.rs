//! What every page has around it: who is signed in, what they have left, and the token its forms carry.

use crate::views::day;
use crate::visitors::Visitor;
use app::{App, quotas};
use chrono::{DateTime, TimeDelta, Utc};
use domain::quotas::Quota;
use domain::roles::Right;

/// What surrounds a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shell {
    /// What every form on the page sends along as `csrf`.
    pub(crate) csrf: String,
    /// Who is signed in.
    pub(crate) member: Option<MemberView>,
    /// What is left of their quota, on pages where that matters.
    pub(crate) quota: Option<QuotaView>,
}

/// Somebody signed in, as the head of a page shows them.
#[derive(Debug, Clone)]
pub(crate) struct MemberView {
    pub(crate) email: String,
    pub(crate) tier: &'static str,
    /// The address is still to be confirmed.
    pub(crate) unverified: bool,
    /// The day on which the account will be gone.
    pub(crate) leaving: Option<String>,
    /// Until when the cost guard holds them.
    pub(crate) limited_until: Option<String>,
    /// What of the team's pages they may see.
    pub(crate) rights: StaffLinks,
}

/// Which of the team's pages somebody may see.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a link that is shown or not")]
pub(crate) struct StaffLinks {
    pub(crate) any: bool,
    pub(crate) customers: bool,
    pub(crate) metrics: bool,
    pub(crate) quality: bool,
    pub(crate) prompts: bool,
    pub(crate) edits: bool,
    pub(crate) admin: bool,
}

/// A quota in words.
#[derive(Debug, Clone)]
pub(crate) struct QuotaView {
    /// `None` when there is no limit.
    pub(crate) left: Option<u32>,
    pub(crate) allowed: String,
    pub(crate) used: u32,
    /// When something comes back, as people read it.
    pub(crate) next_back: Option<String>,
    /// The same for programs.
    pub(crate) next_back_at: Option<String>,
}

impl From<Quota> for QuotaView {
    fn from(quota: Quota) -> Self {
        Self {
            left: quota.left(),
            allowed: quota.allowed.to_string(),
            used: quota.used,
            next_back: quota.next_back.map(clock),
            next_back_at: quota.next_back.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        }
    }
}

/// A moment as people read it: the day is said where it is not within hours.
pub(crate) fn clock(at: DateTime<Utc>) -> String {
    let far = at - Utc::now() > TimeDelta::hours(12);
    at.format(if far { "%H:%M UTC on %-d %B" } else { "%H:%M UTC" }).to_string()
}

impl Shell {
    /// Around a page that knows nobody.
    pub(crate) fn nobody() -> Self {
        Self::default()
    }

    /// Around a page for this visitor.
    pub(crate) fn of(app: &App, visitor: &Visitor) -> Self {
        let caller = &visitor.caller;
        let member = caller.account().map(|account| MemberView {
            email: account.email.to_string(),
            tier: account.tier.name(),
            unverified: account.verified.is_none(),
            leaving: account.leaving.map(|asked| day(asked + app::accounts::grace(app))),
            limited_until: account.limited_until.filter(|until| *until > app.now()).map(|at| at.format("%H:%M UTC on %-d %B").to_string()),
            rights: StaffLinks {
                any: account.role.is_some(),
                customers: caller.has(app, Right::ViewCustomers),
                metrics: caller.has(app, Right::ViewMetrics),
                quality: caller.has(app, Right::ViewMetrics) && caller.has(app, Right::ViewPrompts),
                prompts: caller.has(app, Right::ViewPrompts),
                edits: caller.has(app, Right::EditPrompts),
                admin: caller.has(app, Right::Administer),
            },
        });
        Self { csrf: visitor.form_token.clone(), member, quota: None }
    }

    /// Whether who looks may open a customer's page.
    pub(crate) fn sees_customers(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.rights.customers)
    }

    /// The same with what is left of their quota.
    pub(crate) async fn with_quota(app: &App, visitor: &Visitor) -> app::Result<Self> {
        let quota = quotas::standing(app, &visitor.caller).await?.map(QuotaView::from);
        Ok(Self { quota, ..Self::of(app, visitor) })
    }
}
