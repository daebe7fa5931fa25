//! The real models, asked for real: loading and its errors, embedding, drafting, the grammar path, and stopping.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use local_model::{Chat, DraftTask, Engine, Error, Example, Settings};
use serde_json::{Value, json};

const GGUF: &str = "smollm2-135m-instruct-q4_1.gguf";

fn models() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let dir = std::env::var_os("PLANNER_MODELS").map_or_else(own, PathBuf::from);
    assert!(dir.join(GGUF).exists(), "there are no models in {}: run `make models`", dir.display());
    dir
}

fn settings() -> Settings {
    Settings { gguf: models().join(GGUF), embedder: models().join("all-minilm-l6-v2"), threads: 2 }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::load(&settings()).expect("the models load"))
}

fn go() -> AtomicBool {
    AtomicBool::new(false)
}

#[test]
fn an_absent_file_is_named_with_what_to_do() {
    let error = Engine::load(&Settings { gguf: models().join("none.gguf"), ..settings() }).err().expect("it fails");
    assert!(matches!(error, Error::Missing { .. }) && error.to_string().contains("make models"), "{error}");
    let error = Engine::load(&Settings { embedder: models().join("none"), ..settings() }).err().expect("it fails");
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[test]
fn garbage_and_cut_files_are_told_without_an_abort() {
    let dir = tempfile::tempdir().expect("a directory");
    let bytes = std::fs::read(models().join(GGUF)).expect("the model");
    let mut noise = b"GGUF\x03\0\0\0".to_vec();
    noise.extend(std::iter::repeat_n(0x5A_u8, 4096));
    let files = [
        ("text", b"not a model at all".to_vec()),
        ("noise", noise),
        ("head", bytes[..200_000].to_vec()),
        ("half", bytes[..50_000_000].to_vec()),
    ];
    for (name, content) in files {
        let gguf = dir.path().join(name);
        std::fs::write(&gguf, content).expect("written");
        let error = Engine::load(&Settings { gguf, ..settings() }).err().expect("it fails");
        assert!(matches!(error, Error::Corrupt { .. }), "{name}: {error}");
    }
    let embedder = dir.path().join("embedder");
    std::fs::create_dir(&embedder).expect("made");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let content = std::fs::read(settings().embedder.join(file)).expect("the embedder");
        std::fs::write(embedder.join(file), &content[..content.len() / 2]).expect("written");
    }
    let error = Engine::load(&Settings { embedder, ..settings() }).err().expect("it fails");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn the_model_says_who_it_is() {
    assert!(engine().model_name().contains("smollm2"), "{}", engine().model_name());
    assert!(engine().is_small());
}

#[test]
fn near_meanings_have_near_vectors() {
    let texts = ["handmade soy candles", "candles poured by hand in small batches", "quarterly tax deadlines for trucking companies"];
    let vectors = engine().embed(&texts).expect("vectors");
    let dot = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f32>();
    assert!(vectors.iter().all(|vector| vector.len() == 384));
    assert!((dot(0, 0) - 1.0).abs() < 1e-4);
    assert!(dot(0, 1) > 0.5 && dot(0, 2) < 0.2, "{} {}", dot(0, 1), dot(0, 2));
    assert!(engine().embed(&[]).expect("nothing").is_empty());
}

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["currency", "priceCents", "costCents", "weakPoints", "level", "color", "offers", "sources", "unsure"],
        "properties": {
            "currency": {"type": "string", "format": "currency", "pattern": "^[A-Z]{3}$"},
            "priceCents": {"type": "integer", "title": "Price", "minimum": 1, "x-unit": "cents"},
            "costCents": {"type": "integer", "title": "Cost", "minimum": 0, "x-unit": "cents", "x-scales-with": "priceCents"},
            "weakPoints": {"type": "array", "title": "Weaknesses", "minItems": 3, "maxItems": 5, "items": {"type": "string", "title": "Weakness", "minLength": 10, "maxLength": 160}},
            "level": {"type": "string", "enum": ["low", "high"]},
            "color": {"type": "string", "format": "hex-color", "pattern": "^#[0-9A-Fa-f]{6}$"},
            "offers": {"type": "array", "minItems": 2, "maxItems": 3, "items": {
                "type": "object", "additionalProperties": false, "required": ["title", "sku", "tags"], "properties": {
                    "title": {"type": "string", "title": "Offer", "minLength": 3, "maxLength": 60},
                    "sku": {"type": "string", "format": "sku", "pattern": "^[A-Z0-9]+(-[A-Z0-9]+)*$", "maxLength": 32},
                    "tags": {"type": "array", "minItems": 2, "maxItems": 4, "items": {"type": "string", "format": "hashtag", "pattern": r"^#[\p{L}\p{N}_]+$", "maxLength": 40}}}}},
            "sources": {"type": "array", "readOnly": true, "items": {"type": "string"}},
            "unsure": {"type": "boolean", "readOnly": true}
        }
    })
}

fn curated(price: u32, weak: [&str; 3], offers: [&str; 2]) -> Value {
    let offer = |title: &str| json!({"title": title, "sku": "AB-C", "tags": ["#One", "#Two"]});
    json!({"currency": "USD", "priceCents": price, "costCents": price / 4, "weakPoints": weak, "level": "high", "color": "#334455",
        "offers": [offer(offers[0]), offer(offers[1])], "sources": [], "unsure": true})
}

