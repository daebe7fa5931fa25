//! The fields of a JSON body, read one by one, so that everything that is wrong with them is said at once.

use domain::faults::{Fault, Faults};
use domain::ventures::RawBrief;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The JSON object of a body. A field that is `null` is one that was not given.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Faults,
}

/// Fields that nobody sets by sending them, also where fields that nobody knows are let through.
const PRIVILEGES: [&str; 10] = ["tier", "role", "owner", "ownerId", "accountId", "userId", "isAdmin", "verified", "limitedUntil", "scopes"];

/// What a body can be read as.
pub(crate) trait Read: Sized {
    /// Reads it, or names every fault of every field.
    fn read(fields: Fields) -> Result<Self, Faults>;
}

/// As it came, for who takes fields that nobody knows.
impl Read for Fields {
    fn read(fields: Fields) -> Result<Self, Faults> {
        Ok(fields)
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(given: Map<String, Value>) -> Self {
        Self { given, ..Self::default() }
    }
}

impl Fields {
    /// All fields as they came.
    pub(crate) const fn given(&self) -> &Map<String, Value> {
        &self.given
    }

    /// A field as it came.
    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        self.given.get(field).filter(|value| !value.is_null())
    }

    /// A text.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        self.one(field, "must be a text", |value| value.as_str().map(str::to_owned))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        self.one(field, "must be true or false", Value::as_bool)
    }

    /// A whole number.
    pub(crate) fn number(&mut self, field: &'static str) -> Option<i64> {
        self.one(field, "must be a whole number", Value::as_i64)
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, field: &'static str) -> Option<Vec<String>> {
        self.one(field, "must be a list of texts", |value| value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect())
    }

    /// A list of anything else.
    pub(crate) fn list<T: DeserializeOwned>(&mut self, field: &'static str, must: &str) -> Option<Vec<T>> {
        self.one(field, must, |value| serde_json::from_value(value.clone()).ok())
    }

    /// What somebody says about a venture.
    pub(crate) fn brief(&mut self) -> RawBrief {
        RawBrief {
            idea: self.text("productIdea").unwrap_or_default(),
            voice: self.text("brandVoice"),
            persona: self.text("persona"),
            experience: self.text("experienceLevel"),
            target_market: self.text("targetMarket"),
            price_range: self.text("priceRange"),
            language: self.text("language"),
            currency: self.text("currency"),
        }
    }

    /// A fault for each field that would give its sender what is not theirs to take.
    pub(crate) fn refuse_privileges(&mut self) {
        for field in PRIVILEGES.iter().filter(|field| self.given.contains_key(**field)) {
            self.faults.add(*field, "is not yours to set; leave it out");
        }
    }

    /// What was wrong with the fields that were read.
    pub(crate) fn faults(&mut self) -> Faults {
        std::mem::take(&mut self.faults)
    }

    /// The same, and a fault for each field that nobody asked for.
    pub(crate) fn all_faults(mut self) -> Faults {
        let mut faults = self.faults();
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        for field in self.given.keys().filter(|field| !self.known.contains(&field.as_str())) {
            let field: String = field.chars().take(60).collect();
            faults.add(field, format!("is not a field of this request; the fields are: {known}"));
        }
        faults
    }

    fn one<T>(&mut self, field: &'static str, must: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.known.push(field);
        let read = read(self.value(field)?);
        if read.is_none() {
            self.faults.0.push(Fault::new(field, must));
        }
        read
    }
}

/// What is kept when nothing was wrong; else every fault.
pub(crate) fn unless_faulty<T>(value: T, faults: Faults) -> Result<T, Faults> {
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}
