//! The library as a whole: templates by name and version, releases, examples.

use crate::check;
use crate::examples::{self, ExampleVenture};
use crate::files::{self, FileFault, Role, SourceFile};
use crate::made::{Base, Made};
use crate::template::Template;
use domain::sections::SectionName;
use semver::Version;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// All templates in all versions, consistent as a whole. Cheap to clone.
///
/// A release of the files has each template in its highest version that is not above the release. One that was made from a proposal has
/// exactly what it was made of, whatever else there is; see [`crate::made`].
#[derive(Debug, Clone)]
pub struct Library {
    pub(crate) templates: Arc<BTreeMap<SectionName, BTreeMap<Version, Arc<Template>>>>,
    pub(crate) made: BTreeMap<Version, Arc<Made>>,
    pub(crate) base: Base,
    pub(crate) examples: Arc<Vec<ExampleVenture>>,
    /// Of the files.
    pub(crate) own_tests: Arc<BTreeMap<String, Arc<TestFile>>>,
    /// In use.
    pub(crate) tests: BTreeMap<String, Arc<TestFile>>,
    pub(crate) warnings: Arc<Vec<FileFault>>,
    pub(crate) files: Arc<Vec<SourceFile>>,
}

/// The test cases of one template.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// The file, as the reader knows it.
    pub path: String,
    /// All of it.
    pub text: Arc<str>,
    /// Its cases, as it wrote them.
    pub cases: Vec<Value>,
}

/// The templates one release is made of.
#[derive(Debug, Clone)]
pub struct Release {
    /// The release's version.
    pub version: Version,
    pub(crate) templates: BTreeMap<SectionName, Arc<Template>>,
}

impl Release {
    /// The template of this name.
    pub fn template(&self, name: &SectionName) -> Option<&Arc<Template>> {
        self.templates.get(name)
    }

    /// The section of this name; utilities are none.
    pub fn section(&self, name: &SectionName) -> Option<&Arc<Template>> {
        self.template(name).filter(|t| t.is_section())
    }

    /// The sections in the order people meet them.
    pub fn sections(&self) -> Vec<&Arc<Template>> {
        let mut sections: Vec<_> = self.templates.values().filter(|t| t.is_section()).collect();
        sections.sort_by_key(|t| (t.step, t.order, t.name.clone()));
        sections
    }

    /// Every template, utilities included, by name.
    pub fn templates(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.templates.values()
    }

    /// SHA-256 over the content of all its templates, hexadecimal: two releases with the same are the same, whatever they are called.
    pub fn content(&self) -> String {
        let mut hash = Sha256::new();
        for template in self.templates.values() {
            hash.update(template.name.as_str());
            hash.update(b"\0");
            hash.update(&template.hash);
            hash.update(b"\0");
        }
        hex::encode(hash.finalize())
    }

    /// The sections that use this one as context.
    pub fn dependents(&self, name: &SectionName) -> Vec<SectionName> {
        self.templates.values().filter(|t| t.depends_on.contains(name)).map(|t| t.name.clone()).collect()
    }
}

impl Library {
    /// Reads the shipped library and the extra directory, and checks everything together. All faults come at once.
    pub fn load(extra: Option<&Path>) -> Result<Self, Vec<FileFault>> {
        Self::from_files(&files::read(extra)?)
    }

    /// Reads a library from files already in memory.
    pub fn from_files(files: &[SourceFile]) -> Result<Self, Vec<FileFault>> {
        let mut reading = Reading::default();
        let mut read = Vec::new();
        for file in files {
            match &file.role {
                Role::Template(release) => match read_template(file, release.as_ref()) {
                    Ok(template) => read.push((file, template)),
                    Err(fault) => reading.faults.push(fault),
                },
                Role::Tests(name) => match read_tests(file) {
                    // A later file takes an earlier one's place, as it does with templates.
                    Ok(tests) => drop(reading.tests.insert(name.clone(), tests)),
                    Err(fault) => reading.faults.push(fault),
                },
                Role::Example => {}
            }
        }
        for (file, template) in &read {
            reading.add(file, template);
        }
        for (file, template) in &read {
            reading.check(file, template);
        }
        let Reading { templates, tests, warnings, mut faults } = reading;
        let mut library = Self {
            templates: Arc::new(templates),
            made: BTreeMap::new(),
            base: Base::Files,
            examples: Arc::default(),
            tests: tests.clone(),
            own_tests: Arc::new(tests),
            warnings: Arc::new(warnings),
            files: Arc::new(files.to_vec()),
        };
        faults.extend(library.cycle(&read));
        if faults.is_empty() {
            faults = library.add_examples(files);
        }
        faults.sort_by_key(|f| (f.file.clone(), f.line));
        if faults.is_empty() { Ok(library) } else { Err(faults) }
    }

