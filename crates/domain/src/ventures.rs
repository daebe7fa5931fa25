//! A venture: one business idea of one owner and everything made for it.

use crate::Timestamp;
use crate::faults::{Fault, Faults};
use crate::generations::{Confidence, Generation};
use crate::ideas::{self, ProductIdea};
use crate::ids::{OwnerId, VentureId};
use crate::locales::{Currency, Language};
use crate::voices::{BrandVoice, Experience, Persona};

/// What the owner said about the venture; every part is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// What is to be sold.
    pub idea: ProductIdea,
    /// How it speaks.
    pub voice: BrandVoice,
    /// Who asks.
    pub persona: Option<Persona>,
    /// How much of this they have done.
    pub experience: Experience,
    /// For whom, if said.
    pub target_market: Option<String>,
    /// For how much, if said.
    pub price_range: Option<String>,
    /// The language of the plan.
    pub language: Language,
    /// The currency of the plan.
    pub currency: Currency,
}

/// What somebody typed, unchecked; missing parts take their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawBrief {
    /// Required.
    pub idea: String,
    /// Professional when missing.
    pub voice: Option<String>,
    /// None when missing.
    pub persona: Option<String>,
    /// The persona's level, else beginner.
    pub experience: Option<String>,
    /// Free text.
    pub target_market: Option<String>,
    /// Free text.
    pub price_range: Option<String>,
    /// English when missing.
    pub language: Option<String>,
    /// US dollars when missing.
    pub currency: Option<String>,
}

impl Brief {
    /// Reads everything and names every fault of every part at once.
    pub fn parse(raw: &RawBrief) -> Result<Self, Faults> {
        Self::read(raw, (ProductIdea::parse, BrandVoice::parse, words))
    }

    /// Reads a brief that was accepted earlier: its words stay, whatever counts as an order to the model today.
    pub fn kept(raw: &RawBrief) -> Result<Self, Faults> {
        Self::read(raw, (ProductIdea::kept, BrandVoice::kept, short))
    }

    fn read(raw: &RawBrief, (idea, voice, words): (Reader<ProductIdea>, Reader<BrandVoice>, WordsReader)) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let idea = faults.take(idea(&raw.idea));
        let voice = faults.take(given(raw.voice.as_ref()).map_or(Ok(BrandVoice::Professional), voice));
        let persona = faults.take(given(raw.persona.as_ref()).map(Persona::parse).transpose());
        let level = persona.flatten().map_or_else(Experience::default, |p| p.experience);
        let experience = faults.take(given(raw.experience.as_ref()).map_or(Ok(level), Experience::parse));
        let target_market = faults.take(words("targetMarket", raw.target_market.as_ref()));
        let price_range = faults.take(words("priceRange", raw.price_range.as_ref()));
        let language = faults.take(given(raw.language.as_ref()).map_or(Ok(Language::default()), Language::parse));
        let currency = faults.take(given(raw.currency.as_ref()).map_or(Ok(Currency::default()), Currency::parse));
        match (idea, voice, persona, experience, target_market, price_range, language, currency) {
            (
                Some(idea),
                Some(voice),
                Some(persona),
                Some(experience),
                Some(target_market),
                Some(price_range),
                Some(language),
                Some(currency),
            ) => Ok(Self { idea, voice, persona, experience, target_market, price_range, language, currency }),
            _ => Err(faults),
        }
    }
}

type Reader<T> = fn(&str) -> Result<T, Faults>;
type WordsReader = fn(&str, Option<&String>) -> Result<Option<String>, Faults>;

fn given(text: Option<&String>) -> Option<&str> {
    text.map(|t| t.trim()).filter(|t| !t.is_empty())
}

/// A short free text that goes into prompts: at most 200 characters, no orders.
fn words(field: &str, text: Option<&String>) -> Result<Option<String>, Faults> {
    let mut faults = Faults(given(text).map(|text| ideas::unclean(field, text)).unwrap_or_default());
    let kept = faults.take(short(field, text));
    kept.filter(|_| faults.is_empty()).ok_or(faults)
}

/// A short free text: at most 200 characters.
fn short(field: &str, text: Option<&String>) -> Result<Option<String>, Faults> {
    let Some(text) = given(text) else { return Ok(None) };
    let length = text.chars().count();
    if length > 200 {
        return Err(Fault::new(field, format!("has {length} characters; it may have at most 200")).into());
    }
    Ok(Some(text.to_owned()))
}

/// Feedback on earlier attempts, each up to 500 characters and at most ten of them.
pub fn feedback(given: &[String]) -> Result<Vec<String>, Faults> {
    let mut faults = Faults::default();
    if given.len() > 10 {
        faults.add("previousFeedback", format!("has {} entries; send the last ten at most", given.len()));
    }
    for (i, text) in given.iter().enumerate() {
        let field = format!("previousFeedback[{i}]");
        if text.chars().count() > 500 {
            faults.add(&field, "has more than 500 characters");
        }
        faults.0.extend(ideas::unclean(&field, text));
    }
    let kept = given.iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect();
    if faults.is_empty() { Ok(kept) } else { Err(faults) }
}

/// A venture as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venture {
    /// Its id.
    pub id: VentureId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What it is about.
    pub brief: Brief,
    /// When it was made.
    pub created: Timestamp,
    /// When it was put away, if it was: nothing is made for it until it is taken up again.
    pub archived: Option<Timestamp>,
}

/// A section of a venture as it stands: its newest generation that did not fail. Failures are kept too, but stand nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentSection {
    /// The generation whose output is shown.
    pub current: Generation,
    /// A section it was built from has changed since.
    pub stale: bool,
}

impl CurrentSection {
    /// How far to rely on it.
    pub fn confidence(&self) -> Confidence {
        self.current.confidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_all_parts_come_at_once() {
        let raw = RawBrief {
            idea: "1234".into(),
            voice: Some("xyz".into()),
            persona: Some("pirate".into()),
            experience: Some("guru".into()),
            language: Some("tlh".into()),
            currency: Some("XXX".into()),
            target_market: Some("system prompt".into()),
            price_range: Some("x".repeat(201)),
        };
        let fields: Vec<String> = Brief::parse(&raw).expect_err("all wrong").0.into_iter().map(|f| f.field).collect();
        assert_eq!(
            fields,
            [
                "productIdea",
                "productIdea",
                "brandVoice",
                "persona",
                "experienceLevel",
                "targetMarket",
                "priceRange",
                "language",
                "currency"
            ]
        );
    }

    #[test]
    fn a_persona_brings_its_experience_unless_one_is_given() {
        let raw = RawBrief { idea: "beeswax candles".into(), persona: Some("serial-entrepreneur".into()), ..RawBrief::default() };
        assert_eq!(Brief::parse(&raw).map(|b| b.experience), Ok(Experience::Expert));
        let raw = RawBrief { experience: Some("beginner".into()), ..raw };
        assert_eq!(Brief::parse(&raw).map(|b| b.experience), Ok(Experience::Beginner));
    }
}
