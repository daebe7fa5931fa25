//! What a prompt tells beside the idea: what was criticised before, what earlier sections say, money. A model that reads its prompt takes
//! these up; so does the upstream, in the prompt's own words.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Tags around what is worth taking up, criticism first.
const TOLD: [&str; 10] = ["feedback", "product", "market", "goals", "goal", "tagline", "mission", "buyer", "competitor_prices", "sourcing"];

static AMOUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+) in the smallest unit of ([A-Z]{3})").expect("a constant pattern compiles"));
static PRICE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^Price: (\d+) in the smallest unit").expect("a constant pattern compiles"));

/// What a prompt tells.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Sentences, the first of each matter before the second of any.
    pub(super) sentences: Vec<String>,
    /// The planned price in the currency's smallest unit.
    pub(super) price: Option<f64>,
}

impl Known {
    pub(super) fn read(prompt: &str) -> Self {
        let mut matters: Vec<Vec<String>> = Vec::new();
        for tag in TOLD {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let blocks = prompt.split(&open).skip(1).filter_map(|rest| rest.split_once(&close));
            matters.extend(blocks.map(|(block, _)| sentences(block)));
        }
        // Lines about money stand outside of tags.
        matters.extend(prompt.lines().filter(|line| AMOUNT.is_match(line)).map(|line| vec![written(line)]));
        let most = matters.iter().map(Vec::len).max().unwrap_or(0);
        let sentences = (0..most).flat_map(|round| matters.iter().filter_map(move |matter| matter.get(round).cloned())).collect();
        let price = PRICE.captures(prompt).and_then(|found| found[1].parse().ok());
        Self { sentences, price }
    }
}

fn sentences(block: &str) -> Vec<String> {
    let parts = block.lines().flat_map(|line| line.split(". "));
    parts.map(|part| part.trim().trim_start_matches("- ").trim_end_matches('.').to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Amounts as buyers see them.
fn written(line: &str) -> String {
    let amount = |found: &Captures<'_>| {
        let whole: i64 = found[1].parse().unwrap_or(0);
        let (units, rest) = (whole / 100, whole % 100);
        let number = if rest == 0 { units.to_string() } else { format!("{units}.{rest:02}") };
        match &found[2] {
            "USD" => format!("${number}"),
            "EUR" => format!("€{number}"),
            "GBP" => format!("£{number}"),
            "JPY" => format!("¥{whole}"),
            other => format!("{number} {other}"),
        }
    };
    AMOUNT.replace_all(line.trim().trim_end_matches('.'), amount).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matters_take_turns_and_criticism_comes_first() {
        let prompt = "<product_idea>soap</product_idea>\n<product>Soap: It lathers. It lasts.</product>\nPrice: 1250 in the smallest unit of EUR.\n\
                      <market>\nCrowded.\n- Chains, €3-€5\n</market>\n<feedback>No word on refills.</feedback>\n<feedback>Too long.</feedback>";
        let known = Known::read(prompt);
        let wanted = ["No word on refills", "Too long", "Soap: It lathers", "Crowded", "Price: €12.50", "It lasts", "Chains, €3-€5"];
        assert_eq!(known.sentences, wanted);
        assert_eq!(known.price, Some(1250.0));
        assert_eq!(Known::read("<product_idea>soap</product_idea>").sentences, [""; 0]);
    }
}
