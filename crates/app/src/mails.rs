//! Mail: written with the transaction that gives a reason for it, sent by a job, once.

use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use askama::Template as _;
use chrono::TimeDelta;
use domain::accounts::Account;
use domain::ids::MailId;
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use domain::mails::Mail;
use domain::roles::Right;
use integrations::mail::{Delivery, SendError};
use serde_json::{Value, json};
use store::TenantTx;

/// The kind of the job that sends one.
pub(crate) const KIND: &str = "mail";

/// When a mail is given up that no server takes.
const GIVEN_UP: TimeDelta = TimeDelta::days(3);

/// What is written to somebody.
pub(crate) enum Letter {
    /// Proves that the address is theirs.
    Verify { link: String },
    /// Sets a new password.
    Reset { link: String },
    /// Proves that another address is theirs.
    ChangeEmail { link: String },
    /// Something about their account has changed.
    Notice { what: String, link: String },
    /// The address this is sent to belongs to their account no more.
    EmailChanged { link: String },
    /// What they asked to take along is ready.
    ArchiveReady { link: String },
    /// Their account will be gone.
    Leaving { on: String, link: String },
    /// A proposal has got somewhere, and they have to act on it or have written it.
    Proposal { title: String, version: String, state: &'static str, next: &'static str, link: String },
}

#[derive(askama::Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct Plain<'a> {
    heading: &'a str,
    lines: &'a [String],
    action: Option<(&'a str, &'a str)>,
    closing: &'a str,
    home: &'a str,
}

#[derive(askama::Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    heading: &'a str,
    lines: &'a [String],
    action: Option<(&'a str, &'a str)>,
    closing: &'a str,
    home: &'a str,
}

/// A letter in words.
struct Words<'a> {
    heading: &'static str,
    lines: Vec<String>,
    action: (&'static str, &'a str),
    closing: &'static str,
}

const NOT_YOU: &str = "If it was not you who asked for this, do nothing: the link ends by itself and nothing changes.";

impl Letter {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Verify { .. } => "verify",
            Self::Reset { .. } => "reset",
            Self::ChangeEmail { .. } => "change-email",
            Self::Notice { .. } => "notice",
            Self::EmailChanged { .. } => "email-changed",
            Self::ArchiveReady { .. } => "archive-ready",
            Self::Leaving { .. } => "leaving",
            Self::Proposal { .. } => "proposal",
        }
    }

    fn words(&self) -> Words<'_> {
        let words = |heading, lines: &[&str], action, closing| Words {
            heading,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            action,
            closing,
        };
        match self {
            Self::Verify { link } => words(
                "Confirm your e-mail address",
                &["Open the link below to confirm that this address is yours. It works once, for three days."],
                ("Confirm my address", link.as_str()),
                NOT_YOU,
            ),
            Self::Reset { link } => words(
                "Set a new password",
                &["Somebody, hopefully you, asked for a new password for your account. The link below works once, for one hour."],
                ("Set a new password", link.as_str()),
                NOT_YOU,
            ),
            Self::ChangeEmail { link } => words(
                "Confirm your new e-mail address",
                &["Open the link below to make this the address of your account. It works once, for one day."],
                ("Use this address", link.as_str()),
                NOT_YOU,
            ),
            Self::Notice { what, link } => words(
                "Something about your account has changed",
                &[what],
                ("Set a new password", link.as_str()),
                "If it was not you, set a new password at once and answer to whoever runs this service.",
            ),
            Self::EmailChanged { link } => words(
                "Your account has another e-mail address",
                &[
                    "The e-mail address of your account was changed. This one does not belong to it any more, and links that were sent here do nothing now.",
                ],
                ("Go to the service", link.as_str()),
                "If it was not you, answer at once to whoever runs this service: nobody else can give the account back to you.",
            ),
            Self::ArchiveReady { link } => words(
                "Your data is ready",
                &["Everything you have here is packed into one file. You can fetch it on your account page for seven days."],
                ("Go to my account", link.as_str()),
                "You get this because you asked for your data.",
            ),
            Self::Leaving { on, link } => words(
                "Your account will be deleted",
                &[&format!("On {on} your account and everything made with it will be deleted for good. Until then you can keep it.")],
                ("Keep my account", link.as_str()),
                "You get this because you asked for your account to be deleted.",
            ),
            Self::Proposal { title, version, state, next, link } => words(
                "A change to the prompts waits for the team",
                &[&format!("{title} (release {version})"), &format!("{state}. {next}")],
                ("Look at the proposal", link.as_str()),
                "You get this because of your role in the team.",
            ),
        }
    }
}

