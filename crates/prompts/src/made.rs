//! Releases that are made from proposals. Each has exactly the files it was made of, whatever files there are by now: what production
//! served, with the proposal's own over it. So nothing that was sent back, taken back or not yet accepted comes in with a later one.

use crate::check;
use crate::files::{FileFault, Role, SourceFile};
use crate::library::{Library, Release, TestFile, hash_of, read_template, read_tests};
use crate::template::Template;
use domain::sections::SectionName;
use semver::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A release made from a proposal, with the text of each of its files.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) templates: BTreeMap<SectionName, Arc<Template>>,
    tests: BTreeMap<String, Arc<TestFile>>,
    texts: BTreeMap<SectionName, Arc<str>>,
}

/// What proposals are made over.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// The files, as far as they are not above the proposal.
    Files,
    /// The release that production serves.
    Served(Version),
    /// Nothing, for this reason.
    Missing(String),
}

/// A release made from a proposal, as it is kept: its files by their place, such as `v1.0.0/swot.yaml`.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its version.
    pub version: Version,
    /// [`Release::content`] of it.
    pub content: String,
    /// The texts.
    pub files: BTreeMap<String, Arc<str>>,
}

/// A kept release that this program cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its version.
    pub version: Version,
    /// What is wrong with it.
    pub why: String,
}

impl Made {
    pub(crate) fn source(&self, template: &Template) -> Option<&str> {
        let same = self.templates.get(&template.name).is_some_and(|own| own.hash == template.hash);
        if same { self.texts.get(&template.name).map(AsRef::as_ref) } else { None }
    }

    /// Whether it has these files already, word for word.
    fn has(&self, own: &Own<'_>) -> bool {
        let template = |(_, new): &(_, Arc<Template>)| self.templates.get(&new.name).is_some_and(|old| old.hash == new.hash);
        let tests = |(name, new): (&String, &Arc<TestFile>)| self.tests.get(name).is_some_and(|old| old.text == new.text);
        own.templates.iter().all(template) && own.tests.iter().all(tests)
    }

    /// What a kept release is; templates that were read before are taken from `known` by the hash of their text.
    fn read(kept: &Kept, known: &mut BTreeMap<String, Arc<Template>>) -> Result<Self, FileFault> {
        let mut made = Self::default();
        for (path, text) in &kept.files {
            let file = SourceFile::at(path, text.to_string())?;
            match &file.role {
                Role::Template(release) => {
                    let hash = hash_of(text);
                    let template = if let Some(template) = known.get(&hash) {
                        Arc::clone(template)
                    } else {
                        let template = read_template(&file, release.as_ref())?;
                        check::alone(&file, &template).into_iter().next().map_or(Ok(()), Err)?;
                        known.insert(hash, Arc::clone(&template));
                        template
                    };
                    made.texts.insert(template.name.clone(), Arc::clone(text));
                    made.templates.insert(template.name.clone(), template);
                }
                Role::Tests(name) => drop(made.tests.insert(name.clone(), read_tests(&file)?)),
                Role::Example => {}
            }
        }
        made.check(kept)?;
        Ok(made)
    }

    /// Whether it is what was kept, and its templates go with each other.
    fn check(&self, kept: &Kept) -> Result<(), FileFault> {
        let release = Release { version: kept.version.clone(), templates: self.templates.clone() };
        let fault = |message: String| FileFault { file: format!("release {}", kept.version), line: None, message };
        if release.content() != kept.content {
            return Err(fault("some of the texts it was made of have gone".into()));
        }
        let missing = self.templates.values().find_map(|template| {
            let name = template.depends_on.iter().find(|name| !self.templates.contains_key(*name))?;
            Some(format!("{} depends on \"{name}\", which it does not have", template.name))
        });
        let cycle = || check::cycle(&release).map(|(_, why)| why);
        missing.or_else(cycle).map_or(Ok(()), |message| Err(fault(message)))
    }
}

fn lost(template: &Template) -> FileFault {
    FileFault { file: format!("{}.yaml", template.name), line: None, message: format!("the text of {} has gone", template.version) }
}

/// The files of a proposal, read.
#[derive(Default)]
struct Own<'a> {
    templates: Vec<(&'a SourceFile, Arc<Template>)>,
    tests: BTreeMap<String, Arc<TestFile>>,
}

impl Library {
    /// The library of the files with the releases that are kept, and those of them that cannot be read. What `before` has read of them is
    /// not read again.
    pub fn with_kept(&self, kept: &[Kept], before: &Self) -> (Self, Vec<LeftOut>) {
        let of_files = self.templates.values().flat_map(BTreeMap::values);
        let of_before = before.made.values().flat_map(|made| made.templates.values());
        let mut known = of_files.chain(of_before).map(|template| (template.hash.clone(), Arc::clone(template))).collect();
        let (mut library, mut left_out) = (self.clone(), Vec::new());
        for kept in kept {
            if let Some(made) = before.made.get(&kept.version) {
                library.made.insert(kept.version.clone(), Arc::clone(made));
                continue;
            }
            match Made::read(kept, &mut known) {
                Ok(made) => drop(library.made.insert(kept.version.clone(), Arc::new(made))),
                Err(fault) => left_out.push(LeftOut { version: kept.version.clone(), why: fault.to_string() }),
            }
        }
        (library, left_out)
    }

