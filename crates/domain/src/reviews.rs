//! The weekly review: which generations people look at, which of them stand side by side, and how far reviewers agree.
//!
//! A week is one of the ISO calendar (Monday to Sunday, UTC). What is sampled follows from the ids of what was made in it and from nothing
//! else: everybody sees the same sample, and a week that is over never changes.

mod agreement;

pub use agreement::{Agreed, Agreement};

use crate::Timestamp;
use crate::ids::{GenerationId, OwnerId};
use crate::sections::SectionName;
use chrono::{Datelike as _, IsoWeek, NaiveDate, TimeDelta, Weekday};
use regex::{Captures, Regex};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How many generations a week are looked at.
pub const SAMPLE: usize = 50;

/// A week of the ISO calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(NaiveDate);

impl Week {
    /// The week of a moment.
    pub fn of(at: Timestamp) -> Self {
        let day = at.date_naive();
        Self(day - TimeDelta::days(day.weekday().num_days_from_monday().into()))
    }

    /// Reads `2026-W09`.
    pub fn from_key(key: &str) -> Option<Self> {
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        let (year, week) = key.split_once("-W").filter(|(year, week)| digits(year, 4) && digits(week, 2))?;
        NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon).map(Self)
    }

    /// As `2026-W09`, which sorts as the weeks do.
    pub fn key(self) -> String {
        let week: IsoWeek = self.0.iso_week();
        format!("{:04}-W{:02}", week.year(), week.week())
    }

    /// Its Monday.
    pub const fn monday(self) -> NaiveDate {
        self.0
    }

    /// Its Sunday.
    pub fn sunday(self) -> NaiveDate {
        self.0 + TimeDelta::days(6)
    }

    /// The one before.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0 - TimeDelta::weeks(1))
    }

    /// The one after.
    #[must_use]
    pub fn after(self) -> Self {
        Self(self.0 + TimeDelta::weeks(1))
    }
}

impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key())
    }
}

/// A generation's lot, 0 to 2^31 - 1. Of each stratum the lowest are looked at by people, and of all the judge model scores the lowest, so
/// that some are scored by both; the more strata there are, the fewer. It is mixed (splitmix64, S. Vigna) out of the part of the id that is chance.
pub const fn lot(id: GenerationId) -> u32 {
    let (_, chance) = id.0.as_u64_pair();
    let mut mixed = chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    // The upper 31 bits.
    ((mixed ^ (mixed >> 31)) >> 33) as u32
}

/// Whether a lot is among a share (0 to 1) of all.
pub fn is_drawn(lot: u32, share: f64) -> bool {
    f64::from(lot) < share * f64::from(1_u32 << 31)
}

/// Which version of a section's prompt and which model wrote something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    /// Release the template came from.
    pub prompt_version: String,
    /// `provider:model`.
    pub model: String,
}

/// A generation that could be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The generation.
    pub generation: GenerationId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Its section.
    pub section: SectionName,
    /// What wrote it.
    pub variant: Variant,
    /// The week it was made in.
    pub week: Week,
    /// Its lot, as [`lot`] draws it.
    pub lot: u32,
}

/// One thing to look at: a generation, or two of the same section by different variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The one that gives the item its name.
    pub first: Candidate,
    /// The one beside it.
    pub second: Option<Candidate>,
}

impl Item {
    /// Both, or the one.
    pub fn parts(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// As this reviewer sees them, A before B: which one is A is another chance for every reviewer and item.
    pub fn seen_by(&self, reviewer: OwnerId) -> Vec<&Candidate> {
        let mut parts: Vec<&Candidate> = self.parts().collect();
        let (high, low) = reviewer.0.as_u64_pair();
        let (first, chance) = self.first.generation.0.as_u64_pair();
        let mixed = GenerationId(uuid::Uuid::from_u64_pair(first ^ high, chance ^ low ^ high.rotate_left(17)));
        if lot(mixed) % 2 == 1 {
            parts.reverse();
        }
        parts
    }
}

/// The sample of what was made: strata are sections by variant, and each gives its lowest lots in turn, the largest first, until there are
/// enough. So a rare section is looked at too; and where there are more strata than places, it is the rarest that are not.
pub fn sample(candidates: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    let mut strata: BTreeMap<(SectionName, Variant), Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        strata.entry((candidate.section.clone(), candidate.variant.clone())).or_default().push(candidate);
    }
    let mut strata: Vec<Vec<Candidate>> = strata.into_values().collect();
    for stratum in &mut strata {
        // Taken from the end.
        stratum.sort_by_key(|candidate| Reverse((candidate.lot, candidate.generation)));
    }
    strata.sort_by_key(|stratum| (Reverse(stratum.len()), stratum.last().map(|least| (least.lot, least.generation))));
    let mut taken = Vec::new();
    while taken.len() < most && strata.iter().any(|stratum| !stratum.is_empty()) {
        let wanted = most - taken.len();
        taken.extend(strata.iter_mut().filter_map(Vec::pop).take(wanted));
    }
    taken
}

