//! Connections: accepted, held to limits no honest browser meets, and ended in good order.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::Request as HttpRequest;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;
use tower_http::timeout::TimeoutBody;

/// How long a body may say nothing before it is given up.
const BODY_SILENCE: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted, because the process has too many files open.
const BREATH: Duration = Duration::from_millis(200);

/// What one connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until when a request's head has to be there, from the moment it may begin.
    pub head: Duration,
    /// Largest head, in bytes.
    pub largest_head: usize,
    /// Most connections at a time.
    pub most: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(15), largest_head: 32 * 1024, most: 8192 }
    }
}

/// Answers connections until `stop`; then those that are busy end by themselves, and none begins another request.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: CancellationToken) -> io::Result<()> {
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(patience.most));
    loop {
        // Whoever comes when there is no room waits at the door, where the system keeps a short line.
        let place = tokio::select! {
            place = Arc::clone(&room).acquire_owned() => place.ok(),
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let talk = connection(stream, peer, router.clone(), patience, stop.clone());
                connections.spawn(async move {
                    talk.await;
                    drop(place);
                });
            }
            // Somebody hung up before they were let in, or there are no files left: neither is a reason to stop.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, patience: Patience, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: HttpRequest<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(patience.largest_head);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// A body that falls silent is given up: whoever sends a byte a minute would hold its memory for ever.
pub(crate) async fn impatient(request: Request) -> Request {
    request.map(|body| Body::new(TimeoutBody::new(BODY_SILENCE, body)))
}
