//! Prompts on the team's pages: the library, a change on its way through them, releases and the way back.

use crate::house::{House, Reply};
use crate::people::{Browser, PASSWORD, form_token_for};
use app::accounts::admin::{self, NewAccount};
use app::accounts::{self, SignedIn};
use app::{Caller, gates, releases};
use axum::http::StatusCode;
use domain::audit::Actor;
use domain::evals::{Eval, Figures, Progress, Subject};
use domain::ids::{EvalId, OwnerId, ProposalId};
use domain::roles::Environment::Staging;
use domain::roles::Role;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};

const PROPOSALS: &str = "/staff/prompts/proposals";
/// A line of a shipped template, and what it is changed into.
const LINE: &str = "You are a sober business coach who names weaknesses as plainly as strengths.";
const BETTER: &str = "You are a sober business coach who names risks as plainly as strengths.";

/// Somebody of the team, signed in.
async fn staff(house: &House, name: &str, role: Role) -> Browser {
    let email = format!("{name}@example.com");
    let new = NewAccount { email: email.clone(), tier: None, role: Some(role), password: Some(PASSWORD.into()) };
    admin::add(&house.app, &Caller::operator(OwnerId::new()), &new).await.expect("an account");
    let from = accounts::From { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "a test".into() };
    let SignedIn::Done(session) = accounts::sign_in(&house.app, &from, &email, PASSWORD).await.expect("signs in") else {
        panic!("no second step was set up")
    };
    let mut browser = Browser::default();
    browser.set("planner_session", Some(&session.cookie));
    browser
}

