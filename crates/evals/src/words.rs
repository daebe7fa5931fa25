//! Words and marks of a text, cut as the Penn Treebank does: marks and endings such as `n't` are words of their own.

use crate::values::is_space;

/// Words that are two, with the place of the cut.
const CONTRACTIONS: [(&str, &str); 10] = [
    ("can", "not"),
    ("d", "'ye"),
    ("gim", "me"),
    ("gon", "na"),
    ("got", "ta"),
    ("lem", "me"),
    ("more", "'n"),
    ("wan", "na"),
    ("'t", "is"),
    ("'t", "was"),
];
const ENDINGS: [&str; 8] = ["'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"];

/// The words of a text, in order.
pub(crate) fn treebank(text: &str) -> Vec<String> {
    let text = spaced(text);
    if text.is_empty() {
        return Vec::new();
    }
    let marked = marks(&quotes(&text));
    let mut words = Vec::new();
    for chunk in marked.split(' ').filter(|c| !c.is_empty()) {
        endings(chunk, &mut words);
    }
    words
}

/// One space in the place of all white space.
fn spaced(text: &str) -> String {
    let words: Vec<&str> = text.split(|c| is_space(c) || c == '\u{85}').filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// Double quotes as the treebank writes them: two backticks where they open, two single quotes where they close.
fn quotes(text: &str) -> String {
    let (mut made, mut open, mut at) = (String::with_capacity(text.len() + 8), false, 0);
    while at < text.len() {
        let rest = &text[at..];
        let Some(mark) = ["``", "''", "\""].into_iter().find(|m| rest.starts_with(m)) else {
            let c = rest.chars().next().unwrap_or(' ');
            made.push(c);
            at += c.len_utf8();
            continue;
        };
        open = mark == "``" || opens(text, at, mark, open);
        made.push_str(if open { " `` " } else { " '' " });
        at += mark.len();
    }
    made
}

fn opens(text: &str, at: usize, mark: &str, open: bool) -> bool {
    let (before, after) = (text[..at].chars().next_back(), &text[at + mark.len()..]);
    let bracket = |c: char| c.is_whitespace() || matches!(c, '(' | '[' | '{' | '<' | '\u{201e}' | '\u{201a}');
    let place = !after.is_empty() || before.is_none_or(bracket);
    let fresh = !open && before.is_none_or(|c| bracket(c) || punctuation(c));
    let ends = before.is_some_and(|c| matches!(c, '.' | '!' | '?'));
    let pair = || {
        let next = after.chars().next();
        let starts = next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '$' | '£' | '€' | '¥' | '(' | '[' | '{'));
        let closing = ["``", "''", "\""].iter().filter_map(|m| after.find(m).map(|p| (p, *m))).min_by_key(|(p, m)| (*p, m.len() == 1));
        at > 0 && starts && closing.is_some_and(|(_, m)| m == "''")
    };
    place && fresh && !ends && (mark == "\"" || pair())
}

fn punctuation(c: char) -> bool {
    (c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~'))
        || matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}')
}

/// Marks with spaces around them.
fn marks(text: &str) -> String {
    let letters: Vec<char> = text.replace("...", " ... ").chars().collect();
    let final_stop = final_stop(&letters);
    let mut made = String::with_capacity(text.len() + 16);
    let mut at = 0;
    while at < letters.len() {
        let (c, next) = (letters[at], letters.get(at + 1).copied());
        let apart = match c {
            ':' | ',' => !next.is_some_and(|n| n.is_ascii_digit()),
            ';' | '@' | '#' | '$' | '%' | '&' | '?' | '!' | '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>' => true,
            '.' => final_stop == Some(at),
            '-' if next == Some('-') => {
                made.push_str(" -- ");
                at += 2;
                continue;
            }
            _ => false,
        };
        if apart {
            made.push(' ');
            made.push(c);
            made.push(' ');
        } else {
            made.push(c);
        }
        at += 1;
    }
    made
}

/// The full stop that ends the text, if it is no part of an abbreviation such as U.S.
fn final_stop(letters: &[char]) -> Option<usize> {
    let at = letters.iter().rposition(|c| !(c.is_whitespace() || matches!(c, ']' | ')' | '}' | '>' | '\'')))?;
    let before = |n: usize| at.checked_sub(n).map(|i| letters[i]);
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let abbreviation = letter(before(1)) && before(2) == Some('.') && letter(before(3)) && !word(before(4));
    (letters[at] == '.' && before(1).is_some_and(|c| c != '.') && !abbreviation).then_some(at)
}

/// One run of letters, with its endings and contractions cut off.
fn endings(chunk: &str, words: &mut Vec<String>) {
    let mut chunk = chunk.to_owned();
    let mut tail = Vec::new();
    if chunk.len() > 1 && chunk.ends_with('\'') && !chunk.ends_with("''") {
        chunk.pop();
        tail.push("'".to_owned());
    } else if let Some(at) = chunk.len().checked_sub(2).filter(|at| chunk.is_char_boundary(*at)) {
        let ending = &chunk[at..];
        if at > 0 && ending.starts_with('\'') && ending[1..].contains(['s', 'S', 'm', 'M', 'd', 'D']) {
            tail.push(ending.to_owned());
            chunk.truncate(at);
        }
    }
    if let Some(ending) = ENDINGS.iter().find(|e| chunk.len() > e.len() && chunk.ends_with(**e)) {
        tail.insert(0, (*ending).to_owned());
        chunk.truncate(chunk.len() - ending.len());
    }
    contractions(&chunk, words);
    words.extend(tail);
}

fn contractions(chunk: &str, words: &mut Vec<String>) {
    // Of other letters than ASCII's some grow in lower case, and places in one text would be none in the other.
    let lower = chunk.to_ascii_lowercase();
    for (head, tail) in CONTRACTIONS {
        let whole = format!("{head}{tail}");
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '\u{b7}');
        let found = lower
            .match_indices(&whole)
            .find(|(at, _)| !inside(lower[..*at].chars().next_back()) && !inside(lower[at + whole.len()..].chars().next()));
        if let Some((at, _)) = found {
            let (cut, end) = (at + head.len(), at + whole.len());
            for part in [&chunk[..at], &chunk[at..cut], &chunk[cut..end], &chunk[end..]] {
                if !part.is_empty() {
                    words.push(part.to_owned());
                }
            }
            return;
        }
    }
    if !chunk.is_empty() {
        words.push(chunk.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_cut_like_the_treebank() {
        for (text, expected) in [
            ("They don't pay $3.50, it's (too) much.", "They do n't pay $ 3.50 , it 's ( too ) much ."),
            ("I cannot wanna go, gimme 'em", "I can not wan na go , gim me 'em"),
            ("say \"so\" -- 5:30, 1,000: end", "say `` so '' -- 5:30 , 1,000 : end"),
            ("in the U.S.", "in the U.S."),
            ("wait... what?!", "wait ... what ? !"),
        ] {
            assert_eq!(treebank(text).join(" "), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_cut(text in "[^\"`']{0,80}") {
            let kept: String = treebank(&text).concat();
            prop_assert_eq!(kept, text.split(|c: char| is_space(c) || c == '\u{85}').collect::<String>());
        }
    }
}
