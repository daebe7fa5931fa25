//! The engine: `QuickJS` on threads of its own, with limits of time and memory. Each thread keeps the globals of a few scripts, because
//! making new ones takes ten times as long as most scripts.
//!
//! A script is interrupted when its time is over; loops inside of built-in functions (`sort` of a list that says it has 2^53 entries) are
//! not. Nobody waits for these: the thread is given up, and once several were, no more scripts run until the program is started again.

use super::{Code, Limits, Scope, Script, ScriptError};
use rquickjs::{CatchResultExt, Context, Ctx, Runtime, Value as Js};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const STACK: usize = 384 << 10;
/// How long after its limit a script is waited for: an interrupted one comes back within this time.
const GRACE: Duration = Duration::from_millis(500);
/// What is said of a script that cost its thread.
pub const GIVEN_UP: &str = "inside of a built-in function and was given up";
/// Threads that may be lost to scripts that do not come back.
const MOST_LOST: usize = 4;
/// A runtime that holds more than this when a script has ended is not used again.
const LEFT_OVER: i64 = 4 << 20;

/// Scripts whose globals a thread keeps.
const KEPT: usize = 8;

type Answer = Box<dyn FnOnce(Result<Value, ScriptError>) + Send>;

struct Task {
    script: Script,
    fate: Arc<Fate>,
    answer: Answer,
}

/// Threads that wait for work.
static IDLE: Mutex<Vec<mpsc::Sender<Task>>> = Mutex::new(Vec::new());
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
    let limits = script.limits;
    let (sender, receiver) = oneshot::channel();
    let fate = begin(script, Box::new(move |result| drop(sender.send(result))))?;
    match tokio::time::timeout(limits.time + GRACE, receiver).await {
        Ok(result) => result.unwrap_or_else(|_| Err(gone())),
        Err(_) => Err(lost(&fate, limits)),
    }
}

/// The same for callers that cannot await.
pub(super) fn run_here(script: Script) -> Result<Value, ScriptError> {
    let limits = script.limits;
    let (sender, receiver) = mpsc::channel();
    let fate = begin(script, Box::new(move |result| drop(sender.send(result))))?;
    match receiver.recv_timeout(limits.time + GRACE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(lost(&fate, limits)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(gone()),
    }
}

fn gone() -> ScriptError {
    ScriptError::Stopped("the JavaScript engine gave up".into())
}

fn lost(fate: &Fate, limits: Limits) -> ScriptError {
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
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let thread = match idle {
            Some(thread) => thread,
            None => start()?,
        };
        match thread.send(task) {
            Ok(()) => return Ok(fate),
            // It has ended; the next.
            Err(mpsc::SendError(back)) => task = back,
        }
    }
}

fn start() -> Result<mpsc::Sender<Task>, ScriptError> {
    let (sender, tasks) = mpsc::channel::<Task>();
    let own = sender.clone();
    let thread = std::thread::Builder::new().name("javascript".into()).spawn(move || {
        let mut kept = None;
        for Task { script, fate, answer } in tasks {
            let (result, used) = one(kept.take(), &script);
            fate.done();
            answer(result);
            kept = used.and_then(|used| used.tidied(script));
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(own.clone());
        }
    });
    thread.map(|_| sender).map_err(|error| ScriptError::Stopped(format!("the JavaScript engine did not start ({error})")))
}

/// A runtime, and the globals that scripts may find again, those used last at the end.
struct Kept {
    runtime: Runtime,
    globals: Vec<Globals>,
}

/// The globals of one script.
struct Globals {
    scope: Scope,
    code: Code,
    fresh: Fresh,
}

/// A context, and how many names its globals have as long as nobody adds any.
struct Fresh {
    context: Context,
    names: usize,
}

/// What a script ran on.
struct Used {
    kept: Kept,
    fresh: Fresh,
}

impl Kept {
    fn new() -> Result<Self, ScriptError> {
        let runtime = Runtime::new().map_err(|error| cannot(&error))?;
        runtime.set_max_stack_size(STACK);
        Ok(Self { runtime, globals: Vec::new() })
    }

    /// The globals of this script, or new ones.
    fn globals_of(&mut self, script: &Script) -> Result<Fresh, ScriptError> {
        let same = |globals: &Globals| Some(globals.scope) == script.limits.scope && globals.code == script.code;
        if let Some(at) = self.globals.iter().position(same) {
            return Ok(self.globals.remove(at).fresh);
        }
        let context = Context::full(&self.runtime).map_err(|error| cannot(&error))?;
        Ok(Fresh { names: names_in(&context), context })
    }
}

impl Used {
    /// What the next script may run on; nothing, if this one left something behind that others would notice.
    fn tidied(self, script: Script) -> Option<Kept> {
        let Self { mut kept, fresh } = self;
        kept.runtime.set_memory_limit(0);
        if kept.runtime.is_job_pending() {
            return None;
        }
        if let Some(scope) = script.limits.scope.filter(|_| names_in(&fresh.context) == fresh.names) {
            if kept.globals.len() >= KEPT {
                kept.globals.remove(0);
            }
            kept.globals.push(Globals { scope, code: script.code, fresh });
        } else {
            drop(fresh);
        }
        (kept.runtime.memory_usage().malloc_size < LEFT_OVER).then_some(kept)
    }
}

