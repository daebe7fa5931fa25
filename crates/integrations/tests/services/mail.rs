//! Mail through a real server, into a folder, and back with a reason.

use crate::place::needed;
use domain::accounts::Email;
use domain::ids::{MailId, OwnerId};
use domain::mails::Mail;
use integrations::mail::{Delivery, Mailer, SendError, Settings};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn mail(to: &str, subject: &str) -> Mail {
    Mail {
        id: MailId::new(),
        owner: OwnerId::new(),
        kind: "verify".into(),
        unique_key: "verify:ana".into(),
        to: Email::parse(to).expect("an address"),
        subject: subject.into(),
        text: "Welcome, José.\n\nhttps://planner.example.com/verify/abc\n.\nA line with a dot alone was above.".into(),
        html: "<p>Welcome, José.</p>\n<p><a href=\"https://planner.example.com/verify/abc\">Verify</a></p>".into(),
        created: "2026-11-24T15:23:45Z".parse().expect("a time"),
        sent: None,
    }
}

fn mailer(smtp: &str) -> Mailer {
    let from = "E-commerce Planner <planner@example.com>".into();
    Mailer::new(Settings { smtp: Some(smtp.to_owned().into()), from, ..Settings::default() }).expect("the settings work")
}

fn server() -> Mailer {
    mailer(&needed("PLANNER_TEST_SMTP"))
}

/// The messages with this mail's id that the server took, each as its text.
fn taken(mail: &Mail) -> Vec<String> {
    let folder = needed("PLANNER_TEST_SMTP_DIR");
    let files = std::fs::read_dir(folder).expect("the server's folder").filter_map(Result::ok).map(|entry| entry.path());
    let mails = files.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    mails.map(|path| std::fs::read_to_string(path).expect("a mail")).filter(|text| text.contains(&mail.id.0.to_string())).collect()
}

fn headers(message: &str) -> (&str, &str) {
    message.split_once("\r\n\r\n").expect("headers and a body")
}

#[tokio::test]
async fn both_parts_arrive() {
    let (mailer, to) = (server(), format!("ana-{}@example.com", MailId::new().0));
    let mail = mail(&to, "Please verify your address");
    assert_eq!(mailer.send(&mail).await, Ok(Delivery::Server));
    let [message] = <[String; 1]>::try_from(taken(&mail)).expect("one mail");
    let (head, body) = headers(&message);
    for line in [
        "X-Envelope-From: planner@example.com".to_owned(),
        format!("X-Envelope-To: {to}"),
        format!("To: {to}"),
        "Subject: Please verify your address".into(),
        format!("Message-ID: <{}@example.com>", mail.id.0),
        "Date: Tue, 24 Nov 2026 15:23:45 +0000".into(),
        "Auto-Submitted: auto-generated".into(),
    ] {
        assert!(head.lines().any(|given| given == line), "no {line} in {head}");
    }
    assert!(head.contains("From: ") && head.contains("<planner@example.com>"), "{head}");
    assert!(head.contains("Content-Type: multipart/alternative"), "{head}");
    let (plain, html) = (body.find("Content-Type: text/plain; charset=utf-8"), body.find("Content-Type: text/html; charset=utf-8"));
    assert!(plain.is_some() && plain < html, "{body}");
    let text = body.replace("=\r\n", "");
    assert!(text.contains("Welcome, Jos=C3=A9.") && text.contains("<p>Welcome, Jos=C3=A9.</p>"), "{text}");
    assert!(text.contains("\r\n.\r\nA line with a dot alone was above."), "{text}");
    mailer.shut_down().await;
}

#[tokio::test]
async fn a_mail_that_is_sent_again_can_be_told_from_a_new_one() {
    let (mailer, mail) = (server(), mail("ana@example.com", "Once"));
    mailer.send(&mail).await.expect("it is taken");
    mailer.send(&mail).await.expect("it is taken again");
    let messages = taken(&mail);
    let id = |message: &String| message.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned);
    assert_eq!(messages.len(), 2);
    assert!(id(&messages[0]).is_some() && id(&messages[0]) == id(&messages[1]));
}

#[tokio::test]
async fn a_subject_stays_one_header() {
    let (mailer, mail) = (server(), mail("ana@example.com", "Grüße aus Köln 🌍\r\nBcc: eve@example.com\r\n\r\n<script>"));
    mailer.send(&mail).await.expect("it is taken");
    let message = taken(&mail).pop().expect("a mail");
    let (head, body) = headers(&message);
    assert!(head.lines().any(|line| line == "X-Envelope-To: ana@example.com"), "{head}");
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert!(head.is_ascii() && head.contains("Subject: =?utf-8?b?"), "{head}");
    assert!(!body.contains("<script>"), "{body}");
}

