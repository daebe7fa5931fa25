//! Hubs over the Redis of the tests, and a Redis that may be stopped.

use hub::{Health, Hub, Settings};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Long enough for a machine that compiles meanwhile; tests about impatience have their own.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a test needs from outside, or why it cannot run.
pub fn needed(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `make test`, or eval \"$(make -s services)\" first"))
}

/// As many hubs as asked for, on the Redis of the tests, sharing with nobody else.
pub async fn replicas<const N: usize>() -> [Hub; N] {
    let (url, prefix) = (needed("PLANNER_TEST_REDIS"), format!("test-{}:", Uuid::new_v4().simple()));
    let mut hubs = Vec::new();
    for _ in 0..N {
        let settings = Settings { redis: Some(url.clone().into()), prefix: prefix.clone(), patience: PATIENCE, ..Settings::default() };
        let hub = Hub::open(settings).await.expect("a hub");
        assert_eq!(hub.health(), Health::Redis);
        hubs.push(hub);
    }
    hubs.try_into().expect("as many as asked for")
}

/// One that is shared and one that is not.
pub async fn both() -> [Hub; 2] {
    let [shared] = replicas().await;
    [shared, Hub::in_process()]
}

/// A Redis of one test.
pub struct Server {
    port: u16,
    process: Option<Child>,
    dir: tempfile::TempDir,
}

impl Server {
    /// One that runs.
    pub fn start() -> Self {
        let mut server = Self::stopped();
        server.run();
        server
    }

    /// One that does not run yet.
    pub fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        Self { port, process: None, dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Starts it, empty; returns when it listens.
    pub fn run(&mut self) {
        let process = Command::new(needed("PLANNER_TEST_REDIS_SERVER"))
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        self.process = Some(process);
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(20), "redis-server does not listen");
            std::thread::yield_now();
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).expect("it ends");
        }
    }

    /// It keeps its connections and answers nobody (`STOP`), or goes on (`CONT`).
    pub fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs").success());
    }

    /// How it is reached.
    pub fn settings(&self) -> Settings {
        Settings { redis: Some(format!("redis://127.0.0.1:{}", self.port).into()), patience: PATIENCE, ..Settings::default() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until it is so.
pub async fn eventually(what: &str, so: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !so().await {
        assert!(since.elapsed() < Duration::from_secs(20), "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
