//! The upstream as a test holds it: start it, script it, ask it what it was asked.

use crate::call::Call;
use crate::script::{Fault, Script};
use crate::serve::{Shared, lock, router, stopped};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A model provider that does as it is told, on a port of its own. It stops when it is dropped; calls that wait end with it.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Closing it is the word to stop.
    _stop: watch::Sender<()>,
    /// Aborts the listener when dropped.
    _tasks: JoinSet<()>,
}

impl Upstream {
    /// On a free port of the loopback address.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        Self::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free loopback port")
    }

    /// On a given address.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(());
        let shared = Arc::new(Shared::new(stopping.clone()));
        let app = router(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Connections outlive the listener; the signal closes those that are idle.
            drop(axum::serve(listener, app).with_graceful_shutdown(stopped(stopping)).await);
        });
        Ok(Self { address, shared, _stop: stop, _tasks: tasks })
    }

    /// The base address of every dialect, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every answer, errors too, begins after this long.
    pub fn latency(&self, latency: Duration) -> &Self {
        lock(&self.shared.script).latency = latency;
        self
    }

    /// Thinking tokens that every answer reports.
    pub fn thoughts(&self, tokens: u64) -> &Self {
        lock(&self.shared.script).thoughts = tokens;
        self
    }

    /// Tokens of every prompt that are reported as cached, at most all of them.
    pub fn cached(&self, tokens: u64) -> &Self {
        lock(&self.shared.script).cached = tokens;
        self
    }

    /// The next call that no condition claims has this fault; several wait in line.
    pub fn then(&self, fault: Fault) -> &Self {
        lock(&self.shared.script).next.push_back(fault);
        self
    }

    /// The fault of every call that neither a condition nor the line claims.
    pub fn always(&self, fault: Option<Fault>) -> &Self {
        lock(&self.shared.script).always = fault;
        self
    }

    /// The fault of the calls it holds for. Conditions are asked in the order they were given, before the line. The call has no
    /// output tokens yet, and the condition must not script the upstream.
    pub fn when(&self, condition: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) -> &Self {
        lock(&self.shared.script).when.push(Box::new(condition));
        self
    }

    /// Faults that still wait in line for a call.
    pub fn waiting(&self) -> Vec<Fault> {
        lock(&self.shared.script).next.iter().cloned().collect()
    }

    /// Every call since the start or [`Upstream::reset`], in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// The calls that are under way now.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::SeqCst)
    }

    /// The most calls that were under way at one time, from arrival to the end of the answer.
    pub fn max_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::SeqCst)
    }

    /// Forgets the script and the calls.
    pub fn reset(&self) {
        *lock(&self.shared.script) = Script::default();
        lock(&self.shared.calls).clear();
        self.shared.most_in_flight.store(self.shared.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}
