//! What evals ask and are judged by: sections of the library made as members get them, models by name, web addresses, the judge, the
//! embedder. There is no owner, no quota and no store here, and nothing is written down but on a recording.

mod beside;
mod identity;
mod judge;
mod kept;
mod meter;
mod models;
mod questions;
mod reading;
mod resolve;
mod sections;
mod verdicts;
mod web;

pub use ::evals::{Change, Comparison, Difference, Estimate, Metric, Part};
pub use beside::{Beside, SHOWN, compare_kept};
pub use kept::{Begun, ask_for_proposal, ask_for_release, get, list, stop};
pub(crate) use kept::{KIND, execute, give_up, suite};
pub use meter::{Meter, Spending};
pub use reading::{Case, CasesOf, Listed, Sheet, Standing, case, listed, page_of_cases, sheet, standing};
pub use resolve::{Deployed, Resolved, resolve};

use crate::{App, Clock};
use ::evals::templating::Templating;
use ::evals::{Output, Provider, Scope, Target, TargetError};
use async_trait::async_trait;
use integrations::addresses::Addresses;
use llm::{Llm, PriceTable, Tape};
use prompts::{Library, Release};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What an eval is run with.
pub struct Setup {
    /// What sections are asked of; nothing where no provider is one, or nobody is asked at all.
    pub sections: Option<Sections>,
    /// How models are reached, and the recording, where there is one.
    pub models: llm::Settings,
    /// What they charge.
    pub prices: PriceTable,
    /// The clock.
    pub clock: Clock,
    /// Who judges where a test does not say, as `provider:model`; without one, the models of the class `reasoning`.
    pub judge: Option<String>,
    /// What configs see as `env`.
    pub env: Map<String, Value>,
    /// Whether tests may name a judge of their own. Not on a server: whoever may propose tests may not have it ask other addresses.
    pub names_judges: bool,
}

/// Where sections come from.
pub struct Sections {
    /// All templates and examples.
    pub library: Arc<Library>,
    /// The release that is in use.
    pub release: Arc<Release>,
    /// The release of each environment, where that is known.
    pub deployed: Deployed,
}

/// Answers and judges what an eval asks.
pub struct Bench {
    setup: Setup,
    templating: Templating,
    addresses: Addresses,
    /// The models of the routes, made when they are first needed.
    routes: OnceLock<Result<Arc<Llm>, String>>,
    /// Models by name and settings.
    models: Mutex<HashMap<String, Arc<models::Model>>>,
    /// How often each question was asked, by its hash, so that a repetition is another draw.
    asked: Mutex<HashMap<u64, u64>>,
    meter: Meter,
    /// Scripts that read what addresses answer.
    scripts: Scope,
}

impl Bench {
    /// A bench; nobody is asked yet.
    pub fn new(setup: Setup) -> Result<Self, String> {
        Ok(Self {
            templating: Templating::new(setup.env.clone()),
            addresses: Addresses::new().map_err(|error| error.to_string())?,
            routes: OnceLock::new(),
            models: Mutex::default(),
            asked: Mutex::default(),
            meter: Meter::default(),
            scripts: Scope::new(),
            setup,
        })
    }

    /// A bench over the models this process works with, for sections of one release.
    pub(crate) fn over(app: &App, library: &Arc<Library>, release: &Arc<Release>) -> Result<Self, String> {
        Self::on(app, library, release, Arc::clone(&app.llm))
    }

    /// The same over these models.
    pub(crate) fn on(app: &App, library: &Arc<Library>, release: &Arc<Release>, llm: Arc<Llm>) -> Result<Self, String> {
        let (library, release, clock) = (Arc::clone(library), Arc::clone(release), app.clock.clone());
        let (models, prices) = (llm::Settings::default(), PriceTable::shipped().map_err(|fault| fault.to_string())?);
        let sections = Some(Sections { library, release, deployed: Deployed::new() });
        let bench = Self::new(Setup { sections, models, prices, clock, judge: None, env: Map::new(), names_judges: false })?;
        let _ = bench.routes.set(Ok(llm));
        Ok(bench)
    }

    /// Everything that is wrong with these providers, before any of them is asked: one sentence for each fault.
    pub fn check(&self, providers: &[Provider]) -> Vec<String> {
        providers.iter().filter_map(|p| self.known(p).err().map(|why| format!("provider \"{}\": {why}", p.id))).collect()
    }

    fn known(&self, provider: &Provider) -> Result<(), String> {
        match Kind::of(&self.named(&provider.id)?) {
            Kind::Section(spec) => {
                self.routes()?;
                sections::nothing_else(provider)?;
                self.resolved(&spec).map(drop)
            }
            Kind::Model(_) => self.model(provider).map(drop),
            Kind::Web => web::read(provider).map(drop),
            Kind::Echo => Ok(()),
            Kind::Unknown => Err(UNKNOWN.to_owned()),
        }
    }

