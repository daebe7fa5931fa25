//! Words and sentences, the little that ranking and rejecting need. English only, like the small model itself.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that carry no meaning of their own.
const STOP: &str = "a an the and or but nor so yet if then than as at by for from in into of off on onto out over per to up via with \
    without within about above after again against all also although always am any are around be because been before being below \
    between both can cannot could did do does doing down during each either else even ever every few first had has have having he \
    her here hers him his how however i is it its itself just least less let like make makes many may me might more most much must \
    my need needs never new no not now once one only other others our ours own same she should since some still such take takes \
    that their theirs them themselves there these they this those though through too two three four five six seven eight nine ten \
    under until us use used uses very was way we well were what when where which while who whom whose why will would you your yours \
    get gets give gives good great want wants";

static STOPS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.split_ascii_whitespace().collect());

/// The words of a text in lower case, letters and digits only.
pub(crate) fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'));
    parts.map(|word| word.trim_matches(['\'', '’']).to_lowercase()).filter(|word| !word.is_empty()).collect()
}

/// A word without its plural or possessive ending, so that "boot" and "boots" meet.
pub(crate) fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(&word);
    let cut = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() >= 3);
    if let Some(rest) = cut("ies") {
        return format!("{rest}y");
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match cut("s") {
        Some(rest) if !rest.ends_with(['s', 'u', 'i']) => rest.to_owned(),
        _ => word.to_owned(),
    }
}

/// Stems of the words that mean something.
pub(crate) fn content(text: &str) -> Vec<String> {
    let means = |word: &String| word.chars().count() >= 3 && !is_stop(word) && !word.chars().all(|c| c.is_ascii_digit());
    words(text).iter().filter(|word| means(word)).map(|word| stem(word)).collect()
}

/// Whether the word carries no meaning of its own.
pub(crate) fn is_stop(word: &str) -> bool {
    STOPS.contains(word)
}

