//! The stem of an English word, by M. F. Porter's rules of 1980 as the npm package `natural` reads them.
//!
//! No crate is used: the readings differ. `natural` counts a `y` that sounds as a vowel apart from vowels after it (`bye` has two), tries
//! every ending of a step on the word as it came, measures words in UTF-16 units, and stems whatever is no letter too.

/// Endings of the second step, and what they become after a measure above 0.
const SECOND: [(&str, &str); 22] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("abli", "able"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];
/// The same of the third.
const THIRD: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];
/// Endings that fall in the fourth step, after a measure above 1. A longer one stands before those that end it.
const FOURTH: [&str; 18] =
    ["ement", "ment", "ance", "ence", "able", "ible", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic", "ou"];

/// The stem of a word in small letters.
pub(crate) fn stem(word: &str) -> String {
    let mut units: Vec<u16> = word.encode_utf16().collect();
    if units.len() >= 3 {
        plural(&mut units);
        past(&mut units);
        final_y(&mut units);
        suffixes(&mut units, &SECOND);
        suffixes(&mut units, &THIRD);
        fourth(&mut units);
        final_e(&mut units);
        if turns(&units) > Some(2) && ends(&units, "ll") {
            units.pop();
        }
    }
    // What falls are letters, and one of two units that are the same: no half of a pair is left.
    String::from_utf16_lossy(&units)
}

#[derive(Clone, Copy, PartialEq)]
enum Sound {
    Consonant,
    Vowel,
    /// A `y` after a consonant.
    Y,
}

fn is_vowel(unit: u16) -> bool {
    is_one_of(unit, "aeiou")
}

fn is_one_of(unit: u16, letters: &str) -> bool {
    letters.encode_utf16().any(|letter| letter == unit)
}

fn sounds(word: &[u16]) -> impl Iterator<Item = Sound> {
    word.iter().enumerate().map(|(at, unit)| match at.checked_sub(1).map(|before| word[before]) {
        _ if is_vowel(*unit) => Sound::Vowel,
        Some(before) if is_one_of(*unit, "y") && !is_one_of(before, "aeiouy") => Sound::Y,
        _ => Sound::Consonant,
    })
}

/// How often vowels and consonants take turns, twice Porter's measure: consonants at the beginning and vowels at the end do not count. A
/// word of nothing has no measure.
fn turns(word: &[u16]) -> Option<usize> {
    let (mut groups, mut last) = (0, None);
    for sound in sounds(word) {
        if last != Some(sound) || sound == Sound::Y {
            // Consonants at the beginning are not counted.
            groups += usize::from(last.is_some() || sound != Sound::Consonant);
            last = Some(sound);
        }
    }
    Some(groups - usize::from(last? != Sound::Consonant))
}

fn has_vowel(word: &[u16]) -> bool {
    sounds(word).any(|sound| sound != Sound::Consonant)
}

/// Whether its last three sounds are consonant, vowel, consonant, and the last is none of `w`, `x`, `y`.
fn is_short(word: &[u16]) -> bool {
    let all: Vec<Sound> = sounds(word).collect();
    let shaped = matches!(all.as_slice(), [.., Sound::Consonant, Sound::Vowel | Sound::Y, Sound::Consonant]);
    shaped && !word.last().is_some_and(|unit| is_one_of(*unit, "wxy"))
}

fn before<'w>(word: &'w [u16], ending: &str) -> Option<&'w [u16]> {
    let rest = &word[..word.len().checked_sub(ending.len())?];
    ending.encode_utf16().eq(word[rest.len()..].iter().copied()).then_some(rest)
}

fn ends(word: &[u16], ending: &str) -> bool {
    before(word, ending).is_some()
}

fn cut(word: &mut Vec<u16>, units: usize) {
    word.truncate(word.len().saturating_sub(units));
}

fn plural(word: &mut Vec<u16>) {
    if ends(word, "sses") || ends(word, "ies") {
        cut(word, 2);
    } else if ends(word, "s") && !ends(word, "ss") && word.len() > 2 {
        cut(word, 1);
    }
}

