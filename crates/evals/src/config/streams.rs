//! Tests in CSV and JSONL files: read row by row, so that a file may be larger than memory.

use super::reading::Reading;
use super::references::Context;
use super::shorthand;
use crate::cases::TestCase;
use crate::faults::{Source, fault};
use prompts::FileFault;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A test of a stream, or what is wrong with its row.
pub(crate) type Row = Result<TestCase, Vec<FileFault>>;

/// Every test of a CSV or JSONL file, one after the other.
pub(crate) fn read(path: &Path, context: &Context) -> Box<dyn Iterator<Item = Row> + Send> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Box::new(std::iter::once(Err(vec![fault(path, None, format!("cannot be read ({error})"))]))),
    };
    let (path, context) = (path.to_owned(), context.clone());
    if super::files::ending(&path) == "csv" { Box::new(csv_rows(file, path, context)) } else { Box::new(json_rows(file, path, context)) }
}

fn csv_rows(file: File, path: PathBuf, context: Context) -> impl Iterator<Item = Row> + Send {
    let mut file = BufReader::with_capacity(1 << 16, file);
    // Spreadsheets begin files with a byte order mark.
    if file.fill_buf().is_ok_and(|start| start.starts_with(&[0xEF, 0xBB, 0xBF])) {
        file.consume(3);
    }
    let mut rows = csv::ReaderBuilder::new().from_reader(Box::new(file) as Box<dyn Read + Send>);
    let headers = rows.headers().cloned();
    let mut first = true;
    rows.into_records().map_while(move |record| {
        let headers = match &headers {
            Ok(headers) => headers,
            Err(error) if std::mem::take(&mut first) => return Some(Err(vec![fault(&path, Some(1), format!("is not CSV: {error}"))])),
            Err(_) => return None,
        };
        Some(match record {
            Ok(record) => {
                let line = record.position().and_then(|p| usize::try_from(p.line()).ok());
                let cells = headers.iter().zip(record.iter());
                row(cells).map_err(|m| vec![fault(&path, line, m)]).and_then(|test| understand(&path, line, &test, &context))
            }
            Err(error) => {
                let line = error.position().and_then(|p| usize::try_from(p.line()).ok());
                Err(vec![fault(&path, line, format!("is not CSV: {error}"))])
            }
        })
    })
}

fn json_rows(file: File, path: PathBuf, context: Context) -> impl Iterator<Item = Row> + Send {
    BufReader::new(file).lines().enumerate().filter_map(move |(at, line)| {
        let line_no = Some(at + 1);
        let line = match line {
            Ok(line) => line,
            Err(error) => return Some(Err(vec![fault(&path, line_no, format!("cannot be read ({error})"))])),
        };
        if line.trim().is_empty() {
            return None;
        }
        Some(match serde_json::from_str::<Value>(&line) {
            Ok(value) => understand(&path, line_no, &value, &context),
            Err(error) => Err(vec![fault(&path, line_no, format!("is not JSON: {error}"))]),
        })
    })
}

fn understand(path: &Path, line: Option<usize>, value: &Value, context: &Context) -> Row {
    let mut faults = Vec::new();
    let mut source = Source::new(path, String::new(), &mut faults);
    source.at = line;
    let dir = source.dir();
    let test = Reading { source, context, dir: &dir }.test(value);
    if faults.is_empty() { Ok(test) } else { Err(faults) }
}

/// A CSV row as a test in a config's form.
fn row<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Value, String> {
    let (mut test, mut vars, mut metadata, mut options) = (Map::new(), Map::new(), Map::new(), Map::new());
    let mut asserts: Vec<(String, Value)> = Vec::new();
    let mut configs: Vec<(String, String, &str)> = Vec::new();
    let (mut metric, mut columns) = (None, Vec::new());
    for (name, cell) in cells {
        columns.push(name);
        match name.strip_prefix("__") {
            None => drop(vars.insert(name.to_owned(), cell.into())),
            Some(_) if cell.trim().is_empty() => {}
            Some("description") => drop(test.insert("description".into(), cell.into())),
            Some("prefix" | "suffix") => drop(options.insert(name[2..].to_owned(), cell.into())),
            Some("provider") => drop(test.insert("provider".into(), cell.into())),
            Some("metric") => metric = Some(cell),
            Some("threshold") => drop(test.insert("threshold".into(), number(name, cell)?)),
            Some(special) => {
                if let Some(key) = special.strip_prefix("metadata:") {
                    let (key, value) = key.strip_suffix("[]").map_or((key, cell.into()), |key| (key, list(cell).into()));
                    metadata.insert(key.to_owned(), value);
                } else if let Some((column, key)) = special.strip_prefix("config:").and_then(|rest| rest.split_once(':')) {
                    configs.push((column.to_owned(), key.to_owned(), cell));
                } else if special.strip_prefix("expected").is_some_and(|n| n.chars().all(|c| c.is_ascii_digit())) {
                    asserts.push((name.to_owned(), shorthand::assertion(cell.trim()).map_err(|e| format!("{name}: {e}"))?));
                } else {
                    return Err(format!("the column {name} is not known; a variable's name must not begin with two underscores"));
                }
            }
        }
    }
    for (column, key, cell) in configs {
        if !columns.contains(&column.as_str()) {
            return Err(format!("__config:{column}:{key} is for the column {column}, which is not there"));
        }
        let Some((_, assertion)) = asserts.iter_mut().find(|(name, _)| *name == column) else { continue };
        assertion[&key] = if key == "threshold" || key == "weight" { number(&key, cell)? } else { cell.into() };
    }
    let asserts = asserts.into_iter().map(|(_, mut assertion)| {
        if let Some(metric) = metric {
            assertion["metric"] = metric.into();
        }
        assertion
    });
    test.insert("assert".into(), Value::Array(asserts.collect()));
    for (key, map) in [("vars", vars), ("metadata", metadata), ("options", options)] {
        test.insert(key.into(), Value::Object(map));
    }
    Ok(Value::Object(test))
}

