//! Every query finds its rows by an index, however large the tables grow: the database's own plan of each statement says so.

use crate::backup::furnish;
use crate::place::Place;
use crate::samples::{email, name, noon};
use chrono::TimeDelta;
use domain::accounts::Purpose;
use domain::evals::Progress;
use domain::ids::{AlertId, GenerationId, JobId, MailId, OwnerId, RunId, SessionId, TokenId, VentureId};
use domain::jobs::{Lease, NewJob, Priority, Verdict};
use domain::reviews::Week;
use domain::roles::Environment;
use domain::runs::VentureRun;
use domain::tiers::Tier;
use sea_orm::{ConnectionTrait, DbBackend, Statement, sqlx};
use serde_json::Value;
use store::{AuditSearch, CasesOf, DIMENSIONS, Wanted};

/// Tables of a handful of rows, whatever happens.
const SMALL: [&str; 2] = ["paused_kinds", "seaql_migrations"];

pub async fn no_query_reads_a_whole_table(place: &Place) {
    ask_everything(place).await;
    let statements: Vec<(String, String)> =
        place.store.query_times().into_iter().map(|times| (times.name, times.sql)).filter(|(name, sql)| is_query(name, sql)).collect();
    assert!(statements.len() >= 100, "only {} statements were seen", statements.len());
    for (name, sql) in statements {
        let scanned = if place.store.is_shared() { scans_of_postgres(place, &sql).await } else { scans_of_sqlite(place, &sql).await };
        let large: Vec<&String> = scanned.iter().filter(|table| !SMALL.contains(&table.as_str())).collect();
        assert!(large.is_empty(), "\"{name}\" reads all of {large:?}: {sql}");
    }
    // The test can fail: nothing is found by what has no index.
    let unindexed = r#"SELECT "id" FROM "ventures" WHERE "idea" = 'x'"#;
    let scanned = if place.store.is_shared() { scans_of_postgres(place, unindexed).await } else { scans_of_sqlite(place, unindexed).await };
    assert_eq!(scanned, ["ventures"]);
}

fn is_query(name: &str, sql: &str) -> bool {
    let catalogue = ["sqlite_master", "information_schema", "pg_"].iter().any(|word| sql.contains(word));
    !catalogue && ["select", "update", "delete"].contains(&name.split(' ').next().unwrap_or_default()) && name.contains(' ')
}

/// Calls what the program calls while it works.
async fn ask_everything(place: &Place) {
    let store = &place.store;
    let owner = furnish(store).await;
    let tx = store.tenant(owner).await.expect("begins");
    let venture = tx.ventures(1, Some(VentureId::new())).await.expect("reads").remove(0).id;
    tx.ventures(1, None).await.expect("reads");
    tx.locked_venture(venture).await.expect("reads");
    tx.venture(venture).await.expect("reads");
    tx.set_archived(venture, None).await.expect("writes");
    let run = tx.latest_run(venture).await.expect("reads").expect("is there").id;
    tx.runs(venture, 9, Some(RunId::new())).await.expect("reads");
    tx.runs(venture, 9, None).await.expect("reads");
    tx.run(run).await.expect("reads");
    tx.set_run_state(run, &VentureRun::Running { since: noon() }).await.expect("writes");
    let brand = name("brand");
    let made = tx.versions(venture, &brand, 9, Some(GenerationId::new())).await.expect("reads").remove(0).id;
    tx.versions(venture, &brand, 9, None).await.expect("reads");
    tx.generation(made).await.expect("reads");
    tx.scores_of(made).await.expect("reads");
    tx.generations_of_run(run).await.expect("reads");
    tx.current_sections(venture).await.expect("reads");
    tx.mark_stale(venture, &[brand]).await.expect("writes");
    tx.events_after(run, 0, 9).await.expect("reads");
    tx.open_calls(run).await.expect("reads");
    tx.close_calls(GenerationId::new()).await.expect("writes");
    tx.keep_key("key", "body", noon()).await.expect("keeps");
    tx.answer_key("key", made.0).await.expect("writes");
    tx.take_key_over("key", noon(), noon()).await.expect("writes");
    tx.drop_key("key").await.expect("writes");
    tx.nearest("minilm", &[0.5; DIMENSIONS], 3).await.expect("reads");
    tx.cancel_job("run", "nothing", noon()).await.expect("writes");
    tx.commit().await.expect("commits");
    queue(place, owner).await;
    accounts(place, owner).await;
    what_the_program_keeps(place, owner).await;
    team(place).await;
    store.lost_calls(noon(), 9).await.expect("reads");
    store.forget_keys(noon()).await.expect("writes");
}

