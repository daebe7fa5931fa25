//! The team's pages, with one of everything in them, on a phone and on a wide screen: nothing sticks out, nothing is reported to the
//! console, and whatever can be pressed can be reached by keyboard.

use super::{browser, overflow, picture, planner};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use testkit::Upstream;

const PASSWORD: &str = "brick-lantern-otter-92";

/// Somebody of the team, made on the command line.
fn member_of_the_team(dir: &TempDir, email: &str, role: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_planner"))
        .args(["admin", "user", "add", email, "--role", role, "--tier", "pro", "--password-stdin"])
        .env("GEMINI_API_KEY", "test")
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    writeln!(child.stdin.take().expect("piped"), "{PASSWORD}").expect("is read");
    assert!(child.wait().expect("ends").success());
}

/// A person at a browser.
struct Desk {
    client: Client,
    url: String,
    driver: String,
}

impl Desk {
    async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.url)).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    async fn write(&self, css: &str, text: &str) {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|_| panic!("no {css}")).send_keys(text).await.expect("typed");
    }

    /// Presses a button or a link, wherever on the page it is; what is folded up is unfolded first.
    async fn press(&self, css: &str) {
        let script = "const it = document.querySelector(arguments[0]); const shut = it.closest('details:not([open])');
            if (shut && !it.closest('summary')) shut.open = true; it.click()";
        self.client.execute(script, vec![json!(css)]).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    async fn wait_for(&self, css: &str) {
        let waiting = self.client.wait().at_most(Duration::from_mins(3)).for_element(Locator::Css(css)).await;
        if let Err(error) = waiting {
            panic!("no {css} ({error}): {}", self.client.source().await.unwrap_or_default());
        }
    }

    /// Waits until the address has this in it: a form was sent, and its answer is there.
    async fn lands_on(&self, part: &str) {
        for _ in 0..600 {
            if self.client.current_url().await.is_ok_and(|url| url.as_str().contains(part)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing led to {part}: {}", self.client.source().await.unwrap_or_default());
    }

    /// The first address on the page that begins so.
    async fn link(&self, begins: &str) -> String {
        let script = "return [...document.querySelectorAll('main a')].map(a => a.getAttribute('href')).find(a => a.startsWith(arguments[0]) && a.length > arguments[0].length) ?? ''";
        let found = self.client.execute(script, vec![json!(begins)]).await.expect("an answer");
        found.as_str().filter(|path| !path.is_empty()).unwrap_or_else(|| panic!("no link to {begins}")).to_owned()
    }

    async fn sign_in(&self, email: &str) {
        self.client.delete_all_cookies().await.expect("forgotten");
        self.open("/sign-in").await;
        self.write("main input[name=email]", email).await;
        self.write("main input[name=password]", PASSWORD).await;
        self.press("main form button.primary").await;
        self.wait_for("header a[href='/account']").await;
    }

    async fn driver(&self, path: &str, body: Value) -> Value {
        let session = self.client.session_id().await.expect("asked").expect("a session");
        let reply = reqwest::Client::new().post(format!("{}/session/{session}/{path}", self.driver)).json(&body).send().await;
        reply.expect("the driver answers").json::<Value>().await.expect("JSON")["value"].take()
    }

    /// Shows everything on a screen of this width.
    async fn screen(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.driver("goog/cdp/execute", json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size})).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver("goog/cdp/execute", json!({"cmd": "Emulation.setEmulatedMedia", "params": media})).await;
    }

    /// What the browser had to say about the pages since it was asked last, other than that all is well.
    async fn complaints(&self) -> Vec<String> {
        let log = self.driver("se/log", json!({"type": "browser"})).await;
        let all = log.as_array().cloned().unwrap_or_default();
        all.iter().filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING").map(ToString::to_string).collect()
    }

    /// What can be pressed and cannot be reached by keyboard.
    async fn out_of_reach(&self) -> Value {
        let script = "
            const all = [...document.querySelectorAll('main a[href], main button, main summary, main select, main textarea, main input:not([type=hidden])')];
            return all.filter(it => it.checkVisibility()).filter(it => { it.focus(); return document.activeElement !== it || it.tabIndex < 0; }).map(it => it.outerHTML.slice(0, 200));
        ";
        self.client.execute(script, vec![]).await.expect("an answer")
    }
}

/// A plan, so that there is something to review and to score.
async fn make_a_plan(desk: &Desk) {
    desk.open("/").await;
    desk.write("#productIdea", "vegan leather hiking boots for women").await;
    desk.press("form.idea button.primary").await;
    desk.wait_for("plan-live:not([data-running])").await;
}

