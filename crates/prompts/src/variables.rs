//! Which variables a Handlebars text uses.
//!
//! Strict mode lets `{{#if missing}}` pass, so the parsed text is compared with the declared variables before it is ever rendered.

use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use std::collections::BTreeSet;

/// The built-in helpers a prompt may use.
const HELPERS: [&str; 5] = ["if", "unless", "each", "with", "lookup"];

/// The paths a text uses, from the root of the context, or what is wrong with it (line, message).
pub(crate) fn used(text: &str) -> Result<BTreeSet<String>, (Option<usize>, String)> {
    let template = Template::compile(text).map_err(|e| (e.pos().map(|(line, _)| line), format!("Handlebars: {}", e.reason())))?;
    let mut walk = Walk { used: BTreeSet::new(), faults: Vec::new() };
    walk.template(&template, 0);
    match walk.faults.into_iter().next() {
        Some(fault) => Err((None, fault)),
        None => Ok(walk.used),
    }
}

struct Walk {
    used: BTreeSet<String>,
    faults: Vec<String>,
}

impl Walk {
    /// `depth` counts the `each` and `with` blocks around: inside them a bare path means the item's.
    fn template(&mut self, template: &Template, depth: usize) {
        for element in &template.elements {
            match element {
                TemplateElement::Expression(e) | TemplateElement::HtmlExpression(e) | TemplateElement::HelperBlock(e) => {
                    self.helper(e, depth);
                }
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                _ => self.faults.push("decorators and partials are not available in prompts".into()),
            }
        }
    }

    fn helper(&mut self, helper: &HelperTemplate, depth: usize) {
        let plain = !helper.block && helper.params.is_empty() && helper.hash.is_empty();
        let mut inside = depth;
        match &helper.name {
            Parameter::Name(name) if !plain => {
                if !HELPERS.contains(&name.as_str()) {
                    self.faults.push(format!("{{{{{name}}}}} is not a helper; there are {}", HELPERS.join(", ")));
                }
                inside += usize::from(matches!(name.as_str(), "each" | "with"));
            }
            name => self.parameter(name, depth),
        }
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            self.parameter(parameter, depth);
        }
        if let Some(template) = &helper.template {
            self.template(template, inside);
        }
        // `{{else}}` of an `each` is rendered in the outer context.
        if let Some(template) = &helper.inverse {
            self.template(template, depth);
        }
    }

    fn parameter(&mut self, parameter: &Parameter, depth: usize) {
        match parameter {
            Parameter::Name(name) => self.path(name, depth),
            Parameter::Path(path) => {
                let raw = match path {
                    handlebars::Path::Relative((_, raw)) | handlebars::Path::Local((_, _, raw)) => raw.clone(),
                };
                self.path(&raw, depth);
            }
            Parameter::Subexpression(sub) => {
                if let TemplateElement::Expression(helper) = sub.as_element() {
                    self.helper(helper, depth);
                }
            }
            _ => {}
        }
    }

    fn path(&mut self, raw: &str, depth: usize) {
        let path = raw.replace('/', ".");
        if let Some(root) = path.strip_prefix("@root.") {
            self.used.insert(root.to_owned());
        } else if path.starts_with('@') {
        } else if path == "this" || path.starts_with("this.") {
            if depth == 0 {
                self.faults.push(format!("{{{{{raw}}}}} stands outside of #each and #with, where \"this\" is nothing"));
            }
        } else if path.starts_with("..") {
            let ups = raw.matches("..").count();
            let rest = path.trim_start_matches("...").trim_start_matches('.');
            if ups >= depth {
                self.used.insert(rest.to_owned());
            }
        } else if depth > 0 {
            self.faults.push(format!(
                "{{{{{raw}}}}} stands inside #each or #with: use this.{raw} for the item's field or @root.{raw} for a variable"
            ));
        } else {
            self.used.insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::used;

    #[test]
    fn every_reference_is_found() {
        let text = "{{a.b}} {{#if c.d}}{{c.d.e}}{{/if}}{{#each f}}{{@index}} {{this}} {{this.g}} {{@root.h}} {{../i}}{{else}}{{j}}{{/each}}{{lookup k \"x\"}}{{{l}}}";
        let found: Vec<String> = used(text).expect("valid").into_iter().collect();
        assert_eq!(found, ["a.b", "c.d", "c.d.e", "f", "h", "i", "j", "k", "l"]);
    }

    #[test]
    fn what_strict_mode_would_miss_is_refused() {
        assert!(used("{{#each xs}}{{name}}{{/each}}").expect_err("bare").1.contains("this.name"));
        assert!(used("{{this}}").expect_err("nothing").1.contains("outside"));
        assert!(used("{{shout x}}").expect_err("helper").1.contains("not a helper"));
        assert!(used("{{> partial}}").expect_err("partial").1.contains("partials"));
        assert_eq!(used("one\n{{#if x}}").expect_err("open").0, Some(2));
    }
}
