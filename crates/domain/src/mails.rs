//! Mail to members: written when something happens, sent by a job.

use crate::Timestamp;
use crate::accounts::Email;
use crate::ids::{MailId, OwnerId};
use std::fmt;

/// One mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// Who gets it.
    pub owner: OwnerId,
    /// What it is, such as `verify`.
    pub kind: String,
    /// Of all with the same key only the first is sent.
    pub unique_key: String,
    /// Where it goes.
    pub to: Email,
    /// Its subject.
    pub subject: String,
    /// Its plain part; empty once it was handed over to a mail server.
    pub text: String,
    /// Its HTML part; empty once it was handed over to a mail server.
    pub html: String,
    /// When it was written.
    pub created: Timestamp,
    /// When it was sent, or put into the outbox.
    pub sent: Option<Timestamp>,
}

impl fmt::Debug for Mail {
    /// Without what it says: a link in it may open an account.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("kind", &self.kind).field("sent", &self.sent).finish_non_exhaustive()
    }
}
