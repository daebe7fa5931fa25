//! Answers and errors as each dialect writes them. Nothing here decides what is said.

mod anthropic;
mod gemini;
mod ollama;
mod openai;

use crate::answer::Answer;
use crate::call::Dialect;
use serde_json::Value;

/// The dialect of a path and, in Gemini's, the model and method. `None` where nobody listens.
pub(crate) fn route(path: &str) -> Option<(Dialect, Option<String>)> {
    let action = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"));
    match (path, action) {
        (_, Some(action)) => Some((Dialect::Gemini, Some(action.replace("%3A", ":").replace("%3a", ":")))),
        ("/v1/chat/completions" | "/chat/completions", _) => Some((Dialect::OpenAi, None)),
        ("/v1/messages", _) => Some((Dialect::Anthropic, None)),
        ("/api/chat", _) => Some((Dialect::Ollama, None)),
        _ => None,
    }
}

/// The answer as one body.
pub(crate) fn whole(dialect: Dialect, answer: &Answer) -> Value {
    match dialect {
        Dialect::Gemini => gemini::whole(answer),
        Dialect::OpenAi => openai::whole(answer),
        Dialect::Anthropic => anthropic::whole(answer),
        Dialect::Ollama => ollama::whole(answer),
    }
}

/// The answer as a stream: content type and what is sent one after the other. Gemini streams a JSON list unless `alt=sse` is asked for.
pub(crate) fn stream(dialect: Dialect, answer: &Answer, sse: bool) -> (&'static str, Vec<String>) {
    match dialect {
        Dialect::Gemini if sse => {
            ("text/event-stream", gemini::events(answer).iter().map(|event| format!("data: {event}\r\n\r\n")).collect())
        }
        Dialect::Gemini => ("application/json", listed(&gemini::events(answer))),
        Dialect::OpenAi => ("text/event-stream", openai::frames(answer)),
        Dialect::Anthropic => ("text/event-stream", anthropic::frames(answer)),
        Dialect::Ollama => ("application/x-ndjson", ollama::events(answer).iter().map(|event| format!("{event}\n")).collect()),
    }
}

/// An error body. `retry_after` is in it where the dialect puts it there.
pub(crate) fn error(dialect: Dialect, code: u16, message: &str, retry_after: Option<u64>) -> Value {
    match dialect {
        Dialect::Gemini => gemini::error(code, message, retry_after),
        Dialect::OpenAi => openai::error(code, message),
        Dialect::Anthropic => anthropic::error(code, message),
        Dialect::Ollama => ollama::error(message),
    }
}

fn listed(events: &[Value]) -> Vec<String> {
    let opened = events.iter().enumerate().map(|(i, event)| if i == 0 { format!("[{event}") } else { format!(",\r\n{event}") });
    opened.chain(["]".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_who_is_spoken_to() {
        let gemini = |action: &str| Some((Dialect::Gemini, Some(action.to_owned())));
        assert_eq!(route("/v1beta/models/gemini-2.5-flash:generateContent"), gemini("gemini-2.5-flash:generateContent"));
        assert_eq!(route("/v1/models/m%3AstreamGenerateContent"), gemini("m:streamGenerateContent"));
        assert_eq!(route("/chat/completions"), Some((Dialect::OpenAi, None)));
        assert_eq!(route("/v1/messages"), Some((Dialect::Anthropic, None)));
        assert_eq!(route("/api/chat"), Some((Dialect::Ollama, None)));
        assert_eq!(route("/v1/embeddings"), None);
    }
}
