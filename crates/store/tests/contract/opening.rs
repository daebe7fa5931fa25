//! What opening a folder promises: it makes what is missing, keeps what is there, and says in a sentence why it cannot.

use crate::place::raw_sqlite;
use crate::samples::stored_venture;
use domain::ids::OwnerId;
use sea_orm::ConnectionTrait;
use std::path::Path;
use store::{Error, Store};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

async fn refusal(dir: &Path) -> Error {
    Store::open(dir).await.expect_err("is refused")
}

#[tokio::test]
async fn folders_are_made_and_what_was_kept_is_found_again() {
    let home = folder();
    // Characters that would have a meaning in the address of a database.
    let dir = home.path().join("a folder/with?mode=ro & 100%25#");
    let store = Store::open(&dir).await.expect("opens");
    let venture = stored_venture(&store, OwnerId::new()).await;
    drop(store);
    assert!(dir.join("planner.db").is_file());
    let again = Store::open(&dir).await.expect("opens again");
    let second = Store::open(&dir).await.expect("a second process may open it too");
    for store in [again, second] {
        let tx = store.tenant_read(venture.owner).await.expect("begins");
        assert_eq!(tx.venture(venture.id).await.expect("reads").as_ref(), Some(&venture));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_open_a_new_folder_at_once() {
    let home = folder();
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let dir = home.path().to_owned();
        opening.spawn(async move { Store::open(&dir).await.map(drop) });
    }
    for opened in opening.join_all().await {
        opened.expect("opens");
    }
}

#[tokio::test]
async fn a_path_that_is_a_file_or_below_one_is_refused() {
    let home = folder();
    let file = home.path().join("a-file");
    std::fs::write(&file, "text").expect("writes");
    for dir in [file.clone(), file.join("below")] {
        let refused = refusal(&dir).await;
        assert!(matches!(&refused, Error::Folder { path, .. } if *path == dir), "{refused:?}");
        assert!(refused.to_string().contains("is not a folder, or lies below a file; choose another path"), "{refused}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_kept() {
    let home = folder();
    let file = home.path().join("planner.db");
    let garbage = "this is not a database ".repeat(400);
    std::fs::write(&file, &garbage).expect("writes");
    let refused = refusal(home.path()).await;
    assert!(matches!(&refused, Error::Folder { path, .. } if *path == file), "{refused:?}");
    assert!(refused.to_string().contains("is not a database"), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).expect("is still there"), garbage);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_database_is_refused() {
    let home = folder();
    std::fs::create_dir(home.path().join("planner.db")).expect("is made");
    let refused = refusal(home.path()).await;
    assert!(refused.to_string().contains("cannot be opened"), "{refused:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let home = folder();
    drop(Store::open(home.path()).await.expect("opens"));
    let raw = raw_sqlite(home.path()).await;
    raw.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)").await.expect("writes");
    let refused = refusal(home.path()).await;
    assert!(matches!(&refused, Error::NewerSchema { found } if found == "m9999_from_the_future"), "{refused:?}");
}

#[tokio::test]
async fn the_key_of_a_change_to_the_tables_never_changes() {
    let home = folder();
    drop(Store::open(home.path()).await.expect("opens"));
    let raw = raw_sqlite(home.path()).await;
    let kept = raw.execute_unprepared("UPDATE seaql_migrations SET applied_at = 1 WHERE version = 'm0001_ventures'").await.expect("writes");
    assert_eq!(kept.rows_affected(), 1);
}