/// What belongs to an account, as its owner asks for it.
async fn accounts(place: &Place, owner: OwnerId) {
    let tx = place.store.tenant(owner).await.expect("begins");
    tx.account().await.expect("reads");
    tx.locked_account().await.expect("reads");
    tx.set_tier(Tier::Free).await.expect("changes");
    tx.set_email(&email(owner), None).await.expect("changes");
    tx.set_second_factor(None).await.expect("changes");
    tx.use_second_factor_step(1).await.expect("answers");
    let session = tx.sessions().await.expect("reads").remove(0).id;
    tx.set_session_second_factor(session).await.expect("changes");
    tx.end_sessions(Some(session)).await.expect("ends");
    tx.end_sessions(None).await.expect("ends");
    tx.end_session(session).await.expect("answers");
    let token = tx.tokens().await.expect("reads").remove(0).id;
    tx.revoke_token(token, noon()).await.expect("revokes");
    tx.revoke_tokens(noon()).await.expect("revokes");
    tx.use_link("hash", noon()).await.expect("answers");
    tx.drop_links(Purpose::Reset).await.expect("drops");
    tx.identities().await.expect("reads");
    tx.keep_guest(noon()).await.expect("is kept");
    tx.locked_guest().await.expect("reads");
    tx.end_guest().await.expect("ends");
    tx.takes_since(noon()).await.expect("reads");
    tx.forgive_spending().await.expect("writes");
    tx.guest_seen().await.expect("reads");
    tx.latest_generations(9).await.expect("reads");
    tx.hurry_jobs("run", noon()).await.expect("writes");
    tx.archive().await.expect("reads");
    tx.archive_content(domain::ids::ArchiveId::new()).await.expect("reads");
    tx.own_mails().await.expect("reads");
    tx.fill_archive(domain::ids::ArchiveId::new(), b"x", noon()).await.expect("writes");
    tx.spent_since(noon()).await.expect("adds up");
    tx.open_takes().await.expect("counts");
    tx.settle_take(GenerationId::new(), true, None).await.expect("answers");
    tx.give_back_takes_of_run(RunId::new()).await.expect("gives back");
    tx.close_alerts("kind", "subject", noon()).await.expect("answers");
    tx.count_ventures().await.expect("counts");
    tx.commit().await.expect("commits");
}

/// The same as the program and the team ask for it. Where somebody looks for a part of a text, the newest are gone through until a
/// page is full.
async fn what_the_program_keeps(place: &Place, owner: OwnerId) {
    let store = &place.store;
    store.account_by_email(&email(owner)).await.expect("reads");
    store.account_of(owner).await.expect("reads");
    store.accounts("", 9, None).await.expect("reads");
    store.accounts("ana", 9, Some(owner)).await.expect("reads");
    store.leaving_accounts(noon(), 9).await.expect("reads");
    store.session("hash").await.expect("reads");
    store.touch_session(SessionId::new(), noon()).await.expect("answers");
    store.forget_sessions(noon()).await.expect("forgets");
    store.token("hash").await.expect("reads");
    store.touch_token(TokenId::new(), noon()).await.expect("answers");
    store.link("hash").await.expect("reads");
    store.forget_links(noon()).await.expect("forgets");
    store.identity("google", "1").await.expect("reads");
    store.abandoned_guests(noon(), 9).await.expect("reads");
    store.forget_archives(noon()).await.expect("writes");
    store.forget_takes(noon()).await.expect("forgets");
    store.alerts(9, None).await.expect("reads");
    store.acknowledge_alert(AlertId::new(), noon()).await.expect("answers");
    for actor in [None, Some(owner)] {
        for action in [None, Some("account.tier".to_owned())] {
            let text = action.clone();
            store.audit_log(&AuditSearch { text, actor, action }, 9, None).await.expect("reads");
        }
    }
    store.mails(9, None).await.expect("reads");
    store.mail(MailId::new()).await.expect("reads");
    store.set_mail_sent(MailId::new(), noon(), true).await.expect("answers");
    store.forget_mails(noon()).await.expect("forgets");
    store.secret("cookies", "secret").await.expect("reads");
    let week = Week::of(noon());
    store.score_series(week.monday()).await.expect("adds up");
    store.review_candidates(week, 9).await.expect("draws");
    let drawn = store.review_candidates(week, 1).await.expect("draws").remove(0).generation;
    store.review_candidate(drawn).await.expect("reads");
    store.judgements(&[drawn, GenerationId::new()]).await.expect("reads");
    store.scores_by_id(&[domain::ids::ScoreId::new()]).await.expect("reads");
    store.decisions(9, None).await.expect("reads");
    store.erase_owner(OwnerId::new()).await.expect("answers");
}

