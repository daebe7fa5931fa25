//! A recording of answers, so that a run can be repeated for nothing and without a network.
//!
//! A file of lines, one for each question: its hash, what it was about in words a person can read, and what came back with tokens, cost
//! and time. Known secrets and whatever looks like a key are taken out before a line is written. Lines are appended whole under the
//! file's lock, so that several processes may record into one file; half a line that a crash left behind is taken away.

use domain::generations::ModelCall;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::scrub::Scrubber;

/// A question as a recording knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Everything the answer depends on, and no secret.
    pub whole: Value,
    /// What it is about, for people.
    pub about: String,
}

/// What a recording says to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Recall {
    /// This was answered.
    Known(Value),
    /// It has to be asked.
    Ask,
    /// Nobody may be asked, and it is not on the recording.
    Stale,
}

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file.
    #[error("the recording {file} cannot be used: {source}")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is none of a recording.
    #[error("{file}:{line}: is not a line of a recording; record into a file of its own")]
    Line {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// The routes at the time of the recording, as `provider:model`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Of the class `fast`.
    pub fast: Vec<String>,
    /// Of the class `reasoning`.
    pub reasoning: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    routes: Option<Routed>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    question: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    about: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    answer: Value,
    /// The answer may be another one at another try: an upstream that was away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    passing: bool,
}

#[derive(Debug, Default)]
struct Heard {
    answers: Vec<Value>,
    /// Faults that would have passed; they count only as long as there is no answer.
    passing: Vec<Value>,
    given: usize,
}

/// A recording that is being made or repeated.
#[derive(Debug)]
pub struct Tape {
    file: PathBuf,
    /// Where new answers go; nothing is written when it is only repeated.
    out: Option<Mutex<File>>,
    heard: Mutex<HashMap<String, Heard>>,
    routes: Mutex<Option<Routed>>,
    scrubber: Scrubber,
}

impl Tape {
    /// Records into a file. What is on it already is not asked again, so that a recording that was cut can be gone on with.
    pub fn record(file: &Path, secrets: Vec<String>) -> Result<Self, TapeError> {
        let cannot = |source| TapeError::File { file: file.to_owned(), source };
        let mut out = OpenOptions::new().read(true).append(true).create(true).open(file).map_err(cannot)?;
        out.lock().map_err(cannot)?;
        let mended = whole_lines(&mut out);
        out.unlock().map_err(cannot)?;
        mended.map_err(cannot)?;
        let mut tape = Self::read(file, secrets)?;
        tape.out = Some(Mutex::new(out));
        Ok(tape)
    }