/// Presses a button of a page.
async fn press(house: &House, who: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Reply {
    let csrf = form_token_for(house, &who.cookies());
    who.post(house, path, &csrf, fields).await
}

async fn pressed(house: &House, who: &mut Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let reply = press(house, who, path, fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{path}: {}", reply.body);
    reply.header("location").to_owned()
}

/// What a page says, as a person reads it.
fn read(page: &Reply) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    plain(&page.body)
}

fn plain(html: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(html.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

/// What stands in the first field for a file's text.
fn text_of(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"text\"").expect("a field");
    let (_, rest) = rest.split_once(">\n").expect("its text");
    rest.split("</textarea>").next().unwrap_or_default().to_owned()
}

/// As a browser sends a text field.
fn sent(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// Opens the form for a change to the template and sends it; the proposal's path.
async fn propose(house: &House, who: &mut Browser) -> (String, String) {
    let page = read(&who.open(house, "/staff/prompts/proposals/new?template=swot").await);
    assert!(page.contains("value=\"v1.1.0/swot.yaml\""), "{page}");
    let text = text_of(&page);
    assert!(text.contains("\nversion: 1.1.0\n") && text.contains(LINE), "the current text, as the next version: {text}");
    let text = text.replace(LINE, BETTER);
    let fields = [("title", "Name risks"), ("why", "Members ask for them."), ("path", "v1.1.0/swot.yaml"), ("text", &sent(&text))];
    let location = pressed(house, who, "/staff/prompts/proposals/new", &fields).await;
    (location.split('?').next().unwrap_or_default().to_owned(), text)
}

/// Evals with which the gate before a proposal opens.
async fn evaluate(house: &House, path: &str) {
    let operator = Caller::operator(OwnerId::new());
    let id: ProposalId = path.rsplit('/').next().unwrap_or_default().parse().expect("an id");
    let answer = gates::of_proposal(&house.app, &operator, id).await.expect("a gate");
    let before = gates::of_release(&house.app, &operator, &answer.deployed).await.expect("a gate").remove(0).candidate;
    let baseline = Subject { version: answer.deployed, proposal: None, content: before.content, ..answer.candidate.clone() };
    let figures = |tests| Figures { tests, passed: tests, quality: Some(84.0), latency_p95_ms: 2_000, ..Figures::default() };
    let release = house.app.release();
    let store = house.store().await;
    let tx = store.team().await.expect("begins");
    for subject in [baseline, answer.candidate] {
        let sections = release.templates().map(|template| (template.name.clone(), figures(20))).collect();
        let eval = Eval {
            id: EvalId::new(),
            subject,
            by: Actor::CommandLine,
            progress: Progress::Finished,
            reason: None,
            cases: 340,
            sections,
            total: figures(340),
            created: chrono::Utc::now(),
            ended: Some(chrono::Utc::now()),
        };
        tx.insert_eval(&eval).await.expect("kept");
    }
    tx.commit().await.expect("commits");
}

/// The steps whose buttons are on the page.
fn buttons(page: &str, path: &str) -> Vec<String> {
    let steps =
        ["submit", "approve", "request-changes", "stage", "accept", "reject", "promote", "begin-again", "move", "withdraw", "comment"];
    steps.iter().filter(|step| page.contains(&format!("action=\"{path}/{step}\""))).map(ToString::to_string).collect()
}

async fn a_change_goes_all_its_way_on_the_pages(house: House) {
    let (mut pia, mut lena) = (staff(&house, "pia", Role::PromptEngineer).await, staff(&house, "lena", Role::TechLead).await);
    let (mut dev, mut mara) = (staff(&house, "dev", Role::Developer).await, staff(&house, "mara", Role::ProductManager).await);
    let (path, text) = propose(&house, &mut pia).await;
    let step = |step: &str| format!("{path}/{step}");

    let page = read(&pia.open(&house, &path).await);
    assert!(page.contains("<del>") && page.contains("weaknesses") && page.contains("<ins>") && page.contains("risks"), "words: {page}");
    assert_eq!(buttons(&page, &path), ["submit", "move", "withdraw", "comment"], "its author's");
    assert_eq!(buttons(&read(&mara.open(&house, &path).await), &path), ["comment"], "a product manager's");
    pressed(&house, &mut pia, &step("submit"), &[]).await;
    let page = read(&lena.open(&house, &path).await);
    assert!(page.contains("by pia@example.com"), "{page}");
    assert_eq!(buttons(&page, &path), ["approve", "request-changes", "move", "withdraw", "comment"], "a reviewer's");
    assert_eq!(buttons(&read(&dev.open(&house, &path).await), &path), ["move", "withdraw", "comment"], "a developer's");
    assert!(!buttons(&read(&pia.open(&house, &path).await), &path).contains(&"approve".into()), "nobody reviews their own");
    assert_eq!(press(&house, &mut dev, &step("approve"), &[("revision", "1")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(press(&house, &mut pia, &step("approve"), &[("revision", "1")]).await.status, StatusCode::CONFLICT);

    // A request says what to mend; what was typed before stays.
    let reply = press(&house, &mut lena, &step("request-changes"), &[("revision", "1"), ("text", " ")]).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(plain(&reply.body).contains("What you say is empty; say it in a sentence."), "{}", reply.body);
    pressed(&house, &mut lena, &step("request-changes"), &[("revision", "1"), ("text", "Say <risks> and weaknesses.")]).await;
    let page = read(&pia.open(&house, &path).await);
    assert!(page.contains("asked for changes of revision 1") && page.contains("Say <risks> and weaknesses."), "{page}");
    let both = text.replace("names risks", "names risks and weaknesses");
    let fields =
        [("title", "Name risks"), ("why", "Members ask."), ("revision", "1"), ("path", "v1.1.0/swot.yaml"), ("text", &sent(&both))];
    pressed(&house, &mut pia, &step("edit"), &fields).await;
    let since = read(&pia.open(&house, &format!("{path}?since=1")).await);
    assert!(since.contains("Since revision 1") && since.contains("+1 −1"), "{since}");
    pressed(&house, &mut pia, &step("submit"), &[]).await;
    let late = press(&house, &mut lena, &step("approve"), &[("revision", "1"), ("text", "Good.")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "what was read is not what stands there");
    assert!(plain(&late.body).contains("There is revision 2 by now") && late.body.contains("\nGood.</textarea>"), "{}", late.body);
    pressed(&house, &mut lena, &step("approve"), &[("revision", "2")]).await;
    let page = read(&pia.open(&house, &path).await);
    assert!(page.contains("approved revision 2"), "a verdict without words is one too: {page}");

    the_gate_decides(&house, &path, (&mut pia, &mut lena)).await;
    pressed(&house, &mut pia, &step("stage"), &[]).await;
    assert!(!buttons(&read(&pia.open(&house, &path).await), &path).contains(&"accept".into()), "nobody accepts their own");
    assert_eq!(buttons(&read(&mara.open(&house, &path).await), &path), ["accept", "reject", "comment"], "whoever tries it");
    assert_eq!(press(&house, &mut lena, &step("promote"), &[]).await.status, StatusCode::CONFLICT, "nobody has accepted it");
    pressed(&house, &mut mara, &step("accept"), &[("revision", "2"), ("text", "Reads well.")]).await;
    assert_eq!(press(&house, &mut pia, &step("promote"), &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(buttons(&read(&lena.open(&house, &path).await), &path), ["reject", "promote", "comment"], "a tech lead's");
    pressed(&house, &mut lena, &step("promote"), &[]).await;
    assert_eq!(house.app.release().version.to_string(), "1.1.0");
    the_way_back(&house, &path, (&mut pia, &mut lena)).await;
}

async fn the_gate_decides(house: &House, path: &str, (pia, lena): (&mut Browser, &mut Browser)) {
    let stage = format!("{path}/stage");
    let page = read(&pia.open(house, path).await);
    assert!(page.contains("The gate is shut.") && !buttons(&page, path).contains(&"stage".into()), "{page}");
    let reply = press(house, pia, &stage, &[]).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(reply.body.contains("The gate is shut: there is no finished eval"), "{}", reply.body);
    assert_eq!(press(house, pia, &stage, &[("reason", "we are in a hurry today")]).await.status, StatusCode::FORBIDDEN);
    // A tech lead may, with a reason; one that is too short is kept to be made longer.
    assert!(buttons(&read(&lena.open(house, path).await), path).contains(&"stage".into()));
    let reply = press(house, lena, &stage, &[("reason", "hurry")]).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.body.contains("\nhurry</textarea>") && reply.body.contains("must say why in 10 to 500 characters"), "{}", reply.body);
    evaluate(house, path).await;
    let page = read(&pia.open(house, path).await);
    assert!(page.contains("The gate is open.") && page.contains("340 of 340 cases pass (100.0 %"), "{page}");
    assert!(page.contains("evaluated once, with 340 cases") && page.contains("of the process that decides"), "{page}");
    assert!(buttons(&page, path).contains(&"stage".into()));
}

async fn the_way_back(house: &House, path: &str, (pia, lena): (&mut Browser, &mut Browser)) {
    let row = read(&pia.open(house, "/staff/prompts/swot").await);
    assert!(row.contains("SWOT <span class=\"version\">1.1.0") && row.contains("in production"), "{row}");
    let compared = read(&pia.open(house, "/staff/prompts/swot?from=1.0.0&to=1.1.0").await);
    assert!(compared.contains("1.0.0 → 1.1.0") && compared.contains("The output promises the same."), "{compared}");
    let back = [("environment", "production"), ("version", "1.0.0"), ("reason", "members got empty answers")];
    assert!(!read(&pia.open(house, "/staff/releases").await).contains("Roll production back"), "not a prompt engineer's");
    assert_eq!(press(house, pia, "/staff/releases/roll-back", &back).await.status, StatusCode::FORBIDDEN);
    assert!(read(&lena.open(house, "/staff/releases").await).contains("Roll production back"));
    let short = press(house, lena, "/staff/releases/roll-back", &[("environment", "production"), ("reason", "oh")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("\noh</textarea>") && short.body.contains("The reason must say why"), "{}", short.body);
    pressed(house, lena, "/staff/releases/roll-back", &back).await;
    assert_eq!(house.app.release().version.to_string(), "1.0.0");
    let releases = read(&pia.open(house, "/staff/releases").await);
    assert!(releases.contains("Rolled back") && releases.contains("“members got empty answers”"), "{releases}");
    assert!(releases.contains("Production was taken back from 1.1.0, and staging still serves it."), "{releases}");
    let page = read(&pia.open(house, path).await);
    assert!(page.contains("Rolled back by lena@example.com") && buttons(&page, path).contains(&"begin-again".into()), "{page}");
    let again = pressed(house, pia, &format!("{path}/begin-again"), &[]).await;
    assert!(read(&pia.open(house, &again).await).contains("Release 1.2.0"), "as the next version");
    assert!(read(&lena.open(house, PROPOSALS).await).contains("Being written"));
}

async fn what_is_wrong_is_named_and_what_was_typed_stays(house: House) {
    let mut pia = staff(&house, "pia", Role::PromptEngineer).await;
    let text = text_of(&read(&pia.open(&house, "/staff/prompts/proposals/new?template=swot").await));
    let broken = text.replace("temperature: 0.5", "temperature: [0.5").replace("Founder's", "Founder’s <own>");
    let fields = [("title", "A"), ("why", ""), ("path", "v1.1.0/swot.yaml"), ("text", &sent(&broken))];
    for action in ["/staff/prompts/proposals/new", "/staff/prompts/proposals/new/check"] {
        let reply = press(&house, &mut pia, action, &fields).await;
        let page = plain(&reply.body);
        assert_eq!(text_of(&page), broken, "{action}: every letter is kept");
        assert!(page.contains("<code>v1.1.0/swot.yaml</code> line "), "{action}: file and line: {page}");
        assert_eq!(reply.status == StatusCode::UNPROCESSABLE_ENTITY, action.ends_with("new"), "{action}");
    }
    let page = plain(&press(&house, &mut pia, "/staff/prompts/proposals/new", &fields).await.body);
    assert!(page.contains("The title say in a few words what changes") || page.contains("say in a few words"), "{page}");

    // A version that is taken, files of nowhere, a paste without a place.
    let named = |path: &str, text: &str, paste: &str| {
        vec![
            ("title", "Risks".to_owned()),
            ("why", "Why not.".into()),
            ("path", path.to_owned()),
            ("text", text.to_owned()),
            ("paste", paste.to_owned()),
        ]
    };
    let taken = text.replace("version: 1.1.0", "version: 1.0.0");
    let cases = [
        (named("v1.0.0/swot.yaml", &taken, ""), "1.0.0 has to be above every release there is"),
        (named("somewhere/swot.yaml", &text, ""), "use a release directory such as v1.0.0"),
        (named("v1.1.0/swot.yaml", &text, "name: swot"), "line 1 belongs to no file"),
        (named("v1.2.0/swot.yaml", &text, ""), "version 1.1.0 stands in release v1.2.0"),
    ];
    for (fields, said) in cases {
        let reply = press(&house, &mut pia, "/staff/prompts/proposals/new", &given(&fields)).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(plain(&reply.body).contains(said), "{said}: {}", plain(&reply.body));
    }
    assert!(read(&pia.open(&house, PROPOSALS).await).contains("Nothing is on its way."), "nothing half-done");
    // The preview alone, as the script asks for it.
    let good = [("path", "v1.1.0/swot.yaml"), ("text", text.as_str()), ("sample", "alpine-boots")];
    let seen = read(&press(&house, &mut pia, "/staff/prompts/proposals/preview", &good).await);
    assert!(!seen.contains("<html") && seen.contains("could become a release") && seen.contains("<product_idea>"), "{seen}");
    assert!(seen.contains("input tokens a call, as before (1.0.0)."), "{seen}");
    assert_eq!(press(&house, &mut pia, "/staff/prompts/proposals/nothing/submit", &[]).await.status, StatusCode::NOT_FOUND);
}

/// Fields as they are sent.
fn given<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn two_people_editing_one_proposal_lose_nothing(house: House) {
    let (mut pia, mut dev) = (staff(&house, "pia", Role::PromptEngineer).await, staff(&house, "dev", Role::Developer).await);
    let (path, text) = propose(&house, &mut pia).await;
    let edit = format!("{path}/edit");
    let (theirs, mine) = (text.replace("Three to five points", "Four points"), text.replace("Three to five points", "Five points"));
    let fields = |text: &str| {
        let all = [("title", "Name risks"), ("why", "Why."), ("revision", "1"), ("path", "v1.1.0/swot.yaml"), ("text", text)];
        all.map(|(name, value)| (name, value.to_owned()))
    };
    pressed(&house, &mut dev, &edit, &given(&fields(&theirs))).await;
    let reply = press(&house, &mut pia, &edit, &given(&fields(&mine))).await;
    let page = plain(&reply.body);
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(page.contains("Somebody has saved revision 2 meanwhile") && page.contains("Revision 2 and yours"), "{page}");
    assert!(page.contains("<del>") && page.contains("<ins>"), "{page}");
    assert_eq!(text_of(&page), mine, "their own text stays");
    assert!(page.contains("name=\"revision\" value=\"2\""), "and can be saved over what they have seen");
    let again = fields(&mine).map(|(name, value)| (name, if name == "revision" { "2".to_owned() } else { value }));
    pressed(&house, &mut pia, &edit, &given(&again)).await;
    assert!(read(&pia.open(&house, &path).await).contains("revision 3"));
}

async fn files_come_and_go_as_text_and_as_an_archive(house: House) {
    let mut pia = staff(&house, "pia", Role::PromptEngineer).await;
    let (path, text) = propose(&house, &mut pia).await;
    let add = [
        ("title", "Name risks"),
        ("why", "Why."),
        ("revision", "1"),
        ("path", "v1.1.0/swot.yaml"),
        ("text", &sent(&text)),
        ("add", "tests/swot.yaml"),
    ];
    let page = read(&press(&house, &mut pia, &format!("{path}/check"), &add).await);
    assert!(page.contains("value=\"tests/swot.yaml\"") && page.matches("name=\"text\"").count() == 2, "{page}");
    let bundle = pia.open(&house, &format!("{path}/files.txt")).await;
    assert_eq!(bundle.body, format!("# file: v1.1.0/swot.yaml\n{text}"));
    assert_eq!(pia.open(&house, &format!("{path}/files/v1.1.0/swot.yaml")).await.body, text);
    assert_eq!(pia.open(&house, &format!("{path}/files/v1.1.0/other.yaml")).await.status, StatusCode::NOT_FOUND);
    let (status, zip) = house.bytes(&format!("{path}/files.zip"), &pia.cookies()).await;
    assert_eq!(status, StatusCode::OK);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("an archive");
    let mut packed = String::new();
    archive.by_name("prompts/v1.1.0/swot.yaml").expect("the file").read_to_string(&mut packed).expect("reads");
    assert_eq!(packed, text);
    // What was taken along can be brought back.
    let fields = [("title", "Name risks again"), ("why", "From a folder."), ("paste", &sent(&bundle.body))];
    let again = pressed(&house, &mut pia, "/staff/prompts/proposals/new", &fields).await;
    assert!(read(&pia.open(&house, &again).await).contains("Release 1.1.0"));
    let (status, _) = house.bytes("/staff/releases/1.0.0/files.zip", &pia.cookies()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(pia.open(&house, "/staff/releases/9.9.9").await.status, StatusCode::NOT_FOUND);
}

async fn every_link_of_the_team_s_pages_leads_somewhere(house: House) {
    let (mut pia, mut lena) = (staff(&house, "pia", Role::PromptEngineer).await, staff(&house, "lena", Role::TechLead).await);
    let (path, _) = propose(&house, &mut pia).await;
    pressed(&house, &mut pia, &format!("{path}/submit"), &[]).await;
    let mut todo = VecDeque::from(["/staff".to_owned()]);
    let mut seen = BTreeSet::from(["/staff".to_owned()]);
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    while let Some(page) = todo.pop_front() {
        let reply = lena.open(&house, &page).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        if !reply.header("content-type").starts_with("text/html") {
            continue;
        }
        assert!(!reply.body.contains(" style=\"") && !reply.body.contains("<script>"), "{page}: nothing inline");
        for link in reply.body.split("href=\"").skip(1).chain(reply.body.split("src=\"").skip(1)) {
            let link = plain(link.split(['"', '#']).next().unwrap_or_default());
            let inside = link.starts_with("/staff") || link.starts_with("/assets");
            if inside && seen.insert(link.clone()) {
                // A page is the same whatever it is asked to show; two of its questions stand for all.
                let questions = asked.entry(link.split('?').next().unwrap_or_default().to_owned()).or_insert(0);
                *questions += 1;
                if *questions <= 2 {
                    todo.push_back(link);
                }
            }
        }
    }
    for page in ["/staff/prompts/swot", PROPOSALS, path.as_str(), "/staff/releases/1.0.0", "/staff/prompts/proposals/new?template=swot"] {
        assert!(seen.contains(page), "{page} is linked: {seen:?}");
    }
    let mut sam = staff(&house, "sam", Role::SupportAgent).await;
    let nav = read(&sam.open(&house, "/staff").await);
    assert!(!nav.contains("/staff/prompts") && !nav.contains("/staff/releases"), "not a support agent's: {nav}");
    assert_eq!(sam.open(&house, &path).await.status, StatusCode::FORBIDDEN);
}

on_both!(
    a_change_goes_all_its_way_on_the_pages,
    what_is_wrong_is_named_and_what_was_typed_stays,
    two_people_editing_one_proposal_lose_nothing,
    files_come_and_go_as_text_and_as_an_archive,
    every_link_of_the_team_s_pages_leads_somewhere,
    programs_of_the_team_propose_and_deploy,
    what_programs_deploy_and_take_back_is_done_once_under_a_key,
);

/// Posts to the API under a key.
async fn api_once(house: &House, token: &str, path: &str, key: &str, body: &serde_json::Value) -> Reply {
    let request = axum::http::Request::post(path).header("authorization", format!("Bearer {token}")).header("idempotency-key", key);
    let request = request.header("content-type", "application/json").body(axum::body::Body::from(body.to_string()));
    house.send(request.expect("a request")).await
}

async fn what_programs_deploy_and_take_back_is_done_once_under_a_key(house: House) {
    let operator = Caller::operator(OwnerId::new());
    let new = NewAccount { email: "lena@example.com".into(), role: Some(Role::TechLead), ..NewAccount::default() };
    let owner = admin::add(&house.app, &operator, &new).await.expect("an account").owner;
    let token = admin::add_token(&house.app, &operator, owner, "ci", &["staff".to_owned()], None).await.expect("a token").secret;
    let team = crate::releases::Team::of(&house).await;
    let proposal = crate::releases::approved(&house, &team, crate::releases::changed(&house, "swot", "1.1.0", "One.")).await;
    let (deploy, back) = ("/api/v1/releases/deploy", "/api/v1/releases/rollback");
    // What fails can be sent again under its key, once it can be done.
    let mut first = serde_json::json!({"version": "1.0.0", "environment": "staging"});
    assert_eq!(api_once(&house, &token, deploy, "first", &first).await.status, StatusCode::CONFLICT, "its gate is shut");
    assert_eq!(api_once(&house, &token, deploy, "first", &first).await.status, StatusCode::CONFLICT, "it is shut yet");
    first["overrideReason"] = "the first deployment of this place".into();
    let done = api_once(&house, &token, deploy, "first", &first).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let again = api_once(&house, &token, deploy, "first", &first).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, done.json()));
    let mut other = first.clone();
    other["environment"] = "production".into();
    for (path, body) in
        [(deploy, &other), (back, &serde_json::json!({"environment": "staging", "from": "1.0.0", "reason": "it answers worse"}))]
    {
        let refused = api_once(&house, &token, path, "first", body).await;
        assert!(refused.status == StatusCode::CONFLICT && refused.body.contains("was used for another request"), "{}", refused.body);
    }
    releases::stage(&house.app, &team.lead, proposal.id, Some("for the test")).await.expect("is staged");
    let wanted = serde_json::json!({"environment": "staging", "from": "1.1.0", "reason": "it answers worse"});
    let done = api_once(&house, &token, back, "back", &wanted).await;
    assert_eq!((done.status, &done.json()["version"]), (StatusCode::OK, &"1.0.0".into()), "{}", done.body);
    let again = api_once(&house, &token, back, "back", &wanted).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, done.json()), "the same answer, and nothing more is done");
    // Who hangs up before there is an answer asks again, and finds what they had begun.
    let key = app::RequestKey::read("hung-up", "deploy", b"the same").expect("a key");
    let version = "1.1.0".parse().expect("a version");
    let asked = || releases::deploy_once(&house.app, &team.lead, (&version, Staging), Some("once more, please"), Some(&key));
    let _ = tokio::time::timeout(std::time::Duration::from_millis(10), asked()).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let found = loop {
        match asked().await {
            Ok(found) => break found,
            Err(error) => assert!(std::time::Instant::now() < deadline && error.to_string().contains("still at work"), "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(found.version, version);
    let moved = releases::history(&house.app, &team.lead, Staging, 9, None).await.expect("reads");
    assert_eq!(moved.len(), 4, "{moved:?}");
}

/// Asks the API with a token.
pub async fn api(house: &House, token: &str, method: &str, path: &str, body: Option<serde_json::Value>) -> Reply {
    let request = axum::http::Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(axum::body::Body::from(body.to_string())),
        None => request.body(axum::body::Body::empty()),
    };
    house.send(request.expect("a request")).await
}

async fn programs_of_the_team_propose_and_deploy(house: House) {
    let operator = Caller::operator(OwnerId::new());
    let new = NewAccount { email: "lena@example.com".into(), role: Some(Role::TechLead), ..NewAccount::default() };
    let owner = admin::add(&house.app, &operator, &new).await.expect("an account").owner;
    let mut tokens = Vec::new();
    for scopes in [vec!["staff".to_owned()], vec!["read".to_owned(), "write".to_owned()]] {
        tokens.push(admin::add_token(&house.app, &operator, owner, "ci", &scopes, None).await.expect("a token").secret);
    }
    let (staff, plain) = (&tokens[0], &tokens[1]);
    for path in ["/api/v1/prompts", "/api/v1/proposals", "/api/v1/releases"] {
        assert_eq!(api(&house, plain, "GET", path, None).await.status, StatusCode::FORBIDDEN, "{path}: without the scope");
        assert_eq!(api(&house, staff, "GET", path, None).await.status, StatusCode::OK, "{path}");
    }
    let library = api(&house, staff, "GET", "/api/v1/prompts", None).await.json();
    let swot = library["items"].as_array().expect("items").iter().find(|item| item["name"] == "swot").expect("there").clone();
    assert_eq!((&swot["production"], &swot["modelClass"], &swot["kind"]), (&"1.0.0".into(), &"fast".into(), &"section".into()));

    let text = house.app.library().source(house.app.release().sections()[0]).expect("its text").to_owned();
    let name = house.app.release().sections()[0].name.to_string();
    let files = |text: &str| serde_json::json!([{"path": format!("v1.1.0/{name}.yaml"), "text": text}]);
    let wanted = |text: &str| serde_json::json!({"title": "Shorter", "why": "They are long.", "files": files(text)});
    let broken = api(&house, staff, "POST", "/api/v1/proposals", Some(wanted("name: [\n"))).await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(broken.json()["errors"][0]["message"].as_str().is_some_and(|said| said.starts_with("line ")), "{}", broken.body);
    let odd = api(&house, staff, "POST", "/api/v1/proposals", Some(serde_json::json!({"files": "all"}))).await;
    assert!(odd.body.contains("must be a list of objects with a path and a text"), "{}", odd.body);
    let made = api(&house, staff, "POST", "/api/v1/proposals", Some(wanted(&text.replace("version: 1.0.0", "version: 1.1.0")))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!((&made.json()["state"], &made.json()["version"]), (&"draft".into(), &"1.1.0".into()));
    assert!(made.header("location").starts_with(PROPOSALS));
    assert_eq!(api(&house, staff, "GET", "/api/v1/proposals", None).await.json()["items"][0]["id"], made.json()["id"]);
    assert_eq!(made.json()["writers"], serde_json::json!([made.json()["author"]]));
    // A whole release with its tests is larger than what other routes take; what is wrong with it is said, not how large it is.
    let mut large = wanted(&text);
    large["why"] = "x".repeat(400_000).into();
    let large = api(&house, staff, "POST", "/api/v1/proposals", Some(large)).await;
    assert!(large.status == StatusCode::UNPROCESSABLE_ENTITY && large.body.contains("has 400000 characters"), "{}", large.body);

    let deploy = serde_json::json!({"version": "1.0.0", "environment": "staging"});
    let shut = api(&house, staff, "POST", "/api/v1/releases/deploy", Some(deploy.clone())).await;
    assert_eq!(shut.status, StatusCode::CONFLICT, "{}", shut.body);
    assert!(shut.body.contains("the gate is shut"), "{}", shut.body);
    let mut past = deploy;
    past["overrideReason"] = "the first deployment of this place".into();
    let done = api(&house, staff, "POST", "/api/v1/releases/deploy", Some(past)).await;
    assert_eq!((done.status, &done.json()["kind"]), (StatusCode::OK, &"override".into()), "{}", done.body);
    let back = serde_json::json!({"environment": "somewhere", "reason": "answers were empty"});
    let refused = api(&house, staff, "POST", "/api/v1/releases/rollback", Some(back)).await;
    assert!(refused.body.contains("must be staging or production"), "{}", refused.body);
    let back = serde_json::json!({"environment": "staging", "reason": "answers were empty"});
    let refused = api(&house, staff, "POST", "/api/v1/releases/rollback", Some(back)).await;
    assert!(refused.body.contains("must be the version that is to be left"), "{}", refused.body);
    let back = serde_json::json!({"environment": "staging", "from": "1.0.0", "reason": "answers were empty"});
    assert_eq!(api(&house, staff, "POST", "/api/v1/releases/rollback", Some(back)).await.status, StatusCode::CONFLICT, "nothing before");
    assert_eq!(api(&house, staff, "GET", "/api/v1/releases", None).await.json()["environments"][0]["deployment"]["kind"], "override");
}
