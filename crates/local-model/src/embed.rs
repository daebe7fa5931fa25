//! Turns texts into vectors of 384 numbers (all-MiniLM-L6-v2) whose dot product says how close two meanings are.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, DTYPE};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

use crate::Error;

/// Texts of one forward pass: more would only fill memory with padding.
const BATCH: usize = 32;
/// The model reads this many tokens of a text; the rest does not count.
const READ_TOKENS: usize = 256;
/// Vectors kept of texts that come again, 1.5 KB each.
const KEPT: usize = 6000;

pub(crate) struct Embedder {
    model: BertModel,
    tokenizer: Tokenizer,
    kept: Mutex<HashMap<String, Vec<f32>>>,
}

impl Embedder {
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let config: Config = {
            let path = dir.join("config.json");
            serde_json::from_slice(&read(&path)?).map_err(|error| Error::Corrupt { path, reason: error.to_string() })?
        };
        let path = dir.join("tokenizer.json");
        let damaged = |error: tokenizers::Error| Error::Corrupt { path: path.clone(), reason: error.to_string() };
        let mut tokenizer = Tokenizer::from_bytes(read(&path)?).map_err(damaged)?;
        // The file says to pad to 128 always; padding to the longest of the batch is four times faster.
        tokenizer.with_padding(Some(PaddingParams::default()));
        tokenizer.with_truncation(Some(TruncationParams { max_length: READ_TOKENS, ..Default::default() })).map_err(damaged)?;
        let path = dir.join("model.safetensors");
        let weights = VarBuilder::from_buffered_safetensors(read(&path)?, DTYPE, &Device::Cpu);
        let model = weights.and_then(|weights| BertModel::load(weights, &config));
        let model = model.map_err(|error| Error::Corrupt { path, reason: error.to_string() })?;
        Ok(Self { model, tokenizer, kept: Mutex::default() })
    }

    /// One vector of length 1 for each text, in order.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.batch(batch)?);
        }
        Ok(vectors)
    }

    /// The same for texts that will be asked for again, such as the curated examples.
    pub fn embed_kept(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new: Vec<&str> = texts.iter().filter(|text| !kept.contains_key(*text)).map(String::as_str).collect();
        new.sort_unstable();
        new.dedup();
        if kept.len() + new.len() > KEPT {
            kept.clear();
            new = texts.iter().map(String::as_str).collect();
        }
        for (text, vector) in new.iter().zip(self.embed(&new)?) {
            kept.insert((*text).to_owned(), vector);
        }
        Ok(texts.iter().map(|text| kept.get(text).cloned().unwrap_or_default()).collect())
    }

    fn batch(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let encoded = self.tokenizer.encode_batch(texts.to_vec(), true).map_err(Error::engine)?;
        let ids: Vec<Vec<u32>> = encoded.iter().map(|e| e.get_ids().to_vec()).collect();
        let mask: Vec<Vec<u32>> = encoded.iter().map(|e| e.get_attention_mask().to_vec()).collect();
        self.forward(ids, mask).map_err(Error::engine)
    }

    /// Runs the model and takes the mean over the tokens that are not padding.
    fn forward(&self, ids: Vec<Vec<u32>>, mask: Vec<Vec<u32>>) -> candle_core::Result<Vec<Vec<f32>>> {
        let ids = Tensor::new(ids, &Device::Cpu)?;
        let mask = Tensor::new(mask, &Device::Cpu)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DTYPE)?.unsqueeze(2)?;
        let mean = hidden.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
        mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)?.to_vec2()
    }
}

/// The dot product, which is the cosine for vectors of length 1.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { path: path.to_path_buf() },
        _ => Error::Corrupt { path: path.to_path_buf(), reason: error.to_string() },
    })
}
