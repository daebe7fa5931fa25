//! What the store promises about copies of everything.

use crate::place::Place;
use crate::samples::{
    alert, decision, entry, furnish_team, hash, link, mail, name, noon, score, session, stored_account, stored_generation, stored_run,
    stored_venture, take, token,
};
use domain::audit::Actor;
use domain::ids::{CallId, GenerationId, OwnerId};
use domain::jobs::{NewJob, Priority};
use domain::runs::Happening;
use domain::tiers::Tier;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeMap;
use std::path::Path;
use store::{Copied, DIMENSIONS, Error, OpenCall, Overwrite, Store};

/// Something in every table; whose it is.
pub async fn furnish(store: &Store) -> OwnerId {
    let venture = stored_venture(store, OwnerId::new()).await;
    let run = stored_run(store, &venture).await;
    let made = stored_generation(store, &venture, Some(&run), "brand").await;
    let owner = venture.owner;
    let tx = store.tenant(owner).await.expect("begins");
    tx.make_current(venture.id, &name("brand"), made.id, noon()).await.expect("is made current");
    tx.add_event(run.id, noon(), &Happening::Started { section: name("brand") }).await.expect("is added");
    tx.keep_key("key", "body", noon()).await.expect("is kept");
    let mut vector = [0.25; DIMENSIONS];
    vector[7] = -1.5e-7;
    tx.insert_score(&score(&made)).await.expect("is added");
    tx.put_embedding(venture.id, &name("brand"), "minilm", &vector).await.expect("is put");
    tx.open_call(&OpenCall {
        id: CallId::new(),
        owner,
        generation: GenerationId::new(),
        venture: Some(venture.id),
        run: Some(run.id),
        section: name("brand"),
        prompt_version: "1.0.0".into(),
        template_hash: String::new(),
        provider: "gemini".into(),
        model: "flash".into(),
        input_tokens: 1,
        cost: None,
        started: noon(),
    })
    .await
    .expect("is written down");
    let (now, run_at) = (noon(), noon());
    let job = NewJob {
        kind: "run",
        owner: Some(owner),
        unique_key: run.id.to_string(),
        payload: 1.into(),
        priority: Priority::Paid,
        run_at,
        now,
        head: None,
    };
    tx.enqueue(&job).await.expect("is put in line");
    tx.commit().await.expect("commits");
    store.pause_jobs("tidy", noon()).await.expect("pauses");
    furnish_account(store, owner).await;
    furnish_team(store).await;
    owner
}

/// The same for what belongs to an account, and for the program's own tables.
async fn furnish_account(store: &Store, owner: OwnerId) {
    stored_account(store, owner).await;
    let tx = store.tenant(owner).await.expect("begins");
    tx.insert_session(&session(owner)).await.expect("is added");
    tx.insert_token(&token(owner), &hash()).await.expect("is added");
    tx.insert_link(&link(owner)).await.expect("is added");
    tx.insert_identity("google", &owner.to_string(), noon()).await.expect("is added");
    tx.keep_guest(noon()).await.expect("is kept");
    tx.insert_take(&take(owner, None, noon())).await.expect("is added");
    tx.open_alert(&alert(owner)).await.expect("is opened");
    tx.audit(&entry(Actor::Account(owner), "account.tier")).await.expect("is added");
    tx.insert_mail(&mail(owner)).await.expect("is written");
    tx.insert_archive(domain::ids::ArchiveId::new(), noon()).await.expect("is added");
    tx.commit().await.expect("commits");
    store.secret("cookies", "secret").await.expect("is kept");
    store.insert_decision(&decision(Some(owner)), &entry(Actor::Account(owner), "decision.made")).await.expect("is added");
    store.set_tier_limits(&[(Tier::Free, Some(3)), (Tier::Pro, None)]).await.expect("are set");
    let gone = stored_venture(store, OwnerId::new()).await;
    stored_generation(store, &gone, None, "brand").await;
    store.erase_owner(gone.owner).await.expect("is forgotten");
}

