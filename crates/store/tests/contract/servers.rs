//! What opening a server's database promises: it says which part of an address is wrong, and never repeats a secret.

use crate::place::{address, new_database, server};
use store::{Error, Place, Settings, Store};

async fn refusal(url: String) -> String {
    let place = Place::Server { url: url.into(), owner: None };
    let settings = Settings { patience: std::time::Duration::from_secs(3), ..Settings::at(place) };
    Store::open(settings).await.expect_err("is refused").to_string()
}

#[tokio::test]
async fn a_wrong_address_says_which_part() {
    let good = address("PLANNER_TEST_PG_APP", "planner");
    let (scheme, rest) = good.split_once("://").expect("an address");
    let (user, place) = rest.split_once('@').expect("a user");
    let (name, password) = user.split_once(':').expect("a password");
    let (host, _) = place.split_once('/').expect("a database");
    let cases = [
        (format!("{scheme}://{name}:wrong@{place}"), "password was not accepted"),
        (format!("{scheme}://nobody_here:{password}@{place}"), "password was not accepted for the user nobody_here"),
        (format!("{scheme}://{user}@{host}/no_such_database"), "database no_such_database does not exist"),
        (format!("{scheme}://{user}@127.0.0.1:1/planner"), "host or port 127.0.0.1:1 refuses connections"),
        (format!("{scheme}://{user}@no-such-host.invalid/planner"), "host or port no-such-host.invalid:5432"),
        (format!("{scheme}://{user}@{place}?sslmode=require"), "sslmode does not work"),
        ("postgres://".into(), "host is missing"),
    ];
    for (url, expected) in cases {
        let said = refusal(url).await;
        assert!(said.contains(expected), "{said} should say: {expected}");
        assert!(!said.contains(password), "{said}");
    }
}

#[tokio::test]
async fn a_user_who_may_not_change_tables_is_told_what_to_run() {
    let database = new_database().await;
    let refused = Store::open(server(&database, "PLANNER_TEST_PG_APP", None)).await.expect_err("is refused");
    assert!(matches!(refused, Error::OlderSchema { missing } if missing >= 3), "{refused:?}");
    assert!(refused.to_string().contains("planner migrate up"), "{refused}");
    Store::open(server(&database, "PLANNER_TEST_PG_APP", Some("PLANNER_TEST_PG_OWNER"))).await.expect("the owner may");
    let store = Store::open(server(&database, "PLANNER_TEST_PG_APP", None)).await.expect("now there is nothing to change");
    let dir = tempfile::tempdir().expect("a folder");
    let refused = store.back_up(&dir.path().join("empty")).await.expect_err("is refused");
    assert!(refused.to_string().contains("DATABASE_OWNER_URL"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_open_a_new_database_at_once() {
    let database = new_database().await;
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let settings = server(&database, "PLANNER_TEST_PG_APP", Some("PLANNER_TEST_PG_OWNER"));
        opening.spawn(async move { Store::open(settings).await.map(drop) });
    }
    for opened in opening.join_all().await {
        opened.expect("opens");
    }
}
