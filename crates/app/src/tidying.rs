//! What the program clears up by itself, every hour: ended jobs, old keys of repeated requests, calls whose process died, takes out of
//! quotas, sessions, links, mail and archives that have had their time, and whoever is to be forgotten.

use crate::App;
use crate::error::Result;
use crate::{accounts, lost_calls};
use chrono::TimeDelta;

/// The kind of its job.
pub(crate) const KIND: &str = "tidy";

/// How long an ended job can be looked at.
const JOBS: TimeDelta = TimeDelta::days(7);
/// How long the same request finds what the first one made.
const KEYS: TimeDelta = TimeDelta::hours(24);
/// The cost guard looks at a day, the quota at an hour.
const TAKES: TimeDelta = TimeDelta::hours(25);
/// How long mail, ended links and packed data can be looked at.
const WEEK: TimeDelta = TimeDelta::days(7);
/// No call takes longer than this: a model on this machine is given a day.
const CALLS: TimeDelta = TimeDelta::hours(25);

pub(crate) async fn tidy(app: &App) -> Result<()> {
    let now = app.now();
    // First, so that nothing that fails below keeps anybody here.
    let leaving = accounts::erase_due(app).await?;
    let jobs = app.store.forget_jobs(now - JOBS).await?;
    let keys = app.store.forget_keys(now - KEYS).await?;
    let lost = app.store.lost_calls(now - CALLS, 1000).await?;
    let calls = lost.len();
    lost_calls::settle(app, lost, None).await?;
    let takes = app.store.forget_takes(now - TAKES).await?;
    let sessions = app.store.forget_sessions(now).await? + app.store.forget_links(now - WEEK).await?;
    let kept = app.store.forget_mails(now - WEEK).await? + app.store.forget_archives(now - WEEK).await?;
    app.desk.mailer.sweep(now - WEEK).await;
    tracing::info!(jobs, keys, calls, takes, sessions, kept, leaving, "tidied up");
    Ok(())
}
