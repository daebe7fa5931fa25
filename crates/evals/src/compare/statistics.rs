//! How sure figures and differences are.
//!
//! - Rates: Wilson's score interval, `(p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n)` with z = 1.96 (E. B. Wilson, 1927).
//! - Means (score, rubric, latency, tokens, cost) and quantiles: the percentile bootstrap (B. Efron, 1979), with a fixed seed, so that the
//!   same files give the same figures.
//! - Differences: the same bootstrap over the pairs of a case in both runs, so that hard and easy cases do not blur what changed; of rates,
//!   Newcombe's interval for paired rates without correlation (R. G. Newcombe, 1998, method 10).
//! - Whether a difference is more than chance: a permutation test (R. A. Fisher, 1935). If the runs did not differ, the two figures of a
//!   case could as well be swapped: the p value is the share of random swaps, the observed one among them, that show a difference at
//!   least as large. Many figures are looked at, and one of twenty is "significant" by chance; so the p values of the whole, and those of
//!   all sections together, are corrected by S. Holm's method (1979). Each of the two groups errs in one of forty comparisons, so that 95 of
//!   100 comparisons of a release with itself call nothing better or worse.

use super::{Estimate, Figures, Key, METRICS, Metric, Verdict};

const Z: f64 = 1.959_964;
/// Draws of an interval.
const DRAWS: usize = 1000;
/// Swaps of a test: enough for the smallest p value that Holm's method asks for, among a hundred figures.
const SWAPS: usize = 6000;
/// How often a group of figures may call one different that is not.
const ALPHA: f64 = 0.025;
/// With fewer pairs even the largest difference is not rare enough: `2 / 2^n > ALPHA`.
const FEWEST_PAIRS: usize = 7;

/// One metric of both runs; what it says is decided when all are there.
pub(super) fn metric(name: &'static str, a: &[(Key, Figures)], b: &[(Key, Figures)], pairs: &[(&Figures, &Figures)]) -> Metric {
    let values = |side: &[(Key, Figures)]| -> Vec<f64> { side.iter().filter_map(|(_, f)| f.get(name)).collect() };
    let both: Vec<(f64, f64)> = pairs.iter().filter_map(|(a, b)| Some((a.get(name)?, b.get(name)?))).collect();
    let verdict = match both.len() {
        0 => Verdict::NotMeasured,
        few if few < FEWEST_PAIRS => Verdict::TooFewCases,
        _ => Verdict::NoDifferenceSeen,
    };
    Metric {
        name,
        before: estimate(name, &values(a)),
        after: estimate(name, &values(b)),
        difference: difference(name, &both),
        p_value: p_value(name, &both),
        verdict,
    }
}

/// Decides which figures of a group differ by more than chance, by Holm's method: the smallest p value has to be below `ALPHA / n`, the next
/// below `ALPHA / (n - 1)`, and so on, until one is not.
pub(super) fn decide<'a>(group: impl Iterator<Item = &'a mut Metric>) {
    let mut measured: Vec<&mut Metric> = group.filter(|metric| metric.verdict == Verdict::NoDifferenceSeen).collect();
    measured.sort_by(|a, b| a.p_value.unwrap_or(1.0).total_cmp(&b.p_value.unwrap_or(1.0)));
    let mut left = count(measured.len());
    for metric in measured {
        let (Some(p), Some(difference)) = (metric.p_value, metric.difference) else { return };
        if p * left > ALPHA {
            return;
        }
        left -= 1.0;
        let more_is_better = METRICS.iter().any(|(name, more)| *name == metric.name && *more);
        metric.verdict = if (difference.value > 0.0) == more_is_better { Verdict::Better } else { Verdict::Worse };
    }
}

fn estimate(name: &str, values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    if name == "pass rate" {
        return Some(wilson(mean(values), values.len()));
    }
    let value = summary(name, &mut values.to_vec());
    Some(interval(value, draws(values.len(), |chosen| summary(name, &mut chosen.iter().map(|i| values[*i]).collect::<Vec<_>>()))))
}

