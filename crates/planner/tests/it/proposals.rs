//! Proposals: whose words they are, what they are made from, and what keeps one from being kept at all.

use crate::cli::{planner, run};
use crate::house::House;
use crate::releases::{Team, approved, changed, conflict, wanted};
use app::playground::{self, Try};
use app::proposals::{self, Wanted};
use app::{Caller, Error, audit, releases};
use domain::ids::{OwnerId, ProposalId};
use domain::proposals::{Proposal, ProposedFile};
use domain::roles::Environment::Production;
use domain::sections::SectionName;
use std::path::Path;
use std::time::{Duration, Instant};
use store::AuditSearch;
use tempfile::TempDir;
use testkit::Upstream;

fn invalid<T: std::fmt::Debug>(result: Result<T, Error>, says: &str) {
    let Err(Error::Invalid(faults)) = result else { panic!("{says}: {result:?}") };
    assert!(faults.to_string().contains(says), "{says}: {faults}");
}

fn version(text: &str) -> semver::Version {
    text.parse().expect("a version")
}

/// The test cases of a section as they are.
fn tests_of(house: &House, section: &str) -> ProposedFile {
    let name = SectionName::parse(section).expect("a name");
    let text = house.app.library().tests(&name).expect("its tests").text.to_string();
    ProposedFile { path: format!("tests/{section}.yaml"), text }
}

async fn whoever_edits_along_reviews_no_more_than_the_author(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let begun = proposals::begin(app, &team.developer, &wanted(changed(&house, "swot", "1.1.0", "One."))).await.expect("is begun");
    let theirs = wanted(changed(&house, "swot", "1.1.0", "Two."));
    let saved = proposals::save(app, &team.engineer, begun.id, 1, &theirs).await.expect("is saved");
    assert_eq!(
        saved.writers,
        [Some(team.developer.owner), Some(team.engineer.owner)].map(|one| one.map(domain::audit::Actor::Account).expect("one"))
    );
    proposals::submit(app, &team.engineer, begun.id).await.expect("is submitted");
    conflict(proposals::approve(app, &team.engineer, begun.id, 2, "").await, "written along");
    conflict(proposals::request_changes(app, &team.engineer, begun.id, 2, "No.").await, "written along");
    proposals::approve(app, &team.lead, begun.id, 2, "").await.expect("who wrote nothing of it");
    releases::stage(app, &team.lead, begun.id, Some("for the test")).await.expect("is staged");
    conflict(proposals::accept(app, &team.engineer, begun.id, 2, "").await, "written along");
    conflict(proposals::reject(app, &team.engineer, begun.id, 2, "Too long.").await, "written along");
    proposals::reject(app, &team.manager, begun.id, 2, "Too long.").await.expect("is sent back");
    // Whoever begins it again does not make the words theirs alone.
    let again = proposals::begin_again(app, &team.lead, begun.id).await.expect("begins anew");
    proposals::submit(app, &team.lead, again.id).await.expect("is submitted");
    for writer in [&team.engineer, &team.lead] {
        assert!(matches!(proposals::approve(app, writer, again.id, 1, "").await, Err(Error::Conflict { .. })));
    }
}

async fn another_title_is_written_down_and_no_edit(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let (swot, kit) = (changed(&house, "swot", "1.1.0", "One."), changed(&house, "brand-kit", "1.1.0", "One."));
    let both = Wanted { files: vec![kit.clone(), swot.clone()], ..wanted(swot.clone()) };
    let begun = proposals::begin(app, &team.developer, &both).await.expect("is begun");
    proposals::submit(app, &team.developer, begun.id).await.expect("is submitted");
    proposals::approve(app, &team.engineer, begun.id, 1, "").await.expect("is approved");
    // The same files in another order, with the line ends of another system, under another title.
    let windows = ProposedFile { text: swot.text.replace('\n', "\r\n"), ..swot };
    let retold = Wanted { title: "A better rule".into(), files: vec![windows, kit], ..both };
    let saved = proposals::save(app, &team.developer, begun.id, 1, &retold).await.expect("is saved");
    assert_eq!((saved.state.key(), saved.revision, saved.title.as_str()), ("approved", 1, "A better rule"));
    let entries = async |action: &str| {
        let asked = AuditSearch { action: Some(action.into()), ..AuditSearch::default() };
        audit::search(app, &team.lead, &asked, 9, None).await.expect("reads")
    };
    assert_eq!(entries("proposal.approved").await.len(), 1, "by the engineer alone");
    let described = entries("proposal.described").await;
    assert_eq!((&described[0].before["title"], &described[0].after["title"]), (&"Another rule".into(), &"A better rule".into()));
}

