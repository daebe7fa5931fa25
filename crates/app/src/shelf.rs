//! The templates in use: the library with every release that was made here, and the release this process's environment points at.
//!
//! The store has the truth. A process looks at it several times a second, so that whatever is deployed or rolled back anywhere holds
//! everywhere at once; whoever is about to generate looks again if the last look is too long ago.

use crate::error::{Error, Result};
use domain::releases::{Deployment, Released};
use domain::roles::Environment;
use prompts::{Kept, LeftOut, Library, Release};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use store::{Stamp, Store, TeamTx};

/// How often a process looks whether something was deployed.
pub(crate) const LOOK: Duration = Duration::from_millis(250);
/// How old the last look may be when a generation begins.
const FRESH: Duration = Duration::from_millis(600);

/// After this the team is told again of what has not ended.
const AGAIN: Duration = Duration::from_mins(10);

/// What there is to tell the team: a warning, or that there is none any more.
#[derive(Clone)]
pub(crate) struct News(pub Option<String>);

/// What a process has in hand. Cheap to clone; clones see the same.
#[derive(Clone)]
pub struct Shelf {
    files: Arc<Library>,
    environment: Environment,
    pinned: Option<Version>,
    standing: Arc<RwLock<Standing>>,
    looking: Arc<tokio::sync::Mutex<()>>,
    told: Arc<RwLock<Option<Told>>>,
}

/// What the team was told of [`Shelf::warning`], and when.
type Told = (Option<String>, Instant);

#[derive(Clone)]
struct Standing {
    /// The files' library with every release that is kept and can be read.
    kept: Arc<Library>,
    /// The same as this process works with it.
    library: Arc<Library>,
    release: Arc<Release>,
    /// None before the first look.
    stamp: Option<Stamp>,
    looked: Instant,
    /// The content that was deployed, where it is not what the release has now.
    differs: bool,
    /// Releases that cannot be read.
    left_out: Arc<Vec<LeftOut>>,
    /// Why the release that should be in use is not.
    trouble: Option<String>,
    /// Whether one was in use that should have been: it stays in use while there is trouble.
    serves: bool,
}

/// What a look has found in the store.
struct Found {
    stamp: Stamp,
    looked: Instant,
    /// Every kept release, where one was added since the last look.
    kept: Option<Vec<Kept>>,
    deployed: Option<Deployment>,
    production: Option<Deployment>,
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
        let standing = Standing {
            kept: Arc::clone(&files),
            library: Arc::clone(&files),
            release: Arc::new(release),
            stamp: None,
            looked: Instant::now(),
            differs: false,
            left_out: Arc::default(),
            trouble: None,
            serves: false,
        };
        Ok(Self { files, environment, pinned, standing: Arc::new(RwLock::new(standing)), looking: Arc::default(), told: Arc::default() })
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

    /// Releases that were made from proposals and that this process cannot read.
    pub(crate) fn left_out(&self) -> Arc<Vec<LeftOut>> {
        self.read(|standing| Arc::clone(&standing.left_out))
    }

