//! Whole runs against targets of all kinds: streaming, repetition, filters, resuming, what goes wrong.

use super::*;
use crate::config::Provider;
use crate::output::JsonlSink;
use crate::targets::{Echo, Output, TargetError};
use async_trait::async_trait;
use std::sync::atomic::{AtomicUsize, Ordering};

struct House(tempfile::TempDir);

impl House {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        std::fs::write(dir.path().join("c.yaml"), config).expect("written");
        Self(dir)
    }

    fn config(&self) -> Config {
        Config::read(&self.path("c.yaml")).unwrap_or_else(|faults| panic!("{faults:#?}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

async fn echo(config: &str, options: &Options<'_>) -> (Summary, Vec<CaseResult>) {
    let mut results = Vec::new();
    let summary = run(&House::new(config).config(), &Echo, options, &mut results).await.expect("runs");
    results.sort_by_key(CaseResult::key);
    (summary, results)
}

/// Counts its calls and how many there are at a time; answers each prompt in turn with itself and with nonsense when it is unsure.
#[derive(Default)]
struct Counting {
    calls: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    unsure: bool,
}

#[async_trait]
impl Target for Counting {
    async fn call(&self, _: &Provider, prompt: &str, _: &Map<String, Value>) -> Result<Output, TargetError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        if prompt.contains("down") {
            return Err(TargetError::Failed("503 from upstream".into()));
        }
        let output = if self.unsure && prompt == "b" && call.is_multiple_of(2) { "nonsense" } else { prompt };
        Ok(Output { output: output.into(), ..Output::default() })
    }
}

const LETTERS: &str = "prompts: ['{{x}}']
providers: [any]
tests:
  - {description: first a, vars: {x: a}, assert: [{type: equals, value: a}], metadata: {kind: [happy, short]}}
  - {description: then b, vars: {x: b}, assert: [{type: equals, value: b}], metadata: {kind: edge}}
  - {description: last c, vars: {x: c}, assert: [{type: equals, value: d}]}
";

#[tokio::test]
async fn a_run_counts_what_passed_failed_and_could_not_be_judged() {
    let config = "prompts: ['{{x}}', 'again {{x}}']
providers: [echo, {id: echo, label: loud, transform: output.toUpperCase(), prompts: ['{{x}}']}, other]
defaultTest: {options: {prefix: '> '}}
tests:
  - {vars: {z: z, y: '{{z}}', x: [a, '{{y}}b']}, assert: [{type: icontains, value: '{{x}}', metric: found}]}
  - {vars: {x: c}, providers: [loud], assert: [{type: equals, value: '> c', metric: found}]}
  - {vars: {x: '{{missing}}'}, providers: [loud]}
  - {vars: {x: d}, providers: [loud], options: {transform: '({n: output.length})'}, assert: [{type: javascript, value: output.n === 3}]}
  - {vars: {x: e}, providers: [loud], options: {transformVars: '({x: vars.x + vars.x})'}, assert: [{type: equals, value: '> EE'}]}
derivedMetrics: [{name: share, value: found / __count}]
";
    let (summary, results) = echo(config, &Options::default()).await;
    assert_eq!((summary.passed, summary.failed, summary.errors), (8, 1, 5));
    assert_eq!(summary.exit_code(1.0), 100);
    assert!(results.iter().filter(|r| r.provider == "other").all(|r| r.error.as_deref() == Some("provider \"other\" is not known here")));
    assert!(results.iter().any(|r| r.error.as_deref().is_some_and(|e| e.contains("\"x\""))));
    let loud = &summary.prompts[2];
    assert_eq!((loud.label.as_str(), loud.passed, loud.failed, loud.errors), ("{{x}}", 4, 1, 1));
    assert_eq!(results.iter().find(|r| r.test_index == 1).expect("b").prompt, "> zb");
    assert!((loud.named_scores["found"] - 2.0).abs() < 1e-9 && (loud.named_scores["share"] - 2.0 / 6.0).abs() < 1e-9);
}

#[tokio::test]
async fn calls_are_made_so_many_at_a_time() {
    let tests: String = (0..40).fold(String::new(), |all, n| format!("{all}  - {{vars: {{x: 'v{n}'}}}}\n"));
    let house = House::new(&format!("prompts: ['{{{{x}}}}']\nproviders: [any]\ntests:\n{tests}"));
    for (concurrency, most) in [(1, 1), (7, 7)] {
        let target = Counting::default();
        let options = Options { concurrency: Some(concurrency), ..Options::default() };
        run(&house.config(), &target, &options, &mut Vec::new()).await.expect("runs");
        assert_eq!((target.calls.into_inner(), target.most.into_inner()), (40, most));
    }
}

#[tokio::test]
async fn repetition_says_what_passes_always() {
    let target = Counting { unsure: true, ..Counting::default() };
    let options = Options { repeat: Some(3), concurrency: Some(1), ..Options::default() };
    let summary = run(&House::new(LETTERS).config(), &target, &options, &mut Vec::new()).await.expect("runs");
    assert_eq!((summary.passed + summary.failed, summary.repeat, summary.cells, summary.passed_always), (9, 3, 3, 1));
    assert!(summary.passed > 3, "b passes sometimes");
}

#[tokio::test]
async fn filters_choose_cases() {
    let house = House::new(LETTERS);
    let file = house.path("before.jsonl");
    let mut sink = JsonlSink::create(&file).expect("file");
    run(&house.config(), &Counting::default(), &Options::default(), &mut sink).await.expect("runs");
    let failing = Failing::read(&file, false).expect("read");
    assert_ne!(failing, Failing::read(&file, true).expect("read"));
    for (filter, expected) in [
        (Filter { pattern: Some("^(first|last)".into()), ..Filter::default() }, vec![0, 2]),
        (Filter { first: Some(2), ..Filter::default() }, vec![0, 1]),
        (Filter { metadata: vec![("kind".into(), "happy".into())], ..Filter::default() }, vec![0]),
        (Filter { metadata: vec![("kind".into(), "edge".into())], ..Filter::default() }, vec![1]),
        (Filter { providers: Some("none".into()), ..Filter::default() }, vec![]),
        (Filter { failing: Some(failing), ..Filter::default() }, vec![2]),
    ] {
        let mut results = Vec::new();
        let options = Options { filter, ..Options::default() };
        let summary = run(&house.config(), &Counting::default(), &options, &mut results).await.expect("runs");
        let mut ran: Vec<usize> = results.iter().map(|r| r.test_index).collect();
        ran.sort_unstable();
        assert_eq!(ran, expected, "{options:?}");
        assert_eq!(summary.exit_code(0.0), u8::from(expected.is_empty()));
    }
    let broken = Options { filter: Filter { pattern: Some("(".into()), ..Filter::default() }, ..Options::default() };
    assert!(matches!(run(&house.config(), &Echo, &broken, &mut Vec::new()).await, Err(RunError::Options(_))));
}

#[tokio::test]
async fn a_run_that_was_cut_goes_on_where_it_was() {
    let house = House::new(&LETTERS.replace("vars: {x: b}", "vars: {x: b down}"));
    let file = house.path("run.jsonl");
    let mut sink = JsonlSink::create(&file).expect("file");
    let whole = run(&house.config(), &Counting::default(), &Options::default(), &mut sink).await.expect("runs");
    drop(sink);
    assert_eq!((whole.passed, whole.failed, whole.errors), (1, 1, 1));
    let mut text = std::fs::read_to_string(&file).expect("text");
    text.push_str("{\"promptIdx\": 0, \"testI");
    std::fs::write(&file, text).expect("written");
    let resume = Options { resume: Some(file.clone()), ..Options::default() };
    let target = Counting::default();
    let mut sink = JsonlSink::append(&file).expect("file");
    let again = run(&house.config(), &target, &resume, &mut sink).await.expect("runs");
    assert_eq!((again.passed, again.failed, again.errors, again.resumed), (1, 1, 1, 2));
    assert_eq!(target.calls.into_inner(), 1, "only the error is asked again");
    assert_eq!(again.prompts[0].asserts_failed, whole.prompts[0].asserts_failed);
    assert_eq!(std::fs::read_to_string(&file).expect("text").lines().count(), 4);
    // What is asked for has changed: the earlier verdict does not count.
    std::fs::write(house.path("c.yaml"), LETTERS.replace("value: a", "value: z")).expect("written");
    let changed = run(&house.config(), &Counting::default(), &resume, &mut Vec::new()).await.expect("runs");
    assert_eq!((changed.passed, changed.failed, changed.resumed), (1, 2, 1));
    // So has who answers, though its name is the same.
    let other = Released("v2");
    let changed = run(&house.config(), &other, &resume, &mut Vec::new()).await.expect("runs");
    assert_eq!(changed.resumed, 0);
    std::fs::write(&file, "nonsense\n{}\n").expect("written");
    assert!(matches!(run(&house.config(), &Echo, &resume, &mut Vec::new()).await, Err(RunError::Options(why)) if why.contains(":1:")));
}

/// Answers with the prompt, by a template that is known by its content.
struct Released(&'static str);

#[async_trait]
impl Target for Released {
    async fn call(&self, _: &Provider, prompt: &str, _: &Map<String, Value>) -> Result<Output, TargetError> {
        Ok(Output { output: prompt.into(), ..Output::default() })
    }

    fn identity(&self, _: &Provider) -> String {
        self.0.to_owned()
    }
}

#[tokio::test]
async fn earlier_verdicts_count_only_for_the_same_question() {
    let config = "prompts: ['{{x}}']
providers: [{id: any, config: {n: 1}}]
tests: [{vars: {x: a}, assert: [{type: javascript, value: 'file://check.js', metric: m, weight: 3}], options: {transform: output}}]
";
    let house = House::new(config);
    let file = house.path("run.jsonl");
    std::fs::write(house.path("check.js"), "module.exports = () => true").expect("written");
    let mut sink = JsonlSink::create(&file).expect("file");
    let whole = run(&house.config(), &Released("v1"), &Options::default(), &mut sink).await.expect("runs");
    let resume = Options { resume: Some(file.clone()), ..Options::default() };
    let again = run(&house.config(), &Released("v1"), &resume, &mut Vec::new()).await.expect("runs");
    assert_eq!((again.resumed, &again.prompts), (1, &whole.prompts), "the sums are those of a run that was not cut");
    for (from, to) in [("n: 1", "n: 2"), ("transform: output", "transform: output + 1"), ("weight: 3", "weight: 2")] {
        std::fs::write(house.path("c.yaml"), config.replace(from, to)).expect("written");
        let changed = run(&house.config(), &Released("v1"), &resume, &mut Vec::new()).await.expect("runs");
        assert_eq!(changed.resumed, 0, "{to}");
    }
    std::fs::write(house.path("c.yaml"), config).expect("written");
    std::fs::write(house.path("check.js"), "module.exports = () => false").expect("written");
    let changed = run(&house.config(), &Released("v1"), &resume, &mut Vec::new()).await.expect("runs");
    assert_eq!((changed.resumed, changed.failed), (0, 1), "a file the test names has changed");
}

#[tokio::test]
async fn results_that_are_made_of_a_resumed_file_hold_what_the_run_counts() {
    let house = House::new(LETTERS);
    let file = house.path("run.jsonl");
    let mut sink = JsonlSink::create(&file).expect("file");
    run(&house.config(), &Counting::default(), &Options::default(), &mut sink).await.expect("runs");
    let only = Filter { first: Some(1), ..Filter::default() };
    let options = Options { resume: Some(file.clone()), filter: only, ..Options::default() };
    let summary = run(&house.config(), &Counting::default(), &options, &mut Vec::new()).await.expect("runs");
    let mut text = Vec::new();
    crate::output::write_results(&file, &house.config(), &summary, crate::output::Format::Jsonl, &mut text).expect("written");
    assert_eq!((summary.passed, String::from_utf8(text).expect("text").lines().count()), (1, 1));
    // What passes now is not run again as failing.
    let mut rows = std::fs::read_to_string(&file).expect("text");
    let last = rows
        .lines()
        .find(|line| line.contains("\"failureReason\":1"))
        .expect("a row")
        .replace("\"success\":false", "\"success\":true")
        .replace("\"failureReason\":1", "\"failureReason\":0");
    assert_ne!(Failing::read(&file, false).expect("read"), Failing::default());
    rows.extend([last.as_str(), "\n{\"testIdx\": 1, \"pro"]);
    std::fs::write(&file, rows).expect("written");
    assert_eq!(Failing::read(&file, false).expect("a cut end is read over"), Failing::default());
}

#[tokio::test]
async fn a_delay_stands_between_calls() {
    let house = House::new(&format!("{LETTERS}evaluateOptions: {{delay: 5, maxConcurrency: 4}}\n"));
    let target = Counting::default();
    let options = Options { concurrency: Some(4), ..Options::default() };
    run(&house.config(), &target, &options, &mut Vec::new()).await.expect("runs");
    assert_eq!((target.calls.into_inner(), target.most.into_inner()), (3, 1));
}

struct Silent;

#[async_trait]
impl Target for Silent {
    async fn call(&self, _: &Provider, _: &str, _: &Map<String, Value>) -> Result<Output, TargetError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let timed = House::new(&format!("{LETTERS}evaluateOptions: {{timeoutMs: 50}}\n"));
    let summary = run(&timed.config(), &Silent, &Options::default(), &mut Vec::new()).await.expect("runs");
    assert_eq!(summary.errors, 3);
    let timed = House::new(&format!("{LETTERS}evaluateOptions: {{maxEvalTimeMs: 50}}\n"));
    let mut results = Vec::new();
    let summary = run(&timed.config(), &Silent, &Options::default(), &mut results).await.expect("runs");
    assert_eq!(summary.errors, 3);
    assert!(results.iter().all(|r| r.error.as_deref().is_some_and(|e| e.contains("maxEvalTimeMs"))), "{results:?}");
}

struct Dropped(usize);
impl Sink for Dropped {
    fn take(&mut self, _: &CaseResult) -> std::io::Result<()> {
        self.0 += 1;
        Ok(())
    }
}

#[tokio::test]
async fn thousands_of_rows_stream_through() {
    let house = House::new("prompts: ['{{x}}']\nproviders: [echo]\ntests: file://t.csv\n");
    let rows = (0..20_000).map(|n| format!("row {n},contains:row {n},m")).collect::<Vec<_>>().join("\n");
    std::fs::write(house.path("t.csv"), format!("x,__expected,__metric\n{rows}")).expect("written");
    let mut sink = Dropped(0);
    let summary = run(&house.config(), &Echo, &Options::default(), &mut sink).await.expect("runs");
    assert_eq!((summary.passed, sink.0), (20_000, 20_000));
    std::fs::write(house.path("t.csv"), "x,__expected\na,contains:a\nb,c,d\n").expect("written");
    let config = house.config_unchecked();
    assert!(config.is_err(), "the fault is named when the file is read");
}

impl House {
    fn config_unchecked(&self) -> Result<Config, Vec<FileFault>> {
        Config::read(&self.path("c.yaml"))
    }
}

#[tokio::test]
async fn a_sink_that_is_full_ends_the_run() {
    struct Full;
    impl Sink for Full {
        fn take(&mut self, _: &CaseResult) -> std::io::Result<()> {
            Err(std::io::Error::other("disk full"))
        }
    }
    let ended = run(&House::new(LETTERS).config(), &Counting::default(), &Options::default(), &mut Full).await;
    assert!(matches!(ended, Err(RunError::Sink(_))));
}

#[test]
fn a_run_may_move_between_threads() {
    fn send<T: Send>(_: &T) {}
    let house = House::new(LETTERS);
    let (config, options, mut sink) = (house.config(), Options::default(), Vec::new());
    send(&run(&config, &Echo, &options, &mut sink));
}
