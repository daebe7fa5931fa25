//! What the plan is about: a person's sentence cut down to the words a form would hold.

use std::sync::LazyLock;

use regex::Regex;

use super::text;

/// How people begin when they tell an idea; none of it belongs to the product.
static LEAD_IN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?ix)^(?:
        (?:i|we)\s+(?:want|plan|hope|intend|would\s+like|am\s+going|are\s+going|'d\s+like)\s+to\s+(?:\w+\s+)?(?:sell|make|start|launch|open|create|build|offer|design|produce)(?:\s+and\s+sell)?
        |(?:i|we)\s+(?:sell|make|offer|produce|create|design)(?:\s+and\s+sell)?
        |(?:my|our|the)\s+(?:idea|business|shop|store|product|company)\s+is(?:\s+to\s+(?:sell|make|offer|create))?
        |(?:selling|making|offering|launching|creating)
        |(?:(?:an?|the|my|our)\s+)?(?:(?:small|new|online|web|e-?commerce|internet)\s+)*(?:shop|store|brand|business|startup|company|line|range|website|marketplace)\s+(?:that|which|for|of|with|where|selling|offering|to)(?:\s+(?:sells?|makes?|offers?|selling|sell))?
        |an?|the|some|my|our|new|for|that|sells?
    )\s+";
    Regex::new(pattern).ok()
});

/// A price told inside the idea.
static PRICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?i)[,(]?\s*\b(?:priced\s+)?(?:at|for|around|about|from|under|below|starting\s+at|between|costing)?\s*(?:[$€£¥₹]\s?\d[\d.,]*|\d[\d.,]*\s?(?:usd|eur|gbp|dollars?|euros?|pounds?|[$€£¥₹]))(?:\s*(?:-|–|to|and)\s*[$€£¥₹]?\s?\d[\d.,]*)?(?:\s+(?:each|a\s+piece|per\s+\w+|a\s+month|monthly))?\)?";
    Regex::new(pattern).ok()
});

/// Where the thing ends and its purpose, material or audience begins.
const JOINTS: [&str; 26] = [
    "for",
    "with",
    "made",
    "from",
    "about",
    "that",
    "which",
    "in",
    "of",
    "to",
    "using",
    "inspired",
    "based",
    "by",
    "on",
    "and",
    "who",
    "featuring",
    "designed",
    "aimed",
    "without",
    "where",
    "delivered",
    "so",
    "at",
    "while",
];
/// Words a person counts things with; the thing itself comes after "of".
const CONTAINERS: [&str; 12] =
    ["set", "pair", "box", "collection", "range", "line", "bundle", "pack", "kit", "series", "selection", "variety"];

/// The product in the three lengths that drafting needs.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// "vegan leather hiking boots for women"
    pub full: String,
    /// "vegan leather hiking boots"
    pub noun: String,
    /// Stems of every meaningful word the person wrote.
    pub told: Vec<String>,
    /// Stems of the noun.
    pub noun_words: Vec<String>,
}

impl Subject {
    /// Reads the idea as the person wrote it.
    pub fn of(idea: &str) -> Self {
        let (mut full, one) = condense(idea);
        let mut noun = noun_of(&full);
        if one {
            let many = plural(&noun);
            full = full.replacen(&noun, &many, 1);
            noun = many;
        }
        Self { told: text::content(idea), noun_words: text::content(&noun), full, noun }
    }

    /// Which share of the noun's words the text has.
    pub fn share_in(&self, text: &str) -> f32 {
        let content = text::content(text);
        let there = self.noun_words.iter().filter(|word| content.contains(word)).count();
        text::ratio(there, self.noun_words.len())
    }

    /// Whether a label has words of the noun and nothing else, but not the thing itself: "Left-Handed Kitchen" of scissors.
    pub fn is_cut_short_by(&self, label: &str) -> bool {
        let content = text::content(label);
        let head = text::stem(self.head());
        label.split_whitespace().count() > 1 && !content.contains(&head) && content.iter().all(|word| self.noun_words.contains(word))
    }

    /// The line without "a" before the product's plural, the commonest slip of a small model.
    pub fn without_article(&self, line: &str) -> String {
        let head = self.head().to_lowercase();
        if text::stem(&head) == head {
            return line.to_owned();
        }
        let words: Vec<&str> = line.split(' ').collect();
        let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let mut kept = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let mut rest = words[at + 1..].iter().take(6).map(|word| bare(word)).take_while(|word| !text::is_stop(word));
            let slip = ["a", "an", "A", "An", "one"].contains(word) && rest.any(|word| word == head);
            if !slip {
                kept.push(*word);
            }
        }
        text::capitalised_like(&kept.join(" "), line)
    }

    /// The noun as it stands in a sentence: "hiking boots", "the subscription box".
    pub fn spoken(&self) -> String {
        let head = self.head().to_lowercase();
        if text::stem(&head) == head { format!("the {}", self.noun) } else { self.noun.clone() }
    }

    /// The noun's last word, the thing itself: "boots".
    pub fn head(&self) -> &str {
        self.noun.split_whitespace().next_back().unwrap_or(&self.noun)
    }

    /// Two words where there are two: "hiking boots".
    pub fn short(&self) -> String {
        let words: Vec<&str> = self.noun.split_whitespace().collect();
        words[words.len().saturating_sub(2)..].join(" ")
    }
}