fn past(word: &mut Vec<u16>) {
    if let Some(rest) = before(word, "eed") {
        if turns(rest) > Some(0) {
            cut(word, 1);
        }
        return;
    }
    let Some(rest) = before(word, "ed").or_else(|| before(word, "ing")).map(<[u16]>::len).filter(|rest| has_vowel(&word[..*rest])) else {
        return;
    };
    word.truncate(rest);
    let e = u16::from(b'e');
    if ["at", "bl", "iz"].iter().any(|ending| ends(word, ending)) {
        word.push(e);
    } else if matches!(word.as_slice(), [.., a, b] if a == b && !is_vowel(*a) && !is_one_of(*a, "lsz")) {
        word.pop();
    } else if turns(word) == Some(2) && is_short(word) {
        word.push(e);
    }
}

fn final_y(word: &mut [u16]) {
    if let Some((last, rest)) = word.split_last_mut()
        && *last == u16::from(b'y')
        && has_vowel(rest)
    {
        *last = u16::from(b'i');
    }
}

fn suffixes(word: &mut Vec<u16>, endings: &[(&str, &str)]) {
    let came = word.clone();
    for (ending, instead) in endings {
        if before(&came, ending).is_some_and(|rest| turns(rest) > Some(0)) && ends(word, ending) {
            cut(word, ending.len());
            word.extend(instead.encode_utf16());
        }
    }
}

fn fourth(word: &mut Vec<u16>) {
    let falls = FOURTH.iter().find(|ending| before(word, ending).is_some_and(|rest| !rest.is_empty()));
    let rest = falls.and_then(|ending| before(word, ending)).filter(|rest| turns(rest) > Some(2));
    let ion = || before(word, "ion").filter(|rest| rest.len() > 1 && (ends(rest, "s") || ends(rest, "t")) && turns(rest) > Some(2));
    if let Some(left) = rest.or_else(ion).map(<[u16]>::len) {
        word.truncate(left);
    }
}

fn final_e(word: &mut Vec<u16>) {
    if let Some(rest) = before(word, "e")
        && (turns(rest) > Some(2) || (turns(rest) == Some(2) && !is_short(rest)))
    {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_have_the_stems_promptfoo_finds() {
        for (word, expected) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("caress", "caress"),
            ("cats", "cat"),
            ("gas", "ga"),
            ("feed", "feed"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("bled", "bled"),
            ("motoring", "motor"),
            ("sing", "sing"),
            ("hopping", "hop"),
            ("hissing", "hiss"),
            ("falling", "fall"),
            ("filing", "file"),
            ("conflated", "conflat"),
            ("troubled", "troubl"),
            ("sized", "size"),
            ("failing", "fail"),
            ("happy", "happi"),
            ("sky", "sky"),
            ("bye", "bye"),
            ("dying", "dy"),
            ("relational", "relat"),
            ("conditional", "condit"),
            ("rational", "ration"),
            ("digitizer", "digit"),
            ("vietnamization", "vietnam"),
            ("operator", "oper"),
            ("feudalism", "feudal"),
            ("hopefulness", "hope"),
            ("formality", "formal"),
            ("sensibility", "sensibl"),
            ("mineralogy", "mineralog"),
            ("triplicate", "triplic"),
            ("formative", "form"),
            ("electrical", "electr"),
            ("goodness", "good"),
            ("revival", "reviv"),
            ("adjustable", "adjust"),
            ("replacement", "replac"),
            ("adoption", "adopt"),
            ("ornament", "ornament"),
            ("probate", "probat"),
            ("rate", "rate"),
            ("cease", "ceas"),
            ("controll", "control"),
            ("roll", "roll"),
            ("na\u{ef}ve", "na\u{ef}v"),
            ("ing", "ing"),
            ("eed", "eed"),
            ("is", "is"),
            ("us", "us"),
            ("11ed", "11ed"),
            ("--aaxx--ed", "--aaxx-"),
            ("\u{1f389}s", "\u{1f389}"),
            ("a\u{1f389}ed", "a\u{1f389}"),
            ("happyful", "happy"),
            ("byaed", "bya"),
            ("byational", "byat"),
            ("yyed", "yyed"),
            ("l'h\u{f4}tels", "l'h\u{f4}tel"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_stem_that_is_not_longer_by_more_than_a_letter(word in "\\PC{0,12}") {
            let word = word.to_lowercase();
            let stem = stem(&word);
            let torn = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
            prop_assert!(!torn(&stem) || torn(&word));
            prop_assert!(stem.encode_utf16().count() <= word.encode_utf16().count() + 1);
        }
    }
}
