//! What the store promises about secrets the program makes for itself.

use crate::place::Place;
use std::collections::BTreeSet;
use store::Store;
use tokio::task::JoinSet;

pub async fn all_processes_share_one_secret(place: &Place) {
    let mut processes = JoinSet::new();
    for at in 0..6 {
        let settings = place.settings.clone();
        processes.spawn(async move {
            let store = Store::open(settings).await.expect("opens");
            store.secret("cookies", &format!("secret-{at}")).await.expect("answers")
        });
    }
    let got: BTreeSet<String> = processes.join_all().await.into_iter().collect();
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got.first(), Some(&place.store.secret("cookies", "later").await.expect("answers")));
    assert_eq!(place.store.secret("mail", "other").await.expect("answers"), "other");
}
