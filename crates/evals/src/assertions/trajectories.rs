//! Assertions about the steps of an agent: which tools it called, in what order, with what. The steps are read out of the trace's spans.

use super::traces::{glob, spans};
use super::{Ask, Finding, Subject, count_bound, only_keys};
use crate::values::same;
use serde_json::{Map, Value};

/// A step: a tool called, a command run, a search, a thought, a message, or any other span.
struct Step {
    kind: &'static str,
    aliases: Vec<String>,
    name: String,
    arguments: Option<Value>,
}

const TOOL_NAMES: [&str; 11] = [
    "tool.name",
    "tool_name",
    "tool",
    "function.name",
    "function_name",
    "ai.toolCall.name",
    "gen_ai.tool.name",
    "agent.tool_name",
    "agent.tool",
    "agent.toolName",
    "codex.mcp.tool",
];
const COMMANDS: [&str; 4] = ["codex.command", "command", "command.name", "command_name"];
const COMMAND_TOOLS: [&str; 3] = ["exec_command", "local_shell", "shell"];
const SEARCHES: [&str; 3] = ["codex.search.query", "search.query", "search_query"];
const ARGUMENTS: [&str; 18] = [
    "tool.args",
    "tool.arguments",
    "tool.input",
    "tool_args",
    "tool_arguments",
    "tool_input",
    "function.args",
    "function.arguments",
    "function.input",
    "function_args",
    "function_arguments",
    "ai.toolCall.args",
    "ai.toolCall.arguments",
    "gen_ai.tool.args",
    "gen_ai.tool.arguments",
    "gen_ai.tool.input",
    "gen_ai.tool.call.args",
    "gen_ai.tool.call.arguments",
];
const BARE_ARGUMENTS: [&str; 3] = ["args", "arguments", "input"];

fn first_text<'a>(attributes: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| attributes[*key].as_str().map(str::trim).filter(|t| !t.is_empty()))
}

fn step(span: &Value) -> Step {
    let (name, attributes) = (span["name"].as_str().unwrap_or_default(), &span["attributes"]);
    let tool =
        first_text(attributes, &TOOL_NAMES).or_else(|| name.strip_prefix("mcp ").and_then(|n| n.rsplit_once('/')).map(|(_, t)| t.trim()));
    let arguments = ARGUMENTS.iter().chain(&BARE_ARGUMENTS).find_map(|key| structured(&attributes[*key]));
    let given = |key: &str| arguments.as_ref().and_then(|a| a.get(key)).and_then(Value::as_str);
    let runs = tool.is_some_and(|t| COMMAND_TOOLS.contains(&t.to_lowercase().as_str()));
    let command = first_text(attributes, &COMMANDS)
        .or_else(|| if runs { given("cmd").or_else(|| given("command")) } else { None })
        .or_else(|| name.strip_prefix("exec "))
        .map(str::to_owned);
    let search = first_text(attributes, &SEARCHES).or_else(|| name.strip_prefix("search ").map(|n| n.trim_matches('"')));
    let mut aliases = vec![name.to_owned()];
    let (kind, called) = match (&command, tool, search) {
        (Some(command), tool, _) if runs || tool.is_none() => {
            aliases.extend(tool.map(str::to_owned));
            aliases.extend(command.split_whitespace().next().map(str::to_owned));
            ("command", command.clone())
        }
        (_, Some(tool), _) => ("tool", tool.to_owned()),
        (_, _, Some(search)) => ("search", search.to_owned()),
        _ if attributes["codex.item.type"] == "reasoning" || name.to_lowercase().starts_with("reasoning") => {
            aliases.push("reasoning".into());
            ("reasoning", name.to_owned())
        }
        _ if attributes["codex.item.type"] == "agent_message" || matches!(name, "agent response" | "send input") => {
            aliases.push("message".into());
            ("message", name.to_owned())
        }
        _ => ("span", name.to_owned()),
    };
    aliases.push(called.clone());
    let arguments = arguments.filter(|_| kind == "tool" || (kind == "command" && tool.is_some()));
    Step { kind, aliases, name: called, arguments }
}

