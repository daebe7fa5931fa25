//! A Redis that goes away: nobody waits for it, nothing fails, and it is used again when it is back.

use crate::place::{Server, eventually};
use hub::{CacheKey, Health, Hit, Hub, Limit};
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;

const TEN: Limit = Limit { per_hour: 10 };

async fn answer(hub: &Hub, name: &str) -> Hit {
    let key = CacheKey::builder().part("test", name).finish();
    let Ok((_, hit)) = hub.cached(&key, Duration::from_mins(1), async { Ok::<_, Infallible>((1, true)) }).await;
    hit
}

async fn is_away(hub: &Hub) {
    eventually("Redis is away", async || matches!(hub.health(), Health::RedisAway { .. })).await;
}

async fn is_back(hub: &Hub) {
    eventually("Redis is back", async || hub.health() == Health::Redis).await;
}

/// What is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).matches(text).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn it_goes_and_comes_back() {
    let log = Log::default();
    let writer = log.clone();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::fmt().with_writer(move || writer.clone()).finish());
    let mut server = Server::start();
    let (one, two) = (Hub::open(server.settings()).await.expect("a hub"), Hub::open(server.settings()).await.expect("a hub"));
    for round in 1..=2 {
        let topic = Uuid::new_v4();
        let mut listener = two.listen(topic);
        server.kill();
        for hub in [&one, &two] {
            is_away(hub).await;
            assert_eq!(answer(hub, &format!("made while away {round}")).await, Hit::Made);
            assert_eq!(answer(hub, &format!("made while away {round}")).await, Hit::Process);
            assert!(hub.take("plans", &format!("ana {round}"), TEN).await.allowed);
        }
        one.ring(topic);
        server.run();
        is_back(&one).await;
        is_back(&two).await;
        // Rings may be lost, so whoever listens looks when the line goes and when it comes.
        listener.rung().await;
        assert_eq!(answer(&one, &format!("made when back {round}")).await, Hit::Made);
        assert_eq!(answer(&two, &format!("made when back {round}")).await, Hit::Redis);
        let mut listener = two.listen(topic);
        one.ring(topic);
        tokio::time::timeout(Duration::from_secs(20), listener.rung()).await.expect("it rings");
        assert_eq!((log.lines("Redis is away"), log.lines("Redis is back")), (2 * round, 2 * round));
    }
}

#[tokio::test]
async fn a_redis_that_hangs_keeps_nobody_waiting() {
    let server = Server::start();
    let patience = hub::Settings::default().patience;
    let hub = Hub::open(hub::Settings { patience, ..server.settings() }).await.expect("a hub");
    assert!(hub.take("generations", "ana", TEN).await.allowed);
    server.signal("STOP");
    let since = Instant::now();
    let takes = futures::future::join_all((0..100).map(|_| hub.take("generations", "ana", TEN))).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert_eq!(takes.iter().filter(|taken| taken.allowed).count(), 9, "what was taken before is remembered");
    is_away(&hub).await;
    let since = Instant::now();
    for n in 0..1000 {
        hub.take("generations", &n.to_string(), TEN).await;
        answer(&hub, "hangs").await;
    }
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}: the circuit is open", since.elapsed());
    server.signal("CONT");
    is_back(&hub).await;
}

#[tokio::test]
async fn nobody_hangs_on_a_making_when_it_goes() {
    let mut server = Server::start();
    let hub = Hub::open(server.settings()).await.expect("a hub");
    let key = CacheKey::builder().finish();
    let making = async {
        server.kill();
        is_away(&hub).await;
        Ok::<_, Infallible>((1, true))
    };
    let Ok(made) =
        tokio::time::timeout(Duration::from_secs(20), hub.cached(&key, Duration::from_mins(1), making)).await.expect("no hanging");
    assert_eq!(made, (1, Hit::Made));
    tokio::time::timeout(Duration::from_secs(5), hub.shut_down()).await.expect("it shuts down");
}
