//! After a release went to production: the day it is watched for, by a clock that is moved; and the way back on the command line, while a
//! server serves.

use crate::cli::{planner, run};
use crate::house::{House, KEY, new_idea};
use crate::releases::{Team, changed, live, served, state, told};
use app::jobs::{What, Workers};
use app::{App, proposals, releases};
use chrono::{TimeDelta, Utc};
use domain::ids::ProposalId;
use domain::roles::Environment::Production;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use testkit::Fault;

/// A process that does the jobs of a house, some minutes ahead of it.
struct Later {
    app: App,
    minutes: Arc<AtomicI64>,
}

impl Later {
    fn than(house: &House) -> Self {
        let minutes = Arc::new(AtomicI64::new(0));
        let ahead = Arc::clone(&minutes);
        let app = house.app.clone().by_clock(Arc::new(move || Utc::now() + TimeDelta::minutes(ahead.load(Ordering::Relaxed))));
        app.start_workers(Workers { most: 4, what: What::Everything, lease: Duration::from_secs(12) });
        Self { app, minutes }
    }

    /// So many hours after the house's own time.
    fn hours(&self, hours: i64) {
        // A little more, so that what is due on the hour is due.
        self.minutes.store(hours * 60 + 1, Ordering::Relaxed);
    }
}

