//! What the store promises about the limits of the tiers.

use crate::place::Place;
use crate::samples::{now, stored_account, venture};
use domain::ids::OwnerId;
use domain::tiers::Tier;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement, TransactionTrait};
use store::{Error, Store};

async fn add(store: &Store, owner: OwnerId) -> store::Result<()> {
    let tx = store.tenant(owner).await?;
    tx.insert_venture(&venture(owner)).await?;
    tx.commit().await
}

async fn change(store: &Store, owner: OwnerId, tier: Tier) {
    let tx = store.tenant(owner).await.expect("begins");
    tx.set_tier(tier).await.expect("changes");
    tx.commit().await.expect("commits");
}

/// The use cases refuse first, on every database; this is the wall behind them.
pub async fn a_venture_too_many_is_refused_where_the_database_can(place: &Place) {
    let store = &place.store;
    let (ana, guest) = (stored_account(store, OwnerId::new()).await.owner, OwnerId::new());
    let refused = async || match add(store, ana).await {
        Err(Error::Database(fault)) => fault.to_string().contains("row-level security"),
        Err(other) => panic!("another error: {other:?}"),
        Ok(()) => false,
    };
    change(store, ana, Tier::Free).await;
    for _ in 0..2 {
        add(store, ana).await.expect("no limit is known");
    }
    store.set_tier_limits(&[(Tier::Free, Some(2)), (Tier::Starter, Some(3)), (Tier::Pro, None)]).await.expect("are set");
    assert_eq!(refused().await, store.is_shared());
    for _ in 0..4 {
        add(store, guest).await.expect("who has no account is not held");
    }
    if !store.is_shared() {
        return;
    }
    change(store, ana, Tier::Starter).await;
    add(store, ana).await.expect("the tier went up");
    assert!(refused().await);
    let tx = store.tenant(ana).await.expect("begins");
    let newest = tx.ventures(1, None).await.expect("reads").remove(0).id;
    tx.set_archived(newest, Some(now())).await.expect("writes");
    tx.commit().await.expect("commits");
    add(store, ana).await.expect("what is put away does not count");
    change(store, ana, Tier::Pro).await;
    add(store, ana).await.expect("there is no limit");
    change(store, ana, Tier::Free).await;
    assert!(refused().await, "there are more than the lower tier has room for");
    store.set_tier_limits(&[(Tier::Free, Some(9))]).await.expect("is replaced");
    add(store, ana).await.expect("the limit went up");
}

/// What the policies on Postgres ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_knows_the_tier_a_transaction_is_for() {
    let place = Place::postgres().await;
    let ana = stored_account(&place.store, OwnerId::new()).await.owner;
    let store::Place::Server { url, .. } = &place.settings.place else { panic!("a server") };
    let app = Database::connect(secrecy::ExposeSecret::expose_secret(url)).await.expect("connects");
    let tier = async |owner: Option<OwnerId>| -> Option<String> {
        let tx = app.begin().await.expect("begins");
        let tenant = owner.map(|owner| owner.to_string()).unwrap_or_default();
        tx.execute_unprepared(&format!("SET LOCAL app.tenant_id = '{tenant}'")).await.expect("is set");
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT planner_tier() AS tier");
        tx.query_one_raw(asked).await.expect("asks").expect("a row").try_get("", "tier").expect("a tier or none")
    };
    assert_eq!(tier(Some(ana)).await.as_deref(), Some("starter"));
    change(&place.store, ana, Tier::Pro).await;
    assert_eq!(tier(Some(ana)).await.as_deref(), Some("pro"));
    assert_eq!((tier(Some(OwnerId::new())).await, tier(None).await), (None, None));
}
