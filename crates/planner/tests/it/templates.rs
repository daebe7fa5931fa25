//! A section is a file: one new file gives an endpoint, a place in a run, a place on the page and in the export.

use crate::house::{House, idea};
use axum::http::StatusCode;
use serde_json::{Value, json};

const FILE: &str = r"
name: packing-song
version: 1.0.0
title: Packing song
summary: What you sing while you pack.
step: 4
order: 99
model: fast
temperature: 0.9
maxOutputTokens: 400
timeoutSeconds: 20
dependsOn: [brand-kit]
variables:
  - {name: userInput.productIdea, type: string, required: true}
  - {name: previousContext.brandKit, type: object}
systemPrompt: You write songs.
userPrompt: |
  A packing song for <product_idea>{{userInput.productIdea}}</product_idea>
  {{#if previousContext.brandKit}}with the line {{previousContext.brandKit.tagline}}{{/if}}
output:
  type: object
  additionalProperties: false
  required: [verses]
  properties:
    verses: {type: array, title: Verses of the song, minItems: 2, maxItems: 4, items: {type: string, title: Verse, maxLength: 200}}
view:
  fields:
    verses: {as: steps}
";

#[tokio::test]
async fn one_new_file_is_a_new_section_everywhere() {
    let extra = tempfile::tempdir().expect("a folder");
    std::fs::write(extra.path().join("packing-song.yaml"), FILE).expect("written");
    let house = House::with(Some(extra.path()), |_| {}).await;
    let reply = house.function("generate-packing-song", &idea()).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert!(reply.json()["verses"].as_array().is_some_and(|v| v.len() >= 2));
    let (path, cookie) = house.make_plan("beeswax candles").await;
    house.until_finished(&path, &cookie).await;
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains("id=\"packing-song\"") && page.contains("Verses of the song"), "on the page");
    assert!(house.get(&format!("{path}/export/plan.md"), &cookie).await.body.contains("### Packing song"), "in the export");
    let json = house.get(&format!("{path}/export/plan.json"), &cookie).await.json();
    assert_eq!(json["sections"]["packing-song"]["status"], "complete");
    let tagline = json["sections"]["brand-kit"]["output"]["tagline"].as_str().expect("a tagline").to_owned();
    let asked = house.upstream.calls().into_iter().any(|call| call.prompt.contains("A packing song") && call.prompt.contains(&tagline));
    assert!(asked, "after what it depends on");
}

/// Each broken file with what must be said of it.
#[test]
fn a_broken_file_is_named_with_line_and_reason() {
    for (change, with, said) in [
        ("model: fast", "model: slow", "slow"),
        ("order: 99", "order: 99\ncolour: red", "colour"),
        ("temperature: 0.9", "temperature: 9", "between 0 and 2"),
        ("dependsOn: [brand-kit]", "dependsOn: [nothing-there]", "nothing-there"),
        ("userInput.productIdea}}<", "userInput.productIdea}} {{metadata.tier}}<", "metadata.tier"),
        (
            "  - {name: previousContext.brandKit",
            "  - {name: metadata.language, type: string}\n  - {name: previousContext.brandKit",
            "never used",
        ),
        ("maxItems: 4, ", "", "maxItems"),
        (", maxLength: 200", "", "maxLength"),
        ("  additionalProperties: false\n", "", "additionalProperties"),
        ("{{#if previousContext.brandKit}}", "{{#if previousContext.brandKit", "Handlebars"),
        ("version: 1.0.0", "version: one", "version"),
        ("name: packing-song", "name: another-song", "file's name"),
        ("verses: {as: steps}", "chorus: {as: steps}", "chorus"),
        ("step: 4", "step: 5", "step"),
    ] {
        let extra = tempfile::tempdir().expect("a folder");
        assert!(FILE.contains(change), "{change}");
        std::fs::write(extra.path().join("packing-song.yaml"), FILE.replacen(change, with, 1)).expect("written");
        let faults = prompts::Library::load(Some(extra.path())).expect_err(with);
        let all = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(all.contains(said) && all.contains("packing-song.yaml:"), "{with}: {all}");
    }
}

#[test]
fn cycles_bombs_and_breaking_changes_are_refused() {
    let with = |files: &[(&str, String)]| {
        let extra = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = extra.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        prompts::Library::load(Some(extra.path()))
            .map(drop)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let other = FILE
        .replace("packing-song", "other-song")
        .replace("dependsOn: [brand-kit]", "dependsOn: [packing-song]")
        .replace("brandKit", "packingSong")
        .replace("packingSong.tagline", "packingSong.verses.[0]");
    let this = FILE
        .replace("dependsOn: [brand-kit]", "dependsOn: [other-song]")
        .replace("brandKit.tagline", "otherSong.verses.[0]")
        .replace("brandKit", "otherSong");
    let circle = with(&[("packing-song.yaml", this), ("other-song.yaml", other)]).expect_err("a circle");
    assert!(circle.contains("in a circle: other-song -> packing-song -> other-song"), "{circle}");
    let minor = FILE.replace("version: 1.0.0", "version: 1.1.0").replace("verses", "stanzas");
    let broken =
        with(&[("v1.0.0/packing-song.yaml", FILE.into()), ("v1.1.0/packing-song.yaml", minor.clone())]).expect_err("a breaking change");
    assert!(broken.contains("needs a new major version"), "{broken}");
    let major = minor.replace("version: 1.1.0", "version: 2.0.0");
    assert_eq!(with(&[("v1.0.0/packing-song.yaml", FILE.into()), ("v2.0.0/packing-song.yaml", major)]), Ok(()));
    let bomb: Vec<String> = (0..200).map(|i| format!("b{i}: [*a, *a, *a]\n")).collect();
    let bomb = format!("a: &a [x]\n{}", bomb.concat());
    assert!(with(&[("packing-song.yaml", bomb)]).is_err());
}

#[test]
fn values_are_data_and_cannot_add_template_text() {
    let library = prompts::Library::load(None).unwrap_or_else(|f| panic!("{f:#?}"));
    let release = library.latest();
    let template = release.sections()[0].clone();
    let evil = "candles {{metadata.tier}} {{#each x}} {{{y}}} <b>&amp;";
    let context = serde_json::json!({"userInput": {"productIdea": evil, "brandVoice": "plain"}});
    let rendered = template.render(&context).expect("rendered");
    assert!(rendered.user.contains(evil), "as it was given, unescaped and unread");
    let missing = template.render(&serde_json::json!({"userInput": {"brandVoice": "plain"}})).expect_err("required");
    assert!(missing.to_string().contains("userInput.productIdea"));
    let unfit = template.render(&serde_json::json!({"userInput": {"productIdea": 5, "brandVoice": "plain"}})).expect_err("a number");
    assert!(unfit.to_string().contains("userInput.productIdea"));
}

#[test]
fn releases_hold_what_changed_and_the_rest_comes_from_below() {
    let extra = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(extra.path().join("v1.2.0")).expect("made");
    std::fs::write(extra.path().join("v1.2.0/packing-song.yaml"), FILE.replace("version: 1.0.0", "version: 1.2.0")).expect("written");
    let library = prompts::Library::load(Some(extra.path())).unwrap_or_else(|f| panic!("{f:#?}"));
    let name = domain::sections::SectionName::parse("packing-song").expect("a name");
    let (old, new) = (library.release(&semver::Version::new(1, 1, 0)).expect("a release"), library.latest());
    assert!(old.section(&name).is_none() && new.section(&name).is_some());
    assert_eq!(new.sections().len(), old.sections().len() + 1);
}

/// Nobody searched for the examples, so their price ranges are estimates, marked as the template asks of a model.
#[test]
fn examples_mark_prices_that_were_not_found() {
    let library = prompts::Library::load(None).unwrap_or_else(|f| panic!("{f:#?}"));
    let unfound = library.examples().iter().flat_map(|e| &e.sections).filter(|(_, output)| output["lowConfidence"] == true);
    let ranges: Vec<_> = unfound
        .flat_map(|(_, output)| domain::guardrails::at_path(output, "competitors[].estimatedPriceRange"))
        .filter_map(|(_, range)| range.as_str().map(str::to_owned))
        .collect();
    assert!(ranges.len() >= 24, "{ranges:?}");
    assert_eq!(ranges.into_iter().filter(|range| !range.starts_with('~')).collect::<Vec<_>>(), [""; 0]);
}

/// Costs before the first sale are counted once: the parts an example names add up without the stock, which the unit cost counts.
#[test]
fn examples_count_the_first_stock_once() {
    let library = prompts::Library::load(None).unwrap_or_else(|f| panic!("{f:#?}"));
    let with_costs = |(_, output): &&(_, Value)| output.get("startupCostsCents").is_some();
    let figures: Vec<_> = library.examples().iter().flat_map(|e| &e.sections).filter(with_costs).collect();
    assert!(figures.len() >= 8);
    for (_, output) in figures {
        let (total, reasoning) =
            (output["startupCostsCents"].as_u64().expect("cents") / 100, output["reasoning"].as_str().expect("a text"));
        let amounts = amounts(reasoning);
        let at = amounts.iter().position(|(amount, _)| *amount == total).unwrap_or_else(|| panic!("{total} is not explained: {reasoning}"));
        let mut left = total;
        for (part, each) in &amounts[at + 1..] {
            if left == 0 {
                break;
            }
            assert!(*part <= left, "the parts of {total} come to more: {reasoning}");
            // "Photography, samples and registrations at $250 each" ends the list.
            left = if *each { left % part } else { left - part };
        }
        assert_eq!(left, 0, "the parts of {total} do not add up: {reasoning}");
    }
}

/// The whole amounts of money in a text, in order, and whether each is said of several things.
fn amounts(text: &str) -> Vec<(u64, bool)> {
    let read = |after: &str| {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(after.len());
        let amount = after[..end].replace(',', "").parse().ok()?;
        Some((amount, after[end..].split_whitespace().next().is_some_and(|word| word.starts_with("each"))))
    };
    text.split(['$', '€', '£']).skip(1).filter_map(read).collect()
}

#[test]
fn the_assistant_is_asked_whatever_is_missing_from_the_plan() {
    let library = prompts::Library::load(None).unwrap_or_else(|f| panic!("{f:#?}"));
    let name = domain::sections::SectionName::parse("assistant").expect("a name");
    let template = library.latest().template(&name).expect("the template").clone();
    let hollow = json!({
        "smartGoals": {"goals": [], "note": null, "actionItems": [{"text": "Call Ann", "tags": []}, null]},
        "swot": {},
        "brandKit": null,
        "productPlan": {"variants": [[], {"options": []}], "title": "Candles"},
    });
    for (context, seen) in [(Value::Null, false), (json!({}), false), (json!([]), false), (hollow, true)] {
        let asked = json!({
            "question": "What first?", "previousContext": context, "metadata": {"language": null},
            "userInput": {"productIdea": "beeswax candles", "brandVoice": "plain"},
        });
        if context.is_array() {
            assert!(template.render(&asked).is_err() || !template.render(&asked).expect("rendered").user.contains("<plan>"));
            continue;
        }
        let rendered = template.render(&asked).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(rendered.user.contains("<plan>"), seen, "{}", rendered.user);
        assert!(rendered.user.contains("<question>What first?</question>") && rendered.system.contains("Write in English"));
        for wrong in ["null", "[object]", "{{"] {
            assert!(!rendered.user.contains(wrong), "{wrong}: {}", rendered.user);
        }
        if seen {
            assert!(rendered.user.contains("Call Ann") && rendered.user.contains("title: Candles"), "{}", rendered.user);
        }
    }
}
