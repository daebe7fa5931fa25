//! What the store promises about members among each other: whatever ids, limits and places they try, they find nothing of others.

use crate::place::{Place, address, new_database, server};
use crate::samples::{
    account, alert, link, mail, name, noon, now, session, stored_account, stored_generation, stored_run, stored_venture, take, token,
};
use domain::accounts::{Account, ApiToken, Link, Session};
use domain::alerts::Alert;
use domain::generations::Generation;
use domain::ids::{GenerationId, OwnerId, VentureId};
use domain::mails::Mail;
use domain::runs::{Happening, VentureRun};
use domain::ventures::Venture;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement, TransactionTrait};
use std::slice;
use store::{Error, Run, Store, Take};

/// What each of a hundred members has.
struct Member {
    venture: Venture,
    run: Run,
    generation: Generation,
}

async fn member(store: &Store) -> Member {
    let venture = stored_venture(store, OwnerId::new()).await;
    let run = stored_run(store, &venture).await;
    let generation = stored_generation(store, &venture, Some(&run), "brand").await;
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.make_current(venture.id, &name("brand"), generation.id, now()).await.expect("is made current");
    tx.add_event(run.id, now(), &Happening::Started { section: name("brand") }).await.expect("is added");
    tx.commit().await.expect("commits");
    Member { venture, run, generation }
}

pub async fn members_find_nothing_of_each_other(place: &Place) {
    let mut members = Vec::new();
    for _ in 0..100 {
        members.push(member(&place.store).await);
    }
    // Every member tries another one's ids, chosen so that all distances between members occur.
    for (at, me) in members.iter().enumerate() {
        let other = &members[(at * 37 + 11) % members.len()];
        if other.venture.id == me.venture.id {
            continue;
        }
        reads(&place.store, me, other).await;
        writes(&place.store, me, other).await;
    }
    // Nobody has lost anything.
    for me in &members {
        let tx = place.store.tenant_read(me.venture.owner).await.expect("begins");
        assert_eq!(tx.run(me.run.id).await.expect("reads").as_ref(), Some(&me.run));
        assert_eq!(tx.generation(me.generation.id).await.expect("reads").as_ref(), Some(&me.generation));
        assert!(!tx.current_sections(me.venture.id).await.expect("reads")[0].stale);
        assert_eq!(tx.events_after(me.run.id, 0, 9).await.expect("reads").len(), 1);
    }
}

async fn reads(store: &Store, me: &Member, other: &Member) {
    let tx = store.tenant_read(me.venture.owner).await.expect("begins");
    assert_eq!(tx.venture(other.venture.id).await.expect("reads"), None);
    for limit in [1, 10, 1_000_000] {
        for before in [None, Some(other.venture.id), Some(VentureId::new())] {
            let found = tx.ventures(limit, before).await.expect("reads");
            assert!(found.iter().all(|venture| venture.owner == me.venture.owner), "limit {limit}, before {before:?}");
        }
        assert_eq!(tx.runs(other.venture.id, limit, None).await.expect("reads"), []);
        assert_eq!(tx.versions(other.venture.id, &name("brand"), limit, Some(GenerationId::new())).await.expect("reads"), []);
        assert_eq!(tx.events_after(other.run.id, 0, limit).await.expect("reads"), []);
    }
    assert_eq!(tx.run(other.run.id).await.expect("reads"), None);
    assert_eq!(tx.latest_run(other.venture.id).await.expect("reads"), None);
    assert_eq!(tx.generation(other.generation.id).await.expect("reads"), None);
    assert_eq!(tx.generations_of_run(other.run.id).await.expect("reads"), []);
    assert_eq!(tx.current_sections(other.venture.id).await.expect("reads"), []);
}

