//! What proposed files would be, drawn: faults with their lines, the prompts as a model would get them, tokens and cost beside today's.

use super::whole::schema;
use crate::pages::staff::diffs::Source;
use crate::pages::staff::prompts::{Tokens, change, class, money};
use app::proposals::{Preview, Previewed};
use domain::gates::SchemaStep;
use prompts::tokens::TokenReport;

/// A preview.
#[derive(askama::Template)]
#[template(path = "staff/proposals/preview.html")]
pub(super) struct PreviewView {
    /// Where, and what.
    faults: Vec<(String, String)>,
    templates: Vec<TemplateView>,
}

struct TemplateView {
    title: String,
    name: String,
    version: String,
    class: &'static str,
    sample: String,
    /// The prompts by what they are, or why there are none.
    prompts: Vec<(&'static str, Source)>,
    fault: Option<String>,
    tokens: Option<Tokens>,
    /// What changes against what is in use: tokens, money, the promise of the output.
    deltas: Vec<String>,
}

impl PreviewView {
    pub(super) fn of(preview: &Preview) -> Self {
        Self {
            faults: preview.faults.iter().map(|fault| (fault.field.clone(), fault.message.clone())).collect(),
            templates: preview.templates.iter().map(TemplateView::of).collect(),
        }
    }
}

impl TemplateView {
    fn of(seen: &Previewed) -> Self {
        let template = &seen.template;
        let (prompts, fault) = match &seen.rendered {
            Ok(rendered) => {
                let mut prompts =
                    vec![("System", Source::of("System prompt", &rendered.system)), ("User", Source::of("User prompt", &rendered.user))];
                prompts.extend(rendered.fallback.as_ref().map(|text| ("Fallback, for time-outs", Source::of("Fallback prompt", text))));
                (prompts, None)
            }
            Err(fault) => (Vec::new(), Some(fault.clone())),
        };
        let mut deltas = match (&seen.before, &seen.report) {
            (Some(before), Some(after)) => compared(before, after),
            (None, _) => vec!["A new template: there is nothing to compare with.".to_owned()],
            (Some(_), None) => Vec::new(),
        };
        deltas.extend(seen.schema.iter().filter(|change| change.step != SchemaStep::Same).map(schema));
        Self {
            title: template.title.clone(),
            name: template.name.to_string(),
            version: template.version.to_string(),
            class: class(template.model),
            sample: seen.sample.clone(),
            prompts,
            fault,
            tokens: seen.report.as_ref().map(Tokens::of),
            deltas,
        }
    }
}

/// What a call takes, beside the version in use.
fn compared(before: &TokenReport, after: &TokenReport) -> Vec<String> {
    let mut said = vec![format!("{} ({}).", change(before.input, after.input), before.version)];
    if let Some((was, is)) = before.cost_per_thousand.zip(after.cost_per_thousand) {
        let sign = if is < was { "−" } else { "+" };
        let difference = money((is - was).abs());
        let change = if money(is) == money(was) { "as before".to_owned() } else { format!("{sign}{difference}") };
        said.push(format!("{} for 1,000 generations, {change}.", money(is)));
    }
    said
}
