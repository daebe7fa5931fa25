//! The rubric by which an output is judged: five criteria of 0 to 10 points each, weighted to a total out of a hundred.
//!
//! Points are kept in tenths, so that sums and means are exact on every database. A criterion that could not be judged has no points;
//! the weights of the others then fill its place, so that "not judged" is neither good nor bad.

mod automatic;

pub use automatic::{Evidence, automatic};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an output is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// Facts can be verified, sources are real.
    Correctness,
    /// It is about this product, and would not fit any other.
    Relevance,
    /// Schema and required fields.
    Format,
    /// The brand voice throughout.
    Voice,
    /// It can be used as it is. Placeholder text is worth 0.
    Actionability,
}

impl Criterion {
    /// All there are, in the order people meet them.
    pub const ALL: [Self; 5] = [Self::Correctness, Self::Relevance, Self::Format, Self::Voice, Self::Actionability];

    /// As it is stored and sent.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Correctness => "correctness",
            Self::Relevance => "relevance",
            Self::Format => "format",
            Self::Voice => "voice",
            Self::Actionability => "actionability",
        }
    }

    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Correctness => "Correctness",
            Self::Relevance => "Relevance",
            Self::Format => "Format",
            Self::Voice => "Voice",
            Self::Actionability => "Actionability",
        }
    }

    /// What a reviewer asks themselves.
    pub const fn question(self) -> &'static str {
        match self {
            Self::Correctness => "Can its facts be verified, and are its sources real?",
            Self::Relevance => "Is it about this product, or would it fit any other?",
            Self::Format => "Is everything there, in the form it should have?",
            Self::Voice => "Does it keep the brand voice throughout?",
            Self::Actionability => "Could somebody use it as it is? Placeholder text is 0.",
        }
    }

    /// Its part of the total, in percent.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Correctness => 30,
            Self::Relevance => 25,
            Self::Format => 20,
            Self::Voice => 15,
            Self::Actionability => 10,
        }
    }

    /// Reads a stored key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|criterion| criterion.key() == key)
    }
}

/// Points for one criterion, in tenths: 0 to 100 tenths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Points(u8);

impl Points {
    /// Not usable at all.
    pub const NONE: Self = Self(0);
    /// Use as it is.
    pub const ALL: Self = Self(100);

    /// Whole points, as people and judges give them; `None` above ten.
    pub const fn whole(points: u8) -> Option<Self> {
        if points <= 10 { Some(Self(points * 10)) } else { None }
    }

    /// Tenths of points; `None` above a hundred.
    pub const fn of_tenths(tenths: u8) -> Option<Self> {
        if tenths <= 100 { Some(Self(tenths)) } else { None }
    }

    /// The nearest tenth; what lies outside of 0 to 10 is held at its end, and what is no number is 0.
    pub fn near(points: f64) -> Self {
        let tenths = (points * 10.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held between 0 and 100")]
        let tenths = if tenths.is_finite() { tenths.clamp(0.0, 100.0) as u8 } else { 0 };
        Self(tenths)
    }

    /// In tenths.
    pub const fn tenths(self) -> u8 {
        self.0
    }

    /// As a number of 0 to 10.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl TryFrom<u8> for Points {
    type Error = String;
    fn try_from(tenths: u8) -> Result<Self, String> {
        Self::of_tenths(tenths).ok_or_else(|| format!("{tenths} tenths are more than ten points"))
    }
}

impl From<Points> for u8 {
    fn from(points: Points) -> Self {
        points.0
    }
}

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(10) { write!(f, "{}", self.0 / 10) } else { write!(f, "{}.{}", self.0 / 10, self.0 % 10) }
    }
}

/// A total out of a hundred, in tenths: 0 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total(u16);

impl Total {
    /// Out of tenths; `None` above a thousand.
    pub const fn of_tenths(tenths: u16) -> Option<Self> {
        if tenths <= 1000 { Some(Self(tenths)) } else { None }
    }

    /// The mean of so many totals, which together have so many tenths; `None` of none.
    pub fn mean(count: u64, tenths: u64) -> Option<Self> {
        let mean = (2 * tenths + count).checked_div(2 * count)?;
        Self::of_tenths(u16::try_from(mean).ok()?)
    }

    /// In tenths.
    pub const fn tenths(self) -> u16 {
        self.0
    }

    /// What it is called.
    pub const fn band(self) -> Band {
        match self.0 {
            900.. => Band::Excellent,
            750..900 => Band::Good,
            600..750 => Band::Acceptable,
            400..600 => Band::Poor,
            _ => Band::Failing,
        }
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// A total in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below 40.
    Failing,
    /// 40 to 59.
    Poor,
    /// 60 to 74.
    Acceptable,
    /// 75 to 89.
    Good,
    /// 90 and above.
    Excellent,
}

impl Band {
    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Poor => "Poor",
            Self::Acceptable => "Acceptable",
            Self::Good => "Good",
            Self::Excellent => "Excellent",
        }
    }
}

/// Points by criterion; one that was not judged has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score([Option<Points>; 5]);

impl Score {
    /// Points for every criterion, in the order of [`Criterion::ALL`].
    pub const fn of(points: [Option<Points>; 5]) -> Self {
        Self(points)
    }

    /// The points of one criterion, if it was judged.
    pub const fn get(&self, criterion: Criterion) -> Option<Points> {
        self.0[criterion as usize]
    }

    /// The same with other points for one criterion.
    #[must_use]
    pub const fn with(mut self, criterion: Criterion, points: Option<Points>) -> Self {
        self.0[criterion as usize] = points;
        self
    }