async fn writes(store: &Store, me: &Member, other: &Member) {
    let tx = store.tenant(me.venture.owner).await.expect("begins");
    assert!(!tx.set_run_state(other.run.id, &VentureRun::Cancelled { at: now() }).await.expect("answers"));
    assert!(!tx.set_archived(other.venture.id, Some(now())).await.expect("answers"));
    tx.mark_stale(other.venture.id, &[name("brand")]).await.expect("answers");
    tx.commit().await.expect("commits");
    for attempt in 0..4 {
        let tx = store.tenant(me.venture.owner).await.expect("begins");
        let refused = match attempt {
            0 => tx.insert_venture(&Venture { id: VentureId::new(), ..other.venture.clone() }).await.is_err(),
            1 => tx.insert_run(&Run { venture: other.venture.id, ..me.run.clone() }).await.is_err(),
            2 => tx.make_current(other.venture.id, &name("brand"), other.generation.id, now()).await.is_err(),
            _ => tx.make_current(me.venture.id, &name("brand"), other.generation.id, now()).await.is_err(),
        };
        assert!(refused, "attempt {attempt}");
    }
}

pub async fn members_find_nothing_of_each_others_accounts(place: &Place) {
    let store = &place.store;
    let mut members = Vec::new();
    for _ in 0..10 {
        members.push(Holder::stored(store).await);
    }
    for (at, me) in members.iter().enumerate() {
        let other = &members[(at * 7 + 3) % members.len()];
        if other.account.owner == me.account.owner {
            continue;
        }
        let tx = store.tenant(me.account.owner).await.expect("begins");
        assert_eq!(tx.account().await.expect("reads").as_ref(), Some(&me.account));
        assert_eq!(tx.sessions().await.expect("reads"), slice::from_ref(&me.session));
        assert_eq!(tx.tokens().await.expect("reads"), slice::from_ref(&me.token));
        assert_eq!(tx.takes_since(noon()).await.expect("reads"), [me.take.at]);
        assert_eq!(tx.identities().await.expect("reads").len(), 1);
        assert!(!tx.end_session(other.session.id).await.expect("answers"));
        assert!(!tx.revoke_token(other.token.id, noon()).await.expect("answers"));
        assert!(!tx.use_link(&other.link.hash, noon()).await.expect("answers"));
        assert!(!tx.settle_take(other.take.id, false, None).await.expect("answers"));
        assert_eq!(tx.close_alerts(Alert::MEMBER_COST, &other.alert.subject, noon()).await.expect("answers"), 0);
        tx.set_session_second_factor(other.session.id).await.expect("answers");
        tx.revoke_tokens(noon()).await.expect("revokes");
        assert!(matches!(tx.insert_session(&session(other.account.owner)).await, Err(Error::Conflict)));
        assert!(matches!(tx.insert_token(&token(other.account.owner), "h").await, Err(Error::Conflict)));
        assert!(matches!(tx.insert_link(&link(other.account.owner)).await, Err(Error::Conflict)));
        assert!(matches!(tx.insert_take(&take(other.account.owner, None, noon())).await, Err(Error::Conflict)));
        assert!(matches!(tx.insert_mail(&mail(other.account.owner)).await, Err(Error::Conflict)));
        assert!(matches!(tx.open_alert(&alert(other.account.owner)).await, Err(Error::Conflict)));
        assert!(matches!(tx.insert_account(&account(other.account.owner), None).await, Err(Error::Conflict)));
        drop(tx);
        other.is_as_it_was(store).await;
    }
}

/// What somebody with an account has.
struct Holder {
    account: Account,
    session: Session,
    token: ApiToken,
    link: Link,
    take: Take,
    alert: Alert,
    mail: Mail,
}

impl Holder {
    async fn stored(store: &Store) -> Self {
        let account = stored_account(store, OwnerId::new()).await;
        let owner = account.owner;
        let (session, token, link) = (session(owner), token(owner), link(owner));
        let (take, alert, mail) = (take(owner, None, noon()), alert(owner), mail(owner));
        let tx = store.tenant(owner).await.expect("begins");
        tx.insert_session(&session).await.expect("is added");
        tx.insert_token(&token, &token.id.to_string()).await.expect("is added");
        tx.insert_link(&link).await.expect("is added");
        tx.insert_take(&take).await.expect("is added");
        tx.insert_identity("google", &owner.to_string(), noon()).await.expect("is added");
        assert!(tx.open_alert(&alert).await.expect("is opened"));
        assert!(tx.insert_mail(&mail).await.expect("is written"));
        tx.commit().await.expect("commits");
        Self { account, session, token, link, take, alert, mail }
    }