/// How many names there are in the globals.
fn names_in(context: &Context) -> usize {
    context.with(|ctx| ctx.globals().own_keys::<rquickjs::Atom<'_>>(rquickjs::Filter::new().string().symbol()).count())
}

/// Runs a script; and what it ran on, unless that may not be used again.
fn one(kept: Option<Kept>, script: &Script) -> (Result<Value, ScriptError>, Option<Used>) {
    let found = kept.map_or_else(Kept::new, Ok).and_then(|mut kept| kept.globals_of(script).map(|fresh| Used { kept, fresh }));
    let used = match found {
        Ok(used) => used,
        Err(error) => return (Err(error), None),
    };
    let engine = Engine::over(&used, script.limits);
    let result = catch_unwind(AssertUnwindSafe(|| engine.run(script))).unwrap_or_else(|_| Err(gone()));
    let stopped = matches!(result, Err(ScriptError::Stopped(_)));
    drop(engine);
    (result, (!stopped).then_some(used))
}

fn cannot(error: &rquickjs::Error) -> ScriptError {
    ScriptError::Stopped(format!("the JavaScript engine did not start ({error})"))
}

/// An engine with nothing in it but the language.
struct Engine {
    context: Context,
    deadline: Instant,
    limits: Limits,
}

impl Engine {
    /// Within these limits from now on.
    fn over(used: &Used, limits: Limits) -> Self {
        let runtime = &used.kept.runtime;
        runtime.set_memory_limit(limits.memory);
        let deadline = Instant::now() + limits.time;
        runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= deadline)));
        Self { context: used.fresh.context.clone(), deadline, limits }
    }

    /// The value the script comes to.
    fn run(&self, script: &Script) -> Result<Value, ScriptError> {
        let result = self.context.with(|ctx| {
            let value = script.call(&ctx)?;
            let value = self.settle(&ctx, value)?;
            from_js(&ctx, value)
        });
        result.map_err(|error| self.explain(error))
    }

    /// The value a promise comes to; anything else is itself.
    fn settle<'js>(&self, ctx: &Ctx<'js>, value: Js<'js>) -> Result<Js<'js>, ScriptError> {
        let Some(promise) = value.as_promise() else { return Ok(value) };
        while ctx.execute_pending_job() {
            if Instant::now() >= self.deadline {
                return Err(ScriptError::Stopped(String::new()));
            }
        }
        match promise.result::<Js<'js>>() {
            Some(result) => caught(ctx, result),
            None => Err(ScriptError::Threw("the promise it returned never settles: there is nothing outside to wait for".into())),
        }
    }

    fn explain(&self, error: ScriptError) -> ScriptError {
        if Instant::now() >= self.deadline {
            return ScriptError::Stopped(format!("it ran for longer than {} ms and was stopped", self.limits.time.as_millis()));
        }
        let text = error.to_string();
        let used = self.context.runtime().memory_usage().malloc_size.unsigned_abs();
        let full = usize::try_from(used).is_ok_and(|used| used > self.limits.memory / 10 * 9);
        if text.contains("out of memory") || (full && matches!(error, ScriptError::Threw(_)) && text == "null") {
            return ScriptError::Stopped(format!("it asked for more than {} MiB of memory and was stopped", self.limits.memory >> 20));
        }
        error
    }
}

/// Runs a source as scripts are run outside of modules: `with` and undeclared names are allowed, as they are in promptfoo.
pub(super) fn lenient<'js, T: rquickjs::FromJs<'js>>(ctx: &Ctx<'js>, source: String) -> Result<T, ScriptError> {
    let mut options = rquickjs::context::EvalOptions::default();
    options.strict = false;
    caught(ctx, ctx.eval_with_options(source, options))
}

pub(super) fn caught<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Result<T, ScriptError> {
    result.catch(ctx).map_err(|error| {
        ScriptError::Threw(match error {
            rquickjs::CaughtError::Exception(exception) => match exception.message() {
                Some(message) if !message.is_empty() => {
                    let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".into());
                    format!("{name}: {message}")
                }
                _ => exception.to_string(),
            },
            rquickjs::CaughtError::Value(value) => value.as_string().and_then(|s| s.to_string().ok()).unwrap_or_else(|| "null".into()),
            rquickjs::CaughtError::Error(error) => error.to_string(),
        })
    })
}

pub(super) fn to_js<'js>(ctx: &Ctx<'js>, value: &Value) -> Result<Js<'js>, ScriptError> {
    if let Value::String(text) = value {
        return caught(ctx, rquickjs::String::from_str(ctx.clone(), text)).map(rquickjs::String::into_value);
    }
    caught(ctx, ctx.json_parse(value.to_string()))
}

/// A JavaScript value as JSON; functions, `undefined` and `NaN` are null.
fn from_js<'js>(ctx: &Ctx<'js>, value: Js<'js>) -> Result<Value, ScriptError> {
    let text = caught(ctx, ctx.json_stringify(value))?;
    let Some(text) = text else { return Ok(Value::Null) };
    let text = caught(ctx, text.to_string())?;
    serde_json::from_str(&text).map_err(|e| ScriptError::Threw(format!("its result is no JSON: {e}")))
}