    /// Repeats a file; nobody is asked.
    pub fn replay(file: &Path, secrets: Vec<String>) -> Result<Self, TapeError> {
        Self::read(file, secrets)
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether it is only repeated.
    pub fn is_replay(&self) -> bool {
        self.out.is_none()
    }

    /// The routes at the time of the recording.
    pub fn routes(&self) -> Option<Routed> {
        lock(&self.routes).clone()
    }

    /// Writes down which models the routes name, unless the file says so already.
    pub fn note_routes(&self, routes: &Routed) -> io::Result<()> {
        let known = lock(&self.routes).replace(routes.clone());
        if self.out.is_none() || known.as_ref() == Some(routes) {
            return Ok(());
        }
        self.write(&Line {
            routes: Some(routes.clone()),
            question: String::new(),
            about: String::new(),
            answer: Value::Null,
            passing: false,
        })
    }

    /// What the recording says to a question. While recording each answer is given once; while repeating they are given in turn.
    pub fn recall(&self, question: &Question) -> Recall {
        let replay = self.is_replay();
        let mut heard = lock(&self.heard);
        let Some(known) = heard.get_mut(&self.hash(question)) else { return if replay { Recall::Stale } else { Recall::Ask } };
        let answers = if known.answers.is_empty() && replay { &known.passing } else { &known.answers };
        let at = if replay { known.given % answers.len().max(1) } else { known.given };
        known.given += 1;
        match (answers.get(at), replay) {
            (Some(answer), _) => Recall::Known(answer.clone()),
            (None, true) => Recall::Stale,
            (None, false) => Recall::Ask,
        }
    }

    /// Writes down what came of a question. `passing` says that another try may bring something else.
    pub fn keep(&self, question: &Question, answer: Value, passing: bool) -> io::Result<()> {
        self.write(&Line { routes: None, question: self.hash(question), about: question.about.clone(), answer, passing })
    }

    /// A text without secrets.
    pub fn scrub(&self, text: &str) -> String {
        self.scrubber.text(text)
    }

    fn hash(&self, question: &Question) -> String {
        hex::encode(Sha256::digest(self.scrubber.known_value(question.whole.clone()).to_string().as_bytes()))
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        let mut text = self.scrubber.value(serde_json::to_value(line)?).to_string();
        text.push('\n');
        let mut out = lock(out);
        out.lock()?;
        let written = out.write_all(text.as_bytes());
        out.unlock()?;
        written
    }

    fn read(file: &Path, secrets: Vec<String>) -> Result<Self, TapeError> {
        let cannot = |source| TapeError::File { file: file.to_owned(), source };
        let mut heard: HashMap<String, Heard> = HashMap::new();
        let mut routes = None;
        // By bytes: a crash may cut the last line in the middle of a letter.
        let mut lines = BufReader::new(File::open(file).map_err(cannot)?).split(b'\n').enumerate().peekable();
        while let Some((at, text)) = lines.next() {
            let text = text.map_err(cannot)?;
            match serde_json::from_slice::<Line>(&text) {
                Ok(Line { routes: Some(noted), .. }) => routes = Some(noted),
                Ok(line) if !line.question.is_empty() => {
                    let known = heard.entry(line.question).or_default();
                    if line.passing { known.passing.push(line.answer) } else { known.answers.push(line.answer) }
                }
                // A last line that was cut is what a crash leaves.
                Err(_) if lines.peek().is_none() => {}
                _ => return Err(TapeError::Line { file: file.to_owned(), line: at + 1 }),
            }
        }
        Ok(Self {
            file: file.to_owned(),
            out: None,
            heard: Mutex::new(heard),
            routes: Mutex::new(routes),
            scrubber: Scrubber::new(secrets),
        })
    }
}

/// Takes half a line away that a crash left at the end.
fn whole_lines(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut block = vec![0; 64 * 1024];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..usize::try_from(end - start).unwrap_or(0)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end == length { Ok(()) } else { file.set_len(end) }
}

/// What is kept of the asking of one model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taped {
    pub(crate) result: Result<crate::Answer, crate::Fault>,
    pub(crate) calls: Vec<ModelCall>,
}

/// What is kept of texts that were made into vectors.
pub(crate) fn embedding(texts: &[String]) -> Question {
    let about = format!("embed {} texts, first: {}", texts.len(), short(texts.first().map_or("", String::as_str)));
    Question { whole: json!({"kind": "embed", "texts": texts}), about }
}

/// A question to a model.
pub(crate) fn question(provider: &str, model: &str, search: bool, ask: &crate::Ask) -> Question {
    let mut whole = json!({
        "kind": if search { "search" } else { "answer" }, "provider": provider, "model": model, "class": ask.class,
        "system": ask.system, "turns": ask.turns, "user": ask.user, "json": ask.json,
        "schema": ask.schema.as_ref().map(|forms| &forms.plain),
        "temperature": ask.temperature, "maxOutputTokens": ask.max_output_tokens, "grounding": ask.grounding,
    });
    if provider == "embedded" {
        // A draft is made of its material, not of the prompts.
        let draft = &ask.draft;
        let examples: Vec<Value> = draft.examples.iter().map(|e| json!([e.subject, e.currency, e.voice, e.output])).collect();
        whole["draft"] =
            json!([draft.subject, draft.voice, draft.language, draft.currency, draft.price_range, draft.context, draft.schema, examples]);
    }
    let what = if search { "search with" } else { "ask" };
    let form = if ask.schema_name.is_empty() { String::new() } else { format!(" for {}", ask.schema_name) };
    Question { whole, about: format!("{what} {provider}:{model}{form}: {}", short(&ask.user)) }
}

