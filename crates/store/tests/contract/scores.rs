//! What the store promises about scores.

use crate::place::Place;
use crate::samples::{name, noon, score, stored_account, stored_generation, stored_venture};
use domain::ids::{GenerationId, OwnerId, ScoreId};
use domain::reviews::{Week, lot};
use domain::rubric::{Criterion, Points, Score, Scorer};
use store::{Error, Scored, Store};

async fn add(store: &Store, scored: &Scored) -> store::Result<()> {
    let tx = store.tenant(scored.owner).await.expect("begins");
    tx.insert_score(scored).await?;
    tx.commit().await
}

/// A generation with its automatic score.
async fn judged(store: &Store, section: &str) -> Scored {
    let venture = stored_venture(store, OwnerId::new()).await;
    let scored = score(&stored_generation(store, &venture, None, section).await);
    add(store, &scored).await.expect("is added");
    scored
}

pub async fn a_score_comes_back_as_it_was(place: &Place) {
    let store = &place.store;
    let automatic = judged(store, "brand").await;
    let reviewer = stored_account(store, OwnerId::new()).await.owner;
    let person = Scored {
        id: ScoreId::new(),
        scorer: Scorer::Person,
        account: Some(reviewer),
        note: Some("Too general \u{2014} נעליים".into()),
        week: None,
        ..automatic.clone()
    };
    let judge =
        Scored { id: ScoreId::new(), scorer: Scorer::Judge, by_model: Some("gemini:judge".into()), week: None, ..automatic.clone() };
    add(store, &person).await.expect("is added");
    add(store, &judge).await.expect("is added");
    let tx = store.tenant_read(automatic.owner).await.expect("begins");
    assert_eq!(tx.scores_of(automatic.generation).await.expect("reads"), [automatic.clone(), person.clone(), judge.clone()]);
    assert_eq!(tx.scores_of(GenerationId::new()).await.expect("reads"), []);
    let stranger = store.tenant_read(OwnerId::new()).await.expect("begins");
    assert_eq!(stranger.scores_of(automatic.generation).await.expect("reads"), []);
    let other = judged(store, "brand").await;
    let by_id = store.scores_by_id(&[judge.id, ScoreId::new(), other.id]).await.expect("reads");
    assert_eq!(by_id, [judge.clone(), other.clone()]);
    let said = store.judgements(&[automatic.generation, other.generation, GenerationId::new()]).await.expect("reads");
    assert_eq!(said.len(), 2);
    assert_eq!(
        (said[&automatic.generation].as_slice(), said[&other.generation].as_slice()),
        (&[automatic, person, judge][..], &[other][..])
    );
}

pub async fn a_person_scores_a_generation_once(place: &Place) {
    let store = &place.store;
    let automatic = judged(store, "brand").await;
    let (one, other) = (stored_account(store, OwnerId::new()).await.owner, stored_account(store, OwnerId::new()).await.owner);
    let by = |account| Scored { id: ScoreId::new(), scorer: Scorer::Person, account: Some(account), week: None, ..automatic.clone() };
    add(store, &by(one)).await.expect("is added");
    assert!(matches!(add(store, &by(one)).await, Err(Error::Conflict)));
    add(store, &by(other)).await.expect("somebody else may");
    assert!(matches!(add(store, &by(OwnerId::new())).await, Err(Error::Conflict)), "nobody with that account");
    // Who is forgotten is forgotten here too, and what they said stays.
    store.erase_owner(one).await.expect("is forgotten");
    let tx = store.tenant_read(automatic.owner).await.expect("begins");
    let said: Vec<_> = tx.scores_of(automatic.generation).await.expect("reads").iter().map(|scored| scored.account).collect();
    assert_eq!(said, [None, None, Some(other)]);
}

