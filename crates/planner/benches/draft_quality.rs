//! What the embedded draft model writes, counted: every section for fifty ideas.
//!
//! `make quality`, or `cargo bench -p planner --bench draft_quality -- [number of ideas] [--show]`

use app::{App, Guest, runs, ventures};
use domain::generations::{Generation, Status};
use domain::guardrails;
use domain::ids::OwnerId;
use domain::ventures::RawBrief;
use futures::StreamExt as _;
use llm::{Llm, PriceTable};
use prompts::Library;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use store::Store;

const IDEAS: &str = include_str!("ideas.txt");

#[derive(Default)]
struct Count {
    outputs: usize,
    invalid: usize,
    loops: usize,
    twins: usize,
    open_ended: usize,
    leftovers: usize,
    named: usize,
    seconds: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let most = args.iter().find_map(|a| a.parse().ok()).unwrap_or(50);
    let show = args.iter().any(|a| a == "--show");
    let models =
        std::env::var("PLANNER_MODELS").map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models")), PathBuf::from);
    let settings = llm::Settings {
        gguf: models.join("smollm2-135m-instruct-q4_1.gguf"),
        embedder: models.join("all-minilm-l6-v2"),
        ..llm::Settings::default()
    };
    let library = Library::load(None).expect("the library");
    let (release, dir) = (library.latest(), tempfile::tempdir().expect("a folder"));
    let llm = Llm::new(settings, PriceTable::shipped().expect("prices"), Arc::new(chrono::Utc::now)).expect("models");
    let store = Store::open(dir.path()).await.expect("a store");
    let app = App::new(store, Arc::new(library), release, llm, Arc::new(chrono::Utc::now));
    app.start_workers(app::jobs::Workers { most: 8, only: None });
    app.ready().await.expect("the embedded model; run make models");
    let mut count = Count::default();
    for idea in IDEAS.lines().take(most) {
        let plan = plan(&app, idea, &mut count).await;
        let foreign = foreign_words(&app, idea);
        for section in &plan.sections {
            let (ventures::SectionState::Ready { generation, .. } | ventures::SectionState::Failed { generation }) = &section.state else {
                continue;
            };
            judge(&section.template, generation, idea, &foreign, &mut count);
            if show {
                println!("--- {idea} · {}\n{:#}", generation.section, generation.output);
            }
        }
        eprintln!("{:>3} {idea}: {:.1} s", count.seconds.len(), count.seconds.last().copied().unwrap_or_default());
    }
    report(&mut count);
}

async fn plan(app: &App, idea: &str, count: &mut Count) -> ventures::Plan {
    let who = Guest { owner: OwnerId::new() };
    let venture = ventures::create(app, &who, &RawBrief { idea: idea.into(), ..RawBrief::default() }).await.expect("a venture");
    let started = Instant::now();
    let run = runs::start(app, &who, venture.id, runs::choose(app, &[]).expect("all"), None).await.expect("a run");
    let events = runs::follow(app, &who, run.id, 0).await.expect("events");
    assert!(events.map(|event| event.expect("an event")).count().await > 0);
    count.seconds.push(started.elapsed().as_secs_f64());
    ventures::plan(app, &who, venture.id).await.expect("a plan")
}

/// Words of the examples' ideas that this idea does not have: where one appears, an example was left over.
fn foreign_words(app: &App, idea: &str) -> HashSet<String> {
    let own: HashSet<String> = words(idea).collect();
    let distinctive =
        ["boots", "hiking", "planters", "succulents", "treats", "shampoo", "embroidery", "brew", "lanterns", "board", "games"];
    let all = app.library().examples().iter().flat_map(|e| words(e.brief.idea.as_str()).collect::<Vec<_>>());
    all.filter(|w| distinctive.contains(&w.as_str()) && !own.contains(w)).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn judge(template: &prompts::Template, generation: &Generation, idea: &str, foreign: &HashSet<String>, count: &mut Count) {
    count.outputs += 1;
    count.invalid += usize::from(generation.status != Status::Complete || !template.check_output(&generation.output).is_empty());
    let (mut texts, mut free) = (Vec::new(), Vec::new());
    guardrails::each_text(&generation.output, &mut String::new(), &mut |at, text| {
        texts.push(text.to_owned());
        if text.split_whitespace().count() > 6 {
            free.push((at.to_owned(), text.to_owned()));
        }
    });
    count.loops += usize::from(has_loop(&free));
    count.twins += usize::from(has_twins(&generation.output));
    let open = |t: &str| !t.trim_end().ends_with(['.', '!', '?', '"', '”', ')']);
    count.open_ended += usize::from(free.iter().any(|(_, t)| open(t)));
    let all = texts.join(" ").to_lowercase();
    count.leftovers += usize::from(words(&all).any(|w| foreign.contains(&w)));
    let stems: Vec<String> = words(idea).filter(|w| w.len() > 3).map(|w| w.trim_end_matches('s').to_owned()).collect();
    count.named += usize::from(stems.iter().any(|s| all.contains(s)));
}

/// A run of four words that comes more than three times.
fn has_loop(free: &[(String, String)]) -> bool {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    for (_, text) in free {
        let words: Vec<String> = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        for gram in words.windows(4) {
            *seen.entry(gram.to_vec()).or_default() += 1;
        }
    }
    seen.values().any(|n| *n > 3)
}

/// Two equal texts beside each other: items of one list, or the same field of two items.
fn has_twins(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
            let unique: HashSet<&String> = texts.iter().collect();
            unique.len() < texts.len() || items.iter().any(has_twins)
        }
        Value::Object(fields) => {
            let texts: Vec<&str> = fields.values().filter_map(Value::as_str).filter(|t| t.contains(' ')).collect();
            let unique: HashSet<&&str> = texts.iter().collect();
            unique.len() < texts.len() || fields.values().any(has_twins)
        }
        _ => false,
    }
}

fn report(count: &mut Count) {
    count.seconds.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = |n: usize| n as f64 * 100.0 / count.outputs.max(1) as f64;
    println!("plans {}, outputs {}", count.seconds.len(), count.outputs);
    println!("valid against schema and guardrails  {:6.2} %  (must be 100)", 100.0 - share(count.invalid));
    println!("a 4-gram more than three times       {:6.2} %  (must be 0)", share(count.loops));
    println!("identical strings in one output      {:6.2} %  (must be 0)", share(count.twins));
    println!("a string that does not end properly  {:6.2} %  (must be 0)", share(count.open_ended));
    println!("leftovers of an example              {:6.2} %  (must be 0)", share(count.leftovers));
    println!("outputs that name the product        {:6.2} %  (must exceed 90)", share(count.named));
    let at = |q: f64| count.seconds.get((q * (count.seconds.len().max(1) - 1) as f64) as usize).copied().unwrap_or_default();
    println!("seconds for a whole plan             median {:.1}, worst {:.1}  (target under 90)", at(0.5), at(1.0));
}
