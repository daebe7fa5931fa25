//! What the store promises about tokens of the API.

use crate::place::Place;
use crate::samples::{hash, noon, stored_account, token};
use domain::accounts::ApiToken;
use domain::ids::{OwnerId, TokenId};
use store::Error;

pub async fn a_token_is_found_with_its_account(place: &Place) {
    let store = &place.store;
    let ana = stored_account(store, OwnerId::new()).await;
    let (bare, full) = (ApiToken { expires: None, scopes: Vec::new(), ..token(ana.owner) }, token(ana.owner));
    let hashes = [hash(), hash()];
    let tx = store.tenant(ana.owner).await.expect("begins");
    tx.insert_token(&bare, &hashes[0]).await.expect("is added");
    tx.insert_token(&full, &hashes[1]).await.expect("is added");
    assert_eq!(tx.tokens().await.expect("reads"), [full.clone(), bare.clone()]);
    tx.commit().await.expect("commits");
    assert_eq!(store.token(&hashes[0]).await.expect("reads"), Some((bare, ana.clone())));
    assert_eq!(store.token(&hash()).await.expect("reads"), None);
    store.touch_token(full.id, noon()).await.expect("touches");
    assert_eq!(store.token(&hashes[1]).await.expect("reads"), Some((ApiToken { used: Some(noon()), ..full }, ana)));
    let guest = token(OwnerId::new());
    let tx = store.tenant(guest.owner).await.expect("begins");
    assert!(matches!(tx.insert_token(&guest, &hash()).await, Err(Error::Conflict)), "a guest has none");
}

pub async fn tokens_are_revoked_once(place: &Place) {
    let owner = stored_account(&place.store, OwnerId::new()).await.owner;
    let tokens = [token(owner), token(owner), token(owner)];
    let tx = place.store.tenant(owner).await.expect("begins");
    for token in &tokens {
        tx.insert_token(token, &hash()).await.expect("is added");
    }
    assert!(tx.revoke_token(tokens[0].id, noon()).await.expect("revokes"));
    assert!(!tx.revoke_token(tokens[0].id, noon()).await.expect("answers"));
    assert!(!tx.revoke_token(TokenId::new(), noon()).await.expect("answers"));
    let later = noon() + chrono::TimeDelta::hours(1);
    tx.revoke_tokens(later).await.expect("revokes");
    let revoked: Vec<_> = tx.tokens().await.expect("reads").into_iter().map(|token| token.revoked).collect();
    assert_eq!(revoked, [Some(later), Some(later), Some(noon())]);
}
