//! Picks the next token from the logits. Own code, because one pass over the vocabulary with `min_p` replaces a chain of
//! five samplers for each of sixteen sequences, and because bans and the ban on copying need to look at the logits anyway.

use std::collections::{HashMap, HashSet};

/// How boldly tokens are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling {
    /// 0 takes the likeliest token.
    pub temperature: f32,
    /// Tokens less likely than this share of the likeliest are never drawn.
    pub min_p: f32,
    /// The likeliest tokens that make up this much probability stay.
    pub top_p: f32,
    /// Subtracted from the logit of a token for every time it was written in this sequence.
    pub repetition: f32,
}

/// Deterministic random numbers (splitmix64): the same seed drafts the same words.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly in 0..1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// Token runs of the examples: a draft may not repeat one of them word for word.
#[derive(Debug, Default)]
pub(crate) struct NoCopy {
    run: usize,
    next: HashMap<Vec<i32>, HashSet<i32>>,
}

impl NoCopy {
    /// Remembers every run of `run` tokens in `text`.
    pub fn of(text: &[i32], run: usize) -> Self {
        let mut next: HashMap<Vec<i32>, HashSet<i32>> = HashMap::new();
        for window in text.windows(run) {
            if let Some((last, head)) = window.split_last() {
                next.entry(head.to_vec()).or_default().insert(*last);
            }
        }
        Self { run, next }
    }

    fn forbidden(&self, written: &[i32]) -> Option<&HashSet<i32>> {
        let head = written.len().checked_sub(self.run.checked_sub(1)?)?;
        self.next.get(&written[head..])
    }
}

/// The token drawn and its natural log probability before temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pick {
    pub token: i32,
    pub log_prob: f32,
}

/// Draws one token; `None` when `allowed` leaves nothing.
pub(crate) fn pick(
    logits: &[f32],
    written: &[i32],
    how: Sampling,
    no_copy: &NoCopy,
    allowed: impl Fn(i32) -> bool,
    dice: &mut Dice,
) -> Option<Pick> {
    let forbidden = no_copy.forbidden(written);
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    let mass: f32 = logits.iter().map(|l| l - top).filter(|d| *d > -12.0).map(f32::exp).sum();
    let floor = if how.temperature > 0.0 { how.min_p.max(1e-6).ln() - 1.0 } else { -1.0 };
    let mut kept = keep(logits, top + floor, |token| allowed(token) && !forbidden.is_some_and(|f| f.contains(&token)));
    if kept.is_empty() {
        kept = keep(logits, f32::MIN, &allowed);
    }
    for (token, logit) in &mut kept {
        let times = written.iter().filter(|t| *t == token).count().min(4);
        *logit -= how.repetition * f32::from(u8::try_from(times).unwrap_or(4));
    }
    kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = kept.first()?.1;
    kept.retain(|(_, logit)| logit - best >= how.min_p.max(1e-6).ln());
    let chosen = draw(&kept, best, how, dice)?;
    let log_prob = logits.get(usize::try_from(chosen).ok()?)? - top - mass.ln();
    Some(Pick { token: chosen, log_prob })
}

fn keep(logits: &[f32], floor: f32, allowed: impl Fn(i32) -> bool) -> Vec<(i32, f32)> {
    let passes = logits.iter().zip(0_i32..).filter(|(logit, _)| **logit >= floor);
    passes.filter(|(_, token)| allowed(*token)).map(|(logit, token)| (token, *logit)).collect()
}

/// Draws from tokens sorted by logit, keeping the head that makes up `top_p`.
fn draw(kept: &[(i32, f32)], best: f32, how: Sampling, dice: &mut Dice) -> Option<i32> {
    if how.temperature <= 0.0 {
        return kept.first().map(|(token, _)| *token);
    }
    let weights: Vec<f32> = kept.iter().map(|(_, logit)| ((logit - best) / how.temperature).exp()).collect();
    let total: f32 = weights.iter().sum();
    let mut head = 0.0;
    let stay = weights.iter().take_while(|w| {
        let before = head;
        head += *w;
        before < how.top_p * total
    });
    let stay = stay.count();
    let mut left = dice.unit() * weights[..stay].iter().sum::<f32>();
    for ((token, _), weight) in kept.iter().zip(&weights).take(stay) {
        left -= weight;
        if left <= 0.0 {
            return Some(*token);
        }
    }
    kept.first().map(|(token, _)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREEDY: Sampling = Sampling { temperature: 0.0, min_p: 0.05, top_p: 0.9, repetition: 0.0 };
    const WARM: Sampling = Sampling { temperature: 1.0, min_p: 0.05, top_p: 0.9, repetition: 0.0 };

    #[test]
    fn the_likeliest_token_wins_at_temperature_zero() {
        let got = pick(&[0.0, 3.0, 1.0], &[], GREEDY, &NoCopy::default(), |_| true, &mut Dice::new(1)).unwrap();
        assert_eq!(got.token, 1);
        assert!(got.log_prob < 0.0 && got.log_prob > -0.5);
    }

    #[test]
    fn a_forbidden_token_is_never_drawn() {
        for seed in 0..50 {
            let got = pick(&[5.0, 4.9, 4.8], &[], WARM, &NoCopy::default(), |t| t != 0, &mut Dice::new(seed)).unwrap();
            assert_ne!(got.token, 0);
        }
        assert_eq!(pick(&[5.0], &[], WARM, &NoCopy::default(), |_| false, &mut Dice::new(1)), None);
    }

    #[test]
    fn a_run_of_the_examples_is_not_finished() {
        let no_copy = NoCopy::of(&[7, 8, 9, 1], 3);
        let got = pick(&[0.0, 9.0, 8.0], &[8, 9], GREEDY, &no_copy, |_| true, &mut Dice::new(1)).unwrap();
        assert_eq!(got.token, 2);
        let free = pick(&[0.0, 9.0, 8.0], &[5, 9], GREEDY, &no_copy, |_| true, &mut Dice::new(1)).unwrap();
        assert_eq!(free.token, 1);
    }

    #[test]
    fn unlikely_tokens_stay_out_and_the_seed_decides() {
        let logits = [4.0, 3.9, -9.0];
        let draws: Vec<i32> =
            (0..40).map(|seed| pick(&logits, &[], WARM, &NoCopy::default(), |_| true, &mut Dice::new(seed)).unwrap().token).collect();
        assert!(draws.contains(&0) && draws.contains(&1) && !draws.contains(&2));
        let again = pick(&logits, &[], WARM, &NoCopy::default(), |_| true, &mut Dice::new(3)).unwrap().token;
        assert_eq!(draws[3], again);
    }

    #[test]
    fn repetition_costs() {
        let how = Sampling { repetition: 2.0, ..GREEDY };
        let got = pick(&[1.0, 2.0], &[1], how, &NoCopy::default(), |_| true, &mut Dice::new(1)).unwrap();
        assert_eq!(got.token, 0);
    }
}
