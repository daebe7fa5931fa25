//! What the store promises about searching by meaning.

use crate::place::Place;
use crate::samples::{name, stored_venture};
use domain::ids::OwnerId;
use store::{DIMENSIONS, Error};

/// A vector that points somewhere between the first two axes.
fn pointing(angle: f32) -> [f32; DIMENSIONS] {
    let mut vector = [0.0; DIMENSIONS];
    (vector[0], vector[1]) = (angle.cos(), angle.sin());
    vector
}

pub async fn the_nearest_sections_are_found_among_ones_own(place: &Place) {
    let mine = stored_venture(&place.store, OwnerId::new()).await;
    let tx = place.store.tenant(mine.owner).await.expect("begins");
    for (section, angle) in [("brand", 0.1), ("market", 0.8), ("goals", 0.4)] {
        tx.put_embedding(mine.id, &name(section), "minilm", &pointing(angle)).await.expect("is put");
    }
    tx.put_embedding(mine.id, &name("brand"), "minilm", &pointing(1.2)).await.expect("is replaced");
    tx.put_embedding(mine.id, &name("swot"), "another-model", &pointing(0.0)).await.expect("is put");
    tx.commit().await.expect("commits");
    // So many of others, and nearer ones, that an index that is filtered afterwards finds nothing of one's own.
    for _ in 0..40 {
        let other = stored_venture(&place.store, OwnerId::new()).await;
        let tx = place.store.tenant(other.owner).await.expect("begins");
        for at in 0..10_u8 {
            let section = name(&format!("section-{}", char::from(b'a' + at)));
            tx.put_embedding(other.id, &section, "minilm", &pointing(f32::from(at) / 1000.0)).await.expect("is put");
        }
        assert!(matches!(
            tx.put_embedding(mine.id, &name("brand"), "minilm", &pointing(0.0)).await,
            Err(Error::Conflict | Error::Database(_))
        ));
        drop(tx);
        let tx = place.store.tenant(other.owner).await.expect("begins");
        for at in 0..10_u8 {
            let section = name(&format!("section-{}", char::from(b'a' + at)));
            tx.put_embedding(other.id, &section, "minilm", &pointing(f32::from(at) / 1000.0)).await.expect("is put");
        }
        tx.commit().await.expect("commits");
    }
    let tx = place.store.tenant_read(mine.owner).await.expect("begins");
    let near = tx.nearest("minilm", &pointing(0.0), 2).await.expect("finds");
    assert_eq!(near.iter().map(|near| near.section.as_str()).collect::<Vec<_>>(), ["goals", "market"]);
    assert!(
        near.iter().all(|near| near.venture == mine.id) && (near[0].distance - f64::from(1.0 - 0.4_f32.cos())).abs() < 1e-5,
        "{near:?}"
    );
    let stranger = place.store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.nearest("minilm", &pointing(0.0), 9).await.expect("finds"), []);
}
