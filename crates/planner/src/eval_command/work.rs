//! The files of a run: the lines that are written while it goes on, and the results that are made from them.

use super::RunArgs;
use anyhow::{Context as _, Result, anyhow, bail};
use evals::{FIELDS, Format, JsonlSink, Summary, write_results};
use llm::Scrubber;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where the results of the run are while it goes on.
pub(super) struct Work {
    pub jsonl: PathBuf,
    /// Whether nobody asked for the file itself.
    temporary: bool,
    /// Takes keys out of what is written.
    pub scrubber: Scrubber,
}

impl Work {
    pub(super) fn begin(args: &RunArgs) -> Result<Self> {
        let at = |jsonl: PathBuf, temporary| Self { jsonl, temporary, scrubber: Scrubber::new(Vec::new()).keeping(FIELDS) };
        if let Some(file) = &args.resume {
            if !file.is_file() {
                bail!("--resume {}: there is no such file; give the JSONL of the run that was cut", file.display());
            }
            return Ok(at(file.clone(), false));
        }
        if let Some(file) = args.output.iter().find(|file| Format::of(file) == Some(Format::Jsonl)) {
            return Ok(at(file.clone(), false));
        }
        Ok(at(std::env::temp_dir().join(format!("planner-eval-{}.jsonl", uuid::Uuid::new_v4())), true))
    }

    /// The same, with these values in none of its files.
    pub(super) fn without(self, secrets: Vec<String>) -> Self {
        Self { scrubber: Scrubber::new(secrets).keeping(FIELDS), ..self }
    }

    pub(super) fn sink(&self, resumes: bool) -> Result<JsonlSink> {
        let made = if resumes { JsonlSink::append(&self.jsonl) } else { JsonlSink::create(&self.jsonl) };
        made.with_context(|| format!("the results {} cannot be written", self.jsonl.display()))
    }

    pub(super) fn interrupted(&self) -> anyhow::Error {
        anyhow!("interrupted; what was judged is in {0}; go on with the same command and --resume {0}", self.jsonl.display())
    }

    /// Makes every file that was asked for out of the lines of the run. A file that is there is replaced when the new one is whole.
    pub(super) fn write(&self, config: &evals::Config, summary: &Summary, outputs: &[PathBuf]) -> Result<()> {
        let (mut config, mut summary) = (config.clone(), summary.clone());
        config.raw = self.scrubber.value(config.raw);
        for metrics in &mut summary.prompts {
            (metrics.raw, metrics.label) = (self.scrubber.text(&metrics.raw), self.scrubber.text(&metrics.label));
        }
        for path in outputs.iter().filter(|path| !same(path, &self.jsonl)) {
            let made = self.make(&config, &summary, path);
            made.with_context(|| {
                format!("the results {} cannot be written; what was judged is in {}", path.display(), self.jsonl.display())
            })?;
            eprintln!("written to {}", path.display());
        }
        if self.temporary {
            // Nobody asked for it; what is left in the folder of temporary files does no harm.
            drop(std::fs::remove_file(&self.jsonl));
        }
        Ok(())
    }

    fn make(&self, config: &evals::Config, summary: &Summary, path: &Path) -> Result<()> {
        let format = Format::of(path).context("the form of the results is not known")?;
        let part = path.with_file_name(format!(".{}.part", uuid::Uuid::new_v4()));
        let written = (|| {
            let mut file = std::io::BufWriter::new(std::fs::File::create(&part)?);
            write_results(&self.jsonl, config, summary, format, &mut file)?;
            file.flush()?;
            std::fs::rename(&part, path)
        })();
        if written.is_err() {
            drop(std::fs::remove_file(&part));
        }
        Ok(written?)
    }
}

/// Whether two paths mean one file, however they are written.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

/// Whether results can be written there, before anything is asked.
pub(super) fn writable(path: &Path) -> Result<()> {
    if Format::of(path).is_none() {
        let known = ["json", "jsonl", "csv", "html", "junit.xml"].map(|ending| format!("results.{ending}"));
        let known = known.iter().filter(|name| Format::of(Path::new(name)).is_some()).map(String::as_str).collect::<Vec<_>>();
        bail!("--output {}: there is no such form of results; there are {}", path.display(), known.join(", "));
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => bail!("--output {}: the folder {} does not exist", path.display(), folder.display()),
        None => Ok(()),
    }
}

/// That no result is written onto a file the run reads or records into.
pub(super) fn onto_nothing(args: &RunArgs) -> Result<()> {
    let read = [&args.file, &args.tests, &args.assertions, &args.model_outputs, &args.record, &args.replay, &args.env_file];
    let mut read: Vec<&PathBuf> = read.into_iter().flatten().chain(&args.prompts).collect();
    read.extend(args.filters.filter_failing.iter().chain(&args.filters.filter_errors_only));
    for path in &args.output {
        if let Some(file) = read.iter().find(|file| same(path, file)) {
            bail!("--output {}: would be written onto {}, which this run reads; name another file", path.display(), file.display());
        }
    }
    Ok(())
}
