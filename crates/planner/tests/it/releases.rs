//! The life of a change to the prompts, from a proposal to a settled release, by the five roles; what keeps it back, and the way back.

use crate::house::{House, new_idea};
use crate::people::PASSWORD;
use app::accounts::admin::{self, NewAccount};
use app::accounts::{self, SignedIn};
use app::jobs::{What, Workers};
use app::proposals::{self, Wanted};
use app::releases::{self, Back};
use app::{App, Caller, Error, audit, evals, gates};
use domain::alerts::Alert;
use domain::evals::{Eval, Progress};
use domain::ids::{DeploymentId, OwnerId, ProposalId};
use domain::proposals::{Proposal, ProposedFile};
use domain::releases::{Deployment, Move, Released};
use domain::roles::Environment::{Production, Staging};
use domain::roles::Role;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use store::AuditSearch;
use testkit::Fault;

/// Somebody with a role, signed in.
pub async fn somebody(house: &House, role: Role, name: &str) -> Caller {
    let operator = Caller::operator(OwnerId::new());
    let email = format!("{name}@example.org");
    let new = NewAccount { email: email.clone(), tier: None, role: Some(role), password: Some(PASSWORD.into()) };
    admin::add(&house.app, &operator, &new).await.expect("an account");
    let from = accounts::From { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "a test".into() };
    match accounts::sign_in(&house.app, &from, &email, PASSWORD).await.expect("signs in") {
        SignedIn::Done(session) => session.caller,
        SignedIn::SecondStep(_) => panic!("no second factor was set up"),
    }
}

pub struct Team {
    pub developer: Caller,
    pub engineer: Caller,
    pub lead: Caller,
    pub manager: Caller,
    pub agent: Caller,
}

impl Team {
    pub async fn of(house: &House) -> Self {
        Self {
            developer: somebody(house, Role::Developer, "developer").await,
            engineer: somebody(house, Role::PromptEngineer, "engineer").await,
            lead: somebody(house, Role::TechLead, "lead").await,
            manager: somebody(house, Role::ProductManager, "manager").await,
            agent: somebody(house, Role::SupportAgent, "agent").await,
        }
    }
}

/// The template of a section as it is in use, as another version, with one more rule.
pub fn changed(house: &House, section: &str, version: &str, rule: &str) -> ProposedFile {
    let (library, release) = (house.app.library(), house.app.release());
    let name = domain::sections::SectionName::parse(section).expect("a name");
    let text = library.source(release.template(&name).expect("a template")).expect("its text").to_owned();
    let text = text.replacen("  Rules:\n", &format!("  Rules:\n  - {rule}\n"), 1);
    assert!(text.contains(rule), "the template has no rules to add to");
    let files = [ProposedFile { path: format!("v1.0.0/{section}.yaml"), text }];
    proposals::rewritten(&files, &version.parse().expect("a version")).remove(0)
}

pub fn wanted(file: ProposedFile) -> Wanted {
    Wanted { title: "Another rule".into(), why: "It reads better.".into(), files: vec![file], ..Wanted::default() }
}