/// What the program said of a proposal, step by step.
async fn said(house: &House, team: &Team, id: ProposalId) -> Vec<(String, String)> {
    let comments = proposals::get(&house.app, &team.manager, id).await.expect("reads").comments;
    let by_program = comments.into_iter().filter(|comment| comment.by == domain::audit::Actor::Program);
    by_program.map(|comment| (comment.step.unwrap_or_default(), comment.text)).collect()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_which_nothing_happens_settles_a_release() {
    let house = House::without_workers().await;
    let team = Team::of(&house).await;
    let later = Later::than(&house);
    let proposal = live(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    assert_eq!(served(&house).await, "1.1.0");
    for hours in [2, 12, 23] {
        later.hours(hours);
        // Long enough for whoever looks every second to have looked.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(state(&house, &team.lead, proposal.id).await, "live", "after {hours} hours");
    }
    assert_eq!(said(&house, &team, proposal.id).await, [], "there is nothing to say");
    later.hours(24);
    until("the watch does not end", async || state(&house, &team.lead, proposal.id).await == "settled").await;
    let said = said(&house, &team, proposal.id).await;
    assert!(said.len() == 1 && said[0].0 == "settled" && said[0].1.contains("over 1 outputs"), "{said:?}");
    told(&house, "developer", "Settled").await;
    later.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fall_of_quality_within_the_day_is_told_once() {
    let house = House::without_workers().await;
    let team = Team::of(&house).await;
    let later = Later::than(&house);
    let twenty = async || {
        for _ in 0..20 {
            house.function("generate-swot", &new_idea()).await;
        }
    };
    twenty().await;
    let proposal = live(&house, &team, changed(&house, "swot", "1.1.0", "Be brief.")).await;
    house.upstream.always(Some(Fault::Placeholder));
    twenty().await;
    house.upstream.always(None);
    assert_eq!(said(&house, &team, proposal.id).await, [], "nobody has looked yet");
    later.hours(1);
    until("nobody tells of the fall", async || !said(&house, &team, proposal.id).await.is_empty()).await;
    let found = said(&house, &team, proposal.id).await;
    assert!(found[0].0 == "watch" && found[0].1.starts_with("Quality has fallen.") && found[0].1.contains("over 20 outputs"), "{found:?}");
    assert_eq!(state(&house, &team.lead, proposal.id).await, "live", "to roll back is a person's decision");
    until("nobody is written to", async || {
        house.outbox().iter().any(|mail| mail.contains("To: lead@") && mail.to_lowercase().contains("quality"))
    })
    .await;
    later.hours(3);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(said(&house, &team, proposal.id).await.len(), 1, "it is told once");
    // Whoever acts on it ends the watch: nothing is settled a day later.
    releases::roll_back(&house.app, &team.lead, Production, &releases::Back::default(), "quality has fallen")
        .await
        .expect("is rolled back");
    later.hours(25);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(state(&house, &team.lead, proposal.id).await, "rolled-back");
    later.app.shut_down().await;
}

/// `planner serve` over the database of a house. Ended when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    async fn over(house: &House) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_planner"));
        command.args(["serve", "--role", "web", "--port", "0", "--data"]).arg(house.dir.path());
        command.env_clear().env("GEMINI_API_KEY", KEY).env("GEMINI_BASE_URL", house.upstream.url());
        command.env("PLANNER__SERVER__GENERATIONS_PER_HOUR", "100000");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let found = tokio::task::spawn_blocking(move || {
            lines.map_while(Result::ok).find_map(|line| Some(line.split_once("is ready: ")?.1.to_owned()))
        });
        let address = found.await.expect("joined").expect("it says where it is");
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Under load, in a process of its own: no request that begins a second after the command has ended is answered by what was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_on_the_command_line_reaches_a_server_within_a_second() {
    let house = House::without_workers().await;
    let team = Team::of(&house).await;
    live(&house, &team, changed(&house, "swot", "1.1.0", "One.")).await;
    let server = Server::over(&house).await;
    let client = reqwest::Client::new();
    let version = async || {
        let asked = client.post(format!("{}/functions/v1/generate-swot", server.address)).json(&new_idea()).send().await.expect("answers");
        asked.headers().get("x-prompt-version").and_then(|version| version.to_str().ok()).unwrap_or_default().to_owned()
    };
    assert_eq!(version().await, "1.1.0");
    let serving = house.store().await.team_read().await.expect("begins").serving(Production).await.expect("reads");
    let fast = house.app.models(prompts::ModelClass::Fast).join(",");
    assert!(serving.is_some_and(|serving| serving.models.contains(&format!("fast={fast};"))), "it says which models it serves with");
    let prompts = async |args: &[&str]| {
        let mut command = planner(house.dir.path(), Some(&house.upstream));
        command.arg("prompts").args(args).arg("--data").arg(house.dir.path());
        let (output, stderr) = run(command).await;
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
    };
    let back = ["rollback", "--from", "1.1.0", "--reason", "members get empty answers"];
    let ended = std::sync::OnceLock::new();
    let load = async || {
        let mut seen = Vec::new();
        loop {
            let asked = Instant::now();
            let answered = version().await;
            let late = ended.get().map(|at| asked.saturating_duration_since(*at));
            seen.push((late, answered));
            if late.is_some_and(|late| late > Duration::from_secs(2)) {
                return seen;
            }
        }
    };
    let command = async {
        let done = prompts(&back).await;
        ended.set(Instant::now()).expect("once");
        done
    };
    let (first, second, (code, told, stderr)) = tokio::join!(load(), load(), command);
    assert_eq!(code, Some(0), "{told}{stderr}");
    assert!(told.contains("production points at 1.0.0"), "{told}");
    // Staging has it yet, which is said with what to do.
    let left = "production was taken back from 1.1.0, and staging still serves it";
    assert!(told.contains(left) && told.contains("rollback --in staging --from 1.1.0"), "{told}");
    let (before, after): (Vec<_>, Vec<_>) =
        first.into_iter().chain(second).partition(|(late, _)| late.is_none_or(|late| late < Duration::from_secs(1)));
    assert!(before.iter().any(|(_, version)| version == "1.1.0") && !after.is_empty(), "{before:?} {after:?}");
    assert!(after.iter().all(|(_, version)| version == "1.0.0"), "{after:?}");
    // A second run finds what it wants.
    let (code, told, stderr) = prompts(&back).await;
    assert!(code == Some(0) && told.contains("has left 1.1.0 already") && told.contains("points at 1.0.0"), "{code:?} {told}{stderr}");
    let (code, told, _) = prompts(&["status"]).await;
    assert!(code == Some(0) && told.contains(left), "{told}");
    let (code, told, stderr) = prompts(&["rollback", "--in", "staging", "--from", "1.1.0", "--reason", "production has left it"]).await;
    assert!(code == Some(0) && !told.contains(left), "{told}{stderr}");
    // Another way back than the one that was gone is none that was gone.
    let (code, _, stderr) = prompts(&["rollback", "1.2.0", "--from", "1.1.0", "--reason", "members get empty answers"]).await;
    assert!(code == Some(1) && stderr.contains("has left 1.1.0 already"), "{code:?} {stderr}");
    // Nor is it when something else is in use since.
    live(&house, &team, changed(&house, "swot", "1.2.0", "Two.")).await;
    let (code, _, stderr) = prompts(&back).await;
    assert!(code == Some(1) && stderr.contains("has left 1.1.0 already: it points at 1.2.0"), "{code:?} {stderr}");
}