/// One change is in production by the time the other, of the same template, goes on its way.
async fn a_change_that_would_undo_another_is_held_back(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let late = proposals::begin(app, &team.developer, &wanted(changed(&house, "swot", "1.2.0", "Late."))).await.expect("is begun");
    let other = proposals::begin(app, &team.developer, &wanted(changed(&house, "brand-kit", "1.2.0", "Late."))).await.expect("is begun");
    let first = approved(&house, &team, changed(&house, "swot", "1.1.0", "First.")).await;
    releases::stage(app, &team.lead, first.id, Some("for the test")).await.expect("is staged");
    proposals::accept(app, &team.manager, first.id, 1, "").await.expect("is accepted");
    releases::deploy(app, &team.lead, &first.version, Production, Some("for the test")).await.expect("is deployed");
    invalid(
        proposals::submit(app, &team.developer, late.id).await,
        "v1.2.0/swot.yaml: was made from release 1.0.0, and production, at 1.1.0",
    );
    let whole = proposals::get(app, &team.developer, late.id).await.expect("reads");
    assert!(whole.faults.iter().any(|fault| fault.contains("would undo that")), "{:?}", whole.faults);
    proposals::submit(app, &team.developer, other.id).await.expect("another template is nobody's loss");
    // A draft begins with what production has, and says so.
    let draft = proposals::draft(app, &team.developer, "swot").await.expect("is drafted");
    assert_eq!(draft.base, Some(version("1.1.0")));
    assert!(draft.files[0].text.contains("First."));
    let with = |base: &str| Wanted { base: Some(version(base)), ..wanted(changed(&house, "swot", "1.2.0", "Both.")) };
    invalid(proposals::save(app, &team.developer, late.id, 1, &with("7.0.0")).await, "base: 7.0.0 is no release");
    let merged = proposals::save(app, &team.developer, late.id, 1, &with("1.1.0")).await.expect("is merged");
    assert_eq!((merged.base, merged.revision), (version("1.1.0"), 2));
    proposals::submit(app, &team.developer, late.id).await.expect("goes on");
}

/// A release whose output breaks with the one before: the examples that ship do not fit it, and are left out beside it.
async fn a_major_release_may_break_a_schema(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let template = changed(&house, "swot", "2.0.0", "Be brief.");
    let template = ProposedFile { text: template.text.replace("strengths", "virtues"), ..template };
    let tests = tests_of(&house, "swot");
    // Without its tests, which say what an answer is, nobody could tell whether it works.
    invalid(
        proposals::begin(app, &team.developer, &wanted(template.clone())).await,
        "asserts a schema that is not the output of swot 2.0.0",
    );
    let tests = ProposedFile { text: tests.text.replace("strengths", "virtues"), ..tests };
    let breaking = Wanted { files: vec![template, tests], ..wanted(changed(&house, "swot", "2.0.0", "x")) };
    let begun = proposals::begin(app, &team.developer, &breaking).await.expect("is begun");
    let whole = proposals::get(app, &team.developer, begun.id).await.expect("reads");
    assert!(whole.faults.is_empty(), "{:?}", whole.faults);
    assert!(whole.warnings.iter().any(|said| said.contains("does not fit 2.0.0")), "{:?}", whole.warnings);
    let changes = proposals::changes(app, &team.developer, begun.id).await.expect("reads");
    assert!(changes.suites.iter().all(|(name, had, has)| name == "swot" && had == has && *has >= 15), "{:?}", changes.suites);
    proposals::submit(app, &team.developer, begun.id).await.expect("is submitted");
    proposals::approve(app, &team.engineer, begun.id, 1, "").await.expect("is approved");
    releases::stage(app, &team.lead, begun.id, Some("for the test")).await.expect("is staged");
    let accepted = proposals::accept(app, &team.manager, begun.id, 1, "").await.expect("is accepted");
    assert_eq!(accepted.state.key(), "accepted");
}