pub async fn a_score_needs_a_generation_of_its_owner_and_points(place: &Place) {
    let store = &place.store;
    let (mine, theirs) = (judged(store, "brand").await, judged(store, "brand").await);
    let misplaced = Scored { id: ScoreId::new(), generation: theirs.generation, ..mine.clone() };
    assert!(matches!(add(store, &misplaced).await, Err(Error::Conflict)), "a generation of somebody else");
    let tx = store.tenant(mine.owner).await.expect("begins");
    let planted = Scored { id: ScoreId::new(), ..theirs.clone() };
    assert!(matches!(tx.insert_score(&planted).await, Err(Error::Conflict)), "for somebody else");
    let empty = Scored { id: ScoreId::new(), score: Score::default(), ..mine.clone() };
    assert!(tx.insert_score(&empty).await.is_err(), "without any points");
    // A generation takes its scores along.
    drop(tx);
    store.erase_owner(mine.owner).await.expect("is forgotten");
    assert!(store.judgements(&[mine.generation]).await.expect("reads").is_empty());
}

pub async fn scores_are_added_up_by_day(place: &Place) {
    let store = &place.store;
    let days = ["2026-03-01T23:59:59Z", "2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"];
    for (at, day) in days.into_iter().enumerate() {
        let venture = stored_venture(store, OwnerId::new()).await;
        let base = score(&stored_generation(store, &venture, None, if at == 3 { "market" } else { "brand" }).await);
        let points = base.score.with(Criterion::Voice, (at != 1).then_some(Points::ALL)).with(Criterion::Format, Points::whole(5));
        let made: domain::Timestamp = day.parse().expect("a moment");
        add(store, &Scored { score: points, day: made.date_naive(), ..base }).await.expect("is added");
    }
    let from = |day: &str| day.parse::<chrono::NaiveDate>().expect("a day");
    let all = store.score_series(from("2026-03-01")).await.expect("adds up");
    let seen: Vec<_> =
        all.iter().map(|sum| (sum.day.to_string(), sum.section.to_string(), sum.count, sum.criteria[3], sum.criteria[2])).collect();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], ("2026-03-01".into(), "brand".into(), 1, (1, 100), (1, 50)));
    assert!(seen.contains(&("2026-03-02".into(), "brand".into(), 2, (1, 100), (2, 100))));
    assert!(seen.contains(&("2026-03-02".into(), "market".into(), 1, (1, 100), (1, 50))));
    assert!(all.iter().all(|sum| sum.scorer == Scorer::Automatic && sum.variant.model == "gemini:gemini-pro" && sum.total > 0));
    assert_eq!(store.score_series(from("2026-03-02")).await.expect("adds up").len(), 2);
    assert_eq!(store.score_series(from("2026-03-03")).await.expect("adds up"), []);
}

pub async fn what_can_be_reviewed_is_drawn_by_lot(place: &Place) {
    let store = &place.store;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(judged(store, "brand").await);
    }
    let venture = stored_venture(store, OwnerId::new()).await;
    let elsewhere = Scored { week: None, ..score(&stored_generation(store, &venture, None, "brand").await) };
    add(store, &elsewhere).await.expect("is added");
    made.sort_by_key(|scored| lot(scored.generation));
    let ids = |limit| {
        let store = store.clone();
        async move {
            let drawn = store.review_candidates(Week::of(noon()), limit).await.expect("draws");
            drawn.into_iter().map(|candidate| (candidate.generation, candidate.owner, candidate.lot)).collect::<Vec<_>>()
        }
    };
    let expected: Vec<_> = made.iter().map(|scored| (scored.generation, scored.owner, lot(scored.generation))).collect();
    assert_eq!(ids(9).await, expected);
    assert_eq!(ids(2).await, expected[..2]);
    assert_eq!(store.review_candidates(Week::of(noon()).before(), 9).await.expect("draws"), []);
    let one = store.review_candidate(made[0].generation).await.expect("reads").expect("can be drawn");
    assert_eq!((one.generation, one.section, one.variant), (made[0].generation, name("brand"), made[0].variant.clone()));
    assert_eq!(store.review_candidate(elsewhere.generation).await.expect("reads"), None);
    assert_eq!(store.review_candidate(GenerationId::new()).await.expect("reads"), None);
}
