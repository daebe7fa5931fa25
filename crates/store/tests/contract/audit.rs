//! What the store promises about the audit log.

use crate::place::Place;
use crate::samples::entry;
use domain::audit::{Actor, Entry};
use domain::ids::{AuditId, OwnerId};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use store::{AuditSearch, Overwrite};

async fn log(place: &Place) -> Vec<Entry> {
    place.store.audit_log(&AuditSearch::default(), 99, None).await.expect("reads")
}

pub async fn lines_come_back_newest_first(place: &Place) {
    let store = &place.store;
    let ana = OwnerId::new();
    let first = entry(Actor::Account(ana), "account.tier");
    let second = Entry { network: None, reason: None, ..entry(Actor::CommandLine, "account.role") };
    let third = entry(Actor::Program, "account.forgotten");
    let tx = store.tenant(ana).await.expect("begins");
    tx.audit(&first).await.expect("is added");
    tx.commit().await.expect("commits");
    store.audit(&second).await.expect("is added");
    store.audit(&third).await.expect("is added");
    let tx = store.tenant(ana).await.expect("begins");
    tx.audit(&entry(Actor::Account(ana), "account.tier")).await.expect("is added");
    drop(tx);
    assert_eq!(log(place).await, [third, second.clone(), first.clone()], "what was not done is not told");
    let page = async |limit, before| store.audit_log(&AuditSearch::default(), limit, before).await.expect("reads");
    assert_eq!(page(1, Some(second.id)).await, std::slice::from_ref(&first));
    assert_eq!(page(9, Some(first.id)).await, []);
}

pub async fn lines_are_found_by_what_is_in_them(place: &Place) {
    let ana = OwnerId::new();
    let tier = entry(Actor::Account(ana), "account.tier");
    let role = Entry { reason: Some("Éva asked for it".into()), ..entry(Actor::Account(ana), "account.role") };
    let other = Entry { reason: None, ..entry(Actor::Program, "account.tier") };
    for entry in [&tier, &role, &other] {
        place.store.audit(entry).await.expect("is added");
    }
    let find = async |text: Option<&str>, actor, action: Option<&str>| -> Vec<AuditId> {
        let search = AuditSearch { text: text.map(str::to_owned), actor, action: action.map(str::to_owned) };
        place.store.audit_log(&search, 9, None).await.expect("reads").into_iter().map(|entry| entry.id).collect()
    };
    assert_eq!(find(None, Some(ana), None).await, [role.id, tier.id]);
    assert_eq!(find(None, None, Some("account.tier")).await, [other.id, tier.id]);
    assert_eq!(find(None, Some(ana), Some("account.tier")).await, [tier.id]);
    assert_eq!(find(Some(&role.subject), None, None).await, [role.id]);
    assert_eq!(find(Some("account."), None, None).await, [other.id, role.id, tier.id]);
    assert_eq!(find(Some(" account.r"), None, None).await, [role.id]);
    assert_eq!(find(Some("100% of IT"), None, None).await, [tier.id]);
    assert_eq!(find(Some("va ASKED"), None, None).await, [role.id]);
    assert_eq!(find(Some("mail_1"), Some(OwnerId::new()), None).await, []);
    assert_eq!(find(Some("  "), Some(ana), None).await, [role.id, tier.id], "nothing is looked for");
    for none in ["%", "_", "tier", "!", &tier.subject[1..]] {
        let found = find(Some(none), None, Some("account.role")).await;
        assert_eq!(found, [], "{none} is looked for as it is written");
    }
}

pub async fn no_line_is_changed_or_removed(place: &Place) {
    let kept = entry(Actor::CommandLine, "account.role");
    place.store.audit(&kept).await.expect("is added");
    refuses(place).await;
    // A copy that replaces everything may, and the log is sealed again behind it.
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("everything.backup");
    place.store.back_up(&file).await.expect("is copied");
    place.store.audit(&entry(Actor::Program, "later")).await.expect("is added");
    place.store.restore(&file, Overwrite::Yes).await.expect("comes back");
    refuses(place).await;
    assert_eq!(log(place).await, [kept]);
}

async fn refuses(place: &Place) {
    let changes = ["UPDATE audit SET reason = 'none'", "DELETE FROM audit"];
    let store::Place::Server { url, .. } = &place.settings.place else {
        for change in changes {
            let refused = place.raw().execute_unprepared(change).await.expect_err(change).to_string();
            assert!(refused.contains("the audit log is append-only"), "{refused}");
        }
        return;
    };
    let app = Database::connect(secrecy::ExposeSecret::expose_secret(url)).await.expect("connects");
    for change in changes.into_iter().chain(["TRUNCATE audit"]) {
        let tx = app.begin().await.expect("begins");
        tx.execute_unprepared("SET LOCAL app.program = 'on'").await.expect("is set");
        let refused = tx.execute_unprepared(change).await.expect_err(change).to_string();
        assert!(refused.contains("permission denied"), "{refused}");
    }
    let tx = app.begin().await.expect("begins");
    tx.execute_unprepared(&format!("SET LOCAL app.tenant_id = '{}'", OwnerId::new().0)).await.expect("is set");
    let seen = tx.execute_unprepared("SELECT FROM audit").await.expect("reads").rows_affected();
    assert_eq!(seen, 0, "only the program reads it");
}