/// The product's words, and whether they were told as one of many ("a desk").
fn condense(idea: &str) -> (String, bool) {
    let first = text::sentences(idea.trim()).into_iter().next().unwrap_or_default();
    let mut rest = first.trim_end_matches(['.', '!', '?']).trim().to_owned();
    if let Some(price) = PRICE.as_ref() {
        rest = price.replace_all(&rest, "").trim().to_owned();
    }
    let mut one = false;
    for _ in 0..4 {
        let shorter = match LEAD_IN.as_ref().and_then(|lead| lead.find(&rest)) {
            Some(found) if found.end() < rest.len() => {
                one = ["a", "an"].contains(&found.as_str().trim().to_lowercase().as_str());
                rest[found.end()..].trim().to_owned()
            }
            _ => break,
        };
        rest = shorter;
    }
    let rest = rest.split([',', ';', ':', '(', '\n']).find(|part| part.split_whitespace().count() >= 1).unwrap_or_default().trim();
    let words: Vec<&str> = rest.split_whitespace().take(12).collect();
    let mut kept = words;
    while kept.len() > 1 && kept.last().is_some_and(|last| JOINTS.contains(last) || ["the", "a", "an", "their", "your"].contains(last)) {
        kept.pop();
    }
    let kept = kept.join(" ");
    if kept.is_empty() { (text::fit(idea.trim(), 60), false) } else { (lower_first(&kept), one) }
}

fn noun_of(full: &str) -> String {
    let words: Vec<&str> = full.split_whitespace().collect();
    let joint = |from: usize| words.iter().skip(from).position(|w| JOINTS.contains(&w.to_lowercase().as_str())).map(|at| at + from);
    let mut end = joint(1).unwrap_or(words.len());
    let container = words.get(end.saturating_sub(1)).is_some_and(|w| CONTAINERS.contains(&text::stem(w).as_str()));
    if words.get(end).is_some_and(|w| *w == "of") && (container || end == 1) {
        end = joint(end + 2).unwrap_or(words.len());
    } else if words.get(end).is_some_and(|w| *w == "and") && end == 1 {
        end = joint(end + 1).unwrap_or(words.len());
    }
    words[..end.max(1).min(words.len())].join(" ")
}

/// The phrase with its last word in the plural.
fn plural(noun: &str) -> String {
    let vowel = |c: char| "aeiou".contains(c);
    if text::stem(noun.split(' ').next_back().unwrap_or_default()) != noun.split(' ').next_back().unwrap_or_default().to_lowercase() {
        return noun.to_owned();
    }
    match noun.strip_suffix('y') {
        Some(root) if !root.ends_with(vowel) => format!("{root}ies"),
        _ if noun.ends_with(['s', 'x', 'z']) || noun.ends_with("ch") || noun.ends_with("sh") => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// "Handmade" becomes "handmade", "LED" stays.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(std::iter::once(second)).chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ideas_are_cut_down_to_the_product() {
        let cases = [
            ("vegan leather hiking boots for women", "vegan leather hiking boots for women", "vegan leather hiking boots"),
            (
                "I want to sell handmade ceramic planters for succulents.",
                "handmade ceramic planters for succulents",
                "handmade ceramic planters",
            ),
            ("An online store that sells organic dog treats", "organic dog treats", "organic dog treats"),
            (
                "A subscription box for vintage vinyl records, priced at $40 a month",
                "subscription boxes for vintage vinyl records",
                "subscription boxes",
            ),
            ("We make board games about local history", "board games about local history", "board games"),
            ("set of wooden toys for toddlers", "set of wooden toys for toddlers", "set of wooden toys"),
            ("I want to sell a bamboo toothbrush for kids", "bamboo toothbrushes for kids", "bamboo toothbrushes"),
            ("natural soap for sensitive skin", "natural soap for sensitive skin", "natural soap"),
            ("LED bike lights", "LED bike lights", "LED bike lights"),
            ("Scented candles at $24", "scented candles", "scented candles"),
        ];
        for (idea, full, noun) in cases {
            let subject = Subject::of(idea);
            assert_eq!((subject.full.as_str(), subject.noun.as_str()), (full, noun), "{idea}");
        }
    }

    #[test]
    fn the_product_is_found_in_a_line() {
        let subject = Subject::of("vegan leather hiking boots for women");
        assert!(subject.share_in("A boot that lasts.") > 0.0);
        assert!(subject.share_in("A shoe that lasts.") <= 0.0);
        assert_eq!(subject.without_article("Buy a vegan leather hiking boots now."), "Buy vegan leather hiking boots now.");
        assert_eq!(subject.without_article("Buy a pair of hiking boots."), "Buy a pair of hiking boots.");
        assert_eq!(subject.without_article("A light vegan hiking boots."), "Light vegan hiking boots.");
        assert_eq!(subject.without_article("A hiking boot."), "A hiking boot.");
        assert_eq!(subject.head(), "boots");
        assert!(subject.is_cut_short_by("Vegan Leather"));
        assert!(!subject.is_cut_short_by("vegan") && !subject.is_cut_short_by("Vegan Boots") && !subject.is_cut_short_by("Vegan Pine"));
        assert_eq!(subject.short(), "hiking boots");
    }

    #[test]
    fn odd_ideas_do_not_end_empty() {
        for idea in ["x", "for", "the", "123", "🙂", "shop for"] {
            assert!(!Subject::of(idea).full.is_empty(), "{idea}");
            assert!(!Subject::of(idea).noun.is_empty(), "{idea}");
        }
    }
}
