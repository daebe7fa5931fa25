//! The models that run inside the program: loaded once, when first needed; one generation at a time.

#[cfg(feature = "embedded")]
pub(crate) use with::Embedded;
#[cfg(not(feature = "embedded"))]
pub(crate) use without::Embedded;

#[cfg(feature = "embedded")]
mod with {
    use crate::ask::{Answer, Ask, Spent};
    use crate::fault::Fault;
    use crate::providers::Provider;
    use crate::settings::Settings;
    use async_trait::async_trait;
    use domain::usage::Tokens;
    use local_model::{Chat, DraftTask, Engine, Example};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::{OnceCell, Semaphore};
    use tokio::task::spawn_blocking;

    pub(crate) struct Embedded {
        settings: local_model::Settings,
        /// Whether somebody chose the file.
        chosen: bool,
        engine: OnceCell<Arc<Engine>>,
        turn: Arc<Semaphore>,
    }

    /// Stops the engine when the caller goes away.
    struct StopOnDrop(Arc<AtomicBool>);

    impl Drop for StopOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn unusable(error: &impl ToString) -> Fault {
        Fault::Embedded(error.to_string())
    }

    impl Embedded {
        /// Loads nothing yet.
        #[expect(clippy::unnecessary_wraps, reason = "a build without embedded models has none")]
        pub(crate) fn new(settings: &Settings) -> Option<Self> {
            let chosen = settings.gguf_chosen;
            let settings =
                local_model::Settings { gguf: settings.gguf.clone(), embedder: settings.embedder.clone(), threads: settings.threads };
            Some(Self { settings, chosen, engine: OnceCell::new(), turn: Arc::new(Semaphore::new(1)) })
        }

        /// One vector for each text.
        pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
            let engine = self.engine().await?;
            let texts = texts.to_vec();
            let work = spawn_blocking(move || engine.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()));
            work.await.map_err(|e| unusable(&e))?.map_err(|e| fault(&e))
        }

        async fn engine(&self) -> Result<Arc<Engine>, Fault> {
            let load = || async {
                let settings = self.settings.clone();
                let loaded = spawn_blocking(move || Engine::load(&settings)).await.map_err(|e| unusable(&e))?;
                loaded.map(Arc::new).map_err(|e| unusable(&e))
            };
            self.engine.get_or_try_init(load).await.cloned()
        }
    }

    #[async_trait]
    impl Provider for Embedded {
        async fn complete(&self, _model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
            let engine = self.engine().await?;
            let turn = self.turn.clone().acquire_owned().await.map_err(|e| unusable(&e))?;
            let stop = Arc::new(AtomicBool::new(false));
            let _stop = StopOnDrop(stop.clone());
            let ask = ask.clone();
            let work = spawn_blocking(move || {
                // The next one's turn comes when this one has really stopped.
                let _turn = turn;
                if engine.is_small() { draft(&engine, &ask, &stop) } else { complete(&engine, &ask, &stop) }
            });
            let (answer, tokens) = work.await.map_err(|e| unusable(&e))??;
            spent.tokens = tokens;
            Ok(answer)
        }

        fn own_pace(&self) -> bool {
            true
        }

        /// The loaded model's own size tells. Until then a file that somebody chose is taken for one that follows instructions, and
        /// the one that is shipped for what it is.
        fn drafts(&self) -> bool {
            self.engine.get().map_or(!self.chosen, |engine| engine.is_small())
        }

        async fn ready(&self) -> Result<(), Fault> {
            self.engine().await.map(drop)
        }
    }

    fn fault(error: &local_model::Error) -> Fault {
        if matches!(error, local_model::Error::Cancelled) { Fault::Cancelled } else { unusable(error) }
    }

    fn answered(engine: &Engine) -> Answer {
        Answer { provider: "embedded".into(), model: engine.model_name().to_owned(), ..Answer::default() }
    }

    fn draft(engine: &Engine, ask: &Ask, stop: &AtomicBool) -> Result<(Answer, Tokens), Fault> {
        let material = &ask.draft;
        let examples: Vec<Example<'_>> = material
            .examples
            .iter()
            .map(|e| Example { subject: &e.subject, currency: &e.currency, voice: &e.voice, output: &e.output, plan: &e.plan })
            .collect();
        let task = DraftTask {
            schema: &material.schema,
            examples: &examples,
            subject: &material.subject,
            voice: &material.voice,
            language: &material.language,
            currency: &material.currency,
            price_range: material.price_range.as_deref(),
            context: &material.context,
            seed: ask.seed,
        };
        let draft = engine.draft(&task, stop).map_err(|e| fault(&e))?;
        let tokens = Tokens { input: draft.prompt_tokens.into(), output: draft.completion_tokens.into(), ..Tokens::default() };
        let gaps =
            draft.gaps.iter().map(|gap| if gap.path.is_empty() { gap.reason.clone() } else { format!("{}: {}", gap.path, gap.reason) });
        let answer = Answer { value: Some(draft.output), draft_model: true, gaps: gaps.collect(), ..answered(engine) };
        Ok((answer, tokens))
    }

    fn complete(engine: &Engine, ask: &Ask, stop: &AtomicBool) -> Result<(Answer, Tokens), Fault> {
        let schema = ask.schema.as_ref().map(|s| &s.plain);
        let chat = Chat {
            system: &ask.system,
            user: &ask.user,
            schema,
            temperature: ask.temperature,
            max_tokens: ask.max_output_tokens,
            seed: ask.seed,
        };
        let done = engine.complete(&chat, stop).map_err(|e| fault(&e))?;
        let tokens = Tokens { input: done.prompt_tokens.into(), output: done.completion_tokens.into(), ..Tokens::default() };
        Ok((Answer { text: done.text, truncated: !done.finished, ..answered(engine) }, tokens))
    }
}

#[cfg(not(feature = "embedded"))]
mod without {
    use crate::ask::{Answer, Ask, Spent};
    use crate::fault::Fault;
    use crate::providers::Provider;
    use crate::settings::Settings;
    use async_trait::async_trait;

    /// A build without embedded models has none of these.
    pub(crate) enum Embedded {}

    impl Embedded {
        pub(crate) const fn new(_settings: &Settings) -> Option<Self> {
            None
        }

        #[expect(clippy::unused_async, reason = "the same signature as in a build with embedded models")]
        pub(crate) async fn embed(&self, _texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
            match *self {}
        }
    }

    #[async_trait]
    impl Provider for Embedded {
        async fn complete(&self, _model: &str, _ask: &Ask, _spent: &mut Spent) -> Result<Answer, Fault> {
            match *self {}
        }
    }
}
