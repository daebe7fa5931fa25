//! Who may do what: every route and every use case, asked by every kind of caller, compared with the tables in `access/`.
//!
//! Routes are found in the source of the room `web`, use cases in that of `app`: one that is not in its table fails here.

mod routes;
mod use_cases;

use crate::house::House;
use crate::people::Browser;
use app::accounts::admin::{self, NewAccount};
use app::accounts::{self, From, SignedIn};
use app::{Caller, runs, ventures};
use domain::ids::{GenerationId, OwnerId, RunId, VentureId};
use domain::roles::Role;
use domain::tiers::Tier;
use domain::ventures::RawBrief;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The columns.
pub const KINDS: [&str; 15] = [
    "nobody",
    "guest",
    "free",
    "starter",
    "pro",
    "developer",
    "prompt-engineer",
    "tech-lead",
    "product-manager",
    "support-agent",
    "foreign",
    "token-read",
    "revoked",
    "expired",
    "unverified",
];

/// Somebody, and what the request they make is about.
pub struct Somebody {
    pub browser: Browser,
    /// Sent as `Authorization: Bearer` instead of cookies.
    pub bearer: Option<String>,
    pub caller: Caller,
    /// Whose venture it is, which is not always theirs.
    pub venture: VentureId,
    pub run: RunId,
    pub version: GenerationId,
    /// Another account, for what the team does with one.
    pub customer: OwnerId,
}

/// What a member signs in with.
const PASSWORD: &str = crate::people::PASSWORD;

fn operator() -> Caller {
    Caller::operator(OwnerId::new())
}

fn from() -> From {
    From { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "a test".into() }
}

/// Hundreds come from one address here.
pub fn roomy(config: &mut planner::config::Config) {
    config.accounts.mails_per_address = 1_000_000;
    config.accounts.sign_ins_per_address = 1_000_000;
    config.accounts.sign_ins_per_account = 1_000_000;
}

/// Somebody of this kind who has just come, with a finished venture to ask about.
pub async fn somebody(house: &House, kind: &'static str) -> Somebody {
    let app = &house.app;
    let customer =
        admin::add(app, &operator(), &NewAccount { email: address("customer"), ..NewAccount::default() }).await.expect("an account").owner;
    let (mut browser, mut bearer) = (Browser::default(), None);
    let role = Role::from_key(kind);
    let tier = Tier::from_key(kind).or(Some(Tier::Pro));
    let caller = match kind {
        "nobody" => Caller::guest(OwnerId::new()),
        "guest" => {
            let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            browser.set("planner_guest", Some(&format!("{token}.{}", app::sign(app, "guest", &token))));
            Caller::guest(crate::house::owner(&token))
        }
        "unverified" => {
            let guest = Caller::guest(OwnerId::new());
            let session = accounts::sign_up(app, &guest, &from(), &address("unverified"), PASSWORD).await.expect("signs up");
            browser.set("planner_session", Some(&session.cookie));
            session.caller
        }
        "token-read" | "revoked" => {
            let account = admin::add(app, &operator(), &new(kind, tier, None)).await.expect("an account");
            let made = admin::add_token(app, &operator(), account.owner, kind, &["read".into()], None).await.expect("a token");
            let caller = accounts::by_token(app, &made.secret).await.expect("a caller");
            if kind == "revoked" {
                let store = house.store().await;
                let tx = store.tenant(account.owner).await.expect("begins");
                assert!(tx.revoke_token(made.token.id, chrono::Utc::now()).await.expect("revokes"));
                tx.commit().await.expect("commits");
            }
            bearer = Some(made.secret);
            caller
        }
        "expired" => {
            // The cookie of a session that was ended.
            let caller = sign_in(house, &mut browser, kind, tier, role).await;
            accounts::sign_out(app, &caller).await.expect("signs out");
            caller
        }
        _ => sign_in(house, &mut browser, kind, tier, role).await,
    };
    let whose = if ["nobody", "foreign", "revoked", "expired"].contains(&kind) {
        Caller::operator(OwnerId::new())
    } else {
        Caller::operator(caller.owner)
    };
    let (venture, run, version) = furnish(house, &whose).await;
    if kind == "guest" {
        // Known from now on, as after their first form.
        let store = house.store().await;
        let tx = store.tenant(caller.owner).await.expect("begins");
        tx.keep_guest(chrono::Utc::now()).await.expect("kept");
        tx.commit().await.expect("commits");
    }
    Somebody { browser, bearer, caller, venture, run, version, customer }
}

async fn sign_in(house: &House, browser: &mut Browser, kind: &str, tier: Option<Tier>, role: Option<Role>) -> Caller {
    let account = admin::add(&house.app, &operator(), &new(kind, tier, role)).await.expect("an account");
    match accounts::sign_in(&house.app, &from(), account.email.as_str(), PASSWORD).await.expect("signs in") {
        SignedIn::Done(session) => {
            browser.set("planner_session", Some(&session.cookie));
            session.caller
        }
        SignedIn::SecondStep(_) => panic!("no second factor was set up"),
    }
}

fn address(kind: &str) -> String {
    format!("{kind}-{}@example.com", uuid::Uuid::new_v4().simple())
}

fn new(kind: &str, tier: Option<Tier>, role: Option<Role>) -> NewAccount {
    NewAccount { email: address(kind), tier, role, password: Some(PASSWORD.into()) }
}

/// A venture of theirs with one section made.
async fn furnish(house: &House, who: &Caller) -> (VentureId, RunId, GenerationId) {
    let app = &house.app;
    let raw = RawBrief { idea: "cork yoga mats".into(), ..RawBrief::default() };
    let venture = ventures::create(app, who, &raw, None).await.expect("a venture").id;
    let goals = runs::choose(app, &["smart-goals".into()]).expect("a section");
    let run = runs::start(app, who, venture, goals.clone(), None).await.expect("a run").id;
    let events = runs::follow(app, who, run, 0).await.expect("events");
    assert!(futures::StreamExt::count(events).await > 0);
    let versions = ventures::versions(app, who, venture, &goals[0], 1, None).await.expect("versions");
    (venture, run, versions[0].id)
}

/// Every `.rs` file below a folder of the workspace.
pub fn sources(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(std::fs::read_to_string(&path).expect("a file"));
            }
        }
    }
    found
}

/// Compares what was seen with the table; where they differ says how, and leaves what was seen beside the table.
pub fn compare(name: &str, seen: &[(String, Vec<String>)]) {
    let width = seen.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().zip(KINDS).map(|(cell, kind)| format!("{cell:<w$}", w = kind.len().max(9))).collect();
        format!("{name:<width$} | {}", cells.join(" ")).trim_end().to_owned()
    };
    let mut table = vec![line("", &KINDS.map(str::to_owned))];
    table.extend(seen.iter().map(|(name, cells)| line(name, cells)));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/access").join(name);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let kept: Vec<&str> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    let differences: Vec<String> = table.iter().filter(|line| !kept.contains(&line.as_str())).cloned().collect();
    let gone: Vec<&&str> = kept.iter().filter(|line| !table.iter().any(|seen| seen == **line)).collect();
    if differences.is_empty() && gone.is_empty() {
        return;
    }
    let new = path.with_extension("txt.new");
    std::fs::write(&new, table.join("\n") + "\n").expect("written");
    panic!(
        "{} is not what was seen (all of it is in {}):\nseen:\n{}\nin the table:\n{:#?}",
        path.display(),
        new.display(),
        differences.join("\n"),
        gone
    );
}
