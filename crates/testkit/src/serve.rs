//! Takes a request, records it, and delivers the answer or its fault over HTTP.

use crate::answer::Answer;
use crate::call::{Call, Dialect};
use crate::question::Question;
use crate::script::{Fault, Script};
use crate::wire;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// So long an answer that breaks off rests before it does, for its first half to get through.
const FLUSH: Duration = Duration::from_millis(20);

/// What the handler and the test share.
pub(crate) struct Shared {
    pub(crate) script: Mutex<Script>,
    pub(crate) calls: Mutex<Vec<Call>>,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    served: AtomicUsize,
    /// Closed when the upstream is gone.
    stop: watch::Receiver<()>,
}

/// A lock; one that a panicking test has left behind is taken over.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when the upstream is gone.
pub(crate) async fn stopped(mut stop: watch::Receiver<()>) {
    while stop.changed().await.is_ok() {}
}

/// Counts a call from its arrival to the end of its answer.
struct InFlight(Arc<Shared>);

impl InFlight {
    fn enter(shared: &Arc<Shared>) -> Self {
        let now = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is to be done about a call.
struct Plan {
    dialect: Dialect,
    answer: Answer,
    fault: Option<Fault>,
    stream: bool,
    /// Gemini's `alt=sse`.
    sse: bool,
    latency: Duration,
}

impl Shared {
    pub(crate) fn new(stop: watch::Receiver<()>) -> Self {
        Self {
            script: Mutex::default(),
            calls: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
            stop,
        }
    }

    /// Records the call and settles what becomes of it. An error is a sentence for whoever asked wrongly.
    fn plan(&self, uri: &Uri, headers: &HeaderMap, body: Value) -> Result<Plan, (Dialect, String)> {
        let (dialect, action) = wire::route(uri.path()).ok_or((Dialect::OpenAi, "nobody listens here".to_owned()))?;
        let query = uri.query().unwrap_or_default();
        let question = Question::read(dialect, action.as_deref(), &body);
        let asked = question.clone().unwrap_or_default();
        let mut call = Call {
            path: uri.path().to_owned(),
            dialect,
            model: asked.model.clone(),
            prompt: asked.prompt.clone(),
            body,
            key_present: ["x-goog-api-key", "x-api-key", "authorization"]
                .iter()
                .any(|name| headers.get(*name).is_some_and(|key| !key.is_empty())),
            request_id: headers.get("x-client-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
            at: Instant::now(),
            fault: None,
            input_tokens: 0,
            output_tokens: 0,
        };
        if let Err(message) = question {
            call.fault = Some("rejected".to_owned());
            lock(&self.calls).push(call);
            return Err((dialect, message));
        }
        let mut script = lock(&self.script);
        call.input_tokens = Answer::input(&asked);
        let fault = script.turn(&call, asked.schema.as_ref().map(|schema| format!("{:?} {schema}", asked.product())));
        let number = self.served.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = Answer::new(&asked, fault.as_ref(), script.thoughts, script.cached, number);
        call.fault = fault.as_ref().map(Fault::name);
        call.output_tokens = if fault.as_ref().is_some_and(Fault::is_silent) { 0 } else { answer.usage.output + answer.usage.thoughts };
        lock(&self.calls).push(call);
        Ok(Plan { dialect, answer, fault, stream: asked.stream, sse: query.contains("alt=sse"), latency: script.latency })
    }
}

/// Every path of every dialect.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let paths =
        ["/v1/models/{action}", "/v1beta/models/{action}", "/v1/chat/completions", "/chat/completions", "/v1/messages", "/api/chat"];
    let router = paths.iter().fold(Router::new(), |router, path| router.route(path, post(handle)));
    router.layer(DefaultBodyLimit::disable()).with_state(shared)
}

async fn handle(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> Response {
    let guard = InFlight::enter(&shared);
    let asked = serde_json::from_slice(&bytes).unwrap_or_default();
    let plan = match shared.plan(&uri, &headers, asked) {
        Ok(plan) => plan,
        Err((dialect, message)) => return failed(dialect, 400, &message, None),
    };
    tokio::select! {
        () = tokio::time::sleep(plan.latency) => {}
        () = stopped(shared.stop.clone()) => return failed(plan.dialect, 503, "The upstream stops.", None),
    }
    match plan.fault {
        Some(Fault::Status { code, retry_after }) => failed(plan.dialect, code, "Scripted to fail.", retry_after),
        Some(Fault::Hang) => {
            stopped(shared.stop.clone()).await;
            failed(plan.dialect, 503, "The upstream stops.", None)
        }
        _ => deliver(plan, guard),
    }
}

/// An error with the dialect's body. Whoever does not say in it when to come back says so in `retry-after`.
fn failed(dialect: Dialect, code: u16, message: &str, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = wire::error(dialect, code, message, retry_after).to_string();
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], error).into_response();
    if let Some(seconds) = retry_after.filter(|_| dialect != Dialect::Gemini) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn deliver(plan: Plan, guard: InFlight) -> Response {
    let (kind, mut frames) = if plan.stream {
        wire::stream(plan.dialect, &plan.answer, plan.sse)
    } else {
        ("application/json", vec![wire::whole(plan.dialect, &plan.answer).to_string()])
    };
    if plan.fault == Some(Fault::MalformedWire) {
        frames = vec![if kind == "text/event-stream" { "data: {\"oops\n\n".to_owned() } else { "<html>oops".to_owned() }];
    }
    if plan.fault.as_ref().is_some_and(Fault::breaks_off) {
        return ([(header::CONTENT_TYPE, kind)], body(half(frames), plan.fault, guard)).into_response();
    }
    if !plan.stream {
        return ([(header::CONTENT_TYPE, kind)], frames.concat()).into_response();
    }
    ([(header::CONTENT_TYPE, kind)], body(frames, None, guard)).into_response()
}

/// The first half of what would be sent, at least a part of it.
fn half(mut frames: Vec<String>) -> Vec<String> {
    if let [only] = frames.as_mut_slice() {
        let letters = only.chars().count() / 2;
        *only = only.chars().take(letters).collect();
    }
    let kept = frames.len().div_ceil(2);
    frames.truncate(kept);
    frames
}

/// A body of these frames and the end that the fault gives it.
fn body(frames: Vec<String>, fault: Option<Fault>, guard: InFlight) -> Body {
    let end = async move {
        match fault {
            Some(Fault::CutStream) => {
                tokio::time::sleep(FLUSH).await;
                Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "scripted to break")))
            }
            Some(Fault::Stall) => {
                stopped(guard.0.stop.clone()).await;
                None
            }
            // The call is under way until the body has ended.
            _ => {
                drop(guard);
                None
            }
        }
    };
    let frames = stream::iter(frames).map(|frame| Ok(Bytes::from(frame)));
    Body::from_stream(frames.chain(stream::once(end).filter_map(std::future::ready)))
}