async fn a_thin_or_unreadable_suite_is_refused(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let (template, tests) = (changed(&house, "swot", "1.1.0", "One."), tests_of(&house, "swot"));
    let with = |text: String| Wanted { files: vec![template.clone(), ProposedFile { text, ..tests.clone() }], ..wanted(template.clone()) };
    let lists =
        (0..12).map(|n| format!("v{n}: [\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]")).collect::<Vec<_>>().join(", ");
    let bomb = format!("{}\n- {{description: bomb, metadata: {{kind: edge}}, vars: {{{lists}}}, assert: []}}\n", tests.text.trim_end());
    let (head, rest) = tests.text.split_once("\n- description: ").expect("cases");
    let (first, _) = rest.split_once("\n- description: ").expect("more cases");
    for (text, says) in [
        (bomb, "make 1000000000000 cases"),
        (format!("{head}\n- description: {first}\n"), "1 happy cases, at least 10 are needed"),
        (tests.text.replacen("  metadata: {kind: happy}\n", "  metadata: {kind: happy}\n  provider: nobody\n", 1), "has provider"),
        (tests.text.replacen("type: icontains-any", "type: icontain-any", 1), "icontain-any"),
        (tests.text.replacen("maxItems: 5", "maxItems: 50", 1), "asserts a schema that is not the output of"),
        (
            tests.text.replacen("metric: refusal, value: \"\\\"strengths", "metric: none, value: \"\\\"strengths", 1),
            "would take an answer for it",
        ),
        (
            tests.text.replacen("    - *form\n", "    - *form\n    - {type: webhook, value: \"http://10.0.0.1\"}\n", 1),
            "its 2. assertion, webhook",
        ),
    ] {
        let began = Instant::now();
        invalid(proposals::begin(app, &team.developer, &with(text)).await, says);
        assert!(began.elapsed() < Duration::from_secs(20), "{says}");
    }
    let stray = ProposedFile { path: "tests/swott.yaml".into(), ..tests.clone() };
    let wanted = Wanted { files: vec![template.clone(), stray], ..wanted(template.clone()) };
    invalid(proposals::begin(app, &team.developer, &wanted).await, "tests/swott.yaml: is for no template");
    for path in ["tests/a\0.yaml", "tests/Swot.yaml"] {
        let odd = Wanted { files: vec![template.clone(), ProposedFile { path: path.into(), ..tests.clone() }], ..wanted.clone() };
        invalid(proposals::begin(app, &team.developer, &odd).await, "is named after no template");
    }
    let odd = ProposedFile { text: template.text.replace("Rules:", "Rules\0:"), ..template.clone() };
    invalid(proposals::begin(app, &team.developer, &Wanted { files: vec![odd], ..wanted }).await, "control character (U+0000)");
}

/// What was tried in a draft whose output breaks is held to the draft's output, not to the one in use.
async fn a_case_is_held_to_the_form_of_the_draft_it_was_tried_in(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let renamed = |file: ProposedFile, to: &str| ProposedFile { text: file.text.replace("strengths", to), ..file };
    let drafted = async |version: &str, to: &str| {
        let template = changed(&house, "swot", version, "Be brief.");
        let files = vec![renamed(template.clone(), to), renamed(tests_of(&house, "swot"), to)];
        proposals::begin(app, &team.developer, &Wanted { files, ..wanted(template) }).await.expect("is begun")
    };
    let (first, second) = (drafted("2.0.0", "virtues").await, drafted("3.0.0", "merits").await);
    let vars = r#"{"productIdea": "cork yoga blocks", "brandVoice": "professional"}"#;
    for (draft, form) in [(first, "virtues"), (second, "merits")] {
        let tried = Try { template: "swot".into(), of: draft.id.to_string(), vars: vars.into(), ..Try::default() };
        let kept = playground::save_case(app, &team.developer, &tried, "cork, which is no wood").await.expect("is kept");
        assert_eq!(kept.id, draft.id, "in the draft it was tried in");
        let files = proposals::get(app, &team.developer, draft.id).await.expect("reads").files;
        let text = files.iter().find(|file| file.path == "tests/swot.yaml").map(|file| file.text.clone()).unwrap_or_default();
        let case = text.lines().last().unwrap_or_default();
        assert!(case.contains("cork, which is no wood") && case.contains(form) && !case.contains("strengths"), "{case}");
    }
}