    /// The first dependency cycle of a release.
    fn cycle(&self, read: &[(&SourceFile, Arc<Template>)]) -> Option<FileFault> {
        let (name, message) = self.releases().iter().find_map(|version| check::cycle(&self.release(version)?))?;
        read.iter().rev().find(|(_, template)| template.name == name).map(|(file, _)| file.fault("dependsOn:", message))
    }

    /// The text of a template's file, as somebody wrote it.
    pub fn source(&self, template: &Template) -> Option<&str> {
        let here = |file: &&SourceFile| matches!(file.role, Role::Template(_)) && file.stem == template.name.as_str();
        let same = |file: &&SourceFile| hash_of(&file.text) == template.hash;
        let of_the_files = self.files.iter().rev().filter(here).find(same).map(|file| file.text.as_str());
        of_the_files.or_else(|| self.made.values().find_map(|made| made.source(template)))
    }

    fn add_examples(&mut self, files: &[SourceFile]) -> Vec<FileFault> {
        let release = self.latest();
        let (mut faults, mut found) = (Vec::new(), Vec::new());
        for file in files.iter().filter(|f| f.role == Role::Example) {
            match examples::read(file) {
                Ok(example) => {
                    faults.extend(examples::check(file, &example, &release));
                    found.push(example);
                }
                Err(more) => faults.extend(more),
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        self.examples = Arc::new(found);
        faults
    }

    /// Every release, lowest first: each version some template of the files has, and each that was made from a proposal.
    pub fn releases(&self) -> BTreeSet<Version> {
        self.templates.values().flat_map(BTreeMap::keys).chain(self.made.keys()).cloned().collect()
    }

    /// The templates of a release: what it was made of, if it was made from a proposal; else each template of the files in its highest
    /// version that is not above it, if there is any.
    pub fn release(&self, version: &Version) -> Option<Release> {
        if let Some(made) = self.made.get(version) {
            return Some(Release { version: version.clone(), templates: made.templates.clone() });
        }
        let templates: BTreeMap<_, _> = self
            .templates
            .iter()
            .filter_map(|(name, versions)| versions.range(..=version.clone()).next_back().map(|(_, t)| (name.clone(), t.clone())))
            .collect();
        (!templates.is_empty()).then(|| Release { version: version.clone(), templates })
    }

    /// The highest release.
    pub fn latest(&self) -> Release {
        let version = self.releases().last().cloned().unwrap_or(Version::new(0, 0, 0));
        self.release(&version).unwrap_or(Release { version, templates: BTreeMap::new() })
    }

    fn latest_of_files(&self) -> Release {
        Self { made: BTreeMap::new(), ..self.clone() }.latest()
    }

    /// All versions of a template, lowest first.
    pub fn versions(&self, name: &SectionName) -> impl Iterator<Item = &Arc<Template>> {
        let made = self.made.values().filter_map(|made| made.templates.get(name));
        let all = self.templates.get(name).into_iter().flat_map(BTreeMap::values).chain(made);
        all.map(|template| (&template.version, template)).collect::<BTreeMap<_, _>>().into_values()
    }

    /// The curated ventures, by id.
    pub fn examples(&self) -> &[ExampleVenture] {
        &self.examples
    }

    /// The same library without what of the examples does not go with a release: that may promise another output than the files do.
    #[must_use]
    pub fn fitting(self, release: &Release) -> Self {
        let files = self.latest_of_files();
        let checked = |template: &Template| files.template(&template.name).is_some_and(|own| own.hash == template.hash);
        let fits = |name: &SectionName, output: &Value| match release.template(name) {
            Some(template) => checked(template) || template.check_output(output).is_empty(),
            None => false,
        };
        let all = |example: &ExampleVenture| example.sections.iter().all(|(name, output)| fits(name, output));
        if self.examples.iter().all(all) {
            return self;
        }
        let mut examples = Vec::clone(&self.examples);
        for example in &mut examples {
            example.sections.retain(|(name, output)| fits(name, output));
        }
        Self { examples: Arc::new(examples), ..self }
    }

    /// How many test cases a template has.
    pub fn test_count(&self, name: &SectionName) -> usize {
        self.tests(name).map_or(0, |file| file.cases.len())
    }

    /// The test cases of a template.
    pub fn tests(&self, name: &SectionName) -> Option<&TestFile> {
        self.tests.get(name.as_str()).map(Arc::as_ref)
    }

    /// SHA-256 over the test cases of these templates, hexadecimal.
    pub fn suite<'a>(&self, templates: impl IntoIterator<Item = &'a Arc<Template>>) -> String {
        let mut hash = Sha256::new();
        for file in templates.into_iter().filter_map(|template| self.tests(&template.name)) {
            hash.update(file.text.as_bytes());
            hash.update(b"\0");
        }
        hex::encode(hash.finalize())
    }

    /// What is worth mending but stops nothing.
    pub fn warnings(&self) -> &[FileFault] {
        &self.warnings
    }
}

/// What was read of files so far.
#[derive(Default)]
struct Reading {
    templates: BTreeMap<SectionName, BTreeMap<Version, Arc<Template>>>,
    tests: BTreeMap<String, Arc<TestFile>>,
    warnings: Vec<FileFault>,
    faults: Vec<FileFault>,
}

impl Reading {
    fn add(&mut self, file: &SourceFile, template: &Arc<Template>) {
        let versions = self.templates.entry(template.name.clone()).or_default();
        // An extra directory may replace a shipped template; two files of the same origin may not be the same version.
        if versions.insert(template.version.clone(), template.clone()).is_some() && file.shipped {
            self.faults.push(file.fault("version:", format!("{} {} exists twice", template.name, template.version)));
        }
    }