fn number(name: &str, cell: &str) -> Result<Value, String> {
    cell.trim().parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| json!(n)).ok_or_else(|| format!("{name} is a number, not \"{cell}\""))
}

/// A list separated by commas; `\,` is a comma.
fn list(cell: &str) -> Vec<String> {
    cell.replace("\\,", "\u{1}").split(',').map(|item| item.trim().replace('\u{1}', ",")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Assert;
    use std::io::Write;

    fn all(name: &str, text: &[u8]) -> Vec<Row> {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        read(&path, &Context::default()).collect()
    }

    #[test]
    fn every_special_column_has_its_place() {
        let csv = "\u{feff}city,__expected,__expected2,__config:__expected2:threshold,__prefix,__suffix,__description,__metric,__threshold,__metadata:kind,__metadata:tags[]\n\
                   Oslo,contains:fjord,levenshtein:Olso,2,P,S,the first,m,0.5,happy,\"a, b\\,c\"\n\
                   \"Rio\nde Janeiro\",,,,,,,,,,\n";
        let mut rows = all("t.csv", csv.as_bytes());
        let second = rows.pop().expect("two").expect("read");
        assert_eq!(second.vars["city"], "Rio\nde Janeiro");
        assert!(second.asserts.is_empty());
        let first = rows.pop().expect("one").expect("read");
        assert_eq!((first.description.as_deref(), first.threshold), (Some("the first"), Some(0.5)));
        assert_eq!((first.options.prefix.as_str(), first.options.suffix.as_str()), ("P", "S"));
        assert_eq!(Value::Object(first.metadata), json!({"kind": "happy", "tags": ["a", "b,c"]}));
        let [Assert::One(contains), Assert::One(distance)] = first.asserts.as_slice() else { panic!("{:?}", first.asserts) };
        assert_eq!((contains.kind.as_str(), contains.metric.as_deref()), ("contains", Some("m")));
        assert_eq!((distance.kind.as_str(), distance.threshold), ("levenshtein", Some(2.0)));
    }

    #[test]
    fn broken_rows_are_named_by_line() {
        let rows = all("t.csv", b"a,b\n1,2\n1,2,3\n4,5\n");
        let broken = rows[1].as_ref().expect_err("too long");
        assert_eq!(broken[0].line, Some(3));
        assert!(rows[2].is_ok());
        let rows = all("t.csv", b"a,__threshold,__what\n1,x,\n1,,y\n");
        assert!(rows[0].as_ref().expect_err("number")[0].message.contains("\"x\""));
        assert!(rows[1].as_ref().expect_err("unknown")[0].message.contains("__what"));
        let rows = all("t.jsonl", b"{\"vars\":{\"a\":1}}\n\n{\"vars\":\n{\"wars\":{}}\n");
        assert_eq!(rows[1].as_ref().expect_err("broken")[0].line, Some(3));
        assert_eq!(rows[2].as_ref().expect_err("unknown key")[0].line, Some(4));
        assert!(all("t.csv", b"a,b\n\xff\xfe,2\n")[0].is_err());
    }

    #[test]
    fn a_hundred_megabytes_pass_row_by_row() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("huge.csv");
        let mut file = std::io::BufWriter::new(File::create(&path).expect("file"));
        file.write_all(b"text,__expected\n").expect("written");
        let line = format!("{},contains:x\n", "x".repeat(100_000));
        for _ in 0..1000 {
            file.write_all(line.as_bytes()).expect("written");
        }
        drop(file);
        assert_eq!(read(&path, &Context::default()).flatten().count(), 1000);
    }
}
