//! Files of a prompts folder: read to be proposed, and put there when they are exported.

use anyhow::{Context as _, Result};
use domain::proposals::ProposedFile;
use planner::BadInput;
use std::path::{Path, PathBuf};

/// Puts files into a folder, all of them or none: each is written beside its place, and all are moved there once every one is.
pub(super) fn put(files: &[ProposedFile], out: &Path) -> Result<()> {
    let mut drafts: Vec<(PathBuf, PathBuf)> = Vec::new();
    let done = written(files, out, &mut drafts).and_then(|()| {
        for (draft, path) in &drafts {
            std::fs::rename(draft, path).with_context(|| format!("{} cannot be put in its place", path.display()))?;
            println!("{}", path.display());
        }
        Ok(())
    });
    // What was moved is not there any more, which is no fault.
    for (draft, _) in &drafts {
        drop(std::fs::remove_file(draft));
    }
    done
}

fn written(files: &[ProposedFile], out: &Path, drafts: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for file in files {
        let path = out.join(&file.path);
        let folder = path.parent().unwrap_or(out);
        std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        anyhow::ensure!(!path.is_dir(), "{} cannot be written: a folder stands there", path.display());
        let draft = path.with_extension("yaml.part");
        drafts.push((draft.clone(), path.clone()));
        std::fs::write(&draft, &file.text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// The files, each by its place in a prompts folder; a folder stands for all templates in it.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<ProposedFile>> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = || BadInput(format!("{} cannot be read", path.display()));
        if path.is_dir() {
            let entries = std::fs::read_dir(path).with_context(unreadable)?;
            let mut inside: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            inside.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
            inside.sort();
            if inside.is_empty() {
                return Err(BadInput(format!("{} has no .yaml files in it", path.display())).into());
            }
            files.extend(read(&inside)?);
        } else {
            let text = std::fs::read_to_string(path).map_err(|fault| BadInput(format!("{} cannot be read: {fault}", path.display())))?;
            files.push(ProposedFile { path: place(path)?, text });
        }
    }
    Ok(files)
}

/// The last two parts of a path: `v1.1.0/swot.yaml`.
fn place(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)?;
    let folder = absolute.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(format!("{folder}/{name}"))
}
