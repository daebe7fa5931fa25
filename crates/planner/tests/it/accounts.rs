//! Accounts, as people meet them: in a browser without scripts, by mail, and with what they get wrong.

use crate::house::House;
use crate::people::{Browser, PASSWORD};
use app::accounts::admin;
use axum::http::StatusCode;
use sha2::Digest as _;

on_both! {
    a_guest_keeps_the_venture_when_they_sign_up,
    somebody_signs_up_confirms_leaves_and_comes_back,
    a_forgotten_password_is_set_anew_and_every_session_ends,
    a_new_address_is_theirs_once_they_open_the_link,
    sessions_are_listed_and_ended,
    what_is_wrong_is_said_and_nothing_happens,
    a_second_factor_is_asked_for_and_no_code_works_twice,
    their_data_comes_as_one_file_and_goes_for_good,
    who_leaves_is_forgotten_with_everything,
    guesses_inside_a_session_are_limited_too,
}

async fn a_guest_keeps_the_venture_when_they_sign_up(house: House) {
    let mut ana = Browser::default();
    let fields = [("productIdea", "vegan leather hiking boots"), ("brandVoice", "professional")];
    let made = ana.send(&house, "/", "/ventures", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let venture = made.header("location").to_owned();
    // The first is free of everything; the second needs an account.
    let second = ana.send(&house, "/", "/ventures", &fields).await;
    assert_eq!(second.status, StatusCode::FORBIDDEN);
    assert!(second.body.contains("sign up"), "{}", second.body);
    let as_guest = ana.clone();
    ana.sign_up_here(&house, "ana@example.com").await;
    assert_eq!(ana.open(&house, &venture).await.status, StatusCode::OK);
    // The cookie of before opens nothing any more: whoever finds it in the browser has no account.
    assert_eq!(as_guest.clone().open(&house, &venture).await.status, StatusCode::NOT_FOUND);
    // Unconfirmed, there is still room for one only.
    let second = ana.send(&house, "/", "/ventures", &fields).await;
    assert_eq!(second.status, StatusCode::FORBIDDEN);
    assert!(second.body.contains("Confirm your e-mail address"), "{}", second.body);
    let link = house.link_to("ana@example.com", "/verify/").await;
    // A mail scanner opens links: that changes nothing.
    assert_eq!(Browser::default().open(&house, &link).await.status, StatusCode::OK);
    assert_eq!(ana.send(&house, &link, &link, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ana.send(&house, "/", "/ventures", &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ana.open(&house, &link).await.status, StatusCode::NOT_FOUND, "a link works once");
}

async fn somebody_signs_up_confirms_leaves_and_comes_back(house: House) {
    let mut bo = Browser::member(&house, "bo@example.com").await;
    assert!(bo.open(&house, "/account").await.body.contains("bo@example.com"));
    let cookie = bo.cookie("planner_session").expect("signed in").to_owned();
    assert_eq!(bo.send(&house, "/account", "/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bo.cookie("planner_session"), None);
    let mut thief = Browser::default();
    thief.set("planner_session", Some(&cookie));
    let shown = thief.open(&house, "/account").await;
    assert_eq!((shown.status, shown.header("location").starts_with("/sign-in")), (StatusCode::SEE_OTHER, true));
    let wrong = bo.sign_in(&house, "bo@example.com", "not-the-password-77").await;
    let unknown = bo.sign_in(&house, "nobody@example.com", PASSWORD).await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
    let without = |text: &str, email: &str| text.replace(email, "");
    assert_eq!(without(&wrong.body, "bo@example.com"), without(&unknown.body, "nobody@example.com"), "nobody learns who has an account");
    // Spelt in another way it is the same address.
    assert_eq!(bo.sign_in(&house, "BO@Example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bo.open(&house, "/account").await.status, StatusCode::OK);
}

async fn a_forgotten_password_is_set_anew_and_every_session_ends(house: House) {
    let mut cy = Browser::member(&house, "cy@example.com").await;
    let mut elsewhere = Browser::default();
    let known = elsewhere.send(&house, "/reset", "/reset", &[("email", "cy@example.com")]).await;
    let unknown = elsewhere.send(&house, "/reset", "/reset", &[("email", "nobody@example.com")]).await;
    assert_eq!(known.status, unknown.status);
    assert_eq!(known.body.replace("cy@", ""), unknown.body.replace("nobody@", ""), "nobody learns who has an account");
    let link = house.link_to("cy@example.com", "/reset/").await;
    let weak = elsewhere.send(&house, &link, &link, &[("password", "password123")]).await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(weak.body.contains("too easy to guess"), "{}", weak.body);
    let new = "tinsel harbour quiet mango";
    assert_eq!(elsewhere.send(&house, &link, &link, &[("password", new)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(cy.open(&house, "/account").await.status, StatusCode::SEE_OTHER, "the session is over");
    assert_eq!(elsewhere.open(&house, &link).await.status, StatusCode::NOT_FOUND, "a link works once");
    assert_eq!(elsewhere.sign_in(&house, "cy@example.com", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(elsewhere.sign_in(&house, "cy@example.com", new).await.status, StatusCode::SEE_OTHER);
}

async fn a_new_address_is_theirs_once_they_open_the_link(house: House) {
    let mut di = Browser::member(&house, "di@example.com").await;
    let fields = [("email", "di@example.org"), ("currentPassword", PASSWORD)];
    assert_eq!(di.send(&house, "/account", "/account/email", &fields).await.status, StatusCode::SEE_OTHER);
    assert!(di.open(&house, "/account").await.body.contains("di@example.com"));
    let link = house.link_to("di@example.org", "/email/").await;
    assert_eq!(di.send(&house, &link, &link, &[]).await.status, StatusCode::SEE_OTHER);
    assert!(di.open(&house, "/account").await.body.contains("di@example.org"));
    let mut again = Browser::default();
    assert_eq!(again.sign_in(&house, "di@example.com", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(again.sign_in(&house, "di@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let wrong = di.send(
        &house,
        "/account",
        "/account/password",
        &[("currentPassword", "not it at all"), ("password", "quiet mango tinsel harbour")],
    );
    assert_eq!(wrong.await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right =
        di.send(&house, "/account", "/account/password", &[("currentPassword", PASSWORD), ("password", "quiet mango tinsel harbour")]);
    assert_eq!(right.await.status, StatusCode::SEE_OTHER);
    assert_eq!(again.open(&house, "/account").await.status, StatusCode::SEE_OTHER, "other sessions end");
    assert_eq!(di.open(&house, "/account").await.status, StatusCode::OK, "this one goes on");
}

async fn sessions_are_listed_and_ended(house: House) {
    let mut ed = Browser::member(&house, "ed@example.com").await;
    let mut phone = Browser::default();
    phone.sign_in(&house, "ed@example.com", PASSWORD).await;
    assert_eq!(phone.open(&house, "/account").await.status, StatusCode::OK);
    assert_eq!(ed.send(&house, "/account", "/account/sessions/end-others", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(phone.open(&house, "/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ed.open(&house, "/account").await.status, StatusCode::OK);
}

async fn what_is_wrong_is_said_and_nothing_happens(house: House) {
    let mut eve = Browser::default();
    let faults = eve.send(&house, "/sign-up", "/sign-up", &[("email", "eve"), ("password", "short")]).await;
    assert_eq!(faults.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(faults.body.contains("has no @") && faults.body.contains("shorter than"), "every fault at once: {}", faults.body);
    assert!(!faults.body.contains("value=\"short\""), "a password comes back to nobody");
    // A field that is not of the form, whoever it would promote.
    for extra in ["tier", "role", "verified"] {
        let fields = [("email", "eve@example.com"), ("password", PASSWORD), (extra, "pro")];
        let refused = eve.send(&house, "/sign-up", "/sign-up", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{extra}");
        assert!(refused.body.contains(extra), "{}", refused.body);
    }
    // A form made for somebody else, and one without a token.
    eve.sign_up_here(&house, "eve@example.com").await;
    let mut bob = Browser::member(&house, "bob@example.com").await;
    let theirs = crate::people::form_token(&bob.open(&house, "/account").await);
    for token in ["", "0000", theirs.as_str()] {
        let refused = eve.post(&house, "/account/sessions/end-others", token, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{token}");
    }
    // The address is taken, also in another spelling.
    let taken = Browser::default().send(&house, "/sign-up", "/sign-up", &[("email", "Bob@Example.com"), ("password", PASSWORD)]).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Guesses are limited for an account, and the right password does not help any more.
    let mut mallory = Browser::default();
    let mut limited = false;
    for guess in 0..40 {
        let tried = mallory.sign_in(&house, "bob@example.com", &format!("guess number {guess}")).await;
        limited = tried.status == StatusCode::TOO_MANY_REQUESTS;
        if limited {
            assert!(!tried.header("retry-after").is_empty());
            break;
        }
    }
    assert!(limited, "guesses are not limited");
    assert_eq!(mallory.sign_in(&house, "bob@example.com", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Forged cookies open nothing.
    let mut forged = Browser::default();
    forged.set("planner_session", Some(&"a".repeat(64)));
    assert_eq!(forged.open(&house, "/account").await.status, StatusCode::SEE_OTHER);
    let mut guest = Browser::default();
    guest.set("planner_guest", Some(&format!("{}.{}", "ab".repeat(32), "cd".repeat(32))));
    assert!(guest.open(&house, "/ventures").await.body.contains("none in this browser"));
}

async fn a_second_factor_is_asked_for_and_no_code_works_twice(house: House) {
    let mut flo = Browser::member(&house, "flo@example.com").await;
    let page = flo.open(&house, "/account/second-step").await;
    let (_, rest) = page.body.split_once("data-secret=\"").expect("the secret is shown");
    let secret: String = rest.split('"').next().expect("a secret").chars().filter(|c| !c.is_whitespace()).collect();
    let wrong = flo.send(&house, "/account/second-step", "/account/second-step", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let first = code(&secret, 0);
    let on = flo.send(&house, "/account/second-step", "/account/second-step", &[("code", &first)]).await;
    assert_eq!(on.status, StatusCode::SEE_OTHER, "{}", on.body);
    let mut phone = Browser::default();
    let asked = phone.sign_in(&house, "flo@example.com", PASSWORD).await;
    assert_eq!(asked.header("location"), "/sign-in/second-step");
    assert_eq!(phone.cookie("planner_session"), None, "half-way in is not in");
    assert_eq!(phone.open(&house, "/account").await.status, StatusCode::SEE_OTHER);
    let used = phone.send(&house, "/sign-in/second-step", "/sign-in/second-step", &[("code", &first)]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "a code works once");
    let second = code(&secret, 1);
    let right = phone.send(&house, "/sign-in/second-step", "/sign-in/second-step", &[("code", &second)]).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{}", right.body);
    assert_eq!(phone.open(&house, "/account").await.status, StatusCode::OK);
}

/// The code of so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).expect("base32");
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().expect("a generator");
    let at = chrono::Utc::now().timestamp() + steps * 30;
    totp.generate(u64::try_from(at).expect("now")).to_string()
}

async fn their_data_comes_as_one_file_and_goes_for_good(house: House) {
    let mut gil = Browser::member(&house, "gil@example.com").await;
    crate::quotas::raise(&house, "gil@example.com", domain::tiers::Tier::Pro).await;
    let made = gil.send(&house, "/", "/ventures", &[("productIdea", "cork yoga mats"), ("brandVoice", "professional")]).await;
    let path = made.header("location").to_owned();
    house.until_finished(&path, &gil.cookies()).await;
    assert_eq!(gil.send(&house, "/account", "/account/archive", &[]).await.status, StatusCode::SEE_OTHER);
    let mut file = Vec::new();
    for _ in 0..600 {
        let reply = house.bytes("/account/archive.zip", &gil.cookies()).await;
        if reply.0 == StatusCode::OK {
            file = reply.1;
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file)).expect("a ZIP");
    let names: Vec<String> = (0..zip.len()).map(|at| zip.by_index(at).expect("a file").name().expect("a name").to_string()).collect();
    assert!(names.iter().any(|name| name == "account.json") && names.iter().any(|name| name.ends_with("plan.md")), "{names:?}");
    let mut about = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("account.json").expect("is there"), &mut about).expect("reads");
    assert!(about.contains("gil@example.com") && !about.contains("argon2"), "{about}");
    let wrong = gil.send(&house, "/account", "/account/delete", &[("currentPassword", "not it at all")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(gil.send(&house, "/account", "/account/delete", &[("currentPassword", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    assert!(gil.open(&house, "/account").await.body.contains("will be deleted"));
    let refused = gil.send(&house, "/", "/ventures", &[("productIdea", "cork yoga blocks"), ("brandVoice", "professional")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(gil.send(&house, "/account", "/account/keep", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!gil.open(&house, "/account").await.body.contains("will be deleted"));
}

/// After the time of grace nothing is left but sums: no row, no file, no way in.
async fn who_leaves_is_forgotten_with_everything(house: House) {
    let mut hal = Browser::member(&house, "hal@example.com").await;
    let made = hal.send(&house, "/", "/ventures", &[("productIdea", "beeswax wraps"), ("brandVoice", "professional")]).await;
    let path = made.header("location").to_owned();
    assert_eq!(hal.open(&house, &path).await.status, StatusCode::OK);
    assert_eq!(hal.send(&house, "/account", "/account/delete", &[("currentPassword", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    assert!(house.outbox().iter().any(|mail| mail.contains("hal@example.com")));
    let (store, now) = (house.store().await, chrono::Utc::now());
    let owner = store.account_by_email(&domain::accounts::Email::parse("hal@example.com").expect("an address")).await.expect("reads");
    let owner = owner.expect("an account").owner;
    let tx = store.tenant(owner).await.expect("begins");
    tx.set_leaving(Some(now - chrono::TimeDelta::days(8))).await.expect("kept");
    tx.commit().await.expect("commits");
    let tidy = domain::jobs::NewJob {
        kind: "tidy",
        owner: None,
        unique_key: "a story".into(),
        payload: serde_json::json!({}),
        priority: domain::jobs::Priority::Program,
        run_at: now,
        now,
        head: None,
    };
    store.enqueue_own(&tidy).await.expect("in line");
    for _ in 0..600 {
        if store.account_of(owner).await.expect("reads").is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(store.account_of(owner).await.expect("reads"), None, "the account is gone");
    assert!(!house.outbox().iter().any(|mail| mail.contains("hal@example.com")), "their mail is gone");
    assert_eq!(hal.open(&house, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(hal.open(&house, "/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(hal.sign_in(&house, "hal@example.com", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(store.tenant_read(owner).await.expect("begins").ventures(9, None).await.expect("reads").is_empty());
}

async fn guesses_inside_a_session_are_limited_too(house: House) {
    let mut ida = Browser::member(&house, "ida@example.com").await;
    let mut last = StatusCode::OK;
    for guess in 0..30 {
        let fields = [("currentPassword", format!("guess number {guess}")), ("password", "tinsel harbour quiet mango".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        last = ida.send(&house, "/account", "/account/password", &fields).await.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

/// Behind TLS the team has to show a second factor, in a browser and of whoever made a token.
#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_team_shows_a_second_factor() {
    let house = House::furnished(|config| config.server.secure = true).await;
    let operator = app::Caller::operator(domain::ids::OwnerId::new());
    let mut lea = Browser::member(&house, "lea@example.com").await;
    let owner = admin::find(&house.app, &operator, "lea@example.com").await.expect("an account").owner;
    let lead = admin::Change { role: Some(Some(domain::roles::Role::TechLead)), ..admin::Change::default() };
    admin::set(&house.app, &operator, owner, lead).await.expect("a tech lead");
    assert_eq!(lea.open(&house, "/staff/audit").await.status, StatusCode::FORBIDDEN);
    let refused = lea.send(&house, "/account", "/account/tokens", &[("name", "x"), ("scopes", "staff"), ("days", "30")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    // The operator can make one, and it opens nothing as long as its owner has no second factor.
    let token = admin::add_token(&house.app, &operator, owner, "x", &["staff".into()], None).await.expect("a token").secret;
    let by_token = |token: String| {
        let request = axum::http::Request::get("/api/v1/audit").header("authorization", format!("Bearer {token}"));
        house.send(request.body(axum::body::Body::empty()).expect("a request"))
    };
    assert_eq!(by_token(token.clone()).await.status, StatusCode::FORBIDDEN);
    let page = lea.open(&house, "/account/second-step").await;
    let (_, rest) = page.body.split_once("data-secret=\"").expect("the secret is shown");
    let secret: String = rest.split('"').next().expect("a secret").chars().filter(|c| !c.is_whitespace()).collect();
    let on = lea.send(&house, "/account/second-step", "/account/second-step", &[("code", &code(&secret, 0))]).await;
    assert_eq!(on.status, StatusCode::SEE_OTHER, "{}", on.body);
    assert_eq!(lea.open(&house, "/staff/audit").await.status, StatusCode::OK);
    assert_eq!(by_token(token.clone()).await.status, StatusCode::OK);
    let none = admin::Change { role: Some(None), ..admin::Change::default() };
    admin::set(&house.app, &operator, owner, none).await.expect("no role");
    assert_eq!(by_token(token).await.status, StatusCode::UNAUTHORIZED, "who loses the role loses the tokens that use it");
}

/// A token and a session that have had their time open nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_opens_nothing() {
    let house = House::open().await;
    let operator = app::Caller::operator(domain::ids::OwnerId::new());
    let mut kim = Browser::member(&house, "kim@example.com").await;
    let owner = admin::find(&house.app, &operator, "kim@example.com").await.expect("an account").owner;
    let (store, now) = (house.store().await, chrono::Utc::now());
    let hash = |secret: &str| hex(&sha2::Sha256::digest(secret.as_bytes()));
    let (cookie, secret, past) = ("c".repeat(64), format!("planner_{}", "d".repeat(64)), now - chrono::TimeDelta::seconds(1));
    let tx = store.tenant(owner).await.expect("begins");
    let session = domain::accounts::Session {
        id: domain::ids::SessionId::new(),
        owner,
        hash: hash(&cookie),
        second_factor: false,
        created: now - chrono::TimeDelta::days(31),
        seen: past,
        expires: past,
        address: String::new(),
        agent: String::new(),
    };
    tx.insert_session(&session).await.expect("kept");
    let token = domain::accounts::ApiToken {
        id: domain::ids::TokenId::new(),
        owner,
        name: "old".into(),
        scopes: vec![domain::accounts::Scope::Read],
        created: session.created,
        expires: Some(past),
        used: None,
        revoked: None,
    };
    tx.insert_token(&token, &hash(&secret)).await.expect("kept");
    tx.commit().await.expect("commits");
    kim.set("planner_session", Some(&cookie));
    assert!(kim.open(&house, "/account").await.header("location").starts_with("/sign-in"));
    let reply = house.function_by("generate-swot", &crate::house::new_idea(), ("authorization", &format!("Bearer {secret}"))).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.body.contains("expired"), "{}", reply.body);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string grows");
        text
    })
}
