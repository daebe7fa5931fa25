//! The leaves that no model writes: figures, choices and checked forms, taken from the nearest example and made the user's.

use serde_json::{Value, json};

use super::forms::{self, Around};
use super::leaf::Node;
use super::{Drafter, Scope, money, text};
use crate::Error;
use crate::embed::cosine;

impl<'a> Drafter<'a> {
    /// One value for each scope, side by side so that siblings can differ.
    pub(super) fn by_rule(&mut self, node: Node<'_>, scopes: &[Scope<'a>]) -> Result<Vec<Value>, Error> {
        if let Some(constant) = node.constant() {
            return Ok(vec![constant.clone(); scopes.len()]);
        }
        if let Some(choices) = node.choices() {
            return self.choices(choices, scopes);
        }
        let mut taken: Vec<String> = Vec::new();
        let mut values = Vec::new();
        for scope in scopes {
            let value = match node.kind() {
                "integer" | "number" => self.figure(node, scope),
                "boolean" => scope.example().cloned().unwrap_or(Value::Bool(false)),
                "null" => Value::Null,
                _ => Value::String(self.formed(node, scope, &taken)),
            };
            taken.extend(value.as_str().map(str::to_owned));
            values.push(value);
        }
        Ok(values)
    }

    /// Where a line was already written in the object, the choice of the example whose line is most like it; else the
    /// nearest example's, each only once while others are left.
    fn choices(&mut self, choices: &[Value], scopes: &[Scope<'a>]) -> Result<Vec<Value>, Error> {
        let mut taken: Vec<Value> = Vec::new();
        for scope in scopes {
            let alike = self.choice_by_likeness(scope)?.filter(|value| choices.contains(value));
            let from_examples = scope.models.iter().flatten().copied().filter(|value| choices.contains(value));
            let ordered: Vec<&Value> = from_examples.chain(choices).collect();
            let fresh = ordered.iter().find(|value| !taken.contains(value)).or(ordered.first());
            taken.push(alike.or_else(|| fresh.map(|value| (*value).clone())).unwrap_or(Value::Null));
        }
        Ok(taken)
    }

    fn choice_by_likeness(&self, scope: &Scope<'a>) -> Result<Option<Value>, Error> {
        let Some(key) = scope.path.rsplit('.').next() else { return Ok(None) };
        let line = scope.siblings.iter().find(|(_, value)| value.as_str().is_some_and(|text| text.contains(' ')));
        let Some((line_key, Value::String(line))) = line else { return Ok(None) };
        let list = scope.path.rsplit_once('[').map(|(list, _)| list).unwrap_or_default();
        let mut pairs: Vec<(&str, &Value)> = Vec::new();
        for example in &self.examples {
            let items = list.split('.').try_fold(example.output, |value, step| value.get(step)).and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                pairs.extend(item.get(line_key).and_then(Value::as_str).zip(item.get(key)));
            }
        }
        let texts: Vec<String> = pairs.iter().map(|(text, _)| *text).chain([line.as_str()]).map(str::to_owned).collect();
        let vectors = self.embedder.embed_kept(&texts)?;
        let Some((own, others)) = vectors.split_last() else { return Ok(None) };
        let best = others.iter().zip(&pairs).max_by(|a, b| cosine(a.0, own).total_cmp(&cosine(b.0, own)));
        Ok(best.map(|(_, (_, choice))| (*choice).clone()))
    }

    fn formed(&mut self, node: Node<'_>, scope: &Scope<'a>, taken: &[String]) -> String {
        let around = Around { subject: &self.subject, siblings: &scope.siblings, example: scope.example(), taken };
        let value = match node.format() {
            Some("currency") => self.task.currency.to_owned(),
            Some("slug") => forms::slug(&around, node.max_length()),
            Some("sku") => {
                let variant = scope.path.contains('[');
                let base = variant.then(|| forms::sku(&Around { taken: &[], ..around }, None, node.max_length()));
                forms::sku(&around, base.as_deref(), node.max_length())
            }
            Some("price-range") => self.price_range(scope).unwrap_or_default(),
            Some("hashtag") => forms::hashtags(&self.subject, &[], 1, scope.index, node.max_length()).pop().unwrap_or_default(),
            _ => String::new(),
        };
        if !value.is_empty() && forms::allowed(node, &value) { value } else { forms::any_string(node, &around) }
    }

    pub(super) fn hashtags(&self, item: Node<'_>, scope: &Scope<'a>, count: usize) -> Value {
        let tags = scope.models.iter().flatten().filter_map(|tags| tags.as_array()).flatten().filter_map(Value::as_str);
        let tags: Vec<String> = tags.filter(|tag| is_general_tag(tag)).map(str::to_owned).collect();
        let tags = forms::hashtags(&self.subject, &tags, count, scope.index, item.max_length());
        Value::Array(tags.into_iter().map(Value::String).collect())
    }

    /// A competitor's range: the example's, moved to where the user's own price lies.
    fn price_range(&self, scope: &Scope<'a>) -> Option<String> {
        let symbol = money::symbol(self.task.currency);
        let ranges = scope.models.iter().flatten().filter_map(|value| value.as_str());
        let (text, range) = ranges.map(|text| (text, money::numbers(text))).find(|(_, range)| range.len() >= 2)?;
        // A range that was estimated says so, and this one is too.
        let mark = if text.trim_start().starts_with('~') { "~" } else { "" };
        let own = money::told_price(self.task.subject, self.task.price_range).or_else(|| money::price_in(self.task.context));
        let middle = self.middle_of_ranges(scope);
        let ratio = match (own, middle) {
            (Some(own), Some(middle)) => own / middle,
            _ => self.examples.first().map_or(1.0, |example| money::rate(example.currency, self.task.currency)),
        };
        let (low, high) = (range[0].min(range[1]) * ratio, range[0].max(range[1]) * ratio);
        Some(format!("{mark}{}-{}", money::written(low, &symbol), money::written(high.max(low + 1.0), &symbol)))
    }

    /// The middle of all ranges in the example that this scope's range comes from.
    fn middle_of_ranges(&self, scope: &Scope<'a>) -> Option<f64> {
        let key = scope.path.rsplit('.').next()?;
        let list = scope.path.rsplit_once('[')?.0;
        let found = self.examples.iter().zip(&scope.models).find(|(_, model)| model.is_some())?.0;
        let items = list.split('.').try_fold(found.output, |value, step| value.get(step))?.as_array()?;
        let ranges = items.iter().filter_map(|item| item.get(key)?.as_str()).flat_map(money::numbers);
        let all: Vec<f64> = ranges.collect();
        let count = f64::from(u32::try_from(all.len()).ok()?);
        (count > 0.0).then(|| all.iter().sum::<f64>() / count).filter(|middle| *middle > 0.0)
    }

    fn figure(&mut self, node: Node<'_>, scope: &Scope<'a>) -> Value {
        let earlier = node.from().and_then(|path| path.split('.').try_fold(self.task.context, |value, step| value.get(step)));
        let value = match earlier.and_then(Value::as_f64) {
            Some(figure) => figure,
            None => self.example_figure(node, scope),
        };
        let value = value.max(node.minimum().unwrap_or(f64::MIN)).min(node.maximum().unwrap_or(f64::MAX));
        if node.kind() == "integer" || value.fract() == 0.0 { json!(whole(value)) } else { json!(value) }
    }

    /// The example's figure, in the user's currency and in proportion to their price.
    fn example_figure(&mut self, node: Node<'_>, scope: &Scope<'a>) -> f64 {
        let found = scope.models.iter().enumerate().find_map(|(at, model)| model.and_then(Value::as_f64).map(|figure| (at, figure)));
        let Some((at, figure)) = found else { return node.minimum().unwrap_or(0.0).max(1.0) };
        if let Some(key) = node.scales_with() {
            let mine = scope.siblings.get(key).and_then(Value::as_f64);
            let theirs = scope.parents.get(at).copied().flatten().and_then(|parent| parent.get(key)).and_then(Value::as_f64);
            if let (Some(mine), Some(theirs)) = (mine, theirs.filter(|theirs| *theirs > 0.0)) {
                return money::rounded(figure * mine / theirs);
            }
        }
        if node.unit() != Some("cents") {
            return figure;
        }
        let rate = self.examples.get(at).map_or(1.0, |example| money::rate(example.currency, self.task.currency));
        let key = scope.path.rsplit('.').next().unwrap_or_default();
        let is_price = node.title().unwrap_or(key).to_lowercase().contains("price") || key.to_lowercase().contains("price");
        if !is_price || figure <= 0.0 {
            return money::rounded(figure * rate);
        }
        let told = money::told_price(self.task.subject, self.task.price_range).or_else(|| money::price_in(self.task.context));
        let ratio = *self.price_ratio.get_or_insert(told.map_or(rate, |price| price * 100.0 / figure));
        let exact = figure * ratio;
        if self.price_ratio == Some(ratio) && told.is_some_and(|price| (price * 100.0 - exact).abs() < 1.0) {
            exact.round()
        } else {
            money::rounded(exact)
        }
    }
}

impl<'a> Scope<'a> {
    /// The nearest example's value at this place.
    pub(super) fn example(&self) -> Option<&'a Value> {
        self.models.iter().flatten().next().copied()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "schemas bound their figures far below this")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A hashtag says several words in one, so each part of it has to be free of other products.
fn is_general_tag(tag: &str) -> bool {
    let spaced: String = tag.chars().flat_map(|c| if c.is_uppercase() { vec![' ', c] } else { vec![c] }).collect();
    let general = ["small", "business", "gift", "new", "launch", "maker", "weekend", "shop", "behind", "scenes", "sustainable"];
    text::words(&spaced).iter().all(|word| general.contains(&text::stem(word).as_str()) || text::is_stop(word))
}
