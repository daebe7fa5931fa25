//! The ordinary way to ask: the model's own chat template and, when the answer must fit a schema, a grammar over the whole of it.

use std::sync::atomic::AtomicBool;

use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::token::LlamaToken;
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use crate::Error;
use crate::decode::stop_if;
use crate::engine::Loaded;
use crate::sampling::{Dice, NoCopy, Sampling, pick};

const BATCH: usize = 512;

/// One question to the model.
#[derive(Debug, Clone)]
pub struct Chat<'a> {
    /// Who the model is.
    pub system: &'a str,
    /// What it is asked.
    pub user: &'a str,
    /// The JSON Schema the answer must fit; `None` leaves the form free.
    pub schema: Option<&'a Value>,
    /// 0 takes the likeliest words.
    pub temperature: f32,
    /// The answer's longest length in tokens.
    pub max_tokens: u32,
    /// The same seed gives the same answer.
    pub seed: u64,
}

/// The model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What it wrote.
    pub text: String,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens written.
    pub completion_tokens: u32,
    /// It ended by itself; `false` means it was cut at `max_tokens`.
    pub finished: bool,
}

/// Asks the model.
pub(crate) fn complete(loaded: &Loaded, chat: &Chat<'_>, cancel: &AtomicBool) -> Result<Completion, Error> {
    let prompt = template(&loaded.model, chat)?;
    let prompt = loaded.model.vocab().tokenize(prompt.as_bytes(), false, true);
    let read = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
    let needed = read.saturating_add(chat.max_tokens).saturating_add(1);
    let limit = loaded.model.n_ctx_train();
    if read.saturating_add(64) > limit {
        return Err(Error::TooLong { needed, limit });
    }
    let mut context = loaded.context(needed.min(limit), loaded.threads_now()?.0)?;
    let mut batch = LlamaBatch::new(BATCH, 1);
    for (chunk, start) in prompt.chunks(BATCH).zip((0..).step_by(BATCH)) {
        stop_if(cancel)?;
        batch.clear();
        for (token, at) in chunk.iter().zip(start..) {
            batch.add(*token, at, &[0], at + 1 == i32::try_from(prompt.len()).unwrap_or(i32::MAX)).map_err(Error::engine)?;
        }
        context.decode(&mut batch).map_err(Error::engine)?;
    }
    let mut matcher = chat.schema.map(|schema| grammar(loaded, schema)).transpose()?;
    let how = Sampling { temperature: chat.temperature, min_p: 0.05, top_p: 0.9, repetition: 0.15 };
    let (mut dice, mut written, mut bytes, mut finished) = (Dice::new(chat.seed), Vec::new(), Vec::new(), false);
    while u32::try_from(written.len()).is_ok_and(|n| n < chat.max_tokens.min(limit - read - 1)) {
        stop_if(cancel)?;
        let token = next(context.get_logits_ith(batch.n_tokens() - 1), &written, how, matcher.as_mut(), &mut dice)?;
        if loaded.model.vocab().is_eog(token) {
            finished = true;
            break;
        }
        bytes.extend(loaded.model.vocab().token_to_piece(token, false, None));
        if let Some(matcher) = matcher.as_mut() {
            matcher.consume_token(token.0.unsigned_abs()).map_err(Error::engine)?;
            if matcher.is_stopped() {
                written.push(token.0);
                finished = true;
                break;
            }
        }
        batch.clear();
        batch.add(token, i32::try_from(prompt.len() + written.len()).unwrap_or(i32::MAX), &[0], true).map_err(Error::engine)?;
        context.decode(&mut batch).map_err(Error::engine)?;
        written.push(token.0);
    }
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(Completion { text, prompt_tokens: read, completion_tokens: u32::try_from(written.len()).unwrap_or(u32::MAX), finished })
}

/// The prompt in the form the model was trained on; `ChatML` when its file names none that llama.cpp knows.
fn template(model: &LlamaModel, chat: &Chat<'_>) -> Result<String, Error> {
    let message = |role: &str, text: &str| LlamaChatMessage::new(role.to_owned(), text.replace('\0', " ")).map_err(Error::engine);
    let mut messages = vec![message("user", chat.user)?];
    if !chat.system.is_empty() {
        messages.insert(0, message("system", chat.system)?);
    }
    let chatml = || LlamaChatTemplate::new("chatml").map_err(Error::engine);
    let own = model.chat_template(None).or_else(|_| chatml())?;
    match model.apply_chat_template(&own, &messages, true) {
        Ok(prompt) => Ok(prompt),
        Err(_) => model.apply_chat_template(&chatml()?, &messages, true).map_err(Error::engine),
    }
}

/// A matcher for the schema. Loose white space is switched off: small models fill it with blanks until the limit.
fn grammar(loaded: &Loaded, schema: &Value) -> Result<Matcher, Error> {
    let mut schema = schema.clone();
    schema["x-guidance"] = json!({"whitespace_flexible": false, "item_separator": ", ", "key_separator": ": "});
    let mut factory = ParserFactory::new_simple(&loaded.tokens).map_err(Error::engine)?;
    factory.quiet();
    let matcher = Matcher::new(factory.create_parser(TopLevelGrammar::from_json_schema(schema)));
    match matcher.get_error() {
        Some(error) => Err(Error::Schema(error)),
        None => Ok(matcher),
    }
}

fn next(logits: &[f32], written: &[i32], how: Sampling, matcher: Option<&mut Matcher>, dice: &mut Dice) -> Result<LlamaToken, Error> {
    // Only the latest words count for the repetition penalty; JSON repeats its marks by nature.
    let recent = &written[written.len().saturating_sub(64)..];
    let none = NoCopy::default();
    let pick = match matcher {
        None => pick(logits, recent, how, &none, |_| true, dice),
        Some(matcher) => {
            let mask = matcher.compute_mask_or_eos().map_err(Error::engine)?;
            pick(logits, recent, how, &none, |token| mask.is_allowed(token.unsigned_abs()), dice)
        }
    };
    pick.map(|pick| LlamaToken(pick.token)).ok_or_else(|| Error::Engine("the grammar left no token to write".to_owned()))
}