    /// The same library, where proposals are made over this release, which production serves; and the test cases in use are its.
    #[must_use]
    pub fn over(self, version: &Version) -> Self {
        let base = if self.releases().contains(version) {
            Base::Served(version.clone())
        } else {
            Base::Missing(format!("production serves {version}, which this process cannot read; nothing can be made over it"))
        };
        Self { base, ..self.as_of(version) }
    }

    /// The same library with the test cases a release has: those of the files, and what proposals have made of them.
    #[must_use]
    pub fn as_of(self, version: &Version) -> Self {
        let mut tests = BTreeMap::clone(&self.own_tests);
        if let Some(made) = self.made.get(version) {
            tests.extend(made.tests.iter().map(|(name, file)| (name.clone(), Arc::clone(file))));
        }
        Self { tests, ..self }
    }

    /// This library with the release that the files of a proposal would be: they, over what production serves. One that was made of them
    /// already stays what it is.
    ///
    /// # Errors
    /// Every fault of theirs, as [`Library::load`] has them.
    pub fn with(&self, files: &[SourceFile]) -> Result<Self, Vec<FileFault>> {
        let (mut faults, mut own, mut tests) = (Vec::new(), BTreeMap::<Version, Own<'_>>::new(), BTreeMap::new());
        for file in files {
            match &file.role {
                Role::Template(release) => match read_template(file, release.as_ref()) {
                    Ok(template) => own.entry(template.version.clone()).or_default().templates.push((file, template)),
                    Err(fault) => faults.push(fault),
                },
                Role::Tests(name) => match read_tests(file) {
                    Ok(read) => drop(tests.insert(name.clone(), read)),
                    Err(fault) => faults.push(fault),
                },
                Role::Example => {}
            }
        }
        let mut library = self.clone();
        library.tests.extend(tests.clone());
        for (version, mut own) in own {
            own.tests.clone_from(&tests);
            match library.make(&version, &own) {
                Ok(made) => {
                    library.made.insert(version.clone(), made);
                    library = library.as_of(&version);
                }
                Err(more) => faults.extend(more),
            }
        }
        faults.sort_by_key(|fault| (fault.file.clone(), fault.line));
        if faults.is_empty() { Ok(library) } else { Err(faults) }
    }

    fn make(&self, version: &Version, own: &Own<'_>) -> Result<Arc<Made>, Vec<FileFault>> {
        if let Some(made) = self.made.get(version).filter(|made| made.has(own)) {
            return Ok(Arc::clone(made));
        }
        let base = self.base_of(version).map_err(|fault| vec![fault])?;
        let mut made = Made { tests: self.tests_over_files(), templates: base.templates.clone(), texts: BTreeMap::new() };
        for template in base.templates() {
            let text = self.source(template).ok_or_else(|| vec![lost(template)])?;
            made.texts.insert(template.name.clone(), text.into());
        }
        made.tests.extend(own.tests.clone());
        for (file, template) in &own.templates {
            made.texts.insert(template.name.clone(), file.text.as_str().into());
            made.templates.insert(template.name.clone(), Arc::clone(template));
        }
        let mut faults = Vec::new();
        for (file, template) in &own.templates {
            let lower = base.template(&template.name).filter(|lower| lower.version < template.version).map(AsRef::as_ref);
            faults.extend(check::alone(file, template));
            faults.extend(check::beside(file, template, lower, |name| made.templates.contains_key(name)));
        }
        if let Some((name, why)) = check::cycle(&Release { version: version.clone(), templates: made.templates.clone() }) {
            let file = own.templates.iter().find(|(_, template)| template.name == name).or(own.templates.first());
            faults.extend(file.map(|(file, _)| file.fault("dependsOn:", why)));
        }
        if faults.is_empty() { Ok(Arc::new(made)) } else { Err(faults) }
    }

    fn base_of(&self, version: &Version) -> Result<Release, FileFault> {
        let nothing = || Release { version: version.clone(), templates: BTreeMap::new() };
        match &self.base {
            Base::Files => Ok(self.release(version).unwrap_or_else(nothing)),
            Base::Served(served) => Ok(self.release(served).unwrap_or_else(nothing)),
            Base::Missing(why) => Err(FileFault { file: "production".into(), line: None, message: why.clone() }),
        }
    }

    /// The test cases that production has from proposals.
    fn tests_over_files(&self) -> BTreeMap<String, Arc<TestFile>> {
        match &self.base {
            Base::Served(version) => self.made.get(version).map(|made| made.tests.clone()).unwrap_or_default(),
            Base::Files | Base::Missing(_) => BTreeMap::new(),
        }
    }

    /// A release made from a proposal as it is to be kept; none of any other.
    pub fn keep(&self, version: &Version) -> Option<Kept> {
        let made = self.made.get(version)?;
        let template = |(name, text): (&SectionName, &Arc<str>)| {
            let version = &made.templates.get(name)?.version;
            Some((format!("v{version}/{name}.yaml"), Arc::clone(text)))
        };
        let tests = made.tests.iter().map(|(name, file)| (format!("tests/{name}.yaml"), Arc::clone(&file.text)));
        let content = self.release(version)?.content();
        Some(Kept { version: version.clone(), content, files: made.texts.iter().filter_map(template).chain(tests).collect() })
    }
}

#[cfg(test)]
mod tests;