fn by_table(copied: Vec<Copied>) -> BTreeMap<String, Copied> {
    copied.into_iter().map(|copied| (copied.table.clone(), copied)).collect()
}

/// The tables the database has, without the list of changes.
async fn tables(place: &Place) -> Vec<String> {
    let (backend, asked) = if place.store.is_shared() {
        (DbBackend::Postgres, "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'")
    } else {
        (DbBackend::Sqlite, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    };
    let rows = place.raw().query_all_raw(Statement::from_string(backend, asked)).await.expect("lists");
    let names = rows.iter().map(|row| row.try_get::<String>("", "name").expect("a name"));
    names.filter(|name| name != "seaql_migrations").collect()
}

pub async fn everything_comes_back_into_an_empty_place(place: &Place) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("everything.backup");
    for _ in 0..3 {
        furnish(&place.store).await;
    }
    let copied = by_table(place.store.back_up(&file).await.expect("is copied"));
    for table in tables(place).await {
        assert!(copied.get(&table).is_some_and(|copied| copied.rows > 0), "{table} is not copied, or nothing was in it: {copied:?}");
    }
    // The same file fits both databases, whichever it came from.
    for other in [Place::sqlite().await, Place::postgres().await] {
        assert_eq!(by_table(other.store.restore(&file, Overwrite::No).await.expect("comes back")), copied);
        let again = dir.path().join(format!("again-{}", other.store.is_shared()));
        let again = by_table(other.store.back_up(&again).await.expect("is copied"));
        let rows = |copied: &BTreeMap<String, Copied>| copied.values().map(|c| (c.table.clone(), c.rows)).collect::<Vec<_>>();
        assert_eq!(rows(&again), rows(&copied));
        assert_eq!(sorted(&dir.path().join(format!("again-{}", other.store.is_shared()))), sorted(&file), "row by row");
        let refused = other.store.restore(&file, Overwrite::No).await.expect_err("is refused");
        assert!(refused.to_string().contains("not empty") && refused.to_string().contains("--force"), "{refused}");
        other.store.restore(&file, Overwrite::Yes).await.expect("comes back");
    }
}

/// With the keys of every object in order: a database may keep them in another one.
fn ordered(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().map(|(key, value)| (key, ordered(value))).collect();
            fields.into_iter().collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(ordered).collect(),
        other => other,
    }
}

/// Every line of every table of a copy, sorted: databases do not give rows in the same order.
fn sorted(file: &Path) -> Vec<String> {
    let opened = std::fs::File::open(file).expect("opens");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(opened));
    let mut lines = Vec::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
        if name != "manifest.json" {
            lines.extend(text.lines().map(|line| format!("{name} {}", ordered(serde_json::from_str(line).expect("JSON")))));
        }
    }
    lines.sort();
    lines
}

pub async fn a_damaged_copy_is_refused_and_changes_nothing(place: &Place) {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, damaged) = (dir.path().join("good"), dir.path().join("damaged"));
    let owner = furnish(&place.store).await;
    place.store.back_up(&file).await.expect("is copied");
    assert!(place.store.back_up(&file).await.expect_err("is refused").to_string().contains("exists already"));
    let bytes = std::fs::read(&file).expect("reads");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0x10;
    for (content, why) in
        [(bytes[..bytes.len() / 2].to_vec(), "cut"), (flipped, "flipped"), (b"no archive".to_vec(), "other"), (Vec::new(), "empty")]
    {
        std::fs::write(&damaged, content).expect("writes");
        let refused = place.store.restore(&damaged, Overwrite::Yes).await.expect_err(why);
        assert!(matches!(refused, Error::Copy { .. }), "{why}: {refused:?}");
    }
    assert!(place.store.restore(&dir.path().join("missing"), Overwrite::Yes).await.is_err());
    let tx = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(tx.ventures(9, None).await.expect("reads").len(), 1, "what was there is there");
}
