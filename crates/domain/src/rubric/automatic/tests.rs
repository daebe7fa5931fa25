//! Each formula in a table, and what holds for any output.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const IDEA: &str = "vegan leather hiking boots for women";

fn evidence(output: &Value) -> Evidence<'_> {
    Evidence { grounded: false, draft_model: false, output, issues: &[], sources: &[], idea: IDEA, voice: "professional", language: "en" }
}

fn goals() -> Value {
    json!({
        "specific": {"title": "Three sizes of boots", "description": "Sell vegan hiking boots for women in three sizes from one web shop by March."},
        "measurable": {"title": "100 pairs", "description": "Sell one hundred pairs of leather-free boots in the first six months."},
    })
}

fn points(evidence: &Evidence<'_>, criterion: Criterion) -> Option<f64> {
    automatic(evidence).0.get(criterion).map(Points::value)
}

fn found(count: usize) -> Vec<Source> {
    (0..count).map(|at| Source { uri: format!("https://example.org/{at}"), title: "A page".into() }).collect()
}

#[test]
fn a_good_output_without_a_search_is_excellent_but_not_perfect() {
    let output = goals();
    let (score, reasons) = automatic(&evidence(&output));
    assert_eq!(score.total().map(|total| total.to_string()), Some("94.0".into()), "{reasons:?}");
    assert!(score.is_whole() && reasons.len() == 5);
}

#[test]
fn correctness_follows_the_sources() {
    let table = [
        (true, 0, false, 4.0),
        (true, 1, false, 7.0),
        (true, 2, false, 10.0),
        (true, 9, false, 10.0),
        (false, 0, false, 8.0),
        (true, 5, true, 6.0),
        (false, 0, true, 6.0),
        (true, 0, true, 4.0),
    ];
    for (grounded, sources, draft_model, expected) in table {
        let (output, sources) = (goals(), found(sources));
        let given = Evidence { grounded, draft_model, sources: &sources, ..evidence(&output) };
        assert_eq!(points(&given, Criterion::Correctness), Some(expected), "{grounded} {} {draft_model}", sources.len());
    }
}

#[test]
fn an_estimate_that_is_marked_is_worth_more_than_one_that_is_not() {
    for (price, expected) in [("$120-$180", 4.0), ("~$120-$180", 6.0), ("about $150", 6.0), ("$150 (estimated)", 6.0), ("150 pairs", 4.0)] {
        let output = json!({"price": price});
        assert_eq!(points(&Evidence { grounded: true, ..evidence(&output) }, Criterion::Correctness), Some(expected), "{price}");
    }
    let half = json!({"a": "~$10", "b": "$20"});
    assert_eq!(points(&Evidence { grounded: true, ..evidence(&half) }, Criterion::Correctness), Some(5.0));
}

#[test]
fn addresses_that_no_search_found_and_figures_that_are_wrong_cost_points() {
    let sources = found(2);
    let output = json!({"a": "See https://example.org/0 and https://example.org/1/.", "b": "https://invented.example/x", "c": "again https://invented.example/x"});
    let given = Evidence { grounded: true, sources: &sources, ..evidence(&output) };
    assert_eq!(points(&given, Criterion::Correctness), Some(7.0), "one address, however often");
    let issues = [
        Issue::new("price-range", "/b", "is not a price range"),
        Issue::new("money", "/c", "is no money"),
        Issue::new("slug", "/d", "no slug"),
    ];
    assert_eq!(points(&Evidence { issues: &issues, ..given }, Criterion::Correctness), Some(3.0));
}

#[test]
fn relevance_is_the_words_of_the_idea() {
    let table = [
        (json!({"a": "Boots for women who hike, in vegan leather, from one careful workshop."}), Some(10.0)),
        // Two of five words: 7 * 0.8 + 3.
        (json!({"a": "A booted hiker wears what is vegan."}), Some(8.6)),
        // One of five words, in the only text: 7 * 0.4 + 3.
        (json!({"a": "Our boots are what everybody has been waiting for."}), Some(5.8)),
        // One of five words, in one text of four: 7 * 0.4 + 3 * 0.5.
        (
            json!([
                "Our boots are what everybody waits for.",
                "This text is about nothing at all, really.",
                "Nor is this one, which is long too.",
                "Another text that says very little."
            ]),
            Some(4.3),
        ),
        (json!({"a": "Car tyres with a good grip in wet weather, for every season."}), Some(0.0)),
        (json!({}), Some(0.0)),
    ];
    for (output, expected) in table {
        assert_eq!(points(&evidence(&output), Criterion::Relevance), expected, "{output}");
    }
}