/// Writes a letter and puts it in line to be sent, with the rest of the transaction. Of all with the same key one is sent.
pub(crate) async fn post(app: &App, tx: &TenantTx, to: &Account, letter: &Letter, key: &str) -> Result<()> {
    let Words { heading, lines, action, closing } = letter.words();
    let (home, action, lines) = (app.desk.public_url.as_str(), Some(action), lines.as_slice());
    let broken = |fault: askama::Error| Error::Internal(format!("a letter cannot be written: {fault}"));
    let now = app.now();
    let mail = Mail {
        id: MailId::new(),
        owner: to.owner,
        kind: letter.kind().to_owned(),
        unique_key: format!("{}:{}:{key}", letter.kind(), to.owner),
        to: to.email.clone(),
        subject: heading.to_owned(),
        text: Plain { heading, lines, action, closing, home }.render().map_err(broken)?,
        html: Html { heading, lines, action, closing, home }.render().map_err(broken)?,
        created: now,
        sent: None,
    };
    if !tx.insert_mail(&mail).await? {
        return Ok(());
    }
    let (unique_key, payload) = (mail.id.to_string(), json!({"mail": mail.id}));
    let job = NewJob { kind: KIND, owner: Some(to.owner), unique_key, payload, priority: Priority::Program, run_at: now, now, head: None };
    tx.enqueue(&job).await?;
    Ok(())
}

/// Sends the mail of a job. It may be sent twice when a process dies in between; its Message-ID is the same then.
pub(crate) async fn deliver(app: &App, job: &Claimed) -> Result<Verdict> {
    let id = job.payload.get("mail").and_then(|id| serde_json::from_value(id.clone()).ok());
    let Some(id) = id else { return Ok(Verdict::Dead("it names no mail".into())) };
    // Its member may be gone by now.
    let Some(mail) = app.store.mail(id).await?.filter(|mail| mail.sent.is_none()) else { return Ok(Verdict::Done) };
    let delivery = match app.desk.mailer.send(&mail).await {
        Ok(delivery) => delivery,
        // A server may be away for long, or greet strangers slowly: the older the mail, the longer until the next attempt.
        Err(SendError::Later(reason)) => {
            let (now, age) = (app.now(), app.now() - mail.created);
            if age > GIVEN_UP {
                return Ok(Verdict::Dead(reason));
            }
            return Ok(Verdict::At { at: now + age.clamp(TimeDelta::seconds(15), TimeDelta::hours(1)), reason });
        }
        Err(SendError::Never(reason)) => return Ok(Verdict::Dead(reason)),
    };
    // What a mail server has is not kept here: a link in it opens an account.
    app.store.set_mail_sent(id, app.now(), matches!(delivery, Delivery::Server)).await?;
    tracing::info!(mail = %id, kind = mail.kind, "mail sent");
    Ok(Verdict::Done)
}

/// The mail of the place, newest first; the next page is what comes `before` the last of this one. For tech leads.
pub async fn list(app: &App, who: &Caller, limit: u64, before: Option<MailId>) -> Result<Vec<Mail>> {
    who.may(app, Right::Administer)?;
    Ok(app.store.mails(limit, before).await?)
}

/// One mail. For tech leads.
///
/// That somebody read it is written down: a link in it may open an account.
pub async fn get(app: &App, who: &Caller, id: MailId) -> Result<Mail> {
    who.may(app, Right::Administer)?;
    let mail = app.store.mail(id).await?.ok_or(Error::NotFound("this mail"))?;
    let tx = app.store.tenant(mail.owner).await?;
    let act = Act::on(mail.owner, "mail.read").change(Value::Null, json!({"mail": id, "kind": mail.kind}));
    audit::write(app, &tx, who, act).await?;
    tx.commit().await?;
    Ok(mail)
}
