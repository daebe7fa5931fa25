//! One suite for every wire dialect, against the scripted upstream over real connections.

mod accounts;
mod faults;
mod grounding;
mod house;
mod patience;
mod secrets;
mod tape;
