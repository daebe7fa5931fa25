//! The addresses of pages and assets, in one place.

use crate::assets;
use domain::ids::{AlertId, EvalId, GenerationId, MailId, OwnerId, ProposalId, SessionId, TokenId, VentureId};

pub(crate) const ACCOUNT: &str = "/account";
pub(crate) const SECOND_STEP: &str = "/account/second-step";
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const STAFF: &str = "/staff";
pub(crate) const MEMBERS: &str = "/staff/members";
pub(crate) const AUDIT: &str = "/staff/audit";
pub(crate) const MAIL: &str = "/staff/mail";
pub(crate) const ALERTS: &str = "/staff/alerts";
pub(crate) const QUALITY: &str = "/staff/quality";
pub(crate) const REVIEWS: &str = "/staff/reviews";
pub(crate) const DECISIONS: &str = "/staff/decisions";
pub(crate) const PROMPTS: &str = "/staff/prompts";
pub(crate) const PROPOSALS: &str = "/staff/prompts/proposals";
pub(crate) const NEW_PROPOSAL: &str = "/staff/prompts/proposals/new";
pub(crate) const RELEASES: &str = "/staff/releases";
pub(crate) const VENTURES: &str = "/ventures";

pub(crate) fn venture(id: VentureId) -> String {
    format!("{VENTURES}/{id}")
}

pub(crate) fn session(id: SessionId) -> String {
    format!("{ACCOUNT}/sessions/{id}/end")
}

pub(crate) fn token(id: TokenId) -> String {
    format!("{ACCOUNT}/tokens/{id}/revoke")
}

pub(crate) fn member(owner: OwnerId) -> String {
    format!("{MEMBERS}/{owner}")
}

pub(crate) fn mail(id: MailId) -> String {
    format!("{MAIL}/{id}")
}

pub(crate) fn alert(id: AlertId) -> String {
    format!("{ALERTS}/{id}/acknowledge")
}

pub(crate) fn review(id: GenerationId) -> String {
    format!("{REVIEWS}/{id}")
}

pub(crate) fn prompt(name: &str) -> String {
    format!("{PROMPTS}/{name}")
}

pub(crate) fn proposal(id: ProposalId) -> String {
    format!("{PROPOSALS}/{id}")
}

/// Where a change to a template begins.
pub(crate) fn propose(name: &str) -> String {
    with(NEW_PROPOSAL, &[("template", name)])
}

pub(crate) fn release(version: &str) -> String {
    format!("{RELEASES}/{version}")
}

pub(crate) fn eval(id: EvalId) -> String {
    format!("/staff/evals/{id}")
}

/// The account page, which says that something was done.
pub(crate) fn account_after(done: &str) -> String {
    with(ACCOUNT, &[("done", done)])
}

/// Where somebody signs in who wants to go on there afterwards.
pub(crate) fn sign_in_then(next: &str) -> String {
    with(SIGN_IN, &[("next", next)])
}

/// Where somebody makes an account who wants to go on there afterwards.
pub(crate) fn sign_up_then(next: &str) -> String {
    with("/sign-up", &[("next", next)])
}

/// The lines of the audit log about one action.
pub(crate) fn audit_of(action: &str) -> String {
    with(AUDIT, &[("action", action)])
}

/// An address with a question behind it; what was not asked is left out.
pub(crate) fn with(path: &str, asked: &[(&str, &str)]) -> String {
    let given: Vec<_> = asked.iter().filter(|(_, value)| !value.is_empty()).collect();
    match serde_html_form::to_string(&given) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

/// Where to go on after signing in: only a page of ours. Browsers read a second slash, and a backslash, as the begin of another host,
/// and leave out tabs and line ends while they look.
pub(crate) fn next(asked: &str) -> Option<&str> {
    let ours = asked.starts_with('/') && !asked.starts_with("//") && !asked.contains('\\') && !asked.chars().any(char::is_control);
    ours.then_some(asked)
}

/// An asset's address changes with its content, so browsers may keep it for good.
pub(crate) fn asset(name: &str) -> String {
    assets::hash(name).map_or_else(|| format!("/assets/{name}"), |hash| format!("/assets/{hash}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for ours in ["/", "/ventures", "/account?done=password#password", "/staff/members?search=a%40b"] {
            assert_eq!(next(ours), Some(ours));
        }
        for foreign in ["", "ventures", "//evil.example", "https://evil.example", "/\\evil.example", "/a\\b", "/\t/evil.example", "\n/x"] {
            assert_eq!(next(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn what_was_not_asked_is_left_out() {
        assert_eq!(with("/staff/members", &[("search", ""), ("before", "")]), "/staff/members");
        assert_eq!(with("/sign-in", &[("next", "/a?b=c&d"), ("x", "")]), "/sign-in?next=%2Fa%3Fb%3Dc%26d");
    }
}
