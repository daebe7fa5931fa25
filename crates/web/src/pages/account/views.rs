//! Sessions, tokens and the file with everything, in words.

use crate::paths;
use crate::views::{day, moment, recently};
use app::Credential;
use app::accounts::Archive;
use chrono::{TimeDelta, Utc};
use domain::accounts::{ApiToken, Session};

/// How long a file can be fetched, which the mail says as well.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Somewhere they are signed in.
pub(super) struct SessionView {
    pub(super) action: String,
    pub(super) browser: String,
    pub(super) address: String,
    pub(super) since: String,
    pub(super) seen: String,
    pub(super) second_factor: bool,
    /// This is where they are looking from.
    pub(super) here: bool,
}

impl SessionView {
    pub(super) fn of(session: &Session, by: &Credential) -> Self {
        Self {
            action: paths::session(session.id),
            browser: browser(&session.agent),
            address: session.address.clone(),
            since: recently(session.created, Utc::now()),
            seen: recently(session.seen, Utc::now()),
            second_factor: session.second_factor,
            here: matches!(by, Credential::Session { id, .. } if *id == session.id),
        }
    }
}

/// A token. `state` is a word: a colour alone says nothing.
pub(super) struct TokenView {
    pub(super) action: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) used: String,
    pub(super) expires: String,
    pub(super) state: &'static str,
    pub(super) works: bool,
}

impl TokenView {
    pub(super) fn of(token: &ApiToken) -> Self {
        let works = token.is_valid(Utc::now());
        Self {
            action: paths::token(token.id),
            name: token.name.clone(),
            scopes: token.scopes.iter().map(|scope| scope.key()).collect::<Vec<_>>().join(", "),
            used: token.used.map_or_else(|| "never used".into(), |at| format!("last used {}", recently(at, Utc::now()))),
            expires: token.expires.map_or_else(|| "does not end by itself".into(), |at| format!("until {}", day(at))),
            state: match (works, token.revoked) {
                (true, _) => "Works",
                (false, Some(_)) => "Revoked",
                (false, None) => "Expired",
            },
            works,
        }
    }
}

/// Where the file with everything stands.
pub(super) enum ArchiveView {
    Never,
    Packing { since: String },
    Ready { since: String, until: String },
}

impl ArchiveView {
    pub(super) fn of(archive: Option<Archive>) -> Self {
        match archive {
            None => Self::Never,
            Some(archive) => match archive.packed {
                None => Self::Packing { since: moment(archive.created) },
                Some(at) => Self::Ready { since: moment(at), until: day(archive.created + KEPT) },
            },
        }
    }
}

/// A browser as people call it, out of what it says of itself. They all claim to be each other, so the rarer names are looked for first.
pub(super) fn browser(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 8] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if agent.trim().is_empty() => "A browser that does not say".into(),
        _ => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_the_names_people_use() {
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
            ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "A browser that does not say"),
        ];
        for (agent, name) in cases {
            assert_eq!(browser(agent), name);
        }
    }
}
