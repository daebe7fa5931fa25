//! The templates in use: the library with every release that was made here, and the release this process's environment points at.
//!
//! The store has the truth. A process looks at it several times a second, so that whatever is deployed or rolled back anywhere holds
//! everywhere at once; whoever is about to generate looks again if the last look is too long ago.

use crate::error::{Error, Result};
use domain::ids::ProposalId;
use domain::releases::Released;
use domain::roles::Environment;
use prompts::{Library, Release, SourceFile};
use semver::Version;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use store::{Stamp, Store, TeamTx};

/// How often a process looks whether something was deployed.
pub(crate) const LOOK: Duration = Duration::from_millis(250);
/// How old the last look may be when a generation begins.
const FRESH: Duration = Duration::from_millis(600);

/// What a process has in hand. Cheap to clone; clones see the same.
#[derive(Clone)]
pub struct Shelf {
    files: Arc<Library>,
    environment: Environment,
    pinned: Option<Version>,
    standing: Arc<RwLock<Standing>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

struct Standing {
    library: Arc<Library>,
    release: Arc<Release>,
    /// None before the first look.
    stamp: Option<Stamp>,
    looked: Instant,
    /// The content that was deployed, where it is not what the release has now.
    differs: bool,
}

/// Why the release in use is the one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// `PROMPT_VERSION` says so, whatever is deployed.
    Pinned,
    /// It was deployed.
    Deployed,
    /// Nothing was deployed yet: it is the highest there is among the files.
    Highest,
}

impl Shelf {
    /// Over the library of files, for one environment. `pinned` is used whatever is deployed.
    ///
    /// # Errors
    /// When there is no release of the pinned version.
    pub fn new(files: Library, environment: Environment, pinned: Option<Version>) -> std::result::Result<Self, String> {
        let release = match &pinned {
            // It may be one that was made here, which is known after the first look only.
            Some(version) => files.release(version).unwrap_or_else(|| files.latest()),
            None => files.latest(),
        };
        if release.templates().next().is_none() {
            return Err("the template library has no templates".into());
        }
        let files = Arc::new(files);
        let standing =
            Standing { library: Arc::clone(&files), release: Arc::new(release), stamp: None, looked: Instant::now(), differs: false };
        Ok(Self { files, environment, pinned, standing: Arc::new(RwLock::new(standing)), looking: Arc::default() })
    }

    fn read<T>(&self, look: impl FnOnce(&Standing) -> T) -> T {
        look(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All templates: those of the files and those of releases that were made here.
    pub(crate) fn library(&self) -> Arc<Library> {
        self.read(|standing| Arc::clone(&standing.library))
    }

    /// The release in use.
    pub(crate) fn release(&self) -> Arc<Release> {
        self.read(|standing| Arc::clone(&standing.release))
    }

    /// The library without releases that were made here.
    pub(crate) fn files(&self) -> &Library {
        &self.files
    }

    /// The environment this process serves.
    pub(crate) const fn environment(&self) -> Environment {
        self.environment
    }

    /// Why the release in use is the one it is.
    pub(crate) fn chosen(&self) -> Chosen {
        let deployed = self.read(|standing| standing.stamp.is_some_and(|stamp| stamp.deployment.is_some()));
        match (&self.pinned, deployed) {
            (Some(_), _) => Chosen::Pinned,
            (None, true) => Chosen::Deployed,
            (None, false) => Chosen::Highest,
        }
    }

    /// Whether the release has other content by now than the one that was deployed: somebody changed its files.
    pub(crate) fn differs(&self) -> bool {
        self.read(|standing| standing.differs)
    }

    /// Looks now, whatever is known.
    pub(crate) async fn look(&self, store: &Store) -> Result<()> {
        let _one_at_a_time = self.looking.lock().await;
        let asked = Instant::now();
        let stamp = store.stamp(self.environment).await?;
        if self.read(|standing| standing.stamp == Some(stamp)) {
            self.standing.write().unwrap_or_else(PoisonError::into_inner).looked = asked;
            return Ok(());
        }
        let fresh = self.load(store, stamp, asked).await?;
        tracing::info!(release = %fresh.release.version, environment = self.environment.key(), "the release in use");
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The same, unless somebody looked a moment ago.
    pub(crate) async fn look_if_due(&self, store: &Store) -> Result<()> {
        if self.read(|standing| standing.stamp.is_some() && standing.looked.elapsed() < FRESH) { Ok(()) } else { self.look(store).await }
    }

    async fn load(&self, store: &Store, stamp: Stamp, looked: Instant) -> Result<Standing> {
        let tx = store.team_read().await?;
        let library = Arc::new(library(&tx, &self.files).await?);
        let deployed = tx.deployments(self.environment, 1, None).await?.pop();
        let wanted = self.pinned.clone().or_else(|| deployed.as_ref().map(|deployed| deployed.version.clone()));
        let release = match &wanted {
            None => self.files.latest(),
            Some(version) => named(&library, version).ok_or_else(|| self.missing(&library, version))?,
        };
        let differs = self.pinned.is_none() && deployed.is_some_and(|deployed| deployed.content != release.content());
        if differs {
            let version = &release.version;
            tracing::warn!(%version, "the files of this release are not what they were when it was deployed; deploy a new version instead");
        }
        Ok(Standing { library, release: Arc::new(release), stamp: Some(stamp), looked, differs })
    }

    fn missing(&self, library: &Library, version: &Version) -> Error {
        let known: Vec<String> = library.releases().iter().map(ToString::to_string).collect();
        let (known, environment) = (known.join(", "), self.environment.key());
        Error::Internal(if self.pinned.is_some() {
            format!("PROMPT_VERSION {version} is not in the library; there are {known}")
        } else {
            format!(
                "{environment} points at the release {version}, which is in no file and was not made here; there are {known}. Put its \
                 files back, or set PROMPT_VERSION to one of these to start"
            )
        })
    }
}

/// The release of exactly this version.
pub(crate) fn named(library: &Library, version: &Version) -> Option<Release> {
    library.release(version).filter(|_| library.releases().contains(version))
}

/// The files' library with everything that was released here, oldest first.
pub(crate) async fn library(tx: &TeamTx, files: &Library) -> Result<Library> {
    let mut more = Vec::new();
    let mut released = tx.releases().await?;
    released.reverse();
    for Released { proposal, revision, .. } in released {
        more.extend(sources(tx, proposal, revision).await?);
    }
    if more.is_empty() {
        return Ok(files.clone());
    }
    files.with(&more).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Error::Internal(format!("the releases made here do not go with the library's files any more:\n{}", faults.join("\n")))
    })
}

/// The files of a proposal's revision, as the library takes them.
async fn sources(tx: &TeamTx, id: ProposalId, revision: u32) -> Result<Vec<SourceFile>> {
    let files = tx.files(id, revision).await?;
    let read = files.into_iter().map(|file| SourceFile::at(&file.path, file.text));
    read.collect::<std::result::Result<_, _>>()
        .map_err(|fault| Error::Internal(format!("a release that was made here has a fault: {fault}")))
}
