//! What the hub promises, in this process and through a real Redis.

mod answers;
mod away;
mod keys;
mod limits;
mod opening;
mod place;
mod rings;