#[tokio::test]
async fn an_address_in_other_letters_arrives() {
    let (mailer, mail) = (server(), mail("ana@exämple.de", "Hello"));
    mailer.send(&mail).await.expect("it is taken");
    assert!(taken(&mail).pop().is_some_and(|message| message.contains("X-Envelope-To: ana@xn--exmple-cua.de")));
    let (mailer, mail) = (server(), self::mail("josé@example.com", "Hello"));
    mailer.send(&mail).await.expect("it is taken: this server knows all letters");
}

#[tokio::test]
async fn a_refusal_says_whether_to_try_again() {
    let mailer = server();
    let mut refused = mail("ana.refused@example.com", "Hello");
    let Err(SendError::Never(reason)) = mailer.send(&refused).await else { panic!("it is refused for good") };
    assert!(reason.contains("no such mailbox") && !reason.contains("ana.refused"), "{reason}");
    refused.to = Email::parse("ana.later@example.com").expect("an address");
    let Err(SendError::Later(reason)) = mailer.send(&refused).await else { panic!("it is refused for now") };
    assert!(reason.contains("try again later") && !reason.contains("ana.later"), "{reason}");
    assert_eq!(mailer.send(&mail("ana@example.com", "Hello")).await, Ok(Delivery::Server), "a refusal does not hold up the next");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let mailer = mailer(&format!("smtp://planner:s3cret@127.0.0.1:{port}"));
    let Err(SendError::Later(reason)) = mailer.send(&mail("ana@example.com", "Hello")).await else { panic!("nobody is there") };
    assert!(!reason.contains("s3cret"), "{reason}");
    assert!(!format!("{mailer:?}").contains("s3cret"));
    let number = mail("ana@1.2.3.4", "Hello");
    assert!(matches!(mailer.send(&number).await, Err(SendError::Never(_))), "no server could take it");
}

#[tokio::test]
async fn a_server_without_encryption_gets_no_password_that_wants_it() {
    let place = needed("PLANNER_TEST_SMTP").replace("smtp://", "");
    for url in [format!("smtp://planner:s3cret@{place}?tls=required"), format!("smtp://planner:s3cret@{place}")] {
        let Err(SendError::Later(reason)) = mailer(&url).send(&mail("ana@example.com", "Hello")).await else { panic!("{url} is sent") };
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[tokio::test]
async fn without_a_server_it_is_put_into_the_outbox() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let outbox = place.path().join("data").join("outbox");
    let mailer = Mailer::new(Settings { outbox: outbox.clone(), ..Settings::default() }).expect("the settings work");
    let mut mail = mail("ana@example.com", "Hello");
    mail.kind = "../verify".into();
    let path = outbox.join(format!("20261124T152345Z----verify-{}.eml", mail.id.0));
    assert_eq!(mailer.send(&mail).await, Ok(Delivery::Outbox(path.clone())));
    assert_eq!(mailer.send(&mail).await, Ok(Delivery::Outbox(path.clone())), "the same file again");
    let message = std::fs::read_to_string(&path).expect("a mail");
    assert!(message.contains(&format!("Message-ID: <{}@localhost>", mail.id.0)) && message.contains("text/html"), "{message}");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&outbox)), (0o600, 0o700));
    assert_eq!(std::fs::read_dir(&outbox).expect("the outbox").count(), 1, "nothing temporary is left");
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_is_tried_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let file = place.path().join("outbox");
    std::fs::write(&file, "no folder").expect("a file");
    let mailer = Mailer::new(Settings { outbox: file, ..Settings::default() }).expect("the settings work");
    assert!(matches!(mailer.send(&mail("ana@example.com", "Hello")).await, Err(SendError::Later(_))));
}

#[tokio::test]
async fn wrong_settings_are_named_without_their_password() {
    let wrong = Settings { smtp: Some("smtp://planner:s3cret@mail.example.com?tls=always".to_owned().into()), ..Settings::default() };
    assert!(!format!("{wrong:?}").contains("s3cret"));
    let said = Mailer::new(wrong).expect_err("it is refused").to_string();
    assert!(said.starts_with("mail.smtp ") && !said.contains("s3cret"), "{said}");
    let wrong = Settings { from: "Planner".into(), ..Settings::default() };
    assert!(Mailer::new(wrong).expect_err("it is refused").to_string().starts_with("mail.from "));
}
