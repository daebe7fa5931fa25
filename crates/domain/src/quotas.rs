//! The quota: how many generations somebody may begin in any hour. A true sliding window: what was taken at one moment comes back
//! exactly an hour later.

use crate::Timestamp;
use crate::tiers::Allowance;
use chrono::TimeDelta;

/// The length of the window.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many an hour.
    pub allowed: Allowance,
    /// Taken within the last hour.
    pub used: u32,
    /// When the oldest of them comes back.
    pub next_back: Option<Timestamp>,
}

impl Quota {
    /// What is left when these were taken, at moments within the window before `now`; others are not counted.
    pub fn standing(allowed: Allowance, taken: &[Timestamp], now: Timestamp) -> Self {
        let inside = || taken.iter().filter(|at| **at > now - WINDOW);
        let used = u32::try_from(inside().count()).unwrap_or(u32::MAX);
        Self { allowed, used, next_back: inside().min().map(|oldest| *oldest + WINDOW) }
    }

    /// How many may be begun now; `None` when there is no limit.
    pub fn left(&self) -> Option<u32> {
        self.allowed.most().map(|most| most.saturating_sub(self.used))
    }

    /// Whether one more may be begun now.
    pub fn allows_one(&self) -> bool {
        self.left() != Some(0)
    }

    /// When the next may be begun, if none may now. The oldest takes come back first, and where more were taken than are allowed
    /// (the tier went down) as many have to come back as there are too many.
    pub fn next_at(&self, taken: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
        let most = self.allowed.most()?;
        if self.used < most {
            return None;
        }
        let mut inside: Vec<Timestamp> = taken.iter().copied().filter(|at| *at > now - WINDOW).collect();
        inside.sort_unstable();
        let needed = (self.used - most) as usize;
        inside.get(needed).map(|at| *at + WINDOW)
    }
}

/// The moment under which a take is kept: never before the last one, so that clocks that differ cannot open the window twice.
pub fn moment_of(now: Timestamp, last: Option<Timestamp>) -> Timestamp {
    last.map_or(now, |last| last.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).expect("a moment")
    }

    #[test]
    fn what_was_taken_comes_back_an_hour_later() {
        let taken = [at(0), at(600), at(1200)];
        let quota = Quota::standing(Allowance::Most(3), &taken, at(1300));
        assert_eq!((quota.left(), quota.next_back, quota.next_at(&taken, at(1300))), (Some(0), Some(at(3600)), Some(at(3600))));
        let quota = Quota::standing(Allowance::Most(3), &taken, at(3600));
        assert_eq!((quota.left(), quota.next_at(&taken, at(3600))), (Some(1), None));
        // The tier went down: two have to come back first.
        let quota = Quota::standing(Allowance::Most(2), &taken, at(1300));
        assert_eq!((quota.left(), quota.next_at(&taken, at(1300))), (Some(0), Some(at(4200))));
        assert_eq!(Quota::standing(Allowance::Unlimited, &taken, at(1300)).left(), None);
    }

    proptest! {
        /// Whoever asks whenever they like, also with clocks that go back: no window of an hour has more than the limit, and whoever
        /// is refused is let in at the moment they were told.
        #[test]
        fn no_window_has_more_than_the_limit(most in 1u32..8, steps in prop::collection::vec(-300i64..1500, 1..120)) {
            let (mut taken, mut now) = (Vec::new(), at(0));
            for step in steps {
                now += TimeDelta::seconds(step);
                let moment = moment_of(now, taken.last().copied());
                let quota = Quota::standing(Allowance::Most(most), &taken, moment);
                if quota.allows_one() {
                    taken.push(moment);
                } else {
                    let next = quota.next_at(&taken, moment).expect("a moment");
                    prop_assert!(next > moment && next <= moment + WINDOW);
                    prop_assert!(Quota::standing(Allowance::Most(most), &taken, next).allows_one());
                }
            }
            for end in &taken {
                let inside = taken.iter().filter(|at| **at > *end - WINDOW && **at <= *end).count();
                prop_assert!(inside <= most as usize);
            }
        }
    }
}
