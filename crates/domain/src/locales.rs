//! Languages and currencies a plan can be written in.

use crate::faults::{Fault, Faults};
use crate::voices::shorten;

/// A language: ISO 639-1 code and English name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language {
    /// ISO 639-1, lower case.
    pub code: &'static str,
    /// English name, as prompts say it.
    pub name: &'static str,
}

const LANGUAGES: [(&str, &str); 32] = [
    ("en", "English"),
    ("ar", "Arabic"),
    ("bg", "Bulgarian"),
    ("cs", "Czech"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("es", "Spanish"),
    ("et", "Estonian"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hr", "Croatian"),
    ("hu", "Hungarian"),
    ("id", "Indonesian"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ko", "Korean"),
    ("lt", "Lithuanian"),
    ("nl", "Dutch"),
    ("no", "Norwegian"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sv", "Swedish"),
    ("th", "Thai"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("vi", "Vietnamese"),
    ("zh", "Chinese"),
];

impl Default for Language {
    fn default() -> Self {
        Self { code: "en", name: "English" }
    }
}

impl Language {
    /// Every language.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.into_iter().map(|(code, name)| Self { code, name })
    }

    /// Reads a code (`de`, `de-AT`) or an English name.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let wanted = text.trim().to_lowercase();
        let code = wanted.split(['-', '_']).next().unwrap_or_default();
        Self::all().find(|l| l.code == code || l.name.to_lowercase() == wanted).ok_or_else(|| {
            let codes: Vec<&str> = LANGUAGES.iter().map(|(code, _)| *code).collect();
            Fault::new("language", format!("\"{}\" is not known; use one of {}", shorten(text), codes.join(", "))).into()
        })
    }
}

/// A currency: ISO 4217 code and the symbol prices are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    /// ISO 4217.
    pub code: &'static str,
    /// Written before an amount.
    pub symbol: &'static str,
    /// Digits of the minor unit: 2 for cents, 0 for yen.
    pub digits: u32,
}

const CURRENCIES: [(&str, &str, u32); 26] = [
    ("USD", "$", 2),
    ("EUR", "€", 2),
    ("GBP", "£", 2),
    ("AUD", "A$", 2),
    ("BRL", "R$", 2),
    ("CAD", "C$", 2),
    ("CHF", "CHF ", 2),
    ("CNY", "CN¥", 2),
    ("CZK", "Kč ", 2),
    ("DKK", "kr ", 2),
    ("HKD", "HK$", 2),
    ("HUF", "Ft ", 2),
    ("IDR", "Rp ", 2),
    ("ILS", "₪", 2),
    ("INR", "₹", 2),
    ("JPY", "¥", 0),
    ("KRW", "₩", 0),
    ("MXN", "MX$", 2),
    ("NOK", "kr ", 2),
    ("NZD", "NZ$", 2),
    ("PLN", "zł ", 2),
    ("SEK", "kr ", 2),
    ("SGD", "S$", 2),
    ("THB", "฿", 2),
    ("TRY", "₺", 2),
    ("ZAR", "R ", 2),
];

impl Default for Currency {
    fn default() -> Self {
        Self { code: "USD", symbol: "$", digits: 2 }
    }
}

impl Currency {
    /// Every currency.
    pub fn all() -> impl Iterator<Item = Self> {
        CURRENCIES.into_iter().map(|(code, symbol, digits)| Self { code, symbol, digits })
    }

    /// Reads an ISO 4217 code.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let wanted = text.trim().to_uppercase();
        Self::all().find(|c| c.code == wanted).ok_or_else(|| {
            let codes: Vec<&str> = CURRENCIES.iter().map(|(code, ..)| *code).collect();
            Fault::new("currency", format!("\"{}\" is not known; use one of {}", shorten(text), codes.join(", "))).into()
        })
    }

    /// An amount in minor units as people write it: `€1,299.00`, `¥1,200`.
    pub fn format(self, minor: i64) -> String {
        let scale = 10_i64.pow(self.digits);
        let sign = if minor < 0 { "-" } else { "" };
        let (whole, rest) = (minor.abs() / scale, minor.abs() % scale);
        let mut digits = whole.to_string();
        let mut at = digits.len();
        while at > 3 {
            at -= 3;
            digits.insert(at, ',');
        }
        if self.digits == 0 { format!("{sign}{}{digits}", self.symbol) } else { format!("{sign}{}{digits}.{rest:02}", self.symbol) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_out() {
        assert_eq!(Currency::default().format(129_900), "$1,299.00");
        assert_eq!(Currency::parse("jpy").map(|c| c.format(1200)), Ok("¥1,200".into()));
        assert_eq!(Currency::default().format(-5), "-$0.05");
    }

    #[test]
    fn unknown_ones_are_named_with_what_is_allowed() {
        assert!(Language::parse("Klingon").expect_err("unknown").to_string().contains("de, el"));
        assert!(Currency::parse("DOGE").expect_err("unknown").to_string().contains("USD"));
        assert_eq!(Language::parse("de-AT").map(|l| l.name), Ok("German"));
    }
}
