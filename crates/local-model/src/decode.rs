//! Runs llama.cpp: many continuations of prompts that share a beginning, decoded side by side as one batch.
//!
//! The shared beginning stays in sequence 0 between calls, so a second question after the same examples costs only what is
//! new. What the words mean is nobody's business here.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;

use crate::Error;
use crate::engine::Loaded;
use crate::sampling::{Dice, NoCopy, Sampling, pick};

/// Sequences decoded side by side.
const LANES: usize = 16;
/// This many times slower than one thread alone, and several threads only hinder each other.
const SLOW: u32 = 2;
/// Tokens of one llama.cpp call.
const BATCH: usize = 512;

/// One prompt and how many continuations of it are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub prompt: String,
    /// Words the continuation has to begin with; empty for none.
    pub opener: String,
    pub wanted: usize,
}

/// What holds for every continuation of one call.
pub(crate) struct Orders<'a> {
    pub sampling: Sampling,
    pub max_tokens: usize,
    pub seed: u64,
    /// Text whose runs of tokens must not be repeated.
    pub no_copy: &'a NoCopy,
    /// Tokens never to write.
    pub banned: &'a [i32],
    /// Says, looking at what is written, whether a sequence is done.
    pub done: &'a dyn Fn(&str) -> bool,
}

/// One continuation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub text: String,
    /// Mean log probability of its tokens.
    pub log_prob: f32,
    /// It ended by itself, not at the token limit.
    pub finished: bool,
}

/// A context of its own for one request.
pub(crate) struct Decoder<'m> {
    loaded: &'m Loaded,
    model: &'m LlamaModel,
    context: LlamaContext<'m>,
    held: Vec<LlamaToken>,
    n_ctx: u32,
    threads: u32,
    /// What one thread needs for a token when nobody disturbs it.
    alone: Duration,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

impl Ask {
    fn whole(&self) -> String {
        if self.opener.is_empty() { self.prompt.clone() } else { format!("{} {}", self.prompt, self.opener) }
    }
}

struct Lane {
    ask: usize,
    prompt: Vec<LlamaToken>,
    written: Vec<i32>,
    bytes: Vec<u8>,
    log_prob: f32,
    dice: Dice,
    row: i32,
    state: State,
}

#[derive(PartialEq, Clone, Copy)]
enum State {
    Open,
    Ended,
    Cut,
}

impl<'m> Decoder<'m> {
    /// A context of `n_ctx` tokens.
    pub fn new(loaded: &'m Loaded, n_ctx: u32) -> Result<Self, Error> {
        let (threads, alone) = loaded.threads_now()?;
        let context = context(loaded, n_ctx, threads)?;
        Ok(Self { loaded, model: &loaded.model, context, held: Vec::new(), n_ctx, threads, alone, prompt_tokens: 0, completion_tokens: 0 })
    }

    /// Goes on with one thread when several have come to wait for each other because the machine got busy.
    fn keep_pace(&mut self, tokens: u32, took: Duration) -> Result<(), Error> {
        if self.threads > 1 && took > self.alone * tokens * SLOW {
            tracing::debug!(tokens, ?took, "the machine is busy: the draft goes on with one thread");
            self.threads = 1;
            self.context = context(self.loaded, self.n_ctx, 1)?;
            self.held.clear();
        }
        Ok(())
    }

    /// The token ids of a text, special tokens read as text.
    pub fn tokens(&self, text: &str) -> Vec<i32> {
        self.model.vocab().tokenize(text.as_bytes(), false, false).into_iter().map(|t| t.0).collect()
    }