#[test]
fn what_another_language_hides_is_not_judged() {
    let german = json!({"a": "Wanderstiefel aus veganem Material, in drei Breiten, aus einer kleinen Werkstatt."});
    let given = Evidence { language: "de", idea: "cork yoga mats", ..evidence(&german) };
    assert_eq!(points(&given, Criterion::Relevance), None);
    assert!(automatic(&given).1[&Criterion::Relevance].starts_with("Not judged"));
    assert_eq!(points(&Evidence { language: "en", ..given }, Criterion::Relevance), Some(0.0));
    let japanese = json!({"a": "手工陶瓷花盆，适合阳台上的多肉植物，每一个都不一样，由工匠在小作坊里制作。"});
    assert_eq!(points(&Evidence { language: "zh", idea: "手工陶瓷花盆", ..evidence(&japanese) }, Criterion::Relevance), Some(10.0));
    assert_eq!(points(&Evidence { idea: "a b", ..evidence(&german) }, Criterion::Relevance), None, "no words to look for");
}

#[test]
fn format_is_the_issues_of_form() {
    let table: [(&[&str], f64); 7] = [
        (&[], 10.0),
        (&["schema"], 7.0),
        (&["schema", "slug"], 5.5),
        (&["distinct", "contrast"], 7.0),
        (&["schema", "schema", "schema", "schema"], 0.0),
        (&["draft", "placeholder", "price-range"], 10.0),
        (&["a-rule-of-tomorrow"], 8.5),
    ];
    for (rules, expected) in table {
        let issues: Vec<Issue> = rules.iter().map(|rule| Issue::new(rule, "/a", "is wrong")).collect();
        let output = goals();
        assert_eq!(points(&Evidence { issues: &issues, ..evidence(&output) }, Criterion::Format), Some(expected), "{rules:?}");
    }
}

#[test]
fn only_a_quiet_voice_can_be_measured() {
    let said = |text: &str| json!({ "text": text });
    let calm = "We make boots that last for ten years and can be mended in a day, in three widths and five sizes, in one workshop.";
    let table = [
        ("professional", calm.to_owned(), Some(10.0)),
        ("professional", format!("{calm} Buy now!"), Some(2.0)),
        ("professional", format!("{calm} 🥾 AMAZING!!!"), Some(0.0)),
        ("professional", "Boots that last and last.".to_owned(), None),
        ("witty-dad", calm.to_owned(), None),
        ("dry and precise", calm.to_owned(), None),
    ];
    for (voice, text, expected) in table {
        let output = said(&text);
        let given = points(&Evidence { voice, ..evidence(&output) }, Criterion::Voice);
        assert!(given.zip(expected).map_or(given == expected, |(a, b)| (a - b).abs() < 0.5), "{voice}: {text}: {given:?}");
    }
}

#[test]
fn placeholder_text_is_worth_nothing() {
    let table = [
        (json!({"a": "Write to [company name] today."}), 0.0),
        (json!({"a": "It costs $XX-$YY."}), 0.0),
        (json!({"a": "", "b": "fine", "c": "  "}), 6.0),
        (json!({"a": "Data not available"}), 9.5),
        (json!({"a": "", "b": "", "c": "", "d": "", "e": "", "f": ""}), 0.0),
        (goals(), 10.0),
    ];
    for (output, expected) in table {
        assert_eq!(points(&evidence(&output), Criterion::Actionability), Some(expected), "{output}");
    }
    let (output, issues) = (goals(), [Issue::new("placeholder", "/a", "contains placeholder text")]);
    assert_eq!(points(&Evidence { issues: &issues, ..evidence(&output) }, Criterion::Actionability), Some(0.0));
}

proptest! {
    #[test]
    fn any_output_gets_a_total_and_five_reasons(texts in proptest::collection::vec("\\PC{0,60}", 0..6), idea in "\\PC{0,60}", voice in "professional|witty-dad", language in "en|de|zh", grounded: bool, draft_model: bool) {
        let output = json!({ "texts": texts });
        let given = Evidence { grounded, draft_model, output: &output, issues: &[], sources: &[], idea: &idea, voice: &voice, language: &language };
        let (score, reasons) = automatic(&given);
        prop_assert!(score.total().is_some());
        prop_assert_eq!(reasons.len(), 5);
        for criterion in Criterion::ALL {
            prop_assert_eq!(score.get(criterion).is_none(), reasons[&criterion].starts_with("Not judged"), "{:?}", reasons);
        }
        prop_assert_eq!(automatic(&given), (score, reasons), "the same again");
    }

    #[test]
    fn one_more_issue_never_makes_it_better(rules in proptest::collection::vec("schema|slug|money|placeholder|price-range", 0..6)) {
        let output = goals();
        let issues: Vec<Issue> = rules.iter().map(|rule| Issue::new(rule, "/a", "is wrong")).collect();
        let totals: Vec<_> = (0..=issues.len()).map(|count| automatic(&Evidence { issues: &issues[..count], ..evidence(&output) }).0.total()).collect();
        prop_assert!(totals.is_sorted_by(|before, after| before >= after), "{totals:?}");
    }
}
