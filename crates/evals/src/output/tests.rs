//! Each form of result files, made from one small run.

use super::*;
use crate::run::{Options, run};
use crate::targets::Echo;
use serde_json::Value;

const CONFIG: &str = "prompts: ['{{x}}', '<{{x}}>']
providers: [echo]
tests:
  - {description: 'a & \"b\"', vars: {x: 'a,1'}, assert: [{type: equals, value: 'a,1', metric: same}]}
  - {vars: {x: two, y: {k: 1}}, assert: [{type: python, value: x}]}
";

async fn written(format: Format) -> String {
    let dir = tempfile::tempdir().expect("dir");
    let (path, jsonl) = (dir.path().join("c.yaml"), dir.path().join("r.jsonl"));
    std::fs::write(&path, CONFIG).expect("written");
    let config = Config::read(&path).expect("reads");
    let mut sink = JsonlSink::create(&jsonl).expect("file");
    let summary = run(&config, &Echo, &Options::default(), &mut sink).await.expect("runs");
    let mut text = Vec::new();
    write_results(&jsonl, &config, &summary, format, &mut text).expect("written");
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn lines_are_handed_on_as_they_are() {
    let lines = written(Format::Jsonl).await;
    let json: Value = serde_json::from_str(&written(Format::Json).await).expect("JSON");
    for (line, row) in lines.lines().zip(json["results"]["results"].as_array().expect("rows")) {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let read = CaseResult::from_json(&line).expect("a result").to_json();
        assert_eq!((&line["testCase"], &line["asked"], &line["gradingResult"]), (&row["testCase"], &row["asked"], &row["gradingResult"]));
        assert_eq!(read, line, "nothing is lost when a line is read");
    }
    assert_eq!(lines.lines().count(), 4);
}

#[tokio::test]
async fn json_is_promptfoos() {
    let json: Value = serde_json::from_str(&written(Format::Json).await).expect("JSON");
    assert_eq!(json["results"]["version"], 3);
    assert_eq!(json["results"]["stats"]["successes"], 1);
    assert_eq!((json["results"]["stats"]["failures"].clone(), json["results"]["stats"]["errors"].clone()), (1.into(), 2.into()));
    let metrics = &json["results"]["prompts"][0]["metrics"];
    assert_eq!((metrics["testPassCount"].clone(), metrics["namedScores"]["same"].clone()), (1.into(), 1.0.into()));
    let rows = json["results"]["results"].as_array().expect("rows");
    assert_eq!(
        rows.iter().map(|r| (r["testIdx"].clone(), r["promptIdx"].clone())).collect::<Vec<_>>(),
        [(0.into(), 0.into()), (0.into(), 1.into()), (1.into(), 0.into()), (1.into(), 1.into())]
    );
    assert_eq!(
        (rows[1]["success"].clone(), rows[1]["failureReason"].clone(), rows[1]["prompt"]["raw"].clone()),
        (false.into(), 1.into(), "<a,1>".into())
    );
    assert!(rows[2]["error"].as_str().expect("error").starts_with("python: is not supported"));
    assert_eq!(rows[0]["gradingResult"]["componentResults"][0]["assertion"]["type"], "equals");
    assert_eq!(json["config"]["providers"][0], "echo");
    assert_eq!(json["vars"], serde_json::json!(["x", "y"]));
}

#[tokio::test]
async fn lines_are_read_back_as_they_were() {
    for line in written(Format::Jsonl).await.lines() {
        let json: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(CaseResult::from_json(&json).expect("a result").to_json(), json);
    }
}

#[tokio::test]
async fn the_table_has_a_line_for_each_case() {
    let text = written(Format::Csv).await;
    let mut table = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(table.headers().expect("headers"), vec!["description", "x", "y", "[echo] {{x}}", "[echo] <{{x}}>"]);
    let lines: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().expect("lines");
    assert_eq!((lines.len(), &lines[0][1], &lines[0][3], &lines[1][2]), (2, "a,1", "[PASS] a,1", "{\"k\":1}"));
    assert!(lines[0][4].starts_with("[FAIL]") && lines[1][3].starts_with("[ERROR] python"));
}

#[tokio::test]
async fn junit_is_xml_with_every_verdict() {
    let text = written(Format::JUnit).await;
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let count = |tag: &str| xml.descendants().filter(|n| n.has_tag_name(tag)).count();
    assert_eq!((count("testsuite"), count("testcase"), count("failure"), count("error")), (2, 4, 1, 2));
    let first = xml.descendants().find(|n| n.has_tag_name("testcase")).expect("one");
    assert_eq!(first.attribute("name"), Some("#1 a & \"b\""));
    assert_eq!(xml.root_element().attribute("tests"), Some("4"));
}

#[test]
fn forms_are_known_by_name() {
    for (name, format) in [
        ("a.json", Some(Format::Json)),
        ("a.jsonl", Some(Format::Jsonl)),
        ("a.csv", Some(Format::Csv)),
        ("a.junit.xml", Some(Format::JUnit)),
        ("a.doc", None),
    ] {
        assert_eq!(Format::of(Path::new(name)), format);
    }
}

#[test]
fn half_a_line_is_taken_away_before_going_on() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("r.jsonl");
    for (before, after) in [("", ""), ("a\nb\n", "a\nb\n"), ("a\nhalf", "a\n"), ("half", "")] {
        std::fs::write(&path, before).expect("written");
        drop(JsonlSink::append(&path).expect("opens"));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), after);
    }
    let long = format!("a\n{}", "x".repeat(10_000));
    std::fs::write(&path, long).expect("written");
    drop(JsonlSink::append(&path).expect("opens"));
    assert_eq!(std::fs::read_to_string(&path).expect("text"), "a\n");
}

#[tokio::test]
async fn the_page_shows_everything_and_runs_nothing() {
    let page = written(Format::Html).await;
    for expected in ["a &#38; &#34;b&#34;", "Passed", "Failed", "Error", "1 of 4 passed", "all-passed", "data-column=", "&#60;a,1&#62;"] {
        assert!(
            page.contains(expected)
                || page.contains(
                    &expected.replace("&#38;", "&amp;").replace("&#34;", "&quot;").replace("&#60;", "&lt;").replace("&#62;", "&gt;")
                ),
            "{expected} is not in {page}"
        );
    }
    assert!(!page.contains("<a,1>") && !page.contains("<script") && !page.contains("http"), "{page}");
    assert_eq!((page.matches("<tr").count(), page.trim_end().ends_with("</html>")), (3, true));
    assert_eq!(Format::of(Path::new("x/out.HTML")), Some(Format::Html));
}
