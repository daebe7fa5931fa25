//! What the store promises about the current sections of a venture.

use crate::place::Place;
use crate::samples::{name, now, stored_generation, stored_run, stored_venture, without_spans};
use domain::ids::{GenerationId, OwnerId, VentureId};
use domain::ventures::{CurrentSection, Venture};
use store::{Error, Store};

async fn make_current(store: &Store, venture: &Venture, section: &str, generation: GenerationId) {
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.make_current(venture.id, &name(section), generation, now()).await.expect("is made current");
    tx.commit().await.expect("commits");
}

async fn current(store: &Store, venture: &Venture) -> Vec<CurrentSection> {
    store.tenant_read(venture.owner).await.expect("begins").current_sections(venture.id).await.expect("reads")
}

async fn stale(store: &Store, venture: &Venture) -> Vec<(String, bool)> {
    current(store, venture).await.into_iter().map(|section| (section.current.section.to_string(), section.stale)).collect()
}

pub async fn the_current_section_is_replaced_and_fresh_again(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let first = stored_generation(&place.store, &venture, None, "brand").await;
    let second = stored_generation(&place.store, &venture, None, "brand").await;
    make_current(&place.store, &venture, "brand", first.id).await;
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    tx.mark_stale(venture.id, &[name("brand")]).await.expect("is marked");
    tx.commit().await.expect("commits");
    assert_eq!(current(&place.store, &venture).await, [CurrentSection { current: without_spans(&first), stale: true }]);
    make_current(&place.store, &venture, "brand", second.id).await;
    assert_eq!(current(&place.store, &venture).await, [CurrentSection { current: without_spans(&second), stale: false }]);
}

pub async fn current_sections_come_by_name_with_calls(place: &Place) {
    let owner = OwnerId::new();
    let venture = stored_venture(&place.store, owner).await;
    let other = stored_venture(&place.store, owner).await;
    let mut made = Vec::new();
    for section in ["smart-goals", "brand", "market"] {
        let generation = stored_generation(&place.store, &venture, None, section).await;
        make_current(&place.store, &venture, section, generation.id).await;
        made.push(CurrentSection { current: without_spans(&generation), stale: false });
        let elsewhere = stored_generation(&place.store, &other, None, section).await;
        make_current(&place.store, &other, section, elsewhere.id).await;
    }
    made.sort_by(|a, b| a.current.section.cmp(&b.current.section));
    assert_eq!(current(&place.store, &venture).await, made);
}

pub async fn only_sections_that_exist_go_stale(place: &Place) {
    let owner = OwnerId::new();
    let venture = stored_venture(&place.store, owner).await;
    let other = stored_venture(&place.store, owner).await;
    for venture in [&venture, &other] {
        for section in ["brand", "market"] {
            let generation = stored_generation(&place.store, venture, None, section).await;
            make_current(&place.store, venture, section, generation.id).await;
        }
    }
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.mark_stale(venture.id, &[name("market"), name("not-made-yet")]).await.expect("is marked");
    tx.mark_stale(venture.id, &[]).await.expect("marks nothing");
    tx.mark_stale(VentureId::new(), &[name("brand")]).await.expect("marks nothing");
    tx.commit().await.expect("commits");
    assert_eq!(stale(&place.store, &venture).await, [("brand".into(), false), ("market".into(), true)]);
    assert_eq!(stale(&place.store, &other).await, [("brand".into(), false), ("market".into(), false)]);
}

pub async fn another_owner_changes_and_finds_no_section(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let shown = stored_generation(&place.store, &venture, None, "brand").await;
    let hidden = stored_generation(&place.store, &venture, None, "brand").await;
    make_current(&place.store, &venture, "brand", shown.id).await;
    let tx = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert_eq!(tx.current_sections(venture.id).await.expect("reads"), []);
    tx.mark_stale(venture.id, &[name("brand")]).await.expect("marks nothing");
    assert!(matches!(tx.make_current(venture.id, &name("brand"), hidden.id, now()).await, Err(Error::Conflict)));
    assert!(matches!(tx.make_current(venture.id, &name("market"), hidden.id, now()).await, Err(Error::Conflict)));
    tx.commit().await.expect("commits");
    assert_eq!(current(&place.store, &venture).await, [CurrentSection { current: without_spans(&shown), stale: false }]);
}

pub async fn a_generation_of_another_venture_or_section_is_not_made_current(place: &Place) {
    let owner = OwnerId::new();
    let venture = stored_venture(&place.store, owner).await;
    let other = stored_venture(&place.store, owner).await;
    let brand = stored_generation(&place.store, &venture, None, "brand").await;
    let elsewhere = stored_generation(&place.store, &other, None, "brand").await;
    for (section, generation) in [("brand", elsewhere.id), ("market", brand.id), ("brand", GenerationId::new())] {
        let tx = place.store.tenant(owner).await.expect("begins");
        assert!(matches!(tx.make_current(venture.id, &name(section), generation, now()).await, Err(Error::Conflict)), "{section}");
    }
}

pub async fn what_belongs_to_a_venture_goes_with_it(place: &Place) {
    let venture = stored_venture(&place.store, OwnerId::new()).await;
    let run = stored_run(&place.store, &venture).await;
    let made = stored_generation(&place.store, &venture, Some(&run), "brand").await;
    make_current(&place.store, &venture, "brand", made.id).await;
    place.tamper("DELETE FROM ventures").await;
    let tx = place.store.tenant(venture.owner).await.expect("begins");
    assert_eq!(tx.run(run.id).await.expect("reads"), None);
    assert_eq!(tx.generation(made.id).await.expect("reads"), None);
    assert_eq!(tx.current_sections(venture.id).await.expect("reads"), []);
    tx.insert_venture(&venture).await.expect("is added");
    tx.insert_run(&run).await.expect("is added");
    tx.insert_generation(&made).await.expect("no call or span was left behind");
}
