//! How far people agree who judged the same generations apart from each other.
//!
//! Two figures, because each alone misleads. *Within one point*: of all pairs of people who gave points to the same thing, how many are
//! at most one point apart. *Alpha* (K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, for interval data): 1 is
//! agreement, 0 what chance would give, below 0 worse than chance. With `m_u` values `x` for the unit `u`, `n` of them in units with two
//! or more:
//!
//! ```text
//! D_o   = 1/n       * sum over u of ( 1/(m_u - 1) * sum over i != j in u of (x_i - x_j)^2 )
//! D_e   = 1/(n(n-1)) *              sum over all i != j                  of (x_i - x_j)^2
//! alpha = 1 - D_o / D_e
//! ```
//!
//! Where every value is the same there is nothing that could be agreed on, so there is no alpha.

use crate::ids::GenerationId;
use crate::rubric::{Criterion, Score, Total};
use std::collections::BTreeMap;

/// How far people agree about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreed {
    /// Pairs of people who judged the same generation.
    pub pairs: usize,
    /// Of those, pairs that are at most one point of ten apart.
    pub within: usize,
    /// Krippendorff's alpha for interval data, where there is one.
    pub alpha: Option<f64>,
}

impl Agreed {
    /// Pairs at most one point apart, in whole percent; `None` without pairs.
    pub fn percent(&self) -> Option<usize> {
        (200 * self.within + self.pairs).checked_div(2 * self.pairs)
    }

    /// Of units with the values they were given, in whole steps of a scale on which `near` are one point of ten.
    fn of(units: &[Vec<u16>], near: u16) -> Self {
        let values: Vec<Vec<f64>> = units.iter().map(|values| values.iter().copied().map(f64::from).collect()).collect();
        let mut agreed = Self { alpha: alpha(&values), ..Self::default() };
        for values in units {
            for (at, one) in values.iter().enumerate() {
                for other in &values[at + 1..] {
                    agreed.pairs += 1;
                    agreed.within += usize::from(one.abs_diff(*other) <= near);
                }
            }
        }
        agreed
    }
}

/// One point of ten, in tenths.
const POINT: u16 = 10;
/// The same of a total, which counts to a hundred.
const OF_TOTAL: u16 = 100;

/// How far people agree about several generations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreement {
    /// Generations that two people or more have judged.
    pub generations: usize,
    /// By criterion, in the order of the rubric.
    pub criteria: Vec<(Criterion, Agreed)>,
    /// About the totals, where ten of a hundred are one point.
    pub total: Agreed,
    /// The mean total of people against that of the judge model, over the generations that both have scored.
    pub judge: Option<Agreed>,
}

impl Agreement {
    /// Of what people, and the judge, said, each with the generation it is about. `None` before two people, or one and the judge, have
    /// scored the same one.
    pub fn of(people: &[(GenerationId, Score)], judge: &[(GenerationId, Score)]) -> Option<Self> {
        let by_all = by_generation(people);
        let judge = against(&by_all, judge);
        let mut by_several = by_all;
        by_several.retain(|_, scores| scores.len() >= 2);
        let units = |value: &dyn Fn(&Score) -> Option<u16>| -> Vec<Vec<u16>> {
            by_several.values().map(|scores| scores.iter().filter_map(value).collect()).collect()
        };
        let by_criterion =
            |criterion| (criterion, Agreed::of(&units(&|score| score.get(criterion).map(|points| points.tenths().into())), POINT));
        (!by_several.is_empty() || judge.is_some()).then(|| Self {
            generations: by_several.len(),
            criteria: Criterion::ALL.into_iter().map(by_criterion).collect(),
            total: Agreed::of(&units(&total), OF_TOTAL),
            judge,
        })
    }
}

fn total(score: &Score) -> Option<u16> {
    score.total().map(Total::tenths)
}

fn by_generation(said: &[(GenerationId, Score)]) -> BTreeMap<GenerationId, Vec<Score>> {
    let mut by_generation: BTreeMap<GenerationId, Vec<Score>> = BTreeMap::new();
    for (generation, score) in said {
        by_generation.entry(*generation).or_default().push(*score);
    }
    by_generation
}

/// The people's mean total of each generation against what the judge gave it.
fn against(people: &BTreeMap<GenerationId, Vec<Score>>, judge: &[(GenerationId, Score)]) -> Option<Agreed> {
    let unit = |(generation, judged): &(GenerationId, Score)| {
        let totals: Vec<u64> = people.get(generation)?.iter().filter_map(total).map(u64::from).collect();
        let mean = Total::mean(u64::try_from(totals.len()).ok()?, totals.iter().sum())?;
        Some(vec![mean.tenths(), total(judged)?])
    };
    let units: Vec<Vec<u16>> = judge.iter().filter_map(unit).collect();
    (!units.is_empty()).then(|| Agreed::of(&units, OF_TOTAL))
}

fn alpha(units: &[Vec<f64>]) -> Option<f64> {
    let units: Vec<&Vec<f64>> = units.iter().filter(|values| values.len() >= 2).collect();
    let all: Vec<f64> = units.iter().flat_map(|values| values.iter().copied()).collect();
    let n = count(all.len());
    let observed = units.iter().map(|values| differences(values) / (count(values.len()) - 1.0)).sum::<f64>() / n;
    let expected = differences(&all) / (n * (n - 1.0));
    (all.len() >= 2 && expected > 1e-9).then(|| 1.0 - observed / expected)
}

