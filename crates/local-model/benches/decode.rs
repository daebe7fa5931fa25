//! Decode speed of our path beside a bare llama-cpp-2 loop, on the same file and threads: `cargo bench -p local-model`,
//! `THREADS=1` to change the threads. Prints figures and never fails on them.
//!
//! llama.cpp may be initialised once in a process, so every bare round is a child of this program; rounds alternate, so
//! that a busy machine slows both alike.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use local_model::{Chat, Engine, Settings};

const TOKENS: u32 = 192;
const ROUNDS: usize = 6;
const PROMPT: &str = "Write a long story about a small shop that sells lamps.";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let models = std::env::var_os("PLANNER_MODELS").map_or_else(own, PathBuf::from);
    let gguf = models.join("smollm2-135m-instruct-q4_1.gguf");
    let threads: u32 = std::env::var("THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    if std::env::var_os("BARE").is_some() {
        println!("{}", bare(&gguf, i32::try_from(threads)?)?);
        return Ok(());
    }
    let engine = Engine::load(&Settings { gguf, embedder: models.join("all-minilm-l6-v2"), threads })?;
    let (mut bare_best, mut ours_best) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let child = Command::new(std::env::current_exe()?).env("BARE", "1").env("THREADS", threads.to_string()).output()?;
        bare_best = bare_best.max(String::from_utf8(child.stdout)?.trim().parse()?);
        let chat = Chat { system: "", user: PROMPT, schema: None, temperature: 0.9, max_tokens: TOKENS, seed: 7 };
        let begun = Instant::now();
        let answer = engine.complete(&chat, &AtomicBool::new(false))?;
        ours_best = ours_best.max(f64::from(answer.completion_tokens) / begun.elapsed().as_secs_f64());
    }
    println!("threads {threads}: bare {bare_best:.1} tokens/s, ours {ours_best:.1} tokens/s, ratio {:.2}", ours_best / bare_best);
    Ok(())
}

/// Tokens per second of the shortest loop that llama-cpp-2 allows, from the making of the context to the last token.
fn bare(gguf: &Path, threads: i32) -> Outcome<f64> {
    let mut backend = LlamaBackend::init()?;
    backend.void_logs();
    let model = LlamaModel::load_from_file(&backend, gguf, &LlamaModelParams::default())?;
    let prompt = model.vocab().tokenize(PROMPT.as_bytes(), false, true);
    let begun = Instant::now();
    let params = LlamaContextParams::default().with_n_ctx(NonZeroU32::new(512)).with_n_threads(threads).with_n_threads_batch(threads);
    let mut context = model.new_context(&backend, params)?;
    let mut sampler = LlamaSampler::chain_simple([LlamaSampler::top_k(40), LlamaSampler::temp(0.9), LlamaSampler::dist(7)]);
    let mut batch = LlamaBatch::new(512, 1);
    for (token, at) in prompt.iter().zip(0..) {
        batch.add(*token, at, &[0], at + 1 == i32::try_from(prompt.len())?)?;
    }
    context.decode(&mut batch)?;
    for (at, _) in (i32::try_from(prompt.len())?..).zip(0..TOKENS) {
        let token = sampler.sample(&context, batch.n_tokens() - 1);
        batch.clear();
        batch.add(token, at, &[0], true)?;
        context.decode(&mut batch)?;
    }
    Ok(f64::from(TOKENS) / begun.elapsed().as_secs_f64())
}
