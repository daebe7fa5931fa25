//! Rows that break a rule: the store names them and never panics.

use crate::place::Place;
use crate::samples::{link, mail, name, now, score, stored_account, stored_generation, stored_run, stored_venture, token};
use domain::ids::OwnerId;
use store::Error;
use uuid::Uuid;

/// What is done to the rows, and the table that must be named.
const BROKEN: [(&str, &str); 14] = [
    ("UPDATE ventures SET idea = 'x'", "ventures"),
    ("UPDATE ventures SET voice = 'wittty'", "ventures"),
    ("UPDATE ventures SET persona = 'pirate'", "ventures"),
    ("UPDATE ventures SET language = 'tlh'", "ventures"),
    ("UPDATE runs SET state = 'lost'", "runs"),
    ("UPDATE runs SET sections = '[\"Not A Name\"]'", "runs"),
    ("UPDATE runs SET failed = '{}'", "runs"),
    ("UPDATE generations SET status = 'great'", "generations"),
    ("UPDATE generations SET confidence = ''", "generations"),
    ("UPDATE generations SET issues = '[1]'", "generations"),
    ("UPDATE generations SET sources = 'null'", "generations"),
    ("UPDATE generations SET calls = -1", "generations"),
    ("UPDATE usage SET search_queries = 4294967296", "usage"),
    ("UPDATE spans SET duration_us = -1", "spans"),
];

pub async fn a_row_that_breaks_a_rule_is_named(place: &Place) {
    for (tampering, table) in BROKEN {
        let venture = stored_venture(&place.store, OwnerId::new()).await;
        let run = stored_run(&place.store, &venture).await;
        let made = stored_generation(&place.store, &venture, Some(&run), "brand").await;
        let tx = place.store.tenant(venture.owner).await.expect("begins");
        tx.make_current(venture.id, &name("brand"), made.id, now()).await.expect("is made current");
        tx.commit().await.expect("commits");
        place.tamper(tampering).await;

        let tx = place.store.tenant_read(venture.owner).await.expect("begins");
        let mut named = Vec::new();
        note(&mut named, tx.venture(venture.id).await);
        note(&mut named, tx.ventures(9, None).await);
        note(&mut named, tx.run(run.id).await);
        note(&mut named, tx.latest_run(venture.id).await);
        note(&mut named, tx.generation(made.id).await);
        note(&mut named, tx.generations_of_run(run.id).await);
        note(&mut named, tx.current_sections(venture.id).await);
        let id = match table {
            "ventures" => venture.id.0,
            "runs" => run.id.0,
            _ => made.id.0,
        };
        assert!(!named.is_empty(), "nobody noticed: {tampering}");
        assert!(named.iter().all(|seen| *seen == (table, id)), "{tampering}: {named:?}");
        // The next case starts with whole rows again.
        drop(tx);
        place.tamper("DELETE FROM ventures").await;
    }
}

fn note<T>(named: &mut Vec<(&'static str, Uuid)>, read: store::Result<T>) {
    match read {
        Ok(_) => {}
        Err(Error::Corrupt { table, id, .. }) => named.push((table, id)),
        Err(other) => panic!("another error: {other:?}"),
    }
}

/// The same for what belongs to an account.
const BROKEN_ACCOUNTS: [(&str, &str); 7] = [
    ("UPDATE accounts SET tier = 'gold'", "accounts"),
    ("UPDATE accounts SET role = 'root'", "accounts"),
    ("UPDATE accounts SET email = 'nobody'", "accounts"),
    ("UPDATE api_tokens SET scopes = '[\"all\"]'", "api_tokens"),
    ("UPDATE links SET purpose = 'party'", "links"),
    ("UPDATE links SET email = '@'", "links"),
    ("UPDATE mails SET recipient = ''", "mails"),
];

pub async fn a_row_of_an_account_that_breaks_a_rule_is_named(place: &Place) {
    let store = &place.store;
    for (tampering, table) in BROKEN_ACCOUNTS {
        let owner = stored_account(store, OwnerId::new()).await.owner;
        let (token, link, mail) = (token(owner), link(owner), mail(owner));
        let tx = store.tenant(owner).await.expect("begins");
        tx.insert_token(&token, "hash").await.expect("is added");
        tx.insert_link(&link).await.expect("is added");
        tx.insert_mail(&mail).await.expect("is written");
        tx.commit().await.expect("commits");
        place.tamper(tampering).await;

        let mut named = Vec::new();
        note(&mut named, store.account_of(owner).await);
        note(&mut named, store.accounts("", 9, None).await);
        note(&mut named, store.token("hash").await);
        note(&mut named, store.link(&link.hash).await);
        note(&mut named, store.mail(mail.id).await);
        note(&mut named, store.mails(9, None).await);
        let id = match table {
            "api_tokens" => token.id.0,
            "mails" => mail.id.0,
            _ => owner.0,
        };
        assert!(!named.is_empty(), "nobody noticed: {tampering}");
        assert!(named.iter().all(|seen| *seen == (table, id)), "{tampering}: {named:?}");
        store.erase_owner(owner).await.expect("what is broken can be forgotten");
    }
}

/// The same for scores.
const BROKEN_SCORES: [&str; 6] = [
    "UPDATE scores SET scorer = 'oracle'",
    "UPDATE scores SET total = 1",
    "UPDATE scores SET relevance = 101",
    "UPDATE scores SET format = -1",
    "UPDATE scores SET week = 'next'",
    "UPDATE scores SET reasons = '{\"beauty\": \"none\"}'",
];

pub async fn a_score_that_breaks_a_rule_is_named(place: &Place) {
    let store = &place.store;
    for tampering in BROKEN_SCORES {
        let venture = stored_venture(store, OwnerId::new()).await;
        let scored = score(&stored_generation(store, &venture, None, "brand").await);
        let tx = store.tenant(venture.owner).await.expect("begins");
        tx.insert_score(&scored).await.expect("is added");
        tx.commit().await.expect("commits");
        place.tamper(tampering).await;
        let mut named = Vec::new();
        let tx = store.tenant_read(venture.owner).await.expect("begins");
        note(&mut named, tx.scores_of(scored.generation).await);
        drop(tx);
        note(&mut named, store.judgements(&[scored.generation]).await);
        assert_eq!(named, [("scores", scored.id.0); 2], "{tampering}");
        store.erase_owner(venture.owner).await.expect("what is broken can be forgotten");
    }
}
