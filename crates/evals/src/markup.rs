//! Tags of XML as they stand in a text: enough to find elements in the middle of prose, and to know which hold which.

/// An element and what it holds.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub name: String,
    pub attributes: Vec<String>,
    pub text: bool,
    pub children: Vec<Element>,
}

/// What stands at a `<`.
pub(crate) enum Tag<'a> {
    Open { name: &'a str, inside: &'a str, closed: bool },
    Close { name: &'a str },
    Other,
}

/// The tag at a place of a text, and where it ends; nothing when there is none.
pub(crate) fn tag(text: &str, start: usize) -> Option<(Tag<'_>, usize)> {
    let rest = &text[start..];
    let until = |from: usize, mark: &str| rest[from..].find(mark).map_or(text.len(), |at| start + from + at + mark.len());
    match rest[1..].chars().next()? {
        '!' if rest.starts_with("<!--") => Some((Tag::Other, until(4, "-->"))),
        '!' if rest.starts_with("<![CDATA[") => Some((Tag::Other, until(9, "]]>"))),
        '!' => Some((Tag::Other, declaration_end(text, start))),
        '?' => Some((Tag::Other, until(2, "?>"))),
        '/' => {
            let name = name(&rest[2..])?;
            Some((Tag::Close { name }, end(text, start)?))
        }
        _ => {
            let name = name(&rest[1..])?;
            let end = end(text, start)?;
            let inside = text[start + 1 + name.len()..end - 1].trim_end();
            let closed = inside.ends_with('/') || text[start + 1..end - 1].trim_end().ends_with('/');
            Some((Tag::Open { name, inside, closed }, end))
        }
    }
}

fn name(text: &str) -> Option<&str> {
    let starts = |c: char| c == ':' || c == '_' || c.is_ascii_alphabetic() || (c >= '\u{c0}' && c != '\u{d7}' && c != '\u{f7}');
    let more = |c: char| starts(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}');
    text.starts_with(starts).then(|| &text[..text.find(|c| !more(c)).unwrap_or(text.len())])
}

/// Where a tag ends; nothing when another begins first.
fn end(text: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text[start + 1..].char_indices() {
        match c {
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' => quote = Some(c),
            '<' => return None,
            '>' => return Some(start + 1 + at + 1),
            _ => {}
        }
    }
    None
}

fn declaration_end(text: &str, start: usize) -> usize {
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, c) in text[start..].char_indices() {
        match c {
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' => quote = Some(c),
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '>' if depth == 0 => return start + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The elements of a text in which every tag is closed, under a root without a name.
pub(crate) fn elements(text: &str) -> Element {
    let mut open = vec![Element::default()];
    let mut at = 0;
    while at < text.len() {
        let next = text[at..].find('<').map_or(text.len(), |i| at + i);
        if let Some(top) = open.last_mut() {
            top.text |= !text[at..next].trim().is_empty();
        }
        let Some((found, end)) = (next < text.len()).then(|| tag(text, next)).flatten() else {
            at = next + 1;
            continue;
        };
        match found {
            Tag::Open { name, inside, closed } => {
                let element = Element { name: name.to_owned(), attributes: attributes(inside), ..Element::default() };
                if closed {
                    adopt(&mut open, element);
                } else {
                    open.push(element);
                }
            }
            Tag::Close { name } if open.len() > 1 && open.last().is_some_and(|top| top.name == name) => {
                if let Some(element) = open.pop() {
                    adopt(&mut open, element);
                }
            }
            Tag::Close { .. } => {}
            Tag::Other => {
                if text[next..].starts_with("<![CDATA[")
                    && let Some(top) = open.last_mut()
                {
                    top.text = true;
                }
            }
        }
        at = end;
    }
    open.swap_remove(0)
}

fn adopt(open: &mut [Element], element: Element) {
    if let Some(top) = open.last_mut() {
        top.children.push(element);
    }
}

fn attributes(inside: &str) -> Vec<String> {
    let (mut names, mut word, mut quote, mut value) = (Vec::new(), String::new(), None, false);
    for c in inside.chars().chain([' ']) {
        match c {
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' => quote = Some(c),
            '=' => value = true,
            c if c.is_whitespace() || c == '/' => {
                if !word.is_empty() {
                    names.push(std::mem::take(&mut word));
                }
                value = false;
            }
            _ if value => {}
            c => word.push(c),
        }
    }
    names
}

impl Element {
    /// Whether a path such as `root.item.0.name` leads somewhere: of several elements of one name, the path must say which.
    pub fn has(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        if let Some(attribute) = first.strip_prefix("@_") {
            return rest.is_empty() && self.attributes.iter().any(|a| a == attribute);
        }
        if *first == "#text" {
            return rest.is_empty() && self.text && (!self.attributes.is_empty() || !self.children.is_empty());
        }
        let named: Vec<&Self> = self.children.iter().filter(|c| c.name == *first).collect();
        match (named.as_slice(), rest.split_first()) {
            ([], _) => false,
            ([one], _) => one.has(rest),
            (_, None) => true,
            (several, Some((index, rest))) => index.parse().ok().and_then(|i: usize| several.get(i)).is_some_and(|e| e.has(rest)),
        }
    }
}
