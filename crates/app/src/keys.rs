//! Keys of repeated requests: the same request with the same key makes one thing, however often it is sent.

use crate::App;
use crate::callers::Caller;
use crate::error::{Error, Result};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::faults::{Fault, Faults};
use sha2::{Digest as _, Sha256};
use store::{Kept, TenantTx};
use uuid::Uuid;

/// A request that is still at work after this long has died.
const AT_WORK: TimeDelta = TimeDelta::minutes(15);

/// The key of a request, with a fingerprint of what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    key: String,
    fingerprint: String,
}

impl RequestKey {
    /// Reads a key as it was sent: 1 to 200 printable ASCII characters. `what` is the kind of request, `body` what was asked.
    pub fn read(key: &str, what: &str, body: &[u8]) -> std::result::Result<Self, Faults> {
        let key = key.trim();
        if key.is_empty() || key.len() > 200 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::new("Idempotency-Key", "must have 1 to 200 printable ASCII characters without spaces").into());
        }
        let mut hash = Sha256::new();
        hash.update(what.as_bytes());
        hash.update([0]);
        hash.update(body);
        Ok(Self { key: key.to_owned(), fingerprint: hex::encode(hash.finalize()) })
    }
}

/// Keeps the key of a request; what the same request has made before, if it has.
pub(crate) async fn keep(tx: &TenantTx, key: Option<&RequestKey>, now: Timestamp) -> Result<Option<Uuid>> {
    let Some(RequestKey { key, fingerprint }) = key else { return Ok(None) };
    match tx.keep_key(key, fingerprint, now).await? {
        Kept::New => Ok(None),
        Kept::Made(made) => Ok(Some(made)),
        Kept::Begun { since } if now - since > AT_WORK && tx.take_key_over(key, since, now).await? => Ok(None),
        Kept::Begun { .. } => Err(Error::conflict("the same request is still at work; ask again in a moment", Uuid::nil())),
        Kept::Other => Err(Error::conflict("this Idempotency-Key was used for another request; use a new one", Uuid::nil())),
    }
}

/// What came of a request that may be sent again.
pub(crate) enum Once<T> {
    /// The same request has made this before.
    Before(Uuid),
    /// It was done now.
    Now(T),
}

/// Does what a request asks for, once under its key: sent again, it is answered with what it `made` the first time. One that fails can be
/// sent again under the same key. Who asks may hang up meanwhile: what is begun is brought to its end, and is there when they ask again.
pub(crate) async fn once<T: Send + 'static>(
    app: &App,
    who: &Caller,
    key: Option<&RequestKey>,
    act: impl Future<Output = Result<T>> + Send + 'static,
    made: impl Fn(&T) -> Uuid + Send + 'static,
) -> Result<Once<T>> {
    let act = Box::pin(act);
    let Some(key) = key.cloned() else { return Ok(Once::Now(act.await?)) };
    let (app, owner) = (app.clone(), who.owner);
    let tasks = app.tasks.clone();
    let work = tasks.spawn(async move {
        let tx = app.store.tenant(owner).await?;
        let before = keep(&tx, Some(&key), app.now()).await?;
        tx.commit().await?;
        if let Some(before) = before {
            return Ok(Once::Before(before));
        }
        let done = act.await;
        let tx = app.store.tenant(owner).await?;
        match &done {
            Ok(done) => answer(&tx, Some(&key), made(done)).await?,
            Err(_) => forget(&tx, Some(&key)).await?,
        }
        tx.commit().await?;
        Ok(Once::Now(done?))
    });
    work.await.map_err(|died| Error::Internal(died.to_string()))?
}

/// Says what the request has made.
pub(crate) async fn answer(tx: &TenantTx, key: Option<&RequestKey>, made: Uuid) -> Result<()> {
    match key {
        Some(key) => Ok(tx.answer_key(&key.key, made).await?),
        None => Ok(()),
    }
}

/// Forgets the key of a request that made nothing, so that it can be sent again.
pub(crate) async fn forget(tx: &TenantTx, key: Option<&RequestKey>) -> Result<()> {
    match key {
        Some(key) => Ok(tx.drop_key(&key.key).await?),
        None => Ok(()),
    }
}
