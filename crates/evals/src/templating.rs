//! Templates as promptfoo's configs write them: Nunjucks, rendered by `minijinja`.
//!
//! What differs from Nunjucks:
//! - a missing variable that would be printed or looped over is an error; in `{% if %}` and before `default` it is false;
//! - JavaScript inside templates is not available: `===`, `&&`, `||`, `x.toUpperCase()`, regular expressions; `==`, `and`, `or` and
//!   `{{ x | upper }}` are;
//! - `asyncEach`, `asyncAll`, `switch`, `include`, `extends` and `import` are not available;
//! - a template that works for too long, or prints lists without end, is stopped.
//!
//! Lists print with commas, maps as JSON (promptfoo writes `[object Object]`). `dump` (JSON) is as in Nunjucks; nothing is escaped; trailing line ends stay.

mod written;

use crate::values::{coerced, number};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value as Jinja};
use serde_json::{Map, Value};

/// Steps a template may take.
const FUEL: u64 = 2_000_000;

/// Renders templates of one config. Cheap to share between threads.
pub struct Templating {
    environment: Environment<'static>,
    env: Value,
}

impl std::fmt::Debug for Templating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templating")
    }
}

impl Templating {
    /// Templates in which `{{ env.X }}` is an entry of `env`.
    pub fn new(env: Map<String, Value>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_fuel(Some(FUEL));
        // Nunjucks has none, and what grows in one from turn to turn may become so deep that it cannot even be dropped.
        environment.remove_global("namespace");
        environment.add_filter("dump", dump);
        environment.add_filter("round", round);
        environment.add_filter("truncate", truncate);
        environment.add_filter("urlencode", |text: &str| urlencode(text));
        environment.add_filter("wordcount", |text: &str| text.split_whitespace().count());
        environment.set_formatter(|out, state, value| match value.kind() {
            ValueKind::None => Ok(()),
            ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Error::from),
            ValueKind::Number if !value.is_integer() => out.write_str(&number(f64::try_from(value.clone())?)).map_err(Error::from),
            ValueKind::Seq | ValueKind::Iterable => out.write_str(&coerced(&written::plain(state, value)?)).map_err(Error::from),
            ValueKind::Map => {
                let text = written::plain(state, value)?.to_string();
                out.write_str(&text).map_err(Error::from)
            }
            _ => minijinja::escape_formatter(out, state, value),
        });
        Self { environment, env: Value::Object(env) }
    }

    /// The text with its variables filled in, or what is wrong with it.
    pub fn render(&self, text: &str, vars: &Map<String, Value>) -> Result<String, String> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Ok(text.to_owned());
        }
        let mut context = vars.clone();
        context.entry("env").or_insert_with(|| self.env.clone());
        self.environment.render_str(text, Jinja::from(Serde(context))).map_err(|error| explain(&error))
    }

    /// Every text inside a value with its variables filled in; keys stay.
    pub fn render_deep(&self, value: &Value, vars: &Map<String, Value>) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.render(text, vars)?),
            Value::Array(items) => Value::Array(items.iter().map(|v| self.render_deep(v, vars)).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(k, v)| Ok((k.clone(), self.render_deep(v, vars)?))).collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    /// Variables with the names of others in them filled in, as far as they are there: `{{ name }}` alone, up to five deep. One line end is
    /// taken from the end of each text, as in promptfoo.
    pub fn resolve_vars(&self, vars: &Map<String, Value>) -> Map<String, Value> {
        let mut resolved = vars.clone();
        for value in resolved.values_mut() {
            if let Value::String(text) = value
                && text.ends_with('\n')
            {
                text.pop();
            }
        }
        for _ in 0..5 {
            let mut changed = false;
            for name in vars.keys() {
                let Some(Value::String(text)) = resolved.get(name) else { continue };
                let Some((place, other)) = placeholder(text) else { continue };
                let Some(value) = resolved.get(other) else { continue };
                let filled = format!("{}{}{}", &text[..place.start], coerced(value), &text[place.end..]);
                resolved.insert(name.clone(), Value::String(filled));
                changed = true;
            }
            if !changed {
                break;
            }
        }
        resolved
    }

    /// A prompt: text, or JSON whose texts are filled in one by one so that quotes in a variable cannot break it. Variables may be templates.
    pub fn render_prompt(&self, raw: &str, vars: &Map<String, Value>) -> Result<String, String> {
        if raw.trim_start().starts_with(['[', '{', '"'])
            && let Ok(json) = serde_json::from_str::<Value>(raw)
        {
            let rendered = self.render_deep(&json, vars)?;
            return serde_json::to_string_pretty(&rendered).map_err(|e| e.to_string());
        }
        let mut rendered = vars.clone();
        for (name, value) in vars {
            if let Value::String(text) = value
                && !unfinished(text)
            {
                let text = self.render(text, vars).map_err(|e| format!("variable \"{name}\": {e}"))?;
                rendered.insert(name.clone(), Value::String(text));
            }
        }
        if unfinished(raw) { Ok(raw.to_owned()) } else { self.render(raw, &rendered) }
    }
}

/// The first `{{ name }}` of a text: its place, and the name.
fn placeholder(text: &str) -> Option<(std::ops::Range<usize>, &str)> {
    let mut from = 0;
    while let Some(start) = text[from..].find("{{").map(|at| from + at) {
        let inside = &text[start + 2..];
        if let Some(end) = inside.find("}}") {
            let name = inside[..end].trim();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Some((start..start + 2 + end + 2, name));
            }
        }
        from = start + 2;
    }
    None
}

