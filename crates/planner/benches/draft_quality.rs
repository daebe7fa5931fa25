//! What the embedded draft model writes, counted: every section for fifty ideas.
//!
//! `make quality`, or `cargo bench -p planner --bench draft_quality -- [number of ideas] [--after number] [--show]`. Every
//! defect is printed with the idea, the section and what was seen; `--after` leaves out the first ideas, `--show` prints the outputs.

use app::{App, Caller, runs, ventures};
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
    /// Each defect with the idea and section it was seen in, so that a figure above zero can be looked into.
    defects: Vec<String>,
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
    let after = args.iter().position(|a| a == "--after").and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(0);
    let models =
        std::env::var("PLANNER_MODELS").map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models")), PathBuf::from);
    let settings = llm::Settings {
        gguf: models.join("smollm2-135m-instruct-q4_1.gguf"),
        embedder: models.join("all-minilm-l6-v2"),
        ..llm::Settings::default()
    };
    let library = Library::load(None).expect("the library");
    let dir = tempfile::tempdir().expect("a folder");
    let llm = Llm::new(settings, PriceTable::shipped().expect("prices"), Arc::new(chrono::Utc::now)).expect("models");
    let shelf = app::Shelf::new(library, domain::roles::Environment::Production, None).expect("templates");
    let store = Store::open(dir.path()).await.expect("a store");
    let desk = planner::wire::desk(&planner::config::Config::defaults().expect("defaults"), &store).await.expect("a desk");
    let app = App::new(store, shelf, llm, desk, Arc::new(chrono::Utc::now));
    app.start_workers(app::jobs::Workers { most: 8, what: app::jobs::What::Everything, lease: std::time::Duration::from_secs(12) });
    app.ready().await.expect("the embedded model; run make models");
    let mut count = Count::default();
    for idea in IDEAS.lines().skip(after).take(most) {
        let plan = plan(&app, idea, &mut count).await;
        let bar = Bar { app: &app, idea, foreign: foreign_words(&app, idea) };
        for section in &plan.sections {
            let (ventures::SectionState::Ready { generation, .. } | ventures::SectionState::Failed { generation }) = &section.state else {
                continue;
            };
            judge(&bar, &section.template, generation, &mut count);
            if show {
                println!("--- {idea} · {}\n{:#}", generation.section, generation.output);
            }
        }
        for defect in count.defects.drain(..) {
            println!("{defect}");
        }
        eprintln!("{:>3} {idea}: {:.1} s", count.seconds.len(), count.seconds.last().copied().unwrap_or_default());
    }
    report(&mut count);
}

async fn plan(app: &App, idea: &str, count: &mut Count) -> ventures::Plan {
    let who = Caller::operator(OwnerId::new());
    let venture = ventures::create(app, &who, &RawBrief { idea: idea.into(), ..RawBrief::default() }, None).await.expect("a venture");
    let started = Instant::now();
    let run = runs::start(app, &who, venture.id, runs::choose(app, &[]).expect("all"), None).await.expect("a run");
    let events = runs::follow(app, &who, run.id, 0).await.expect("events");
    assert!(events.map(|event| event.expect("an event")).count().await > 0);
    count.seconds.push(started.elapsed().as_secs_f64());
    ventures::plan(app, &who, venture.id).await.expect("a plan")
}

/// Stems that the rule of [`foreign_words`] would catch though they name no product, part, place or person of that example: words
/// of selling, making, measuring and everyday life that no other example happens to say. Meeting one in a plan says nothing about
/// where the line is from.
const ORDINARY: &str = "apart approval asked authority bit body case cold content cream cup cut dark eleven event family \
    farmer fold grandchildren grey guarantee guess guide hobby hole inch ingredient joke machine matching metal mode orange \
    padded percent powered pretty process quotation reference repaired reprint researched saved separately serie specification taste \
    template tooling tour trade traditional viewer visitor website width worn yield";