    /// The judge and the embedder that `--grader` or the configuration name, if they can be asked.
    pub fn check_judge(&self) -> Result<(), String> {
        let Some(judge) = &self.setup.judge else { return Ok(()) };
        let provider = Provider { id: judge.clone(), label: judge.clone(), ..Provider::default() };
        match Kind::of(judge) {
            Kind::Model(_) => self.model(&provider).map(drop).map_err(|why| format!("the judge \"{judge}\": {why}")),
            _ => Err(format!("the judge \"{judge}\" is no model; name one as provider:model, such as google:gemini-2.5-pro")),
        }
    }

    fn sections(&self) -> Result<&Sections, String> {
        self.setup
            .sections
            .as_ref()
            .ok_or_else(|| "the library of templates was not read, because no provider seemed to need it".to_owned())
    }

    /// The template that is meant.
    fn resolved(&self, spec: &str) -> Result<Resolved, String> {
        let Sections { library, release, deployed } = self.sections()?;
        resolve(library, release, deployed, spec)
    }

    /// Whether any of these providers is a section, so that the library is needed.
    pub fn needs_sections(providers: &[Provider], env: &Map<String, Value>) -> bool {
        let templating = Templating::new(env.clone());
        let named = |provider: &Provider| templating.render(&provider.id, &Map::new());
        // A name that cannot be read is a fault that is told later.
        providers.iter().filter_map(|provider| named(provider).ok()).any(|id| matches!(Kind::of(&id), Kind::Section(_)))
    }

    /// What was spent so far, and what it had cost when it was recorded.
    pub fn spending(&self) -> Spending {
        self.meter.read()
    }

    /// The recording, where there is one.
    fn tape(&self) -> Option<&Tape> {
        self.setup.models.tape.as_deref()
    }

    /// Whether nobody is asked.
    fn replays(&self) -> bool {
        self.tape().is_some_and(Tape::is_replay)
    }

    /// What is said of a question that a recording has no answer to.
    fn stale(&self, whose: &str) -> String {
        let file = self.tape().map(|tape| tape.file().display().to_string()).unwrap_or_default();
        format!(
            "the recording is stale: {file} has no answer to this question to {whose}; its prompt, schema, model or parameters have \
             changed since, or it was never asked; record again with --record {file}"
        )
    }

    /// The models of the routes.
    fn routes(&self) -> Result<Arc<Llm>, String> {
        let made = self.routes.get_or_init(|| {
            let llm =
                Llm::new(self.setup.models.clone(), self.setup.prices.clone(), self.setup.clock.clone()).map_err(|e| e.to_string())?;
            llm.note_routes().map_err(|error| format!("the recording cannot be written ({error})"))?;
            Ok(Arc::new(llm))
        });
        made.clone()
    }

    /// A seed that differs each time the same is asked.
    fn draw(&self, question: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        question.hash(&mut hasher);
        let mut asked = lock(&self.asked);
        let times = asked.entry(hasher.finish()).or_default();
        *times += 1;
        *times - 1
    }

    /// A provider's name with `{{ env.X }}` filled in.
    fn named(&self, id: &str) -> Result<String, String> {
        self.templating.render(id, &Map::new())
    }
}

const UNKNOWN: &str = "is not known here; there are planner:<section>[@version], google:<model>, openai:<model>, \
                       anthropic:messages:<model>, ollama:chat:<model>, http(s)://..., http and echo";

/// Who is to answer.
enum Kind {
    /// A section of the library.
    Section(String),
    /// A model, as a place of a route.
    Model(String),
    /// A web address.
    Web,
    /// The prompt itself.
    Echo,
    Unknown,
}

impl Kind {
    fn of(id: &str) -> Self {
        if let Some(spec) = id.strip_prefix("planner:") {
            return Self::Section(spec.to_owned());
        }
        match id {
            "echo" => Self::Echo,
            "http" | "https" => Self::Web,
            _ if id.starts_with("http://") || id.starts_with("https://") => Self::Web,
            _ => llm::place(id).map_or(Self::Unknown, Self::Model),
        }
    }
}

#[async_trait]
impl Target for Bench {
    async fn call(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        let id = self.named(&provider.id).map_err(TargetError::Failed)?;
        let answered = match Kind::of(&id) {
            Kind::Section(spec) => self.section(&spec, vars).await,
            Kind::Model(_) => self.ask_model(provider, prompt).await,
            Kind::Web => self.ask_address(provider, prompt, vars).await,
            Kind::Echo => Ok(Output { output: prompt.into(), cost: Some(0.0), ..Output::default() }),
            Kind::Unknown => return Err(TargetError::UnknownProvider(id)),
        };
        answered.map_err(TargetError::Failed)
    }

    fn identity(&self, provider: &Provider) -> String {
        self.identity_of(provider)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_library_is_read_for_sections_alone() {
        let env = json!({"WHO": "planner:swot", "OTHER": "echo"}).as_object().expect("a map").clone();
        let needs = |ids: &[&str]| {
            let providers: Vec<Provider> = ids.iter().map(|id| Provider { id: (*id).to_owned(), ..Provider::default() }).collect();
            Bench::needs_sections(&providers, &env)
        };
        assert!(!needs(&["echo", "google:gemini-2.5-flash", "https://a.example", "{{env.OTHER}}", "{{env.MISSING}}"]));
        assert!(needs(&["echo", "planner:swot@v1.0.0"]) && needs(&["{{env.WHO}}"]));
    }
}
