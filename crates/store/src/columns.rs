//! How values are kept that the databases do not have alike: moments, counts, lists.

use crate::errors::Cause;
use chrono::SubsecRound;
use domain::Timestamp;
use domain::accounts::Email;
use domain::audit::Actor;
use domain::faults::Faults;
use domain::sections::SectionName;
use domain::usage::Tokens;
use sea_orm::JsonValue;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::LikeExpr;
use semver::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Takes away the meaning of the next character of a pattern.
const ESCAPE: char = '!';

/// A moment, cut to the microseconds that every database keeps.
pub(crate) fn moment(at: Timestamp) -> Timestamp {
    at.trunc_subsecs(6)
}

/// Where a page begins: before the last of the one before it, or at the newest, because no id comes after the last of all.
pub(crate) fn page_before(id: Option<Uuid>) -> Uuid {
    id.unwrap_or(Uuid::max())
}

/// A pattern for a text that begins with this one, whatever characters it has.
pub(crate) fn beginning(text: &str) -> LikeExpr {
    LikeExpr::new(format!("{}%", escaped(text))).escape(ESCAPE)
}

/// The same for a text that has this one in it.
pub(crate) fn part(text: &str) -> LikeExpr {
    LikeExpr::new(format!("%{}%", escaped(text))).escape(ESCAPE)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if ['%', '_', ESCAPE].contains(&c) {
            escaped.push(ESCAPE);
        }
        escaped.push(c);
    }
    escaped
}

/// A count as a signed column; one beyond its range stays at its end.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A list as a JSON column.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Result<JsonValue, sea_orm::DbErr> {
    serde_json::to_value(items).map_err(|fault| sea_orm::DbErr::Json(fault.to_string()))
}

/// A list out of a JSON column.
pub(crate) fn read_list<T: DeserializeOwned>(column: JsonValue) -> Result<Vec<T>, Cause> {
    Ok(serde_json::from_value(column)?)
}

/// A count out of a signed column.
pub(crate) fn read_count<N: TryFrom<i64, Error = std::num::TryFromIntError>>(column: i64) -> Result<N, Cause> {
    Ok(N::try_from(column)?)
}

/// Tokens out of their four columns: input, cached, output, thoughts.
pub(crate) fn read_tokens([input, cached, output, thoughts]: [i64; 4]) -> Result<Tokens, Cause> {
    Ok(Tokens { input: read_count(input)?, cached: read_count(cached)?, output: read_count(output)?, thoughts: read_count(thoughts)? })
}

/// Who did something, in one column.
pub(crate) fn actor(actor: Actor) -> String {
    match actor.account() {
        Some(owner) => format!("{}:{owner}", actor.key()),
        None => actor.key().to_owned(),
    }
}

/// Who did something out of that column.
pub(crate) fn read_actor(column: &str) -> Result<Actor, Cause> {
    let (key, owner) = column.split_once(':').map_or((column, None), |(key, owner)| (key, Some(owner)));
    let owner = owner.map(str::parse).transpose()?;
    Actor::from_parts(key, owner).ok_or_else(|| format!("\"{column}\" is not an actor").into())
}

/// A version out of a column.
pub(crate) fn read_version(column: &str) -> Result<Version, Cause> {
    Ok(Version::parse(column)?)
}

/// A section's name out of a column.
pub(crate) fn read_name(column: &str) -> Result<SectionName, Cause> {
    SectionName::parse(column).map_err(|faults: Faults| faults.into())
}

/// An address out of a column.
pub(crate) fn read_email(column: &str) -> Result<Email, Cause> {
    Email::parse(column).map_err(|faults: Faults| faults.into())
}
