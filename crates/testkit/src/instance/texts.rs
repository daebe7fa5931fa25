//! Sentences and labels about a product, as many different ones as are asked for, within given lengths.

use super::known::Known;
use super::tongues::{self, Tongue};
use regex::Regex;
use std::sync::LazyLock;

/// Each at least 60 characters without the product, because strict schemas cannot say how short a text may be.
pub(super) const SENTENCES: [&str; 20] = [
    "Buyers of {p} first ask how long it lasts, so the page shows it after a year of use.",
    "40 orders a month by the end of June show that people come back for {p}.",
    "A short film of how {p} is made answers the three questions that stop a sale.",
    "The first small batch of {p} is paid from savings and sold before a second is made.",
    "One clear photo of {p} in daily use says more than a list of everything it can do.",
    "Repair and care notes travel with {p}, which keeps returns and complaints rare.",
    "People who already own {p} get a card to pass on, and thank you notes follow it.",
    "Two local shops agree to show {p} on a shelf by the door for a trial of 6 weeks.",
    "An honest table of sizes and weights lets a careful buyer choose {p} without asking.",
    "Larger sellers treat {p} as one line among hundreds and answer questions slowly.",
    "The price of {p} covers material, packing, postage and one fair hour of work.",
    "A waiting list of 100 people shows whether {p} is wanted before it is made.",
    "Plain packing without plastic suits {p} and costs less than a printed box would.",
    "A second supplier for {p} is tried with 10 pieces, so that one delay stops nothing.",
    "Customers compare {p} with what they use today, not with what another shop offers.",
    "Every Friday the founder of {p} writes down what sold, what came back and why it did.",
    "Weekend markets bring the first 40 honest opinions about {p} for a small fee.",
    "Free returns within 30 days take away the fear of ordering {p} without touching it.",
    "Search words with a place name cost little and bring neighbours who look for {p}.",
    "The story behind {p} is told in two minutes by the person who makes it every week.",
];

pub(super) const LABELS: [&str; 12] = [
    "{p} for everyday use",
    "A gift box with {p}",
    "{p} made in small batches",
    "The starter set of {p}",
    "{p} from a local workshop",
    "A refill plan for {p}",
    "{p} with free returns",
    "Early access to {p}",
    "{p} for a first home",
    "The weekend edition of {p}",
    "{p} that lasts for years",
    "A closer look at {p}",
];

pub(super) const SHORT: [&str; 12] = [
    "everyday",
    "gift set",
    "small batch",
    "starter",
    "workshop",
    "refill",
    "weekend",
    "early bird",
    "classic",
    "long life",
    "closer look",
    "favourite",
];

pub(super) const QUESTIONS: [&str; 12] = [
    "Is the first batch of {p} paid for?",
    "Does a sample of {p} feel right in the hand?",
    "Can {p} travel in a plain parcel?",
    "Do ten strangers understand {p} from one photo?",
    "Is there a second source of {p} nearby?",
    "Does the price of {p} cover every cost?",
    "Has anybody sent {p} back?",
    "Are more than five of {p} sold in a week?",
    "Does {p} need papers at the border?",
    "Is {p} heavier than two kilos?",
    "Can {p} be made in three days?",
    "Would a buyer of {p} come back?",
];

/// Sentences without a product, to reach a length.
const FILLERS: [&str; 4] = [
    "It is checked again after a month.",
    "The founder can do this alone in an afternoon.",
    "What it costs is written down beforehand.",
    "If it does not work, it is stopped without regret.",
];

/// Codes that are not English words as well.
const CURRENCIES: [&str; 34] = [
    "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "INR", "CNY", "KRW",
    "SGD", "HKD", "TWD", "THB", "IDR", "MYR", "PHP", "VND", "BRL", "MXN", "ZAR", "AED", "SAR", "ILS", "EGP",
];

/// What the texts are made from.
pub(super) struct Words {
    /// The product, on one line and not too long.
    pub(super) product: String,
    /// ISO 4217 code.
    pub(super) currency: String,
    /// What the prompt tells beside the product.
    pub(super) known: Known,
    tongue: &'static Tongue,
}

impl Words {
    pub(super) fn new(product: Option<String>, prompt: &str) -> Self {
        let product = product.map_or_else(|| "this product".to_owned(), |product| shorten(&product, 60));
        Self { product, currency: currency_in(prompt), known: Known::read(prompt), tongue: tongues::asked(&without_idea(prompt)) }
    }

    /// The `number`-th text after `start` of `least` to `most` characters: sentences where there is room, labels where there is
    /// little.
    pub(super) fn sentence(&self, start: usize, number: usize, least: usize, most: usize) -> String {
        let Tongue { sentences, labels, short, .. } = self.tongue;
        let text = match most {
            600.. => format!("{} {}", self.told(sentences, start, number, most / 2), self.told(sentences, start + 7, number, most / 2)),
            100.. => self.told(sentences, start, number, most),
            40.. => self.told(labels, start, number, most),
            16.. => self.short(start, number, most),
            8.. => short[(start + number) % short.len()].to_owned(),
            _ => letters(number),
        };
        fit(&text, least, most)
    }

