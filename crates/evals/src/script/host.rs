//! The threads scripts run on, and how long they are waited for.
//!
//! A script is interrupted when its time is over; loops inside of built-in functions (`sort` of a list that says it has 2^53 entries) are
//! not. Nobody waits for these: the thread is given up, and once several were, no more scripts run until the program is started again.

use super::engine::{Kept, gone, one};
use super::{Limits, Script, ScriptError};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long after its limit a script is waited for: an interrupted one comes back within this time.
const GRACE: Duration = Duration::from_millis(500);
/// What is said of a script that cost its thread.
pub const GIVEN_UP: &str = "inside of a built-in function and was given up";
/// Threads that may be lost to scripts that do not come back.
const MOST_LOST: usize = 4;
/// A thread that has had nothing to do for so long ends.
const REST: Duration = Duration::from_secs(30);

type Answer = Box<dyn FnOnce(Result<Value, ScriptError>) + Send>;

struct Task {
    script: Script,
    fate: Arc<Fate>,
    answer: Answer,
}

/// A thread, by its number and where it takes scripts from.
#[derive(Clone)]
struct Thread {
    number: u64,
    tasks: mpsc::Sender<Task>,
}

/// Threads that wait for work, the one that worked last at the end.
static IDLE: Mutex<Vec<Thread>> = Mutex::new(Vec::new());
static LOST: AtomicUsize = AtomicUsize::new(0);

/// What became of a task: whoever is first, the thread or the one who waits, decides.
#[derive(Default)]
struct Fate(AtomicU8);

impl Fate {
    const OPEN: u8 = 0;
    const DONE: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// The thread is through; a lost one is found again.
    fn done(&self) {
        if self.0.swap(Self::DONE, Ordering::SeqCst) == Self::GIVEN_UP {
            LOST.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Nobody waits any more.
    fn give_up(&self) {
        if self.0.compare_exchange(Self::OPEN, Self::GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            LOST.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// How many threads are lost at the moment.
pub fn lost_threads() -> usize {
    LOST.load(Ordering::SeqCst)
}

/// Runs a script, and waits for it without holding up the task.
pub(super) async fn run(script: Script) -> Result<Value, ScriptError> {
    let limits = script.limits.clone();
    let (sender, receiver) = oneshot::channel();
    let fate = begin(script, Box::new(move |result| drop(sender.send(result))))?;
    match tokio::time::timeout(limits.time + GRACE, receiver).await {
        Ok(result) => result.unwrap_or_else(|_| Err(gone())),
        Err(_) => Err(lost(&fate, &limits)),
    }
}

/// The same for callers that cannot await.
pub(super) fn run_here(script: Script) -> Result<Value, ScriptError> {
    let limits = script.limits.clone();
    let (sender, receiver) = mpsc::channel();
    let fate = begin(script, Box::new(move |result| drop(sender.send(result))))?;
    match receiver.recv_timeout(limits.time + GRACE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(lost(&fate, &limits)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(gone()),
    }
}

fn lost(fate: &Fate, limits: &Limits) -> ScriptError {
    fate.give_up();
    ScriptError::Stopped(format!("it ran for longer than {} ms {GIVEN_UP}", limits.time.as_millis()))
}

/// Hands a script to a thread that waits, or to a new one.
fn begin(script: Script, answer: Answer) -> Result<Arc<Fate>, ScriptError> {
    if LOST.load(Ordering::SeqCst) >= MOST_LOST {
        let why = format!("{MOST_LOST} scripts before it never came to an end; start the program again, without them");
        return Err(ScriptError::Stopped(why));
    }
    let fate = Arc::new(Fate::default());
    let mut task = Task { script, fate: Arc::clone(&fate), answer };
    loop {
        let idle = idle().pop();
        let thread = match idle {
            Some(thread) => thread,
            None => start()?,
        };
        match thread.tasks.send(task) {
            Ok(()) => return Ok(fate),
            // It has ended; the next.
            Err(mpsc::SendError(back)) => task = back,
        }
    }
}

fn idle() -> std::sync::MutexGuard<'static, Vec<Thread>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> Result<Thread, ScriptError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (sender, tasks) = mpsc::channel();
    let thread = Thread { number: NUMBER.fetch_add(1, Ordering::Relaxed), tasks: sender };
    let own = thread.clone();
    let started = std::thread::Builder::new().name("javascript".into()).spawn(move || work(&own, &tasks));
    started.map(|_| thread).map_err(|error| ScriptError::Stopped(format!("the JavaScript engine did not start ({error})")))
}

fn work(own: &Thread, tasks: &mpsc::Receiver<Task>) {
    let mut kept: Option<Kept> = None;
    loop {
        let Ok(Task { script, fate, answer }) = tasks.recv_timeout(REST) else {
            let mut idle = idle();
            // Whoever has taken it out of the list is about to send it a script.
            let Some(at) = idle.iter().position(|thread| thread.number == own.number) else { continue };
            idle.remove(at);
            return;
        };
        let (result, used) = one(kept.take(), &script);
        fate.done();
        // Before the answer: who has it may have the next script, for which this thread is the best.
        kept = used.and_then(|used| used.tidied(script));
        idle().push(own.clone());
        answer(result);
    }
}
