//! A member's data: taken along as one file, or gone for good. Both are jobs.

use super::inside::password_is_right;
use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::mails::{self as post, Letter};
use crate::{judging, ventures};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::generations::Generation;
use domain::ids::{ArchiveId, OwnerId};
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use serde_json::{Value, json};
use std::io::{Cursor, Write as _};
pub use store::Archive;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The kind of the job that packs somebody's data.
pub(crate) const ARCHIVE: &str = "archive";
/// The kind of the job that forgets somebody.
pub(crate) const ERASE: &str = "erase";

/// How long what was packed can be fetched.
const KEPT: TimeDelta = TimeDelta::days(7);
/// Ventures read at once.
const PAGE: u64 = 50;
/// Owners put in line to be forgotten at once.
const BATCH: u64 = 500;

/// Asks for everything they have here as one file. While one is being packed, or an hour after, there is no other.
pub async fn request_archive(app: &App, who: &Caller) -> Result<()> {
    who.in_person()?;
    let (now, id) = (app.now(), ArchiveId::new());
    let tx = app.store.tenant(who.owner).await?;
    tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    if tx.archive().await?.is_some_and(|last| now - last.created < TimeDelta::hours(1)) {
        return Err(Error::conflict("your data was packed within the last hour, or is being packed; fetch that file", uuid::Uuid::nil()));
    }
    tx.insert_archive(id, now).await?;
    let payload = json!({"archive": id});
    enqueue(&tx, ARCHIVE, who.owner, id.to_string(), payload, now).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.archive-asked")).await?;
    Ok(tx.commit().await?)
}

async fn enqueue(
    tx: &store::TenantTx,
    kind: &'static str,
    owner: OwnerId,
    unique_key: String,
    payload: Value,
    now: Timestamp,
) -> Result<()> {
    let job = NewJob { kind, owner: Some(owner), unique_key, payload, priority: Priority::Free, run_at: now, now, head: None };
    tx.enqueue(&job).await?;
    Ok(())
}

/// The last file they asked for; `None` when there is none any more.
pub async fn archive(app: &App, who: &Caller) -> Result<Option<Archive>> {
    who.in_person()?;
    let now = app.now();
    let last = app.store.tenant_read(who.owner).await?.archive().await?;
    Ok(last.filter(|last| now - last.created < KEPT))
}

/// What is in that file, once it is packed.
pub async fn archive_content(app: &App, who: &Caller) -> Result<Vec<u8>> {
    let none = Error::NotFound("a file with your data");
    let Some(last) = archive(app, who).await? else { return Err(none) };
    app.store.tenant_read(who.owner).await?.archive_content(last.id).await?.ok_or(none)
}

/// Packs what a job asks for.
pub(crate) async fn make_archive(app: &App, job: &Claimed) -> Result<Verdict> {
    let id = job.payload.get("archive").and_then(|id| serde_json::from_value(id.clone()).ok());
    let (Some(id), Some(owner)) = (id, job.owner) else { return Ok(Verdict::Dead("it names no archive".into())) };
    let Some(account) = app.store.account_of(owner).await? else { return Ok(Verdict::Done) };
    let content = pack(app, owner).await?;
    let tx = app.store.tenant(owner).await?;
    if tx.fill_archive(id, &content, app.now()).await? {
        let letter = Letter::ArchiveReady { link: format!("{}/account", app.desk.public_url) };
        post::post(app, &tx, &account, &letter, &id.to_string()).await?;
        tx.commit().await?;
    }
    Ok(Verdict::Done)
}

/// Everything of one owner: the account, and each venture with its plan and every version.
async fn pack(app: &App, owner: OwnerId) -> Result<Vec<u8>> {
    let who = Caller::operator(owner);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    add(&mut zip, "account.json", &format!("{:#}", about(app, owner).await?))?;
    let mut before = None;
    loop {
        let page = ventures::list(app, &who, PAGE, before).await?;
        for venture in &page {
            let plan = ventures::plan(app, &who, venture.id).await?;
            let (document, folder) = (plan.document(), format!("ventures/{}", venture.id));
            add(&mut zip, &format!("{folder}/plan.md"), &export::markdown(&document))?;
            add(&mut zip, &format!("{folder}/plan.json"), &format!("{:#}", export::json(&document)))?;
            let mut versions = String::new();
            for section in &plan.sections {
                let tx = app.store.tenant_read(owner).await?;
                for kept in tx.versions(venture.id, &section.template.name, u64::from(u16::MAX), None).await? {
                    versions.push_str(&version(&kept).to_string());
                    versions.push('\n');
                }
            }
            add(&mut zip, &format!("{folder}/versions.jsonl"), &versions)?;
        }
        match page.last() {
            Some(last) if page.len() as u64 == PAGE => before = Some(last.id),
            _ => break,
        }
    }
    // What the functions made, which belongs to no venture.
    let mut alone = String::new();
    for made in app.store.tenant_read(owner).await?.latest_generations(u64::from(u16::MAX)).await? {
        if made.venture.is_none() && !judging::is_asking(&made) {
            alone.push_str(&version(&made).to_string());
            alone.push('\n');
        }
    }
    add(&mut zip, "generations.jsonl", &alone)?;
    Ok(zip.finish().map_err(unpacked)?.into_inner())
}

