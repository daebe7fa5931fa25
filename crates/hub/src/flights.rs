//! One making at a time of one answer in this process; whoever comes meanwhile waits for it.

use crate::keys::CacheKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::MutexGuard;

/// An answer as it is kept: JSON.
pub(crate) type Json = Arc<[u8]>;

/// What one maker leaves for those who wait. Its lock is the turn: a maker who fails, panics or hangs up gives the turn to the next.
type Slot = tokio::sync::Mutex<Option<Json>>;

/// What is being made.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<CacheKey, Arc<Slot>>>);

/// A place among those who want one answer.
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    key: CacheKey,
    slot: Arc<Slot>,
}

impl Flights {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<CacheKey, Arc<Slot>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Joins those who want this answer.
    pub(crate) fn join(&self, key: CacheKey) -> Flight<'_> {
        let slot = self.with(|flights| Arc::clone(flights.entry(key).or_default()));
        Flight { flights: self, key, slot }
    }
}

impl Flight<'_> {
    /// Waits for the turn; if somebody made the answer meanwhile, it is in there.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, Option<Json>> {
        self.slot.lock().await
    }

    /// Those who wait share what was made; whoever comes from now on begins anew.
    pub(crate) fn land(&self, mut turn: MutexGuard<'_, Option<Json>>, made: Json) {
        *turn = Some(made);
        self.flights.with(|flights| {
            if flights.get(&self.key).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
                flights.remove(&self.key);
            }
        });
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.flights.with(|flights| {
            // This one and the map's are the last two.
            let last = |slot: &Arc<Slot>| Arc::ptr_eq(slot, &self.slot) && Arc::strong_count(slot) <= 2;
            if flights.get(&self.key).is_some_and(last) {
                flights.remove(&self.key);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_flights_that_are_over() {
        let (flights, key) = (Flights::default(), CacheKey::builder().finish());
        let (one, two) = (flights.join(key), flights.join(key));
        drop(one);
        assert_eq!(flights.with(|flights| flights.len()), 1);
        two.land(two.turn().await, Json::from([1]));
        assert_eq!(flights.with(|flights| flights.len()), 0);
        let newer = flights.join(key);
        assert!(newer.turn().await.is_none(), "it does not get the old answer");
        drop(two);
        assert_eq!(flights.with(|flights| flights.len()), 1, "the older flight does not end the newer one");
    }
}
