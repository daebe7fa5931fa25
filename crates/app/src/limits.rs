//! How much somebody may ask for in an hour, counted for all replicas together where they share.

use crate::App;
pub use hub::{Limit, Taken};

/// Takes one of what is limited under this name from `who`, or says when to come back.
pub async fn take(app: &App, name: &str, who: &str, limit: Limit) -> Taken {
    app.hub.take(name, who, limit).await
}

/// Gives back one that was taken and came to nothing.
pub async fn give_back(app: &App, name: &str, who: &str, limit: Limit) {
    app.hub.give_back(name, who, limit).await;
}
