//! Ventures, runs and generations to store, and what belongs to an account, with a value in every part.

use chrono::{SubsecRound, TimeDelta};
use domain::Timestamp;
use domain::accounts::{Account, ApiToken, Email, Link, Purpose, Scope, Session};
use domain::alerts::Alert;
use domain::audit::{Actor, Entry};
use domain::decisions::{Decision, Evidence};
use domain::evals::{CaseTexts, CaseVerdict, Eval, Figures, Outcome, Progress, Subject};
use domain::generations::{Confidence, Generation, Issue, ModelCall, Source, Span, Status};
use domain::ids::{AlertId, AuditId, CallId, CommentId, DeploymentId, EvalId, GenerationId, MailId, OwnerId, ProposalId, RunId};
use domain::ids::{DecisionId, ScoreId};
use domain::ids::{SessionId, TokenId, TraceId, VentureId};
use domain::mails::Mail;
use domain::proposals::{Comment, Proposal, ProposedFile, State};
use domain::releases::{Deployment, Move, Released, Serving};
use domain::reviews::Week;
use domain::roles::{Environment, Role};
use domain::rubric::{Criterion, Points, Reasons, Score, Scorer};
use domain::runs::VentureRun;
use domain::sections::SectionName;
use domain::tiers::Tier;
use domain::usage::{MicroDollars, Tokens, Usage};
use domain::ventures::{Brief, RawBrief, Venture};
use semver::Version;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Run, Scored, Store, Take};

/// The present, as exactly as the store keeps it.
pub fn now() -> Timestamp {
    chrono::Utc::now().trunc_subsecs(6)
}

/// A moment that stands still.
pub fn noon() -> Timestamp {
    Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(500_004)
}

/// A section's name.
pub fn name(text: &str) -> SectionName {
    SectionName::parse(text).expect("a valid name")
}

/// A venture whose brief has every part.
pub fn venture(owner: OwnerId) -> Venture {
    let raw = RawBrief {
        idea: "vegan leather hiking boots \u{2014} נעלי הליכה".into(),
        voice: Some("dry, precise and \"kind\"".into()),
        persona: Some("artisan-maker".into()),
        experience: Some("expert".into()),
        target_market: Some("women who hike in the Alps".into()),
        price_range: Some("€120-€180".into()),
        language: Some("de".into()),
        currency: Some("EUR".into()),
    };
    Venture { id: VentureId::new(), owner, brief: Brief::parse(&raw).expect("a valid brief"), created: now(), archived: None }
}

/// A venture that is stored.
pub async fn stored_venture(store: &Store, owner: OwnerId) -> Venture {
    let venture = venture(owner);
    let tx = store.tenant(owner).await.expect("begins");
    tx.insert_venture(&venture).await.expect("is added");
    tx.commit().await.expect("commits");
    venture
}

/// A run of two sections that has just started.
pub fn run(venture: &Venture) -> Run {
    Run {
        id: RunId::new(),
        owner: venture.owner,
        venture: venture.id,
        sections: vec![name("smart-goals"), name("brand")],
        state: VentureRun::Running { since: now() },
        created: now(),
    }
}

/// A run that is stored.
pub async fn stored_run(store: &Store, venture: &Venture) -> Run {
    let run = run(venture);
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.insert_run(&run).await.expect("is added");
    tx.commit().await.expect("commits");
    run
}

/// A generation with two calls, two spans, issues and sources.
pub fn generation(venture: &Venture, run: Option<&Run>, section: &str) -> Generation {
    let tokens = Tokens { input: 1_200, cached: 400, output: 350, thoughts: 90 };
    let call = |outcome: &str, cost| ModelCall {
        id: CallId::new(),
        provider: "gemini".into(),
        model: "gemini-pro".into(),
        outcome: outcome.into(),
        tokens,
        search_queries: 2,
        cost,
        started: now(),
        duration_ms: 812,
    };
    let span = |name: &str, attributes| Span { name: name.into(), started: now(), duration_us: 1_234, attributes };
    Generation {
        id: GenerationId::new(),
        owner: venture.owner,
        venture: Some(venture.id),
        run: run.map(|run| run.id),
        section: name(section),
        prompt_version: "1.4.0".into(),
        template_hash: "a".repeat(64),
        model: "gemini:gemini-pro".into(),
        draft_model: false,
        cached: false,
        status: Status::Partial,
        confidence: Confidence::High,
        input: json!({ "productIdea": "boots", "previousFeedback": [] }),
        output: json!({ "zeta": [1, 2.5, null], "alpha": { "text": "naïve 🥾" } }),
        issues: vec![Issue::new("price-range", "/competitors/0", "is not a price range")],
        sources: vec![Source { uri: "https://example.org/a".into(), title: "A".into() }],
        usage: Usage { tokens, calls: 2, cost: None },
        calls: vec![call("timed-out", None), call("ok", Some(MicroDollars(28_692)))],
        trace: TraceId::new(),
        spans: vec![span("validate", Value::Null), span("attempt", json!({ "n": 1 }))],
        created: now(),
        duration_ms: 2_048,
    }
}

