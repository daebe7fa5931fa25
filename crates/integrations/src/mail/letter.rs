//! A mail as it travels: its headers, its plain part and its HTML part.

use super::SendError;
use crate::error::ConfigError;
use domain::mails::Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use reqwest::Url;

/// Subjects are cut here: longer ones are shown nowhere.
const LONGEST_SUBJECT: usize = 200;

/// Reads who writes.
pub(super) fn sender(text: &str) -> Result<Mailbox, ConfigError> {
    let wrong = || ConfigError::setting("mail.from", "is not an address; write E-commerce Planner <planner@example.com>");
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    text.trim().parse().map_err(|_| wrong())
}

/// The whole message. An address that no server could take is refused at once.
pub(super) fn write(from: &Mailbox, mail: &Mail) -> Result<Message, SendError> {
    let to = recipient(mail.to.as_str()).ok_or_else(|| SendError::Never("its address cannot be written in a mail".into()))?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject(&mail.subject))
        .message_id(Some(format!("<{}@{}>", mail.id.0, from.email.domain())))
        .date(mail.created.into())
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()))
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| SendError::Never(format!("it cannot be written: {error}")))
}

/// An address with its domain in the letters that every server knows.
fn recipient(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@')?;
    let url = Url::parse(&format!("http://{domain}/")).ok()?;
    Address::new(local, url.domain()?).ok()
}

/// One line, whatever was in it.
fn subject(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(subject("Hello\r\nBcc: all@example.com\u{2028}\tx"), "Hello Bcc: all@example.com x");
        assert_eq!(subject(&"ä".repeat(300)).chars().count(), LONGEST_SUBJECT);
    }

    #[test]
    fn a_domain_is_written_in_ascii() {
        let written = |address: &str| recipient(address).map(|address| address.to_string());
        assert_eq!(written("ana@exämple.de"), Some("ana@xn--exmple-cua.de".into()));
        assert_eq!(written("ana.maria+shop@example.com"), Some("ana.maria+shop@example.com".into()));
        assert_eq!(written("ana@1.2.3.4"), None, "a number is no domain");
    }

    #[test]
    fn who_writes_is_an_address() {
        assert!(sender("E-commerce Planner <planner@localhost>").is_ok());
        assert!(sender("planner@example.com").is_ok());
        for bad in ["", "Planner", "Planner <planner>", "P <p@example.com>\r\nBcc: all@example.com", "a@example.com, b@example.com"] {
            assert!(sender(bad).is_err(), "{bad}");
        }
    }
}