/// A generation as its owner takes it along.
fn version(made: &Generation) -> Value {
    json!({
        "section": made.section, "generation": made.id, "created": made.created, "status": made.status.key(), "model": made.model,
        "promptVersion": made.prompt_version, "input": made.input, "output": made.output, "issues": made.issues, "sources": made.sources,
    })
}

async fn about(app: &App, owner: OwnerId) -> Result<Value> {
    let tx = app.store.tenant_read(owner).await?;
    let account = tx.account().await?.ok_or(Error::NotFound("this account"))?;
    let sessions = tx.sessions().await?.into_iter().map(|session| {
        json!({"created": session.created, "seen": session.seen, "expires": session.expires, "address": session.address, "browser": session.agent})
    });
    let tokens = tx.tokens().await?.into_iter().map(|token| {
        json!({"name": token.name, "scopes": token.scopes, "created": token.created, "expires": token.expires, "used": token.used,
               "revoked": token.revoked})
    });
    let identities = tx.identities().await?.into_iter().map(|(provider, subject)| json!({"provider": provider, "subject": subject}));
    Ok(json!({
        "email": account.email, "tier": account.tier, "role": account.role, "created": account.created, "verified": account.verified,
        "sessions": sessions.collect::<Vec<_>>(), "tokens": tokens.collect::<Vec<_>>(), "identities": identities.collect::<Vec<_>>(),
    }))
}

fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, text: &str) -> Result<()> {
    zip.start_file(name, SimpleFileOptions::default()).map_err(unpacked)?;
    zip.write_all(text.as_bytes()).map_err(unpacked)
}

fn unpacked(fault: impl std::fmt::Display) -> Error {
    Error::Internal(format!("the archive cannot be packed: {fault}"))
}

/// Asks for their account to be deleted. Until the time of grace is over they can keep it.
pub async fn leave(app: &App, who: &Caller, password: &str) -> Result<()> {
    let account = who.in_person()?;
    password_is_right(app, who, password).await?;
    let (now, tx) = (app.now(), app.store.tenant(who.owner).await?);
    if account.leaving.is_some() {
        return Ok(());
    }
    tx.set_leaving(Some(now)).await?;
    tx.revoke_tokens(now).await?;
    let on = (now + app.desk.policy.grace).format("%-d %B %Y").to_string();
    let letter = Letter::Leaving { on, link: format!("{}/account", app.desk.public_url) };
    post::post(app, &tx, account, &letter, &now.timestamp().to_string()).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.leaving")).await?;
    Ok(tx.commit().await?)
}

/// Keeps an account that was to be deleted.
pub async fn keep_account(app: &App, who: &Caller) -> Result<()> {
    who.in_person()?;
    let tx = app.store.tenant(who.owner).await?;
    tx.set_leaving(None).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.kept")).await?;
    Ok(tx.commit().await?)
}

/// Puts in line whoever is to be forgotten: accounts whose grace is over, guests who did not come back; how many.
pub(crate) async fn erase_due(app: &App) -> Result<usize> {
    let (now, policy) = (app.now(), &app.desk.policy);
    let mut due = app.store.leaving_accounts(now - policy.grace, BATCH).await?;
    due.extend(app.store.abandoned_guests(now - policy.guests, BATCH).await?);
    for owner in &due {
        let key = format!("{owner}@{}", now.format("%Y-%m-%d"));
        // The program's own job: one of the owner's would be removed with everything else of theirs.
        let job = NewJob {
            kind: ERASE,
            owner: None,
            unique_key: key,
            payload: json!({"owner": owner}),
            priority: Priority::Program,
            run_at: now,
            now,
            head: None,
        };
        app.store.enqueue_own(&job).await?;
    }
    Ok(due.len())
}

/// Forgets somebody, unless they have changed their mind or come back meanwhile.
pub(crate) async fn really_erase(app: &App, job: &Claimed) -> Result<Verdict> {
    let owner = job.payload.get("owner").and_then(|owner| serde_json::from_value(owner.clone()).ok());
    let Some(owner): Option<OwnerId> = owner else { return Ok(Verdict::Dead("it names nobody".into())) };
    let (now, policy) = (app.now(), &app.desk.policy);
    let still_due = match app.store.account_of(owner).await? {
        Some(account) => account.leaving.is_some_and(|asked| asked <= now - policy.grace),
        None => app.store.tenant_read(owner).await?.guest_seen().await?.is_some_and(|seen| seen <= now - policy.guests),
    };
    if still_due {
        app.desk.mailer.forget(&app.store.tenant_read(owner).await?.own_mails().await?).await;
        app.store.erase_owner(owner).await?;
        tracing::info!(%owner, "an owner was forgotten");
    }
    Ok(Verdict::Done)
}