/// A generation that is stored.
pub async fn stored_generation(store: &Store, venture: &Venture, run: Option<&Run>, section: &str) -> Generation {
    let generation = generation(venture, run, section);
    let tx = store.tenant(venture.owner).await.expect("begins");
    tx.insert_generation(&generation).await.expect("is added");
    tx.commit().await.expect("commits");
    generation
}

/// A generation as lists give it: without spans.
pub fn without_spans(generation: &Generation) -> Generation {
    Generation { spans: Vec::new(), ..generation.clone() }
}

/// An address that nobody else has.
pub fn email(owner: OwnerId) -> Email {
    Email::parse(&format!("Ana_{}@Example.com", owner.0.simple())).expect("a valid address")
}

/// An account of somebody in the team.
pub fn account(owner: OwnerId) -> Account {
    Account {
        owner,
        email: email(owner),
        tier: Tier::Starter,
        role: Some(Role::PromptEngineer),
        verified: Some(now()),
        has_password: true,
        has_second_factor: false,
        limited_until: Some(now() + TimeDelta::hours(3)),
        leaving: Some(now() - TimeDelta::days(1)),
        created: now() - TimeDelta::days(9),
    }
}

/// An account that is stored.
pub async fn stored_account(store: &Store, owner: OwnerId) -> Account {
    let account = account(owner);
    let tx = store.tenant(owner).await.expect("begins");
    tx.insert_account(&account, Some("$argon2id$secret")).await.expect("is added");
    tx.commit().await.expect("commits");
    account
}

/// What a secret is found by; another one each time.
pub fn hash() -> String {
    format!("{0}{0}", MailId::new().0.simple())
}

/// A session that ends in an hour.
pub fn session(owner: OwnerId) -> Session {
    Session {
        id: SessionId::new(),
        owner,
        hash: hash(),
        second_factor: false,
        created: now(),
        seen: now() + TimeDelta::minutes(1),
        expires: now() + TimeDelta::hours(1),
        address: "203.0.113.0/24".into(),
        agent: "Firefox \u{2014} נ".into(),
    }
}

/// A token that ends in an hour.
pub fn token(owner: OwnerId) -> ApiToken {
    ApiToken {
        id: TokenId::new(),
        owner,
        name: "CI".into(),
        scopes: vec![Scope::Read, Scope::Staff],
        created: now(),
        expires: Some(now() + TimeDelta::hours(1)),
        used: None,
        revoked: None,
    }
}

/// A link that ends an hour after noon.
pub fn link(owner: OwnerId) -> Link {
    let (created, expires) = (noon(), noon() + TimeDelta::hours(1));
    Link { hash: hash(), owner, purpose: Purpose::ChangeEmail, email: Some(email(owner)), created, expires, used: None }
}

/// An alert about an owner.
pub fn alert(owner: OwnerId) -> Alert {
    Alert {
        id: AlertId::new(),
        kind: Alert::MEMBER_COST.into(),
        owner: Some(owner),
        subject: owner.to_string(),
        detail: json!({ "spent": 2_000_001 }),
        opened: now(),
        acknowledged: None,
        closed: None,
    }
}

/// A line of the audit log.
pub fn entry(actor: Actor, action: &str) -> Entry {
    Entry {
        id: AuditId::new(),
        at: now(),
        actor,
        action: action.into(),
        subject_kind: "account".into(),
        subject: OwnerId::new().to_string(),
        network: Some("203.0.113.0/24".into()),
        before: json!({ "tier": "free" }),
        after: json!(null),
        reason: Some("They asked for 100% of it, by Mail_1".into()),
    }
}

/// A mail that is not sent yet.
pub fn mail(owner: OwnerId) -> Mail {
    Mail {
        id: MailId::new(),
        owner,
        kind: "verify".into(),
        unique_key: hash(),
        to: email(owner),
        subject: "Is this you?".into(),
        text: "https://example.com/verify/abc".into(),
        html: "<a href=\"https://example.com/verify/abc\">yes</a>".into(),
        created: now(),
        sent: None,
    }
}

/// One taken out of the quota.
pub fn take(owner: OwnerId, run: Option<RunId>, at: Timestamp) -> Take {
    Take { id: GenerationId::new(), owner, run, at }
}

/// A proposal that was just begun.
pub fn proposal() -> Proposal {
    let author = Actor::Account(OwnerId::new());
    Proposal {
        id: ProposalId::new(),
        title: "Shorter \"goals\"".into(),
        why: "They are read\non a phone.".into(),
        version: Version::new(1, 1, 0),
        base: Version::new(1, 0, 0),
        author,
        writers: vec![author, Actor::Account(OwnerId::new())],
        state: State::Draft,
        revision: 1,
        created: noon(),
        updated: noon(),
    }
}