/// The sentences of a text, each with its end mark. A last piece without one is a sentence too.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?')) {
        let end = at + mark.len_utf8();
        let rest = text[end..].trim_start_matches(['"', '”', '\'', '’', ')']);
        let ends = rest.is_empty() || (rest.starts_with(char::is_whitespace) && !rest.trim_start().starts_with(char::is_lowercase));
        if ends && end > start {
            let close = text.len() - rest.len();
            found.push(text[start..close].trim().to_owned());
            start = close;
        }
    }
    if !text[start..].trim().is_empty() {
        found.push(text[start..].trim().to_owned());
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Whether the text ends as a sentence does.
pub(crate) fn ends_as_sentence(text: &str) -> bool {
    text.trim_end().trim_end_matches(['"', '”', ')', '\'', '’']).ends_with(['.', '!', '?'])
}

/// Whether every bracket and double quote that opens also closes.
pub(crate) fn balanced(text: &str) -> bool {
    let count = |c: char| text.matches(c).count();
    count('(') == count(')') && count('[') == count(']') && count('“') == count('”') && count('"') % 2 == 0
}

/// Whether a word or a run of words comes back at once, or three words come back at all.
pub(crate) fn repeats_run(text: &str) -> bool {
    let words = words(text);
    let mut seen = HashSet::new();
    let again = words.windows(3).any(|run| !seen.insert(run)) || words.windows(2).any(|pair| pair[0] == pair[1]);
    again || words.windows(4).any(|run| run[..2] == run[2..])
}

/// Whether a run of words, or one word of meaning, comes back too often.
pub(crate) fn loops(text: &str) -> bool {
    let content = content(text);
    let most = content.iter().map(|word| content.iter().filter(|other| *other == word).count()).max().unwrap_or(0);
    let one_sentence = !text.trim_end_matches(['.', '!', '?']).contains(['.', '!', '?']);
    repeats_run(text) || most > 2 || (most > 1 && content.len() < 8 && one_sentence)
}

/// Whether both texts have a run of so many words in common.
pub(crate) fn shares_run(a: &str, b: &str, run: usize) -> bool {
    let (a, b) = (words(a), words(b));
    a.windows(run).any(|part| part.iter().any(|word| !is_stop(word)) && b.windows(run).any(|other| other == part))
}

/// The first letter as a capital.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The text with a capital where the other has one.
pub(crate) fn capitalised_like(text: &str, other: &str) -> String {
    if other.starts_with(char::is_uppercase) { capitalised(text) } else { text.to_owned() }
}

/// Every word with a capital, small words excepted.
pub(crate) fn title_case(text: &str) -> String {
    let small = |word: &str| ["a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "from", "by"].contains(&word);
    let words =
        text.split_whitespace().enumerate().map(|(at, word)| if at > 0 && small(word) { word.to_owned() } else { capitalised(word) });
    words.collect::<Vec<_>>().join(" ")
}

/// The longest beginning of whole words that fits.
pub(crate) fn fit(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut short = String::new();
    for word in text.split_whitespace() {
        if short.chars().count() + 1 + word.chars().count() > max_chars {
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    if short.is_empty() { text.chars().take(max_chars).collect() } else { short }
}

/// Words that need another one after them.
const NEED_MORE: &str = "a an the and or but nor of for with without to in on at by from into than as if when while because that \
    which who whose about before after between during against your our their my his its is are was were be been this these those every each very per via";

/// Whether a label stops where more has to come: at a comma, or at a word that needs another.
pub(crate) fn dangles(label: &str) -> bool {
    let last = label.split_whitespace().next_back().unwrap_or_default();
    let word = last.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    last.ends_with([',', ';', ':', '-', '–', '—', '&', '/']) || word.is_empty() || NEED_MORE.split_ascii_whitespace().any(|w| w == word)
}

/// The label without the words at its end that need more.
pub(crate) fn without_dangling(label: &str) -> String {
    let mut kept = label.trim();
    while dangles(kept) {
        let Some((shorter, _)) = kept.rsplit_once(char::is_whitespace) else { break };
        kept = shorter.trim_end();
    }
    kept.trim_end_matches([',', ';', ':', '-', '–', '—', '&', '/']).to_owned()
}

/// The longest beginning of whole words that fits with a full stop behind it.
pub(crate) fn fit_sentence(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars && ends_as_sentence(text) {
        return text.to_owned();
    }
    let short = without_dangling(&fit(text, max_chars.saturating_sub(1)));
    format!("{}.", short.trim_end_matches(['.', '!', '?', ',', ';', ':']))
}

/// How many of the meaningful words of `a` are in `b`, 0..1.
pub(crate) fn overlap(a: &str, b: &str) -> f32 {
    let (a, b) = (content(a), content(b));
    let shared = a.iter().filter(|word| b.contains(word)).count();
    ratio(shared, a.len())
}

/// A share of a count as a number.
pub(crate) fn ratio(part: usize, whole: usize) -> f32 {
    let small = |value: usize| f32::from(u16::try_from(value).unwrap_or(u16::MAX));
    if whole == 0 { 0.0 } else { small(part) / small(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_meet_their_singular() {
        for (many, one) in
            [("boots", "boot"), ("batteries", "battery"), ("boxes", "box"), ("dresses", "dress"), ("dog's", "dog"), ("brushes", "brush")]
        {
            assert_eq!(stem(many), one, "{many}");
        }
        assert_eq!(stem("glass"), "glass");
        assert_eq!(stem("bonus"), "bonus");
    }

    #[test]
    fn sentences_are_told_from_numbers() {
        assert_eq!(sentences("A 38.3 test. Is it done? Yes!"), ["A 38.3 test.", "Is it done?", "Yes!"]);
        assert_eq!(sentences("No end"), ["No end"]);
        assert_eq!(sentences("He said \"go.\" Then left."), ["He said \"go.\"", "Then left."]);
        assert!(sentences("  ").is_empty());
    }

    #[test]
    fn loops_are_seen() {
        assert!(loops("We sell boots and we sell boots and we sell boots."));
        assert!(loops("The the boot."));
        assert!(loops("Boots for boots."));
        assert!(!loops("Sell 100 pairs of vegan boots within six months."));
    }

    #[test]
    fn brackets_and_quotes_close() {
        assert!(balanced("a (b) \"c\""));
        assert!(!balanced("a (b"));
        assert!(!balanced("\"c"));
    }

    #[test]
    fn labels_that_need_more_are_seen() {
        for label in ["Solar lanterns, come on", "Boots for the", "Small, light,", "Lamps -"] {
            assert!(dangles(label), "{label}");
        }
        assert!(!dangles("Boots to believe in her") && !dangles("Camping lanterns"));
        assert_eq!(without_dangling("Boots, made for the"), "Boots, made");
    }

    #[test]
    fn cut_sentences_still_end() {
        assert_eq!(fit_sentence("Ask five customers about the boots.", 25), "Ask five customers.");
        assert_eq!(fit_sentence("Done.", 9), "Done.");
    }

    #[test]
    fn texts_are_fitted_at_words() {
        assert_eq!(fit("one two three", 8), "one two");
        assert_eq!(fit("abcdefghij", 4), "abcd");
        assert_eq!(title_case("boots for the women"), "Boots for the Women");
    }
}
