//! Every use case, asked by everybody who can be told apart without a browser.

use super::{KINDS, Somebody, compare, from, somebody, sources};
use crate::house::{self, House};
use app::accounts::{self, admin};
use app::generations::{self, Order};
use app::playground::{self, Try};
use app::proposals::{self, Wanted};
use app::{App, Caller, audit, decisions, evals, gates, mails, quotas, releases, reviews, runs, scores, ventures};
use domain::decisions::RawDecision;
use domain::ids::{AlertId, EvalId, MailId, ProposalId, SessionId, TokenId};
use domain::roles::Environment;
use domain::rubric::Scorer;
use domain::sections::SectionName;
use domain::ventures::{Brief, RawBrief};
use futures::future::BoxFuture;
use std::collections::BTreeSet;

/// A release that is nowhere.
const NONE: semver::Version = semver::Version::new(9, 9, 9);

/// Use cases that change nothing, so that the same people can ask for all of them.
const LOOKING: [&str; 55] = [
    "accounts::addresses",
    "accounts::alerts",
    "accounts::archive",
    "accounts::customer",
    "accounts::find",
    "accounts::list",
    "accounts::sessions",
    "accounts::team",
    "accounts::tokens",
    "audit::search",
    "decisions::export",
    "decisions::list",
    "evals::case",
    "evals::get",
    "evals::list",
    "evals::listed",
    "evals::page_of_cases",
    "evals::sheet",
    "evals::standing",
    "gates::of_proposal",
    "gates::of_release",
    "generations::get",
    "mails::list",
    "prompts::compare",
    "prompts::get",
    "prompts::list",
    "proposals::as_release",
    "proposals::changes",
    "proposals::draft",
    "proposals::export",
    "proposals::get",
    "proposals::list",
    "proposals::open",
    "proposals::places",
    "proposals::preview",
    "proposals::revision",
    "proposals::with_file",
    "quotas::forecast",
    "quotas::standing",
    "releases::files",
    "releases::history",
    "releases::named",
    "releases::overview",
    "releases::rolled_back",
    "releases::whole",
    "reviews::queue",
    "runs::follow",
    "runs::is_told",
    "runs::list",
    "runs::see",
    "scores::figures",
    "ventures::export",
    "ventures::list",
    "ventures::plan",
    "ventures::versions",
];

type Asked<'a> = BoxFuture<'a, app::Result<()>>;

