//! The key goes out in its header and nowhere else.

use crate::house::{DIALECTS, House, KEY, question};
use llm::Ask;
use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use testkit::Fault;

/// Everything that is logged in this process, at every level, by every crate and every test.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn log() -> MutexGuard<'static, Vec<u8>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        log().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every test does this first: a callsite that was met before there is a subscriber may stay silent.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(|| Log).init());
}

#[tokio::test]
async fn neither_logs_nor_errors_nor_records_know_the_key_or_the_prompt() {
    let mut seen = String::new();
    let status = |code| Fault::Status { code, retry_after: None };
    for dialect in DIALECTS {
        for fault in [
            status(400),
            status(401),
            status(403),
            status(429),
            status(500),
            Fault::Hang,
            Fault::CutStream,
            Fault::MalformedWire,
            Fault::Refusal,
        ] {
            let house = House::with(dialect, 1, |settings| settings.attempts = 1).await;
            house.upstream.then(fault);
            let outcome = house.ask(&Ask { timeout: Duration::from_millis(60), ..question() }).await;
            assert!(house.upstream.calls().iter().all(|call| call.key_present && !call.path.contains(KEY)));
            let _ = write!(seen, "{outcome:?}");
            if let Err(error) = outcome.result {
                let _ = write!(seen, "{error} {error:#?}");
            }
        }
    }
    let log = String::from_utf8_lossy(&log()).into_owned();
    assert!(log.contains("model call") && log.contains("unauthorized"), "the log was heard");
    for text in [seen.as_str(), &log] {
        assert!(!text.contains(KEY), "the key got out");
    }
    let ours: Vec<&str> = log.lines().filter(|line| line.contains(" llm::") && line.contains("yoga")).collect();
    assert_eq!(ours, [""; 0], "a prompt was logged");
}
