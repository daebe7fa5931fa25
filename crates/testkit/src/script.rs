//! What the upstream has been told to do wrong, and whose turn it is. How a fault looks on the wire is `answer` and `wire`.

use crate::call::Call;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// A way for a call to go wrong. Those that spoil JSON leave an answer alone for which no form was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP error in the dialect's own form. Gemini says when to come back in the body (`RetryInfo`), the others in `retry-after`.
    Status {
        /// HTTP status.
        code: u16,
        /// Seconds until the next try is welcome.
        retry_after: Option<u64>,
    },
    /// No answer at all until the caller gives up or the upstream stops.
    Hang,
    /// Half of the answer, then silence until the caller gives up or the upstream stops.
    Stall,
    /// Half of the answer, then the connection breaks.
    CutStream,
    /// Half of the answer, then a proper end of the body, as if that were all: no finish reason, no usage.
    EndEarly,
    /// A wire format that cannot be read, with status 200.
    MalformedWire,
    /// An answer that sets out to be JSON and is not.
    MalformedJson,
    /// A valid answer inside a Markdown code fence.
    Fenced,
    /// JSON without the first property that was asked for and with one that was not.
    WrongSchema,
    /// A safety filter or the model itself declines.
    Refusal,
    /// The token limit is used up by thinking: `MAX_TOKENS` and no text.
    EmptyThinking,
    /// A valid answer whose first free text contains `[insert price]`.
    Placeholder,
    /// A valid answer whose first free text is [`crate::instance::MARKUP`].
    Markup,
    /// [`Fault::WrongSchema`] the first time a product is asked about with a schema, nothing afterwards. Meant for
    /// [`crate::Upstream::always`].
    InvalidOnce,
}

impl Fault {
    /// The word it is recorded under: `status-429`, `cut-stream`.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Status { code, .. } => return format!("status-{code}"),
            Self::Hang => "hang",
            Self::Stall => "stall",
            Self::CutStream => "cut-stream",
            Self::EndEarly => "end-early",
            Self::MalformedWire => "malformed-wire",
            Self::MalformedJson => "malformed-json",
            Self::Fenced => "fenced",
            Self::WrongSchema => "wrong-schema",
            Self::Refusal => "refusal",
            Self::EmptyThinking => "empty-thinking",
            Self::Placeholder => "placeholder",
            Self::Markup => "markup",
            Self::InvalidOnce => "invalid-once",
        };
        name.to_owned()
    }

    /// Whether the caller sees less than the whole answer.
    pub(crate) const fn breaks_off(&self) -> bool {
        matches!(self, Self::Stall | Self::CutStream | Self::EndEarly)
    }

    /// Whether no model gets to write anything.
    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::Hang)
    }
}

type Predicate = Box<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// What is to happen to the calls that come.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) latency: Duration,
    pub(crate) thoughts: u64,
    pub(crate) cached: u64,
    pub(crate) next: VecDeque<Fault>,
    pub(crate) always: Option<Fault>,
    pub(crate) when: Vec<Predicate>,
    /// Questions [`Fault::InvalidOnce`] has been at.
    asked: HashSet<String>,
}

impl Script {
    /// The fault of this call: the first condition that holds, else the head of the queue, else what always happens.
    /// `question` tells apart what is asked, the product and the schema; it is `None` where any text will do.
    pub(crate) fn turn(&mut self, call: &Call, question: Option<String>) -> Option<Fault> {
        let fault = self.when.iter().find_map(|when| when(call)).or_else(|| self.next.pop_front()).or_else(|| self.always.clone())?;
        if fault == Fault::InvalidOnce && !question.is_some_and(|question| self.asked.insert(question)) {
            return None;
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Dialect;
    use serde_json::Value;
    use std::time::Instant;

    fn call(prompt: &str) -> Call {
        let prompt = prompt.to_owned();
        Call {
            path: String::new(),
            dialect: Dialect::Gemini,
            model: String::new(),
            prompt,
            body: Value::Null,
            key_present: true,
            request_id: None,
            at: Instant::now(),
            fault: None,
            input_tokens: 0,
            output_tokens: 0,
        }
    }

    #[test]
    fn a_condition_comes_before_the_queue_and_the_queue_before_the_rule() {
        let mut script = Script { always: Some(Fault::Refusal), ..Script::default() };
        script.next.push_back(Fault::Hang);
        script.when.push(Box::new(|call| call.prompt.contains("swot").then_some(Fault::CutStream)));
        assert_eq!(script.turn(&call("a swot"), None), Some(Fault::CutStream));
        assert_eq!(script.turn(&call("goals"), None), Some(Fault::Hang));
        assert_eq!(script.turn(&call("goals"), None), Some(Fault::Refusal));
    }

    #[test]
    fn a_question_is_answered_wrongly_once() {
        let mut script = Script { always: Some(Fault::InvalidOnce), ..Script::default() };
        assert_eq!(script.turn(&call("find a"), None), None);
        assert_eq!(script.turn(&call("a"), Some("a".into())), Some(Fault::InvalidOnce));
        assert_eq!(script.turn(&call("a, again"), Some("a".into())), None);
        assert_eq!(script.turn(&call("b"), Some("b".into())), Some(Fault::InvalidOnce));
    }
}