fn difference(name: &str, pairs: &[(f64, f64)]) -> Option<Estimate> {
    if pairs.is_empty() {
        return None;
    }
    let (before, after): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    if name == "pass rate" {
        return Some(newcombe(wilson(mean(&before), pairs.len()), wilson(mean(&after), pairs.len())));
    }
    let of = |chosen: &[usize]| {
        let side = |values: &[f64]| summary(name, &mut chosen.iter().map(|i| values[*i]).collect::<Vec<_>>());
        side(&after) - side(&before)
    };
    let all: Vec<usize> = (0..pairs.len()).collect();
    Some(interval(of(&all), draws(pairs.len(), of)))
}

/// How often swapping the figures of cases at random shows a difference at least as large as the one that was seen.
pub(super) fn p_value(name: &str, pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.is_empty() {
        return None;
    }
    let (mut before, mut after): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let apart = |before: &mut Vec<f64>, after: &mut Vec<f64>| (summary(name, after) - summary(name, before)).abs();
    let seen = apart(&mut before.clone(), &mut after.clone());
    // What is the same but for rounding is the same.
    let least = seen - 1e-12 * seen.max(1.0);
    if seen <= 1e-12 {
        return Some(1.0);
    }
    let mut chance = Chance::new();
    let mut as_large = 1;
    for _ in 0..SWAPS {
        let mut bits = 0;
        for (at, (a, b)) in pairs.iter().enumerate() {
            if at % 64 == 0 {
                bits = chance.next();
            }
            (before[at], after[at]) = if bits >> (at % 64) & 1 == 0 { (*a, *b) } else { (*b, *a) };
        }
        as_large += usize::from(apart(&mut before, &mut after) >= least);
    }
    Some(count(as_large) / count(SWAPS + 1))
}

#[expect(clippy::cast_precision_loss, reason = "cases of a run")]
fn count(n: usize) -> f64 {
    n as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// A metric's figure over the cases of a run, whose order is not kept.
fn summary(name: &str, values: &mut [f64]) -> f64 {
    match name {
        "latency p50" => quantile(values, 0.5),
        "latency p95" => quantile(values, 0.95),
        _ => mean(values),
    }
}

/// The value below which a share of all lies, between the two nearest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the cases")]
pub(super) fn quantile(values: &mut [f64], share: f64) -> f64 {
    let place = share * count(values.len() - 1);
    let (_, below, above) = values.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
    let below = *below;
    let above = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    below + (above - below) * (place - place.floor())
}

/// Wilson's score interval of a rate over `n` cases.
pub(super) fn wilson(rate: f64, n: usize) -> Estimate {
    let n = count(n);
    let z2 = Z * Z;
    let centre = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    Estimate { value: rate, low: (centre - half).max(0.0).min(rate), high: (centre + half).min(1.0).max(rate) }
}

/// Newcombe's interval of the difference of two rates, out of their own intervals.
pub(super) fn newcombe(a: Estimate, b: Estimate) -> Estimate {
    let value = b.value - a.value;
    let low = value - ((b.value - b.low).powi(2) + (a.high - a.value).powi(2)).sqrt();
    let high = value + ((b.high - b.value).powi(2) + (a.value - a.low).powi(2)).sqrt();
    Estimate { value, low: low.max(-1.0), high: high.min(1.0) }
}

/// Chance that is the same each time: `SplitMix64` (G. L. Steele and others, 2014) from a fixed seed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The figure over each of many draws of `n` cases with replacement, always the same draws.
fn draws(n: usize, figure: impl Fn(&[usize]) -> f64) -> Vec<f64> {
    let mut chance = Chance::new();
    let mut chosen = vec![0; n];
    (0..DRAWS)
        .map(|_| {
            for place in &mut chosen {
                *place = usize::try_from(chance.next() % n as u64).unwrap_or(0);
            }
            figure(&chosen)
        })
        .collect()
}

fn interval(value: f64, mut drawn: Vec<f64>) -> Estimate {
    let (low, high) = (quantile(&mut drawn, 0.025), quantile(&mut drawn, 0.975));
    Estimate { value, low: low.min(value), high: high.max(value) }
}