/// A change to a template, reviewed by somebody else and evaluated; its address.
async fn make_a_proposal(desk: &Desk) -> String {
    desk.sign_in("engineer@example.com").await;
    desk.open("/staff/prompts/proposals/new?template=swot").await;
    desk.write("#title", "Name what a founder can do about each weakness").await;
    desk.write("#why", "Reviewers found weaknesses without a way out in half of what they read.").await;
    desk.press("form.writing button.primary").await;
    desk.lands_on("done=begun").await;
    let path = desk.client.current_url().await.expect("an address").path().to_owned();
    desk.press("form[action$='/submit'] button").await;
    desk.lands_on("done=submit").await;
    desk.sign_in("lead@example.com").await;
    desk.open(&path).await;
    desk.write("#text", "Reads well. Approved.").await;
    desk.press("button[formaction$='/approve']").await;
    desk.lands_on("done=approve").await;
    desk.press("form[action$='/evaluate'] button").await;
    desk.lands_on("done=evaluate").await;
    path
}

async fn review_one(desk: &Desk) -> String {
    desk.open("/staff/reviews").await;
    let path = desk.link("/staff/reviews/").await;
    desk.open(&path).await;
    let focused = desk.client.execute("return document.activeElement.tagName", vec![]).await.expect("an answer");
    assert_eq!(focused, "BODY", "what is to be read comes before any point can be given");
    desk.press("a[href^='#correctness-']").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let keys = "for (const key of ['7', '8', '9', 't', '6']) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        return [...document.querySelectorAll('review-keys :checked')].map(it => it.value).join(' ')";
    let given = desk.client.execute(keys, vec![]).await.expect("an answer");
    assert_eq!(given, "7 8 9 10 6", "a digit gives that many points, and the next row is next");
    desk.press("review-keys button[type=submit]").await;
    desk.wait_for("#said").await;
    path
}

async fn decide(desk: &Desk) {
    let finding = desk.link("/staff/decisions?").await;
    desk.open(&finding).await;
    desk.write("#found", "Goals name no dates in half of what was reviewed.").await;
    desk.write("#decision", "The next version asks for a date in each goal.").await;
    desk.press("#new form button").await;
    desk.wait_for(".log").await;
}

async fn try_out(desk: &Desk) {
    desk.open("/staff/playground?template=swot").await;
    desk.press("form.long-form button.primary").await;
    desk.wait_for("#answer-title").await;
}

#[tokio::test]
async fn the_teams_pages_fit_both_screens_and_every_hand() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (dir, profile, upstream) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"), Upstream::start().await);
    member_of_the_team(&dir, "lead@example.com", "tech-lead");
    member_of_the_team(&dir, "engineer@example.com", "prompt-engineer");
    let (_planner, url) = planner(&dir, &upstream);
    let (_driver, client, driver) = browser(&profile).await;
    let desk = Desk { client, url, driver };
    let proposal = make_a_proposal(&desk).await;
    make_a_plan(&desk).await;
    desk.open("/staff/evals").await;
    let running = desk.link("/staff/evals/").await;
    let review = review_one(&desk).await;
    decide(&desk).await;
    desk.open(&running).await;
    desk.wait_for("main:not(:has(eval-live))").await;
    desk.open("/staff/evals").await;
    for _ in 0..600 {
        if !desk.client.source().await.expect("the page").contains(">running<") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        desk.client.refresh().await.expect("reloaded");
    }
    let compared = desk.link("/staff/evals/compare").await;
    desk.open(&running).await;
    desk.press("eval-cases summary").await;
    desk.wait_for("eval-cases .texts pre").await;
    let case = desk.link(&format!("{running}/cases/")).await;
    let pages = [
        ("overview", "/staff"),
        ("library", "/staff/prompts"),
        ("template", "/staff/prompts/swot"),
        ("versions", "/staff/prompts/smart-goals?from=1.0.0&to=1.0.0"),
        ("proposals", "/staff/prompts/proposals"),
        ("proposal", &proposal),
        ("edit", "/staff/prompts/proposals/new?template=swot"),
        ("playground", "/staff/playground"),
        ("evals", "/staff/evals"),
        ("eval", &running),
        ("case", &case),
        ("compare", &compared),
        ("reviews", "/staff/reviews"),
        ("review", &review),
        ("quality", "/staff/quality"),
        ("decisions", "/staff/decisions"),
        ("releases", "/staff/releases"),
        ("release", "/staff/releases/1.0.0"),
    ];
    for (screen, width, height, scheme) in [("phone", 390, 844, "light"), ("wide", 1280, 900, "dark")] {
        desk.screen(width, height, scheme).await;
        try_out(&desk).await;
        picture(&desk.client, &format!("{screen}-tried-out")).await;
        assert_eq!(overflow(&desk.client).await, 0, "what was tried out is wider than a {screen}");
        for (name, page) in pages {
            desk.open(page).await;
            assert_eq!(overflow(&desk.client).await, 0, "{page} is wider than a {screen}");
            picture(&desk.client, &format!("{screen}-{name}")).await;
            assert_eq!(desk.out_of_reach().await, json!([]), "{page} on a {screen}");
            assert_eq!(desk.complaints().await, Vec::<String>::new(), "{page} on a {screen}");
        }
    }
    desk.client.close().await.expect("the session ends");
}
