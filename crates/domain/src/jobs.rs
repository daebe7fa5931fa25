//! Jobs: work that outlives the request and the process that asked for it.

use crate::Timestamp;
use crate::ids::{JobId, OwnerId};
use chrono::TimeDelta;
use serde_json::Value;
use uuid::Uuid;

/// Failures after which a job is given up and kept as dead.
pub const MOST_ATTEMPTS: u32 = 5;

/// Processes that may die over a job, without it getting on in between, before it is given up. They die for many reasons that are not
/// the job's, so there are more of them.
pub const MOST_DEATHS: u32 = 20;

/// How far the jobs of one owner are set apart in line, so that one owner's hundred do not delay another's one.
const SPACING: TimeDelta = TimeDelta::seconds(30);

/// Who comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The program's own, which are few and short.
    Program,
    /// Of paying members.
    Paid,
    /// Of everybody else.
    Free,
    /// What nobody waits for.
    Background,
}

impl Priority {
    /// The place in line as it is stored; smaller comes first.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Program => 0,
            Self::Paid => 10,
            Self::Free => 20,
            Self::Background => 30,
        }
    }
}

/// A job as it is put in line.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What is to be done; stored, so it never changes.
    pub kind: &'static str,
    /// For whom; nobody when it is the program's own.
    pub owner: Option<OwnerId>,
    /// A job of this kind with this key is put in line once and never again.
    pub unique_key: String,
    /// Ids of what it is about.
    pub payload: Value,
    /// Who comes first.
    pub priority: Priority,
    /// Not before.
    pub run_at: Timestamp,
    /// When it is put in line.
    pub now: Timestamp,
    /// Where the line has got to, if somebody stands in it.
    pub head: Option<Timestamp>,
}

/// The right to work on a job until it runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// This claim of it, and no other.
    pub token: Uuid,
}

/// A job that a worker has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The right to work on it.
    pub lease: Lease,
    /// What is to be done.
    pub kind: String,
    /// For whom.
    pub owner: Option<OwnerId>,
    /// Ids of what it is about.
    pub payload: Value,
    /// Which attempt this is, from one; processes that died over it are not counted.
    pub attempt: u32,
    /// Processes that died over it since it last got on.
    pub deaths: u32,
}

impl Claimed {
    /// Whether it has failed, or processes have died over it, too often to be tried again: it is to be given up.
    pub const fn is_hopeless(&self) -> bool {
        self.attempt > MOST_ATTEMPTS || self.deaths >= MOST_DEATHS
    }
}

/// How a worker's attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// It failed and is claimed again, at the last to be given up; the reason is kept.
    Failed(String),
    /// Something it needs was away, which is not its fault: it is tried again and nothing counts.
    Later(String),
    /// It cannot be done before a moment that is known, which is not its fault: it waits until then and nothing counts.
    At {
        /// Not before.
        at: Timestamp,
        /// Why; kept while it waits.
        reason: String,
    },
    /// What it was for is ended without it.
    Dead(String),
    /// The worker stops; somebody else may go on at once, and this attempt does not count.
    HandedBack,
}

/// The moment by which a job stands in line: where the line has got to, but at least some time behind the owner's last one that is
/// still open. Sorting by it serves owners in turns however long their jobs take, and nobody waits for ever (start-time fair queueing,
/// P. Goyal and others, 1996).
pub fn turn(now: Timestamp, head: Option<Timestamp>, last_open: Option<Timestamp>) -> Timestamp {
    let start = head.map_or(now, |head| head.min(now));
    last_open.map_or(start, |last| start.max(last + SPACING))
}

/// How long to wait before the next attempt: two seconds, doubled each time, five minutes at most, spread by a fifth so that jobs
/// that failed together are not tried together.
pub fn backoff(attempt: u32, chance: Uuid) -> TimeDelta {
    let seconds = 2_i64.saturating_pow(attempt.clamp(1, 10)).min(300);
    let spread = i64::from(chance.as_bytes()[15]) * seconds * 1000 / 5 / 255;
    TimeDelta::milliseconds(seconds * 1000 + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn one_owners_hundred_do_not_delay_anothers_one() {
        let mut line = Vec::new();
        let mut last = None;
        for _ in 0..100 {
            let place = turn(at(0), None, last);
            last = Some(place);
            line.push((place, "many"));
        }
        // An hour later ten of them are done.
        line.drain(..10);
        line.push((turn(at(3600), Some(line[0].0), None), "one"));
        line.sort();
        assert_eq!(line.iter().position(|(_, who)| *who == "one"), Some(1));
    }

    #[test]
    fn waiting_grows_to_a_limit_and_is_spread() {
        let waits: Vec<i64> = (1..12).map(|attempt| backoff(attempt, Uuid::nil()).num_seconds()).collect();
        assert_eq!(&waits[..4], [2, 4, 8, 16]);
        assert_eq!(waits.last(), Some(&300));
        assert_eq!(backoff(1, Uuid::max()).num_milliseconds(), 2400);
    }
}