/// Stems of an example that are at home in other ideas too: what a thing is made of or used with belongs to everybody who sells
/// such things. Each with stems of ideas in which it is no leftover.
const AT_HOME: [(&str, &str); 24] = [
    ("fabric", "cotton linen silk felt blanket apron pillowcase hammock jacket knitting bag"),
    ("thread", "knitting linen cotton notebook"),
    ("needle", "knitting"),
    ("stitch", "knitting leather notebook blanket"),
    ("bake", "baking"),
    ("baked", "baking"),
    ("oven", "baking iron"),
    ("egg", "baking"),
    ("butter", "baking"),
    ("flavor", "sauce herbal baking protein butter olive"),
    ("crunchy", "butter protein baking"),
    ("drink", "herbal"),
    ("pot", "plant terrarium mushroom herbal iron"),
    ("root", "plant terrarium"),
    ("fire", "iron camping candle"),
    ("camp", "camping"),
    ("camper", "camping"),
    ("battery", "doorbell controller"),
    ("filter", "aquarium herbal lense"),
    ("hiker", "climber"),
    ("player", "chess game controller puzzle guitar"),
    ("board", "chess puzzle game"),
    ("bathroom", "soap toothbrush"),
    ("handmade", "hand carved"),
];

/// Stems that belong to one example alone: the words of its idea, and what its own plan says three times, where no other plan
/// has them and they are neither [`ORDINARY`] nor [`AT_HOME`] in this idea. Where one appears in a plan for another idea, an example was left over. An example
/// that shares most words of its idea with this one is not foreign to it: the words of a lantern are at home in a plan for lanterns.
fn foreign_words(app: &App, idea: &str) -> HashSet<String> {
    let library = app.library();
    let examples = library.examples();
    let plan = |sections: &[(_, Value)]| counted(&sections.iter().map(|(_, output)| text_of(output)).collect::<String>());
    let said: Vec<HashMap<String, usize>> = examples.iter().map(|example| plan(&example.sections)).collect();
    // A short word of the idea is its own too, also in the plural.
    let own: HashSet<String> = stems(idea).chain(words(idea)).collect();
    let mut foreign = HashSet::new();
    for (at, example) in examples.iter().enumerate() {
        let theirs: Vec<String> = stems(example.brief.idea.as_str()).collect();
        if theirs.iter().filter(|word| own.contains(*word)).count() * 2 > theirs.len() {
            continue;
        }
        let alone = |word: &String| !said.iter().enumerate().any(|(other, says)| other != at && says.contains_key(word));
        let often = said[at].iter().filter(|(_, n)| **n >= 3).map(|(word, _)| word.clone());
        foreign.extend(theirs.into_iter().chain(often).filter(alone));
    }
    let at_home = |word: &str| AT_HOME.iter().any(|(stem, ideas)| *stem == word && ideas.split_whitespace().any(|idea| own.contains(idea)));
    foreign.retain(|word| !own.contains(word) && !at_home(word) && !ORDINARY.split_whitespace().any(|ordinary| ordinary == word));
    foreign
}

/// Words of four letters and more in the singular, as far as endings tell.
fn stems(text: &str) -> impl Iterator<Item = String> {
    let singular = |word: String| match (word.strip_suffix("ies"), word.strip_suffix('s')) {
        (Some(root), _) if root.len() > 1 && word != "series" => format!("{root}y"),
        (_, Some(root)) if ["ch", "sh", "ss", "x"].iter().any(|end| root.strip_suffix('e').is_some_and(|r| r.ends_with(end))) => {
            root[..root.len() - 1].to_owned()
        }
        (_, Some(root)) if !root.ends_with(['s', 'u', 'i']) => root.to_owned(),
        _ => word,
    };
    words(text).filter(|word| word.len() > 3).map(singular)
}

fn text_of(output: &Value) -> String {
    let mut all = String::new();
    guardrails::each_text(output, &mut String::new(), &mut |_, text| {
        all.push_str(text);
        all.push('\n');
    });
    all
}