    async fn is_as_it_was(&self, store: &Store) {
        assert_eq!(store.session(&self.session.hash).await.expect("reads"), Some((self.session.clone(), self.account.clone())));
        assert_eq!(store.token(&self.token.id.to_string()).await.expect("reads"), Some((self.token.clone(), self.account.clone())));
        assert_eq!(store.link(&self.link.hash).await.expect("reads").as_ref(), Some(&self.link));
        assert_eq!(store.mail(self.mail.id).await.expect("reads").as_ref(), Some(&self.mail));
        assert!(store.alerts(99, None).await.expect("reads").contains(&self.alert));
        let tx = store.tenant_read(self.account.owner).await.expect("begins");
        assert_eq!(tx.open_takes().await.expect("counts"), 1);
    }
}

/// Without any filter of the program, Postgres itself shows each owner only what is theirs, and the program's own user nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_refuses_even_where_the_program_forgets_the_owner() {
    let place = Place::postgres().await;
    let (me, other) = (member(&place.store).await, member(&place.store).await);
    for _ in 0..2 {
        Holder::stored(&place.store).await;
    }
    let store::Place::Server { url, .. } = &place.settings.place else { panic!("a server") };
    let app = Database::connect(secrecy::ExposeSecret::expose_secret(url)).await.expect("connects");
    let tables = place.tables_with_owner().await;
    assert!(tables.len() >= 20, "{tables:?}");
    for table in &tables {
        let count = |who: Option<OwnerId>| {
            let (app, table) = (app.clone(), table.clone());
            async move {
                let tx = app.begin().await.expect("begins");
                if let Some(who) = who {
                    tx.execute_unprepared(&format!("SET LOCAL app.tenant_id = '{}'", who.0)).await.expect("is set");
                }
                let all = Statement::from_string(DbBackend::Postgres, format!("SELECT owner_id FROM {table}"));
                let rows = tx.query_all_raw(all).await.expect("reads");
                rows.iter().map(|row| OwnerId(row.try_get("", "owner_id").expect("an owner"))).collect::<Vec<_>>()
            }
        };
        assert_eq!(count(None).await, [], "{table}: nobody's transaction sees nothing");
        assert!(count(Some(me.venture.owner)).await.iter().all(|owner| *owner == me.venture.owner), "{table}");
    }
    let tx = app.begin().await.expect("begins");
    tx.execute_unprepared(&format!("SET LOCAL app.tenant_id = '{}'", me.venture.owner.0)).await.expect("is set");
    let theirs = format!("UPDATE ventures SET idea = 'stolen idea' WHERE id = '{}'", other.venture.id);
    assert_eq!(tx.execute_unprepared(&theirs).await.expect("runs").rows_affected(), 0);
    let planted = format!("UPDATE ventures SET owner_id = '{}' WHERE id = '{}'", other.venture.owner.0, me.venture.id);
    let refused = tx.execute_unprepared(&planted).await.expect_err("is refused").to_string();
    assert!(refused.contains("row-level security"), "{refused}");
}

/// Every table that has an owner has both walls, also one that somebody adds later.
#[tokio::test]
async fn every_table_with_an_owner_is_walled_in() {
    let place = Place::postgres().await;
    for table in place.tables_with_owner().await {
        let asked = format!(
            "SELECT relrowsecurity AND relforcerowsecurity AS walled, pg_get_userbyid(relowner) AS owner FROM pg_class WHERE oid = '{table}'::regclass"
        );
        let row = place.raw().query_one_raw(Statement::from_string(DbBackend::Postgres, asked)).await.expect("asks").expect("a table");
        assert!(row.try_get::<bool>("", "walled").expect("an answer"), "{table} has no row-level security that holds its owner too");
        assert_eq!(row.try_get::<String>("", "owner").expect("an owner"), "planner_owner", "the program does not own {table}");
    }
}

/// One user for everything, a superuser even, is held by the walls all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superuser_works_behind_the_same_walls() {
    let database = new_database().await;
    let settings = server(&database, "PLANNER_TEST_PG_ADMIN", None);
    let store = Store::open(settings).await.expect("opens");
    let me = member(&store).await;
    let tx = store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(tx.venture(me.venture.id).await.expect("reads"), None);
    assert!(address("PLANNER_TEST_PG_ADMIN", &database).ends_with(&database));
}
