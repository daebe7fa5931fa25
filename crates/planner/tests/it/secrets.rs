//! Secrets are planted wherever there can be some, everything is used, and then everything that was answered, logged and kept is
//! searched for them.

use crate::house::{House, KEY};
use crate::people::{Browser, PASSWORD};
use app::Caller;
use app::accounts::admin::{self, Change};
use axum::http::StatusCode;
use domain::ids::OwnerId;
use domain::roles::Role;
use domain::tiers::Tier;
use planner::config::{Config, Credentials};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;

const GOOGLE: &str = "planted-google-secret-4711";
const SUPABASE: &str = "planted-supabase-secret-4711-long-enough";
const SIGNING: &str = "planted-signing-secret-4711-long-enough";

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic meanwhile").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn plant(config: &mut Config) {
    config.keys.google = Some(Credentials { id: "us".into(), secret: GOOGLE.to_owned().into(), url: Some("http://127.0.0.1:9".into()) });
    config.keys.supabase_secret = Some(SUPABASE.to_owned().into());
    config.keys.signing = Some(SIGNING.to_owned().into());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_seen_anywhere() {
    let log = listen();
    nothing_is_seen(House::furnished(plant).await, log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_seen_anywhere_on_a_server() {
    let log = listen();
    nothing_is_seen(House::furnished_on_postgres(plant).await, log).await;
}

/// Hears everything that is logged in this process.
fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_env_filter(EnvFilter::new("debug")).with_writer(move || writer.clone()).with_ansi(false).init();
    log
}

async fn nothing_is_seen(house: House, log: Log) {
    let mut secrets = use_everything(&house).await;
    for planted in [KEY, GOOGLE, SUPABASE, SIGNING, PASSWORD] {
        secrets.push(("planted", planted.to_owned()));
    }
    for url in ["PLANNER_TEST_PG_APP", "PLANNER_TEST_PG_OWNER"] {
        let password = crate::databases::variable(url).split(':').nth(2).and_then(|rest| rest.split('@').next().map(str::to_owned));
        secrets.push(("password of the database", password.expect("a password")));
    }
    let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic meanwhile")).into_owned();
    assert!(logged.contains("signing in failed") && logged.contains("a token was refused"), "the log was not listened to");
    let kept = everything_kept(&house).await;
    for (what, secret) in &secrets {
        assert!(!logged.contains(secret), "{what} is in the log: {:?}", logged.lines().find(|line| line.contains(secret)));
        let answers = house.answers_with(secret);
        let allowed: &[&str] = match *what {
            // Shown once, to whom it belongs.
            "token" => &["POST /account/tokens"],
            "second factor" => &["GET /account/second-step", "POST /account/second-step"],
            // A mail that no server took is read on the team's page; the page it leads to names itself.
            "link" => &["GET /staff/mail/", "GET /verify/", "GET /reset/", "POST /reset/", "POST /verify/"],
            _ => &[],
        };
        let seen: Vec<&String> = answers.iter().filter(|asked| !allowed.iter().any(|known| asked.starts_with(known))).collect();
        assert!(seen.is_empty(), "{what} was answered to {seen:?}");
        for (table, rows) in &kept {
            let allowed = matches!((*what, table.as_str()), ("second factor", "accounts") | ("link", "mails"));
            assert!(allowed || !rows.contains(secret), "{what} is kept in {table}");
        }
    }
}

/// Uses everything that has to do with secrets, well and badly; the secrets that came up.
async fn use_everything(house: &House) -> Vec<(&'static str, String)> {
    let mut secrets = Vec::new();
    let operator = Caller::operator(OwnerId::new());
    let mut ana = Browser::member(house, "ana@example.com").await;
    let owner = admin::find(&house.app, &operator, "ana@example.com").await.expect("an account").owner;
    let change = Change { tier: Some(Tier::Pro), role: Some(Some(Role::TechLead)), ..Change::default() };
    admin::set(&house.app, &operator, owner, change).await.expect("a tech lead");
    let made = ana.send(house, "/", "/ventures", &[("productIdea", "cork yoga mats"), ("brandVoice", "professional")]).await;
    let path = made.header("location").to_owned();
    house.until_finished(&path, &ana.cookies()).await;
    secrets.push(("session", ana.cookie("planner_session").expect("signed in").to_owned()));
    let fields = [("name", "nightly"), ("scopes", "read"), ("scopes", "staff"), ("days", "30")];
    let page = ana.send(house, "/account", "/account/tokens", &fields).await;
    let (_, rest) = page.body.split_once("planner_").expect("the token is shown");
    let token: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let token = format!("planner_{token}");
    let good = house.function_by("generate-swot", &crate::house::new_idea(), ("authorization", &format!("Bearer {token}"))).await;
    assert_eq!(good.status, StatusCode::FORBIDDEN, "a token that may read does not write: {}", good.body);
    for bad in [format!("{token}0"), "planner_ffff".into(), format!("eyJhbGciOiJub25lIn0.{token}.x")] {
        let refused = house.function_by("generate-swot", &crate::house::new_idea(), ("authorization", &format!("Bearer {bad}"))).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
    }
    secrets.push(("token", token));
    let page = ana.open(house, "/account/second-step").await;
    let (_, rest) = page.body.split_once("data-secret=\"").expect("the secret is shown");
    secrets.push(("second factor", rest.split('"').next().expect("a secret").chars().filter(|c| !c.is_whitespace()).collect()));
    let mut other = Browser::default();
    other.sign_in(house, "ana@example.com", "planted-wrong-password").await;
    secrets.push(("wrong password", "planted-wrong-password".into()));
    other.send(house, "/reset", "/reset", &[("email", "ana@example.com")]).await;
    let link = house.link_to("ana@example.com", "/reset/").await;
    secrets.push(("link", link.rsplit('/').next().expect("a secret").to_owned()));
    other.open(house, &link).await;
    other.send(house, &link, &link, &[("password", "short")]).await;
    other.open(house, "/sign-in").await;
    for page in ["/account", "/staff", "/staff/members", "/staff/audit", "/staff/mail", "/staff/alerts", "/ventures", "/models", &path] {
        let shown = ana.open(house, page).await;
        assert_eq!(shown.status, StatusCode::OK, "{page}: {}", shown.body);
    }
    for asset in ["/assets/style.css", "/api/v1/openapi.json", "/statusz", "/healthz", "/readyz"] {
        ana.open(house, asset).await;
    }
    secrets
}

/// Every table as a copy has it.
async fn everything_kept(house: &House) -> BTreeMap<String, String> {
    let file = house.dir.path().join("copy.tar.gz");
    house.store().await.back_up(&file).await.expect("copies");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(&file).expect("a file")));
    let mut tables = BTreeMap::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        tables.insert(name.trim_end_matches(".jsonl").to_owned(), text);
    }
    assert!(tables.contains_key("spans") && tables.contains_key("accounts"), "{:?}", tables.keys());
    tables
}
