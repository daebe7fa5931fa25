//! What is tested: a config with what the command line changes in it, the library's own tests, or outputs that are there already.

use super::stored::Stored;
use super::{RunArgs, map};
use anyhow::{Result, anyhow, bail};
use domain::sections::SectionName;
use evals::read_value;
use planner::config::Config;
use planner::wire;
use prompts::{FileFault, Library, Release};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Configs that are looked for where none is named.
const DEFAULTS: [&str; 5] = [
    "promptfooconfig.yaml",
    "promptfooconfig.yml",
    "promptfooconfig.json",
    "prompts/promptfoo.config.yaml",
    "prompts/promptfooconfig.yaml",
];

/// What is tested.
pub(super) struct Suite {
    /// What it is called.
    pub name: String,
    pub config: evals::Config,
    /// Outputs that are judged instead of asking anybody.
    pub stored: Option<Stored>,
}

impl Suite {
    /// The library's own tests, asked of one release.
    pub(super) fn of_release(library: &Library, tests: &Library, release: &Release, args: &RunArgs) -> Result<Self> {
        let here = std::env::current_dir()?;
        let args = RunArgs { release: Some(release.version.to_string()), ..args.clone() };
        let mut value = own(tests, release, &args, &here)?;
        value.insert("description".into(), json!(format!("Release {} of {} releases", release.version, library.releases().len())));
        let config = understood(evals::Config::of(&here.join("library"), &Value::Object(value)))?;
        Ok(Self { name: release.version.to_string(), config, stored: None })
    }

    pub(super) fn read(config: &Config, args: &RunArgs) -> Result<Self> {
        let here = std::env::current_dir()?;
        if let Some(file) = &args.model_outputs {
            let stored = Stored::read(file)?;
            let value = stored.config(&assertions(args)?);
            let name = file.display().to_string();
            return Ok(Self { config: understood(evals::Config::of(file, &value))?, name, stored: Some(stored) });
        }
        if !args.section.is_empty() || args.release.is_some() {
            let library = wire::library(config)?;
            let value = Value::Object(own(&library, &release(config, &library, args)?, args, &here)?);
            return Ok(Self {
                name: "the library's tests".into(),
                config: understood(evals::Config::of(&here.join("library"), &value))?,
                stored: None,
            });
        }
        let change = changes(args, &here)?;
        let Some(file) = args.file.clone().or_else(|| DEFAULTS.iter().map(PathBuf::from).find(|file| file.is_file())) else {
            if args.providers.is_empty() || (args.prompts.is_empty() && args.tests.is_none()) {
                bail!(
                    "there is no config here ({}); name one with -c, or use --section or --release for the library's own tests",
                    DEFAULTS.join(", ")
                );
            }
            let config = understood(evals::Config::of(&here.join("command line"), &Value::Object(change.over(Map::new())?)))?;
            return Ok(Self { name: "the command line".into(), config, stored: None });
        };
        let mut wrong = None;
        let read = evals::Config::read_changed(&file, |map| match change.over(std::mem::take(map)) {
            Ok(changed) => *map = changed,
            Err(error) => wrong = Some(error),
        });
        if let Some(error) = wrong {
            return Err(error);
        }
        Ok(Self { name: file.display().to_string(), config: understood(read)?, stored: None })
    }
}

fn understood(read: Result<evals::Config, Vec<FileFault>>) -> Result<evals::Config> {
    read.map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("the config has {}", wire::faults(&lines))
    })
}

/// The assertions of a file: a list, or a map with one.
fn assertions(args: &RunArgs) -> Result<Value> {
    let Some(file) = &args.assertions else { return Ok(Value::Null) };
    let read = read_value(file).map_err(|fault| anyhow!(fault))?;
    let list = if read.is_array() { Some(&read) } else { read.get("assert").filter(|list| list.is_array()) };
    list.cloned().ok_or_else(|| anyhow!("{}: is neither a list of assertions nor a map with a list \"assert\"", file.display()))
}