    /// Writes every continuation asked for, in the order asked.
    pub fn write(&mut self, asks: &[Ask], orders: &Orders<'_>, cancel: &AtomicBool) -> Result<Vec<Vec<Written>>, Error> {
        let (begun, before) = (Instant::now(), self.prompt_tokens + self.completion_tokens);
        let prompts: Vec<Vec<LlamaToken>> =
            asks.iter().map(|ask| self.model.vocab().tokenize(ask.whole().as_bytes(), false, false)).collect();
        let shared = common_start(&prompts);
        self.hold(prompts.first().map_or(&[][..], |p| &p[..shared]), cancel)?;
        let mut lanes = Vec::new();
        for (ask, prompt) in prompts.iter().enumerate() {
            for index in 0..asks[ask].wanted {
                let salt = u64::try_from(ask * 1000 + index).unwrap_or(0);
                lanes.push(Lane::new(
                    ask,
                    &asks[ask].opener,
                    prompt[shared..].to_vec(),
                    Dice::new(orders.seed.wrapping_mul(0x100_0001).wrapping_add(salt)),
                ));
            }
        }
        let tail = lanes.iter().map(|lane| lane.prompt.len()).max().unwrap_or(0) + orders.max_tokens;
        let fit = (usize::try_from(self.n_ctx).unwrap_or(usize::MAX).saturating_sub(shared) / tail.max(1)).clamp(1, LANES);
        for group in lanes.chunks_mut(fit) {
            self.run(group, shared, orders, cancel)?;
        }
        self.keep_pace((self.prompt_tokens + self.completion_tokens).saturating_sub(before), begun.elapsed())?;
        let mut out = vec![Vec::new(); asks.len()];
        for lane in lanes {
            out[lane.ask].push(lane.into_written());
        }
        Ok(out)
    }

    /// Makes sequence 0 hold exactly these tokens, decoding only what is new.
    fn hold(&mut self, tokens: &[LlamaToken], cancel: &AtomicBool) -> Result<(), Error> {
        let same = self.held.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        self.context.clear_kv_cache_seq(Some(0), Some(position(same)), None).map_err(Error::engine)?;
        self.held.truncate(same);
        let mut batch = LlamaBatch::new(BATCH, 1);
        for chunk in tokens[same..].chunks(BATCH) {
            stop_if(cancel)?;
            batch.clear();
            for token in chunk {
                batch.add(*token, place(self.held.len()), &[0], false).map_err(Error::engine)?;
                self.held.push(*token);
            }
            self.context.decode(&mut batch).map_err(Error::engine)?;
        }
        self.prompt_tokens = self.prompt_tokens.saturating_add(position(tokens.len() - same));
        Ok(())
    }

    /// Decodes one group of lanes until each has ended.
    fn run(&mut self, lanes: &mut [Lane], shared: usize, orders: &Orders<'_>, cancel: &AtomicBool) -> Result<(), Error> {
        for seq in 1..=lanes.len() {
            self.context.clear_kv_cache_seq(Some(position(seq)), None, None).map_err(Error::engine)?;
            self.context.kv_cache_seq_cp(0, place(seq), None, None).map_err(Error::engine)?;
        }
        let mut batch = LlamaBatch::new(BATCH, 1);
        self.open(lanes, shared, orders, &mut batch, cancel)?;
        while lanes.iter().any(|lane| lane.state == State::Open) {
            stop_if(cancel)?;
            batch.clear();
            for (lane, seq) in lanes.iter_mut().zip(1..).filter(|(lane, _)| lane.state == State::Open) {
                let at = shared + lane.prompt.len() + lane.written.len() - 1;
                let last = lane.written.last().copied().unwrap_or_default();
                lane.row = batch.n_tokens();
                batch.add(LlamaToken(last), place(at), &[seq], true).map_err(Error::engine)?;
            }
            self.context.decode(&mut batch).map_err(Error::engine)?;
            self.draw(lanes, orders);
        }
        for seq in 1..=lanes.len() {
            self.context.clear_kv_cache_seq(Some(position(seq)), None, None).map_err(Error::engine)?;
        }
        Ok(())
    }

    /// Feeds each lane what is its own of the prompt and draws its first token. Lanes go in as many batches as they need;
    /// their tokens are drawn before the next batch overwrites the logits.
    fn open(
        &mut self,
        lanes: &mut [Lane],
        shared: usize,
        orders: &Orders<'_>,
        batch: &mut LlamaBatch<'_>,
        cancel: &AtomicBool,
    ) -> Result<(), Error> {
        let mut first = 0;
        while first < lanes.len() {
            stop_if(cancel)?;
            batch.clear();
            let mut next = first;
            let mut room = BATCH;
            while next < lanes.len() && lanes[next].prompt.len() <= room {
                room -= lanes[next].prompt.len();
                let seq = place(next + 1);
                let length = lanes[next].prompt.len();
                for (index, token) in lanes[next].prompt.iter().enumerate() {
                    batch.add(*token, place(shared + index), &[seq], index + 1 == length).map_err(Error::engine)?;
                }
                lanes[next].row = batch.n_tokens() - 1;
                next += 1;
            }
            if next == first {
                return Err(Error::Engine(format!("one prompt has more than {BATCH} tokens of its own")));
            }
            self.context.decode(batch).map_err(Error::engine)?;
            self.prompt_tokens = self.prompt_tokens.saturating_add(batch.n_tokens().unsigned_abs());
            self.draw(&mut lanes[first..next], orders);
            first = next;
        }
        Ok(())
    }

