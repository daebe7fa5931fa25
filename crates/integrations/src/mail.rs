//! Sending mail: through a mail server, or into a folder where there is none.
//!
//! It sends once and says what came of it. When to try again, and what a mail says, is decided elsewhere.

mod letter;
mod outbox;
mod server;

use crate::error::ConfigError;
use domain::Timestamp;
use domain::mails::Mail;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How long one step of a mail server may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long all steps together may take.
const PATIENCE_IN_ALL: Duration = Duration::from_mins(1);

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mail server, such as `smtp://user:password@host:587?tls=required`, or `smtps://` for a connection that is encrypted from
    /// its beginning; without one mail is put into the outbox.
    pub smtp: Option<SecretString>,
    /// Who writes, such as `E-commerce Planner <planner@example.com>`.
    pub from: String,
    /// The folder mail is put into where there is no mail server.
    pub outbox: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { smtp: None, from: "E-commerce Planner <planner@localhost>".into(), outbox: PathBuf::from("outbox") }
    }
}

/// Where a mail went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A mail server has taken it.
    Server,
    /// It is in this file.
    Outbox(PathBuf),
}

/// Why a mail did not leave. The reason is for the log; it has neither the address nor a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Send it again later: there is no connection, the server is busy, or it does not accept our password.
    #[error("the mail could not be sent now: {0}")]
    Later(String),
    /// Sending it again leads to nothing: the server refuses this mail, or its address is none.
    #[error("the mail can never be sent: {0}")]
    Never(String),
}

/// Sends mail.
pub struct Mailer {
    from: Mailbox,
    road: Road,
}

enum Road {
    Server(AsyncSmtpTransport<Tokio1Executor>),
    Outbox(PathBuf),
}

impl Mailer {
    /// A mailer, or what is wrong with its settings. No connection is made yet. To be called inside a Tokio runtime.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let from = letter::sender(&settings.from)?;
        let road = match &settings.smtp {
            Some(url) => Road::Server(server::open(url)?.timeout(Some(PATIENCE)).build()),
            None => Road::Outbox(settings.outbox),
        };
        Ok(Self { from, road })
    }

    /// Hands a mail to the server, or puts it into the outbox.
    ///
    /// A mail that is sent again has the same Message-ID and Date, so whoever gets it twice can tell.
    pub async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let message = letter::write(&self.from, mail)?;
        match &self.road {
            Road::Server(transport) => {
                let sent = tokio::time::timeout(PATIENCE_IN_ALL, transport.send(message.clone())).await;
                let sent = sent.map_err(|_| SendError::Later("the mail server took too long".into()))?;
                sent.map_err(|error| server::refusal(&error, message.envelope()))?;
                Ok(Delivery::Server)
            }
            Road::Outbox(folder) => outbox::put(folder.clone(), outbox::name(mail), message.formatted()).await.map(Delivery::Outbox),
        }
    }

    /// Removes mails from the outbox, because whom they were for is forgotten. What a server has is not ours to remove.
    pub async fn forget(&self, mails: &[Mail]) {
        if let Road::Outbox(folder) = &self.road {
            outbox::remove(folder.clone(), mails.iter().map(outbox::name).collect()).await;
        }
    }

    /// Removes what was put into the outbox before this moment.
    pub async fn sweep(&self, before: Timestamp) {
        if let Road::Outbox(folder) = &self.road {
            outbox::sweep(folder.clone(), before).await;
        }
    }

    /// Closes the connections that are kept for the next mail. Nothing can be sent afterwards.
    pub async fn shut_down(&self) {
        if let Road::Server(transport) = &self.road {
            transport.shutdown().await;
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let road = match &self.road {
            Road::Server(_) => "server".into(),
            Road::Outbox(folder) => folder.display().to_string(),
        };
        f.debug_struct("Mailer").field("from", &self.from).field("road", &road).finish()
    }
}