/// What the command line says instead of a config.
struct Changes {
    prompts: Vec<String>,
    providers: Vec<String>,
    tests: Option<String>,
    asserts: Value,
    vars: Map<String, Value>,
    tags: Map<String, Value>,
}

fn changes(args: &RunArgs, here: &Path) -> Result<Changes> {
    let there = |file: &PathBuf| format!("file://{}", here.join(file).display());
    // A file of providers is one of the config's own forms; anything else is an id.
    let provider = |id: &String| if Path::new(id).is_file() { there(&PathBuf::from(id)) } else { id.clone() };
    Ok(Changes {
        prompts: args.prompts.iter().map(there).collect(),
        providers: args.providers.iter().map(provider).collect(),
        tests: args.tests.as_ref().map(there),
        asserts: assertions(args)?,
        vars: map(&args.vars),
        tags: map(&args.tags),
    })
}

impl Changes {
    fn over(&self, mut config: Map<String, Value>) -> Result<Map<String, Value>> {
        if !self.prompts.is_empty() {
            config.insert("prompts".into(), json!(self.prompts));
        }
        if !self.providers.is_empty() {
            config.remove("targets");
            config.insert("providers".into(), json!(self.providers));
        }
        if let Some(tests) = &self.tests {
            config.insert("tests".into(), json!(tests));
            config.remove("scenarios");
        }
        if !self.vars.is_empty() || !self.asserts.is_null() {
            let default = config.entry("defaultTest").or_insert_with(|| json!({}));
            let Value::Object(default) = default else {
                bail!("--var and --assertions cannot be used with a defaultTest in a file of its own; write it into the config");
            };
            if let Value::Object(vars) = default.entry("vars").or_insert_with(|| json!({})) {
                vars.extend(self.vars.clone());
            }
            if !self.asserts.is_null() {
                default.insert("assert".into(), self.asserts.clone());
            }
        }
        if !self.tags.is_empty()
            && let Value::Object(tags) = config.entry("tags").or_insert_with(|| json!({}))
        {
            tags.extend(self.tags.clone());
        }
        Ok(config)
    }
}

fn release(config: &Config, library: &Library, args: &RunArgs) -> Result<Release> {
    match &args.release {
        None => wire::release(config, library),
        Some(version) => wire::release_named(library, version, "--release"),
    }
}

/// The library's own tests of the templates that are wanted, as a config.
fn own(library: &Library, release: &Release, args: &RunArgs, here: &Path) -> Result<Map<String, Value>> {
    let known: Vec<&SectionName> = release.templates().map(|template| &template.name).collect();
    let mut wanted = Vec::new();
    for name in &args.section {
        let Some(found) = known.iter().find(|known| known.as_str() == name) else {
            let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            bail!("--section {name}: is not a template of release {}; there are {}", release.version, known.join(", "));
        };
        wanted.push(*found);
    }
    if wanted.is_empty() {
        wanted = known;
    }
    let (mut prompts, mut providers, mut tests) = (Vec::new(), Vec::new(), Vec::new());
    for name in wanted {
        let id = args.release.as_ref().map_or_else(|| format!("planner:{name}"), |_| format!("planner:{name}@{}", release.version));
        // Results are told apart by the prompt's label, which is the section's name.
        prompts.push(json!({"raw": name, "label": name}));
        tests.extend(library.tests(name).iter().flat_map(|file| &file.cases).map(|test| only_for(test, &id)));
        providers.push(json!({"id": id, "prompts": [name]}));
    }
    if tests.is_empty() {
        bail!("there are no tests of {}; add tests/<name>.yaml to the library", args.section.join(", "));
    }
    let config = json!({
        "description": format!("The library's own tests, release {}", release.version),
        "prompts": prompts, "providers": providers, "tests": tests,
    });
    let changes = Changes { providers: Vec::new(), ..changes(args, here)? };
    changes.over(config.as_object().cloned().unwrap_or_default())
}

/// A test that is asked of nobody else.
fn only_for(test: &Value, id: &str) -> Value {
    let mut test = test.clone();
    if let Value::Object(map) = &mut test {
        map.insert("providers".into(), json!([id]));
    }
    test
}