    /// Why the release that should be in use is not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.read(|standing| standing.trouble.clone())
    }

    /// What somebody has to look at: that what was deployed is not in use, or not as it was deployed.
    pub(crate) fn warning(&self) -> Option<String> {
        self.read(|standing| {
            let version = &standing.release.version;
            let differs = || format!("the files of {version} are not what they were when it was deployed; deploy a new version instead");
            standing.trouble.clone().or_else(|| standing.differs.then(differs))
        })
    }

    /// The library, and what it was put together from.
    pub(crate) fn seen(&self) -> (Arc<Library>, Option<Stamp>) {
        self.read(|standing| (Arc::clone(&standing.library), standing.stamp))
    }

    /// What the team does not know yet: the warning, or that there is none any more. What lasts is told again, because another process
    /// whose files are right may have taken it back.
    pub(crate) fn untold(&self) -> Option<News> {
        let now = self.warning();
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        let known = told.as_ref().is_some_and(|(told, at)| *told == now && (now.is_none() || at.elapsed() < AGAIN));
        (!known).then_some(News(now))
    }

    pub(crate) fn have_told(&self, News(told): News) {
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = Some((told, Instant::now()));
    }

    /// Looks now, whatever is known. That the release which should be in use cannot be had is no error of a look: it is told by
    /// [`Self::trouble`], and what was in use stays so.
    pub(crate) async fn look(&self, store: &Store) -> Result<()> {
        let _one_at_a_time = self.looking.lock().await;
        let looked = Instant::now();
        let stamp = store.stamp(self.environment).await?;
        if self.read(|standing| standing.stamp == Some(stamp)) {
            self.standing.write().unwrap_or_else(PoisonError::into_inner).looked = looked;
            return Ok(());
        }
        let found = self.find(store, stamp, looked).await?;
        // Templates are many texts to read and check: nobody else waits for that.
        let own = self.clone();
        let put_together = tokio::task::spawn_blocking(move || own.put_together(found));
        let fresh = put_together.await.map_err(|died| Error::Internal(died.to_string()))?;
        let (release, environment) = (fresh.release.version.clone(), self.environment.key());
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        match self.warning() {
            None => tracing::info!(%release, environment, "the release in use"),
            Some(warning) => tracing::error!(%release, environment, "{warning}"),
        }
        Ok(())
    }

    /// The same before something is generated, unless somebody looked a moment ago.
    pub(crate) async fn look_if_due(&self, store: &Store) -> Result<()> {
        if !self.read(|standing| standing.stamp.is_some() && standing.looked.elapsed() < FRESH) {
            self.look(store).await?;
        }
        self.read(|standing| match &standing.trouble {
            Some(trouble) if !standing.serves => Err(Error::Internal(trouble.clone())),
            _ => Ok(()),
        })
    }

    async fn find(&self, store: &Store, stamp: Stamp, looked: Instant) -> Result<Found> {
        let tx = store.team_read().await?;
        let known = self.read(|standing| standing.stamp.map(|before| before.release));
        let kept = if known == Some(stamp.release) { None } else { Some(kept(&tx, tx.releases().await?).await?) };
        let deployed = tx.deployments(self.environment, 1, None).await?.pop();
        let production = tx.deployments(Environment::Production, 1, None).await?.pop();
        Ok(Found { stamp, looked, kept, deployed, production })
    }

    fn put_together(&self, found: Found) -> Standing {
        let before = self.read(Standing::clone);
        let (kept, left_out) = match found.kept {
            None => (before.kept, before.left_out),
            Some(kept) => {
                let (library, left_out) = self.files.with_kept(&kept, &before.kept);
                for LeftOut { version, why } in &left_out {
                    tracing::error!(%version, %why, "this release cannot be read and is left out");
                }
                (Arc::new(library), Arc::new(left_out))
            }
        };
        let served = found.production.map_or_else(|| self.files.latest().version, |production| production.version);
        let wanted = self.pinned.clone().or_else(|| found.deployed.as_ref().map(|deployed| deployed.version.clone()));
        let (release, trouble) = match &wanted {
            None => (Arc::new(self.files.latest()), None),
            Some(version) => match named(&kept, version) {
                Some(release) => (Arc::new(release), None),
                None => (before.release, Some(self.missing(&kept, &left_out, version))),
            },
        };
        let differs = self.pinned.is_none() && trouble.is_none();
        let differs = differs && found.deployed.is_some_and(|deployed| deployed.content != release.content());
        let library = Arc::new(Library::clone(&kept).over(&served).fitting(&release));
        let in_use = before.serves || trouble.is_none();
        Standing { kept, library, release, stamp: Some(found.stamp), looked: found.looked, differs, left_out, trouble, serves: in_use }
    }

    fn missing(&self, library: &Library, left_out: &[LeftOut], version: &Version) -> String {
        let known: Vec<String> = library.releases().iter().map(ToString::to_string).collect();
        let (known, environment) = (known.join(", "), self.environment.key());
        let why = match left_out.iter().find(|one| one.version == *version) {
            Some(LeftOut { why, .. }) => format!("which this program cannot read ({why}); there are {known}"),
            None => format!("which is in no file and was not made here; there are {known}"),
        };
        if self.pinned.is_some() {
            return format!("PROMPT_VERSION is {version}, {why}");
        }
        format!(
            "{environment} points at the release {version}, {why}. Put its files back, take {environment} back with `planner prompts \
             rollback --in {environment}`, or set PROMPT_VERSION to one of these to start"
        )
    }
}

/// The release of exactly this version.
pub(crate) fn named(library: &Library, version: &Version) -> Option<Release> {
    library.release(version).filter(|_| library.releases().contains(version))
}

/// Releases with the texts of their files.
async fn kept(tx: &TeamTx, released: Vec<Released>) -> Result<Vec<Kept>> {
    let hashes: BTreeSet<&str> = released.iter().flat_map(|release| release.files.values()).map(String::as_str).collect();
    let texts = tx.release_texts(&hashes).await?;
    // Releases have most texts in common.
    let texts: BTreeMap<String, Arc<str>> = texts.into_iter().map(|(hash, text)| (hash, text.into())).collect();
    let with_texts = |release: Released| {
        let file = |(path, hash): (String, String)| (path, texts.get(&hash).cloned().unwrap_or_default());
        Kept { version: release.version, content: release.content, files: release.files.into_iter().map(file).collect() }
    };
    Ok(released.into_iter().map(with_texts).collect())
}
