//! People who use the program through its pages: they open a page, and send its form.

use crate::house::{House, Reply};
use app::Caller;
use app::accounts::admin::{self, NewAccount};
use app::accounts::{self, SignedIn};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::ids::OwnerId;
use domain::tiers::Tier;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// A password nobody would guess; it may be seen nowhere.
pub const PASSWORD: &str = "brick-lantern-otter-92";

/// Somebody with a browser: what it keeps is sent along.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// As the header has it.
    pub fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// What one cookie holds.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Keeps, or forgets, a cookie.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.cookies.retain(|(known, _)| known != name);
        if let Some(value) = value {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    fn take(&mut self, reply: &Reply) {
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a name and a value");
            let gone = value.is_empty() || attributes.to_lowercase().contains("max-age=0");
            self.set(name.trim(), (!gone).then_some(value));
        }
    }

    /// Opens a page.
    pub async fn open(&mut self, house: &House, path: &str) -> Reply {
        let reply = house.get(path, &self.cookies()).await;
        self.take(&reply);
        reply
    }

    /// Opens a page and sends a form from it.
    pub async fn send(&mut self, house: &House, page: &str, action: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = form_token(&self.open(house, page).await);
        self.post(house, action, &csrf, fields).await
    }

    /// Sends a form with this token.
    pub async fn post(&mut self, house: &House, action: &str, csrf: &str, fields: &[(&str, &str)]) -> Reply {
        let mut body = format!("csrf={}", encoded(csrf));
        for (name, value) in fields {
            write!(body, "&{}={}", encoded(name), encoded(value)).expect("a string grows");
        }
        let request = Request::post(action)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html")
            .header("cookie", self.cookies());
        let reply = house.send(request.body(Body::from(body)).expect("a request")).await;
        self.take(&reply);
        reply
    }

    /// Makes an account and is signed in.
    pub async fn sign_up(house: &House, email: &str) -> Self {
        let mut browser = Self::default();
        browser.sign_up_here(house, email).await;
        browser
    }

    /// Makes an account in this browser.
    pub async fn sign_up_here(&mut self, house: &House, email: &str) {
        let reply = self.send(house, "/sign-up", "/sign-up", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        assert!(self.cookie("planner_session").is_some(), "nobody is signed in");
    }

    /// Makes an account, and opens the link that was sent.
    pub async fn member(house: &House, email: &str) -> Self {
        let mut browser = Self::sign_up(house, email).await;
        let link = house.link_to(email, "/verify/").await;
        let reply = browser.send(house, &link, &link, &[]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        browser
    }

    /// Signs in with a password.
    pub async fn sign_in(&mut self, house: &House, email: &str, password: &str) -> Reply {
        self.send(house, "/sign-in", "/sign-in", &[("email", email), ("password", password)]).await
    }
}

/// What a form carries that is made for whoever has these cookies.
pub fn form_token_for(house: &House, cookies: &str) -> String {
    let pairs: Vec<(&str, &str)> = cookies.split("; ").filter_map(|pair| pair.split_once('=')).collect();
    let of = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(name, value)| format!("{name} {value}"));
    app::sign(&house.app, "form", &of("planner_session").or_else(|| of("planner_guest")).unwrap_or_default())
}

/// Presses a button that is a form by itself.
pub async fn press(house: &House, action: &str, cookies: &str) -> Reply {
    let form = format!("csrf={}", form_token_for(house, cookies));
    let request = Request::post(action).header("cookie", cookies).header("accept", "text/html");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form));
    house.send(request.expect("a request")).await
}

/// What a page's forms carry.
pub fn form_token(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form on {}", page.body));
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string grows"),
        }
    }
    out
}

impl House {
    /// The cookie of a member of this tier, made the first time.
    pub async fn member(&self, email: &str, tier: Tier) -> String {
        let operator = Caller::operator(OwnerId::new());
        let new = NewAccount { email: email.into(), tier: Some(tier), role: None, password: Some(PASSWORD.into()) };
        match admin::add(&self.app, &operator, &new).await {
            Ok(_) | Err(app::Error::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        let from = accounts::From { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "a test".into() };
        match accounts::sign_in(&self.app, &from, email, PASSWORD).await.expect("signs in") {
            SignedIn::Done(session) => format!("planner_session={}", session.cookie),
            SignedIn::SecondStep(_) => panic!("no second factor was set up"),
        }
    }

    /// Every mail that was put into the outbox, oldest first.
    pub fn outbox(&self) -> Vec<String> {
        let folder = self.dir.path().join("outbox");
        let mut files: Vec<_> = std::fs::read_dir(&folder).into_iter().flatten().filter_map(|file| Some(file.ok()?.path())).collect();
        files.sort();
        files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "eml")).map(|file| read(file)).collect()
    }

    /// The path of the newest link of this kind that was sent to somebody.
    pub async fn link_to(&self, email: &str, kind: &str) -> String {
        for _ in 0..600 {
            let found = self.outbox().into_iter().rev().filter(|mail| mail.contains(&format!("To: {email}"))).find_map(|mail| {
                let (_, rest) = mail.split_once(kind)?;
                let secret: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                Some(format!("{kind}{secret}"))
            });
            if let Some(link) = found {
                return link;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no link {kind} was sent to {email}: {:?}", self.outbox());
    }
}

/// A mail as its reader has it: lines that were broken for the way are whole again.
fn read(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("a mail");
    text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}
