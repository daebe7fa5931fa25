//! The library as a whole: templates by name and version, releases, examples.

use crate::check;
use crate::examples::{self, ExampleVenture};
use crate::files::{self, FileFault, Role, SourceFile};
use crate::template::Template;
use domain::sections::SectionName;
use semver::Version;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// All templates in all versions, consistent as a whole.
#[derive(Debug, Clone)]
pub struct Library {
    templates: BTreeMap<SectionName, BTreeMap<Version, Arc<Template>>>,
    examples: Vec<ExampleVenture>,
    tests: BTreeMap<String, TestFile>,
    warnings: Vec<FileFault>,
    files: Arc<Vec<SourceFile>>,
}

/// The test cases of one template.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// The file, as the reader knows it.
    pub path: String,
    /// All of it.
    pub text: Arc<str>,
    /// Its cases, as it wrote them.
    pub cases: Vec<serde_json::Value>,
}

/// The templates one release is made of: each in its highest version that is not above the release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The release's version.
    pub version: Version,
    templates: BTreeMap<SectionName, Arc<Template>>,
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
        Self::read(files, None)
    }

    /// The same, with examples that have been read and held to their templates.
    fn read(files: &[SourceFile], examples: Option<&[ExampleVenture]>) -> Result<Self, Vec<FileFault>> {
        let mut faults = Vec::new();
        let mut library = Self {
            templates: BTreeMap::new(),
            examples: Vec::new(),
            tests: BTreeMap::new(),
            warnings: Vec::new(),
            files: Arc::new(files.to_vec()),
        };
        let mut read = Vec::new();
        for file in files {
            match &file.role {
                Role::Template(release) => match read_template(file, release.as_ref()) {
                    Ok(template) => read.push((file, template)),
                    Err(fault) => faults.push(fault),
                },
                Role::Tests(name) => match file.parse::<Vec<serde_json::Value>>() {
                    // A later file takes an earlier one's place, as it does with templates.
                    Ok(cases) => {
                        let text = file.text.as_str().into();
                        library.tests.insert(name.clone(), TestFile { path: file.path.clone(), text, cases });
                    }
                    Err(fault) => faults.push(fault),
                },
                Role::Example => {}
            }
        }
        for (file, template) in &read {
            library.add(file, template, &mut faults);
        }
        for (file, template) in &read {
            faults.extend(check::template(file, template, &library));
            library.check_tests(file, template, &mut faults);
        }
        faults.extend(check::cycles(&read, &library));
        match examples {
            Some(examples) => library.examples = examples.to_vec(),
            None if faults.is_empty() => faults = library.add_examples(files),
            None => {}
        }
        faults.sort_by_key(|f| (f.file.clone(), f.line));
        if faults.is_empty() { Ok(library) } else { Err(faults) }
    }

    /// This library and more files; one at the same place as another takes its place. Everything is checked together, but for the examples:
    /// they are held to the templates they came with.
    ///
    /// # Errors
    /// Every fault, as [`Library::load`] has them.
    pub fn with(&self, more: &[SourceFile]) -> Result<Self, Vec<FileFault>> {
        let files: Vec<SourceFile> = self.files.iter().chain(more).cloned().collect();
        Self::read(&files, Some(&self.examples))
    }

    /// The text of a template's file, as somebody wrote it.
    pub fn source(&self, template: &Template) -> Option<&str> {
        let here = |file: &&SourceFile| matches!(file.role, Role::Template(_)) && file.stem == template.name.as_str();
        let same = |file: &&SourceFile| hash_of(&file.text) == template.hash;
        self.files.iter().rev().filter(here).find(same).map(|file| file.text.as_str())
    }

    fn add(&mut self, file: &SourceFile, template: &Arc<Template>, faults: &mut Vec<FileFault>) {
        let versions = self.templates.entry(template.name.clone()).or_default();
        // An extra directory may replace a shipped template; two files of the same origin may not be the same version.
        if versions.insert(template.version.clone(), template.clone()).is_some() && file.shipped {
            faults.push(file.fault("version:", format!("{} {} exists twice", template.name, template.version)));
        }
    }

    fn check_tests(&mut self, file: &SourceFile, template: &Template, faults: &mut Vec<FileFault>) {
        if self.test_count(&template.name) > 0 {
            return;
        }
        let fault = file.fault("name:", format!("has no tests; add tests/{}.yaml", template.name));
        // The shipped library must be tested; somebody's own section works without tests and is told so.
        if file.shipped { faults.push(fault) } else { self.warnings.push(fault) }
    }

    fn add_examples(&mut self, files: &[SourceFile]) -> Vec<FileFault> {
        let release = self.latest();
        let mut faults = Vec::new();
        for file in files.iter().filter(|f| f.role == Role::Example) {
            match examples::read(file) {
                Ok(example) => {
                    faults.extend(examples::check(file, &example, &release));
                    self.examples.push(example);
                }
                Err(more) => faults.extend(more),
            }
        }
        self.examples.sort_by(|a, b| a.id.cmp(&b.id));
        faults
    }

    /// Every release, lowest first: each version some template has.
    pub fn releases(&self) -> BTreeSet<Version> {
        self.templates.values().flat_map(|versions| versions.keys().cloned()).collect()
    }

    /// The templates of a release, if there is anything at or below it.
    pub fn release(&self, version: &Version) -> Option<Release> {
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

    /// All versions of a template, lowest first.
    pub fn versions(&self, name: &SectionName) -> impl Iterator<Item = &Arc<Template>> {
        self.templates.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// The curated ventures, by id.
    pub fn examples(&self) -> &[ExampleVenture] {
        &self.examples
    }

    /// How many test cases a template has.
    pub fn test_count(&self, name: &SectionName) -> usize {
        self.tests(name).map_or(0, |file| file.cases.len())
    }

    /// The test cases of a template.
    pub fn tests(&self, name: &SectionName) -> Option<&TestFile> {
        self.tests.get(name.as_str())
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

    pub(crate) fn has(&self, name: &SectionName) -> bool {
        self.templates.contains_key(name)
    }
}

fn read_template(file: &SourceFile, release: Option<&Version>) -> Result<Arc<Template>, FileFault> {
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

fn hash_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
