//! Writes every call to a model down before it is made.

use crate::error::Error;
use crate::generations;
use crate::generations::Order;
use crate::{App, Caller};
use async_trait::async_trait;
use backon::Retryable as _;
use domain::ids::{GenerationId, OwnerId, RunId, VentureId};
use domain::jobs::Lease;
use domain::sections::SectionName;
use llm::{Journal, NotRecorded, PlannedCall};
use prompts::Template;
use std::sync::{Mutex, PoisonError};
use store::OpenCall;

/// The calls of one generation.
pub(crate) struct Records<'a> {
    app: &'a App,
    owner: OwnerId,
    generation: GenerationId,
    venture: Option<VentureId>,
    run: Option<RunId>,
    lease: Option<Lease>,
    section: SectionName,
    prompt_version: String,
    template_hash: String,
    fault: Mutex<Option<Error>>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(app: &'a App, who: &Caller, generation: GenerationId, template: &Template, order: &Order) -> Self {
        Self {
            app,
            owner: who.owner,
            generation,
            venture: order.venture,
            run: order.run,
            lease: order.lease,
            section: template.name.clone(),
            prompt_version: template.version.to_string(),
            template_hash: template.hash.clone(),
            fault: Mutex::default(),
        }
    }

    /// The calls that a job makes about something of an owner, under its lease.
    pub(crate) fn of_job(app: &'a App, generation: GenerationId, template: &Template, (owner, lease): (OwnerId, Lease)) -> Self {
        Self {
            app,
            owner,
            generation,
            venture: None,
            run: None,
            lease: Some(lease),
            section: template.name.clone(),
            prompt_version: template.version.to_string(),
            template_hash: template.hash.clone(),
            fault: Mutex::default(),
        }
    }

    /// The generation the calls are made for.
    pub(crate) const fn generation(&self) -> GenerationId {
        self.generation
    }

    /// Why a call could not be written down.
    pub(crate) fn fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn write(&self, call: PlannedCall) -> Result<(), Error> {
        let tx = self.app.store.tenant(self.owner).await?;
        // Nobody pays for a call whose answer would be refused.
        if let Some(lease) = &self.lease {
            tx.hold(lease).await?;
        }
        tx.open_call(&OpenCall {
            id: call.id,
            owner: self.owner,
            generation: self.generation,
            venture: self.venture,
            run: self.run,
            section: self.section.clone(),
            prompt_version: self.prompt_version.clone(),
            template_hash: self.template_hash.clone(),
            provider: call.provider,
            model: call.model,
            input_tokens: call.input_tokens,
            cost: call.cost,
            started: call.started,
        })
        .await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Journal for Records<'_> {
    async fn begin(&self, call: PlannedCall) -> Result<(), NotRecorded> {
        // As patient as with what was made: giving up here would throw away what was paid for before.
        let patience = generations::patience();
        let written = (|| self.write(call.clone())).retry(patience).when(|error| matches!(error, Error::Busy(_)));
        written.await.map_err(|error| {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            NotRecorded
        })
    }
}
