//! Alerts: something the team has to look at, opened once and closed when its condition ends.

use crate::Timestamp;
use crate::ids::{AlertId, OwnerId};
use serde_json::Value;

/// One alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What it is about, such as [`Alert::MEMBER_COST`]. Stored, so it never changes.
    pub kind: String,
    /// The member it is about, if it is about one.
    pub owner: Option<OwnerId>,
    /// What tells it from others of its kind: of these one is open at a time.
    pub subject: String,
    /// Figures.
    pub detail: Value,
    /// When it was opened.
    pub opened: Timestamp,
    /// When somebody said that they look at it.
    pub acknowledged: Option<Timestamp>,
    /// When it ended.
    pub closed: Option<Timestamp>,
}

impl Alert {
    /// A member of the free tier cost more in a day than they may.
    pub const MEMBER_COST: &str = "member-cost";
    /// A process does not serve the release it should, or serves it with other files than were deployed.
    pub const RELEASE: &str = "release";
}
