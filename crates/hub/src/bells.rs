//! Who waits for news of which topic in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// The bells of this process, by topic.
#[derive(Debug, Default)]
pub(crate) struct Bells(Mutex<HashMap<Uuid, watch::Sender<()>>>);

/// Hears the rings for one topic.
#[derive(Debug)]
pub struct Listener {
    bells: Arc<Bells>,
    topic: Uuid,
    rings: watch::Receiver<()>,
}

impl Bells {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Uuid, watch::Sender<()>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever listens to a topic hears this.
    pub(crate) fn ring(&self, topic: Uuid) {
        self.with(|bells| bells.get(&topic).map(|bell| bell.send_replace(())));
    }

    /// Everybody hears this: rings may have been lost.
    pub(crate) fn ring_all(&self) {
        self.with(|bells| bells.values().for_each(|bell| bell.send_modify(|()| ())));
    }

    /// Hears every ring for a topic from now on.
    pub(crate) fn listen(bells: &Arc<Self>, topic: Uuid) -> Listener {
        let rings = bells.with(|bells| bells.entry(topic).or_insert_with(|| watch::Sender::new(())).subscribe());
        Listener { bells: Arc::clone(bells), topic, rings }
    }
}

impl Listener {
    /// Waits for a ring; one since the last call is enough. A ring means "look": there may be no news, and one ring may stand for many.
    pub async fn rung(&mut self) {
        if self.rings.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.bells.with(|bells| {
            // This listener is still counted.
            if bells.get(&self.topic).is_some_and(|bell| bell.receiver_count() <= 1) {
                bells.remove(&self.topic);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_listeners_that_are_gone() {
        let (bells, topic) = (Arc::new(Bells::default()), Uuid::from_u128(1));
        let (one, two) = (Bells::listen(&bells, topic), Bells::listen(&bells, topic));
        drop(one);
        assert_eq!(bells.with(|bells| bells.len()), 1);
        drop(two);
        assert_eq!(bells.with(|bells| bells.len()), 0);
    }
}