    fn check(&mut self, file: &SourceFile, template: &Template) {
        let lower = self.templates.get(&template.name).and_then(|versions| versions.range(..template.version.clone()).next_back());
        let lower = lower.map(|(_, template)| template.as_ref());
        self.faults.extend(check::alone(file, template));
        self.faults.extend(check::beside(file, template, lower, |name| self.templates.contains_key(name)));
        if self.tests.get(template.name.as_str()).is_none_or(|tests| tests.cases.is_empty()) {
            let fault = file.fault("name:", format!("has no tests; add tests/{}.yaml", template.name));
            // The shipped library must be tested; somebody's own section works without tests and is told so.
            if file.shipped { self.faults.push(fault) } else { self.warnings.push(fault) }
        }
    }
}

pub(crate) fn read_tests(file: &SourceFile) -> Result<Arc<TestFile>, FileFault> {
    let cases = file.parse::<Vec<Value>>()?;
    Ok(Arc::new(TestFile { path: file.path.clone(), text: file.text.as_str().into(), cases }))
}

pub(crate) fn read_template(file: &SourceFile, release: Option<&Version>) -> Result<Arc<Template>, FileFault> {
    let mut template: Template = file.parse()?;
    if template.name.as_str() != file.stem {
        return Err(file.fault("name:", format!("name \"{}\" must equal the file's name \"{}\"", template.name, file.stem)));
    }
    if let Some(release) = release.filter(|r| **r != template.version) {
        return Err(file.fault("version:", format!("version {} stands in release v{release}; they must be equal", template.version)));
    }
    template.hash = hash_of(&file.text);
    Ok(Arc::new(template))
}

pub(crate) fn hash_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
