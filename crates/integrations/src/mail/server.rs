//! The mail server: its address, and what its refusals mean for who sends.

use super::SendError;
use crate::error::ConfigError;
use lettre::address::Envelope;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

const FORM: &str = "write smtp://user:password@host:587?tls=required, or smtps:// for a connection encrypted from its beginning";

/// Reads the address, or says what is wrong with it without its password.
pub(super) fn open(url: &SecretString) -> Result<AsyncSmtpTransportBuilder, ConfigError> {
    let url = url.expose_secret();
    look_at(url).map_err(|reason| ConfigError::setting("mail.smtp", format!("{reason}; {FORM}")))?;
    // What the library says may quote the address, so its words are not passed on.
    AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
        .map_err(|_| ConfigError::setting("mail.smtp", format!("cannot be used: its host is none that TLS knows; {FORM}")))
}

/// What people get wrong.
fn look_at(url: &str) -> Result<(), &'static str> {
    let url = Url::parse(url).map_err(|_| "is not an address (percent-encode special characters in user and password)")?;
    let tls = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
    if !matches!(url.scheme(), "smtp" | "smtps") {
        return Err("has another scheme than smtp or smtps");
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return Err("has no host") };
    if url.query_pairs().any(|(key, _)| key != "tls") || !matches!(tls.as_deref(), None | Some("required" | "opportunistic")) {
        return Err("asks after its ? for something else than tls=required or tls=opportunistic");
    }
    if !url.username().is_empty() && url.password().is_none() {
        return Err("has a user without a password");
    }
    let near = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    if url.password().is_some() && url.scheme() == "smtp" && tls.as_deref() != Some("required") && !near {
        tracing::warn!("the mail server's password may travel unencrypted: add ?tls=required to its address");
    }
    Ok(())
}

/// What is done next after a mail did not get through.
pub(super) fn refusal(error: &Error, envelope: &Envelope) -> SendError {
    let reason = told(error, envelope);
    let Some(code) = error.status().map(u16::from) else {
        // The only thing a client refuses by itself for good: an address that this server has no letters for.
        let ascii = envelope.to().iter().all(|to| AsRef::<str>::as_ref(to).is_ascii());
        return if error.is_client() && !ascii { SendError::Never(reason) } else { SendError::Later(reason) };
    };
    // 530, 534, 535 and 538 are about our password, 500 to 504 about our commands: not this mail's fault, and to be mended.
    match code {
        500..=504 | 530 | 534 | 535 | 538 => SendError::Later(reason),
        500.. => SendError::Never(reason),
        _ => SendError::Later(reason),
    }
}

/// The server's own words: a few of them are enough, and of the addresses none.
fn told(error: &Error, envelope: &Envelope) -> String {
    let mut words = error.to_string();
    for address in envelope.to() {
        words = words.replace(AsRef::<str>::as_ref(address), "[address]");
    }
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_says_what_is_wrong_without_its_password() {
        let cases = [
            ("mail.example.com", "is not an address"),
            ("http://u:s3cret@mail.example.com", "another scheme"),
            ("smtp://u:s3c/ret@mail.example.com", "is not an address"),
            ("smtp://u:s3cret@", "is not an address"),
            ("smtp://", "has no host"),
            ("smtp://u:s3cret@mail.example.com?tls=yes", "tls=required"),
            ("smtp://u:s3cret@mail.example.com?ssl=1", "tls=required"),
            ("smtp://user@mail.example.com", "without a password"),
        ];
        for (url, expected) in cases {
            let said = open(&url.to_owned().into()).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.starts_with("mail.smtp") && said.contains(expected) && !said.contains("s3c"), "{url}: {said}");
        }
        for url in ["smtp://127.0.0.1:2525", "smtp://u:s3cret@mail.example.com:587?tls=required", "smtps://u:s3cret@mail.example.com"] {
            assert!(open(&url.to_owned().into()).is_ok(), "{url}");
        }
    }
}