/// The sample as things to look at: in each section whoever can stand beside another variant does, lowest lots first. In the order of
/// sections, pairs before single ones.
pub fn items(sample: Vec<Candidate>) -> Vec<Item> {
    let mut sections: BTreeMap<SectionName, Vec<Candidate>> = BTreeMap::new();
    for candidate in sample {
        sections.entry(candidate.section.clone()).or_default().push(candidate);
    }
    let mut items = Vec::new();
    for (_, mut waiting) in sections {
        waiting.sort_by_key(|candidate| (candidate.lot, candidate.generation));
        let mut single = Vec::new();
        while !waiting.is_empty() {
            let first = waiting.remove(0);
            match waiting.iter().position(|other| other.variant != first.variant) {
                Some(at) => items.push(Item { first, second: Some(waiting.remove(at)) }),
                None => single.push(Item { first, second: None }),
            }
        }
        items.extend(single);
    }
    items
}

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+\.[\p{L}\d-]{2,}"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\+\d[\d ()./-]{6,}\d"));
/// A number as it is written in its own country, with what stands before it: an area code in brackets, a leading zero, or three, three and
/// four digits. What belongs to a word, an amount or an article number is none.
static NATIONAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(^|[^\w$€£¥.,/-])(\(\d{2,5}\)[ ./-]{0,2}\d[\d ./-]{4,}\d|0\d(?:[ ()./-]{0,2}\d){6,}|\d{3}[ .-]\d{3}[ .-]\d{4})\b")
});
/// A date in figures, which has as many digits.
static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d{1,2}[./-]\d{1,2}[./-]\d{4}\b"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

/// A text without e-mail addresses and telephone numbers, as far as they look like some: who looks at somebody's plan need not know how to
/// reach them.
pub fn without_addresses(text: &str) -> String {
    let text = ADDRESS.replace_all(text, "[address]");
    let text = NUMBER.replace_all(&text, "[number]");
    let national = |found: &Captures<'_>| {
        if DATE.is_match(&found[2]) { found[0].to_owned() } else { format!("{}[number]", &found[1]) }
    };
    NATIONAL.replace_all(&text, national).into_owned()
}

