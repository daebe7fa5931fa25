//! Drafts every section of a plan for one idea with the real model and prints it, so that a person can read what the
//! ranking lets through: `cargo run -p local-model --example draft -- "soy candles" [--prompts DIR] [--only NAME] [--quiet]
//! [--currency EUR] [--seed 7] [--voice professional] [--without EXAMPLE-ID]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use local_model::{DraftTask, Engine, Example, Settings};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let prompts = option("--prompts").map_or_else(|| root.join("prompts"), PathBuf::from);
    let models = std::env::var_os("PLANNER_MODELS").map_or_else(|| root.join("models"), PathBuf::from);
    let settings = Settings {
        gguf: models.join("smollm2-135m-instruct-q4_1.gguf"),
        embedder: models.join("all-minilm-l6-v2"),
        threads: option("--threads").and_then(|n| n.parse().ok()).unwrap_or(2),
    };
    let engine = Engine::load(&settings)?;
    let idea =
        args.first().filter(|arg| !arg.starts_with("--")).cloned().unwrap_or_else(|| "vegan leather hiking boots for women".to_owned());
    let (currency, voice) =
        (option("--currency").unwrap_or_else(|| "USD".to_owned()), option("--voice").unwrap_or_else(|| "professional".to_owned()));
    let without = option("--without");
    let mut ventures: Vec<Value> = read_all(&prompts.join("examples"))?.into_values().collect();
    ventures.retain(|venture| without.is_none() || venture["id"].as_str() != without.as_deref());
    let mut sections: Vec<Value> = read_all(&prompts.join("v1.0.0"))?.into_values().filter(|t| t["kind"] != "utility").collect();
    sections.sort_by_key(|section| (section["step"].as_u64(), section["order"].as_u64()));
    let mut context = Map::new();
    let (mut named, mut valid, mut count, begun) = (0, 0, 0, Instant::now());
    for section in &sections {
        let name = section["name"].as_str().unwrap_or_default();
        if option("--only").is_some_and(|only| only != name) {
            continue;
        }
        let known = |venture: &&Value| venture["sections"].get(name).is_some();
        let plans: Vec<String> = ventures.iter().map(|venture| venture["sections"].to_string()).collect();
        let known = ventures.iter().zip(&plans).filter(|(venture, _)| known(venture));
        let examples: Vec<Example<'_>> = known.map(|(venture, plan)| example(venture, name, plan)).collect();
        let context_value = Value::Object(context.clone());
        let task = DraftTask {
            schema: &section["output"],
            examples: &examples,
            subject: &idea,
            voice: &voice,
            language: "English",
            currency: &currency,
            price_range: None,
            context: &context_value,
            seed: option("--seed").and_then(|seed| seed.parse().ok()).unwrap_or(1),
        };
        let start = Instant::now();
        let draft = engine.draft(&task, &AtomicBool::new(false))?;
        let seconds = start.elapsed().as_secs_f64();
        count += 1;
        let fits = jsonschema::validator_for(&section["output"])?.is_valid(&draft.output);
        valid += i32::from(fits);
        let text = draft.output.to_string().to_lowercase();
        let says = idea.split_whitespace().any(|word| word.len() > 3 && text.contains(&word.to_lowercase()));
        named += i32::from(says);
        println!(
            "== {name}  {seconds:.1} s  read {} wrote {}  fits {fits}  gaps {}",
            draft.prompt_tokens,
            draft.completion_tokens,
            draft.gaps.len()
        );
        print(&draft.output, 1);
        for gap in &draft.gaps {
            println!("  GAP {}: {}", gap.path, gap.reason);
        }
        context.insert(camel(name), draft.output);
    }
    println!("== {idea}: {:.1} s, {valid}/{count} fit their schema, {named}/{count} name the product", begun.elapsed().as_secs_f64());
    Ok(())
}

fn example<'a>(venture: &'a Value, section: &str, plan: &'a str) -> Example<'a> {
    let text = |key: &str| venture[key].as_str().unwrap_or_default();
    Example {
        subject: text("productIdea"),
        currency: text("currency"),
        voice: text("brandVoice"),
        output: &venture["sections"][section],
        plan,
    }
}

fn read_all(dir: &Path) -> Result<BTreeMap<String, Value>, Box<dyn std::error::Error>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            match serde_saphyr::from_str::<Value>(&std::fs::read_to_string(&path)?) {
                Ok(value) => drop(files.insert(path.display().to_string(), value)),
                Err(error) => eprintln!("{}: {error}", path.display()),
            }
        }
    }
    Ok(files)
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let mut letters = part.chars();
        whole + &letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    })
}

/// Short enough to read a whole plan at a glance.
fn print(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        println!("{indent}{key}:");
                        print(value, depth + 1);
                    }
                    Value::String(text) => println!("{indent}{key}: {text}"),
                    other => println!("{indent}{key}: {other}"),
                }
            }
        }
        Value::Array(items) if items.iter().all(Value::is_object) => items.iter().for_each(|item| {
            println!("{indent}-");
            print(item, depth + 1);
        }),
        Value::Array(items) => items.iter().for_each(|item| println!("{indent}- {}", item.as_str().unwrap_or(&item.to_string()))),
        other => println!("{indent}{other}"),
    }
}