/// Whether a line of a text begins a tag that does not end on it: such a text is no template, but one about templates or code.
fn unfinished(text: &str) -> bool {
    let open = |line: &str, mark: &str, end: char| line.rfind(mark).is_some_and(|at| !line[at + 2..].contains(end));
    let wrapped = text.contains("{% raw %}") && text.contains("{% endraw %}");
    !wrapped && text.lines().any(|line| open(line, "{%", '%') || open(line, "{{", '}') || open(line, "{#", '#'))
}

fn dump(state: &mut State<'_, '_>, value: &Jinja, indent: Option<usize>) -> Result<String, Error> {
    let json = written::plain(state, value)?;
    let text = if indent.is_some_and(|n| n > 0) { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
    text.map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
}

/// Halves are rounded up, as JavaScript does.
fn round(value: f64, digits: Option<i32>, method: Option<&str>) -> f64 {
    let factor = 10_f64.powi(digits.unwrap_or(0));
    let scaled = value * factor;
    let whole = match method {
        Some("ceil") => scaled.ceil(),
        Some("floor") => scaled.floor(),
        _ => (scaled + 0.5).floor(),
    };
    whole / factor
}

/// At most so many letters, cut at a word unless told otherwise, with dots behind.
fn truncate(text: &str, length: Option<usize>, kill: Option<bool>, end: Option<&str>) -> String {
    let length = length.unwrap_or(255);
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let cut: String = text.chars().take(length).collect();
    let at = if kill.unwrap_or(false) { None } else { cut.rfind(' ') };
    format!("{}{}", &cut[..at.unwrap_or(cut.len())], end.unwrap_or("..."))
}

fn urlencode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn explain(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    let hint = if error.kind() == ErrorKind::UndefinedError { "; declare the variable, or write {{ name | default('') }}" } else { "" };
    format!("template{line}: {}{hint}", error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(text: &str) -> Result<String, String> {
        let vars = json!({"name": "Ana", "list": ["a", "b"], "o": {"k": 1.5, "deep": {"x": "y"}}, "no": null, "yes": true});
        Templating::new(Map::from_iter([("KEY".to_owned(), json!("v"))])).render(text, vars.as_object().expect("object"))
    }

    #[test]
    fn nunjucks_as_configs_use_it() {
        for (text, expected) in [
            ("Hi {{name}}!\n", "Hi Ana!\n"),
            ("{% for x in list %}{{ loop.index }}{{ x }} {% endfor %}", "1a 2b "),
            ("{% if yes and not no %}1{% else %}2{% endif %}", "1"),
            ("{% if missing %}1{% else %}2{% endif %}", "2"),
            ("{{ missing | default('d') }}", "d"),
            ("{{ list | dump }} {{ o | dump }}", r#"["a","b"] {"k":1.5,"deep":{"x":"y"}}"#),
            ("{{ o }}{{ no }}{{ yes }}", r#"{"k":1.5,"deep":{"x":"y"}}true"#),
            ("{{ o.deep.x | upper }} {{ env.KEY }}", "Y v"),
            ("{# gone #}{% raw %}{{x}}{% endraw %}", "{{x}}"),
            ("<b>{{ '<i>' }}</b>", "<b><i></b>"),
            ("no braces { } here", "no braces { } here"),
        ] {
            assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_broken_is_said() {
        assert!(render("{{ missing }}").expect_err("missing").contains("default"));
        assert!(render("{% for x in missing %}{% endfor %}").is_err());
        assert!(render("a\n{% if %}").expect_err("broken").contains("line 2"));
        assert!(render("{% include 'x' %}").is_err());
        assert!(render("{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}").is_err());
    }

    #[test]
    fn lists_without_end_are_stopped() {
        let began = std::time::Instant::now();
        let nested = (0..12).fold("[0]".to_owned(), |inner, _| format!("[{}]", vec![inner; 2].join(", ")));
        for text in [
            "{{ [[0] * 100000] * 100000 }}".to_owned(),
            "{{ [[0] * 100000] * 100000 | dump }}".to_owned(),
            "{{ ([[0] * 100000] * 100000) | dump }}".to_owned(),
            "{{ {'a': [[''] * 100000] * 100000} }}".to_owned(),
            "{% for a in range(90000) %}{{ [[[]] * 99999] }}{% endfor %}".to_owned(),
            "{% set n = namespace(l=[]) %}{% for a in range(90000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}".to_owned(),
            format!("{{{{ {nested} * 90000 }}}}"),
        ] {
            assert!(render(&text).is_err(), "{}", text.chars().take(80).collect::<String>());
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(
            render("{{ [1, 1.5, none, [2, {'a': 1}]] }} {{ [1, {'a': [none]}] | dump }}").as_deref(),
            Ok("1,1.5,,2,[object Object] [1,{\"a\":[null]}]")
        );
    }

    #[test]
    fn a_json_prompt_survives_quotes() {
        let vars = Map::from_iter([("q".to_owned(), json!("say \"hi\""))]);
        let prompt = Templating::new(Map::new()).render_prompt(r#"[{"role":"user","content":"{{q}}"}]"#, &vars).expect("renders");
        assert_eq!(serde_json::from_str::<Value>(&prompt).expect("still JSON")[0]["content"], "say \"hi\"");
    }
}
