//! Rings: heard by whoever listens to their topic, in every replica.

use crate::place::{both, replicas};
use hub::Listener;
use std::time::Duration;
use uuid::Uuid;

async fn rung(listener: &mut Listener) {
    tokio::time::timeout(Duration::from_secs(20), listener.rung()).await.expect("it rings");
}

async fn quiet(listener: &mut Listener) {
    assert!(tokio::time::timeout(Duration::from_millis(300), listener.rung()).await.is_err(), "nobody rang");
}

#[tokio::test]
async fn whoever_listens_hears_every_ring_once() {
    for hub in both().await {
        let (topic, other) = (Uuid::new_v4(), Uuid::new_v4());
        hub.ring(topic);
        let (mut one, mut two, mut third) = (hub.listen(topic), hub.listen(topic), hub.listen(other));
        hub.ring(topic);
        rung(&mut one).await;
        rung(&mut two).await;
        quiet(&mut one).await;
        quiet(&mut third).await;
        // A ring while one looks is heard at the next waiting.
        hub.ring(topic);
        hub.ring(topic);
        rung(&mut one).await;
    }
}

#[tokio::test]
async fn replicas_hear_each_other_and_not_themselves() {
    let [one, two] = replicas().await;
    let topic = Uuid::new_v4();
    let (mut here, mut there, mut other) = (one.listen(topic), two.listen(topic), two.listen(Uuid::new_v4()));
    one.ring(topic);
    rung(&mut here).await;
    rung(&mut there).await;
    quiet(&mut here).await;
    quiet(&mut other).await;
    two.ring(topic);
    rung(&mut here).await;
}

#[tokio::test]
async fn what_was_rung_is_sent_before_a_hub_shuts_down() {
    let [one, two] = replicas().await;
    let topics: Vec<Uuid> = (0..1000).map(|_| Uuid::new_v4()).collect();
    let mut listeners: Vec<Listener> = topics.iter().map(|topic| two.listen(*topic)).collect();
    for topic in &topics {
        one.ring(*topic);
    }
    one.shut_down().await;
    for listener in &mut listeners {
        rung(listener).await;
    }
}