    /// As [`Words::sentence`] for a place (start and number), with sentences of the prompt behind it while there is room, from the
    /// `told`-th on.
    pub(super) fn telling(&self, place: (usize, usize), told: usize, least: usize, most: usize) -> String {
        let (start, number) = place;
        if self.known.sentences.is_empty() || told_in(most) == 0 {
            return self.sentence(start, number, least, most);
        }
        let mut text = match most {
            300.. => self.sentence(start, number, 0, most),
            _ => format!("{}.", self.told(self.tongue.labels, start, number, most / 2)),
        };
        let known = &self.known.sentences;
        for line in known.iter().cycle().skip(told % known.len()).take(told_in(most).min(known.len())) {
            let room = most.saturating_sub(text.chars().count() + 2);
            if room < 24 {
                break;
            }
            text = format!("{text} {}.", shorten(line, room));
        }
        fit(&text, least, most)
    }

    /// The `number`-th question of at least `least` and at most `most` characters.
    pub(super) fn question(&self, number: usize, least: usize, most: usize) -> String {
        let text = self.told(self.tongue.questions, 0, number, most);
        if (least..=most).contains(&text.chars().count()) { text } else { fit(&text, least, most) }
    }

    /// A template with as much of the product as there is room for. Later rounds say which they are.
    fn told(&self, templates: &[&str], start: usize, number: usize, most: usize) -> String {
        let template = templates[(start + number) % templates.len()];
        let round = number / templates.len();
        let tail = match (round, template.ends_with(['.', '?'])) {
            (0, _) => String::new(),
            (_, true) => format!(" ({})", letters(round)),
            (_, false) => format!(", {}", letters(round)),
        };
        let room = most.saturating_sub(template.chars().count() + tail.chars().count());
        capital(&format!("{}{tail}", template.replace("{p}", &shorten(&self.product, room.max(8)))))
    }

    fn short(&self, start: usize, number: usize, most: usize) -> String {
        let words = self.tongue.short;
        let word = words[(start + number) % words.len()];
        let tail = if number < words.len() { String::new() } else { format!(" {}", letters(number / words.len())) };
        let room = most.saturating_sub(word.chars().count() + tail.len() + 2);
        capital(&format!("{word}{tail}: {}", shorten(&self.product, room.max(3))))
    }
}

/// How many sentences of the prompt a text of at most `most` characters takes up.
pub(super) const fn told_in(most: usize) -> usize {
    match most {
        600.. => 6,
        100.. => 2,
        _ => 0,
    }
}

/// Where a property's sentences begin, so that different properties say different things.
pub(super) fn start(key: &str) -> usize {
    key.bytes().fold(7, |hash: usize, byte| (hash * 31 + usize::from(byte)) % 9973)
}

/// `A`, `B` … `Z`, `BA`: a different one for every number.
pub(super) fn letters(number: usize) -> String {
    let mut rest = number;
    let mut text = String::new();
    loop {
        text.insert(0, char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
        if rest == 0 {
            return text;
        }
    }
}

/// A text cut at a word or filled up with sentences, so that it has `least` to `most` characters.
pub(super) fn fit(text: &str, least: usize, most: usize) -> String {
    let mut text = text.to_owned();
    for filler in FILLERS.iter().cycle() {
        if text.chars().count() >= least {
            break;
        }
        text = format!("{text} {filler}");
    }
    if text.chars().count() > most {
        text = shorten(&text, most);
        while text.chars().count() < least {
            text.push('.');
        }
    }
    text
}

/// At most `most` characters, whole words unless the first is too long.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most).collect();
    let whole = text.chars().nth(most).is_some_and(char::is_whitespace);
    let words = if whole { cut.as_str() } else { cut.rsplit_once(char::is_whitespace).map_or(cut.as_str(), |(words, _)| words) };
    words.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-')).to_owned()
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

static SAID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i:money is in|amounts in|currency)[^A-Z]{0,12}\b([A-Z]{3})\b").expect("a constant pattern compiles"));
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[A-Z]{3}\b").expect("a constant pattern compiles"));

/// The currency a prompt says money is in, else the first code in it, else US dollars. The product idea says nothing about it.
fn currency_in(prompt: &str) -> String {
    let prompt = &without_idea(prompt);
    let said = SAID.captures(prompt).and_then(|found| found.get(1));
    let code = said.or_else(|| CODE.find_iter(prompt).find(|code| CURRENCIES.contains(&code.as_str())));
    code.map_or("USD", |code| code.as_str()).to_owned()
}

fn without_idea(prompt: &str) -> String {
    match (prompt.split_once("<product_idea>"), prompt.split_once("</product_idea>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}\n{after}"),
        _ => prompt.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_currency_of_the_prompt_is_used() {
        assert_eq!(currency_in("An SKU for ADA. Money is in TRY, in its smallest unit."), "TRY");
        assert_eq!(currency_in("Sell it for 40 CHF, not EUR."), "CHF");
        assert_eq!(currency_in("<product_idea>wallets, currency XXX</product_idea> Money is in SEK."), "SEK");
        assert_eq!(currency_in("No money here."), "USD");
    }

    #[test]
    fn texts_have_the_length_asked_for_and_differ() {
        let words = Words::new(Some("vegan leather hiking boots for women with wide feet".into()), "");
        for (least, most) in [(1, 3), (2, 12), (3, 30), (2, 60), (10, 120), (60, 1500), (90, 100), (7, 7), (300, 320)] {
            let texts: Vec<String> = (0..24).map(|number| words.sentence(5, number, least, most)).collect();
            for text in &texts {
                assert!((least..=most).contains(&text.chars().count()), "{least}..{most}: {text}");
            }
            let different: HashSet<&String> = texts.iter().collect();
            assert!(most < 30 || different.len() == texts.len(), "{least}..{most}: {texts:?}");
        }
    }
}
