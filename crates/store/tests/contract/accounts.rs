//! What the store promises about accounts.

use crate::place::Place;
use crate::samples::{account, email, noon, now, stored_account};
use chrono::TimeDelta;
use domain::accounts::{Account, Email, SecondFactor};
use domain::ids::OwnerId;
use domain::roles::Role;
use domain::tiers::Tier;
use std::time::Duration;
use store::{Error, Store};
use tokio::task::JoinSet;

async fn read(store: &Store, owner: OwnerId) -> Account {
    store.account_of(owner).await.expect("reads").expect("is there")
}

pub async fn an_account_comes_back_as_it_was(place: &Place) {
    assert!(!place.store.has_role(Role::TechLead).await.expect("asks"));
    let full = stored_account(&place.store, OwnerId::new()).await;
    assert!(place.store.has_role(full.role.expect("a role")).await.expect("asks"));
    let bare = Account {
        role: None,
        verified: None,
        has_password: false,
        limited_until: None,
        leaving: None,
        tier: Tier::Free,
        ..account(OwnerId::new())
    };
    let tx = place.store.tenant(bare.owner).await.expect("begins");
    tx.insert_account(&bare, None).await.expect("is added");
    assert_eq!(tx.password_hash().await.expect("reads"), None);
    assert_eq!(tx.second_factor().await.expect("reads"), None);
    tx.commit().await.expect("commits");
    for account in [full, bare] {
        let tx = place.store.tenant(account.owner).await.expect("begins");
        assert_eq!(tx.account().await.expect("reads").as_ref(), Some(&account));
        assert_eq!(tx.locked_account().await.expect("reads").as_ref(), Some(&account));
        drop(tx);
        assert_eq!(read(&place.store, account.owner).await, account);
    }
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.account().await.expect("reads"), None);
    assert_eq!(stranger.locked_account().await.expect("reads"), None);
    drop(stranger);
    assert_eq!(place.store.account_of(OwnerId::new()).await.expect("reads"), None);
}

pub async fn an_address_is_had_once(place: &Place) {
    let ana = stored_account(&place.store, OwnerId::new()).await;
    let shouted = Email::parse(&ana.email.as_str().to_uppercase()).expect("valid");
    assert_eq!(place.store.account_by_email(&shouted).await.expect("reads"), Some(ana.clone()));
    let bo = Account { email: shouted.clone(), ..account(OwnerId::new()) };
    let tx = place.store.tenant(bo.owner).await.expect("begins");
    assert!(matches!(tx.insert_account(&bo, None).await, Err(Error::Conflict)));
    drop(tx);
    let bo = stored_account(&place.store, bo.owner).await;
    let tx = place.store.tenant(bo.owner).await.expect("begins");
    assert!(matches!(tx.set_email(&shouted, None).await, Err(Error::Conflict)));
    drop(tx);
    let tx = place.store.tenant(bo.owner).await.expect("begins");
    let other = email(OwnerId::new());
    tx.set_email(&other, Some(noon())).await.expect("is replaced");
    tx.commit().await.expect("commits");
    assert_eq!(place.store.account_by_email(&bo.email).await.expect("reads"), None);
    let moved = place.store.account_by_email(&other).await.expect("reads").expect("is there");
    assert_eq!((moved.owner, moved.email, moved.verified), (bo.owner, other, Some(noon())));
}

pub async fn an_account_changes_part_by_part(place: &Place) {
    let ana = stored_account(&place.store, OwnerId::new()).await;
    let bo = stored_account(&place.store, OwnerId::new()).await;
    let tx = place.store.tenant(ana.owner).await.expect("begins");
    tx.set_password_hash(Some("$argon2id$other")).await.expect("changes");
    tx.set_verified(noon()).await.expect("changes");
    tx.set_tier(Tier::Pro).await.expect("changes");
    tx.set_role(Some(Role::TechLead)).await.expect("changes");
    tx.set_limited_until(None).await.expect("changes");
    tx.set_leaving(Some(noon())).await.expect("changes");
    let factor = SecondFactor { secret: "JBSWY3DPEHPK3PXP".into(), confirmed: None, last_step: 7 };
    tx.set_second_factor(Some(&factor)).await.expect("changes");
    assert!(!tx.account().await.expect("reads").expect("is there").has_second_factor, "it is not confirmed");
    let factor = SecondFactor { confirmed: Some(noon()), ..factor };
    tx.set_second_factor(Some(&factor)).await.expect("changes");
    assert!(tx.second_factor().await.expect("reads") == Some(factor));
    assert_eq!(tx.password_hash().await.expect("reads").as_deref(), Some("$argon2id$other"));
    tx.commit().await.expect("commits");
    let expected = Account {
        verified: Some(noon()),
        tier: Tier::Pro,
        role: Some(Role::TechLead),
        limited_until: None,
        leaving: Some(noon()),
        has_second_factor: true,
        ..ana
    };
    assert_eq!(read(&place.store, expected.owner).await, expected);
    assert_eq!(read(&place.store, bo.owner).await, bo, "nobody else's");
    let tx = place.store.tenant(expected.owner).await.expect("begins");
    tx.set_role(None).await.expect("changes");
    tx.set_leaving(None).await.expect("changes");
    tx.set_second_factor(None).await.expect("changes");
    tx.commit().await.expect("commits");
    assert_eq!(read(&place.store, expected.owner).await, Account { role: None, leaving: None, has_second_factor: false, ..expected });
}

