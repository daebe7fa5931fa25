//! What the store promises about proposals, and what was said of them.

use crate::place::Place;
use crate::samples::{comment, noon, proposal};
use domain::audit::Actor;
use domain::ids::{OwnerId, ProposalId};
use domain::proposals::{Proposal, ProposedFile, State};
use store::Error;

fn file(path: &str, text: &str) -> ProposedFile {
    ProposedFile { path: path.into(), text: text.into() }
}

pub async fn a_proposal_comes_back_as_it_was(place: &Place) {
    let (store, by) = (&place.store, Actor::Account(OwnerId::new()));
    let tx = store.team().await.expect("begins");
    let first = proposal();
    let files = [file("tests/swot.yaml", "[]"), file("v1.1.0/swot.yaml", "name: swot\n")];
    tx.insert_proposal(&first, &files).await.expect("is added");
    assert_eq!(tx.proposal(first.id).await.expect("reads").as_ref(), Some(&first));
    // Each state with what is true in it.
    let (at, reason) = (noon(), "p95 doubled".to_owned());
    let states = [
        State::InReview { since: at },
        State::ChangesRequested { by, at },
        State::Approved { by, at },
        State::Staged { by: Actor::CommandLine, at },
        State::Accepted { by, at },
        State::Live { by, at, watched_until: at },
        State::Settled { at },
        State::Rejected { by, at, reason: reason.clone() },
        State::RolledBack { by, at, reason },
        State::Withdrawn { by, at },
    ];
    for state in states {
        let next = Proposal { state, ..first.clone() };
        tx.update_proposal(&next).await.expect("is kept");
        assert_eq!(tx.locked_proposal(first.id).await.expect("reads"), Some(next));
    }
    assert_eq!(tx.proposals_in(&["live", "withdrawn"], 9).await.expect("reads").len(), 1);
    assert!(tx.proposals_in(&["draft", "staged"], 9).await.expect("reads").is_empty());
    assert!(matches!(tx.update_proposal(&proposal()).await, Err(Error::Conflict)), "it is not there");
    let second = Proposal { revision: 2, ..first.clone() };
    tx.insert_files(&second, &files[1..]).await.expect("are added");
    tx.commit().await.expect("commits");
    let tx = store.team_read().await.expect("begins");
    assert_eq!(tx.files(first.id, 1).await.expect("reads"), files);
    assert_eq!(tx.files(first.id, 2).await.expect("reads"), files[1..]);
    assert!(tx.files(first.id, 3).await.expect("reads").is_empty());
    assert_eq!(tx.paths(std::slice::from_ref(&second)).await.expect("reads"), [(first.id, "v1.1.0/swot.yaml".to_owned())]);
    assert_eq!(tx.paths(&[first.clone(), proposal()]).await.expect("reads").len(), 2);
    assert!(matches!(tx.insert_files(&second, &files).await, Err(Error::Database(_))), "it reads only");
}

pub async fn proposals_come_newest_first_with_what_was_said(place: &Place) {
    let store = &place.store;
    let tx = store.team().await.expect("begins");
    let made: Vec<Proposal> = (0..3).map(|_| proposal()).collect();
    for proposal in &made {
        tx.insert_proposal(proposal, &[file("v1.1.0/swot.yaml", "x")]).await.expect("is added");
    }
    let said = [comment(made[0].id, None), comment(made[0].id, Some("approved"))];
    for comment in &said {
        tx.insert_comment(comment).await.expect("is added");
    }
    tx.commit().await.expect("commits");
    let tx = store.team_read().await.expect("begins");
    let page = async |limit, before| -> Vec<ProposalId> {
        tx.proposals(limit, before).await.expect("reads").into_iter().map(|proposal| proposal.id).collect()
    };
    assert_eq!(page(2, None).await, [made[2].id, made[1].id]);
    assert_eq!(page(2, Some(made[1].id)).await, [made[0].id]);
    let drafts: Vec<ProposalId> = tx.proposals_in(&["draft"], 2).await.expect("reads").into_iter().map(|proposal| proposal.id).collect();
    assert_eq!(drafts, [made[0].id, made[1].id], "oldest first");
    assert_eq!(tx.comments(made[0].id).await.expect("reads"), said);
    assert!(tx.comments(made[1].id).await.expect("reads").is_empty());
}

pub async fn nothing_of_the_team_is_kept_without_a_commit(place: &Place) {
    let one = proposal();
    let tx = place.store.team().await.expect("begins");
    tx.insert_proposal(&one, &[file("v1.1.0/swot.yaml", "x")]).await.expect("is added");
    drop(tx);
    assert_eq!(place.store.team_read().await.expect("begins").proposal(one.id).await.expect("reads"), None);
}
