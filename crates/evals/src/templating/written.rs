//! Lists and maps of a template as JSON. They are made outside of what the engine counts, and a short template makes endless ones
//! (`[[0] * 100000] * 100000`), so they have a limit of their own.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value as Jinja};
use serde_json::{Map, Value, json};

/// What all lists and maps that one template prints may come to: the bytes of their texts, and `ENTRY` for each entry.
const MOST: usize = 4 << 20;
const ENTRY: usize = 8;
/// How deep they may be.
const DEEPEST: usize = 64;

/// What one template has printed so far.
#[derive(Default)]
struct Spent(usize);

/// A value as JSON, or that it is too large.
pub(super) fn plain(state: &mut State<'_, '_>, value: &Jinja) -> Result<Value, Error> {
    let spent = state.get_or_insert_extension(Spent::default());
    walk(value, 0, &mut spent.0)
}

fn walk(value: &Jinja, depth: usize, spent: &mut usize) -> Result<Value, Error> {
    *spent += ENTRY + value.as_str().map_or(0, str::len);
    if *spent > MOST || depth > DEEPEST {
        let limits = format!("a template prints at most {} MiB of them, {DEEPEST} deep", MOST >> 20);
        return Err(Error::new(ErrorKind::OutOfFuel, format!("a list or map is too large to be printed; {limits}")));
    }
    Ok(match value.kind() {
        ValueKind::None | ValueKind::Undefined => Value::Null,
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => number(value)?,
        ValueKind::Seq | ValueKind::Iterable => {
            Value::Array(value.try_iter()?.map(|item| walk(&item, depth + 1, spent)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()? {
                let name = key.to_string();
                *spent += name.len();
                map.insert(name, walk(&value.get_item(&key)?, depth + 1, spent)?);
            }
            Value::Object(map)
        }
        _ => value.to_string().into(),
    })
}

fn number(value: &Jinja) -> Result<Value, Error> {
    if value.is_integer() {
        if let Ok(whole) = i64::try_from(value.clone()) {
            return Ok(whole.into());
        }
        if let Ok(whole) = u64::try_from(value.clone()) {
            return Ok(whole.into());
        }
    }
    f64::try_from(value.clone()).map(|number| json!(number))
}
