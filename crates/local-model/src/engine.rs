//! The loaded models, and the one door to them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;

use crate::embed::Embedder;
use crate::{Chat, Completion, Draft, DraftTask, Error, chat, draft};

/// A model below this many parameters cannot be asked for a whole object.
const SMALL: u64 = 1_000_000_000;
/// No language model in GGUF form is smaller than this; a page of HTML saved under its name is.
const SMALLEST_FILE: u64 = 1024;

/// Tokens of a trial, and how long its outcome is believed.
const TRIAL: u32 = 24;
const TRIAL_HOLDS: Duration = Duration::from_secs(20);

/// llama.cpp may be initialised once in a process and is never let go.
static BACKEND: LazyLock<Result<LlamaBackend, String>> = LazyLock::new(|| {
    let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
    backend.void_logs();
    Ok(backend)
});

/// Where the models lie and how many threads they may use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The language model, one GGUF file.
    pub gguf: PathBuf,
    /// The embedder's directory: `config.json`, `tokenizer.json`, `model.safetensors`.
    pub embedder: PathBuf,
    /// Threads of one generation.
    pub threads: u32,
}

/// Both models, loaded once for the life of the program. One generation runs at a time; others wait their turn.
pub struct Engine {
    loaded: Mutex<Loaded>,
    embedder: Embedder,
    name: String,
    small: bool,
}

/// What a generation needs of the language model.
pub(crate) struct Loaded {
    pub backend: &'static LlamaBackend,
    pub model: LlamaModel,
    pub tokens: llguidance::toktrie::TokEnv,
    pub threads: u32,
    /// When the threads were last tried, how many won, and the time of one thread for a token.
    pub last_trial: Mutex<Option<(Instant, u32, Duration)>>,
}

impl Engine {
    /// Loads both models, a second or less. Files that are absent, foreign or cut short are told apart before llama.cpp
    /// sees them.
    pub fn load(settings: &Settings) -> Result<Self, Error> {
        check_cpu()?;
        check_gguf(&settings.gguf)?;
        let embedder = Embedder::load(&settings.embedder)?;
        let backend = BACKEND.as_ref().map_err(Error::engine)?;
        let model = LlamaModel::load_from_file(backend, &settings.gguf, &LlamaModelParams::default()).map_err(|_| {
            let reason = "llama.cpp does not read it, so it is damaged, cut short or of an unknown architecture".to_owned();
            Error::Corrupt { path: settings.gguf.clone(), reason }
        })?;
        let name = name_of(&model, &settings.gguf);
        let small = model.n_params() < SMALL;
        let tokens = LlamaSampler::llguidance_tok_env(&model);
        tracing::debug!(%name, parameters = model.n_params(), "the embedded model is loaded");
        let loaded = Loaded { backend, model, tokens, threads: settings.threads.max(1), last_trial: Mutex::default() };
        Ok(Self { loaded: Mutex::new(loaded), embedder, name, small })
    }

    /// The model's name as its file tells it, in lower case with hyphens.
    pub fn model_name(&self) -> &str {
        &self.name
    }

    /// Too small to be asked for a whole object: use [`Engine::draft`], not [`Engine::complete`].
    pub fn is_small(&self) -> bool {
        self.small
    }

    /// Fills the task's schema leaf by leaf. The output always fits the schema; what the model could not write well is
    /// filled by rule and named in the gaps.
    pub fn draft(&self, task: &DraftTask<'_>, cancel: &AtomicBool) -> Result<Draft, Error> {
        draft::draft(&self.lock(), &self.embedder, task, cancel)
    }

    /// Asks in chat form, with a grammar over the whole schema if there is one.
    pub fn complete(&self, chat: &Chat<'_>, cancel: &AtomicBool) -> Result<Completion, Error> {
        chat::complete(&self.lock(), chat, cancel)
    }

    /// One vector of 384 numbers and length 1 for each text, in order.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.embedder.embed(texts)
    }

    /// A generation that panicked leaves nothing half-done in the model, only in its own context.
    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// How many threads to use just now, and the time that one thread needs for a token. llama.cpp's threads wait for each
    /// other by spinning: when another program has one of the cores, two threads take five times as long as one. A short
    /// trial of both tells.
    pub fn threads_now(&self) -> Result<(u32, Duration), Error> {
        let mut last = self.last_trial.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, threads, alone)) = *last
            && at.elapsed() < TRIAL_HOLDS
        {
            return Ok((threads, alone));
        }
        let alone = self.trial(1)?;
        let threads = if self.threads > 1 && self.trial(self.threads)? < alone { self.threads } else { 1 };
        *last = Some((Instant::now(), threads, alone / TRIAL));
        Ok((threads, alone / TRIAL))
    }

    /// Time for a few small batches.
    fn trial(&self, threads: u32) -> Result<Duration, Error> {
        let mut context = self.context(128, threads)?;
        let mut batch = LlamaBatch::new(8, 1);
        let begun = Instant::now();
        for start in (0..TRIAL.cast_signed()).step_by(8) {
            batch.clear();
            for at in start..start + 8 {
                batch.add(self.model.vocab().nl(), at, &[0], at == start + 7).map_err(Error::engine)?;
            }
            context.decode(&mut batch).map_err(Error::engine)?;
        }
        context.synchronize();
        Ok(begun.elapsed())
    }

    /// A fresh context for one conversation of `n_ctx` tokens.
    pub fn context(&self, n_ctx: u32, threads: u32) -> Result<LlamaContext<'_>, Error> {
        let threads = i32::try_from(threads).unwrap_or(1);
        let params = LlamaContextParams::default()
            .with_n_ctx(std::num::NonZeroU32::new(n_ctx))
            .with_n_batch(512)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        self.model.new_context(self.backend, params).map_err(Error::engine)
    }
}

/// The build assumes these instructions on x86-64; without them the first matrix would end the process.
fn check_cpu() -> Result<(), Error> {
    #[cfg(target_arch = "x86_64")]
    if !(std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") && std::is_x86_feature_detected!("f16c")) {
        return Err(Error::UnsupportedCpu);
    }
    Ok(())
}

fn check_gguf(path: &Path) -> Result<(), Error> {
    let corrupt = |reason: &str| Error::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() };
    let mut file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { path: path.to_path_buf() },
        _ => corrupt(&error.to_string()),
    })?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(|_| corrupt("it is empty or not a file"))?;
    if &magic != b"GGUF" {
        return Err(corrupt("it is not in GGUF form"));
    }
    match file.metadata() {
        Ok(about) if about.len() < SMALLEST_FILE => Err(corrupt("it is cut short")),
        _ => Ok(()),
    }
}

fn name_of(model: &LlamaModel, path: &Path) -> String {
    let told = ["general.name", "general.basename"].iter().find_map(|key| model.meta_val_str(key).ok());
    let file = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = told.filter(|name| !name.trim().is_empty()).unwrap_or_else(file);
    name.trim().to_lowercase().replace([' ', '_'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_may_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Engine>();
    }

    #[test]
    fn foreign_and_absent_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(check_gguf(&dir.path().join("none.gguf")), Err(Error::Missing { .. })));
        let page = dir.path().join("page.gguf");
        std::fs::write(&page, "<html>not found</html>").unwrap();
        assert!(check_gguf(&page).unwrap_err().to_string().contains("not in GGUF form"));
        let short = dir.path().join("short.gguf");
        std::fs::write(&short, "GGUF\x03\0\0\0").unwrap();
        assert!(check_gguf(&short).unwrap_err().to_string().contains("cut short"));
    }
}
