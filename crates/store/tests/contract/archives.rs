//! What the store promises about archives.

use crate::place::Place;
use crate::samples::noon;
use chrono::TimeDelta;
use domain::ids::{ArchiveId, OwnerId};

pub async fn an_archive_is_asked_for_packed_and_forgotten(place: &Place) {
    let owner = OwnerId::new();
    let (first, second) = (ArchiveId::new(), ArchiveId::new());
    let tx = place.store.tenant(owner).await.expect("begins");
    assert_eq!(tx.archive().await.expect("reads"), None);
    tx.insert_archive(first, noon()).await.expect("is added");
    tx.insert_archive(second, noon() + TimeDelta::hours(1)).await.expect("is added");
    let last = tx.archive().await.expect("reads").expect("is there");
    assert_eq!((last.id, last.created, last.packed), (second, noon() + TimeDelta::hours(1), None), "the last one");
    let content: Vec<u8> = (0..=255).collect();
    assert!(tx.fill_archive(second, &content, noon()).await.expect("fills"));
    assert_eq!(tx.archive().await.expect("reads").and_then(|last| last.packed), Some(noon()));
    assert_eq!(tx.archive_content(second).await.expect("reads"), Some(content));
    assert_eq!(tx.archive_content(first).await.expect("reads"), None, "not packed yet");
    assert!(!tx.fill_archive(ArchiveId::new(), b"x", noon()).await.expect("answers"));
    tx.commit().await.expect("commits");
    let stranger = place.store.tenant(OwnerId::new()).await.expect("begins");
    assert!(!stranger.fill_archive(second, b"x", noon()).await.expect("answers"));
    assert_eq!(stranger.archive().await.expect("reads"), None);
    assert_eq!(stranger.archive_content(second).await.expect("reads"), None);
    drop(stranger);
    assert_eq!(place.store.forget_archives(noon() + TimeDelta::minutes(1)).await.expect("forgets"), 1);
    let tx = place.store.tenant_read(owner).await.expect("begins");
    assert_eq!(tx.archive().await.expect("reads").map(|last| last.id), Some(second));
}
