//! Passwords: how good one has to be, and argon2id, off the threads that answer requests.

use crate::error::{Error, Result};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use domain::accounts::{LONGEST_PASSWORD, SHORTEST_PASSWORD};
use domain::faults::{Fault, Faults};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

/// Hashes at once: each takes 19 MiB and a core.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// What a password is held against when there is no account, so that finding nothing takes as long.
static NOBODYS: LazyLock<Option<String>> = LazyLock::new(|| hash_now("nobody has this password").ok());

/// Refuses a password that is short, known to be used by many, or made of what stands beside it.
pub(super) fn check(field: &str, password: &str, email: &str) -> std::result::Result<(), Faults> {
    let refuse = |why: String| Err(Fault::new(field, why).into());
    if password.chars().count() < SHORTEST_PASSWORD {
        return refuse(format!("is shorter than {SHORTEST_PASSWORD} characters; three or four words make a good one"));
    }
    if password.len() > LONGEST_PASSWORD {
        return refuse(format!("is longer than {LONGEST_PASSWORD} bytes"));
    }
    let strength = zxcvbn(password, &[email, email.split('@').next().unwrap_or_default(), "planner", "ecommerce"]);
    if strength.score() < Score::Three {
        let why = strength.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
        let why = why.unwrap_or_else(|| "It would be guessed soon.".into());
        return refuse(format!("is too easy to guess. {why} Three or four words that do not belong together make a good one"));
    }
    Ok(())
}

/// Hashes a password for keeping.
pub(super) async fn hash(password: &str) -> Result<String> {
    let password = password.to_owned();
    off(move || hash_now(&password)).await?.map_err(|fault| Error::Internal(format!("argon2: {fault}")))
}

/// Whether this is the password. It takes as long when there is none to compare with.
pub(super) async fn verify(password: &str, kept: Option<String>) -> Result<bool> {
    // Nobody has a longer one, and hashing it would be work for nothing.
    let password = password.chars().take(LONGEST_PASSWORD).collect::<String>();
    off(move || {
        let known = kept.is_some();
        let Some(kept) = kept.or_else(|| NOBODYS.clone()) else { return false };
        let fits = PasswordHash::new(&kept).is_ok_and(|kept| Argon2::default().verify_password(password.as_bytes(), &kept).is_ok());
        known && fits
    })
    .await
}

fn hash_now(password: &str) -> std::result::Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let turn = Arc::clone(&AT_ONCE).acquire_owned().await.map_err(|closed| Error::Internal(closed.to_string()))?;
    // The turn is the work's: whoever asked may hang up meanwhile.
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.map_err(|died| Error::Internal(died.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        let refused = |password: &str| check("password", password, "ana.martin@example.com").is_err();
        for weak in
            ["", "short", "password123", "qwertyuiop", "aaaaaaaaaaaa", "ana.martin", "ana.martin@example.com", "letmein12345", "0123456789"]
        {
            assert!(refused(weak), "{weak}");
        }
        assert!(refused(&"long".repeat(60)));
        for good in ["brick-lantern-otter-92", "tinsel harbour quiet mango", "Wq7!pLs0#vNz"] {
            assert!(!refused(good), "{good}");
        }
    }

    #[tokio::test]
    async fn a_password_is_found_again_and_no_other() {
        let kept = hash("brick-lantern-otter-92").await.expect("hashes");
        assert!(kept.starts_with("$argon2id$v=19$"), "{kept}");
        assert_eq!(verify("brick-lantern-otter-92", Some(kept.clone())).await.ok(), Some(true));
        assert_eq!(verify("brick-lantern-otter-93", Some(kept)).await.ok(), Some(false));
        assert_eq!(verify("nobody has this password", None).await.ok(), Some(false));
    }
}
