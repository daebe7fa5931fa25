//! Keys: what differs in any part has another one.

use hub::CacheKey;
use proptest::prelude::*;

type Parts = Vec<(String, String)>;

fn key(parts: &Parts) -> CacheKey {
    parts.iter().fold(CacheKey::builder(), |key, (name, value)| key.part(name, value)).finish()
}

fn parts() -> impl Strategy<Value = Parts> {
    prop::collection::vec(("[ab]{0,3}", "[ab\0:]{0,3}"), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_two_lists_of_parts_share_a_key(one in parts(), two in parts()) {
        prop_assert_eq!(one == two, key(&one) == key(&two));
    }

    /// The hardest neighbours: the same characters, divided differently.
    #[test]
    fn where_a_part_ends_counts(text in "[ab]{2,12}", a in 0..12_usize, b in 0..12_usize) {
        let cut = |at: usize| text.split_at(at.min(text.len()));
        let (one, two) = (cut(a), cut(b));
        let as_pair = |(name, value): (&str, &str)| vec![(name.to_owned(), value.to_owned())];
        prop_assert_eq!(one == two, key(&as_pair(one)) == key(&as_pair(two)));
        let as_two = |(first, second): (&str, &str)| vec![("part".to_owned(), first.to_owned()), ("part".to_owned(), second.to_owned())];
        prop_assert_eq!(one == two, key(&as_two(one)) == key(&as_two(two)));
    }
}

#[test]
fn a_key_stays_what_it_is() {
    // Replicas of two versions share a Redis while one replaces the other.
    let key = CacheKey::builder().part("scope", "guest").part("idea", "boots").finish();
    assert_eq!(key.to_string(), "d6384377f678ac9edc8a0f578aec390b18847e802bf8b05e3879f74213c52d31");
}
