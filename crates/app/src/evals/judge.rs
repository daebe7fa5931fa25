//! Judges outputs by a model, and compares texts by the embedder.

use super::models::{Model, messages, schema};
use super::questions::{self, Question};
use super::{Bench, Kind};
use ::evals::{Embedder, GradeRequest, Grader, HelperError, Provider, Verdict};
use async_trait::async_trait;
use llm::{Ask, DraftMaterial, Llm, ModelClass, Turn};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(2);
const LONGEST: u32 = 2048;

/// Who judges.
enum Judge {
    Model(Arc<Model>),
    Routes(Arc<Llm>),
}

impl Judge {
    /// Of the routes the class that judges, where there is one.
    fn class(&self) -> ModelClass {
        match self {
            Self::Routes(llm) if !llm.route(ModelClass::Judge).is_empty() => ModelClass::Judge,
            Self::Routes(_) | Self::Model(_) => ModelClass::Reasoning,
        }
    }

    fn llm(&self) -> &Llm {
        match self {
            Self::Model(model) => &model.llm,
            Self::Routes(llm) => llm,
        }
    }
}

impl Bench {
    /// The judge a file asks for, else the configured one, else that of the routes, else the models of the class `reasoning`.
    fn judge(&self, wanted: &Value) -> Result<Judge, String> {
        let named = provider(wanted)?;
        if !self.setup.names_judges && named.is_some() {
            return Err("a server judges by its own model; take the provider out of the assertion".to_owned());
        }
        let named = named.or_else(|| self.setup.judge.as_ref().map(|id| Provider { id: id.clone(), ..Provider::default() }));
        let Some(provider) = named else {
            return self.routes().map(Judge::Routes).map_err(|why| format!("{why}; or name a judge with --grader"));
        };
        match Kind::of(&self.named(&provider.id)?) {
            Kind::Model(_) => self.model(&provider).map(Judge::Model).map_err(|why| format!("{}: {why}", provider.id)),
            _ => Err(format!("\"{}\" is no model that can judge", provider.id)),
        }
    }

    async fn ask_judge(&self, judge: &Judge, turns: Vec<Turn>, question: &Question) -> Result<Verdict, String> {
        let ask = Ask {
            class: judge.class(),
            system: question.system.clone(),
            turns,
            user: question.user.clone(),
            schema: Some(schema(&question.schema)),
            json: true,
            schema_name: "verdict".into(),
            temperature: 0.0,
            max_output_tokens: LONGEST,
            timeout: PATIENCE,
            grounding: false,
            seed: 0,
            draft: DraftMaterial { schema: question.schema.clone(), ..DraftMaterial::default() },
        };
        let outcome = judge.llm().ask(&ask, None, &CancellationToken::new(), &()).await;
        self.meter.add(&outcome.calls, &outcome.recorded);
        let answer = outcome.result.map_err(|error| if error.is_stale() { self.stale("the judge") } else { error.to_string() })?;
        if answer.draft_model {
            return Err("the small embedded model cannot judge; name a model with --grader or models.judge".to_owned());
        }
        let said = answer.value.or_else(|| json_in(&answer.text));
        question.verdict(&said.ok_or("it did not answer with JSON")?)
    }

    async fn graded(&self, request: &GradeRequest) -> Result<Verdict, String> {
        let judge = self.judge(&request.provider)?;
        if !request.rubric_prompt.is_null() {
            let (turns, question) = self.own_question(request)?;
            return self.ask_judge(&judge, turns, &question).await;
        }
        let mut verdicts = Vec::new();
        for criterion in questions::criteria(request) {
            verdicts.push(self.ask_judge(&judge, Vec::new(), &questions::question(request, &criterion)?).await?);
        }
        Ok(mean(verdicts))
    }

    /// The prompt a file writes for the judge, with its variables and `output`, `rubric`, `criteria` filled in.
    fn own_question(&self, request: &GradeRequest) -> Result<(Vec<Turn>, Question), String> {
        let mut vars = request.vars.clone();
        let rubric = request.criteria.as_str().map_or_else(|| request.criteria.to_string(), str::to_owned);
        for (name, text) in [("output", &request.output), ("rubric", &rubric), ("criteria", &rubric), ("prompt", &request.prompt)] {
            vars.insert(name.to_owned(), text.as_str().into());
        }
        let filled = self.templating.render_deep(&request.rubric_prompt, &vars).map_err(|why| format!("rubricPrompt: {why}"))?;
        let text = filled.as_str().map_or_else(|| filled.to_string(), str::to_owned);
        let (system, turns, user) = messages(&text).map_err(|why| format!("rubricPrompt: {why}"))?;
        Ok((turns, questions::own(system, user)))
    }
}

/// The provider of a file: an id, a map with one, or one for each use.
fn provider(wanted: &Value) -> Result<Option<Provider>, String> {
    match wanted {
        Value::Null => Ok(None),
        Value::String(id) => Ok(Some(Provider { id: id.clone(), label: id.clone(), ..Provider::default() })),
        Value::Object(map) if map.contains_key("id") => {
            let id = map.get("id").and_then(Value::as_str).ok_or("the judge's id is a text")?;
            let config = map.get("config").cloned().unwrap_or_default();
            Ok(Some(Provider { id: id.to_owned(), config, env: map.get("env").cloned().unwrap_or_default(), ..Provider::default() }))
        }
        Value::Object(map) => provider(map.get("text").unwrap_or(&Value::Null)),
        other => Err(format!("a judge is an id or a map with one, not {other}")),
    }
}

/// The first object in a text, which models like to wrap.
fn json_in(text: &str) -> Option<Value> {
    let (from, to) = (text.find('{')?, text.rfind('}')?);
    serde_json::from_str(text.get(from..=to)?).ok()
}

fn mean(mut verdicts: Vec<Verdict>) -> Verdict {
    if verdicts.len() == 1 {
        return verdicts.pop().unwrap_or_default();
    }
    let scores: Vec<f64> = verdicts.iter().filter_map(|verdict| verdict.score).collect();
    #[expect(clippy::cast_precision_loss, reason = "criteria of one assertion")]
    let score = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    let reasons: Vec<&str> = verdicts.iter().map(|verdict| verdict.reason.as_str()).collect();
    // One that does not pass is not made good by the others.
    let pass = verdicts.iter().filter_map(|verdict| verdict.pass).reduce(|all, one| all && one);
    Verdict { pass, score: Some(score), reason: reasons.join("\n") }
}

#[async_trait]
impl Grader for Bench {
    async fn grade(&self, request: &GradeRequest) -> Result<Verdict, HelperError> {
        self.graded(request).await.map_err(HelperError)
    }
}

#[async_trait]
impl Embedder for Bench {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, HelperError> {
        let llm = self.embedder().map_err(HelperError)?;
        llm.embed(texts).await.map_err(|error| HelperError(if error.is_stale() { self.stale("the embedder") } else { error.to_string() }))
    }
}

impl Bench {
    /// Whoever embeds: the models of the routes where they can be made; the embedder itself needs none of them.
    fn embedder(&self) -> Result<Arc<Llm>, String> {
        self.routes().or_else(|_| {
            // A route that needs no key and is never asked.
            let settings = self.setup.models.alone("ollama:none", &llm::Endpoint::default());
            Llm::new(settings, self.setup.prices.clone(), self.setup.clock.clone()).map(Arc::new).map_err(|error| error.to_string())
        })
    }
}