#[test]
fn a_draft_fits_its_schema_and_leaves_no_leftovers() {
    let outputs = [
        curated(
            3000,
            [
                "Shipping ceramic planters is costly and some will break on the way.",
                "One potter can only make forty planters a week.",
                "A planter costs more than one from a store.",
            ],
            ["Small white planter", "Set of two planters"],
        ),
        curated(
            1200,
            [
                "Fresh dog treats have a short shelf life.",
                "You have no brand yet, and dogs cannot write reviews.",
                "Every new recipe must be tested first.",
            ],
            ["Bag of chicken treats", "Box of oat treats"],
        ),
        curated(
            2400,
            [
                "Customers must change a habit before they start to refill a bottle.",
                "The first bottle costs more than a plastic one.",
                "You depend on one filling plant for every shampoo.",
            ],
            ["Starter bottle of shampoo", "Refill of shampoo"],
        ),
    ];
    let subjects = ["handmade ceramic planters", "organic dog treats", "refillable shampoo bottles"];
    let examples: Vec<Example<'_>> = outputs
        .iter()
        .zip(subjects)
        .map(|(output, subject)| Example { subject, currency: "USD", voice: "professional", output, plan: "" })
        .collect();
    let (schema, context) = (schema(), json!({}));
    let task = DraftTask {
        schema: &schema,
        examples: &examples,
        subject: "vegan leather hiking boots for women",
        voice: "professional",
        language: "German",
        currency: "EUR",
        price_range: Some("€100 to €140"),
        context: &context,
        seed: 3,
    };
    let draft = engine().draft(&task, &go()).expect("a draft");
    let faults: Vec<String> =
        jsonschema::validator_for(&schema).expect("a schema").iter_errors(&draft.output).map(|e| e.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?} in {}", draft.output);
    let text = draft.output.to_string().to_lowercase();
    for leftover in ["planter", "dog", "treat", "shampoo", "refill", "ceramic"] {
        assert!(!text.contains(leftover), "{leftover} in {text}");
    }
    assert!(text.contains("boot"), "{text}");
    assert_eq!(
        (&draft.output["priceCents"], &draft.output["costCents"], &draft.output["currency"]),
        (&json!(12000), &json!(3000), &json!("EUR"))
    );
    assert_eq!((&draft.output["sources"], &draft.output["unsure"]), (&json!([]), &json!(true)));
    assert_ne!(draft.output["offers"][0]["sku"], draft.output["offers"][1]["sku"]);
    assert!(draft.gaps.iter().any(|gap| gap.reason.contains("English")));
    assert!(draft.prompt_tokens > 0 && draft.completion_tokens > 0);
    assert_eq!(engine().draft(&task, &go()).expect("again").output, draft.output, "the same seed drafts the same words");
}

#[test]
fn a_draft_without_examples_still_fits() {
    let (schema, context) = (schema(), json!({}));
    let task = DraftTask {
        schema: &schema,
        examples: &[],
        subject: "??",
        voice: "",
        language: "",
        currency: "USD",
        price_range: None,
        context: &context,
        seed: 1,
    };
    let draft = engine().draft(&task, &go()).expect("a draft");
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&draft.output), "{}", draft.output);
}

#[test]
fn a_grammar_holds_even_the_small_model() {
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["name", "size"], "properties": {
        "name": {"type": "string", "maxLength": 40}, "size": {"enum": ["small", "large"]}}});
    let chat =
        Chat { system: "You name products.", user: "Name a candle.", schema: Some(&schema), temperature: 0.3, max_tokens: 120, seed: 1 };
    let answer = engine().complete(&chat, &go()).expect("an answer");
    let value: Value = serde_json::from_str(&answer.text).expect("JSON");
    assert!(answer.finished && jsonschema::validator_for(&schema).expect("a schema").is_valid(&value), "{}", answer.text);
    let free = Chat { schema: None, max_tokens: 12, ..chat };
    let answer = engine().complete(&free, &go()).expect("an answer");
    assert!(answer.completion_tokens <= 12 && !answer.text.is_empty());
}

#[test]
fn a_question_longer_than_the_models_memory_is_refused() {
    let user = "word ".repeat(20_000);
    let chat = Chat { system: "", user: &user, schema: None, temperature: 0.0, max_tokens: 10, seed: 1 };
    assert!(matches!(engine().complete(&chat, &go()), Err(Error::TooLong { .. })));
}

#[test]
fn a_raised_flag_stops_both_ways_of_asking() {
    let stop = AtomicBool::new(true);
    let chat = Chat { system: "", user: "Tell a story.", schema: None, temperature: 0.5, max_tokens: 500, seed: 1 };
    assert!(matches!(engine().complete(&chat, &stop), Err(Error::Cancelled)));
    let (schema, context) = (schema(), json!({}));
    let task = DraftTask {
        schema: &schema,
        examples: &[],
        subject: "boots",
        voice: "",
        language: "English",
        currency: "USD",
        price_range: None,
        context: &context,
        seed: 1,
    };
    assert!(matches!(engine().draft(&task, &stop), Err(Error::Cancelled)));
    let late = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            late.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let begun = std::time::Instant::now();
        let chat = Chat { max_tokens: 1500, temperature: 1.5, ..chat.clone() };
        let _ = engine().complete(&chat, &late);
        assert!(begun.elapsed().as_secs() < 30);
    });
}