async fn ended(house: &House, who: &Caller, eval: &Eval) -> Eval {
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        let now = evals::get(&house.app, who, eval.id).await.expect("is there");
        if now.progress != Progress::Running {
            return now;
        }
        assert!(Instant::now() < deadline, "the eval does not end: {now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Evaluates a proposal and what is deployed.
async fn evaluated(house: &House, who: &Caller, id: ProposalId) -> Eval {
    let eval = evals::ask_for_proposal(&house.app, who, id).await.expect("is asked for");
    for other in evals::list(&house.app, who, None, 9, None).await.expect("reads") {
        ended(house, who, &other).await;
    }
    ended(house, who, &eval.eval).await
}

/// A proposal that somebody has approved.
pub async fn approved(house: &House, team: &Team, file: ProposedFile) -> Proposal {
    let app = &house.app;
    let begun = proposals::begin(app, &team.developer, &wanted(file)).await.expect("is begun");
    proposals::submit(app, &team.developer, begun.id).await.expect("is submitted");
    proposals::approve(app, &team.engineer, begun.id, 1, "Good.").await.expect("is approved")
}

/// What the functions answer a question with that nobody asked before.
pub async fn served(house: &House) -> String {
    house.function("generate-swot", &new_idea()).await.header("x-prompt-version").to_owned()
}

pub fn forbidden<T: std::fmt::Debug>(result: Result<T, Error>) {
    let Err(error) = result else { panic!("{result:?}") };
    assert!(matches!(error, Error::Forbidden(_)), "{error:?}");
}

pub fn conflict<T: std::fmt::Debug>(result: Result<T, Error>, says: &str) {
    let Err(Error::Conflict { reason, .. }) = result else { panic!("{result:?}") };
    assert!(reason.contains(says), "{reason}");
}

async fn the_whole_life_by_five_roles(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let file = changed(&house, "swot", "1.1.0", "Name the season in which it sells best.");
    // Who may not edit proposes nothing; who may not view sees nothing.
    forbidden(proposals::begin(app, &team.manager, &wanted(file.clone())).await);
    forbidden(proposals::list(app, &team.agent, 9, None).await);
    let begun = proposals::begin(app, &team.developer, &wanted(file)).await.expect("is begun");
    let id = begun.id;
    proposals::submit(app, &team.developer, id).await.expect("is submitted");
    // Whoever has to act is told, of what is still so when the mail is written.
    told(&house, "engineer", "In review").await;
    // Nobody reviews their own, and a developer reviews nobody's.
    forbidden(proposals::approve(app, &team.developer, id, 1, "").await);
    proposals::request_changes(app, &team.engineer, id, 1, "Say which season.").await.expect("is sent back");
    told(&house, "developer", "Changes requested").await;
    let better = changed(&house, "swot", "1.1.0", "Name the quarter of the year in which it sells best.");
    let saved = proposals::save(app, &team.developer, id, 1, &wanted(better)).await.expect("is mended");
    assert_eq!((saved.revision, saved.state.key()), (2, "draft"));
    proposals::submit(app, &team.developer, id).await.expect("is submitted");
    conflict(proposals::approve(app, &team.engineer, id, 1, "").await, "revision 2");
    proposals::approve(app, &team.engineer, id, 2, "Better.").await.expect("is approved");
    // Without an eval the gate is shut.
    conflict(releases::stage(app, &team.engineer, id, None).await, "no finished eval");
    let eval = evaluated(&house, &team.developer, id).await;
    assert_eq!(eval.progress, Progress::Finished, "{:?}", eval.reason);
    told(&house, "engineer", "Its eval has ended").await;
    let answer = gates::of_proposal(app, &team.manager, id).await.expect("is asked");
    assert!(answer.gate.is_open(), "{:#?}\n{:#?}", answer.gate, eval.total);
    forbidden(releases::stage(app, &team.developer, id, None).await);
    let staged = releases::stage(app, &team.engineer, id, None).await.expect("is staged");
    assert_eq!((staged.kind, staged.eval), (Move::Deploy, Some(eval.id)));
    assert_eq!(served(&house).await, "1.0.0", "production has what it had");
    told(&house, "manager", "In staging").await;
    // Nobody takes to production what nobody has tried, and only a lead does.
    let version = begun.version.clone();
    conflict(releases::deploy(app, &team.lead, &version, Production, None).await, "accepts it");
    proposals::accept(app, &team.manager, id, 2, "Tried it with boots.").await.expect("is accepted");
    told(&house, "lead", "Accepted").await;
    forbidden(releases::deploy(app, &team.engineer, &version, Production, None).await);
    releases::deploy(app, &team.lead, &version, Production, None).await.expect("is deployed");
    assert_eq!(served(&house).await, "1.1.0");
    let whole = proposals::get(app, &team.manager, id).await.expect("reads");
    assert_eq!(whole.proposal.state.key(), "live");
    let said: Vec<_> = whole.comments.iter().map(|comment| comment.step.as_deref().unwrap_or("")).collect();
    assert_eq!(said, ["changes-requested", "approved", "accepted"]);
    // Every step is in the log.
    let log = audit::search(app, &team.lead, &AuditSearch::default(), 200, None).await.expect("reads");
    for action in [
        "proposal.begun",
        "proposal.edited",
        "proposal.approved",
        "proposal.staged",
        "proposal.accepted",
        "proposal.live",
        "release.deployed",
    ] {
        assert!(log.iter().any(|entry| entry.action == action), "{action} is not in the log");
    }
}

pub async fn told(house: &House, name: &str, state: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !house.outbox().iter().any(|mail| mail.contains(&format!("To: {name}@")) && mail.contains(state)) {
        assert!(Instant::now() < deadline, "{name} was not told \"{state}\"");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_shut_gate_is_passed_by_a_lead_with_a_reason_only(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let proposal = approved(&house, &team, changed(&house, "swot", "1.1.0", "Be brief.")).await;
    // Every swot that is made by the new prompt has placeholders in it.
    house.upstream.when(|call| call.prompt.contains("Be brief.").then_some(Fault::Placeholder));
    let eval = evaluated(&house, &team.developer, proposal.id).await;
    assert!(eval.total.passed < eval.total.tests, "{:?}", eval.total);
    let shut = releases::stage(app, &team.lead, proposal.id, None).await;
    conflict(shut, "swot");
    forbidden(releases::stage(app, &team.engineer, proposal.id, Some("we need it today")).await);
    let staged = releases::stage(app, &team.lead, proposal.id, Some("we need it today")).await.expect("is set aside");
    assert_eq!((staged.kind, staged.reason.as_deref()), (Move::Override, Some("we need it today")));
    let overrides = AuditSearch { action: Some("release.gate-overridden".into()), ..AuditSearch::default() };
    let log = audit::search(app, &team.lead, &overrides, 9, None).await.expect("reads");
    assert_eq!(log[0].reason.as_deref(), Some("we need it today"));
}

/// The models that answer members count, and not those of whoever happens to ask the gate.
async fn the_gate_asks_for_the_models_that_serve(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let proposal = approved(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    let own = gates::of_proposal(app, &team.manager, proposal.id).await.expect("is asked");
    assert!(own.gate.checks[0].detail.contains("of the process that decides"), "{}", own.gate.checks[0].detail);
    evaluated(&house, &team.developer, proposal.id).await;
    let first = gates::of_proposal(app, &team.manager, proposal.id).await.expect("is asked").gate;
    assert!(first.is_open() && first.checks[0].detail.starts_with("evaluated once, with"), "{first:?}");
    // Who tries it again and again is seen to.
    evaluated(&house, &team.developer, proposal.id).await;
    let again = gates::of_proposal(app, &team.manager, proposal.id).await.expect("is asked").gate;
    assert!(again.checks[0].detail.starts_with("evaluated 2 times, the last counts; with"), "{again:?}");
    // Staging is served by another process, with one model more.
    let mut fast = app.models(prompts::ModelClass::Fast);
    fast.push("gemini:gemini-3.6-flash".into());
    let staging = house.other(|config| {
        config.prompts.environment = "staging".into();
        config.models.fast = fast;
    });
    let staging = staging.await;
    staging.begin_serving().await.expect("is written down");
    let answer = gates::of_proposal(app, &team.manager, proposal.id).await.expect("is asked");
    assert_ne!(answer.candidate.models, own.candidate.models);
    conflict(releases::stage(app, &team.engineer, proposal.id, None).await, "which serve staging");
    // An eval of both is asked for, and each process does the one it has the models for.
    let begun = evals::ask_for_proposal(app, &team.developer, proposal.id).await.expect("is begun");
    assert_eq!(begun.eval.subject.models, answer.candidate.models);
    assert!(begun.also.iter().all(|eval| eval.subject.models == own.candidate.models) && !begun.also.is_empty(), "{:?}", begun.also);
    staging.start_workers(Workers { most: 4, what: What::Evals, lease: Duration::from_secs(12) });
    for eval in std::iter::once(&begun.eval).chain(&begun.baseline).chain(&begun.also) {
        let done = ended(&house, &team.developer, eval).await;
        assert_eq!(done.progress, Progress::Finished, "{:?}", done.reason);
    }
    releases::stage(app, &team.engineer, proposal.id, None).await.expect("is staged");
    // Before production stand those of production.
    let both = gates::of_release(app, &team.manager, &proposal.version).await.expect("is asked");
    let models: Vec<_> = both.iter().map(|answer| (answer.models.environment, answer.candidate.models.clone())).collect();
    assert_eq!(models, [(Staging, answer.candidate.models), (Production, own.candidate.models)]);
    staging.shut_down().await;
}

async fn two_people_edit_one_proposal(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let begun = proposals::begin(app, &team.developer, &wanted(changed(&house, "swot", "1.1.0", "One."))).await.expect("is begun");
    let theirs = changed(&house, "swot", "1.1.0", "Two.");
    proposals::save(app, &team.engineer, begun.id, 1, &wanted(theirs.clone())).await.expect("is saved");
    conflict(proposals::save(app, &team.developer, begun.id, 1, &wanted(changed(&house, "swot", "1.1.0", "Three."))).await, "revision 2");
    assert_eq!(proposals::get(app, &team.developer, begun.id).await.expect("reads").files, [theirs]);
    // Two that become the same version: the second has to move.
    let other = approved(&house, &team, changed(&house, "brand-kit", "1.1.0", "Four.")).await;
    proposals::submit(app, &team.developer, begun.id).await.expect("is submitted");
    proposals::approve(app, &team.lead, begun.id, 2, "").await.expect("is approved");
    releases::stage(app, &team.lead, other.id, Some("the first of the two")).await.expect("is staged");
    let late = releases::stage(app, &team.lead, begun.id, Some("the second of the two")).await;
    assert!(matches!(&late, Err(Error::Invalid(faults)) if faults.to_string().contains("1.1.0")), "{late:?}");
    let moved = proposals::move_to(app, &team.developer, begun.id, 2, &"1.2.0".parse().expect("a version")).await.expect("is moved");
    assert_eq!((moved.version.to_string().as_str(), moved.state.key()), ("1.2.0", "draft"), "it has to be reviewed again");
}

async fn what_cannot_become_a_release_is_refused_whole(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let good = changed(&house, "swot", "1.1.0", "One.");
    let with = |text: String| wanted(ProposedFile { text, ..good.clone() });
    let unbounded = good.text.replacen("maxItems: ", "x-max: ", 1);
    let beside_tests = |text: &str| {
        let tests = ProposedFile { path: "tests/swot.yaml".into(), text: text.into() };
        Wanted { files: vec![good.clone(), tests], ..with(good.text.clone()) }
    };
    let breaking = good.text.replace("strengths", "virtues");
    let broken = [
        (with(good.text.replace("systemPrompt: |", "systemPrompt: [")), "line"),
        (with(format!("{}\nnonsense: 1\n", good.text)), "nonsense"),
        (with(good.text.replace("name: swot", "name: other")), "other"),
        (with(good.text.replace("dependsOn: [", "dependsOn: [swot, ")), "circle"),
        (with(unbounded), "maxItems"),
        (with(breaking), "major"),
        (wanted(ProposedFile { path: "../etc/passwd.yaml".into(), ..good.clone() }), "place"),
        (wanted(ProposedFile { path: "v1.0.0/swot.yaml".into(), text: good.text.replace("1.1.0", "1.0.0") }), "above"),
        (Wanted { files: Vec::new(), ..with(String::new()) }, "no template"),
        (beside_tests("[{vars: {x: 'file:///etc/passwd'}}]"), "another file"),
        (beside_tests("['file:///etc/hosts']"), "another file"),
        (Wanted { title: String::new(), ..with(good.text.clone()) }, "title"),
    ];
    for (wanted, says) in broken {
        let refused = proposals::begin(app, &team.developer, &wanted).await;
        let Err(Error::Invalid(faults)) = refused else { panic!("{says}: {refused:?}") };
        assert!(faults.to_string().contains(says), "{says}: {faults}");
    }
    assert!(proposals::list(app, &team.developer, 9, None).await.expect("reads").is_empty(), "nothing is kept half");
}

/// Under load, in two processes: no request that begins a second after the rollback is answered by what was rolled back.
async fn a_rollback_holds_everywhere_within_a_second(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let proposal = approved(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    releases::stage(app, &team.lead, proposal.id, Some("for the test")).await.expect("is staged");
    proposals::accept(app, &team.manager, proposal.id, 1, "").await.expect("is accepted");
    releases::deploy(app, &team.lead, &proposal.version, Production, Some("for the test")).await.expect("is deployed");
    let mut other = House::open().await;
    other.router = house.replica().await;
    house.upstream.latency(Duration::from_millis(20));
    let (mut before, mut after) = (0, 0);
    let load = async |house: &House, rolled_back: &std::sync::OnceLock<Instant>| {
        let mut seen = Vec::new();
        loop {
            let asked = Instant::now();
            let version = served(house).await;
            let late = rolled_back.get().map(|at| asked.saturating_duration_since(*at));
            seen.push((late, version));
            if late.is_some_and(|late| late > Duration::from_secs(2)) {
                return seen;
            }
        }
    };
    let rolled_back = std::sync::OnceLock::new();
    let roll_back = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        // A support agent and a prompt engineer cannot.
        forbidden(releases::roll_back(app, &team.engineer, Production, &Back::default(), "it answers worse than before").await);
        let done = releases::roll_back(app, &team.lead, Production, &Back::default(), "it answers worse than before")
            .await
            .expect("is rolled back");
        rolled_back.set(Instant::now()).expect("once");
        assert_eq!((done.kind, done.version.to_string().as_str()), (Move::Rollback, "1.0.0"));
    };
    let (here, there, ()) = tokio::join!(load(&house, &rolled_back), load(&other, &rolled_back), roll_back);
    for (late, version) in here.into_iter().chain(there) {
        match late {
            Some(late) if late >= Duration::from_secs(1) => {
                after += 1;
                assert_eq!(version, "1.0.0", "{late:?} after the rollback");
            }
            None => {
                before += usize::from(version == "1.1.0");
            }
            Some(_) => {}
        }
    }
    assert!(before > 0 && after > 0, "{before} before, {after} after");
    assert_eq!(proposals::get(app, &team.lead, proposal.id).await.expect("reads").proposal.state.key(), "rolled-back");
    conflict(releases::roll_back(app, &team.lead, Production, &Back::default(), "once more, please").await, "no other release");
    let again = proposals::begin_again(app, &team.developer, proposal.id).await.expect("begins anew");
    assert_eq!(again.version.to_string(), "1.2.0");
}

/// A proposal that is in staging, its gate set aside.
async fn staged(house: &House, team: &Team, file: ProposedFile) -> Proposal {
    let proposal = approved(house, team, file).await;
    releases::stage(&house.app, &team.lead, proposal.id, Some("for the test")).await.expect("is staged");
    proposal
}

async fn accepted(house: &House, team: &Team, file: ProposedFile) -> Proposal {
    let proposal = staged(house, team, file).await;
    proposals::accept(&house.app, &team.manager, proposal.id, 1, "").await.expect("is accepted")
}

pub async fn live(house: &House, team: &Team, file: ProposedFile) -> Proposal {
    let proposal = accepted(house, team, file).await;
    promoted(house, team, &proposal).await.expect("is deployed");
    proposal
}

async fn promoted(house: &House, team: &Team, proposal: &Proposal) -> app::Result<Deployment> {
    releases::promote(&house.app, &team.lead, proposal.id, Some("for the test")).await
}

/// The version of a section that a release has.
async fn has(app: &App, who: &Caller, release: &str, section: &str) -> String {
    let (_, release) = releases::named(app, who, release).await.expect("is there");
    release.template(&domain::sections::SectionName::parse(section).expect("a name")).expect("is in it").version.to_string()
}

pub async fn state(house: &House, who: &Caller, id: ProposalId) -> &'static str {
    proposals::get(&house.app, who, id).await.expect("reads").proposal.state.key()
}

async fn points_at(app: &App, who: &Caller) -> [String; 2] {
    let overview = releases::overview(app, who).await.expect("reads");
    [0, 1].map(|at| overview.environments[at].version.to_string())
}

async fn what_was_not_kept_comes_in_with_nothing_later(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    // One is sent back, one is taken back, and one nobody has decided on yet.
    let sent_back = staged(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    assert_eq!(points_at(app, &team.lead).await, ["1.1.0", "1.0.0"]);
    proposals::reject(app, &team.manager, sent_back.id, 1, "It invents figures.").await.expect("is sent back");
    assert_eq!(points_at(app, &team.lead).await, ["1.0.0", "1.0.0"], "staging has what it had");
    let taken_back = live(&house, &team, changed(&house, "brand-kit", "1.2.0", "Two.")).await;
    assert_eq!(has(app, &team.lead, "1.2.0", "swot").await, "1.0.0", "what was sent back is not in it");
    releases::roll_back(app, &team.lead, Production, &Back::default(), "members get empty answers").await.expect("is rolled back");
    assert_eq!(state(&house, &team.lead, taken_back.id).await, "rolled-back");
    let open = staged(&house, &team, changed(&house, "smart-goals", "1.3.0", "Three.")).await;
    let last = accepted(&house, &team, changed(&house, "product-plan", "1.4.0", "Four.")).await;
    for (section, version) in [("swot", "1.0.0"), ("brand-kit", "1.0.0"), ("smart-goals", "1.0.0"), ("product-plan", "1.4.0")] {
        assert_eq!(has(app, &team.lead, "1.4.0", section).await, version, "{section}");
    }
    promoted(&house, &team, &last).await.expect("is deployed");
    assert_eq!(points_at(app, &team.lead).await, ["1.4.0", "1.4.0"]);
    // What was tried in staging before is not there any more: nobody accepts it unseen.
    conflict(proposals::accept(app, &team.manager, open.id, 1, "").await, "staging serves 1.4.0");
}

async fn what_was_made_over_another_release_undoes_nothing(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let first = accepted(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    let second = accepted(&house, &team, changed(&house, "brand-kit", "1.2.0", "Two.")).await;
    promoted(&house, &team, &second).await.expect("is deployed");
    conflict(promoted(&house, &team, &first).await, "1.1.0 is below 1.2.0");
    let third = accepted(&house, &team, changed(&house, "swot", "1.3.0", "Three.")).await;
    assert_eq!(has(app, &team.lead, "1.3.0", "brand-kit").await, "1.2.0", "it is made over what production serves");
    releases::roll_back(app, &team.lead, Production, &Back::default(), "members get empty answers").await.expect("is rolled back");
    conflict(promoted(&house, &team, &third).await, "made over 1.2.0");
    assert_eq!(points_at(app, &team.lead).await[1], "1.0.0");
}

async fn a_way_back_is_gone_once_however_often_it_is_asked_for(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let first = live(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    let second = live(&house, &team, changed(&house, "swot", "1.2.0", "Two.")).await;
    assert_eq!(state(&house, &team.lead, first.id).await, "settled", "what another one has followed is watched no longer");
    // Somebody whose clock is far ahead deployed it.
    let store = house.store().await;
    let tx = store.team().await.expect("begins");
    let number = tx.take_turn().await.expect("takes its turn");
    let last = tx.deployments(Production, 1, None).await.expect("reads").remove(0);
    let again = Deployment { id: DeploymentId(uuid::Uuid::max()), number, previous: last.version.clone(), ..last };
    tx.insert_deployment(&again).await.expect("is added");
    tx.commit().await.expect("commits");
    let back = Back { from: Some(second.version.clone()), to: None };
    let done = releases::roll_back(app, &team.lead, Production, &back, "members get empty answers").await.expect("is rolled back");
    assert_eq!(done.version.to_string(), "1.1.0", "the same release deployed again is no way back");
    assert_eq!(served(&house).await, "1.1.0", "the last deployment holds, whatever any clock says");
    conflict(releases::roll_back(app, &team.lead, Production, &back, "members get empty answers").await, "has left 1.2.0 already");
    assert_eq!(points_at(app, &team.lead).await[1], "1.1.0");
    let forward = Back { from: None, to: Some(second.version) };
    conflict(releases::roll_back(app, &team.lead, Production, &forward, "perhaps it was all right").await, "through its gate");
}

async fn who_presses_twice_deploys_once(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let version = "1.0.0".parse().expect("a version");
    let deploy = || releases::deploy(app, &team.lead, &version, Staging, Some("for the test"));
    let (one, other, third) = tokio::join!(deploy(), deploy(), deploy());
    let done = [one, other, third].into_iter().map(|result| result.map_err(|error| error.to_string())).collect::<Vec<_>>();
    assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1, "{done:?}");
    assert!(done.iter().filter_map(|result| result.as_ref().err()).all(|reason| reason.contains("points at 1.0.0 already")), "{done:?}");
    // Two proposals that are staged at once each become what their gate has seen.
    let first = approved(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    let second = approved(&house, &team, changed(&house, "brand-kit", "1.2.0", "Two.")).await;
    let stage = |id| releases::stage(app, &team.lead, id, Some("for the test"));
    let (_, higher) = tokio::join!(stage(first.id), stage(second.id));
    higher.expect("the higher one is staged in any case");
    assert_eq!(has(app, &team.lead, "1.2.0", "swot").await, "1.0.0");
}

/// Whether an alert about what is served is open.
async fn told_of_the_release(app: &App, who: &Caller) -> bool {
    let alerts = admin::alerts(app, who, 9, None).await.expect("reads");
    alerts.iter().any(|alert| alert.kind == Alert::RELEASE && alert.closed.is_none())
}

/// A release is read by a process that has other files and another program; one that cannot be read keeps nobody from anything else.
async fn what_one_process_cannot_read_stops_nobody(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let folder = tempfile::TempDir::new().expect("a folder");
    let own = changed(&house, "swot", "1.0.0", "Only on this machine.");
    std::fs::create_dir(folder.path().join("v1.0.0")).expect("is made");
    std::fs::write(folder.path().join("v1.0.0/swot.yaml"), own.text).expect("is written");
    let other = house.other(|config| config.prompts.dir = folder.path().display().to_string()).await;
    let proposal = live(&house, &team, changed(&house, "brand-kit", "1.1.0", "One.")).await;
    let (_, here) = releases::named(app, &team.lead, "1.1.0").await.expect("is there");
    let (_, there) = releases::named(&other, &team.lead, "1.1.0").await.expect("is there");
    assert_eq!(here.content(), there.content(), "a release is the same everywhere");
    // To go back to its own files of 1.0.0 would serve what nobody has seen.
    let back = releases::roll_back(&other, &team.lead, Production, &Back::default(), "members get empty answers").await;
    conflict(back, "not what they were");
    // A release that no process of this version can read, deployed by one that could.
    let store = house.store().await;
    let tx = store.team().await.expect("begins");
    let last = tx.deployments(Production, 1, None).await.expect("reads").remove(0);
    let made = tx.release(&proposal.version).await.expect("reads").expect("is there");
    let (version, content) = (semver::Version::new(1, 2, 0), "of another program".to_owned());
    let files = [("v1.2.0/swot.yaml".to_owned(), "its hash".to_owned())].into();
    let texts = [("its hash".to_owned(), "name: swot\nof: tomorrow\n".to_owned())].into();
    let number = tx.take_turn().await.expect("takes its turn");
    let newer = Released { version: version.clone(), content: content.clone(), files, ..made };
    tx.insert_release(&newer, number, &texts).await.expect("is added");
    let (previous, previous_content) = (last.version.clone(), last.content.clone());
    let newer = Deployment { id: DeploymentId::new(), number, version, content, previous, previous_content, ..last };
    tx.insert_deployment(&newer).await.expect("is added");
    tx.commit().await.expect("commits");
    served(&house).await;
    assert_eq!(app.release().version, proposal.version, "what was served stays so");
    let overview = releases::overview(app, &team.lead).await.expect("reads");
    assert_eq!(overview.left_out.iter().map(|one| one.version.to_string()).collect::<Vec<_>>(), ["1.2.0"]);
    assert!(overview.trouble.is_some_and(|said| said.contains("1.2.0") && said.contains("rollback")));
    assert!(told_of_the_release(app, &team.lead).await, "the team is told");
    app::prompts::list(app, &team.lead).await.expect("the pages go on");
    releases::roll_back(app, &team.lead, Production, &Back::default(), "nobody can read it here").await.expect("is rolled back");
    assert_eq!(releases::overview(app, &team.lead).await.expect("reads").trouble, None);
    assert!(!told_of_the_release(app, &team.lead).await, "it has ended");
    assert_eq!(app.release().version, proposal.version);
}

on_both!(
    the_gate_asks_for_the_models_that_serve,
    what_was_not_kept_comes_in_with_nothing_later,
    what_was_made_over_another_release_undoes_nothing,
    a_way_back_is_gone_once_however_often_it_is_asked_for,
    who_presses_twice_deploys_once,
    what_one_process_cannot_read_stops_nobody,
    the_whole_life_by_five_roles,
    a_shut_gate_is_passed_by_a_lead_with_a_reason_only,
    two_people_edit_one_proposal,
    what_cannot_become_a_release_is_refused_whole,
    a_rollback_holds_everywhere_within_a_second,
);

#[tokio::test(flavor = "multi_thread")]
async fn staging_is_another_environment() {
    let house = House::furnished(|config| config.prompts.environment = "staging".into()).await;
    let team = Team::of(&house).await;
    let proposal = approved(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    releases::stage(&house.app, &team.lead, proposal.id, Some("for the test")).await.expect("is staged");
    assert_eq!(served(&house).await, "1.1.0");
    let overview = releases::overview(&house.app, &team.manager).await.expect("reads");
    assert_eq!(overview.environments.iter().map(|one| one.version.to_string()).collect::<Vec<_>>(), ["1.1.0", "1.0.0"]);
    releases::roll_back(&house.app, &team.engineer, Staging, &Back::default(), "we have seen enough")
        .await
        .expect("an engineer may, in staging");
    assert_eq!(served(&house).await, "1.0.0");
    assert_eq!(proposals::get(&house.app, &team.lead, proposal.id).await.expect("reads").proposal.state.key(), "rejected");
}