async fn who_must_act_is_told_each_time(house: House) {
    let (app, team) = (&house.app, Team::of(&house).await);
    let begun = proposals::begin(app, &team.developer, &wanted(changed(&house, "swot", "1.1.0", "One."))).await.expect("is begun");
    let asked = async |times: usize| {
        let deadline = Instant::now() + Duration::from_secs(30);
        let count = || house.outbox().iter().filter(|mail| mail.contains("To: engineer@") && mail.contains("In review")).count();
        while count() < times {
            assert!(Instant::now() < deadline, "told {} times, not {times}", count());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    proposals::submit(app, &team.developer, begun.id).await.expect("is submitted");
    asked(1).await;
    invalid(proposals::request_changes(app, &team.engineer, begun.id, 1, "Why\0?").await, "control character");
    proposals::request_changes(app, &team.engineer, begun.id, 1, "Why?").await.expect("is sent back");
    proposals::comment(app, &team.developer, begun.id, "Because members ask for it.").await.expect("is answered");
    proposals::submit(app, &team.developer, begun.id).await.expect("nothing had to be edited");
    asked(2).await;
}

on_both!(
    whoever_edits_along_reviews_no_more_than_the_author,
    another_title_is_written_down_and_no_edit,
    a_change_that_would_undo_another_is_held_back,
    a_major_release_may_break_a_schema,
    a_thin_or_unreadable_suite_is_refused,
    a_case_is_held_to_the_form_of_the_draft_it_was_tried_in,
    who_must_act_is_told_each_time,
);

/// A folder with a template as another version, under `prompts/`; the file.
fn folder(house: &House, dir: &Path, rule: &str) -> String {
    let file = changed(house, "swot", "1.1.0", rule);
    let path = format!("prompts/{}", file.path);
    std::fs::create_dir_all(dir.join("prompts/v1.1.0")).expect("a folder");
    std::fs::write(dir.join(&path), file.text).expect("written");
    path
}

/// What the program says on a command line: its exit code, its output, its other output.
async fn prompts((dir, upstream): (&Path, &Upstream), args: &[&str]) -> (i32, String, String) {
    let mut command = planner(dir, Some(upstream));
    command.arg("prompts").args(args);
    let (output, stderr) = run(command).await;
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_proposed_compared_and_exported_on_the_command_line() {
    let (house, dir) = (House::without_workers().await, TempDir::new().expect("a folder"));
    let dir = dir.path();
    let here = (dir, &house.upstream);
    let path = folder(&house, dir, "One.");
    for email in ["ana@example.com", "guest@example.com"] {
        let mut command = planner(dir, Some(&house.upstream));
        command.args(["admin", "user", "add", email]).args(if email.starts_with("ana") { &["--role", "prompt-engineer"][..] } else { &[] });
        assert!(run(command).await.0.status.success());
    }
    let why = ["--title", "Another rule", "--why", "It reads better."];
    let propose = |more: &[&str]| -> Vec<String> { ["propose", &path].iter().chain(&why).chain(more).map(ToString::to_string).collect() };
    for (more, says) in [
        (&[][..], "--author"),
        (&["--author", "nobody@example.com"], "is nobody of the team"),
        (&["--author", "guest@example.com"], "is nobody of the team"),
        (&["--author", "ana@example.com", "--base", "9.0.0"], "9.0.0 is no release"),
        (&["--author", "ana@example.com", "--into", "01a20db4-d861-759b-a78e-0b0a01032eee"], "--revision"),
    ] {
        let args = propose(more);
        let (code, _, stderr) = prompts(here, &args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(code == 2 && stderr.contains(says), "{says}: {code} {stderr}");
    }
    let args = propose(&["--author", "ana@example.com", "--submit"]);
    let (code, id, stderr) = prompts(here, &args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(code == 0 && stderr.contains("revision 1") && stderr.contains("In review"), "{stderr}");
    let id = id.trim().to_owned();
    let (_, status, _) = prompts(here, &["status"]).await;
    assert!(status.contains(&id) && status.contains("in-review") && status.contains("production  1.0.0"), "{status}");
    let (_, diff, _) = prompts(here, &["diff", "1.0.0", &id, "swot"]).await;
    assert!(diff.contains("+version: 1.1.0") && diff.contains("+  - One."), "{diff}");
    // Somebody else's revision is not written over.
    folder(&house, dir, "Two.");
    let into =
        async |revision| prompts(here, &["propose", &path, "--author", "ana@example.com", "--into", &id, "--revision", revision]).await;
    let (code, _, stderr) = into("7").await;
    assert!(code == 1 && stderr.contains("revision 1 meanwhile"), "{code} {stderr}");
    let (code, _, stderr) = into("1").await;
    assert!(code == 0 && stderr.contains("revision 2"), "{code} {stderr}");
    let (_, status, _) = prompts(here, &["status"]).await;
    assert!(status.contains("Another rule"), "what it says already stays: {status}");
    let (code, listed, stderr) = prompts(here, &["export", &id, "--out", "out"]).await;
    assert!(code == 0 && listed.trim() == "out/v1.1.0/swot.yaml" && stderr.contains("revision 2"), "{listed} {stderr}");
    let read = |path: &str| std::fs::read_to_string(dir.join(path)).expect("a file");
    assert_eq!(read("out/v1.1.0/swot.yaml"), read(&path), "to the letter");
    // All files or none: a folder stands where one of them belongs.
    std::fs::create_dir_all(dir.join("bad/v1.0.0/swot.yaml")).expect("a folder");
    let (code, _, stderr) = prompts(here, &["export", "1.0.0", "--out", "bad"]).await;
    assert!(code == 1 && stderr.contains("a folder stands there"), "{code} {stderr}");
    let left: Vec<_> =
        std::fs::read_dir(dir.join("bad/v1.0.0")).expect("a folder").filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    assert_eq!(left, ["swot.yaml"], "nothing is left half");
}

#[tokio::test]
async fn one_key_begins_one_proposal() {
    let house = House::open().await;
    let team = Team::of(&house).await;
    let wanted = wanted(changed(&house, "swot", "1.1.0", "One."));
    let key = app::RequestKey::read("again", "POST /api/v1/proposals", b"the same").expect("a key");
    let begin = async |who: &Caller| proposals::begin_once(&house.app, who, &wanted, Some(&key)).await.expect("is begun").id;
    let first = begin(&team.developer).await;
    assert_eq!(begin(&team.developer).await, first);
    assert_ne!(begin(&team.engineer).await, first, "a key is whose it is");
    let all: Vec<Proposal> = proposals::list(&house.app, &team.lead, 9, None).await.expect("reads");
    assert_eq!(all.len(), 2);
    // What could not be begun can be asked for again under its key.
    let other = app::RequestKey::read("other", "POST /api/v1/proposals", b"x").expect("a key");
    let begin = async |wanted: &Wanted| proposals::begin_once(&house.app, &team.developer, wanted, Some(&other)).await;
    invalid(begin(&Wanted::default()).await, "title");
    assert!(begin(&wanted).await.is_ok());
    // The command line is nobody; it has to say whose words these are.
    let operator = Caller::operator(OwnerId::new());
    invalid(proposals::begin(&house.app, &operator, &wanted).await, "author: is missing");
    let named = Wanted { author: Some("engineer@example.org".into()), ..wanted.clone() };
    let written = proposals::begin(&house.app, &operator, &named).await.expect("is begun");
    proposals::submit(&house.app, &operator, written.id).await.expect("is submitted");
    conflict(proposals::approve(&house.app, &team.engineer, written.id, 1, "").await, "their own");
    assert!(proposals::get(&house.app, &team.lead, ProposalId::new()).await.is_err());
}