/// The same for every text of an output.
pub fn output_without_addresses(output: Value) -> Value {
    match output {
        Value::String(text) => Value::String(without_addresses(&text)),
        Value::Array(items) => items.into_iter().map(output_without_addresses).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, output_without_addresses(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nobody_can_be_reached_by_what_reviewers_see() {
        for (text, seen) in [
            ("Write to ana.lee+shop@example.co.uk, or call", "Write to [address], or call"),
            ("<ana@example.com>", "<[address]>"),
            ("call +44 20 7946 0958 today", "call [number] today"),
            ("call (555) 123-4567 or 555-123-4567", "call [number] or [number]"),
            ("020 7946 0958, 0170 1234567, 030/1234567", "[number], [number], [number]"),
            ("by 01.12.2026 or 2026-11-24, 2026-2027", "by 01.12.2026 or 2026-11-24, 2026-2027"),
            (
                "SKU-0170-1234567, $0800 1234567, 100-120 pairs of 1000-1500, 0.5 to 0.75 kg",
                "SKU-0170-1234567, $0800 1234567, 100-120 pairs of 1000-1500, 0.5 to 0.75 kg",
            ),
            ("$1,299-$1,499, SKU BOOT-VGN-38, 0.5 kg, @brand, 100 + 20", "$1,299-$1,499, SKU BOOT-VGN-38, 0.5 kg, @brand, 100 + 20"),
        ] {
            assert_eq!(without_addresses(text), seen);
        }
        let output = serde_json::json!({"a": ["x@y.org", 7], "b": {"c": null}});
        assert_eq!(output_without_addresses(output), serde_json::json!({"a": ["[address]", 7], "b": {"c": null}}));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn candidate(section: &str, version: &str, lot: u32) -> Candidate {
        Candidate {
            generation: GenerationId::new(),
            owner: OwnerId::new(),
            section: SectionName::parse(section).expect("a name"),
            variant: Variant { prompt_version: version.into(), model: "gemini:flash".into() },
            week: Week::of(at("2026-11-24T18:00:00Z")),
            lot,
        }
    }

    #[test]
    fn a_week_is_one_of_the_iso_calendar() {
        for (moment, key) in [
            ("2026-01-01T00:00:00Z", "2026-W01"),
            ("2025-12-29T00:00:00Z", "2026-W01"),
            ("2025-12-28T23:59:59Z", "2025-W52"),
            ("2021-01-03T12:00:00Z", "2020-W53"),
            ("2026-11-24T18:00:00Z", "2026-W48"),
        ] {
            let week = Week::of(at(moment));
            assert_eq!(week.key(), key);
            assert_eq!(Week::from_key(key), Some(week));
            assert_eq!(week.after().before(), week);
            assert!(week.monday() <= at(moment).date_naive() && at(moment).date_naive() <= week.sunday());
        }
        for bad in ["", "2026", "2026-W00", "2026-W54", "2026-W9", "26-W09", "2026-w09", "2026-W09; DROP", "-026-W09", "2021-W53"] {
            assert_eq!(Week::from_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_share_of_lots_is_a_share_of_generations() {
        let ids: Vec<GenerationId> = (0..20_000).map(|_| GenerationId::new()).collect();
        for share in [0.0, 0.05, 0.5, 1.0] {
            let drawn = ids.iter().filter(|id| is_drawn(lot(**id), share)).count();
            let expected = 20_000.0 * share;
            #[expect(clippy::cast_precision_loss, reason = "a small count")]
            let off = (drawn as f64 - expected).abs();
            assert!(off <= 400.0, "{drawn} of {expected}");
        }
        assert_eq!(lot(ids[0]), lot(ids[0]));
    }

    #[test]
    fn every_stratum_is_looked_at_before_the_second_of_another() {
        let mut made: Vec<Candidate> = (0..200).map(|lot| candidate("smart-goals", "1.0.0", lot)).collect();
        made.push(candidate("swot", "1.0.0", 2_000_000_000));
        made.push(candidate("smart-goals", "1.1.0", 2_000_000_001));
        let taken = sample(made.clone(), 5);
        assert_eq!(taken.len(), 5);
        assert!(taken.iter().any(|c| c.section.as_str() == "swot") && taken.iter().any(|c| c.variant.prompt_version == "1.1.0"));
        let lots: Vec<u32> = taken.iter().filter(|c| c.lot < 1000).map(|c| c.lot).collect();
        assert_eq!(lots, [0, 1, 2]);
        made.reverse();
        assert_eq!(sample(made.clone(), 5), taken, "in whatever order they came");
        assert_eq!(sample(made, 1000).len(), 202);
    }

    #[test]
    fn what_is_made_most_is_looked_at_however_many_variants_there_are() {
        let mut made = Vec::new();
        for version in 0..60 {
            made.extend((0..2).map(|lot| candidate("swot", &format!("2.0.{version}"), lot)));
        }
        made.extend((0..900).map(|lot| candidate("smart-goals", "1.0.0", 3000 + lot)));
        let taken = sample(made, SAMPLE);
        assert_eq!(taken.len(), SAMPLE);
        assert!(taken.iter().any(|candidate| candidate.section.as_str() == "smart-goals"));
    }

    #[test]
    fn variants_of_a_section_stand_side_by_side() {
        let made = vec![
            candidate("swot", "1.0.0", 9),
            candidate("smart-goals", "1.0.0", 1),
            candidate("smart-goals", "1.0.0", 2),
            candidate("smart-goals", "1.1.0", 3),
            candidate("swot", "1.0.0", 4),
        ];
        let paired = super::items(made);
        let seen: Vec<_> =
            paired.iter().map(|item| (item.first.section.as_str(), item.first.lot, item.second.as_ref().map(|c| c.lot))).collect();
        assert_eq!(seen, [("smart-goals", 1, Some(3)), ("smart-goals", 2, None), ("swot", 4, None), ("swot", 9, None)]);
    }

    #[test]
    fn which_is_a_is_another_chance_for_every_reviewer() {
        let item = Item { first: candidate("swot", "1.0.0", 1), second: Some(candidate("swot", "1.1.0", 2)) };
        let reviewers: Vec<OwnerId> = (0..400).map(|_| OwnerId::new()).collect();
        let first = reviewers.iter().filter(|reviewer| item.seen_by(**reviewer)[0] == &item.first).count();
        assert!((140..=260).contains(&first), "{first} of 400");
        assert_eq!(item.seen_by(reviewers[0]), item.seen_by(reviewers[0]), "the same when the page is opened again");
    }

    proptest! {
        #[test]
        fn nothing_is_sampled_twice_or_lost(lots in proptest::collection::vec((0_u32..1000, 0_usize..3, 0_usize..2), 0..80), most in 0_usize..60) {
            let made: Vec<Candidate> = lots.iter().map(|(lot, section, version)| candidate(["swot", "brand", "goals"][*section], ["1.0.0", "1.1.0"][*version], *lot)).collect();
            let taken = sample(made.clone(), most);
            prop_assert_eq!(taken.len(), most.min(made.len()));
            let parts: Vec<GenerationId> = items(taken.clone()).iter().flat_map(Item::parts).map(|part| part.generation).collect();
            prop_assert_eq!(parts.len(), taken.len());
            let distinct: std::collections::BTreeSet<_> = parts.iter().collect();
            prop_assert_eq!(distinct.len(), taken.len());
        }
    }
}