fn counted(text: &str) -> HashMap<String, usize> {
    stems(text).fold(HashMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

/// The places of a section where the curated examples write sentences: what stands there has to end as one.
fn sentence_places(app: &App, section: &str) -> HashSet<String> {
    let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
    let library = app.library();
    let curated = library.examples().iter().flat_map(|example| &example.sections);
    for (_, output) in curated.filter(|(name, _)| name.as_str() == section) {
        guardrails::each_text(output, &mut String::new(), &mut |at, text| {
            let (closed, all) = seen.entry(place(at)).or_default();
            *closed += usize::from(ends(text));
            *all += 1;
        });
    }
    seen.into_iter().filter(|(_, (closed, all))| closed * 2 > *all).map(|(place, _)| place).collect()
}

/// `competitors[2].strengths[0]` as `competitors[].strengths[]`.
fn place(at: &str) -> String {
    at.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn ends(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?', '"', '”', ')'])
}

/// A label that was cut: it stops at a comma or at a word that needs another.
fn is_cut(text: &str) -> bool {
    const NEED_MORE: [&str; 20] = [
        "a", "an", "the", "and", "or", "of", "for", "with", "to", "in", "on", "at", "by", "from", "your", "our", "their", "is", "are",
        "that",
    ];
    let last = text.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    last.ends_with([',', ';', ':', '-', '–']) || NEED_MORE.contains(&last.as_str())
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// What every output of one idea is held against.
struct Bar<'a> {
    app: &'a App,
    idea: &'a str,
    foreign: HashSet<String>,
}

fn judge(bar: &Bar<'_>, template: &prompts::Template, generation: &Generation, count: &mut Count) {
    count.outputs += 1;
    let places = sentence_places(bar.app, generation.section.as_str());
    let (mut texts, mut open) = (Vec::new(), None);
    guardrails::each_text(&generation.output, &mut String::new(), &mut |at, text| {
        texts.push(text.to_owned());
        let broken = if places.contains(&place(at)) { !ends(text) } else { is_cut(text) };
        if broken {
            open = Some(format!("{at}: {text}"));
        }
    });
    let all = texts.join(" ").to_lowercase();
    let names: Vec<String> = words(bar.idea).filter(|w| w.len() > 3).map(|w| w.trim_end_matches('s').to_owned()).collect();
    let invalid = generation.status != Status::Complete || !template.check_output(&generation.output).is_empty();
    let invalid = invalid.then(|| format!("{:?}", generation.issues));
    let twins = has_twins(&generation.output).then(String::new);
    let leftover = stems(&all).find(|w| bar.foreign.contains(w));
    let mut note = |name: &str, defect: Option<String>| {
        let seen = defect.is_some();
        count.defects.extend(defect.map(|what| format!("{name} · {} · {} · {what}", bar.idea, generation.section)));
        usize::from(seen)
    };
    let found =
        [note("invalid", invalid), note("loop", find_loop(&texts)), note("twins", twins), note("open", open), note("leftover", leftover)];
    let [invalid, loops, twins, open_ended, leftovers] = found;
    count.invalid += invalid;
    count.loops += loops;
    count.twins += twins;
    count.open_ended += open_ended;
    count.leftovers += leftovers;
    count.named += usize::from(names.iter().any(|s| all.contains(s)));
}

/// A run of four words, marks between them not counted, that comes more than three times in all texts together.
fn find_loop(texts: &[String]) -> Option<String> {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    for text in texts {
        let bare = text.to_lowercase();
        let bare = bare.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
        let words: Vec<String> = bare.filter(|word| !word.is_empty()).collect();
        for gram in words.windows(4) {
            *seen.entry(gram.to_vec()).or_default() += 1;
        }
    }
    seen.into_iter().find(|(_, n)| *n > 3).map(|(gram, n)| format!("{} x{n}", gram.join(" ")))
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
    let (middle, worst) = (count.seconds.get(count.seconds.len() / 2), count.seconds.last());
    let told = |seconds: Option<&f64>| seconds.copied().unwrap_or_default();
    println!("seconds for a whole plan             median {:.1}, worst {:.1}  (target under 90)", told(middle), told(worst));
}