    /// Draws one token for every open lane of the batch just decoded.
    fn draw(&mut self, lanes: &mut [Lane], orders: &Orders<'_>) {
        for lane in lanes.iter_mut().filter(|lane| lane.state == State::Open) {
            let logits = self.context.get_logits_ith(lane.row);
            let allowed = |token: i32| !orders.banned.contains(&token);
            let Some(pick) = pick(logits, &lane.written, orders.sampling, orders.no_copy, allowed, &mut lane.dice) else {
                lane.state = State::Cut;
                continue;
            };
            let token = LlamaToken(pick.token);
            self.completion_tokens = self.completion_tokens.saturating_add(1);
            if self.model.vocab().is_eog(token) {
                lane.state = State::Ended;
                continue;
            }
            lane.written.push(pick.token);
            lane.log_prob += pick.log_prob;
            lane.bytes.extend(self.model.vocab().token_to_piece(token, false, None));
            let text = String::from_utf8_lossy(&lane.bytes);
            if text.trim_start_matches(' ').contains('\n') || (orders.done)(&text) {
                lane.state = State::Ended;
            } else if lane.written.len() >= orders.max_tokens {
                lane.state = State::Cut;
            }
        }
    }
}

impl Lane {
    fn new(ask: usize, opener: &str, prompt: Vec<LlamaToken>, dice: Dice) -> Self {
        Self { ask, prompt, written: Vec::new(), bytes: opener.as_bytes().to_vec(), log_prob: 0.0, dice, row: 0, state: State::Open }
    }

    fn into_written(self) -> Written {
        let count = f32::from(u16::try_from(self.written.len().max(1)).unwrap_or(u16::MAX));
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let text = text.trim_start_matches(' ').lines().next().unwrap_or_default().trim().to_owned();
        Written { text, log_prob: self.log_prob / count, finished: self.state == State::Ended }
    }
}

fn context(loaded: &Loaded, n_ctx: u32, threads: u32) -> Result<LlamaContext<'_>, Error> {
    let threads = i32::try_from(threads.max(1)).unwrap_or(1);
    let batch = u32::try_from(BATCH).unwrap_or(512);
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(n_ctx))
        .with_n_batch(batch)
        .with_n_ubatch(batch)
        .with_n_seq_max(u32::try_from(LANES + 1).unwrap_or(2))
        .with_kv_unified(true)
        .with_n_threads(threads)
        .with_n_threads_batch(threads);
    loaded.model.new_context(loaded.backend, params).map_err(Error::engine)
}

/// How many first tokens all prompts share; always leaves each prompt one token of its own to draw from.
fn common_start(prompts: &[Vec<LlamaToken>]) -> usize {
    let Some((first, rest)) = prompts.split_first() else { return 0 };
    let shortest = prompts.iter().map(Vec::len).min().unwrap_or(0);
    let same = |index: &usize| rest.iter().all(|prompt| prompt[*index] == first[*index]);
    (0..shortest.saturating_sub(1)).take_while(same).count()
}

/// The error to leave with when the caller took the request back.
pub(crate) fn stop_if(cancel: &AtomicBool) -> Result<(), Error> {
    if cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
}

fn place(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn position(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().map(|id| LlamaToken(*id)).collect()
    }

    #[test]
    fn prompts_share_their_start_and_keep_one_token_each() {
        assert_eq!(common_start(&[prompt(&[1, 2, 3]), prompt(&[1, 2, 4, 5])]), 2);
        assert_eq!(common_start(&[prompt(&[1, 2, 3]), prompt(&[1, 2, 3])]), 2);
        assert_eq!(common_start(&[prompt(&[9]), prompt(&[9, 1])]), 0);
        assert_eq!(common_start(&[]), 0);
    }

    #[test]
    fn a_raised_flag_stops() {
        assert!(stop_if(&AtomicBool::new(false)).is_ok());
        assert!(matches!(stop_if(&AtomicBool::new(true)), Err(Error::Cancelled)));
    }
}