    /// Whether every criterion was judged.
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// The weighted mean of what was judged, out of a hundred: `10 * sum(weight * points) / sum(weight)` over the judged criteria.
    /// `None` when nothing was judged.
    pub fn total(&self) -> Option<Total> {
        let judged = Criterion::ALL.into_iter().filter_map(|criterion| Some((criterion.weight(), self.get(criterion)?)));
        let (weights, sum) =
            judged.fold((0, 0), |(weights, sum), (weight, points)| (weights + weight, sum + weight * u32::from(points.tenths()) * 10));
        // Rounded half up, in whole numbers.
        let tenths = (2 * sum + weights).checked_div(2 * weights)?;
        Total::of_tenths(u16::try_from(tenths).ok()?)
    }
}

/// Why a criterion has the points it has, in a sentence each.
pub type Reasons = BTreeMap<Criterion, String>;

/// Who judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scorer {
    /// The program, by what can be measured.
    Automatic,
    /// A model.
    Judge,
    /// Somebody of the team.
    Person,
}

impl Scorer {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Judge, Self::Person];

    /// As it is stored.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Judge => "judge",
            Self::Person => "person",
        }
    }

    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Automatic => "Automatic",
            Self::Judge => "Judge model",
            Self::Person => "People",
        }
    }

    /// Reads a stored key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scorer| scorer.key() == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(points: [u8; 5]) -> Score {
        Score::of(points.map(Points::whole))
    }

    fn total(score: Score) -> String {
        score.total().map_or_else(|| "none".to_owned(), |total| total.to_string())
    }

    #[test]
    fn the_weights_are_a_hundred_percent() {
        assert_eq!(Criterion::ALL.into_iter().map(Criterion::weight).sum::<u32>(), 100);
        for (at, criterion) in Criterion::ALL.into_iter().enumerate() {
            assert_eq!(criterion as usize, at, "the order of ALL is the order of the declaration");
            assert_eq!(Criterion::from_key(criterion.key()), Some(criterion));
        }
        for scorer in Scorer::ALL {
            assert_eq!(Scorer::from_key(scorer.key()), Some(scorer));
        }
    }

    #[test]
    fn totals_are_weighted() {
        for (points, expected) in [
            ([10, 10, 10, 10, 10], "100.0"),
            ([0, 0, 0, 0, 0], "0.0"),
            ([10, 0, 0, 0, 0], "30.0"),
            ([0, 10, 0, 0, 0], "25.0"),
            ([0, 0, 10, 0, 0], "20.0"),
            ([0, 0, 0, 10, 0], "15.0"),
            ([0, 0, 0, 0, 10], "10.0"),
            ([8, 7, 10, 6, 9], "79.5"),
        ] {
            assert_eq!(total(whole(points)), expected, "{points:?}");
        }
    }

    #[test]
    fn what_was_not_judged_leaves_its_weight_to_the_others() {
        let without_voice = whole([8, 7, 10, 0, 9]).with(Criterion::Voice, None);
        // (30*8 + 25*7 + 20*10 + 10*9) / 85 * 10 = 82.94
        assert_eq!(total(without_voice), "82.9");
        assert!(!without_voice.is_whole());
        let format_alone = Score::default().with(Criterion::Format, Points::whole(7));
        assert_eq!(total(format_alone), "70.0");
        assert_eq!(total(Score::default()), "none");
    }

    #[test]
    fn a_band_begins_where_the_rubric_says() {
        let band = |tenths| Total::of_tenths(tenths).map(Total::band);
        for (tenths, expected) in [
            (1000, Band::Excellent),
            (900, Band::Excellent),
            (899, Band::Good),
            (750, Band::Good),
            (749, Band::Acceptable),
            (600, Band::Acceptable),
            (599, Band::Poor),
            (400, Band::Poor),
            (399, Band::Failing),
            (0, Band::Failing),
        ] {
            assert_eq!(band(tenths), Some(expected), "{tenths}");
        }
        assert_eq!(band(1001), None);
        assert_eq!(
            [Total::mean(0, 0), Total::mean(2, 1641), Total::mean(1, 2000)].map(|mean| mean.map(Total::tenths)),
            [None, Some(821), None]
        );
    }

    #[test]
    fn points_stay_between_nothing_and_ten() {
        assert_eq!(Points::whole(11), None);
        assert_eq!(Points::of_tenths(101), None);
        assert_eq!(
            [Points::near(-3.0), Points::near(7.26), Points::near(99.0), Points::near(f64::NAN)].map(Points::tenths),
            [0, 73, 100, 0]
        );
        assert_eq!([Points::near(7.0), Points::near(7.25)].map(|points| points.to_string()), ["7", "7.3"]);
    }

    proptest! {
        #[test]
        fn a_total_lies_between_the_worst_and_the_best_that_was_judged(tenths in proptest::array::uniform5(proptest::option::of(0_u8..=100))) {
            let score = Score::of(tenths.map(|tenths| tenths.and_then(Points::of_tenths)));
            let judged: Vec<u16> = tenths.iter().flatten().map(|tenths| u16::from(*tenths) * 10).collect();
            match score.total() {
                None => prop_assert!(judged.is_empty()),
                Some(total) => {
                    prop_assert!(judged.iter().min().is_some_and(|least| *least <= total.tenths()));
                    prop_assert!(judged.iter().max().is_some_and(|most| *most >= total.tenths()));
                }
            }
        }

        #[test]
        fn better_points_never_make_a_worse_total(at in 0_usize..5, points in proptest::array::uniform5(0_u8..=9)) {
            let mut better = points;
            better[at] += 1;
            prop_assert!(whole(better).total() > whole(points).total());
        }
    }
}
