//! What of a text is HTML: a short walk over its tags, following how browsers nest them as far as verdicts need it.

use regex::Regex;
use std::sync::LazyLock;

/// Elements of HTML.
const ELEMENTS: &str = " title base link meta style article section nav aside h1 h2 h3 h4 h5 h6 header footer address p hr pre blockquote ol \
    ul li dl dt dd figure figcaption main div a em strong small s cite q dfn abbr ruby rt rp data time code var samp kbd sub sup i b u mark \
    bdi bdo span br wbr img iframe embed object param picture source video audio track map area svg math script noscript canvas ins del \
    table caption colgroup col tbody thead tfoot tr td th form label input button select datalist optgroup option textarea output progress \
    meter fieldset legend details summary dialog menu slot template ";
const VOID: &str = " area base br col embed hr img input link meta param source track wbr ";
/// Elements whose inside is text until they end.
const RAW: &str = " script style title textarea iframe noembed noframes xmp ";
/// Elements that end a paragraph.
const BLOCKS: &str = " address article aside blockquote details dialog div dl dd dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 \
    header hr li main menu nav ol p pre section summary table ul ";
const TABLE: &str = " table tbody thead tfoot tr ";

fn among(list: &str, name: &str) -> bool {
    list.contains(&format!(" {name} "))
}

/// Why a text is not HTML through and through; nothing when it is.
pub(crate) fn fault(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Some("Output is empty");
    }
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("<?xml")) {
        return Some("Output appears to be XML, not HTML");
    }
    let mut walk = Walk::default();
    walk.over(text);
    if walk.bare_text && !walk.body {
        return Some("Output must be wrapped in HTML tags");
    }
    (!walk.element && !walk.wrapper).then_some("Output does not contain recognized HTML elements")
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that was seen or not")]
struct Walk {
    open: Vec<String>,
    /// Text that no element holds.
    bare_text: bool,
    body: bool,
    wrapper: bool,
    element: bool,
}

impl Walk {
    fn over(&mut self, text: &str) {
        let mut at = 0;
        while at < text.len() {
            let next = text[at..].find('<').map_or(text.len(), |i| at + i);
            self.text(&text[at..next]);
            if next == text.len() {
                return;
            }
            at = self.tag(text, next);
        }
    }

    fn text(&mut self, text: &str) {
        let held = self.open.iter().rev().find(|name| !among(TABLE, name));
        self.bare_text |= held.is_none() && !text.trim().is_empty();
    }

    /// Reads what stands at a `<`, and says where to go on.
    fn tag(&mut self, text: &str, start: usize) -> usize {
        let rest = &text[start..];
        let until = |mark: &str| rest.find(mark).map_or(text.len(), |i| start + i + mark.len());
        if rest.starts_with("<!--") {
            return until("-->");
        }
        let (closing, named) = rest[1..].strip_prefix('/').map_or((false, &rest[1..]), |named| (true, named));
        if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
            if rest.starts_with("<!") || rest.starts_with("<?") || closing {
                return until(">");
            }
            self.text("<");
            return start + 1;
        }
        let name = named[..named.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(named.len())].to_ascii_lowercase();
        // A tag that does not end is not there at all.
        let Some(end) = tag_end(text, start) else { return text.len() };
        if closing {
            self.close(&name);
            return end;
        }
        self.begin(&name, text[start..end].ends_with("/>"));
        if !among(RAW, &name) {
            return end;
        }
        let close = format!("</{name}");
        let inside = find_ascii(&text[end..], &close).map_or(text.len(), |i| end + i);
        self.close(&name);
        if inside == text.len() { inside } else { tag_end(text, inside).unwrap_or(text.len()) }
    }

    fn begin(&mut self, name: &str, closed: bool) {
        if matches!(name, "html" | "head" | "body") {
            self.wrapper = true;
            self.body |= name == "body";
            return;
        }
        self.element |= among(ELEMENTS, name) || name.contains('-');
        if among(BLOCKS, name)
            && let Some(at) = self.open.iter().rposition(|n| n == "p")
        {
            self.open.truncate(at);
        }
        let foreign = self.open.iter().any(|n| n == "svg" || n == "math") || matches!(name, "svg" | "math");
        if !(among(VOID, name) || closed && foreign) {
            self.open.push(name.to_owned());
        }
    }

    fn close(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|n| n == name) {
            self.open.truncate(at);
        } else {
            // The only end that makes an element by itself.
            self.element |= name == "br";
        }
    }
}

/// Where some signs of ASCII first stand in a text, capitals or not. Lower case would not do: other letters change their length in it.
fn find_ascii(text: &str, signs: &str) -> Option<usize> {
    text.as_bytes().windows(signs.len()).position(|part| part.eq_ignore_ascii_case(signs.as_bytes()))
}

fn tag_end(text: &str, start: usize) -> Option<usize> {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in text[start..].char_indices() {
        match c {
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' if before == '=' => quote = Some(c),
            '>' => return Some(start + at + 1),
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    None
}

/// Signs of HTML, and how much each counts.
static SIGNS: LazyLock<Vec<(Option<Regex>, u8)>> = LazyLock::new(|| {
    let signs = [
        (r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?/>", 1),
        (r"&(?:[a-zA-Z]+|#[0-9]+|#x[0-9a-fA-F]+);", 1),
        (r"(?i)<!doctype\s+html", 2),
        (r"<!--[^-]*(?:-[^-]+)*-->", 1),
        (r#"\s[a-zA-Z-]+=\s*["'][^"']*["']"#, 1),
        (
            r"(?i)<(?:html|head|body|div|span|p|a|img|h[1-6]|ul|ol|li|table|tr|td|th|form|input|button|script|style|link|meta|br|hr)(?-u:\b)",
            2,
        ),
    ];
    signs.into_iter().map(|(pattern, weight)| (Regex::new(pattern).ok(), weight)).collect()
});
static OPENING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?>").ok());
static CLOSING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"</[a-zA-Z][a-zA-Z0-9-]*\s*>").ok());

/// Whether enough signs of HTML stand in a text.
pub(crate) fn stands_in(text: &str) -> bool {
    let found = |regex: &Option<Regex>| regex.as_ref().is_some_and(|r| r.is_match(text));
    let tags = u8::from(found(&OPENING)) + u8::from(found(&CLOSING));
    tags + SIGNS.iter().filter(|(sign, _)| found(sign)).map(|(_, weight)| weight).sum::<u8>() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_that_grow_or_shrink_in_lower_case_are_read_over() {
        for text in ["\u{130}".repeat(9), "\u{212a}".repeat(9), "\u{15f}\u{130}\u{11f}".repeat(5)] {
            assert_eq!(fault(&format!("<title>{text}</title>")), None, "{text}");
            assert_eq!(fault(&format!("<title>{text}</TITLE><p>\u{15f}</p>")), None, "{text}");
            assert!(fault(&format!("<title>{text}</title> bare \u{15f}")).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_walked_over(parts in prop::collection::vec("(<|</|>|/>|<!--|-->|<title|</title|</TITLE>|<script>|</script>|<p |=\"|[\u{130}\u{212a}\u{15f}\u{1f389} a\"'])", 0..24), any in "\\PC{0,40}") {
            let text = parts.concat();
            for text in [&text, &any, &format!("{text}{any}")] {
                let _ = (fault(text), stands_in(text), crate::markup::elements(text));
                let words = crate::words::treebank(text);
                prop_assert!(words.iter().all(|word| !word.is_empty()));
            }
        }
    }
}