/// Something said about a proposal.
pub fn comment(proposal: ProposalId, step: Option<&str>) -> Comment {
    let (id, by, at) = (CommentId::new(), Actor::CommandLine, noon());
    Comment { id, proposal, revision: 1, by, at, step: step.map(str::to_owned), text: "Good.".into() }
}

/// The release a proposal became.
pub fn released(proposal: &Proposal, version: Version) -> Released {
    Released {
        version,
        content: "content".into(),
        proposal: proposal.id,
        revision: proposal.revision,
        over: Version::new(1, 0, 0),
        over_content: "before".into(),
        files: [("v1.1.0/swot.yaml".to_owned(), "a hash".to_owned())].into(),
        at: noon(),
    }
}

/// The texts of it.
pub fn released_texts() -> BTreeMap<String, String> {
    [("a hash".to_owned(), "name: swot".to_owned())].into()
}

/// A deployment of the release 1.`minor`.0.
pub fn deployment(environment: Environment, minor: u64) -> Deployment {
    Deployment {
        id: DeploymentId::new(),
        number: 1,
        environment,
        version: Version::new(1, minor, 0),
        content: "content".into(),
        previous: Version::new(1, 0, 0),
        previous_content: "before".into(),
        kind: Move::Deploy,
        by: Actor::CommandLine,
        at: noon(),
        eval: None,
        reason: None,
    }
}

/// An eval that was just asked for.
pub fn eval(content: &str) -> Eval {
    let (models, suite) = ("fast=gemini:flash;reasoning=gemini:pro".to_owned(), "suite".to_owned());
    Eval {
        id: EvalId::new(),
        subject: Subject { version: Version::new(1, 1, 0), proposal: None, content: content.into(), models, suite },
        by: Actor::CommandLine,
        progress: Progress::Running,
        reason: None,
        cases: 0,
        sections: BTreeMap::new(),
        total: Figures::default(),
        created: noon(),
        ended: None,
    }
}

/// A case that passed.
pub fn case(number: u32, section: &str) -> CaseVerdict {
    CaseVerdict {
        number,
        section: name(section),
        description: "hand-poured candles".into(),
        outcome: Outcome::Pass,
        score: 0.75,
        quality: None,
        latency_ms: 812,
        tokens: Tokens::default(),
        cost: Some(MicroDollars(12)),
        reasons: Vec::new(),
    }
}

/// What a case asked and what came back.
pub fn texts() -> CaseTexts {
    CaseTexts { vars: json!({"productIdea": "candles"}), output: json!("text") }
}

/// A value in every table of the team.
pub async fn furnish_team(store: &Store) {
    let tx = store.team().await.expect("begins");
    let proposal = proposal();
    let eval = eval(&proposal.id.to_string());
    let patch = u64::from(proposal.id.0.as_fields().3[7]) << 32 | u64::from(uuid::Uuid::new_v4().as_fields().0);
    tx.insert_proposal(&proposal, &[ProposedFile { path: "v1.1.0/swot.yaml".into(), text: "x".into() }]).await.expect("is added");
    tx.insert_comment(&comment(proposal.id, None)).await.expect("is added");
    let number = tx.take_turn().await.expect("takes its turn");
    tx.insert_release(&released(&proposal, Version::new(1, 1, patch)), number, &released_texts()).await.expect("is added");
    tx.insert_deployment(&Deployment { number, ..deployment(Environment::Staging, 1) }).await.expect("is added");
    tx.insert_eval(&eval).await.expect("is added");
    tx.insert_case(eval.id, &case(0, "swot"), &texts()).await.expect("is added");
    tx.audit(&entry(Actor::CommandLine, "proposal.begun")).await.expect("is added");
    tx.commit().await.expect("commits");
    let process = uuid::Uuid::new_v4();
    let serving = Serving { environment: Environment::Staging, process, models: "fast=a".into(), since: noon(), seen: noon() };
    store.begin_serving(&serving).await.expect("is kept");
}

/// What the program says of a generation, which can be drawn for the review of noon's week.
pub fn score(generation: &Generation) -> Scored {
    let points = Score::of([Points::of_tenths(73), Points::whole(8), Points::whole(10), None, Points::whole(9)]);
    let reasons = Reasons::from([(Criterion::Voice, "Not judged: this voice cannot be measured.".to_owned())]);
    Scored { week: Some(Week::of(noon())), ..Scored::of(generation, Scorer::Automatic, (points, reasons), noon()) }
}

/// A line of the decision log.
pub fn decision(by: Option<OwnerId>) -> Decision {
    Decision {
        id: DecisionId::new(),
        found: "Goals name no dates \u{2014} תאריך".into(),
        evidence: Evidence { section: Some(name("smart-goals")), version: Some("1.4.0".into()), scores: vec![ScoreId::new()] },
        decision: "The next version asks for one.".into(),
        by,
        at: noon(),
    }
}