/// A use case by name, and how it is asked.
macro_rules! use_cases {
    ($($name:literal => |$app:ident, $who:ident, $about:ident| $ask:expr),+ $(,)?) => {
        fn all() -> Vec<(&'static str, for<'a> fn(&'a App, &'a Caller, &'a Somebody) -> Asked<'a>)> {
            vec![$(($name, |$app, $who, $about| Box::pin(async move { let _ = $about; $ask.await.map(drop) }))),+]
        }
    };
}

use_cases! {
    "accounts::acknowledge" => |app, who, about| admin::acknowledge(app, who, AlertId::new()),
    "accounts::add" => |app, who, about| admin::add(app, who, &super::new("added", None, None)),
    "accounts::add_token" => |app, who, about| admin::add_token(app, who, about.customer, "x", &["read".into()], None),
    "accounts::addresses" => |app, who, about| addresses(app, who, about),
    "accounts::alerts" => |app, who, about| admin::alerts(app, who, 1, None),
    "accounts::archive" => |app, who, about| accounts::archive(app, who),
    "accounts::archive_content" => |app, who, about| accounts::archive_content(app, who),
    "accounts::change_email" => |app, who, about| accounts::change_email(app, who, super::PASSWORD, "other@example.org"),
    "accounts::change_password" => |app, who, about| accounts::change_password(app, who, super::PASSWORD, "tinsel harbour quiet mango"),
    "accounts::confirm_second_factor" => |app, who, about| accounts::confirm_second_factor(app, who, "000000"),
    "accounts::create_token" => |app, who, about| accounts::create_token(app, who, "x", &["read".into()], None),
    "accounts::customer" => |app, who, about| admin::customer(app, who, about.customer),
    "accounts::end_other_sessions" => |app, who, about| accounts::end_other_sessions(app, who),
    "accounts::end_session" => |app, who, about| accounts::end_session(app, who, SessionId::new()),
    "accounts::enrol" => |app, who, about| accounts::enrol(app, who),
    "accounts::find" => |app, who, about| admin::find(app, who, "nobody@example.com"),
    "accounts::finish_with" => |app, who, about| finish(app, who),
    "accounts::keep_account" => |app, who, about| accounts::keep_account(app, who),
    "accounts::leave" => |app, who, about| accounts::leave(app, who, super::PASSWORD),
    "accounts::lift_limit" => |app, who, about| admin::lift_limit(app, who, about.customer, "a known workshop of theirs"),
    "accounts::list" => |app, who, about| admin::list(app, who, "", 1, None),
    "accounts::remove_second_factor" => |app, who, about| accounts::remove_second_factor(app, who, super::PASSWORD, "000000"),
    "accounts::request_archive" => |app, who, about| accounts::request_archive(app, who),
    "accounts::revoke_token" => |app, who, about| accounts::revoke_token(app, who, TokenId::new()),
    "accounts::send_verification" => |app, who, about| accounts::send_verification(app, who),
    "accounts::sessions" => |app, who, about| accounts::sessions(app, who),
    "accounts::set" => |app, who, about| admin::set(app, who, about.customer, admin::Change::default()),
    "accounts::sign_out" => |app, who, about| accounts::sign_out(app, who),
    "accounts::sign_up" => |app, who, about| sign_up(app, who),
    "accounts::team" => |app, who, about| accounts::team(app, who),
    "accounts::tokens" => |app, who, about| accounts::tokens(app, who),
    "audit::search" => |app, who, about| audit::search(app, who, &audit::AuditSearch::default(), 1, None),
    "decisions::add" => |app, who, about| decisions::add(app, who, &finding()),
    "decisions::export" => |app, who, about| decisions::export(app, who),
    "decisions::list" => |app, who, about| decisions::list(app, who, 1, None),
    "evals::ask_for_proposal" => |app, who, about| evals::ask_for_proposal(app, who, ProposalId::new()),
    "evals::ask_for_release" => |app, who, about| evals::ask_for_release(app, who, "9.9.9"),
    "evals::case" => |app, who, about| evals::case(app, who, EvalId::new(), 0),
    "evals::compare_kept" => |app, who, about| evals::compare_kept(app, who, EvalId::new(), EvalId::new()),
    "evals::get" => |app, who, about| evals::get(app, who, EvalId::new()),
    "evals::list" => |app, who, about| evals::list(app, who, None, 1, None),
    "evals::listed" => |app, who, about| evals::listed(app, who, 1, None),
    "evals::page_of_cases" => |app, who, about| evals::page_of_cases(app, who, EvalId::new(), evals::CasesOf::default(), (1, None)),
    "evals::sheet" => |app, who, about| evals::sheet(app, who, EvalId::new()),
    "evals::standing" => |app, who, about| evals::standing(app, who, EvalId::new()),
    "evals::stop" => |app, who, about| evals::stop(app, who, EvalId::new()),
    "gates::of_proposal" => |app, who, about| gates::of_proposal(app, who, ProposalId::new()),
    "gates::of_release" => |app, who, about| gates::of_release(app, who, &NONE),
    "generations::generate_for_caller" => |app, who, about| generate(app, who),
    "generations::get" => |app, who, about| generations::get(app, who, about.version),
    "mails::get" => |app, who, about| mails::get(app, who, MailId::new()),
    "mails::list" => |app, who, about| mails::list(app, who, 1, None),
    "prompts::compare" => |app, who, about| app::prompts::compare(app, who, "swot", ("1.0.0", "1.0.0")),
    "prompts::get" => |app, who, about| app::prompts::get(app, who, "swot", None),
    "prompts::list" => |app, who, about| app::prompts::list(app, who),
    "playground::choices" => |app, who, about| playground::choices(app, who, "smart-goals"),
    "playground::save_case" => |app, who, about| playground::save_case(app, who, &Try::default(), "a case"),
    "playground::try_out" => |app, who, about| playground::try_out(app, who, &Try::default()),
    "proposals::accept" => |app, who, about| proposals::accept(app, who, ProposalId::new(), 1, ""),
    "proposals::approve" => |app, who, about| proposals::approve(app, who, ProposalId::new(), 1, ""),
    "proposals::as_release" => |app, who, about| proposals::as_release(app, who, ProposalId::new()),
    "proposals::begin" => |app, who, about| nothing_proposed(app, who),
    "proposals::begin_again" => |app, who, about| proposals::begin_again(app, who, ProposalId::new()),
    "proposals::begin_once" => |app, who, about| once(app, who),
    "proposals::changes" => |app, who, about| proposals::changes(app, who, ProposalId::new()),
    "proposals::comment" => |app, who, about| proposals::comment(app, who, ProposalId::new(), "Good."),
    "proposals::draft" => |app, who, about| proposals::draft(app, who, "swot"),
    "proposals::export" => |app, who, about| proposals::export(app, who, ProposalId::new()),
    "proposals::get" => |app, who, about| proposals::get(app, who, ProposalId::new()),
    "proposals::list" => |app, who, about| proposals::list(app, who, 1, None),
    "proposals::move_to" => |app, who, about| proposals::move_to(app, who, ProposalId::new(), 1, &NONE),
    "proposals::open" => |app, who, about| proposals::open(app, who),
    "proposals::places" => |app, who, about| proposals::places(app, who),
    "proposals::preview" => |app, who, about| proposals::preview(app, who, &[], None),
    "proposals::reject" => |app, who, about| proposals::reject(app, who, ProposalId::new(), 1, "No."),
    "proposals::request_changes" => |app, who, about| proposals::request_changes(app, who, ProposalId::new(), 1, "No."),
    "proposals::revision" => |app, who, about| proposals::revision(app, who, ProposalId::new(), 1),
    "proposals::save" => |app, who, about| nothing_saved(app, who),
    "proposals::submit" => |app, who, about| proposals::submit(app, who, ProposalId::new()),
    "proposals::with_file" => |app, who, about| proposals::with_file(app, who, Wanted::default(), "swot.yaml"),
    "proposals::withdraw" => |app, who, about| proposals::withdraw(app, who, ProposalId::new()),
    "quotas::forecast" => |app, who, about| quotas::forecast(app, who, 13),
    "quotas::standing" => |app, who, about| quotas::standing(app, who),
    "releases::deploy" => |app, who, about| releases::deploy(app, who, &NONE, Environment::Staging, None),
    "releases::deploy_once" => |app, who, about| releases::deploy_once(app, who, (&NONE, Environment::Staging), None, None),
    "releases::files" => |app, who, about| releases::files(app, who, "9.9.9"),
    "releases::history" => |app, who, about| releases::history(app, who, Environment::Staging, 1, None),
    "releases::named" => |app, who, about| releases::named(app, who, "9.9.9"),
    "releases::overview" => |app, who, about| releases::overview(app, who),
    "releases::promote" => |app, who, about| releases::promote(app, who, ProposalId::new(), None),
    "releases::roll_back" => |app, who, about| releases::roll_back(app, who, Environment::Production, &releases::Back::default(), "it answers worse"),
    "releases::roll_back_once" => |app, who, about| releases::roll_back_once(app, who, (Environment::Production, &releases::Back::default()), "it answers worse", None),
    "releases::rolled_back" => |app, who, about| releases::rolled_back(app, who, Environment::Production, &releases::Back::default()),
    "releases::stage" => |app, who, about| releases::stage(app, who, ProposalId::new(), None),
    "releases::whole" => |app, who, about| releases::whole(app, who, &semver::Version::new(1, 0, 0)),
    "reviews::open" => |app, who, about| reviews::open(app, who, domain::ids::GenerationId::new(), &[]),
    "reviews::queue" => |app, who, about| reviews::queue(app, who, None),
    "reviews::score" => |app, who, about| reviews::score(app, who, domain::ids::GenerationId::new(), &[], &[]),
    "runs::cancel" => |app, who, about| runs::cancel(app, who, about.run),
    "runs::cancel_latest" => |app, who, about| runs::cancel_latest(app, who, about.venture),
    "runs::follow" => |app, who, about| follow(app, who, about),
    "runs::is_told" => |app, who, about| runs::is_told(app, who, about.run, 0),
    "runs::list" => |app, who, about| runs::list(app, who, about.venture, 1, None),
    "runs::see" => |app, who, about| runs::see(app, who, about.run),
    "runs::start" => |app, who, about| runs::start(app, who, about.venture, vec![goals()], None),
    "runs::start_new" => |app, who, about| runs::start_new(app, who, brief()),
    "runs::watch" => |app, who, about| watch(app, who, about),
    "scores::figures" => |app, who, about| scores::figures(app, who, figures()),
    "ventures::archive" => |app, who, about| ventures::archive(app, who, about.venture, true),
    "ventures::complete" => |app, who, about| ventures::complete(app, who, about.venture),
    "ventures::create" => |app, who, about| create(app, who),
    "ventures::export" => |app, who, about| ventures::export(app, who, about.venture, "md"),
    "ventures::get" => |app, who, about| ventures::get(app, who, about.venture),
    "ventures::list" => |app, who, about| ventures::list(app, who, 1, None),
    "ventures::plan" => |app, who, about| ventures::plan(app, who, about.venture),
    "ventures::restore" => |app, who, about| restore(app, who, about),
    "ventures::versions" => |app, who, about| versions(app, who, about),
}

async fn nothing_proposed(app: &App, who: &Caller) -> app::Result<()> {
    proposals::begin(app, who, &Wanted::default()).await.map(drop)
}

async fn once(app: &App, who: &Caller) -> app::Result<()> {
    proposals::begin_once(app, who, &Wanted::default(), None).await.map(drop)
}

async fn nothing_saved(app: &App, who: &Caller) -> app::Result<()> {
    proposals::save(app, who, ProposalId::new(), 1, &Wanted::default()).await.map(drop)
}

fn finding() -> RawDecision {
    let (found, decision) = ("Goals name no dates.".into(), "The next version asks for one.".into());
    RawDecision { found, decision, section: "smart-goals".into(), ..RawDecision::default() }
}

fn figures() -> scores::Asked {
    scores::Asked { days: 7, by: scores::Grouping::Section, scorer: Scorer::Automatic }
}

fn goals() -> SectionName {
    SectionName::parse("smart-goals").expect("a name")
}

fn raw() -> RawBrief {
    RawBrief { idea: "cork yoga blocks".into(), ..RawBrief::default() }
}

fn brief() -> Brief {
    Brief::parse(&raw()).expect("a brief")
}

async fn create(app: &App, who: &Caller) -> app::Result<()> {
    ventures::create(app, who, &raw(), None).await.map(drop)
}

async fn restore(app: &App, who: &Caller, about: &Somebody) -> app::Result<()> {
    ventures::restore(app, who, about.venture, &goals(), about.version).await.map(drop)
}

async fn versions(app: &App, who: &Caller, about: &Somebody) -> app::Result<()> {
    ventures::versions(app, who, about.venture, &goals(), 1, None).await.map(drop)
}

async fn follow(app: &App, who: &Caller, about: &Somebody) -> app::Result<()> {
    runs::follow(app, who, about.run, 0).await.map(drop)
}

async fn watch(app: &App, who: &Caller, about: &Somebody) -> app::Result<()> {
    runs::watch(app, who, about.run, 0).await.map(drop)
}

async fn sign_up(app: &App, who: &Caller) -> app::Result<()> {
    accounts::sign_up(app, who, &from(), &super::address("new"), super::PASSWORD).await.map(drop)
}

async fn finish(app: &App, who: &Caller) -> app::Result<()> {
    let provider = integrations::sign_in::Provider::Google;
    let pending = accounts::Pending { nonce: "n".into(), pkce_verifier: "v".repeat(43) };
    accounts::finish_with(app, who, &from(), provider, "code", &pending).await.map(drop)
}

async fn addresses(app: &App, who: &Caller, about: &Somebody) -> app::Result<()> {
    admin::addresses(app, who, &std::collections::BTreeSet::from([about.customer])).await.map(drop)
}

async fn generate(app: &App, who: &Caller) -> app::Result<()> {
    let brief = Brief::parse(&RawBrief { idea: house::new_idea()["productIdea"].as_str().unwrap_or_default().into(), ..raw() });
    let order = Order {
        section: goals(),
        brief: brief.expect("a brief"),
        venture: None,
        run: None,
        lease: None,
        earlier: serde_json::Map::new(),
        feedback: Vec::new(),
        seed: 1,
        key: None,
        fresh: false,
        reserved: None,
    };
    generations::generate_for_caller(app, who, order).await.map(drop)
}

/// Every use case that somebody asks for, as the source has them.
fn known() -> BTreeSet<String> {
    let function = regex::Regex::new(r"(?s)\npub async fn (\w+)\(([^{]*?)\{").expect("a pattern");
    let header = regex::Regex::new(r"^//! ([^\n]*)").expect("a pattern");
    let mut found = BTreeSet::new();
    for source in sources("app/src") {
        let _ = header.captures(&source);
        for function in function.captures_iter(&source).filter(|function| function[2].contains("who: &Caller")) {
            found.insert(function[1].to_owned());
        }
    }
    found
}

#[test]
fn every_use_case_is_asked() {
    let asked: BTreeSet<String> = all().iter().filter_map(|(name, _)| name.split("::").nth(1).map(str::to_owned)).collect();
    // `generate` is what `generate_for_caller` and runs call; nobody else can.
    let missing: Vec<String> = known().into_iter().filter(|name| !asked.contains(name) && name != "generate").collect();
    assert!(missing.is_empty(), "use cases that nobody asked: {missing:?}");
}

async fn every_use_case(house: House) -> Vec<(String, Vec<String>)> {
    let mut lookers = Vec::new();
    for kind in KINDS {
        lookers.push(somebody(&house, kind).await);
    }
    let mut seen = Vec::new();
    for (name, ask) in all() {
        let mut cells = Vec::new();
        let looks = LOOKING.contains(&name);
        for (kind, looker) in KINDS.into_iter().zip(&lookers) {
            // A session or token that has ended makes nobody a caller.
            if ["revoked", "expired"].contains(&kind) {
                cells.push("-".to_owned());
                continue;
            }
            let fresh = if looks { None } else { Some(somebody(&house, kind).await) };
            let who = fresh.as_ref().unwrap_or(looker);
            cells.push(verdict(ask(&house.app, &who.caller, who).await));
        }
        seen.push((name.to_owned(), cells));
    }
    seen
}

fn verdict(result: app::Result<()>) -> String {
    use app::Error;
    match result {
        Ok(()) => "yes",
        Err(Error::NotFound(_)) => "not-found",
        Err(Error::NotSignedIn(_) | Error::TokenRefused(_)) => "sign-in",
        Err(Error::Forbidden(_) | Error::SecondFactor) => "no",
        Err(Error::TooMuch { .. }) => "too-much",
        Err(Error::Invalid(_)) => "invalid",
        Err(Error::Conflict { .. }) => "conflict",
        Err(Error::NoModel { .. }) => "away",
        Err(other) => panic!("{other:?}"),
    }
    .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_use_cases_is_true() {
    compare("use_cases.txt", &every_use_case(House::furnished(super::roomy).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_use_cases_is_true_on_postgres() {
    compare("use_cases.txt", &every_use_case(House::furnished_on_postgres(super::roomy).await).await);
}
