//! The steps of a review: each is one transaction that says who did it, to which revision, and tells whoever has to act next.

use super::{files, keep, locked, up_to_date};
use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::releases;
use domain::ids::{CommentId, ProposalId};
use domain::proposals::{Comment, Proposal, Refusal, said};
use domain::roles::{Environment, Right};
use store::TeamTx;

/// Asks for a review. Its files could become a release today.
pub async fn submit(app: &App, who: &Caller, id: ProposalId) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let (tx, before) = locked(app, id).await?;
    let after = before.clone().submit(app.now())?;
    let files = tx.files(id, before.revision).await?;
    files::checked(app, &files)?;
    up_to_date(app, &tx, &before, &files).await?;
    keep(app, &tx, who, (&before, &after), None).await?;
    tx.commit().await?;
    Ok(after)
}

/// Says something about a proposal.
pub async fn comment(app: &App, who: &Caller, id: ProposalId, text: &str) -> Result<Comment> {
    who.may(app, Right::ViewPrompts)?;
    let text = said("text", text)?;
    let (tx, proposal) = locked(app, id).await?;
    let comment = remark(app, who, &proposal, text, None);
    tx.insert_comment(&comment).await?;
    tx.commit().await?;
    Ok(comment)
}

fn remark(app: &App, who: &Caller, proposal: &Proposal, text: String, step: Option<&str>) -> Comment {
    let (id, by, at) = (CommentId::new(), who.actor(), app.now());
    Comment { id, proposal: proposal.id, revision: proposal.revision, by, at, step: step.map(str::to_owned), text }
}

/// A verdict on what somebody has read: refused when there is another revision by now.
async fn verdict(
    app: &App,
    who: &Caller,
    (id, seen, text): (ProposalId, u32, &str),
    step: impl FnOnce(Proposal) -> std::result::Result<Proposal, Refusal>,
) -> Result<Proposal> {
    let (tx, before) = locked(app, id).await?;
    has_read(&before, seen)?;
    let after = step(before.clone())?;
    end(app, &tx, who, (&before, &after), text).await?;
    tx.commit().await?;
    Ok(after)
}

fn has_read(proposal: &Proposal, seen: u32) -> Result<()> {
    if proposal.revision == seen {
        return Ok(());
    }
    let reason = format!("there is revision {} by now, and you have read {seen}; read it, then decide", proposal.revision);
    Err(Error::conflict(&reason, proposal.id.0))
}

/// The same of what is in staging: nobody points that elsewhere meanwhile.
async fn in_turn(app: &App, id: ProposalId, seen: u32) -> Result<(TeamTx, u64, Proposal)> {
    let tx = app.store.team().await?;
    let number = tx.take_turn().await?;
    let before = tx.locked_proposal(id).await?.ok_or(Error::NotFound("this proposal"))?;
    has_read(&before, seen)?;
    Ok((tx, number, before))
}

async fn end(app: &App, tx: &TeamTx, who: &Caller, (before, after): (&Proposal, &Proposal), text: &str) -> Result<()> {
    // A verdict without words is one too.
    tx.insert_comment(&remark(app, who, after, text.to_owned(), Some(after.state.key()))).await?;
    let reason = (!text.is_empty()).then(|| text.to_owned());
    keep(app, tx, who, (before, after), reason).await
}

/// What somebody adds to a verdict that needs no words.
fn perhaps(text: &str) -> Result<String> {
    if text.trim().is_empty() { Ok(String::new()) } else { Ok(said("text", text)?) }
}

/// Finds a proposal good that somebody else has written. Whoever may deploy to staging reviews.
pub async fn approve(app: &App, who: &Caller, id: ProposalId, seen: u32, text: &str) -> Result<Proposal> {
    who.may(app, Right::Deploy(Environment::Staging))?;
    let (text, by, now) = (perhaps(text)?, who.actor(), app.now());
    verdict(app, who, (id, seen, &text), |proposal| proposal.approve(by, now)).await
}

/// Asks for changes, and says which.
pub async fn request_changes(app: &App, who: &Caller, id: ProposalId, seen: u32, text: &str) -> Result<Proposal> {
    who.may(app, Right::Deploy(Environment::Staging))?;
    let (text, by, now) = (said("text", text)?, who.actor(), app.now());
    verdict(app, who, (id, seen, &text), |proposal| proposal.request_changes(by, now)).await
}

/// Says that somebody else's proposal does in staging what it should, which staging has to serve.
pub async fn accept(app: &App, who: &Caller, id: ProposalId, seen: u32, text: &str) -> Result<Proposal> {
    who.may(app, Right::ViewPrompts)?;
    let text = perhaps(text)?;
    let (tx, _, before) = in_turn(app, id, seen).await?;
    let after = before.clone().accept(who.actor(), app.now())?;
    releases::is_in_staging(app, &tx, &before).await?;
    end(app, &tx, who, (&before, &after), &text).await?;
    tx.commit().await?;
    Ok(after)
}

/// Sends somebody else's proposal back from staging, and says why; staging gets back what it had.
pub async fn reject(app: &App, who: &Caller, id: ProposalId, seen: u32, text: &str) -> Result<Proposal> {
    who.may(app, Right::ViewPrompts)?;
    let text = said("text", text)?;
    let (tx, number, before) = in_turn(app, id, seen).await?;
    let after = before.clone().reject(who.actor(), app.now(), &text)?;
    end(app, &tx, who, (&before, &after), &text).await?;
    releases::leave_staging(app, &tx, who, number, (&before, &text)).await?;
    tx.commit().await?;
    Ok(after)
}

/// Gives a proposal up.
pub async fn withdraw(app: &App, who: &Caller, id: ProposalId) -> Result<Proposal> {
    who.may(app, Right::EditPrompts)?;
    let (tx, before) = locked(app, id).await?;
    let after = before.clone().withdraw(who.actor(), app.now())?;
    keep(app, &tx, who, (&before, &after), None).await?;
    tx.commit().await?;
    Ok(after)
}