/// A value, or what is written in its text.
fn structured(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(serde_json::from_str(text.trim()).unwrap_or_else(|_| text.trim().into())),
        other => Some(other.clone()),
    }
}

/// The steps in the order they began.
fn steps(subject: &Subject<'_>) -> Result<Vec<Step>, String> {
    let mut spans: Vec<&Value> = spans(subject)?.iter().collect();
    let time = |span: &Value, key: &str| span[key].as_f64();
    let times = |span: &Value| {
        let start = time(span, "startTime").unwrap_or(0.0);
        (start, time(span, "endTime").unwrap_or(start))
    };
    spans.sort_by(|a, b| {
        let (a, b) = (times(a), times(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    Ok(spans.into_iter().map(step).collect())
}

fn tools(subject: &Subject<'_>) -> Result<Vec<Step>, String> {
    Ok(steps(subject)?.into_iter().filter(|s| s.kind == "tool").collect())
}

/// What a step must be: the name's pattern, and kinds.
struct Wanted {
    pattern: Option<String>,
    kinds: Vec<String>,
}

fn wanted(value: &Value, usual: Option<&str>) -> Wanted {
    let text = |key: &str| value[key].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    let kinds: Vec<String> = match &value["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => usual.into_iter().map(str::to_owned).collect(),
    };
    Wanted { pattern: value.as_str().map(str::to_owned).or_else(|| text("pattern")).or_else(|| text("name")), kinds }
}

impl Wanted {
    fn fits(&self, step: &Step) -> bool {
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|k| k == step.kind);
        kind && self.pattern.as_ref().is_none_or(|p| step.aliases.iter().any(|alias| glob(p, alias)))
    }

    fn named(self, what: &str) -> Result<Self, String> {
        if self.pattern.is_some() { Ok(self) } else { Err(format!("{what} needs \"name\" or \"pattern\"")) }
    }
}

fn shown(steps: &[Step]) -> String {
    if steps.is_empty() { "(none)".into() } else { steps.iter().map(|s| format!("{}:{}", s.kind, s.name)).collect::<Vec<_>>().join(", ") }
}

pub(super) fn tool_used(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let steps = tools(subject)?;
    let list: Vec<Wanted> = match ask.value {
        Value::String(_) => vec![wanted(ask.value, Some("tool"))],
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            items.iter().map(|i| wanted(i, Some("tool"))).collect()
        }
        Value::Object(_) => {
            only_keys(ask.value, &["name", "pattern", "type", "min", "max"])?;
            let one = wanted(ask.value, Some("tool")).named("its \"value\"")?;
            let count = steps.iter().filter(|s| one.fits(s)).count() as u64;
            let (min, max) = (count_bound(ask.value, "min")?.unwrap_or(1), count_bound(ask.value, "max")?);
            let holds = count >= min && max.is_none_or(|m| count <= m);
            return Ok(Finding::plain(holds, format!("The tool was called {count} times; tools: {}", shown(&steps))));
        }
        other => return Err(format!("needs the name of a tool, a list of them, or a map, as \"value\", not {other}")),
    };
    let used = |w: &Wanted| steps.iter().any(|s| w.fits(s));
    // Negated it asks for none of them, not for one missing.
    let holds = if ask.assertion.negated { list.iter().any(used) } else { list.iter().all(used) };
    Ok(Finding::plain(holds, format!("Tools called: {}", shown(&steps))))
}

pub(super) fn tool_sequence(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let steps = tools(subject)?;
    let (mode, list) = match ask.value {
        Value::Array(items) => ("in_order", items.as_slice()),
        Value::Object(map) => (
            match map.get("mode").map(Value::as_str) {
                None => "in_order",
                Some(Some(mode @ ("in_order" | "exact"))) => mode,
                Some(_) => return Err("\"mode\" is in_order or exact".into()),
            },
            map.get("steps").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice),
        ),
        other => return Err(format!("needs a list of tools, or a map with \"steps\", as \"value\", not {other}")),
    };
    only_keys(ask.value, &["mode", "steps"])?;
    list.iter().try_for_each(|step| only_keys(step, &["name", "pattern", "type"]))?;
    let list = list.iter().map(|i| wanted(i, Some("tool")).named("each step")).collect::<Result<Vec<_>, _>>()?;
    if list.is_empty() {
        return Err("needs at least one step".into());
    }
    let holds = if mode == "exact" {
        steps.len() == list.len() && list.iter().zip(&steps).all(|(w, s)| w.fits(s))
    } else {
        let mut left = steps.iter();
        list.iter().all(|w| left.any(|s| w.fits(s)))
    };
    Ok(Finding::plain(holds, format!("Tools called: {}", shown(&steps))))
}

pub(super) fn tool_args_match(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let steps = tools(subject)?;
    let Value::Object(map) = ask.value else { return Err(format!("needs a map as \"value\", not {}", ask.value)) };
    only_keys(ask.value, &["name", "pattern", "type", "args", "arguments", "mode", "ignore", "defaults"])?;
    let tool = wanted(ask.value, Some("tool")).named("its \"value\"")?;
    let expected = map.get("args").or_else(|| map.get("arguments")).ok_or("needs \"args\" in its \"value\"")?;
    let exact = match map.get("mode").map(Value::as_str) {
        None | Some(Some("partial")) => false,
        Some(Some("exact")) => true,
        Some(_) => return Err("\"mode\" is partial or exact".into()),
    };
    let ignored: Vec<&str> = match map.get("ignore") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(other) => return Err(format!("\"ignore\" is a name, or a list of names, not {other}")),
    };
    let defaults = match map.get("defaults") {
        None => Map::new(),
        Some(Value::Object(defaults)) => defaults.clone(),
        Some(other) => return Err(format!("\"defaults\" is a map of arguments, not {other}")),
    };
    let kept = |value: &Value| match value {
        Value::Object(map) => {
            let left_out = |key: &str| ignored.iter().any(|i| *i == key || (i.contains(['*', '?']) && glob(i, key)));
            Value::Object(map.iter().filter(|(k, _)| !left_out(k)).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        other => other.clone(),
    };
    let without_defaults = |value: Value| match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(k, v)| !defaults.get(k).is_some_and(|d| same(d, v))).collect()),
        other => other,
    };
    let expected = kept(expected);
    let fits = |actual: &Value| {
        let actual = without_defaults(kept(actual));
        if exact { same(&actual, &expected) } else { holds_all(&actual, &expected) }
    };
    let holds = steps.iter().filter(|s| tool.fits(s)).filter_map(|s| s.arguments.as_ref()).any(fits);
    Ok(Finding::plain(holds, format!("Expected arguments {expected}; tools called: {}", shown(&steps))))
}

/// Whether everything of `expected` is in `actual`.
fn holds_all(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Array(a), Value::Array(e)) => a.len() == e.len() && a.iter().zip(e).all(|(a, e)| holds_all(a, e)),
        (Value::Object(a), Value::Object(e)) => e.iter().all(|(k, e)| a.get(k).is_some_and(|a| holds_all(a, e))),
        _ => same(actual, expected),
    }
}

pub(super) fn step_count(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let steps = steps(subject)?;
    only_keys(ask.value, &["name", "pattern", "type", "min", "max"])?;
    let (min, max) = (count_bound(ask.value, "min")?, count_bound(ask.value, "max")?);
    if min.is_none() && max.is_none() {
        return Err("needs a map with \"min\" or \"max\" as \"value\"".into());
    }
    let one = wanted(ask.value, None);
    let count = steps.iter().filter(|s| one.fits(s)).count() as u64;
    let holds = min.is_none_or(|m| count >= m) && max.is_none_or(|m| count <= m);
    Ok(Finding::plain(holds, format!("{count} steps; all: {}", shown(&steps))))
}
