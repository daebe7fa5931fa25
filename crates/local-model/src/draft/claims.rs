//! What a line must not claim, whoever sells what: that something is the best there is, or that the product is its opposite.

use super::subject::Subject;
use super::text;

/// Boasts that nobody can prove. The small model falls into them when it knows nothing else.
const BOASTS: [&str; 14] = [
    "best in the world",
    "the best",
    "in the world",
    "number one",
    "no one else",
    "nobody else",
    "nobody in",
    "no one in",
    "the only one",
    "world's",
    "award winning",
    "guaranteed to",
    "100 safe",
    "for everyone in",
];

/// Qualities that a product cannot have at once, in words without hyphens. The small model mixes up what means nearly the same
/// to it.
const OPPOSITES: [(&str, &str); 8] = [
    ("left handed", "right hand"),
    ("left handed", "right handed"),
    ("right handed", "left handed"),
    ("vegan", "animal leather"),
    ("gluten free", "contains gluten"),
    ("waterproof", "not waterproof"),
    ("handmade", "machine made"),
    ("second hand", "brand new"),
];

/// Whether the line boasts.
pub(super) fn boasts(line: &str) -> bool {
    let line = spaced(line);
    BOASTS.iter().any(|boast| line.contains(&format!(" {boast} ")))
}

/// Whether the line gives the product a quality opposite to the one that the person told.
pub(super) fn contradicts(line: &str, subject: &Subject) -> bool {
    let (line, told) = (spaced(line), spaced(&subject.full));
    let has = |text: &str, phrase: &str| text.contains(&format!(" {phrase} "));
    OPPOSITES.iter().any(|(ours, other)| has(&told, ours) && has(&line, other) && !has(&told, other))
}

fn spaced(text: &str) -> String {
    format!(" {} ", text::words(text).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boasts_are_heard() {
        assert!(boasts("Our mugs are the best in the world."));
        assert!(boasts("An award-winning mug."));
        assert!(!boasts("The bestseller is a blue mug."));
    }

    #[test]
    fn a_product_is_not_its_opposite() {
        let subject = Subject::of("left-handed kitchen scissors");
        assert!(contradicts("Right-handed scissors are here.", &subject));
        assert!(!contradicts("The right size for a left-handed cook.", &subject));
        assert!(!contradicts("Right-handed scissors are here.", &Subject::of("kitchen scissors")));
    }
}