/// What belongs to the team.
async fn team(place: &Place) {
    let store = &place.store;
    store.team_members().await.expect("reads");
    store.stamp(Environment::Staging).await.expect("reads");
    let tx = store.team().await.expect("begins");
    let proposal = tx.proposals(9, None).await.expect("reads").remove(0);
    tx.proposals(9, Some(proposal.id)).await.expect("reads");
    tx.proposal(proposal.id).await.expect("reads");
    tx.locked_proposal(proposal.id).await.expect("reads");
    tx.update_proposal(&proposal).await.expect("writes");
    tx.proposals_in(&["draft", "in-review"], 9).await.expect("reads");
    tx.paths(std::slice::from_ref(&proposal)).await.expect("reads");
    tx.files(proposal.id, 1).await.expect("reads");
    tx.comments(proposal.id).await.expect("reads");
    tx.releases().await.expect("reads");
    tx.release(&proposal.version).await.expect("reads");
    tx.close_team_alerts("kind", "subject", noon()).await.expect("answers");
    tx.release_texts(&["a hash", "another"].into()).await.expect("reads");
    tx.take_turn().await.expect("takes its turn");
    tx.stamp(Environment::Staging).await.expect("reads");
    tx.deployments(Environment::Staging, 9, Some(1)).await.expect("reads");
    tx.deployments(Environment::Staging, 9, None).await.expect("reads");
    tx.deployment(domain::ids::DeploymentId::new()).await.expect("reads");
    let serving = tx.serving(Environment::Staging).await.expect("reads");
    let eval = tx.evals(None, 9, None).await.expect("reads").remove(0);
    tx.evals(Some(proposal.id), 9, Some(eval.id)).await.expect("reads");
    tx.eval(eval.id).await.expect("reads");
    tx.eval_of(&eval.subject, Progress::Finished).await.expect("reads");
    tx.times_evaluated(&eval.subject).await.expect("counts");
    tx.judged(eval.id).await.expect("reads");
    tx.cases(eval.id, CasesOf::default(), 9, None).await.expect("reads");
    tx.cases(eval.id, CasesOf { section: Some(&name("swot")), failing: true }, 9, Some(0)).await.expect("reads");
    tx.case_texts(eval.id, &[0, 7]).await.expect("reads");
    tx.end_eval(&eval, noon()).await.expect("answers");
    let _ = tx.advance(&Lease { job: JobId::new(), token: uuid::Uuid::new_v4() }).await;
    tx.commit().await.expect("commits");
    store.keep_serving(&serving.expect("one serves")).await.expect("writes");
}

async fn queue(place: &Place, owner: OwnerId) {
    let (store, (now, run_at)) = (&place.store, (noon(), noon()));
    let job = NewJob {
        kind: "run",
        owner: Some(owner),
        unique_key: "b".into(),
        payload: 1.into(),
        priority: Priority::Free,
        run_at,
        now,
        head: None,
    };
    let tx = store.tenant(owner).await.expect("begins");
    tx.enqueue(&job).await.expect("is put in line");
    tx.commit().await.expect("commits");
    store.standing("run", "b", noon()).await.expect("asks");
    for only in [None, Some(owner)] {
        let wanted = Wanted { kinds: &["run"], owner: only, most: 1, lease_for: TimeDelta::seconds(9) };
        let claimed = store.claim(&wanted, noon()).await.expect("claims");
        store.renew(&[claimed[0].lease], noon, TimeDelta::seconds(9)).await.expect("renews");
        let tx = store.tenant(owner).await.expect("begins");
        tx.hold(&claimed[0].lease).await.expect("holds");
        tx.advance(&claimed[0].lease).await.expect("holds");
        tx.commit().await.expect("commits");
        store.end_attempt(&claimed[0].lease, &Verdict::Dead("why".into()), noon()).await.expect("ends");
    }
    store.head_of_line(Priority::Free, noon()).await.expect("asks");
    store.reap(noon()).await.expect("looks");
    store.queue().await.expect("counts");
    let dead = store.dead_jobs(1).await.expect("lists").remove(0).0;
    store.revive_job(dead, noon()).await.expect("revives");
    store.forget_jobs(noon()).await.expect("forgets");
}

async fn scans_of_sqlite(place: &Place, sql: &str) -> Vec<String> {
    let asked = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = place.raw().query_all_raw(asked).await.expect(sql);
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a step"));
    let scans = steps.filter_map(|step| step.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()));
    scans.filter(|scanned| scanned != "CONSTANT").collect()
}

/// With scans forbidden, what is still scanned has no index. The plan is one for any values.
async fn scans_of_postgres(place: &Place, sql: &str) -> Vec<String> {
    // Only the simple protocol takes a statement whose values are still open.
    let mut connection = place.raw().get_postgres_connection_pool().acquire().await.expect("a connection");
    let asked = format!("SET enable_seqscan = off; EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}");
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(asked)).fetch_one(&mut *connection).await.expect(sql);
    let plan: Value = sqlx::Row::try_get(&row, 0).expect("a plan");
    let mut scanned = Vec::new();
    walk(&plan[0]["Plan"], &mut scanned);
    scanned
}

fn walk(node: &Value, scanned: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    // The index over vectors has no condition: the order is what it is for.
    let ordered = node.get("Order By").is_some();
    if kind == "Seq Scan" || (kind.contains("Index") && node.get("Index Cond").is_none() && !ordered) {
        scanned.push(node["Relation Name"].as_str().unwrap_or(node["Index Name"].as_str().unwrap_or_default()).to_owned());
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        walk(inner, scanned);
    }
}