/// The sum of `(x_i - x_j)^2` over all ordered pairs: `2 * (m * sum of squares - square of the sum)`, around the mean, where it is exact.
fn differences(values: &[f64]) -> f64 {
    let m = count(values.len());
    let mean = values.iter().sum::<f64>() / m;
    2.0 * m * values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
}

#[expect(clippy::cast_precision_loss, reason = "counts of scores stay far below 2^52")]
const fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rubric::Points;
    use proptest::prelude::*;

    /// The example of the paper: four observers, twelve units, with gaps.
    #[test]
    fn alpha_is_that_of_the_paper() {
        let none = None;
        let observers = [
            [Some(1.), Some(2.), Some(3.), Some(3.), Some(2.), Some(1.), Some(4.), Some(1.), Some(2.), none, none, none],
            [Some(1.), Some(2.), Some(3.), Some(3.), Some(2.), Some(2.), Some(4.), Some(1.), Some(2.), Some(5.), none, Some(3.)],
            [none, Some(3.), Some(3.), Some(3.), Some(2.), Some(3.), Some(4.), Some(2.), Some(2.), Some(5.), Some(1.), none],
            [Some(1.), Some(2.), Some(3.), Some(3.), Some(2.), Some(4.), Some(4.), Some(1.), Some(2.), Some(5.), Some(1.), none],
        ];
        let units: Vec<Vec<f64>> = (0..12).map(|unit| observers.iter().filter_map(|values| values[unit]).collect()).collect();
        let alpha = alpha(&units).expect("an alpha");
        assert!((alpha - 0.849).abs() < 0.0005, "{alpha}");
    }

    #[test]
    fn agreement_needs_two_people() {
        let (one, other) = (GenerationId::new(), GenerationId::new());
        let score = |points: u8| Score::of([Points::whole(points); 5]);
        assert_eq!(Agreement::of(&[], &[]), None);
        assert_eq!(Agreement::of(&[(one, score(7)), (other, score(9))], &[]), None);
        let said = [(one, score(7)), (one, score(8)), (other, score(2)), (other, score(5)), (GenerationId::new(), score(1))];
        let agreement = Agreement::of(&said, &[]).expect("two people");
        assert_eq!((agreement.generations, agreement.total.pairs, agreement.total.within, agreement.total.percent()), (2, 2, 1, Some(50)));
        assert!(agreement.criteria.iter().all(|(_, agreed)| agreed.alpha.is_some_and(|alpha| alpha > 0.5)));
        let same = Agreement::of(&[(one, score(7)), (one, score(7))], &[]).expect("two people");
        assert_eq!((same.total.percent(), same.total.alpha, same.judge), (Some(100), None, None));
    }

    /// Totals step by half a point of a hundred: ten and a half apart is more than ten.
    #[test]
    fn within_a_point_is_ten_of_a_hundred_and_no_more() {
        let near = |other: u16| Agreed::of(&[vec![700, other]], OF_TOTAL).within;
        assert_eq!([near(600), near(800), near(805), near(595)], [1, 1, 0, 0]);
        let points = |other: u16| Agreed::of(&[vec![70, other]], POINT).within;
        assert_eq!([points(60), points(80), points(81)], [1, 1, 0]);
    }

    #[test]
    fn the_judge_is_held_against_what_people_said_on_the_mean() {
        let (one, other, third) = (GenerationId::new(), GenerationId::new(), GenerationId::new());
        let score = |points: u8| Score::of([Points::whole(points); 5]);
        let people = [(one, score(6)), (one, score(8)), (other, score(3))];
        let judge = Agreement::of(&people, &[(one, score(8)), (other, score(9)), (third, score(5))]).and_then(|agreement| agreement.judge);
        let judge = judge.expect("both have scored two");
        assert_eq!((judge.pairs, judge.within, judge.alpha.is_some()), (2, 1, true));
        let alone = Agreement::of(&[(one, score(6))], &[(one, score(6))]).expect("one person and the judge");
        assert_eq!((alone.generations, alone.total.pairs, alone.judge.map(|judge| judge.within)), (0, 0, Some(1)));
        assert_eq!(Agreement::of(&people[..1], &[(third, score(5))]), None);
    }

    proptest! {
        #[test]
        fn alpha_is_never_above_one_and_one_where_all_agree(values in proptest::collection::vec(0_u8..=10, 2..20), people in 2_usize..5) {
            let units: Vec<Vec<f64>> = values.iter().map(|value| vec![f64::from(*value); people]).collect();
            match alpha(&units) {
                Some(alpha) => prop_assert!((alpha - 1.0).abs() < 1e-9),
                None => prop_assert!(values.iter().all(|value| *value == values[0])),
            }
            let mixed: Vec<Vec<f64>> = values.chunks(2).map(|pair| pair.iter().copied().map(f64::from).collect()).collect();
            prop_assert!(alpha(&mixed).is_none_or(|alpha| alpha <= 1.0 + 1e-9));
        }
    }
}
