//! Journeys in headless Chromium against the running program: an idea becomes a plan on the page, and the team's pages on both screens.

mod staff;

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use testkit::Upstream;

/// A child process that ends with the test, and so do the children of its own: a driver whose test failed would leave its
/// browser behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Starts the planner over the upstream; its address once it is ready.
fn planner(dir: &TempDir, upstream: &Upstream) -> (Running, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_planner"))
        .args(["serve", "--port", "0"])
        .current_dir(dir.path())
        .env("PLANNER__SERVER__GENERATIONS_PER_HOUR", "1000")
        .env("GEMINI_API_KEY", "test")
        .env("GEMINI_BASE_URL", upstream.url())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    let line = lines.into_iter().find(|line| line.contains("is ready")).expect("it gets ready");
    let url = line.trim().rsplit(' ').next().expect("an address").to_owned();
    assert!(url.starts_with("http://"), "{line}");
    (Running(child), url)
}

/// A browser with the address of its driver.
async fn browser(profile: &TempDir) -> (Running, Client, String) {
    let port = free_port();
    let address = format!("http://127.0.0.1:{port}");
    let driver =
        Command::new("chromedriver").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
    let driver = Running(driver.expect("chromedriver is installed: run make test, which installs it"));
    let profile = format!("--user-data-dir={}", profile.path().display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,1000",
        &profile,
    ];
    let options = json!({"goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}});
    let options = options.as_object().expect("an object").clone();
    for _ in 0..100 {
        if let Ok(client) = ClientBuilder::rustls().expect("TLS").capabilities(options.clone()).connect(&address).await {
            return (driver, client, address);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("chromedriver does not answer");
}

/// The picture, where `PLANNER_SHOTS` says.
async fn picture(client: &Client, name: &str) {
    if let Ok(folder) = std::env::var("PLANNER_SHOTS") {
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(format!("{folder}/{name}.png"), client.screenshot().await.expect("a picture")).expect("written");
    }
}

/// Nothing may stick out to the right of a phone's screen.
async fn overflow(client: &Client) -> serde_json::Value {
    client.execute("return document.documentElement.scrollWidth - document.documentElement.clientWidth", vec![]).await.expect("a number")
}

/// Makes an account in the browser that made a plan as a guest: the plan is there, and the page says what is left to do.
async fn keep_it_with_an_account(client: &Client, url: &str) {
    client.goto(&format!("{url}/sign-up")).await.expect("the page");
    picture(client, "sign-up").await;
    for (field, text) in [("email", "ana@example.com"), ("password", "brick-lantern-otter-92")] {
        client.find(Locator::Css(&format!("main input[name={field}]"))).await.expect(field).send_keys(text).await.expect("typed");
    }
    client.find(Locator::Css("main form button.primary")).await.expect("the button").click().await.expect("sent");
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("header a[href='/account']")).await.expect("signed in");
    client.goto(&format!("{url}/ventures")).await.expect("the page");
    let page = client.source().await.expect("the page");
    assert!(page.contains("vegan leather hiking boots for women"), "the guest's plan is theirs: {page}");
    assert!(page.contains("Confirm your e-mail address"), "{page}");
    picture(client, "ventures").await;
    client.goto(&format!("{url}/account")).await.expect("the page");
    picture(client, "account").await;
}

#[tokio::test]
async fn an_idea_becomes_a_plan_in_the_browser() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (dir, profile, upstream) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"), Upstream::start().await);
    upstream.latency(Duration::from_millis(150));
    let (_planner, url) = planner(&dir, &upstream);
    let (_driver, client, _) = browser(&profile).await;

    client.goto(&url).await.expect("the landing page");
    picture(&client, "landing").await;
    client
        .find(Locator::Id("productIdea"))
        .await
        .expect("the field")
        .send_keys("vegan leather hiking boots for women")
        .await
        .expect("typed");
    client.find(Locator::Css("input[value=professional]")).await.expect("the voice").click().await.expect("chosen");
    client.find(Locator::Css("form.idea button.primary")).await.expect("the button").click().await.expect("sent");
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("plan-live[data-running]")).await.expect("a plan under way");
    client
        .wait()
        .at_most(Duration::from_secs(10))
        .for_element(Locator::Css(".section[data-state=ready]"))
        .await
        .expect("the first section, live");
    picture(&client, "writing").await;
    client
        .wait()
        .at_most(Duration::from_secs(30))
        .for_element(Locator::Css("plan-live:not([data-running])"))
        .await
        .expect("the finished plan");
    let ready = client.find_all(Locator::Css(".section[data-state=ready]")).await.expect("sections").len();
    assert_eq!(ready, 13);
    picture(&client, "plan").await;

    client.refresh().await.expect("reloaded");
    assert_eq!(client.find_all(Locator::Css(".section[data-state=ready]")).await.expect("sections").len(), 13, "a reload shows the same");
    keep_it_with_an_account(&client, &url).await;
    for page in ["/", "/examples", "/ventures", "/models", "/account", "/account/second-step"] {
        client.set_window_size(390, 844).await.expect("a phone");
        client.goto(&format!("{url}{page}")).await.expect("a page");
        assert_eq!(overflow(&client).await, 0, "{page} is wider than a phone");
        picture(&client, &format!("phone{}", page.replace('/', "-"))).await;
    }
    client.close().await.expect("the session ends");
}