pub async fn without_an_account_nothing_is_changed(place: &Place) {
    let tx = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert!(matches!(tx.set_tier(Tier::Pro).await, Err(Error::Conflict)));
    assert!(matches!(tx.set_password_hash(Some("x")).await, Err(Error::Conflict)));
    assert!(matches!(tx.set_second_factor(None).await, Err(Error::Conflict)));
    assert!(!tx.use_second_factor_step(1).await.expect("answers"));
}

pub async fn a_code_works_once_and_only_forward(place: &Place) {
    let ana = stored_account(&place.store, OwnerId::new()).await;
    let tx = place.store.tenant(ana.owner).await.expect("begins");
    assert!(!tx.use_second_factor_step(9).await.expect("answers"), "there is no second factor");
    let factor = SecondFactor { secret: "JBSWY3DPEHPK3PXP".into(), confirmed: Some(now()), last_step: 0 };
    tx.set_second_factor(Some(&factor)).await.expect("changes");
    tx.commit().await.expect("commits");
    let mut thieves = JoinSet::new();
    for _ in 0..6 {
        let store = place.store.clone();
        thieves.spawn(async move {
            let tx = store.tenant(ana.owner).await.expect("begins");
            let got_in = tx.use_second_factor_step(59_000_000).await.expect("answers");
            tx.commit().await.expect("commits");
            got_in
        });
    }
    assert_eq!(thieves.join_all().await.into_iter().filter(|got_in| *got_in).count(), 1);
    let tx = place.store.tenant(ana.owner).await.expect("begins");
    assert!(!tx.use_second_factor_step(58_999_999).await.expect("answers"), "an earlier one");
    assert!(tx.use_second_factor_step(59_000_001).await.expect("answers"));
    assert_eq!(tx.second_factor().await.expect("reads").map(|factor| factor.last_step), Some(59_000_001));
}

pub async fn accounts_are_found_by_address_and_page_by_page(place: &Place) {
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(stored_account(&place.store, OwnerId::new()).await.owner);
    }
    made.reverse();
    let page = async |search: &str, limit, before| -> Vec<OwnerId> {
        place.store.accounts(search, limit, before).await.expect("reads").into_iter().map(|account| account.owner).collect()
    };
    assert_eq!(page("", 2, None).await, made[..2]);
    assert_eq!(page(" ", 9, Some(made[1])).await, made[2..]);
    assert_eq!(page("EXAMPLE.com", 9, Some(made[3])).await, made[4..]);
    assert_eq!(page(&format!("{}@", made[2].0.simple()), 9, None).await, made[2..3]);
    assert_eq!(page("ana_", 9, None).await, made);
    for none in ["an_", "%", "!", "ana%example", "bo"] {
        assert_eq!(page(none, 9, None).await, [], "{none} is looked for as it is written");
    }
}

pub async fn who_leaves_is_found(place: &Place) {
    let mut made = Vec::new();
    for hours in [3, 1, 2] {
        let owner = stored_account(&place.store, OwnerId::new()).await.owner;
        let tx = place.store.tenant(owner).await.expect("begins");
        tx.set_leaving(Some(noon() + TimeDelta::hours(hours))).await.expect("changes");
        tx.commit().await.expect("commits");
        made.push(owner);
    }
    let stays = stored_account(&place.store, OwnerId::new()).await.owner;
    let tx = place.store.tenant(stays).await.expect("begins");
    tx.set_leaving(None).await.expect("changes");
    tx.commit().await.expect("commits");
    let leaving = async |before, limit| place.store.leaving_accounts(before, limit).await.expect("reads");
    assert_eq!(leaving(noon() + TimeDelta::hours(3), 9).await, [made[1], made[2]]);
    assert_eq!(leaving(noon() + TimeDelta::hours(9), 1).await, [made[1]]);
    assert_eq!(leaving(noon(), 9).await, []);
}

pub async fn what_is_counted_under_a_locked_account_holds(place: &Place) {
    let owner = stored_account(&place.store, OwnerId::new()).await.owner;
    let first = place.store.tenant(owner).await.expect("begins");
    first.locked_account().await.expect("locks");
    let store = place.store.clone();
    let mut second = JoinSet::new();
    second.spawn(async move {
        let tx = store.tenant(owner).await.expect("begins");
        tx.locked_account().await.expect("locks").expect("is there").tier
    });
    let early = tokio::time::timeout(Duration::from_millis(200), second.join_next()).await;
    assert!(early.is_err(), "it waits");
    first.set_tier(Tier::Pro).await.expect("changes");
    first.commit().await.expect("commits");
    assert_eq!(second.join_all().await, [Tier::Pro], "and sees what was changed");
}

pub async fn the_team_is_found(place: &Place) {
    let store = &place.store;
    let (lead, customer) = (OwnerId::new(), OwnerId::new());
    stored_account(store, customer).await;
    stored_account(store, lead).await;
    let tx = store.tenant(customer).await.expect("begins");
    tx.set_role(None).await.expect("changes");
    tx.commit().await.expect("commits");
    let tx = store.tenant(lead).await.expect("begins");
    tx.set_role(Some(Role::TechLead)).await.expect("changes");
    tx.commit().await.expect("commits");
    let found: Vec<OwnerId> = store.team_members().await.expect("reads").into_iter().map(|account| account.owner).collect();
    assert_eq!(found, [lead]);
}