/// The beginning of a text on one line.
fn short(text: &str) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= 200 { flat } else { format!("{}…", flat.chars().take(200).collect::<String>()) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Question {
        Question { whole: json!({"user": text}), about: text.to_owned() }
    }

    #[test]
    fn what_was_recorded_is_given_in_turn_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        let tape = Tape::record(&file, Vec::new()).expect("a tape");
        for answer in [1, 2] {
            assert_eq!(tape.recall(&asked("a")), Recall::Ask);
            tape.keep(&asked("a"), json!(answer), false).expect("written");
        }
        tape.keep(&asked("away"), json!("503"), true).expect("written");
        let replay = Tape::replay(&file, Vec::new()).expect("a tape");
        let said: Vec<Recall> = (0..3).map(|_| replay.recall(&asked("a"))).collect();
        assert_eq!(said, [json!(1), json!(2), json!(1)].map(Recall::Known));
        assert_eq!(replay.recall(&asked("b")), Recall::Stale);
        assert_eq!(replay.recall(&asked("away")), Recall::Known(json!("503")), "an upstream that was away is away again");
        // Going on asks what was not answered, and what is asked once more.
        let on = Tape::record(&file, Vec::new()).expect("a tape");
        let said: Vec<Recall> = (0..3).map(|_| on.recall(&asked("a"))).collect();
        assert_eq!(said, [Recall::Known(json!(1)), Recall::Known(json!(2)), Recall::Ask]);
        assert_eq!(on.recall(&asked("away")), Recall::Ask);
    }

    #[test]
    fn half_a_line_is_taken_away_and_a_foreign_one_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        let tape = Tape::record(&file, Vec::new()).expect("a tape");
        tape.keep(&asked("a"), json!(1), false).expect("written");
        let mut text = std::fs::read_to_string(&file).expect("text");
        text.push_str("{\"question\": \"half");
        // In the middle of a letter of two bytes.
        std::fs::write(&file, [text.as_bytes(), &[0xc3]].concat()).expect("written");
        assert_eq!(Tape::replay(&file, Vec::new()).expect("half is left out").recall(&asked("a")), Recall::Known(json!(1)));
        let on = Tape::record(&file, Vec::new()).expect("a tape");
        on.keep(&asked("b"), json!(2), false).expect("written");
        let lines = std::fs::read_to_string(&file).expect("whole letters");
        assert_eq!(lines.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), 2);
        assert!(!lines.contains("half"));
        std::fs::write(&file, "{\"success\": true}\n{}\n").expect("written");
        assert!(Tape::replay(&file, Vec::new()).expect_err("foreign").to_string().contains(":1: is not a line"));
    }

    #[test]
    fn several_write_at_once_and_every_line_is_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let tape = Tape::record(&file, Vec::new()).expect("a tape");
                scope.spawn(move || {
                    for n in 0..25 {
                        tape.keep(&asked(&format!("{writer} {n}")), json!("x".repeat(20_000)), false).expect("written");
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&file).expect("text");
        assert_eq!(text.lines().filter(|line| serde_json::from_str::<Line>(line).is_ok()).count(), 100);
    }

    #[test]
    fn two_questions_are_two_whatever_their_words_look_like() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        let tape = Tape::record(&file, Vec::new()).expect("a tape");
        let answer = json!("The basic requirements of a trade, and sk-is-the-code-of-slovak");
        tape.keep(&asked("List the basic requirements"), answer.clone(), false).expect("written");
        tape.keep(&asked("with Bearer aB3defghijklmno"), json!(1), false).expect("written");
        let replay = Tape::replay(&file, Vec::new()).expect("a tape");
        assert_eq!(replay.recall(&asked("List the basic requirements")), Recall::Known(answer), "no word is lost");
        assert_eq!(replay.recall(&asked("List the basic certificates")), Recall::Stale);
        assert_eq!(replay.recall(&asked("with Bearer aB3defghijklmnx")), Recall::Stale);
    }

    #[test]
    fn a_secret_is_neither_written_nor_part_of_the_question() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tape.jsonl");
        let planted = "planted \"secret\" 4711";
        let tape = Tape::record(&file, vec![planted.into()]).expect("a tape");
        tape.keep(&asked(&format!("with {planted}")), json!({"text": format!("you said {planted}"), planted: 1}), false).expect("written");
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(!text.contains("4711"), "{text}");
        let elsewhere = Tape::replay(&file, vec!["another".into()]).expect("a tape");
        assert_eq!(elsewhere.recall(&asked("with [secret]")), Recall::Known(json!({"text": "you said [secret]", "[secret]": 1})));
    }
}
